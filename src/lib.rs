//! Work with remote files as if they were local ones.
//!
//! A target is a file or directory on any storage, which exists or not. It is dumped, loaded, listed, and localized for
//! programs that know only local paths. What returns `Ok` is byte-identical, verified and published once; what fails
//! says why, and leaves the old data untouched.
//!
//! ```
//! # fn main() -> law::Result<()> {
//! # let scratch = tempfile::tempdir()?;
//! # let store = scratch.path();
//! # let array = ndarray::array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
//! use law::prelude::*;
//! use ndarray::Array2;
//!
//! let dir = DirectoryTarget::at(store)?; // or "wlcg:ntuples/v3", "davs://...", "./out"; no I/O happens here
//! let file = dir.child("data.npz"); // child_dir for a directory, child_any asks the store
//! file.dump(&array, Numpy)?; // by value or by reference; atomic, proven; Numpy::compressed(), Json::indent(4)
//! let back: Array2<f64> = file.load(Numpy)?;
//! assert_eq!(file.parent(), dir);
//! dir.child("other.txt").touch()?; // never truncates; makes parents
//! assert!(file.sibling("other.txt").exists()?); // three-valued: Err is "cannot tell"
//! let local = file.localize_read()?; // a local path for any program
//! let out = dir.child("plot.pdf").localize_write()?; // out.path() to write to
//! std::fs::copy(local.path(), out.path())?;
//! out.commit()?; // publishes; dropping discards
//! # assert_eq!(back, array);
//! # assert_eq!(dir.listdir(None, None)?, ["data.npz", "other.txt", "plot.pdf"]);
//! # Ok(()) }
//! ```

pub use law_config as config;
pub use law_formatters as formatters;
pub use law_storage as storage;
pub use law_target as target;
pub use law_task as task;
pub use law_transfer as transfer;
pub use law_workflow as workflow;

pub use law_storage::{Error, ErrorKind, Result};

/// The whole command line of `law` for a program of tasks: `fn main() -> std::process::ExitCode { law::main() }`.
///
/// Tasks and workflows that are linked into the program, and those of the `tasks.toml` that is nearest, are known: `program NAME --param value` runs one, as
/// `program run NAME` does, `program` alone lists them, and `program fs`, `program config` and so on are those of `law`.
#[cfg(feature = "cli")]
pub fn main() -> std::process::ExitCode {
    law_cli::program_of_tasks()
}

/// What a program that works with targets needs. No name of `std::io`, `std::path` or `std::result` is shadowed.
pub mod prelude {
    pub use law_formatters::{Archive, Member, MemberKind, Tar, Zip};
    pub use law_formatters::{Bzip2, Csv, Gzip, H5, Json, JsonLines, Numpy, Text, Toml, Xz, Yaml, Zstd};
    pub use law_target::collection::Threshold;
    pub use law_target::{AnyTarget, DirectoryTarget, FileTarget, LocalizedRead, LocalizedWrite};
    pub use law_target::{DirectoryCollection, LocalizedDirectory, LocalizedDirectoryWrite};
    pub use law_target::{
        FileCollection, NestedSiblingFileCollection, SiblingFileCollection, Target, TargetCollection,
    };
}

/// The README's Rust is compiled as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So is the book's, and it is run.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../docs/errors.md")]
    struct Errors;
    #[doc = include_str!("../docs/formats.md")]
    struct Formats;
    #[doc = include_str!("../docs/from-law.md")]
    struct FromLaw;
    #[doc = include_str!("../docs/targets.md")]
    struct Targets;
    #[doc = include_str!("../docs/tasks.md")]
    struct Tasks;
}
