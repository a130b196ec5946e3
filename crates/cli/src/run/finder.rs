//! Where tasks are: in this program, in the `tasks.toml` and the `law.toml` that are nearest, and in the projects that one names.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use law_task::Families;
use law_workflow::command::{Project, Reading, WrongFile};
use serde_json::Value;

use super::Refused;

/// What was found.
pub(super) struct Found {
    /// Tasks that this process can run.
    pub(super) families: Families,
    /// Programs that have more.
    pub(super) programs: Vec<Program>,
    /// What is probably not meant in the files.
    pub(super) doubts: Vec<String>,
}

/// A program of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A file that can be run.
    Binary(PathBuf),
    /// A crate, which is built first.
    Crate(PathBuf),
}

impl From<WrongFile> for Refused {
    fn from(wrong: WrongFile) -> Self {
        Self::Usage(wrong.to_string())
    }
}

impl Found {
    /// Looks in the working directory, and above it up to the first directory that has tasks.
    ///
    /// # Errors
    /// What is wrong in a file, with its place; a project that is not there.
    pub(super) fn here() -> Result<Self, Refused> {
        let mut reading = Reading::new(Families::linked()?);
        let mut programs = Vec::new();
        let here = std::env::current_dir()?;
        for directory in here.ancestors() {
            let (tasks, settings) = (directory.join("tasks.toml"), directory.join("law.toml"));
            let projects = if settings.is_file() { reading.settings(&settings)? } else { Vec::new() };
            if tasks.is_file() {
                refuse_public(&tasks)?;
                reading.tasks(&tasks)?;
            }
            for project in &projects {
                programs.extend(program_of(project, &settings, &tasks, &mut reading)?);
            }
            if tasks.is_file() || reading.has_commands() || !programs.is_empty() {
                break;
            }
        }
        // Nobody else configures tasks in this process.
        law_task::configure(reading.defaults());
        let doubts = reading.doubts();
        Ok(Self { families: reading.finish()?, programs, doubts })
    }

    /// Only what is in this program.
    pub(super) fn linked() -> Result<Self, Refused> {
        Ok(Self { families: Families::linked()?, programs: Vec::new(), doubts: Vec::new() })
    }

    /// The program that has a task of this name.
    ///
    /// # Errors
    /// A program that cannot tell.
    pub(super) fn program_with(&self, name: &str) -> Result<Option<&Program>, Refused> {
        for program in &self.programs {
            if program.index()?.iter().any(|task| task["name"] == name) {
                return Ok(Some(program));
            }
        }
        Ok(None)
    }
}

/// What everybody may write could be anybody's commands.
fn refuse_public(tasks: &Path) -> Result<(), Refused> {
    let mode = std::fs::metadata(tasks)?.permissions().mode();
    if mode & 0o002 == 0 {
        return Ok(());
    }
    let path = tasks.display();
    Err(Refused::Usage(format!(
        "{path} has commands, and everybody may write it (mode {:04o}): chmod o-w {path}",
        mode & 0o7777
    )))
}

/// The tasks of a project are read; the program that has some is given.
fn program_of(
    project: &Project,
    settings: &Path,
    own_tasks: &Path,
    reading: &mut Reading,
) -> Result<Option<Program>, Refused> {
    let missing = |path: &Path, what: &str| {
        Refused::Usage(format!("{}: the project {} {what}", settings.display(), path.display()))
    };
    if let Some(binary) = &project.binary {
        let program = Program::Binary(binary.clone());
        return if binary.is_file() { Ok(Some(program)) } else { Err(missing(binary, "is not there: build it first")) };
    }
    let directory = project.path.as_deref().unwrap_or(Path::new("."));
    let (tasks, cargo) = (directory.join("tasks.toml"), directory.join("Cargo.toml"));
    if !tasks.is_file() && !cargo.is_file() {
        return Err(missing(directory, "has no tasks.toml and no Cargo.toml"));
    }
    let is_read = std::fs::canonicalize(&tasks).ok() == std::fs::canonicalize(own_tasks).ok();
    if tasks.is_file() && !is_read {
        refuse_public(&tasks)?;
        reading.tasks(&tasks)?;
    }
    Ok(cargo.is_file().then_some(Program::Crate(cargo)))
}

impl Program {
    fn command(&self) -> Command {
        match self {
            Self::Binary(path) => Command::new(path),
            Self::Crate(manifest) => {
                let mut cargo = Command::new("cargo");
                cargo.args(["run", "--quiet", "--release", "--manifest-path"]).arg(manifest).arg("--");
                cargo
            }
        }
    }

    /// Its tasks, as `index --json` prints them.
    ///
    /// # Errors
    /// A program that cannot be run, or prints something else.
    pub(super) fn index(&self) -> Result<Vec<Value>, Refused> {
        let mut command = self.command();
        let output = command.args(["index", "--json", "--linked"]).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| Refused::Usage(format!("{self}: {error}")))?;
        if !output.status.success() {
            return Err(Refused::Usage(format!("{self} does not tell its tasks: {}", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let objects = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        objects.map_err(|error| Refused::Usage(format!("{self} is no program of tasks: {error}")))
    }

    /// Becomes this program, which runs the task.
    ///
    /// # Errors
    /// If it cannot start.
    pub(super) fn run(&self, words: &[OsString]) -> Refused {
        let error = self.command().arg("run").args(words).exec();
        Refused::Usage(format!("{self}: {error}"))
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Binary(path) | Self::Crate(path) => write!(f, "{}", path.display()),
        }
    }
}
