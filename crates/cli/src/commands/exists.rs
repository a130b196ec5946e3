//! `law fs exists`

use std::ffi::OsString;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Tell by the exit code whether something exists: 0 yes, 3 no, anything else: cannot tell.
#[derive(Args)]
pub(crate) struct Exists {
    /// What to look for.
    #[arg(value_name = "PLACE")]
    place: OsString,
}

impl Exists {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = context.place_only(&self.place)?;
        let exists = context.stat(&place).await?.is_some();
        if context.json {
            let mut out = Out::new();
            out.line(json!({"url": place.to_string(), "exists": exists}))?;
            out.flush()?;
        }
        if exists { Ok(()) } else { Err(Failure::No) }
    }
}
