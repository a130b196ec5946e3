//! `law fs exists`

use std::ffi::OsString;

use clap::Args;
use law_storage::{Error, ErrorKind};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Tell by the exit code whether something exists: 0 yes, 3 no, anything else: cannot tell.
#[derive(Args)]
pub(crate) struct Exists {
    /// What to look for.
    #[arg(value_name = "PLACE")]
    place: OsString,
}

impl Exists {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = context.place_only(&self.place).map_err(cannot_tell)?;
        let exists = context.stat(&place).await.map_err(cannot_tell)?.is_some();
        if context.json {
            let mut out = Out::new();
            out.line(json!({"url": output::place_url(&place), "exists": exists}))?;
            out.flush()?;
        }
        if exists { Ok(()) } else { Err(Failure::No) }
    }
}

/// What is missing is something that was needed for the question (a CA file, the working directory): that is no answer.
fn cannot_tell(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::InvalidInput) } else { error }
}
