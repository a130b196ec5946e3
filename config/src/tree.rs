//! Settings before they have a type: a tree whose every node knows its origin.
//!
//! Nothing here has `Debug`: the tree holds passwords.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::origin::Origin;

/// Deeper keys come from nobody who means well.
const DEEPEST: usize = 16;

pub(crate) type Table = BTreeMap<String, Item>;

/// What a key leads to.
#[derive(Clone)]
pub(crate) struct Item {
    /// Where the key stands.
    pub(crate) key: Origin,
    pub(crate) node: Node,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Where the value stands.
    pub(crate) origin: Origin,
}

#[derive(Clone)]
pub(crate) enum Value {
    /// From the environment or the command line: what reads it gives it a type.
    Untyped(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
    /// A type that no setting has.
    Other(&'static str),
}

impl Node {
    /// The text, typed or not.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Untyped(text) => Some(text),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Array(_)
            | Value::Table(_)
            | Value::Other(_) => None,
        }
    }

    /// The number, typed or not.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Untyped(text) => text.trim().parse().ok(),
            Value::Text(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) | Value::Other(_) => None,
        }
    }

    /// The name of its type, for messages; never the value, which may be a secret.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Untyped(_) => "a text",
            Value::Text(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
            Value::Other(name) => name,
        }
    }
}

/// Why a text is no TOML, and at which byte if that is known.
pub(crate) struct SyntaxError {
    pub(crate) problem: String,
    pub(crate) offset: usize,
}

/// Reads a TOML document; `origin` gets byte offsets into it.
pub(crate) fn parse(text: &str, origin: &dyn Fn(usize) -> Origin) -> Result<Table, SyntaxError> {
    // The error's own Display quotes the line, which may hold a password: only its message is used.
    let document = DeTable::parse(text).map_err(syntax_error)?;
    table(document.into_inner(), origin)
}

/// Reads one TOML value, such as an array in an environment variable; all of it has the same origin.
pub(crate) fn parse_value(text: &str, origin: &Origin) -> Result<Node, SyntaxError> {
    let value = DeValue::parse(text).map_err(syntax_error)?;
    node(value, &|_| origin.clone())
}

fn syntax_error(error: toml::de::Error) -> SyntaxError {
    SyntaxError { problem: error.message().to_owned(), offset: error.span().map_or(0, |span| span.start) }
}

fn table(from: DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> Result<Table, SyntaxError> {
    from.into_iter().map(|(key, value)| item(&key, value, origin)).collect()
}

fn item(
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: Spanned<DeValue<'_>>,
    origin: &dyn Fn(usize) -> Origin,
) -> Result<(String, Item), SyntaxError> {
    let item = Item { key: origin(key.span().start), node: node(value, origin)? };
    Ok((key.get_ref().to_string(), item))
}

fn node(from: Spanned<DeValue<'_>>, origin: &dyn Fn(usize) -> Origin) -> Result<Node, SyntaxError> {
    let offset = from.span().start;
    let value = match from.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::Integer(number.map_err(|_| SyntaxError { problem: "the number is too large".to_owned(), offset })?)
        }
        DeValue::Float(float) => float.as_str().parse().map_or(Value::Other("a float"), Value::Float),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            Value::Array(items.into_iter().map(|item| node(item, origin)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => Value::Table(table(inner, origin)?),
    };
    Ok(Node { value, origin: origin(offset) })
}

/// Lays `upper` over `lower`: tables merge, everything else is replaced.
pub(crate) fn merge(lower: &mut Table, upper: Table) {
    for (key, item) in upper {
        match lower.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(item);
            }
            Entry::Occupied(mut occupied) => merge_item(occupied.get_mut(), item),
        }
    }
}

fn merge_item(lower: &mut Item, upper: Item) {
    match (&mut lower.node.value, upper.node.value) {
        (Value::Table(below), Value::Table(above)) => {
            merge(below, above);
            lower.key = upper.key;
            lower.node.origin = upper.node.origin;
        }
        (_, value) => *lower = Item { key: upper.key, node: Node { value, origin: upper.node.origin } },
    }
}

/// A tree of one untyped value; `None` where the key is too deep.
pub(crate) fn single(key: &[&str], text: &str, origin: &Origin) -> Option<Table> {
    let leaf = Node { value: Value::Untyped(text.to_owned()), origin: origin.clone() };
    let wrap = |node: Node, name: &&str| {
        let item = Item { key: origin.clone(), node };
        Node { value: Value::Table(Table::from([((*name).to_owned(), item)])), origin: origin.clone() }
    };
    if key.len() > DEEPEST {
        return None;
    }
    match key.iter().rev().fold(leaf, wrap).value {
        Value::Table(table) => Some(table),
        Value::Untyped(_)
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Array(_)
        | Value::Other(_) => None,
    }
}

/// Whether everything in it may decide where credentials go.
pub(crate) fn is_trusted(table: &Table) -> bool {
    table.values().all(|item| match &item.node.value {
        Value::Table(inner) => is_trusted(inner),
        _ => item.node.origin.is_trusted(),
    })
}
