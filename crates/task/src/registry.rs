//! The kinds of tasks that a program has, by their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::parameter::Parameter;
use crate::parameters::{Values, WrongValue};
use crate::work::Work;

/// A kind of task: what `law run NAME` needs to know of it.
pub trait Family: Send + Sync {
    /// Its name, with its namespace.
    fn name(&self) -> &str;

    /// What it does, in a sentence.
    fn about(&self) -> &str;

    /// What can be set.
    fn parameters(&self) -> Vec<Parameter>;

    /// The task with these values, and defaults for others.
    ///
    /// # Errors
    /// The first value that is wrong or missing.
    fn make(&self, values: &Values) -> Result<Arc<dyn Work>, WrongValue>;
}

/// A kind of task of Rust. The derive macro writes one for each; they are found in every crate that is linked.
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

impl Family for Registered {
    fn name(&self) -> &str {
        self.family
    }

    fn about(&self) -> &str {
        self.about
    }

    fn parameters(&self) -> Vec<Parameter> {
        (self.parameters)()
    }

    fn make(&self, values: &Values) -> Result<Arc<dyn Work>, WrongValue> {
        (self.make)(values)
    }
}

/// Kinds of tasks by their names.
#[derive(Clone, Default)]
pub struct Families(BTreeMap<String, Arc<dyn Family>>);

impl Families {
    /// Those of Rust that are linked into this program.
    ///
    /// # Errors
    /// A name that two of them have.
    pub fn linked() -> anyhow::Result<Self> {
        let mut families = Self::default();
        for known in inventory::iter::<Registered> {
            families.add(Arc::new(*known))?;
        }
        Ok(families)
    }

    /// Adds one.
    ///
    /// # Errors
    /// If there is one of that name.
    pub fn add(&mut self, family: Arc<dyn Family>) -> anyhow::Result<()> {
        let name = family.name().to_owned();
        anyhow::ensure!(
            !self.0.contains_key(&name),
            "two kinds of tasks are called {name}: give one of them a namespace"
        );
        self.0.insert(name, family);
        Ok(())
    }

    /// The one with a name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Family>> {
        self.0.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Family>> {
        self.0.values()
    }

    /// The name that looks most like one that is none.
    pub fn similar(&self, name: &str) -> Option<&str> {
        most_similar(name, self.0.keys().map(String::as_str))
    }
}

/// The name that somebody meant who typed another one, if any looks like it.
pub fn most_similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let rated = known.map(|other| (strsim::damerau_levenshtein(&lower, &other.to_lowercase()), other));
    rated.filter(|(distance, other)| *distance <= 1 + other.len().min(lower.len()) / 4).min().map(|(_, other)| other)
}
