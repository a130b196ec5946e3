//! Members on their way to the local disk.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

use super::{Member, MemberKind};
use crate::compression::Limit;
use crate::{Error, Result};

/// A directory that is being filled under another name beside its place.
///
/// Links are made last, and directories are real: so no member is ever written through a link.
pub(super) struct Extraction {
    staging: TempDir,
    directory: PathBuf,
    limit: Limit,
    links: Vec<(PathBuf, PathBuf)>,
    finished_directories: Vec<(PathBuf, Option<u32>, Option<SystemTime>)>,
    broken_disk: Option<Error>,
    /// Permissions of any new directory here; that for temporary files is closed to others.
    mode: u32,
}

impl Extraction {
    pub(super) fn begin(directory: &Path, limit: Limit) -> Result<Self> {
        let occupied = match fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::on_disk(directory, error)),
        };
        if occupied {
            return Err(Error::on_disk(
                directory,
                io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty"),
            ));
        }
        let above = match directory.parent() {
            Some(above) if above != Path::new("") => above,
            _ => Path::new("."),
        };
        fs::create_dir_all(above).map_err(|e| Error::on_disk(above, e))?;
        let staging = tempfile::Builder::new().prefix(".").suffix(".lawpart").tempdir_in(above);
        let staging = staging.map_err(|e| Error::on_disk(above, e))?;
        Ok(Self {
            mode: mode_of_new_directories(staging.path()),
            staging,
            directory: directory.to_owned(),
            limit,
            links: Vec::new(),
            finished_directories: Vec::new(),
            broken_disk: None,
        })
    }

    /// Writes one member.
    pub(super) fn add(&mut self, member: &Member, content: &mut dyn Read) -> Result<()> {
        let path = self.staging.path().join(member.path());
        match member.kind() {
            MemberKind::Directory => {
                self.on_disk(|| fs::create_dir_all(&path), member)?;
                self.finished_directories.push((path, member.mode(), member.modified()));
                Ok(())
            }
            MemberKind::File => self.add_file(&path, member, content),
            MemberKind::Symlink(target) => {
                self.make_parent(&path, member)?;
                self.links.push((path, target.clone()));
                Ok(())
            }
            MemberKind::HardLink(target) => self.add_hard_link(&path, target, member),
        }
    }

    fn add_file(&mut self, path: &Path, member: &Member, content: &mut dyn Read) -> Result<()> {
        self.make_parent(path, member)?;
        let mode = member.mode().unwrap_or(0o644);
        let mut options = File::options();
        // A later member of the same name replaces an earlier one, as with every tool: but not what that one is linked to.
        self.on_disk(|| remove(path).and_then(|()| options.write(true).create_new(true).mode(mode).open(path)), member)
            .and_then(|mut file| self.fill(&mut file, member, content))
    }

    fn fill(&mut self, file: &mut File, member: &Member, content: &mut dyn Read) -> Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = content.read(&mut buffer).map_err(|e| Error::from(e).blaming_content().of(member.shown()))?;
            if read == 0 {
                break;
            }
            self.limit.take(read as u64).map_err(|error| error.of(member.shown()))?;
            self.on_disk(|| file.write_all(&buffer[..read]), member)?;
        }
        match member.modified() {
            Some(time) => self.on_disk(|| file.set_modified(time), member),
            None => Ok(()),
        }
    }

    fn add_hard_link(&mut self, path: &Path, target: &Path, member: &Member) -> Result<()> {
        let target = self.staging.path().join(target);
        let is_file = fs::symlink_metadata(&target).is_ok_and(|metadata| metadata.is_file());
        if !is_file || target == path {
            let message = format!("a link to {:?}, which is no file before it", member.kind());
            return Err(Error::malformed(message).of(member.shown()));
        }
        self.make_parent(path, member)?;
        self.on_disk(|| remove(path).and_then(|()| fs::hard_link(&target, path)), member)
    }

    fn make_parent(&mut self, path: &Path, member: &Member) -> Result<()> {
        let above = path.parent().unwrap_or(self.staging.path()).to_owned();
        self.on_disk(|| fs::create_dir_all(&above), member)
    }

    /// Gives everything its links and permissions, and the directory its name.
    pub(super) fn finish(self) -> Result<()> {
        let failed = |path: &Path, error| {
            let member = path.strip_prefix(self.staging.path()).unwrap_or(path);
            Error::on_disk(&self.directory, error).of(format_args!("member {member:?}"))
        };
        for (path, target) in &self.links {
            remove(path).and_then(|()| symlink(target, path)).map_err(|error| failed(path, error))?;
        }
        // Children before parents: a directory that may not be written to takes nothing more.
        for (path, mode, modified) in self.finished_directories.iter().rev() {
            finish_directory(path, *mode, *modified).map_err(|error| failed(path, error))?;
        }
        let staged = self.staging.path();
        fs::set_permissions(staged, Permissions::from_mode(self.mode))
            .and_then(|()| fs::rename(staged, &self.directory))
            .map_err(|e| Error::on_disk(&self.directory, e))?;
        // It has another name now.
        let _ = self.staging.keep();
        Ok(())
    }

    /// An error of the local disk is none of the content.
    fn on_disk<T>(&mut self, work: impl FnOnce() -> io::Result<T>, member: &Member) -> Result<T> {
        work().map_err(|error| {
            if matches!(
                error.kind(),
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory
            ) {
                return Error::malformed("it is a file and a directory at once").of(member.shown());
            }
            let told = Error::malformed(error.to_string());
            self.broken_disk = Some(Error::on_disk(&self.directory, error).of(member.shown()));
            told
        })
    }

    /// The error of the disk, if there was one, instead of what the parser made of it.
    pub(super) fn blame(&mut self, error: Error) -> Error {
        self.broken_disk.take().unwrap_or(error)
    }
}

fn finish_directory(path: &Path, mode: Option<u32>, modified: Option<SystemTime>) -> io::Result<()> {
    if let Some(time) = modified {
        File::open(path)?.set_modified(time)?;
    }
    match mode {
        // Whoever extracts may also remove.
        Some(mode) => fs::set_permissions(path, Permissions::from_mode(mode | 0o700)),
        None => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Found out with a directory, before anything else is there: asking the process would change its umask for a moment.
fn mode_of_new_directories(within: &Path) -> u32 {
    let probe = within.join("probe");
    let made = fs::create_dir(&probe).and_then(|()| fs::metadata(&probe));
    let _ = fs::remove_dir(&probe);
    // Without an answer, as closed as is usual.
    made.map_or(0o755, |metadata| metadata.permissions().mode() & 0o777)
}
