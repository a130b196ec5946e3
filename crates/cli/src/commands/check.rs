//! `law fs check`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use clap::Args;
use law_storage::{ErrorKind, Path};
use law_transfer::{Difference, Place, Thoroughness, compare_trees};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::filter_arguments::FilterArguments;
use crate::output::{self, Out};

/// Compare two directories, file by file: sizes and checksums; where a storage has no checksums, the bytes are read.
///
/// Exit code 0 if they have the same files, 7 if contents differ, 3 if files are missing, 4 if there are more, 1 if several of
/// these. Printed is what differs: `* PATH` is different, `- PATH` is missing in TO, `+ PATH` is only there.
#[derive(Args)]
pub(crate) struct Check {
    /// The directory that is right.
    #[arg(value_name = "FROM")]
    from: OsString,

    /// The directory that is compared with it.
    #[arg(value_name = "TO")]
    to: OsString,

    /// Compare sizes alone.
    #[arg(long)]
    size_only: bool,

    /// Files that only TO has are fine.
    #[arg(long)]
    one_way: bool,

    /// Print files that are the same, too, as `= PATH`.
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    filter: FilterArguments,
}

/// What was found, and what was printed of it.
struct Findings<'a> {
    context: &'a Context,
    check: &'a Check,
    counts: BTreeMap<&'static str, u64>,
    kinds: Vec<ErrorKind>,
    printed: io::Result<()>,
}

impl Check {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (from, to) = (context.place_only(&self.from)?, context.place_only(&self.to)?);
        let filter = Arc::new(self.filter.filter()?);
        let how = if self.size_only { Thoroughness::Size } else { Thoroughness::Content };
        let mut findings =
            Findings { context, check: &self, counts: BTreeMap::new(), kinds: Vec::new(), printed: Ok(()) };
        compare_trees(&context.call, &from, &to, &filter, how, &mut |path, found| findings.take(path, found)).await?;
        findings.finish(&from, &to)
    }
}

impl Findings<'_> {
    fn take(&mut self, path: &Path, found: Difference) {
        let (mark, word, kind) = match &found {
            Difference::Same(_) => ("=", "same", None),
            Difference::Different(_) => ("*", "different", Some(ErrorKind::Integrity)),
            Difference::Missing => ("-", "missing", Some(ErrorKind::NotFound)),
            Difference::Extra if self.check.one_way => return,
            Difference::Extra => ("+", "extra", Some(ErrorKind::AlreadyExists)),
            Difference::Failed(error) => ("!", "failed", Some(error.kind())),
        };
        *self.counts.entry(word).or_default() += 1;
        self.kinds.extend(kind.filter(|kind| !self.kinds.contains(kind)));
        let printed = self.print(path, &found, mark, word);
        self.printed = std::mem::replace(&mut self.printed, Ok(())).and(printed);
    }

    fn print(&self, path: &Path, found: &Difference, mark: &str, word: &str) -> io::Result<()> {
        if let Difference::Failed(error) = found {
            self.context.tell(error);
            return Ok(());
        }
        if matches!(found, Difference::Same(_)) && !self.check.all {
            return Ok(());
        }
        let how = if let Difference::Different(how) = found { Some(*how) } else { None };
        let mut out = Out::new();
        match self.context.json {
            true => {
                let object = json!({"outcome": word, "by": how});
                out.line(output::with_name(object, "path", path.as_bytes()))?;
            }
            false => out.line(format!("{mark} {}{}", output::escaped(&path.to_string()), by(how)))?,
        }
        out.flush()
    }

    fn finish(self, from: &Place, to: &Place) -> Result<(), Failure> {
        self.printed?;
        if !self.context.json {
            let counts = self.counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
            let counts = if counts.is_empty() { "no files".into() } else { counts.join(", ") };
            output::note(format!("{from} and {to}: {counts}"));
        }
        Failure::of_all(self.kinds)
    }
}

fn by(how: Option<&str>) -> String {
    how.map(|how| format!(" ({how})")).unwrap_or_default()
}
