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

    /// A line for a shell, in which each value is one word.
    pub(crate) fn fill_line(&self, words: impl Fn(&str) -> Option<Vec<String>>) -> Result<String, WrongTemplate> {
        let mut line = String::new();
        for (place, part) in self.0.iter().enumerate() {
            let name = match part {
                Part::Text(text) => {
                    line += text;
                    continue;
                }
                Part::Name(name) => name,
            };
            let words = words(name).ok_or_else(|| WrongTemplate(format!("{{{name}}} is not known")))?;
            // A number before `>` would say which descriptor is meant.
            let redirects = |next: &Part| matches!(next, Part::Text(text) if text.starts_with(['<', '>']));
            let word = if self.0.get(place + 1).is_some_and(redirects) { in_quotes } else { quoted };
            line += &words.iter().map(|value| word(value)).collect::<Vec<_>>().join(" ");
        }
        Ok(line)
    }

    /// The first name that stands within quotes of a shell.
    pub(crate) fn quoted_name(&self) -> Option<&str> {
        let mut open = None;
        for part in &self.0 {
            match part {
                Part::Name(name) if open.is_some() => return Some(name),
                Part::Name(_) => {}
                Part::Text(text) => open = open_quote(text, open),
            }
        }
        None
    }

    /// The name, if nothing stands beside it.
    pub(crate) fn only_name(&self) -> Option<&str> {
        let mut parts = self.0.iter().filter(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        match (parts.next(), parts.next()) {
            (Some(Part::Name(name)), None) => Some(name),
            _ => None,
        }
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

/// The quote that is open behind a text of a shell, if `open` was before it.
fn open_quote(text: &str, mut open: Option<char>) -> Option<char> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (open, letter) {
            (Some('\''), '\'') | (Some('"'), '"') => open = None,
            (None | Some('"'), '\\') => drop(letters.next()),
            (None, '\'' | '"') => open = Some(letter),
            // A comment ends with its line, and its quotes are none; what is in `$(...)` within quotes is looked at as if it were not.
            _ => {}
        }
    }
    open
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
    in_quotes(value)
}

/// The same with quotes in any case: what stands beside it, such as `>`, has no meaning for it.
fn in_quotes(value: &str) -> String {
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
    fn names_in_quotes_are_seen() {
        let seen = |text: &str| Template::parse(text).unwrap().quoted_name().map(str::to_owned);
        for text in ["echo {n}", "echo 'a' {n} \"b\"", r"echo \' {n}", r#"echo "\"" {n}"#, "awk '{{print}}' {n}"] {
            assert_eq!(seen(text), None, "{text}");
        }
        for text in ["echo 'v={n}'", "echo \"v={n}\"", "echo 'it' 'is {n}", r#"echo "\" {n}""#] {
            assert_eq!(seen(text).as_deref(), Some("n"), "{text}");
        }
    }

    #[test]
    fn a_number_before_an_arrow_is_no_descriptor() {
        let line =
            |text: &str| Template::parse(text).unwrap().fill_line(|_| Some(vec!["2".into(), "a b".into()])).unwrap();
        assert_eq!(line("echo {n} > x"), "echo 2 'a b' > x");
        assert_eq!(line("echo {n}> x"), "echo '2' 'a b'> x");
        assert_eq!(line("echo $((1 + {n}))"), "echo $((1 + 2 'a b'))");
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
