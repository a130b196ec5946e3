//! Parameters of a `tasks.toml`: `n = 5`, or `n = { type = "integer", default = 5, help = "..." }`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;
use law_task::{Parameter, Presence, Ranges, Size, Value};
use serde::Deserialize;

/// A parameter, and how its texts are brought into one form.
#[derive(Clone)]
pub(crate) struct Typed {
    pub(crate) parameter: Parameter,
    /// The text as it is in the name of the task; none if it is no such value.
    pub(crate) normal: fn(&str) -> Option<String>,
    /// In a command each element is a word.
    pub(crate) is_list: bool,
}

/// What stands behind the name of a parameter.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Table(Table),
    Default(toml::Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    #[serde(rename = "type")]
    kind: Option<Kind>,
    default: Option<toml::Value>,
    help: Option<String>,
    choices: Option<Vec<toml::Value>>,
    significant: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Integer,
    Number,
    Boolean,
    Text,
    List,
    Path,
    Date,
    Duration,
    Size,
    Ranges,
}

impl Said {
    /// # Errors
    /// A default that is no value of its type, or not one of the choices.
    pub(crate) fn typed(&self, name: &str) -> Result<Typed, String> {
        let (default, table) = match self {
            Self::Default(toml::Value::Table(_)) => {
                return Err(format!(
                    "{name} is no parameter: one knows type, default, help, choices and significant, and types are integer, number, boolean, text, list, path, \
                     date, duration, size and ranges"
                ));
            }
            Self::Default(default) => (Some(default), None),
            Self::Table(table) => (table.default.as_ref(), Some(table)),
        };
        let hint = default.or_else(|| table.and_then(|table| table.choices.as_ref()?.first()));
        let kind = table.and_then(|table| table.kind).unwrap_or_else(|| Kind::of(hint));
        let mut typed = kind.typed(name);
        let choices = table.and_then(|table| table.choices.as_ref());
        let choices =
            choices.map(|choices| choices.iter().map(|choice| normal(&typed, choice)).collect::<Result<_, _>>());
        typed.parameter.choices = choices.transpose()?;
        if let Some(default) = default {
            typed.parameter.presence = Presence::Default(normal(&typed, default)?);
        }
        typed.parameter.help = table.and_then(|table| table.help.clone()).unwrap_or_default();
        typed.parameter.significant = table.and_then(|table| table.significant).unwrap_or(true);
        Ok(typed)
    }
}

/// A value of the file as text.
fn normal(typed: &Typed, value: &toml::Value) -> Result<String, String> {
    let Parameter { name, kind, choices, .. } = &typed.parameter;
    let text = text(value);
    let normal = (typed.normal)(&text).ok_or_else(|| format!("{text:?} is not {kind}, as {name} is"))?;
    match choices {
        Some(choices) if !choices.contains(&normal) => Err(format!("{text:?} is none of {}", choices.join(", "))),
        _ => Ok(normal),
    }
}

/// A value as somebody would type it.
pub(super) fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().serialize(),
        other => other.to_string(),
    }
}

impl Kind {
    /// What a default looks like.
    fn of(value: Option<&toml::Value>) -> Self {
        match value {
            Some(toml::Value::Integer(_)) => Self::Integer,
            Some(toml::Value::Float(_)) => Self::Number,
            Some(toml::Value::Boolean(_)) => Self::Boolean,
            Some(toml::Value::Array(_)) => Self::List,
            Some(toml::Value::Datetime(_)) => Self::Date,
            _ => Self::Text,
        }
    }

    fn typed(self, name: &str) -> Typed {
        match self {
            Self::Integer => typed::<i64>(name),
            Self::Number => typed::<f64>(name),
            Self::Boolean => typed::<bool>(name),
            Self::Text => typed::<String>(name),
            Self::List => Typed { is_list: true, ..typed::<Vec<String>>(name) },
            Self::Path => typed::<PathBuf>(name),
            Self::Date => typed::<Date>(name),
            Self::Duration => typed::<Duration>(name),
            Self::Size => typed::<Size>(name),
            Self::Ranges => typed::<Ranges>(name),
        }
    }
}

fn typed<T: Value>(name: &str) -> Typed {
    let parameter = Parameter {
        name: name.into(),
        kind: T::kind(),
        example: T::example(),
        help: String::new(),
        presence: Presence::Required,
        choices: None,
        significant: true,
        implied: T::implied().map(Into::into),
    };
    Typed { parameter, normal: |text| T::parse(text).map(|value| value.serialize()), is_list: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Typed, String> {
        let table: toml::Table = text.parse().unwrap();
        let said: Said = table["p"].clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
        said.typed("p")
    }

    fn default(text: &str) -> (String, String) {
        let typed = of(text).unwrap();
        let Presence::Default(default) = typed.parameter.presence else { panic!("{text}") };
        (typed.parameter.kind, default)
    }

    #[test]
    fn the_default_tells_the_type() {
        assert_eq!(default("p = 5"), ("a whole number".into(), "5".into()));
        assert_eq!(default("p = 0.5"), ("a number".into(), "0.5".into()));
        assert_eq!(default("p = true"), ("true or false".into(), "True".into()));
        assert_eq!(default("p = 'v1'"), ("a text".into(), "v1".into()));
        assert_eq!(default("p = ['a', 'b,c']").1, "a,b\\,c");
        assert_eq!(default("p = 2026-01-31").1, "2026-01-31");
        assert_eq!(default("p = { type = 'duration', default = '90s' }").1, "01:30");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert!(of("p = { type = 'integer', default = 'many' }").err().unwrap().contains("is not a whole number"));
        assert!(of("p = { choices = ['a', 'b'], default = 'c' }").err().unwrap().contains("none of a, b"));
        assert!(of("p = { typo = 5 }").err().unwrap().contains("knows type, default"));
        assert_eq!(of("p = { type = 'text' }").unwrap().parameter.presence, Presence::Required);
    }
}
