//! Defaults of parameters that a configuration says, for whoever makes a task: the command line, another task, a program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::parameter::{Parameter, Presence};
use crate::parameters::Values;

/// Defaults by the names of kinds of tasks, with their namespaces.
pub type Defaults = BTreeMap<String, Values>;

static DEFAULTS: OnceLock<Defaults> = OnceLock::new();

/// Says what the defaults of parameters are in this process, before the first task is made. Only the first call counts; whether it was this one.
pub fn configure(defaults: Defaults) -> bool {
    DEFAULTS.set(defaults).is_ok()
}

/// The parameters of a kind of task, with the defaults that were configured.
pub fn configured(family: &str, mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    let Some(defaults) = DEFAULTS.get().and_then(|all| all.get(family)) else { return parameters };
    for known in &mut parameters {
        if let Some(text) = defaults.get(&known.name) {
            known.presence = Presence::Default(text.into());
        }
    }
    parameters
}
