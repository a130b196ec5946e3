//! Files that are whole: what was true of one when it was handed out, so that it is seen if anybody changes it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::object::Object;
use crate::store::Store;

/// Size, inode, and both times of a file that must not change any more. After a power loss they may be right and the content not, so they count until the
/// machine starts anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    size: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    boot: String,
    /// The checksum by which it was compared with the storage's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proven: Option<String>,
}

impl Seal {
    fn of(file: &File, proven: Option<String>) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self {
            size: found.len(),
            inode: found.ino(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            boot: boot(),
            proven,
        })
    }

    /// Of the object in a directory; none if it is not sealed, or was before the machine started.
    pub(crate) fn of_directory(directory: &Path) -> Option<Self> {
        let seal: Self = serde_json::from_slice(&fs::read(directory.join("sealed")).ok()?).ok()?;
        (seal.boot == boot()).then_some(seal)
    }

    /// Whether nobody has changed the file since.
    pub(crate) fn holds(&self, file: &File) -> bool {
        Self::of(file, self.proven.clone()).is_ok_and(|now| now == *self)
    }
}

/// What no other start of the machine has.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Notes that the file is whole and does not change any more. Nobody else seals it meanwhile.
pub(crate) fn seal(store: &Store, object: &Object, proven: Option<String>) -> io::Result<()> {
    if let Err(error) = object.data().set_permissions(Permissions::from_mode(0o444)) {
        // Somebody else of the group has made it.
        tracing::debug!("a file of the cache stays writable: {error}");
    }
    let seal = Seal::of(object.data(), proven)?;
    let mut file = store.temporary_file()?;
    file.write_all(&serde_json::to_vec(&seal)?)?;
    file.persist(object.directory().join("sealed")).map_err(|error| error.error)?;
    Ok(())
}
