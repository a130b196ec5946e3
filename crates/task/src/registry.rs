//! The kinds of tasks that a program has, by their names.

use std::sync::Arc;

use crate::parameter::Parameter;
use crate::parameters::{Values, WrongValue};
use crate::work::Work;

/// A kind of task. The derive macro writes one for each; they are found in every crate that is linked.
#[derive(Clone, Copy)]
pub struct Registered {
    /// Its name, with its namespace.
    pub family: &'static str,
    /// The first paragraph of its documentation.
    pub about: &'static str,
    /// What can be set.
    pub parameters: fn() -> Vec<Parameter>,
    /// The task with these values.
    pub make: fn(&Values) -> Result<Arc<dyn Work>, WrongValue>,
}

inventory::collect!(Registered);

/// All kinds of tasks, in the order of their names.
pub fn registered() -> Vec<&'static Registered> {
    let mut all: Vec<&Registered> = inventory::iter::<Registered>.into_iter().collect();
    all.sort_unstable_by_key(|known| known.family);
    all
}

/// The kind of task with a name; of two with one name, the error names both crates.
pub fn family(name: &str) -> Option<&'static Registered> {
    inventory::iter::<Registered>.into_iter().find(|known| known.family == name)
}
