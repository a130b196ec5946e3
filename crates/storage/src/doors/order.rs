//! Which door is asked first: pure decisions.

use super::health::Standing;

/// How doors that are equally well are chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoorPolicy {
    /// The better of two that are drawn, by latency and load. (M. Mitzenmacher, "The power of two choices in
    /// randomized load balancing", IEEE TPDS 12 (2001) 1094.)
    #[default]
    Adaptive,
    /// One after the other.
    RoundRobin,
    /// Drawn by their weights.
    Random,
}

/// A door that could be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) door: usize,
    pub(super) standing: Standing,
    pub(super) score: f64,
    pub(super) weight: f64,
}

/// The doors in the order in which they are asked: those that are well before those that are not. `turn` counts calls;
/// `chance` draws from 0 to 1.
pub(super) fn order(
    policy: DoorPolicy,
    mut candidates: Vec<Candidate>,
    turn: usize,
    mut chance: impl FnMut() -> f64,
) -> Vec<usize> {
    match policy {
        DoorPolicy::RoundRobin => {
            let by = turn % candidates.len().max(1);
            candidates.rotate_left(by);
        }
        DoorPolicy::Random => candidates = draw(candidates, &mut chance),
        DoorPolicy::Adaptive => {
            candidates = draw(candidates, &mut chance);
            let best = candidates.iter().map(|candidate| rank(candidate.standing)).min();
            let of_the_best = candidates.iter().filter(|candidate| Some(rank(candidate.standing)) == best);
            let drawn: Vec<usize> = of_the_best.take(2).map(|candidate| candidate.door).collect();
            candidates.sort_by(|a, b| a.score.total_cmp(&b.score));
            // The two that were drawn stand before those that were not.
            candidates.sort_by_key(|candidate| !drawn.contains(&candidate.door));
        }
    }
    candidates.sort_by_key(|candidate| rank(candidate.standing));
    candidates.into_iter().map(|candidate| candidate.door).collect()
}

/// A door gets its share before it has proven itself: its first request is raced by another one, should it not answer.
fn rank(standing: Standing) -> Standing {
    if standing == Standing::Cold { Standing::Warm } else { standing }
}

/// Shuffled, those with more weight rather before those with less.
///
/// Source: P. Efraimidis, P. Spirakis, "Weighted random sampling with a reservoir", Inf. Process. Lett. 97 (2006) 181.
fn draw(candidates: Vec<Candidate>, chance: &mut impl FnMut() -> f64) -> Vec<Candidate> {
    let key = |candidate: Candidate, chance: f64| (chance.powf(1.0 / candidate.weight.max(1e-6)), candidate);
    let mut keyed: Vec<_> = candidates.into_iter().map(|candidate| key(candidate, chance())).collect();
    keyed.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    keyed.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::backoff::chance;

    fn candidate(door: usize, standing: Standing, score: f64) -> Candidate {
        Candidate { door, standing, score, weight: 1.0 }
    }

    fn first(policy: DoorPolicy, candidates: &[Candidate], times: usize) -> Vec<usize> {
        let mut counts = vec![0; candidates.len()];
        (0..times).for_each(|turn| counts[order(policy, candidates.to_vec(), turn, chance)[0]] += 1);
        counts
    }

    #[test]
    fn doors_that_are_well_come_first() {
        use Standing::{Cold, Failing, Open, Tried, Warm};
        let standings = [Open, Failing, Warm, Tried, Cold];
        let all =
            standings.iter().enumerate().map(|(door, standing)| candidate(door, *standing, door as f64)).collect();
        assert_eq!(order(DoorPolicy::Adaptive, all, 0, chance), [2, 4, 3, 1, 0]);
    }

    #[test]
    fn of_three_that_are_well_the_slowest_is_never_first() {
        let all = [(0, 5.0), (1, 10.0), (2, 500.0)].map(|(door, score)| candidate(door, Standing::Warm, score));
        let counts = first(DoorPolicy::Adaptive, &all, 3000);
        assert_eq!(counts[2], 0);
        // The best is drawn in two of three cases, and then taken.
        assert!((1800..2200).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn turns_go_round() {
        let all = [0, 1, 2].map(|door| candidate(door, Standing::Cold, 1.0));
        assert_eq!(first(DoorPolicy::RoundRobin, &all, 300), [100, 100, 100]);
    }

    #[test]
    fn draws_follow_the_weights() {
        let mut all = [0, 1].map(|door| candidate(door, Standing::Warm, 1.0));
        all[0].weight = 3.0;
        let counts = first(DoorPolicy::Random, &all, 4000);
        assert!((2800..3200).contains(&counts[0]), "{counts:?}");
    }
}
