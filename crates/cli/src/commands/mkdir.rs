//! `law fs mkdir`

use std::ffi::OsString;

use clap::Args;
use law_storage::{Error, ErrorKind, Parents};

use crate::context::Context;
use crate::exit::Failure;

/// Make directories.
#[derive(Args)]
pub(crate) struct Mkdir {
    /// Directories to make.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Make directories above them too, and be content with those that exist.
    #[arg(short, long)]
    parents: bool,

    /// Only say what would be made.
    #[arg(long)]
    dry_run: bool,
}

impl Mkdir {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.make(context, text).await).await
    }

    async fn make(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        if !self.parents && context.stat(&place).await?.is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "already exists").at(&place).into());
        }
        if self.dry_run {
            return context.would("make", &place);
        }
        let parents = if self.parents { Parents::Create } else { Parents::Require };
        match place.backend().create_directory(&context.call, &place.resolved(), parents).await {
            // A storage that has a hint knows better.
            Err(error) if error.kind() == ErrorKind::NotFound && !self.parents && error.hint_text().is_none() => {
                Err(error.hint("mkdir -p makes the directories above it, too").into())
            }
            Err(error) => Err(error.into()),
            Ok(()) => context.has("made", &place),
        }
    }
}
