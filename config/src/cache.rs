//! Settings of the cache.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
use crate::error::Result;
use crate::quantity::{parse_duration, show_duration};
use crate::section::Section;
use crate::setting::{Invalid, Setting, Size, quoted};
use crate::tree::Node;

/// `[cache]`: what all file systems share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Where cached files live; `None` is chosen by the place.
    pub dir: Option<PathBuf>,
    /// Bytes on disk at most; `None` is chosen by the disk.
    pub max_size: Option<u64>,
    /// Bytes of the disk that stay free; `None` is chosen by the disk.
    pub min_free: Option<u64>,
    /// Bytes that are fetched and compared together.
    pub block_size: u64,
}

/// `[fs.NAME.cache]`: present where the cache is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystemCacheSettings {
    /// Bytes on disk at most for this file system.
    pub max_size: Option<u64>,
    /// When a cached file is looked up again.
    pub policy: Option<CachePolicy>,
    /// A directory for this file system alone; `None` is that of `[cache]`.
    pub dir: Option<PathBuf>,
    /// Each process has a directory of its own, which goes when the process ends.
    pub cleanup: bool,
}

/// When a cached file is looked up again at its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePolicy {
    /// Never: files of this storage do not change.
    Immutable,
    /// At every opening.
    Strict,
    /// After this time.
    TimeToLive(Duration),
}

impl CacheSettings {
    pub(crate) fn read(mut section: Section<'_, '_>) -> Result<Self> {
        let dir = section.optional("dir")?;
        let max_size = section.optional::<Size>("max_size")?.map(|size| size.0);
        let min_free = section.optional::<Size>("min_free")?.map(|size| size.0);
        let block_size = section.required::<Size>("block_size")?.0;
        section.finish()?;
        Ok(Self { dir, max_size, min_free, block_size })
    }
}

impl FileSystemCacheSettings {
    pub(crate) fn read(mut section: Section<'_, '_>) -> Result<Option<Self>> {
        let is_present = section.is_present();
        let max_size = section.optional::<Size>("max_size")?.map(|size| size.0);
        let policy = section.optional("policy")?;
        let dir = section.optional("dir")?;
        let cleanup = section.optional("cleanup")?.unwrap_or_default();
        section.finish()?;
        Ok(is_present.then_some(Self { max_size, policy, dir, cleanup }))
    }
}

impl Setting for CachePolicy {
    fn read(node: &Node, _: &Environment) -> std::result::Result<Self, Invalid> {
        match node.text().map(str::trim) {
            Some("immutable") => Ok(Self::Immutable),
            Some("strict") => Ok(Self::Strict),
            Some(text) => parse_duration(text).map(Self::TimeToLive).map_err(|_| {
                node.invalid(format!("{text:?} is neither \"immutable\" nor \"strict\" nor a duration such as \"60s\""))
            }),
            None => Err(node.invalid("it is \"immutable\", \"strict\", or a duration in quotes such as \"60s\"")),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Immutable => quoted("immutable"),
            Self::Strict => quoted("strict"),
            Self::TimeToLive(time) => quoted(&show_duration(*time)),
        }
    }
}
