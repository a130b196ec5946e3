//! The literals of Python that stand in the header of an npy file.

use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

use crate::{Error, Result};

/// A Python literal: what `ast.literal_eval` makes of text, as far as NumPy writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    Boolean(bool),
    None,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dictionary(Vec<(Literal, Literal)>),
}

/// Descriptions of structured types nest a little; text that nests more is hostile.
const DEEPEST: usize = 16;

impl Literal {
    /// Reads one literal, with nothing but white space around it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, rest: text.char_indices().peekable(), depth: 0 };
        let literal = parser.literal()?;
        match parser.peek() {
            None => Ok(literal),
            Some(_) => Err(parser.unexpected("the end")),
        }
    }
}

/// As Python's `repr` writes it, but for rare escapes.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.escape_debug()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(true) => f.write_str("True"),
            Self::Boolean(false) => f.write_str("False"),
            Self::None => f.write_str("None"),
            Self::Tuple(items) if items.len() == 1 => write!(f, "({},)", items[0]),
            Self::Tuple(items) => write!(f, "({})", separated(items)),
            Self::List(items) => write!(f, "[{}]", separated(items)),
            Self::Dictionary(items) => {
                let items: Vec<String> = items.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", items.join(", "))
            }
        }
    }
}

fn separated(items: &[Literal]) -> String {
    let items: Vec<String> = items.iter().map(Literal::to_string).collect();
    items.join(", ")
}

struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn unexpected(&mut self, expected: &str) -> Error {
        match self.rest.peek() {
            Some((offset, found)) => {
                Error::malformed(format!("header: {found:?} at {offset}, where {expected} should be"))
            }
            None => Error::malformed(format!("header: it ends where {expected} should be")),
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        while self.rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        self.rest.peek().map(|(_, c)| *c)
    }

    fn take(&mut self, wanted: char) -> bool {
        self.peek() == Some(wanted) && self.rest.next().is_some()
    }

    fn literal(&mut self) -> Result<Literal> {
        match self.peek() {
            Some('(') => self.nested(Self::tuple),
            Some('[') => self.nested(|parser| Ok(Literal::List(parser.items(']', Self::literal)?.0))),
            Some('{') => self.nested(|parser| Ok(Literal::Dictionary(parser.items('}', Self::entry)?.0))),
            Some('\'' | '"') => self.string(),
            Some('-' | '0'..='9') => self.integer(),
            Some(c) if c.is_ascii_alphabetic() => self.word(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<Literal>) -> Result<Literal> {
        if self.depth == DEEPEST {
            return Err(Error::malformed("header: nested too deeply"));
        }
        self.rest.next();
        self.depth += 1;
        let literal = inner(self);
        self.depth -= 1;
        literal
    }

    /// `(1, 2)`, `(1,)`, `()`; but `(1)` is 1.
    fn tuple(&mut self) -> Result<Literal> {
        let (mut items, comma) = self.items(')', Self::literal)?;
        match items.len() {
            1 if !comma => Ok(items.remove(0)),
            _ => Ok(Literal::Tuple(items)),
        }
    }

    /// Items up to `end`, and whether a comma stood behind the last one.
    fn items<T>(&mut self, end: char, item: impl Fn(&mut Self) -> Result<T>) -> Result<(Vec<T>, bool)> {
        let (mut items, mut comma) = (Vec::new(), true);
        while !self.take(end) {
            if !comma {
                return Err(self.unexpected("a comma"));
            }
            items.push(item(self)?);
            comma = self.take(',');
        }
        Ok((items, comma))
    }

    fn entry(&mut self) -> Result<(Literal, Literal)> {
        let key = self.literal()?;
        if !self.take(':') {
            return Err(self.unexpected("a colon"));
        }
        Ok((key, self.literal()?))
    }

    fn word(&mut self) -> Result<Literal> {
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        match (word, self.rest.peek()) {
            ("True", _) => Ok(Literal::Boolean(true)),
            ("False", _) => Ok(Literal::Boolean(false)),
            ("None", _) => Ok(Literal::None),
            // Strings of Python 2 and of bytes.
            ("u" | "b", Some((_, '\'' | '"'))) => self.string(),
            (word, _) => Err(Error::malformed(format!("header: unknown word {word:?}"))),
        }
    }

    fn integer(&mut self) -> Result<Literal> {
        let sign = if self.take('-') { "-" } else { "" };
        let digits = self.take_while(|c| c.is_ascii_digit());
        // Python 2 wrote `3L`.
        self.rest.next_if(|(_, c)| *c == 'L');
        let number = format!("{sign}{digits}").parse();
        Ok(Literal::Integer(number.map_err(|_| Error::malformed(format!("header: no number: {sign}{digits}")))?))
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.offset();
        while self.rest.next_if(|(_, c)| wanted(*c)).is_some() {}
        let end = self.offset();
        self.text.get(start..end).unwrap_or_default()
    }

    fn offset(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn string(&mut self) -> Result<Literal> {
        let quote = self.rest.next().map(|(_, c)| c);
        let mut text = String::new();
        loop {
            match self.rest.next().map(|(_, c)| c) {
                None => return Err(self.unexpected("a quote")),
                Some('\\') => text.push(self.escape()?),
                end if end == quote => return Ok(Literal::Text(text)),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let digits = match self.rest.next().map(|(_, c)| c) {
            Some(c @ ('\\' | '\'' | '"')) => return Ok(c),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err(Error::malformed("header: unknown escape in a string")),
        };
        let code = (0..digits).try_fold(0u32, |code, _| Some(code << 4 | self.rest.next()?.1.to_digit(16)?));
        code.and_then(char::from_u32).ok_or_else(|| Error::malformed("header: broken escape in a string"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_numpy_writes_comes_back_as_python_shows_it() {
        for text in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)}",
            "[('x', '<f4'), ('y', '|O', (2,)), ('', '|V4')]",
            "(1,)",
            "()",
            "[]",
            "{}",
            "-9223372036854775808",
            "None",
        ] {
            assert_eq!(Literal::parse(&format!(" {text} \n")).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_spellings_of_python() {
        for (text, expected) in [
            ("(3L, 4L,)", "(3, 4)"),
            ("(3)", "3"),
            ("u'a'", "'a'"),
            ("[ 1 ,2, ]", "[1, 2]"),
            (r#""it's""#, r"'it\'s'"),
            (r"'\x41\u03bc\U0001f600\\'", "'A\u{3bc}\u{1f600}\\\\'"),
        ] {
            assert_eq!(Literal::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_literal() {
        let deep = "(".repeat(100_000);
        for text in [
            "",
            "(",
            "(,)",
            "(1 2)",
            "{1}",
            "{1:}",
            "'a",
            r"'\q'",
            r"'\ud800'",
            "1 2",
            "x",
            "99999999999999999999",
            "-",
            &deep,
        ] {
            assert!(Literal::parse(text).is_err(), "{text:.20}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"[\[\](){}'"\\,: a-zA-Z0-9\u{e9}-]{0,60}"#) {
            if let Ok(literal) = Literal::parse(&text) {
                prop_assert_eq!(Literal::parse(&literal.to_string()).unwrap(), literal);
            }
        }
    }
}
