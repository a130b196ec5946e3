//! `law fs rmdir`

use std::ffi::OsString;

use clap::Args;

use crate::context::Context;
use crate::exit::Failure;

/// Remove empty directories.
#[derive(Args)]
pub(crate) struct Rmdir {
    /// Directories to remove.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

impl Rmdir {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.remove(context, text).await).await
    }

    async fn remove(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        if self.dry_run {
            context.existing(&place).await?;
            return context.would("remove", &place);
        }
        place.backend().remove_directory(&context.call, &place.resolved()).await?;
        context.has("removed", &place)
    }
}
