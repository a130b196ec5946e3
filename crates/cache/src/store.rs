//! The directory on disk.
//!
//! ```text
//! DIR/law-cache-1/            1 is the layout: another one has another directory
//!   CACHEDIR.TAG              tells programs for backups to leave it out (https://bford.info/cachedir/)
//!   names/ab/...              which version of a path is kept: a file for each path
//!   objects/ab/KEY/           one version of one file
//!     meta                    whose it is, and its size
//!     map                     which blocks are there: see the module `map`
//!     data, or data.EXTENSION a sparse file with the blocks
//!     sealed                  present if the file is whole: see the module `seal`
//!     pinned                  present if it must stay
//!   space                     how much is in use: see the module `space`
//!   reserved/                 what processes are going to write, a file for each
//!   statistics                what the cache was good for
//!   new/                      what has no name yet
//! ```
//!
//! Nothing else than `law-cache-1` is ever written to or removed.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use law_storage::{Error, ErrorKind, Result};
use tempfile::NamedTempFile;

use crate::lock::{Lock, lock, try_lock};
use crate::names::moment;
use crate::space::{Limits, Reserved};

/// What the directory of this layout is called.
const LAYOUT: &str = "law-cache-1";

/// As <https://bford.info/cachedir/> has it.
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is the cache of law: it may be removed at any time.\n";

/// An open cache directory. Any number of processes may have the same one open.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Others of the group use it as well.
    shared: bool,
    limits: Limits,
    pub(crate) reserved: Mutex<Option<Reserved>>,
    patience: Duration,
    /// Since when nobody waits for locks, in milliseconds since 1970; none is 0.
    stuck: AtomicU64,
}

/// The longest work under a lock is to look at all objects to make room.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long after somebody did not go on nobody waits for him.
const STUCK: u64 = 60_000;

impl Store {
    /// Opens the cache in a directory, which is made if it is not there. A directory whose group may write to it, is shared by the group.
    ///
    /// # Errors
    /// `Unsupported` on a network file system, and where the kernel gives no locks of open file descriptions; otherwise what the disk says.
    pub fn open(directory: &Path, limits: Limits) -> Result<Self> {
        let told = |error: io::Error| Error::from(error).at(directory.display());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(told)?;
        if let Some(kind) = network(directory).map_err(told)? {
            let error = Error::new(ErrorKind::Unsupported, format!("no cache on a network file system ({kind})"));
            return Err(error
                .at(directory.display())
                .hint("dir of [cache], or LAW_CACHE_DIR, names a directory on a local disk"));
        }
        let shared = owned(directory).map_err(told)?;
        let store = Self {
            root: directory.join(LAYOUT),
            shared,
            limits,
            reserved: Mutex::new(None),
            patience: PATIENCE,
            stuck: AtomicU64::new(0),
        };
        store.prepare().map_err(told)?;
        if !store.has_locks() {
            let error = Error::new(ErrorKind::Unsupported, "the file system has no locks that processes share");
            return Err(error
                .at(directory.display())
                .hint("dir of [cache], or LAW_CACHE_DIR, names another directory"));
        }
        Ok(store)
    }

    fn prepare(&self) -> io::Result<()> {
        self.make_directory(&self.root)?;
        owned(&self.root)?;
        for directory in [self.names(), self.objects(), self.root.join("new"), self.reservations()] {
            self.make_directory(&directory)?;
        }
        let tag = self.root.join("CACHEDIR.TAG");
        if !tag.exists() {
            // A disk that has no room for it has a cache all the same.
            let _ = fs::write(tag, TAG);
        }
        Ok(())
    }

    fn has_locks(&self) -> bool {
        let file = self.open_or_make(&self.root.join("space"));
        file.is_ok_and(|file| try_lock(&file, Lock::Shared, u64::from(u32::MAX), 1).is_ok())
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Waits so long for locks of other processes, which may be stopped; then the cache is passed by.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long somebody may wait for a lock.
    pub(crate) fn patience(&self) -> Duration {
        let is_stuck = now().saturating_sub(self.stuck.load(Ordering::Relaxed)) < STUCK;
        if is_stuck { Duration::ZERO } else { self.patience }
    }

    /// Waits for the lock of a byte that others hold briefly.
    pub(crate) fn lock(&self, file: &File, kind: Lock, byte: u64) -> io::Result<()> {
        let patience = self.patience();
        let done = lock(file, kind, byte, patience);
        if done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) && patience > Duration::ZERO {
            tracing::warn!("a process that does not go on has locked the cache, which is passed by for a minute");
            self.stuck.store(now(), Ordering::Relaxed);
        }
        done
    }

    /// How much it may hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(crate) fn reservations(&self) -> PathBuf {
        self.root.join("reserved")
    }

    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.objects().join(&key[..2]).join(&key[2..])
    }

    /// Makes a directory, for this user or for the group.
    pub(crate) fn make_directory(&self, directory: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Ok(()) if self.shared => fs::set_permissions(directory, Permissions::from_mode(0o2770)),
            other => other,
        }
    }

    /// A file that is read and written.
    pub(crate) fn open_or_make(&self, file: &Path) -> io::Result<File> {
        let options = || OpenOptions::new().read(true).write(true).custom_flags(PLAIN).clone();
        match options().open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let made = options().create(true).truncate(false).mode(0o600).open(file)?;
        self.share(&made)?;
        Ok(made)
    }

    /// Lets the group have a file, if it has the cache.
    pub(crate) fn share(&self, file: &File) -> io::Result<()> {
        let foreign = || file.metadata().is_ok_and(|found| found.uid() != rustix::process::geteuid().as_raw());
        if !self.shared || foreign() { Ok(()) } else { file.set_permissions(Permissions::from_mode(0o660)) }
    }

    /// A file without a name yet.
    pub(crate) fn temporary_file(&self) -> io::Result<NamedTempFile> {
        let file = tempfile::Builder::new().prefix("").tempfile_in(self.root.join("new"))?;
        self.share(file.as_file())?;
        Ok(file)
    }

    /// A directory without a name yet.
    pub(crate) fn temporary_directory(&self) -> io::Result<PathBuf> {
        let directory = tempfile::Builder::new().prefix("").tempdir_in(self.root.join("new"))?.keep();
        if self.shared {
            fs::set_permissions(&directory, Permissions::from_mode(0o2770))?;
        }
        Ok(directory)
    }

    /// Directories of all objects.
    pub(crate) fn all_objects(&self) -> impl Iterator<Item = PathBuf> {
        let shards = fs::read_dir(self.objects()).into_iter().flatten().flatten();
        shards.filter_map(|shard| fs::read_dir(shard.path()).ok()).flatten().flatten().map(|object| object.path())
    }
}

/// How files are opened that somebody else may have put there.
pub(crate) const PLAIN: i32 = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;

/// Whether a directory is one of a group; an error if it is somebody else's alone, or everybody's.
fn owned(directory: &Path) -> io::Result<bool> {
    let found = fs::metadata(directory)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    let shared = found.mode() & 0o020 != 0;
    if !found.is_dir() || found.mode() & 0o002 != 0 || !(ours || shared) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a cache is a directory of one's own, or of a group, and not everybody's",
        ));
    }
    Ok(shared)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    moment(SystemTime::now())
}

/// What kind of network file system a directory is on; none for a local one. The numbers are those of statfs(2).
fn network(directory: &Path) -> io::Result<Option<&'static str>> {
    const KINDS: [(u64, &str); 12] = [
        (0x6969, "NFS"),
        (0xff53_4d42, "SMB"),
        (0xfe53_4d42, "SMB"),
        (0x517b, "SMB"),
        (0x5346_414f, "AFS"),
        (0x0bd0_0bd0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x00c3_6400, "Ceph"),
        (0x1983_0326, "BeeGFS"),
        (0x2003_0528, "OrangeFS"),
        (0x0102_1997, "9P"),
        (0x6573_5546, "FUSE"),
    ];
    let found = rustix::fs::statfs(directory)?.f_type as u64 & 0xffff_ffff;
    Ok(KINDS.into_iter().find(|(kind, _)| *kind == found).map(|(_, name)| name))
}
