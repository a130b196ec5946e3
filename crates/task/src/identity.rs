//! The name of one task with its parameters, as luigi writes it.

use std::fmt;

use md5::{Digest as _, Md5};

use crate::work::Work;

/// So many parameters are in a name, so many characters of each, and so many of the checksum (`luigi.task`).
const SHOWN: usize = 3;
const LETTERS: usize = 16;
const HASH: usize = 10;

/// What tells a task from all others: its family, and its significant parameters.
///
/// The text is luigi's: the family, the values of the first three parameters in the order of their names, and the beginning of the MD5 of all of them as
/// JSON. What was made by tasks of luigi or law is found again under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(String);

impl TaskId {
    /// The name of a task with these significant parameters, each as its text.
    pub fn new<'a>(family: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut parameters: Vec<(&str, &str)> = parameters.into_iter().collect();
        parameters.sort_unstable();
        let shown = parameters.iter().take(SHOWN).map(|(_, value)| plain(value)).collect::<Vec<_>>().join("_");
        let hash = format!("{:x}", HexOf(&Md5::digest(json(&parameters))));
        Self(format!("{family}_{shown}_{}", &hash[..HASH]))
    }

    /// The name of a task of any kind.
    pub fn of(work: &dyn Work) -> Self {
        let (values, parameters) = (work.values(), work.parameters());
        let significant = parameters.iter().filter(|known| known.significant);
        Self::new(work.family(), significant.filter_map(|known| Some((known.name.as_str(), values.get(&known.name)?))))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct HexOf<'a>(&'a [u8]);

impl fmt::LowerHex for HexOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The beginning of a value, with nothing that a file name could not have.
fn plain(value: &str) -> String {
    let kept = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    value.chars().take(LETTERS).map(kept).collect()
}

/// As Python's `json.dumps(..., separators=(",", ":"), sort_keys=True)` writes it.
fn json(parameters: &[(&str, &str)]) -> String {
    let members = parameters.iter().map(|(name, value)| format!("{}:{}", ascii(name), ascii(value)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A JSON string of ASCII alone.
fn ascii(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            '\u{8}' => out += "\\b",
            '\u{c}' => out += "\\f",
            ' '..='~' => out.push(letter),
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
            }
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was printed by luigi 3.8.1.
    #[test]
    fn it_is_what_luigi_writes() {
        let id = |family: &str, parameters: &[(&str, &str)]| TaskId::new(family, parameters.iter().copied()).0;
        assert_eq!(id("SandboxExample", &[]), "SandboxExample__99914b932b");
        assert_eq!(id("TimesTwo", &[("n", "5"), ("version", "v1")]), "TimesTwo_5_v1_fed0e35963");
        let many = [("delta", "4"), ("alpha", "a value with blanks, and more"), ("charlie", "3.0"), ("bravo", "x/y")];
        assert_eq!(id("ns.Many", &many), "ns.Many_a_value_with_bla_x_y_3_0_9be76b6bde");
        let odd = [("text", "\u{20ac} \u{1f600} \"q\" \\ \n\t\u{7f}\u{1}")];
        assert_eq!(id("Odd", &odd), "Odd______q_________11fd9903d9");
    }
}
