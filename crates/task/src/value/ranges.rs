//! Choices of numbers, as law writes them.

use std::ops::Range;

use super::Value;

/// Whole numbers from 0: `0:10,15` are 0 to 9 and 15. The end is not among them; `:5` begins at 0, and `8:` has no end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ranges(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    begin: u64,
    /// Not among them.
    end: Option<u64>,
}

impl Ranges {
    /// Whether none was chosen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number is among them.
    pub fn contains(&self, number: u64) -> bool {
        self.0.iter().any(|part| part.begin <= number && part.end.is_none_or(|end| number < end))
    }

    /// Those of `0..count` that are chosen, in ascending order, each once, as ranges that do not touch.
    ///
    /// # Errors
    /// The first number that was chosen and is not among `0..count`.
    pub fn of(&self, count: u64) -> Result<Vec<Range<u64>>, u64> {
        let mut chosen = Vec::new();
        for part in &self.0 {
            let end = part.end.unwrap_or(count.max(part.begin));
            if part.begin >= count {
                return Err(part.begin);
            }
            if end > count {
                return Err(count);
            }
            chosen.push(part.begin..end);
        }
        chosen.sort_unstable_by_key(|range| range.start);
        Ok(merged(chosen))
    }
}

fn merged(sorted: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

impl Value for Ranges {
    fn kind() -> String {
        "ranges of whole numbers from 0, of which each ends before its second number".into()
    }

    fn example() -> String {
        "0:10,15".into()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        text.split(',').map(|part| Part::parse(part.trim())).collect::<Option<_>>().map(Self)
    }

    fn serialize(&self) -> String {
        self.0.iter().map(Part::text).collect::<Vec<_>>().join(",")
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        let Some((begin, end)) = text.split_once(':') else {
            let begin: u64 = text.parse().ok()?;
            return Some(Self { begin, end: Some(begin.checked_add(1)?) });
        };
        let begin = if begin.is_empty() { 0 } else { begin.parse().ok()? };
        let end = if end.is_empty() { None } else { Some(end.parse().ok()?) };
        end.is_none_or(|end| begin < end).then_some(Self { begin, end })
    }

    fn text(&self) -> String {
        match self.end {
            Some(end) if end == self.begin + 1 => self.begin.to_string(),
            Some(end) => format!("{}:{end}", self.begin),
            None => format!("{}:", self.begin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, count: u64) -> Result<Vec<Range<u64>>, u64> {
        Ranges::parse(text).unwrap().of(count)
    }

    #[test]
    fn the_end_is_not_among_them() {
        assert_eq!(of("0:10,15", 20), Ok(vec![0..10, 15..16]));
        assert_eq!(of(":2,8:", 10), Ok(vec![0..2, 8..10]));
        assert_eq!(of("5,3:6,4:8,9", 10), Ok(vec![3..8, 9..10]));
        assert!(Ranges::parse("7:9").unwrap().contains(8) && !Ranges::parse("7:9").unwrap().contains(9));
    }

    #[test]
    fn what_is_out_of_range_is_told() {
        assert_eq!(of("50:60", 10), Err(50));
        assert_eq!(of("5:60", 10), Err(10));
        assert_eq!(of("10", 10), Err(10));
        assert_eq!(of("0", 0), Err(0));
        assert_eq!(of("0:", 0), Err(0));
    }

    #[test]
    fn what_was_typed_comes_back() {
        for text in ["", "3", "0:10,15", "2:", "1:3,5,7:"] {
            assert_eq!(Ranges::parse(text).unwrap().serialize(), text);
        }
        for bad in ["a", "3:3", "5:2", "-1", "1:2:3", ",", "18446744073709551615"] {
            assert_eq!(Ranges::parse(bad), None, "{bad}");
        }
    }
}
