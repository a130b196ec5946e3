//! How long to wait before another attempt.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The wait after the first failure, at most.
const FIRST: Duration = Duration::from_millis(200);

/// The wait after any number of failures, at most.
const LONGEST: Duration = Duration::from_secs(30);

/// The wait after so many failures in a row, "full jitter": anything between nothing and a limit that doubles, so that
/// clients that failed together do not come back together. `fraction` is from 0 to 1.
///
/// Source: M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015.
pub(crate) fn backoff(failures: u32, fraction: f64) -> Duration {
    let limit = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    limit.mul_f64(fraction.clamp(0.0, 1.0))
}

/// The wait before another attempt: what the server asked for, and then a little, for the same reason; else [`backoff`].
pub(crate) fn wait(failures: u32, asked: Option<Duration>, fraction: f64) -> Duration {
    match asked {
        Some(asked) => asked.saturating_add(backoff(failures, fraction)),
        None => backoff(failures, fraction),
    }
}

/// Another number between 0 and 1 at every call, in every process: the standard library seeds its hashers from the
/// system's randomness.
pub(crate) fn chance() -> f64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    // As many bits as a double holds exactly.
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limit_doubles_until_it_is_long_enough() {
        let limits: Vec<u64> = (1..=10).map(|failures| backoff(failures, 1.0).as_millis() as u64).collect();
        assert_eq!(limits, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST);
    }

    #[test]
    fn chances_differ_and_lie_between_nothing_and_all() {
        let chances: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        let mean = chances.iter().sum::<f64>() / 100.0;
        assert!((0.2..0.8).contains(&mean), "{mean}");
        assert!(chances.windows(2).any(|pair| pair[0] != pair[1]));
    }

    proptest! {
        #[test]
        fn nobody_comes_back_before_the_server_wants(failures in 0u32..100, asked in 0u64..1000, fraction in 0.0f64..1.0) {
            let asked = Duration::from_secs(asked);
            let wait = wait(failures, Some(asked), fraction);
            prop_assert!(wait >= asked && wait <= asked + LONGEST);
        }
    }
}
