//! Texts with `{names}` in them.

use std::collections::BTreeSet;
use std::fmt;

/// A text in which names in braces stand for values; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrongTemplate(pub(crate) String);

impl fmt::Display for WrongTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, WrongTemplate> {
        let mut parts = vec![Part::Text(String::new())];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.next_if_eq(&letter).is_some() => push(&mut parts, letter),
                '{' => {
                    let (name, rest) = rest_of(&mut letters);
                    if !rest {
                        return Err(WrongTemplate(format!(
                            "a brace is not closed in {text:?}: write {{{{ for a brace"
                        )));
                    }
                    parts.push(Part::Name(checked(name, text)?));
                }
                '}' => {
                    return Err(WrongTemplate(format!(
                        "a brace is closed in {text:?} that was not opened: write }}}} for a brace"
                    )));
                }
                other => push(&mut parts, other),
            }
        }
        Ok(Self(parts))
    }

    /// The names in it.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let names = self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        });
        names.collect()
    }

    /// The text with what each name stands for.
    pub(crate) fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, WrongTemplate> {
        let filled = self.0.iter().map(|part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Name(name) => value(name).ok_or_else(|| WrongTemplate(format!("{{{name}}} is not known"))),
        });
        filled.collect()
    }
}

/// What stands before the closing brace, and whether there is one.
fn rest_of(letters: &mut impl Iterator<Item = char>) -> (String, bool) {
    let mut name = String::new();
    for letter in letters {
        if letter == '}' {
            return (name, true);
        }
        name.push(letter);
    }
    (name, false)
}

fn push(parts: &mut Vec<Part>, letter: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(letter),
        _ => parts.push(Part::Text(letter.into())),
    }
}

fn checked(name: String, text: &str) -> Result<String, WrongTemplate> {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(WrongTemplate(format!("{{{name}}} in {text:?} is no name: write {{{{ and }}}} for braces")));
    }
    Ok(name)
}

/// A value as one word of a shell's command line.
pub fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        return value.into();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let value = |name: &str| (name == "n").then(|| "5".into());
        Template::parse(text).and_then(|template| template.fill(value)).map_err(|wrong| wrong.0)
    }

    #[test]
    fn names_stand_for_values_and_double_braces_for_braces() {
        assert_eq!(filled("a_{n}.json").unwrap(), "a_5.json");
        assert_eq!(filled("{n}{n}").unwrap(), "55");
        assert_eq!(filled(r#"jq '{{"n": {n}}}'"#).unwrap(), r#"jq '{"n": 5}'"#);
        assert_eq!(filled("").unwrap(), "");
        for bad in ["{", "}", "{}", "{a b}", "x{m}", "{n"] {
            assert!(filled(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_is_one_word() {
        for (value, word) in [
            ("a/b.json", "a/b.json"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
        ] {
            assert_eq!(quoted(value), word);
        }
    }
}
