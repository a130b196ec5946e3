//! `law fs du`

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;
use futures_util::TryStreamExt as _;
use law_storage::Path;
use law_transfer::{Place, walk};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Sum up the sizes of files below directories.
///
/// Sizes are those of the content; what a storage needs to keep it is not told by any.
#[derive(Args)]
pub(crate) struct Du {
    /// Directories and files; the working directory if there is none.
    #[arg(value_name = "PLACE", default_value = ".")]
    places: Vec<OsString>,

    /// Only the sum for each place.
    #[arg(short, long, conflicts_with = "max_depth")]
    summarize: bool,

    /// Only directories so many levels below.
    #[arg(short = 'd', long, value_name = "LEVELS")]
    max_depth: Option<usize>,

    /// Sizes such as 1.2G.
    #[arg(short, long)]
    human_readable: bool,
}

/// Files and bytes below a directory.
#[derive(Clone, Copy, Default)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Du {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.one(context, text).await).await
    }

    async fn one(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let metadata = context.existing(&place).await?;
        let sums = match metadata.is_directory() {
            true => self.sums(context, &place).await?,
            false => {
                let file = Sum { files: 1, bytes: metadata.size.unwrap_or_default() };
                BTreeMap::from([(Vec::new(), (Path::root(), file))])
            }
        };
        let mut out = Out::new();
        for (path, sum) in sums.values() {
            let place = place.join(path);
            match context.json {
                true => out.line(json!({"place": place.to_string(), "files": sum.files, "bytes": sum.bytes}))?,
                false => out.line(format!("{:>16} {place}", output::size(sum.bytes, self.human_readable)))?,
            }
        }
        Ok(out.flush()?)
    }

    /// By directory; the key puts a directory behind all that it has.
    async fn sums(&self, context: &Context, top: &Place) -> Result<BTreeMap<Vec<u8>, (Path, Sum)>, Failure> {
        let deepest = if self.summarize { Some(0) } else { self.max_depth };
        let mut sums = BTreeMap::new();
        let mut walked = walk(&context.call, top);
        add(&mut sums, &Path::root(), Sum::default());
        while let Some(found) = walked.try_next().await? {
            let is_directory = found.entry.metadata.is_directory();
            let size = if is_directory { 0 } else { found.entry.metadata.size.unwrap_or_default() };
            let sum = Sum { files: u64::from(!is_directory), bytes: size };
            let first = if is_directory { Some(found.below.clone()) } else { found.below.parent() };
            let mut above = first;
            while let Some(directory) = above {
                if deepest.is_none_or(|deepest| directory.segments().count() <= deepest) {
                    add(&mut sums, &directory, sum);
                }
                above = directory.parent();
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut BTreeMap<Vec<u8>, (Path, Sum)>, directory: &Path, more: Sum) {
    let key = [directory.as_bytes(), b"\xff"].concat();
    let (_, sum) = sums.entry(key).or_insert_with(|| (directory.clone(), Sum::default()));
    sum.files += more.files;
    sum.bytes += more.bytes;
}
