//! Sizes in bytes.

use super::Value;

/// A number of bytes: `4096`, `200G`, `1.5 GB`. K, M, G and T are powers of 1024, also where law writes KB, MB, GB and TB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(
    /// Bytes.
    pub u64,
);

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

impl Value for Size {
    fn kind() -> String {
        "a size in bytes".into()
    }

    fn example() -> String {
        "1.5GB".into()
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim());
        let unit = unit.strip_suffix("iB").or(unit.strip_suffix('B')).unwrap_or(unit);
        let shift = match unit.chars().next() {
            None => 0,
            Some(letter) if unit.len() == 1 => UNITS.iter().find(|(name, _)| *name == letter)?.1,
            Some(_) => return None,
        };
        match number.parse::<u64>() {
            Ok(whole) => whole.checked_mul(1 << shift).map(Self),
            Err(_) => fraction(number, shift).map(Self),
        }
    }

    fn serialize(&self) -> String {
        let whole = UNITS.iter().find(|(_, shift)| self.0 > 0 && self.0.trailing_zeros() >= *shift);
        whole.map_or_else(|| self.0.to_string(), |(unit, shift)| format!("{}{unit}B", self.0 >> shift))
    }
}

fn fraction(number: &str, shift: u32) -> Option<u64> {
    let bytes = number.parse::<f64>().ok()? * (1_u64 << shift) as f64;
    (bytes < u64::MAX as f64).then_some(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("1.5 GB", 3 << 29), ("200G", 200 << 30), ("2KiB", 2048), ("7B", 7)]
        {
            assert_eq!(Size::parse(text), Some(Size(bytes)), "{text}");
            assert_eq!(Size::parse(&Size(bytes).serialize()), Some(Size(bytes)), "{text}");
        }
        for bad in ["", "G", "1.2.3G", "5 apples", "-1", "99999999999T", "1EB", "."] {
            assert_eq!(Size::parse(bad), None, "{bad}");
        }
    }
}
