//! Which branches are meant, and how many of them are enough.

use law_target::collection::Threshold;
use law_task::{Parameter, Presence, Ranges, TaskResult, Value, Values, WrongValue};

use crate::branched::in_range;

/// The branches that somebody chose: `--branches 0:10,15 --skip-branches 4`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only these; all if it is empty.
    pub branches: Ranges,
    /// Of those all but these.
    pub skipped: Ranges,
}

impl Selection {
    /// The numbers that were chosen of so many branches, in order.
    ///
    /// # Errors
    /// A number that is out of range, also among those that are skipped.
    pub fn of(&self, family: &str, count: usize) -> TaskResult<Vec<usize>> {
        let numbers = |ranges: &Ranges| match ranges.of(count as u64) {
            Ok(chosen) => Ok(chosen),
            Err(number) => Err(in_range(family, usize::try_from(number).unwrap_or(usize::MAX), count).err()),
        };
        let refuse =
            |error: Option<anyhow::Error>| error.unwrap_or_else(|| anyhow::anyhow!("a branch is out of range"));
        numbers(&self.skipped).map_err(refuse)?;
        let chosen = numbers(&self.branches).map_err(refuse)?;
        let is_left = |number: &usize| !self.skipped.contains(*number as u64);
        if self.branches.is_empty() {
            return Ok((0..count).filter(is_left).collect());
        }
        // Each is smaller than `count`.
        Ok(chosen.into_iter().flatten().map(|number| number as usize).filter(is_left).collect())
    }
}

/// How many branches must be complete for the workflow to be, and how many may fail before no more are begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Up to 1 a fraction, above it a number of branches.
    pub acceptance: f64,
    /// As well; none to begin all of them, whatever fails.
    pub tolerance: Option<f64>,
}

impl Default for Goal {
    fn default() -> Self {
        Self { acceptance: 1.0, tolerance: None }
    }
}

impl Goal {
    /// How many of so many branches are needed.
    pub(crate) fn needed(&self) -> Threshold {
        Threshold::from_number(self.acceptance)
    }

    /// How many of so many branches may fail.
    pub(crate) fn tolerated(&self, count: usize) -> usize {
        match self.tolerance {
            None => usize::MAX,
            Some(number) if number > 1.0 => number as usize,
            Some(fraction) => (fraction * count as f64 + 1e-9) as usize,
        }
    }
}

/// What can be said of each workflow beside its own parameters.
pub(crate) struct Choice {
    /// The number of the one branch that is meant; none for the workflow.
    pub(crate) branch: Option<usize>,
    pub(crate) selection: Selection,
    pub(crate) goal: Goal,
}

const BRANCH: &str = "branch";
const BRANCHES: &str = "branches";
const SKIPPED: &str = "skip-branches";
const ACCEPTANCE: &str = "acceptance";
const TOLERANCE: &str = "tolerance";

/// The parameters of all workflows.
pub(crate) fn parameters(goal: Goal) -> [Parameter; 5] {
    let tolerance = goal.tolerance.map(|number| number.serialize()).unwrap_or_default();
    [
        parameter::<i64>(BRANCH, "-1", "One branch alone, by its number; -1 is the workflow"),
        parameter::<Ranges>(BRANCHES, "", "Only these branches, each end exclusive: 0:10,15"),
        parameter::<Ranges>(SKIPPED, "", "Of those all but these"),
        Parameter {
            significant: false,
            ..parameter::<f64>(
                ACCEPTANCE,
                &goal.acceptance.serialize(),
                "How much must be complete for the workflow to be: up to 1 a fraction, above it a number of branches",
            )
        },
        Parameter {
            significant: false,
            ..parameter::<Option<f64>>(
                TOLERANCE,
                &tolerance,
                "How many branches may fail before no more are begun, as a fraction or a number; empty is any number",
            )
        },
    ]
}

fn parameter<T: Value>(name: &str, default: &str, help: &str) -> Parameter {
    Parameter {
        name: name.into(),
        kind: T::kind(),
        example: T::example(),
        help: help.into(),
        presence: Presence::Default(default.into()),
        choices: None,
        significant: true,
        implied: None,
    }
}

impl Choice {
    /// What was said, else the defaults of the workflow.
    ///
    /// # Errors
    /// A text that is no such value; a branch together with others.
    pub(crate) fn read(values: &Values, goal: Goal) -> Result<Self, WrongValue> {
        let [branch, branches, skipped, acceptance, tolerance] = parameters(goal);
        let number: i64 = values.read(&branch)?;
        let one = match number {
            -1 => None,
            number => Some(usize::try_from(number).map_err(|_| WrongValue::wrong(&branch, &number.to_string()))?),
        };
        let selection = Selection { branches: values.read(&branches)?, skipped: values.read(&skipped)? };
        if one.is_some() && selection != Selection::default() {
            let message = "one branch alone has no others: leave out --branches and --skip-branches".into();
            return Err(WrongValue { parameter: BRANCH.into(), message });
        }
        let goal =
            Goal { acceptance: at_least_0(values, &acceptance)?, tolerance: optional_at_least_0(values, &tolerance)? };
        Ok(Self { branch: one, selection, goal })
    }
}

fn at_least_0(values: &Values, parameter: &Parameter) -> Result<f64, WrongValue> {
    let number: f64 = values.read(parameter)?;
    if number >= 0.0 { Ok(number) } else { Err(WrongValue::wrong(parameter, &number.to_string())) }
}

fn optional_at_least_0(values: &Values, parameter: &Parameter) -> Result<Option<f64>, WrongValue> {
    let number: Option<f64> = values.read(parameter)?;
    match number {
        Some(number) if number.is_nan() || number < 0.0 => Err(WrongValue::wrong(parameter, &number.to_string())),
        other => Ok(other),
    }
}

/// The values of one branch: those of its workflow, and its number.
pub(crate) fn values_of_branch(index: usize, own: Values) -> Values {
    own.with(BRANCH, index.to_string())
}

/// The values of a workflow: its own, and what is said of its branches.
pub(crate) fn values_of_all(selection: &Selection, goal: Goal, own: Values) -> Values {
    let mut values = own.with(BRANCH, "-1");
    for (name, ranges) in [(BRANCHES, &selection.branches), (SKIPPED, &selection.skipped)] {
        if !ranges.is_empty() {
            values = values.with(name, ranges.serialize());
        }
    }
    if goal.acceptance != Goal::default().acceptance {
        values = values.with(ACCEPTANCE, goal.acceptance.serialize());
    }
    if goal.tolerance.is_some() {
        values = values.with(TOLERANCE, goal.tolerance.serialize());
    }
    values
}

/// The parameters that a task of a workflow has, the number of the branch first, as law shows it.
pub(crate) fn shown(values: &Values, own: Vec<Parameter>) -> Vec<Parameter> {
    let of_all = parameters(Goal::default()).into_iter();
    of_all.filter(|known| values.get(&known.name).is_some()).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(branches: &str, skipped: &str) -> Result<Vec<usize>, String> {
        let ranges = |text: &str| Ranges::parse(text).unwrap();
        let selection = Selection { branches: ranges(branches), skipped: ranges(skipped) };
        selection.of("Chars", 10).map_err(|error| error.to_string())
    }

    #[test]
    fn ends_are_exclusive_and_what_is_out_of_range_is_told() {
        assert_eq!(chosen("0:3,8", ""), Ok(vec![0, 1, 2, 8]));
        assert_eq!(chosen("", "4,7:9"), Ok(vec![0, 1, 2, 3, 5, 6, 9]));
        assert_eq!(chosen("0:3,8:", "1"), Ok(vec![0, 2, 8, 9]));
        let refused = Err("branch 10 is out of range: Chars has 10 branches, from 0 to 9".into());
        assert_eq!(chosen("5:60", ""), refused);
        assert_eq!(chosen("", "10"), refused);
    }

    #[test]
    fn one_branch_has_no_others() {
        let read = |values: &[(&str, &str)]| Choice::read(&values.iter().copied().collect(), Goal::default());
        assert_eq!(read(&[("branch", "3")]).ok().and_then(|choice| choice.branch), Some(3));
        assert!(read(&[("branch", "-1")]).is_ok_and(|choice| choice.branch.is_none()));
        for bad in [[("branch", "3"), ("branches", "4")], [("branch", "-2"), ("branches", "")]] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
        for bad in [("acceptance", "-0.5"), ("acceptance", "nan"), ("tolerance", "-1"), ("branches", "3:1")] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tolerance_is_a_fraction_or_a_number() {
        let tolerated = |tolerance| Goal { tolerance, ..Goal::default() }.tolerated(26);
        assert_eq!([None, Some(0.0), Some(0.1), Some(1.0), Some(3.0)].map(tolerated), [usize::MAX, 0, 2, 26, 3]);
    }
}
