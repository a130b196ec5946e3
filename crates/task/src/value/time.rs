//! Days, moments and durations.

use std::time::Duration;

use jiff::civil::{Date, DateTime};

use super::Value;

const UNITS: [(&[&str], u64); 6] = [
    (&["ms"], 1),
    (&["", "s", "sec", "secs", "second", "seconds"], 1000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["h", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 604_800_000),
];

impl Value for Date {
    fn kind() -> String {
        "a day, as year-month-day".into()
    }

    fn example() -> String {
        "2026-01-31".into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn serialize(&self) -> String {
        self.to_string()
    }
}

impl Value for DateTime {
    fn kind() -> String {
        "a day and a time".into()
    }

    fn example() -> String {
        "2026-01-31T12:00:00".into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn serialize(&self) -> String {
        self.to_string()
    }
}

/// `90`, `1h30m`, `500ms`, `05:10`, `0-4:02:01`, `2 days, 3 hours`: a number alone is seconds; it is written as law writes it, `[days-][hours:]minutes:seconds`.
impl Value for Duration {
    fn kind() -> String {
        "a duration".into()
    }

    fn example() -> String {
        "1h30m".into()
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let millis = if text.contains(':') { clock(text)? } else { units(text)? };
        Some(Self::from_millis(millis))
    }

    fn serialize(&self) -> String {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let (seconds, rest) = (millis / 1000, millis % 1000);
        let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let mut text = format!("{minutes:02}:{seconds:02}");
        if days > 0 {
            text = format!("{days}-{hours:02}:{text}");
        } else if hours > 0 {
            text = format!("{hours:02}:{text}");
        }
        if rest > 0 {
            text += format!(".{rest:03}").trim_end_matches('0');
        }
        text
    }
}

/// `[days-][[hours:]minutes:]seconds[.fraction]` in milliseconds.
fn clock(text: &str) -> Option<u64> {
    let (days, rest) = text.split_once('-').map_or(Some((0, text)), |(days, rest)| Some((days.parse().ok()?, rest)))?;
    let fields: Vec<&str> = rest.split(':').collect();
    let (seconds, whole) = fields.split_last()?;
    if whole.len() > 2 {
        return None;
    }
    let mut minutes: u64 = days;
    for (field, factor) in std::iter::repeat_n("0", 2 - whole.len()).chain(whole.iter().copied()).zip([24, 60]) {
        minutes = minutes.checked_mul(factor)?.checked_add(field.parse().ok()?)?;
    }
    minutes.checked_mul(60_000)?.checked_add(millis(seconds, 1000)?)
}

/// Numbers with units, in any order, in milliseconds.
fn units(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (number, behind) = (&rest[..end], rest[end..].trim_start());
        let end = behind.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let factor = UNITS.iter().find(|(names, _)| names.contains(&unit))?.1;
        total = total.checked_add(millis(number, factor)?)?;
        rest = behind.trim_start_matches([',', ' ']);
        // A number alone is the whole of it.
        if unit.is_empty() && !rest.is_empty() {
            return None;
        }
    }
    Some(total)
}

fn millis(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let value = number.parse::<f64>().ok()? * factor as f64;
    (0.0..1e18).contains(&value).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("90", 90_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("05:10", 310_000),
            ("2 days, 3 hours", 183_600_000),
            ("0-4:2:1", 14_521_000),
            ("1.5h", 5_400_000),
            ("00:00.5", 500),
            ("1-01:01:01", 90_061_000),
        ];
        for (text, millis) in cases {
            let duration = Duration::from_millis(millis);
            assert_eq!(Duration::parse(text), Some(duration), "{text}");
            assert_eq!(Duration::parse(&duration.serialize()), Some(duration), "{text}");
        }
        for bad in ["", "h", "5x", "1:2:3:4", "-5", "5 6", "a:b", "99999999999999999999w"] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }

    /// Each was printed by law 0.1.21.
    #[test]
    fn durations_are_written_as_law_does() {
        let text = |millis| Duration::from_millis(millis).serialize();
        assert_eq!([text(90_000), text(90_061_000), text(500)], ["01:30", "1-01:01:01", "00:00.5"]);
    }

    #[test]
    fn days() {
        assert_eq!(Date::parse("2026-01-02").unwrap().serialize(), "2026-01-02");
        assert_eq!(Date::parse("2026-02-30"), None);
        assert_eq!(DateTime::parse("2026-01-02T03:04:05").unwrap().serialize(), "2026-01-02T03:04:05");
    }
}
