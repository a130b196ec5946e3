//! `law fs cat`

use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ErrorKind, Verify};
use law_transfer::{Place, Progress, read_proven};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Print files.
///
/// What was printed is proven at its end: if it turns out wrong there, the exit code is 7.
#[derive(Args)]
pub(crate) struct Cat {
    /// Files.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,
}

impl Cat {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let print = async |text: &OsString| print(context, &context.place_only(text)?, None).await;
        context.for_each(&self.places, print).await
    }
}

/// Prints one file; an error after the first byte says that what was printed is not the file.
pub(crate) async fn print(context: &Context, place: &Place, verify: Option<Verify>) -> Result<(), Failure> {
    let mut stream = read_proven(&context.call, place, verify, &Progress::default()).await?;
    let mut out = Out::new();
    let mut printed = 0u64;
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                out.bytes(&chunk)?;
                printed += chunk.len() as u64;
            }
            Err(error) => {
                out.flush()?;
                let cut = printed > 0 && error.kind() != ErrorKind::Cancelled;
                let error = if cut { error.with_kind(ErrorKind::Integrity) } else { error };
                return Err(error
                    .leaving(format!(
                        "the {printed} bytes that were printed are not the file: some are wrong or missing"
                    ))
                    .into());
            }
        }
    }
    Ok(out.flush()?)
}
