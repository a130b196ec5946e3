//! A script with its counters.

use crate::fault::Fault;
use crate::script::{ConnectionFault, Script};
use crate::seed;

/// A script with its counters.
#[derive(Debug, Default)]
pub(crate) struct Play {
    script: Script,
    reached: Vec<u64>,
    connections: u64,
}

impl Play {
    pub(crate) fn new(script: Script) -> Self {
        Self { reached: vec![0; script.rules.len()], script, connections: 0 }
    }

    /// The fault of the next connection.
    pub(crate) fn next_connection(&mut self) -> Option<ConnectionFault> {
        self.connections += 1;
        let mut rules = self.script.connections.iter();
        rules.find(|(_, which)| which.contains(self.connections)).map(|(fault, _)| *fault)
    }

    /// The fault of the next request.
    pub(crate) fn decide(&mut self, method: &str, target: &str) -> Option<Fault> {
        let rules = self.script.rules.iter().zip(&mut self.reached);
        for (rule, reached) in rules.filter(|(rule, _)| rule.when.fits(method, target)) {
            *reached += 1;
            if rule.when.occurrences.contains(*reached) {
                return match rule.fault {
                    Fault::Seeded { seed } => seed::chosen(seed, *reached, method),
                    ref fault => Some(fault.clone()),
                };
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Match, Occurrences};

    #[test]
    fn rules_read_as_a_play() {
        let script = Script::new()
            .on(Match::method("GET").once(), Fault::status(503).into())
            .on(Match::method("GET").once(), Fault::Truncate { at: 10 });
        let mut play = Play::new(script);
        assert_eq!(play.decide("GET", "/a"), Some(Fault::status(503).into()));
        assert_eq!(play.decide("PUT", "/a"), None);
        assert_eq!(play.decide("GET", "/a"), Some(Fault::Truncate { at: 10 }));
        assert_eq!(play.decide("GET", "/a"), None);
    }

    #[test]
    fn connections_are_counted_and_the_first_rule_decides() {
        let script = Script::new()
            .refuse_connections(Occurrences::Only(vec![2]))
            .on_connection(ConnectionFault::BlackHole, Occurrences::Window { first: 2, count: Some(2) });
        let mut play = Play::new(script);
        let met: Vec<_> = (0..4).map(|_| play.next_connection()).collect();
        assert_eq!(met, [None, Some(ConnectionFault::Refuse), Some(ConnectionFault::BlackHole), None]);
    }

    #[test]
    fn a_seed_is_a_plan() {
        let plan = |seed| {
            let mut play = Play::new(Script::seeded(seed));
            (0..60).map(|n| play.decide(["GET", "PUT", "MOVE"][n % 3], "/a")).collect::<Vec<_>>()
        };
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        let met = plan(7).iter().flatten().count();
        assert!((8..35).contains(&met), "{met} of 60");
    }
}
