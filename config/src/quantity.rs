//! Durations and sizes as text.

use std::time::Duration;

const DURATION: &str = "a duration is one or more numbers with units, such as \"20s\" or \"1h30m\" (ms, s, m, h, d)";
const SIZE: &str = "a size is a number of bytes, or one with K, M, G or T (powers of 1024), such as \"200G\"";

/// Milliseconds of each unit; the longer name of two that begin alike comes first.
const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `"20s"`, `"1h30m"`, `"500ms"`. The units may stand in any order; a bare number is refused.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("{text:?} is no duration: {DURATION}");
    let mut rest = text.trim();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let (number, behind) = leading_number(rest).ok_or_else(refuse)?;
        let unit = |(unit, factor): &(&str, u64)| Some((*factor, behind.strip_prefix(unit)?));
        let (factor, behind) = DURATION_UNITS.iter().find_map(unit).ok_or_else(refuse)?;
        let part = number.checked_mul(factor).ok_or_else(refuse)?;
        millis = millis.checked_add(part).ok_or_else(refuse)?;
        rest = behind.trim_start();
    }
    Ok(Duration::from_millis(millis))
}

/// Reads `"4096"`, `"200G"`, `"1GiB"`: K, M, G and T are powers of 1024; `KB` is refused, as people disagree about it.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let refuse = || format!("{text:?} is no size: {SIZE}");
    let (number, unit) = leading_number(text.trim()).ok_or_else(refuse)?;
    let shift = match unit.trim_start() {
        "" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return Err(refuse()),
    };
    number.checked_mul(1 << shift).ok_or_else(refuse)
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The shortest text that [`parse_duration`] reads back.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in DURATION_UNITS.iter().rev() {
        if millis >= *factor {
            text += &format!("{}{unit}", millis / factor);
            millis %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The shortest text that [`parse_size`] reads back.
pub(crate) fn show_size(size: u64) -> String {
    let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    let exact = units.iter().find(|(_, shift)| size > 0 && size.trailing_zeros() >= *shift);
    exact.map_or_else(|| size.to_string(), |(unit, shift)| format!("{}{unit}", size >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("20s", 20_000), ("1h30m", 5_400_000), ("500ms", 500), ("1m 5s", 65_000), ("0s", 0)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for bad in [
            "",
            "10",
            "s",
            "10 parsecs",
            "-1s",
            "1.5h",
            "1h30",
            "99999999999999999999s",
            "999999999999999999d",
            "10\u{b5}s",
        ] {
            assert!(parse_duration(bad).unwrap_err().contains("is no duration"), "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, size) in [("4096", 4096), ("1K", 1024), ("200G", 200 << 30), ("1 TiB", 1 << 40), ("0", 0)] {
            assert_eq!(parse_size(text).unwrap(), size, "{text}");
        }
        for bad in ["", "G", "1.5G", "10KB", "10k", "-1", "99999999999999999999", "99999999T"] {
            assert!(parse_size(bad).unwrap_err().contains("powers of 1024"), "{bad:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for millis in [0, 1, 999, 1000, 5_400_000, 86_400_001, u64::MAX] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(duration)).unwrap(), duration);
        }
        for size in [0, 1, 1023, 1024, 1536, 200 << 30, u64::MAX] {
            assert_eq!(parse_size(&show_size(size)).unwrap(), size);
        }
        assert_eq!(
            (show_duration(Duration::from_secs(5400)).as_str(), show_size(200 << 30).as_str()),
            ("1h30m", "200G")
        );
    }
}
