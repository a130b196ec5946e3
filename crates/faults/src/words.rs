//! The words of a script.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use crate::text::{Parsed, ScriptError};

#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) column: usize,
    pub(crate) quoted: bool,
}

impl Word {
    pub(crate) fn error(&self, problem: impl fmt::Display) -> ScriptError {
        ScriptError { column: self.column, problem: problem.to_string() }
    }
}

/// The words of each rule.
pub(crate) fn split(text: &str) -> Parsed<Vec<Vec<Word>>> {
    let mut rules = vec![Vec::new()];
    let mut chars = text.chars().peekable();
    let mut column = 1;
    while let Some(&next) = chars.peek() {
        if next == ';' || next == '\n' {
            rules.push(Vec::new());
        }
        if next == ';' || next.is_whitespace() {
            chars.next();
            column += 1;
            continue;
        }
        let word = read_word(&mut chars, &mut column)?;
        if let Some(rule) = rules.last_mut() {
            rule.push(word);
        }
    }
    Ok(rules)
}

fn read_word(chars: &mut Peekable<Chars<'_>>, column: &mut usize) -> Parsed<Word> {
    let mut word = Word { text: String::new(), column: *column, quoted: chars.peek() == Some(&'"') };
    let mut inside = false;
    while let Some(&next) = chars.peek() {
        if !inside && (next.is_whitespace() || next == ';') {
            return Ok(word);
        }
        chars.next();
        *column += 1;
        match next {
            '"' => inside = !inside,
            '\\' if inside => {
                word.text.extend(chars.next());
                *column += 1;
            }
            other => word.text.push(other),
        }
    }
    if inside { Err(word.error("a quote is opened here and never closed")) } else { Ok(word) }
}
