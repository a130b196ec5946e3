//! How many members of a collection must exist.

/// How many members of a collection must exist for the collection to exist.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Threshold {
    /// All of them.
    #[default]
    All,
    /// This fraction of them, from 0 to 1, rounded up.
    Fraction(f64),
    /// So many of them, or all if there are fewer.
    Count(usize),
}

impl Threshold {
    /// Reads a number as law does: up to 1 it is a fraction, above it is a count; what is negative is nothing.
    pub fn from_number(number: f64) -> Self {
        match number {
            number if number.is_nan() => Self::All,
            number if number > 1.0 => Self::Count(number.ceil() as usize),
            number => Self::Fraction(number.max(0.0)),
        }
    }

    /// How many of `members` are needed; never more than there are.
    pub fn of(self, members: usize) -> usize {
        match self {
            Self::All => members,
            // A fraction that is no number asks for everything, so that nothing passes by accident.
            Self::Fraction(fraction) if fraction.is_nan() => members,
            // 0.1 * 10 is a little more than 1, and means 1.
            Self::Fraction(fraction) => ((fraction * members as f64 - 1e-9).ceil().max(0.0) as usize).min(members),
            Self::Count(count) => count.min(members),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_law_reads_them() {
        let needed = |number, members| Threshold::from_number(number).of(members);
        assert_eq!([needed(1.0, 10), needed(0.5, 10), needed(0.55, 10), needed(0.0, 10)], [10, 5, 6, 0]);
        assert_eq!([needed(3.0, 10), needed(30.0, 10), needed(-1.0, 10), needed(0.1, 10)], [3, 10, 0, 1]);
        assert_eq!([needed(f64::NAN, 10), Threshold::All.of(7), needed(0.7, 0)], [10, 7, 0]);
    }

    #[test]
    fn a_fraction_is_never_rounded_up_by_a_rounding_error() {
        for members in 1..200 {
            for part in 0..=members {
                assert_eq!(Threshold::Fraction(part as f64 / members as f64).of(members), part);
            }
        }
    }
}
