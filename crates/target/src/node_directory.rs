//! The directory in which processes of one user on one node share what they know.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Makes the directory, for this user alone. None where that is not possible, or where it is somebody else's or open to
/// others: in `/tmp` anybody could have made it.
pub(crate) fn private(directory: &Path) -> Option<PathBuf> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    let found = std::fs::symlink_metadata(directory).ok()?;
    let ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0;
    if !ours {
        tracing::debug!(directory = %directory.display(), "nothing is shared: it is not this user's alone");
    }
    ours.then(|| directory.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_a_directory_of_this_user_alone_is_good_enough() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("law");
        assert_eq!(private(&directory), Some(directory.clone()));
        assert_eq!(private(&directory), Some(directory.clone()));
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(private(&directory), None);
        std::os::unix::fs::symlink(place.path(), place.path().join("link")).unwrap();
        assert_eq!(private(&place.path().join("link")), None);
        assert_eq!(private(&place.path().join("no/where")), None);
    }
}
