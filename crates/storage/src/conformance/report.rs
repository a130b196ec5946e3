//! What came of a run.

use std::collections::BTreeMap;
use std::fmt;

use super::{Checked, Failure};

/// Every case with what came of it. `Display` shows counts, and whatever did not pass.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The cases that passed.
    pub passed: Vec<&'static str>,
    /// The cases that make no sense on this endpoint, and why.
    pub skipped: Vec<(&'static str, String)>,
    /// The cases that failed, and how.
    pub failed: Vec<(&'static str, String)>,
    /// What cases counted, or could not clean up.
    pub notes: Vec<(&'static str, String)>,
}

impl Report {
    pub(super) fn record(&mut self, name: &'static str, outcome: Checked, notes: Vec<String>) {
        match outcome {
            Ok(()) => self.passed.push(name),
            Err(Failure::Skipped(reason)) => self.skipped.push((name, reason)),
            Err(Failure::Failed(message)) => self.failed.push((name, message)),
        }
        self.add_notes(name, notes);
    }

    pub(super) fn add_notes(&mut self, name: &'static str, notes: Vec<String>) {
        self.notes.extend(notes.into_iter().map(|note| (name, note)));
    }

    /// The names of the cases that failed.
    pub fn failures(&self) -> Vec<&'static str> {
        self.failed.iter().map(|(name, _)| *name).collect()
    }

    /// The skipped cases of each reason.
    fn reasons(&self) -> BTreeMap<&str, Vec<&'static str>> {
        let mut reasons: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
        self.skipped.iter().for_each(|(name, reason)| reasons.entry(reason).or_default().push(name));
        reasons
    }

    /// For tests: insists that nothing failed, and that at least so many cases passed, as a run that skips
    /// everything proves nothing.
    ///
    /// # Panics
    /// With the whole report, if that is not so.
    #[track_caller]
    pub fn assert_green(&self, min_passed: usize) {
        assert!(self.failed.is_empty(), "{self}");
        assert!(self.passed.len() >= min_passed, "fewer than {min_passed} cases passed\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, skipped, failed) = (self.passed.len(), self.skipped.len(), self.failed.len());
        write!(f, "conformance: {passed} passed, {skipped} skipped, {failed} failed")?;
        for (reason, names) in self.reasons() {
            write!(f, "\n  skipped: {reason}: {}", names.join(", "))?;
        }
        let mut lines = |word: &str, lines: &[(&str, String)]| {
            lines.iter().try_for_each(|(name, text)| write!(f, "\n  {word} {name}: {text}"))
        };
        lines("note", &self.notes)?;
        lines("FAILED", &self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.record("a::b", Ok(()), vec!["3 reads".into()]);
        report.record("a::c", Err(Failure::Skipped("no links".into())), Vec::new());
        report.record("a::d", Err(Failure::Skipped("no links".into())), Vec::new());
        report
    }

    #[test]
    fn a_report_reads_well() {
        let text = "conformance: 1 passed, 2 skipped, 0 failed\n  skipped: no links: a::c, a::d\n  note a::b: 3 reads";
        assert_eq!(report().to_string(), text);
        report().assert_green(1);
    }

    #[test]
    #[should_panic(expected = "fewer than 2 cases passed")]
    fn skipping_is_not_passing() {
        report().assert_green(2);
    }

    #[test]
    #[should_panic(expected = "FAILED a::e: broken")]
    fn one_failure_is_enough() {
        let mut report = report();
        report.record("a::e", Err(Failure::Failed("broken".into())), Vec::new());
        report.assert_green(1);
    }
}
