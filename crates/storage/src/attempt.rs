//! What was tried before an error was told, and whether it happened all the same.

use std::fmt;
use std::time::Duration;

use crate::Receipt;

/// One try that failed, for the history of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint that was asked, without secrets.
    pub door: String,
    /// How long the try took, with the wait before it.
    pub elapsed: Duration,
    /// Why it failed, in a few words.
    pub reason: String,
}

/// Whether what failed may have happened all the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It did not happen, or changes nothing.
    #[default]
    NotDone,
    /// The request may have been acted on: nobody knows before somebody looks.
    Unknown,
    /// As [`Unknown`](Self::Unknown), for a file whose bytes were all sent: this is its receipt if it was published.
    UnknownAfter(Box<Receipt>),
}

impl Outcome {
    /// What an error about a file that may have been published says to be left.
    pub const UNSURE: &'static str = "the new content may or may not have been published";

    /// Whether somebody must look.
    pub fn is_unknown(&self) -> bool {
        *self != Self::NotDone
    }
}

/// What was tried, in a few words: `tried 4 times in 1.4 s` where there is one door, otherwise
/// `tried door1 (cannot connect to), door2 (no answer came for 5 s; twice) in 3.2 s`.
pub(crate) struct History<'a>(pub(crate) &'a [Attempt], pub(crate) Duration);

impl fmt::Display for History<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut doors: Vec<&str> = Vec::new();
        for attempt in self.0 {
            if !doors.contains(&attempt.door.as_str()) {
                doors.push(&attempt.door);
            }
        }
        f.write_str("tried ")?;
        match doors[..] {
            [_] => f.write_str(&times(self.0.len()))?,
            _ => self.each(f, &doors)?,
        }
        write!(f, " in {:.1} s", self.1.as_secs_f64())
    }
}

impl History<'_> {
    /// Each door with the reason of its last failure.
    fn each(&self, f: &mut fmt::Formatter<'_>, doors: &[&str]) -> fmt::Result {
        for (place, door) in doors.iter().enumerate() {
            let own: Vec<&Attempt> = self.0.iter().filter(|attempt| attempt.door == *door).collect();
            let reason = own.last().map_or("", |attempt| attempt.reason.as_str());
            let comma = if place > 0 { ", " } else { "" };
            match own.len() {
                1 => write!(f, "{comma}{door} ({reason})")?,
                many => write!(f, "{comma}{door} ({reason}; {})", times(many))?,
            }
        }
        Ok(())
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(door: &str, reason: &str) -> Attempt {
        Attempt { door: door.into(), elapsed: Duration::from_millis(700), reason: reason.into() }
    }

    #[test]
    fn the_reasons_of_one_door_stand_in_the_error_already() {
        assert_eq!(
            History(&[attempt("a", "x"), attempt("a", "x")], Duration::from_millis(1400)).to_string(),
            "tried twice in 1.4 s"
        );
    }

    #[test]
    fn each_of_several_doors_has_its_reason() {
        let attempts = [attempt("a", "x"), attempt("b", "y"), attempt("a", "z"), attempt("a", "no answer")];
        assert_eq!(
            History(&attempts, Duration::from_secs(2)).to_string(),
            "tried a (no answer; 3 times), b (y) in 2.0 s"
        );
    }
}
