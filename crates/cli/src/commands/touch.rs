//! `law fs touch`

use std::ffi::OsString;
use std::time::SystemTime;

use clap::Args;
use law_storage::{BytesSource, ErrorKind, Existing, Parents, PutOptions, Support};

use crate::context::Context;
use crate::exit::Failure;
use crate::output;

/// Make empty files, with the directories above them. A file that exists keeps its content.
#[derive(Args)]
pub(crate) struct Touch {
    /// Files to make.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Only say what would be made.
    #[arg(long)]
    dry_run: bool,
}

impl Touch {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.touch(context, text).await).await
    }

    async fn touch(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let (backend, path) = (place.backend(), place.resolved());
        let exists = context.stat(&place).await?.is_some();
        if self.dry_run {
            return context.would(if exists { "renew the time of" } else { "make" }, &place);
        }
        if exists {
            return match backend.capabilities().set_modified {
                Support::No => {
                    output::note(format!("{place} exists; this storage cannot renew its time"));
                    Ok(())
                }
                _ => {
                    backend.set_modified(&context.call, &path, SystemTime::now()).await?;
                    context.has("renewed", &place)
                }
            };
        }
        let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..PutOptions::default() };
        match backend.put(&context.call, &path, &BytesSource::new(""), &options).await {
            // Another one made it meanwhile: that is as good.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => context.has("made", &place),
        }
    }
}
