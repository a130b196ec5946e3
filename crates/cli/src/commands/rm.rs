//! `law fs rm`

use std::ffi::OsString;

use clap::Args;
use law_storage::{Entry, Error, ErrorKind, Support};
use law_transfer::{Place, remove_tree};

use crate::context::Context;
use crate::exit::Failure;

/// Remove files, and with -r directories and everything below them.
#[derive(Args)]
pub(crate) struct Rm {
    /// What to remove.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Directories, and everything below them.
    #[arg(short, long, visible_short_alias = 'R')]
    recursive: bool,

    /// Be content with what is gone already.
    #[arg(short, long)]
    force: bool,

    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

/// Whether this process stands in there.
fn holds_the_working_directory(place: &Place) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let is_local = place.backend().capabilities().local_files == Support::Yes;
    let path = [b"/", place.resolved().as_bytes()].concat();
    // By whatever links it was named.
    let there = std::fs::canonicalize(std::ffi::OsStr::from_bytes(&path));
    is_local && there.is_ok_and(|there| std::env::current_dir().is_ok_and(|here| here.starts_with(there)))
}

impl Rm {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.remove(context, text).await).await
    }

    async fn remove(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let path = place.resolved();
        let Some(metadata) = place.backend().lstat(&context.call, &path).await? else {
            return if self.force {
                Ok(())
            } else {
                Err(Error::new(ErrorKind::NotFound, "not found").at(&place).into())
            };
        };
        if metadata.is_directory() && !self.recursive {
            let error = Error::new(ErrorKind::IsADirectory, "is a directory").at(&place);
            return Err(error.hint("rm -r removes it with everything below it").into());
        }
        if place.path.is_root() {
            let error = Error::new(ErrorKind::InvalidInput, "refusing to remove all that this name or URL stands for")
                .at(&place);
            return Err(error.hint("name the directories below it").into());
        }
        if metadata.is_directory() && holds_the_working_directory(&place) {
            let error = Error::new(ErrorKind::InvalidInput, "refusing to remove the working directory").at(&place);
            return Err(error.hint("it, or a directory above it, is removed from somewhere else").into());
        }
        if self.dry_run {
            return context.would("remove", &place);
        }
        if metadata.is_directory() {
            remove_tree(&context.call, &place, &mut |_: &Entry| {}).await?;
            return context.has("removed", &place);
        }
        match place.backend().remove_file(&context.call, &path).await {
            Err(error) if self.force && error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => context.has("removed", &place),
        }
    }
}
