//! How files are copied, as it is typed: what `cp` and `sync` share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use law_storage::{Result, Verify, Way};
use law_transfer::{Bandwidth, Between, CopyOptions, ThirdParty};

use crate::arguments::bytes;
use crate::context::Context;
use crate::filter_arguments::FilterArguments;
use crate::progress::{Display, Shown};

/// How files are copied.
#[derive(Args)]
pub(crate) struct CopyArguments {
    /// How much proof is wanted: auto, unless the settings say otherwise, compares checksums where both storages can, and
    /// sizes always.
    #[arg(long, value_enum, value_name = "PROOF")]
    pub(crate) verify: Option<Proof>,

    /// Only say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Say nothing about what was done.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// How it is shown how far it has come.
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto", hide_default_value = true)]
    progress: Shown,

    /// So many files at once; as many as their sizes suggest if it is not given.
    #[arg(short, long, value_name = "FILES")]
    jobs: Option<NonZeroUsize>,

    /// So many connections for a large file; as many as help if it is not given.
    #[arg(long, value_name = "STREAMS")]
    streams: Option<NonZeroUsize>,

    /// So many bytes a second at most, such as 10M.
    #[arg(long, value_name = "RATE", value_parser = bytes)]
    bwlimit: Option<u64>,

    /// Whether two storages copy large files between themselves (WebDAV's third-party copy), proven as others are.
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto", hide_default_value = true)]
    third_party: ThirdPartyWay,

    /// Of a directory: stop after so many failures.
    #[arg(long, value_name = "COUNT")]
    max_errors: Option<u64>,

    /// Of a directory: go on where the same command broke off. What was copied and proven is not copied again.
    #[arg(long)]
    pub(crate) resume: bool,

    /// Of a directory: note each file as a JSON object, with checksums, door and attempts.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) filter: FilterArguments,
}

/// Who moves the bytes between two storages.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ThirdPartyWay {
    /// They, for files from 4 MiB on and where no token is needed: the destination fetches it, or else the source sends it, or
    /// else this machine does it.
    Auto,
    /// They, or it fails.
    Only,
    /// The destination fetches it, or it fails.
    Pull,
    /// The source sends it, or it fails.
    Push,
    /// This machine.
    Never,
}

impl From<ThirdPartyWay> for Between {
    fn from(way: ThirdPartyWay) -> Self {
        match way {
            ThirdPartyWay::Auto => Self::Auto,
            ThirdPartyWay::Only => Self::Only,
            ThirdPartyWay::Pull => Self::By(Way::Pull),
            ThirdPartyWay::Push => Self::By(Way::Push),
            ThirdPartyWay::Never => Self::Never,
        }
    }
}

/// How much proof is wanted.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Proof {
    /// Sizes always, checksums where the storages have them.
    Auto,
    /// Checksums by the storages, or an error.
    Require,
    /// Sizes alone.
    Size,
    /// Whatever the protocol says itself.
    None,
}

impl From<Proof> for Verify {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Auto => Self::Auto,
            Proof::Require => Self::Require,
            Proof::Size => Self::Size,
            Proof::None => Self::None,
        }
    }
}

impl CopyArguments {
    /// What is the same for one file and for many.
    pub(crate) fn options(&self) -> CopyOptions {
        CopyOptions {
            verify: self.verify.map(Into::into),
            dry_run: self.dry_run,
            jobs: self.jobs,
            streams: self.streams,
            max_errors: self.max_errors,
            third_party: ThirdParty::new(self.third_party.into()),
            limit: self.bwlimit.map(Bandwidth::new),
            ..CopyOptions::default()
        }
    }

    /// Shows how far a copy has come, as it is wanted.
    pub(crate) fn display(&self, context: &Context, options: &CopyOptions) -> Display {
        match self.progress {
            Shown::Json => Display::for_programs(&options.progress),
            Shown::None => Display::of(&options.progress, false),
            Shown::Auto => Display::of(&options.progress, !context.json && !self.quiet && !self.dry_run),
        }
    }

    /// As `options`, for what is meant of a tree.
    ///
    /// # Errors
    /// `InvalidInput` for what is no pattern; those of reading lists.
    pub(crate) fn filtered(&self, options: CopyOptions) -> Result<CopyOptions> {
        Ok(CopyOptions { filter: Arc::new(self.filter.filter()?), ..options })
    }
}
