//! `law fs formats`

use clap::Args;
use law_formatters::{KNOWN, compressions};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// List the formats of files that are known, and their extensions.
#[derive(Args)]
pub(crate) struct Formats {}

impl Formats {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut out = Out::new();
        for format in KNOWN {
            match context.json {
                true => out.line(json!({"name": format.name(), "extensions": format.extensions()}))?,
                false => out.line(format!("{:<8} {}", format.name(), format.extensions().join(" ")))?,
            }
        }
        for (name, extensions) in compressions() {
            match context.json {
                true => out.line(json!({"name": name, "extensions": extensions, "around": "any"}))?,
                false => out.line(format!("{name:<8} {} around any of them", extensions.join(" ")))?,
            }
        }
        Ok(out.flush()?)
    }
}
