//! Doors of a file system.

use crate::braces;
use crate::environment::Environment;
use crate::error::suggestion;
use crate::setting::{Element, Invalid, Setting as _, Word, quoted};
use crate::tree::{Node, Table, Value};

/// One endpoint of a storage.
#[derive(Clone, Debug, PartialEq)]
pub struct DoorSettings {
    /// Scheme, host, port, and perhaps a path or bucket; braces are expanded, and there are no credentials in it.
    pub url: String,
    /// What the door is used for; `None` is everything.
    pub ops: Option<Vec<Operation>>,
    /// How much of the load it gets, compared with the other doors: 1 unless it is said.
    pub weight: f64,
}

/// A group of operations that a door can be kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// The content of files.
    Read,
    /// Uploads.
    Write,
    /// Contents of directories.
    List,
    /// Existence, kind, size, times.
    Stat,
    /// New directories.
    Mkdir,
    /// Deletion.
    Remove,
    /// Moves within the storage.
    Rename,
    /// Copies within the storage or from another one.
    Copy,
    /// Checksums that the server computes.
    Checksum,
}

impl Word for Operation {
    const ALL: &'static [(&'static str, Self)] = &[
        ("read", Self::Read),
        ("write", Self::Write),
        ("list", Self::List),
        ("stat", Self::Stat),
        ("mkdir", Self::Mkdir),
        ("remove", Self::Remove),
        ("rename", Self::Rename),
        ("copy", Self::Copy),
        ("checksum", Self::Checksum),
    ];
}

impl Element for DoorSettings {
    const LIST: &'static str = "an array of URLs such as [\"davs://door1.site.example:2880\"]";

    fn read_element(node: &Node, environment: &Environment) -> Result<Vec<Self>, Invalid> {
        match &node.value {
            Value::Table(table) => read_table(node, table, environment),
            _ => match node.text() {
                Some(url) => read_urls(node, url, None, 1.0),
                None => {
                    Err(node.invalid(format!("a door is a URL or {{ url, ops, weight }}, not {}", node.type_name())))
                }
            },
        }
    }

    fn shown_element(&self) -> String {
        let ops = self.ops.as_ref().map(|ops| format!(", ops = {}", ops.shown())).unwrap_or_default();
        let weight = if self.weight == 1.0 { String::new() } else { format!(", weight = {}", self.weight) };
        match (ops.as_str(), weight.as_str()) {
            ("", "") => quoted(&self.url),
            _ => format!("{{ url = {}{ops}{weight} }}", quoted(&self.url)),
        }
    }
}

fn read_table(node: &Node, table: &Table, environment: &Environment) -> Result<Vec<DoorSettings>, Invalid> {
    const OPTIONS: [&str; 3] = ["url", "ops", "weight"];
    if let Some((name, item)) = table.iter().find(|(name, _)| !OPTIONS.contains(&name.as_str())) {
        let reason = format!("unknown option {name:?} of a door: {}", suggestion(name, OPTIONS));
        return Err(Invalid { origin: item.key.clone(), reason });
    }
    let url = table.get("url").ok_or_else(|| node.invalid("the door has no url"))?;
    let text = url.node.text().ok_or_else(|| url.node.invalid("the url of a door is a string"))?;
    let ops = table.get("ops").map(|item| Vec::<Operation>::read(&item.node, environment)).transpose()?;
    if let (Some(item), Some([])) = (table.get("ops"), ops.as_deref()) {
        return Err(item.node.invalid("a door without operations is of no use: leave ops out for all of them"));
    }
    let weight = table.get("weight").map_or(Ok(1.0), |item| read_weight(&item.node))?;
    read_urls(&url.node, text, ops.as_deref(), weight)
}

fn read_weight(node: &Node) -> Result<f64, Invalid> {
    match node.number() {
        Some(weight) if weight > 0.0 && weight.is_finite() => Ok(weight),
        _ => Err(node.invalid("the weight of a door is a number above 0")),
    }
}

fn read_urls(node: &Node, text: &str, ops: Option<&[Operation]>, weight: f64) -> Result<Vec<DoorSettings>, Invalid> {
    check_url(text).map_err(|reason| node.invalid(reason))?;
    let urls = braces::expand(text).map_err(|reason| node.invalid(reason))?;
    Ok(urls.into_iter().map(|url| DoorSettings { url, ops: ops.map(<[_]>::to_vec), weight }).collect())
}

fn has_credentials(url: &str) -> bool {
    let behind_scheme = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind_scheme.split('/').next().is_some_and(|authority| authority.contains('@')) || behind_scheme.contains("authz=")
}

/// Whether it looks like `scheme://...` without credentials; what a scheme means is the backends' business.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    // What is said about a URL with credentials must not show it, so this comes first.
    if has_credentials(url) {
        return Err(
            "URLs are shown in messages, so they hold no credentials: use the options user, password, token".to_owned()
        );
    }
    let scheme = url.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_part) {
        return Err(format!("{url:?} is no URL: write scheme://host:port, such as davs://door1.site.example:2880"));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || "?#".contains(c)) {
        // What follows may be a ticket.
        let before = url.split(|c: char| c.is_whitespace() || "?#".contains(c)).next().unwrap_or_default();
        return Err(format!("there is a blank, a ? or a # behind {before:?}, which no door has"));
    }
    Ok(())
}
