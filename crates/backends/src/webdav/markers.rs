//! What a storage tells while it copies from or to another one: performance markers, and a last line that decides.
//!
//! The format is that of WLCG's HTTP third-party copy, which took it from GridFTP (GFD.20, section on performance markers). Status
//! 201 or 202 says only that the copy has begun.

use std::collections::BTreeMap;

/// Longer lines are cut: none that matters is.
const LINE: usize = 4096;

/// More stripes than any server has.
const STRIPES: usize = 1024;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Success,
    /// With the storage's words.
    Failure(String),
}

/// The markers that came so far.
#[derive(Debug, Default)]
pub(super) struct Markers {
    line: Vec<u8>,
    /// It has lost its end.
    cut: bool,
    stripe: u32,
    stripes: BTreeMap<u32, u64>,
    end: Option<End>,
}

impl Markers {
    /// Takes what came.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_of_line(),
                _ if self.line.len() < LINE => self.line.push(*byte),
                _ => self.cut = true,
            }
        }
    }

    /// Bytes that went over, of all stripes.
    pub(super) fn transferred(&self) -> u64 {
        self.stripes.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// How it ended; none if that was not told.
    pub(super) fn finish(mut self) -> Option<End> {
        self.end_of_line();
        self.end
    }

    fn end_of_line(&mut self) {
        let mut line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim().to_owned();
        if std::mem::take(&mut self.cut) {
            // A half of a secret is not known as one.
            line = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        }
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        let value = line.split_once(':').map(|(_, value)| value.trim()).unwrap_or_default();
        match name.as_str() {
            "perf marker" => self.stripe = 0,
            "stripe index" => self.stripe = value.parse().unwrap_or_default(),
            "stripe bytes transferred" => self.progress(value.parse().unwrap_or_default()),
            _ => self.last_line(&line),
        }
    }

    fn progress(&mut self, bytes: u64) {
        if self.stripes.len() < STRIPES || self.stripes.contains_key(&self.stripe) {
            self.stripes.insert(self.stripe, bytes);
        }
    }

    fn last_line(&mut self, line: &str) {
        let lower = line.to_ascii_lowercase();
        let begins = |words: &[&str]| words.iter().any(|word| lower.starts_with(word));
        if begins(&["success"]) {
            self.end = Some(End::Success);
        } else if begins(&["failure", "failed", "aborted"]) {
            self.end = Some(End::Failure(line.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8], step: usize) -> (u64, Option<End>) {
        let mut markers = Markers::default();
        text.chunks(step).for_each(|bytes| markers.take(bytes));
        (markers.transferred(), markers.finish())
    }

    const TWO: &str = "Perf Marker\nTimestamp: 1\nStripe Index: 0\nStripe Bytes Transferred: 10\nTotal Stripe Count: 2\n\
                       RemoteConnections: tcp:127.0.0.1:1\nEnd\nPerf Marker\r\n  Stripe Index: 1\r\n  Stripe Bytes Transferred: \
                       32\r\nEnd\r\n";

    #[test]
    fn what_xrootd_and_dcache_say() {
        for step in [1, 3, 1000] {
            assert_eq!(of(format!("{TWO}success: Created").as_bytes(), step), (42, Some(End::Success)));
            let failed = "failure: Couldn't connect to server";
            assert_eq!(of(format!("{TWO}{failed}").as_bytes(), step), (42, Some(End::Failure(failed.into()))));
            assert_eq!(
                of(format!("{TWO}ABORTED: by somebody\n").as_bytes(), step).1,
                Some(End::Failure("ABORTED: by somebody".into()))
            );
        }
    }

    #[test]
    fn without_a_last_line_nobody_knows() {
        for text in [TWO, "", "Perf Marker\nEnd\n", "\n\n\n", "all is well"] {
            assert_eq!(of(text.as_bytes(), 7).1, None, "{text}");
        }
    }

    #[test]
    fn the_last_line_decides() {
        assert_eq!(
            of(b"success: Created\nfailure: the disk is full\n", 5).1,
            Some(End::Failure("failure: the disk is full".into()))
        );
    }

    #[test]
    fn hostile_answers_are_bounded() {
        let mut many = String::new();
        for stripe in 0..5000 {
            many += &format!("Stripe Index: {stripe}\nStripe Bytes Transferred: {}\n", u64::MAX);
        }
        let mut markers = Markers::default();
        markers.take(many.as_bytes());
        markers.take(&vec![b'x'; 10_000_000]);
        assert!(markers.stripes.len() <= STRIPES && markers.line.len() <= LINE);
        assert_eq!(markers.transferred(), u64::MAX);
        assert_eq!(markers.finish(), None);
        assert_eq!(of(b"Stripe Index: -1\nStripe Bytes Transferred: 1e9\n\xff\xfe\x00", 1), (0, None));
    }
}
