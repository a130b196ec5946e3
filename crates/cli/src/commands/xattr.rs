//! `law fs xattr`

use std::ffi::OsString;

use clap::Args;
use law_storage::{Error, ErrorKind};
use law_transfer::Place;
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Show, set or remove extended attributes, where the storage has such.
///
/// With nothing but places, all attributes with their values; bytes that are no text are shown as \xNN. Names begin with `user.`
/// on a local disk.
#[derive(Args)]
pub(crate) struct Xattr {
    /// Whose attributes.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Print the value of this one, as it is, without a line end. Exit code 3 if it is not set.
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["set_value", "remove"])]
    get: Option<String>,

    /// Give it this value; may be given several times.
    #[arg(short, long = "set-value", value_name = "NAME=VALUE", value_parser = assignment)]
    set_value: Vec<(String, Vec<u8>)>,

    /// Remove it; may be given several times.
    #[arg(short, long, value_name = "NAME")]
    remove: Vec<String>,

    /// Only say what would be changed.
    #[arg(long)]
    dry_run: bool,
}

fn assignment(text: &str) -> Result<(String, Vec<u8>), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.as_bytes().to_vec())),
        _ => Err("such as user.run=42".into()),
    }
}

impl Xattr {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.one(context, text).await).await
    }

    async fn one(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        match &self.get {
            Some(name) => self.print(context, &place, name).await,
            None if self.set_value.is_empty() && self.remove.is_empty() => self.list(context, &place).await,
            None => self.change(context, &place).await,
        }
    }

    async fn print(&self, context: &Context, place: &Place, name: &str) -> Result<(), Failure> {
        let value = place.backend().attribute(&context.call, &place.resolved(), name).await?;
        let missing = || Error::new(ErrorKind::NotFound, format!("no attribute {name} at")).at(place);
        let value = value.ok_or_else(missing)?;
        let mut out = Out::new();
        match context.json {
            true => out.line(json!({ "url": place.to_string(), "name": name, "value": shown(&value) }))?,
            false => out.bytes(&value)?,
        }
        Ok(out.flush()?)
    }

    async fn list(&self, context: &Context, place: &Place) -> Result<(), Failure> {
        let (call, path) = (&context.call, place.resolved());
        let mut names = place.backend().attributes(call, &path).await?;
        names.sort();
        let mut out = Out::new();
        for name in names {
            // One that was removed meanwhile has no value.
            let Some(value) = place.backend().attribute(call, &path, &name).await? else { continue };
            match context.json {
                true => out.line(json!({ "url": place.to_string(), "name": name, "value": shown(&value) }))?,
                false if self.places.len() > 1 => {
                    out.line(format_args!("{place}: {}={}", shown(name.as_bytes()), shown(&value)))?
                }
                false => out.line(format_args!("{}={}", shown(name.as_bytes()), shown(&value)))?,
            }
        }
        Ok(out.flush()?)
    }

    async fn change(&self, context: &Context, place: &Place) -> Result<(), Failure> {
        if self.dry_run {
            context.existing(place).await?;
            return context.would("change", place);
        }
        let set = self.set_value.iter().map(|(name, value)| (name, Some(&value[..])));
        for (name, value) in set.chain(self.remove.iter().map(|name| (name, None))) {
            place.backend().set_attribute(&context.call, &place.resolved(), name, value).await?;
        }
        context.has("changed", place)
    }
}

/// Text as it is; where there are bytes that are none, those and backslashes escaped.
fn shown(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => value.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        assert_eq!(assignment("user.a=b=c"), Ok(("user.a".into(), b"b=c".to_vec())));
        assert_eq!(assignment("user.a="), Ok(("user.a".into(), Vec::new())));
        for bad in ["", "user.a", "=x"] {
            assert!(assignment(bad).is_err(), "{bad}");
        }
    }
}
