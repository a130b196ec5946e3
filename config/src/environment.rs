//! What a configuration depends on besides its files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// What surrounds the process. Tests make their own; a program takes [`Environment::of_process`] once.
#[derive(Clone)]
pub struct Environment {
    /// The environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// Where the search for a project's `law.toml` begins; absolute.
    pub working_directory: PathBuf,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// The directory of the system's configuration: `/etc/law`.
    pub system_directory: PathBuf,
    /// The effective user id, which owns what is one's own.
    pub user: u32,
}

impl Environment {
    /// That of this process.
    ///
    /// # Errors
    /// When the working directory is gone or cannot be read.
    pub fn of_process() -> io::Result<Self> {
        Ok(Self {
            variables: std::env::vars_os().collect(),
            // One that was removed has no settings.
            working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            system_directory: PathBuf::from("/etc/law"),
            user: rustix::process::geteuid().as_raw(),
        })
    }

    /// A variable that is set and not empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<&Path> {
        let value = self.variables.get(std::ffi::OsStr::new(name))?;
        (!value.is_empty()).then(|| Path::new(value))
    }

    /// The directory of the user's configuration, by the XDG base directory specification.
    pub fn user_directory(&self) -> Option<PathBuf> {
        let named = self.non_empty("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).map(Path::to_owned);
        let directory = named.or_else(|| self.home.as_ref().map(|home| home.join(".config")))?;
        Some(directory.join("law"))
    }

    /// What is to outlive a process and is no setting, by the XDG base directory specification: `$XDG_STATE_HOME/law`, or
    /// `~/.local/state/law`.
    pub fn state_directory(&self) -> Option<PathBuf> {
        let named = self.non_empty("XDG_STATE_HOME").filter(|path| path.is_absolute()).map(Path::to_owned);
        let directory = named.or_else(|| self.home.as_ref().map(|home| home.join(".local/state")))?;
        Some(directory.join("law"))
    }

    /// Where processes of this user on this node share what they know: `$XDG_RUNTIME_DIR/law`, or `/tmp/law-UID` where that
    /// is unset, as in batch jobs. Who uses it makes it, and checks whose it is.
    pub fn node_directory(&self) -> PathBuf {
        match self.non_empty("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()) {
            Some(directory) => directory.join("law"),
            None => PathBuf::from(format!("/tmp/law-{}", self.user)),
        }
    }

    /// Where cached files live if no setting says so: the first of these that is on a local disk. `$LAW_CACHE_DIR`, the scratch directory of a
    /// batch job, `$XDG_CACHE_HOME/law` (`~/.cache`), `/var/tmp/law-UID`.
    pub fn cache_directories(&self) -> Vec<PathBuf> {
        let absolute = |name: &str| self.non_empty(name).filter(|path| path.is_absolute()).map(Path::to_owned);
        if let Some(directory) = absolute("LAW_CACHE_DIR") {
            return vec![directory];
        }
        let in_job =
            ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"].iter().any(|name| self.non_empty(name).is_some());
        let scratch = absolute("_CONDOR_SCRATCH_DIR").or_else(|| absolute("TMPDIR").filter(|_| in_job));
        let home = absolute("XDG_CACHE_HOME").or_else(|| Some(self.home.as_ref()?.join(".cache")));
        let last = PathBuf::from(format!("/var/tmp/law-{}", self.user));
        let own = |directory: PathBuf| directory.join("law");
        scratch.map(|directory| directory.join("law-cache")).into_iter().chain(home.map(own)).chain([last]).collect()
    }

    /// Where the user's own settings stand or would stand: the file that `law config add` writes.
    pub fn user_file(&self) -> Option<PathBuf> {
        self.user_directory().map(|directory| directory.join("law.toml"))
    }
}

/// Variables may hold secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("working_directory", &self.working_directory)
            .field("home", &self.home)
            .field("system_directory", &self.system_directory)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
