//! A task as it is printed: `analysis.TimesTwo(n=5, version=v1)`.

use std::fmt;

use crate::parameter::Parameter;
use crate::work::Work;

/// A task with its significant parameters.
pub(crate) struct Shown<'a>(pub(crate) &'a dyn Work);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.values();
        write!(f, "{}(", self.0.family())?;
        for (place, known) in significant(self.0).iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}={}", known.name, values.get(&known.name).unwrap_or_default())?;
        }
        f.write_str(")")
    }
}

/// The parameters that tell a task from others.
pub(crate) fn significant(work: &dyn Work) -> Vec<Parameter> {
    work.parameters().into_iter().filter(|known| known.significant).collect()
}
