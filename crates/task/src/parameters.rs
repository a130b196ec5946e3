//! The parameters of a task: from text, and to text.

use std::collections::BTreeMap;
use std::fmt;

use crate::parameter::{Parameter, Presence};
use crate::task::Role;
use crate::value::Value;
use crate::{TaskId, TaskResult};

/// Values of parameters by their names, as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.0.insert(name.into(), text.into());
        self
    }

    /// The text of a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The value of a parameter: what was given, else its default.
    ///
    /// # Errors
    /// [`WrongValue`] for a text that is no such value, and if none was given and there is no default.
    pub fn read<T: Value>(&self, parameter: &Parameter) -> Result<T, WrongValue> {
        let text = match (&parameter.presence, self.get(&parameter.name)) {
            (_, Some(text)) => text,
            (Presence::Default(text), None) => text,
            (Presence::Required, None) => return Err(WrongValue::missing(parameter)),
        };
        let allowed = parameter.choices.as_ref().is_none_or(|choices| choices.iter().any(|choice| choice == text));
        T::parse(text).filter(|_| allowed).ok_or_else(|| WrongValue::wrong(parameter, text))
    }
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(values: I) -> Self {
        Self(values.into_iter().map(|(name, text)| (name.into(), text.into())).collect())
    }
}

/// A value that cannot be, or that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongValue {
    /// The name of the parameter.
    pub parameter: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl WrongValue {
    /// It must be given, and was not.
    pub fn missing(parameter: &Parameter) -> Self {
        let message = format!("it has no default: give {}, such as {}", parameter.kind, parameter.example);
        Self { parameter: parameter.name.clone(), message }
    }

    /// The text is no such value, or none of the choices.
    pub fn wrong(parameter: &Parameter, text: &str) -> Self {
        let message = match &parameter.choices {
            Some(choices) => format!("{text:?} is none of {}", choices.join(", ")),
            None => format!("{text:?} is not {}, such as {}", parameter.kind, parameter.example),
        };
        Self { parameter: parameter.name.clone(), message }
    }
}

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{}: {}", self.parameter, self.message)
    }
}

impl std::error::Error for WrongValue {}

/// A struct whose fields are the parameters of a task. Derive it with [`Task`](macro@crate::Task).
pub trait Parameters: Sized + Send + Sync + 'static {
    /// The name of the kind of task, with its namespace: `analysis.TimesTwo`.
    const FAMILY: &'static str;

    /// The first paragraph of its documentation.
    const ABOUT: &'static str;

    /// Who does the work.
    const ROLE: Role;

    /// What can be set, in the order of the fields.
    fn parameters() -> Vec<Parameter>;

    /// The task with these values, and defaults for others. Names that are no parameter are not looked at.
    ///
    /// # Errors
    /// The first value that is wrong or missing.
    fn from_values(values: &Values) -> Result<Self, WrongValue>;

    /// The values of all parameters, as text.
    fn values(&self) -> Values;

    /// The task of this kind that has the parameters of another where both have one of that name, and defaults for the others. This is how a task requires
    /// another one: `fn requires(&self) -> TaskResult<Other> { Other::req(self) }`.
    ///
    /// # Errors
    /// A parameter without a default that the other does not have, or has of another kind.
    fn req(other: &impl Parameters) -> TaskResult<Self> {
        Self::req_with(other, Values::new())
    }

    /// As [`req`](Self::req), with some values that are said here.
    ///
    /// # Errors
    /// As [`req`](Self::req), and for a name that is no parameter.
    fn req_with(other: &impl Parameters, own: Values) -> TaskResult<Self> {
        let parameters = Self::parameters();
        if let Some((name, _)) = own.iter().find(|(name, _)| !parameters.iter().any(|known| known.name == *name)) {
            anyhow::bail!("{} has no parameter {name}", Self::FAMILY);
        }
        let theirs = other.values();
        let common = parameters.iter().filter_map(|known| Some((known.name.as_str(), theirs.get(&known.name)?)));
        let values: Values = common.chain(own.iter()).collect();
        let from = || format!("{} is required by {}", Self::FAMILY, other.id());
        Self::from_values(&values).map_err(|wrong| anyhow::Error::new(wrong).context(from()))
    }

    /// What tells this task from all others.
    fn id(&self) -> TaskId {
        let values = self.values();
        let parameters = Self::parameters();
        let significant = parameters.iter().filter(|known| known.significant);
        TaskId::new(Self::FAMILY, significant.filter_map(|known| Some((known.name.as_str(), values.get(&known.name)?))))
    }
}
