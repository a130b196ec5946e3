//! What is known of a parameter without a task.

/// Whether a parameter must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It must: on the command line, in the configuration, or by who requires the task.
    Required,
    /// It is this where nobody says otherwise; as text.
    Default(String),
}

/// One setting of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As it is typed behind `--`, and as it stands in the name of the task.
    pub name: String,
    /// What its values are, in words with an article.
    pub kind: String,
    /// What could be typed.
    pub example: String,
    /// What it means; empty if nobody said.
    pub help: String,
    /// Whether it must be given.
    pub presence: Presence,
    /// The only values, where there are few.
    pub choices: Option<Vec<String>>,
    /// Whether it tells tasks apart. What does not change the output, such as a verbosity, is not significant.
    pub significant: bool,
    /// What the option means without a value: `--flag`.
    pub implied: Option<String>,
}
