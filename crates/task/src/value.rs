//! What a parameter can be: read from text, and written as luigi writes it, so that the names of tasks agree.

mod list;
mod ranges;
mod size;
mod time;

use std::path::PathBuf;

pub use ranges::Ranges;
pub use size::Size;

/// A type of parameters.
///
/// `parse(serialize(x))` is `x` again, for every value.
pub trait Value: Clone + Send + Sync + 'static {
    /// What it is in words, with an article: "a whole number".
    fn kind() -> String;

    /// What could be typed for it.
    fn example() -> String;

    /// Reads what was typed. None if it is no such value: whoever asks says so, with the kind and the example.
    fn parse(text: &str) -> Option<Self>;

    /// The text that is in the name of a task.
    fn serialize(&self) -> String;

    /// The only texts that are allowed, where there are few.
    fn choices() -> Option<&'static [&'static str]> {
        None
    }

    /// What an option without a value stands for: `--flag` is true.
    fn implied() -> Option<&'static str> {
        None
    }
}

macro_rules! whole_numbers {
    ($($number:ty: $kind:literal),*) => {$(
        impl Value for $number {
            fn kind() -> String {
                $kind.into()
            }

            fn example() -> String {
                "5".into()
            }

            fn parse(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }

            fn serialize(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers!(
    i64: "a whole number", i32: "a whole number of 32 bits", u64: "a whole number from 0", u32: "a whole number from 0, of 32 bits",
    u16: "a whole number from 0 to 65535", u8: "a whole number from 0 to 255", usize: "a whole number from 0"
);

impl Value for f64 {
    fn kind() -> String {
        "a number".into()
    }

    fn example() -> String {
        "0.5".into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn serialize(&self) -> String {
        python_float(*self)
    }
}

/// As Python's `repr` writes it: the shortest digits that give the number again, with an exponent below 1e-4 and from 1e16.
fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
}

impl Value for bool {
    fn kind() -> String {
        "true or false".into()
    }

    fn example() -> String {
        "true".into()
    }

    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        }
    }

    fn serialize(&self) -> String {
        if *self { "True".into() } else { "False".into() }
    }

    fn implied() -> Option<&'static str> {
        Some("True")
    }
}

impl Value for String {
    fn kind() -> String {
        "a text".into()
    }

    fn example() -> String {
        "v1".into()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn serialize(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    fn kind() -> String {
        "a path".into()
    }

    fn example() -> String {
        "data/input.root".into()
    }

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }

    fn serialize(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// Nothing is an empty text.
impl<T: Value> Value for Option<T> {
    fn kind() -> String {
        format!("{}, or nothing", T::kind())
    }

    fn example() -> String {
        T::example()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }

    fn serialize(&self) -> String {
        self.as_ref().map(T::serialize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again<T: Value + PartialEq + std::fmt::Debug>(values: impl IntoIterator<Item = (T, &'static str)>) {
        for (value, text) in values {
            assert_eq!(value.serialize(), text);
            assert_eq!(T::parse(text).as_ref(), Some(&value), "{text}");
        }
    }

    /// Each was printed by luigi 3.8.1.
    #[test]
    fn numbers_are_written_as_python_does() {
        again([(1.0, "1.0"), (1e16, "1e+16"), (1e-5, "1e-05"), (0.1, "0.1"), (1e22, "1e+22")]);
        again([
            (123456789012345680.0, "1.2345678901234568e+17"),
            (f64::INFINITY, "inf"),
            (1e-4, "0.0001"),
            (5e-324, "5e-324"),
        ]);
        assert_eq!(f64::NAN.serialize(), "nan");
        again([(-5_i64, "-5"), (i64::MAX, "9223372036854775807")]);
        again([(true, "True"), (false, "False")]);
    }

    #[test]
    fn what_is_no_value_is_none() {
        assert_eq!(i64::parse("abc"), None);
        assert_eq!(u8::parse("256"), None);
        assert_eq!(u64::parse("-1"), None);
        assert_eq!(f64::parse("1,5"), None);
        assert_eq!(bool::parse("perhaps"), None);
        assert_eq!(PathBuf::parse(""), None);
    }

    #[test]
    fn nothing_is_an_empty_text() {
        again([(Some(3_i64), "3"), (None, "")]);
        again([(Some(String::from("a")), "a"), (None, "")]);
    }
}
