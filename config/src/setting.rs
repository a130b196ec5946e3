//! From untyped nodes to typed values.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::braces;
use crate::doors::check_url;
use crate::environment::Environment;
use crate::error::suggestion;
use crate::expansion::{expand_path, expand_variables};
use crate::origin::Origin;
use crate::quantity::{parse_duration, parse_size, show_duration, show_size};
use crate::secret::Secret;
use crate::tree::{Node, Value, parse_value};

/// Why a node is no value of the type, and where.
pub(crate) struct Invalid {
    pub(crate) origin: Origin,
    pub(crate) reason: String,
}

impl Node {
    pub(crate) fn invalid(&self, reason: impl Into<String>) -> Invalid {
        Invalid { origin: self.origin.clone(), reason: reason.into() }
    }

    fn expected(&self, what: &str) -> Invalid {
        self.invalid(format!("it is {what}, not {}", self.type_name()))
    }

    fn text_or(&self, expected: &str) -> Result<&str, Invalid> {
        self.text().ok_or_else(|| self.expected(expected))
    }

    /// The elements of an array. An untyped text is a TOML array in brackets, or elements between commas.
    fn elements(&self, expected: &str) -> Result<Vec<Self>, Invalid> {
        match &self.value {
            Value::Array(nodes) => Ok(nodes.clone()),
            Value::Untyped(text) if text.trim_start().starts_with('[') => {
                let array = parse_value(text.trim(), &self.origin).map_err(|error| self.invalid(error.problem))?;
                array.elements(expected)
            }
            Value::Untyped(text) => Ok(braces::split_list(text).map(|part| self.untyped(part)).collect()),
            _ => Err(self.expected(expected)),
        }
    }

    fn untyped(&self, text: &str) -> Self {
        Self { value: Value::Untyped(text.to_owned()), origin: self.origin.clone() }
    }
}

/// A type that an option can have.
pub(crate) trait Setting: Sized {
    /// Whether a file that holds it should be private.
    const IS_SECRET: bool = false;

    fn read(node: &Node, environment: &Environment) -> Result<Self, Invalid>;

    /// The value as `law.toml` would say it, secrets as `***`.
    fn shown(&self) -> String;
}

/// A TOML basic string, always on one line.
pub(crate) fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

impl Setting for String {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        Ok(node.text_or("a string")?.to_owned())
    }

    fn shown(&self) -> String {
        quoted(self)
    }
}

impl Setting for Secret {
    const IS_SECRET: bool = true;

    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        Ok(Self::new(node.text_or("a string")?))
    }

    fn shown(&self) -> String {
        "***".to_owned()
    }
}

impl Setting for u32 {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        let number = match &node.value {
            Value::Integer(number) => Self::try_from(*number).ok(),
            Value::Untyped(text) => text.trim().parse().ok(),
            _ => return Err(node.expected("a whole number without quotes")),
        };
        number.ok_or_else(|| node.invalid(format!("it is a whole number from 0 to {}", Self::MAX)))
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        match &node.value {
            Value::Boolean(value) => Ok(*value),
            Value::Untyped(text) => text.trim().parse().map_err(|_| node.invalid("it is true or false")),
            _ => Err(node.expected("true or false without quotes")),
        }
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Setting for Duration {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        let text = node.text_or("a duration in quotes such as \"20s\"")?;
        parse_duration(text).map_err(|reason| node.invalid(reason))
    }

    fn shown(&self) -> String {
        quoted(&show_duration(*self))
    }
}

/// A number of bytes.
#[derive(Clone, Copy)]
pub(crate) struct Size(pub(crate) u64);

impl Setting for Size {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        if let Value::Integer(number) = &node.value {
            return u64::try_from(*number).map(Self).map_err(|_| node.invalid("a size is not negative"));
        }
        let text = node.text_or("a size in quotes such as \"200G\"")?;
        parse_size(text).map(Self).map_err(|reason| node.invalid(reason))
    }

    fn shown(&self) -> String {
        quoted(&show_size(self.0))
    }
}

/// A local path: expanded, and absolute.
impl Setting for PathBuf {
    fn read(node: &Node, environment: &Environment) -> Result<Self, Invalid> {
        let text = node.text_or("a path in quotes")?;
        let path = expand_path(text, environment).map_err(|reason| node.invalid(reason))?;
        if path.is_empty() || path.contains('\0') {
            return Err(node.invalid("a path is not empty and has no NUL"));
        }
        let beside = node.origin.file().and_then(|file| file.path.parent());
        Ok(beside.unwrap_or(&environment.working_directory).join(Path::new(&path)))
    }

    fn shown(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

/// An absolute path on a storage, in which variables are expanded.
pub(crate) struct RemotePath(pub(crate) String);

impl Setting for RemotePath {
    fn read(node: &Node, environment: &Environment) -> Result<Self, Invalid> {
        let text = node.text_or("a path in quotes")?;
        let path = expand_variables(text, environment).map_err(|reason| node.invalid(reason))?;
        if path.contains("://") {
            return Err(node.invalid(format!("{path:?} is a URL: its scheme and host are a door, doors = [\"...\"]")));
        }
        if !path.starts_with('/') || path.contains('\0') {
            return Err(node.invalid(format!("{path:?} is no absolute path: it begins with / and has no NUL")));
        }
        Ok(Self(path))
    }

    fn shown(&self) -> String {
        quoted(&self.0)
    }
}

/// The address of a service.
pub(crate) struct Address(pub(crate) String);

impl Setting for Address {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        let text = node.text_or("a URL in quotes")?;
        check_url(text).map_err(|reason| node.invalid(reason))?;
        Ok(Self(text.to_owned()))
    }

    fn shown(&self) -> String {
        quoted(&self.0)
    }
}

/// A choice of a few words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    const ALL: &'static [(&'static str, Self)];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}

impl<W: Word> Setting for W {
    fn read(node: &Node, _: &Environment) -> Result<Self, Invalid> {
        let words = || W::ALL.iter().map(|(word, _)| *word);
        let text = node.text().ok_or_else(|| node.expected(&words().map(quoted).collect::<Vec<_>>().join(" or ")))?;
        let found = W::ALL.iter().find(|(word, _)| *word == text.trim());
        let unknown = || node.invalid(format!("{text:?} is not one of its values: {}", suggestion(text, words())));
        found.map(|(_, value)| *value).ok_or_else(unknown)
    }

    fn shown(&self) -> String {
        quoted(self.word())
    }
}

/// A type that stands in lists.
pub(crate) trait Element: Sized {
    /// What the list is, with an example.
    const LIST: &'static str;

    /// One element may stand for several values.
    fn read_element(node: &Node, environment: &Environment) -> Result<Vec<Self>, Invalid>;

    fn shown_element(&self) -> String;
}

impl<W: Word> Element for W {
    const LIST: &'static str = "an array of words such as [\"word\", \"word\"]";

    fn read_element(node: &Node, environment: &Environment) -> Result<Vec<Self>, Invalid> {
        W::read(node, environment).map(|word| vec![word])
    }

    fn shown_element(&self) -> String {
        self.shown()
    }
}

impl<E: Element> Setting for Vec<E> {
    fn read(node: &Node, environment: &Environment) -> Result<Self, Invalid> {
        let elements = node.elements(E::LIST)?;
        let values = elements.iter().map(|element| E::read_element(element, environment));
        Ok(values.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn shown(&self) -> String {
        format!("[{}]", self.iter().map(E::shown_element).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_toml_on_one_line() {
        for text in ["", "plain", "a\"b\\c", "line\nbreak\u{7f}\u{85}\0", "\u{e9}\u{1f980}"] {
            let toml = quoted(text);
            assert!(!toml.contains('\n'));
            assert_eq!(parse_value(&toml, &Origin::CommandLine).ok().unwrap().text(), Some(text));
        }
    }
}
