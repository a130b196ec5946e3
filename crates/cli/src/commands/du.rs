//! `law fs du`

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ErrorKind, Path};
use law_transfer::{Place, walk_swiftly};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::printable;

/// Sum up the sizes of files below directories.
///
/// Sizes are those of the content; what a storage needs to keep it is not told by any. What cannot be listed is told, and is missing
/// in the sums; the rest goes on.
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

/// The key puts a directory behind all that it has.
type Sums = BTreeMap<Vec<u8>, (Path, Sum)>;

impl Du {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.one(context, text).await).await
    }

    async fn one(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let metadata = context.existing(&place).await?;
        let mut kinds = Vec::new();
        let sums = match metadata.is_directory() {
            true => self.sums(context, &place, &mut kinds).await?,
            false => {
                let file = Sum { files: 1, bytes: metadata.size.unwrap_or_default() };
                BTreeMap::from([(Vec::new(), (Path::root(), file))])
            }
        };
        let mut out = Out::new();
        for (path, sum) in sums.values() {
            if context.json {
                let url = output::place_url(&place.join(path));
                let whole = kinds.is_empty();
                out.line(json!({"url": url, "files": sum.files, "bytes": sum.bytes, "whole": whole}))?;
                continue;
            }
            let name = printable(Context::below(text, path));
            out.line(format!("{:>16} {name}", output::size(sum.bytes, self.human_readable)))?;
        }
        out.flush()?;
        Failure::of_all(kinds)
    }

    /// By directory.
    async fn sums(&self, context: &Context, top: &Place, kinds: &mut Vec<ErrorKind>) -> Result<Sums, Failure> {
        let deepest = if self.summarize { Some(0) } else { self.max_depth };
        let mut sums = BTreeMap::new();
        let mut walked = walk_swiftly(&context.call, top, |_| true).enumerate();
        add(&mut sums, &Path::root(), Sum::default());
        while let Some((number, found)) = walked.next().await {
            let found = match found {
                Ok(found) => found,
                // Of a directory that cannot be listed there is no sum.
                Err(error) if number == 0 => return Err(error.into()),
                Err(error) => {
                    context.walk_error(error, kinds)?;
                    continue;
                }
            };
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

fn add(sums: &mut Sums, directory: &Path, more: Sum) {
    let key = [directory.as_bytes(), b"\xff"].concat();
    let (_, sum) = sums.entry(key).or_insert_with(|| (directory.clone(), Sum::default()));
    sum.files += more.files;
    sum.bytes += more.bytes;
}
