//! A place of its own for one test: a working directory, a home without settings, and the programs in there.

mod own_server;
mod run;
mod served;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

#[allow(unused_imports, reason = "every test crate uses its part of it")]
pub(crate) use own_server::OwnServer;
pub(crate) use run::Run;
#[allow(unused_imports, reason = "every test crate uses its part of it")]
pub(crate) use served::{Served, address_of, send};

/// When every file was written that [`Sandbox::write`] writes: `2024-03-02 12:34` in UTC.
const WRITTEN: Duration = Duration::from_secs(1_709_382_840);

/// The value of `LAW_TEST_<key>`. Without it the test is skipped, and fails where everything must be there.
pub(crate) fn setting(key: &str) -> Option<String> {
    let name = format!("LAW_TEST_{key}");
    let value = std::env::var(&name).ok();
    if value.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is not set, and CI must not skip");
        println!("skipped: {name} is not set (export $(cargo xtask servers up))");
    }
    value
}

/// A name that no other test and no earlier run has.
pub(crate) fn fresh(what: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("law-{what}-{}-{}", std::process::id(), now.as_nanos())
}

/// Bytes that differ wherever one looks.
pub(crate) fn pattern(size: usize, seed: u32) -> Vec<u8> {
    let word = |i: u32| i.wrapping_add(seed).wrapping_mul(2_654_435_761).to_le_bytes();
    (0..size.div_ceil(4) as u32).flat_map(word).take(size).collect()
}

/// The words of a line; `'` holds words with spaces together.
fn words(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).map(OsString::from).collect()
}

pub(crate) struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        ["work", "home", "tmp"].iter().for_each(|name| fs::create_dir(directory.path().join(name)).unwrap());
        // What a node shares is this sandbox's alone.
        fs::DirBuilder::new().mode(0o700).create(directory.path().join("node")).unwrap();
        Self { directory }
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    /// Writes a file, and makes the directories above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(path).unwrap();
        file.write_all(content.as_ref()).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + WRITTEN).unwrap();
    }

    /// The content of a file; none if there is no such file.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    /// Everything below a directory, hidden files and directories too, sorted.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        names_below(&self.path(directory))
    }

    /// Files that were meant for the time of a run only.
    pub(crate) fn scratch(&self) -> Vec<String> {
        names_below(&self.directory.path().join("tmp"))
    }

    /// A program in this place.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let places =
            [("HOME", "home"), ("TMPDIR", "tmp"), ("XDG_CONFIG_HOME", "home/config"), ("XDG_RUNTIME_DIR", "node")];
        for (name, place) in places {
            command.env(name, self.directory.path().join(place));
        }
        command.current_dir(self.path("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `law fs`, with these arguments, still to be started.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_law"));
        command.arg("fs").args(words(line));
        command
    }

    /// Runs `law fs`; words are separated by spaces, unless `'` holds them together.
    pub(crate) fn fs(&self, line: &str) -> Run {
        self.finish(self.command(line))
    }

    /// Runs `law fs` with words that may have spaces and quotes.
    pub(crate) fn fs_words<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Run {
        self.law(["fs"].into_iter().chain(words))
    }

    /// `law fs` as somebody who is not root, for whom permissions count; the working directory can be entered and changed.
    pub(crate) fn unprivileged(&self, line: &str) -> Command {
        use std::os::unix::fs::PermissionsExt as _;
        use std::os::unix::process::CommandExt as _;
        const NOBODY: u32 = 65_534;
        let mut command = self.command(line);
        if rustix::process::geteuid().is_root() {
            for path in [self.directory.path().to_owned(), self.path("")] {
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Runs `law fs` with this on standard input.
    pub(crate) fn fs_with_input(&self, line: &str, input: impl AsRef<[u8]>) -> Run {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        // Who refuses the command does not read.
        drop(child.stdin.take().unwrap().write_all(input.as_ref()));
        Run::new(child.wait_with_output().unwrap(), self.directory.path())
    }

    /// Runs `law`.
    pub(crate) fn law<Word: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = Word>) -> Run {
        let mut command = self.program(env!("CARGO_BIN_EXE_law"));
        command.args(arguments);
        self.finish(command)
    }

    pub(crate) fn finish(&self, mut command: Command) -> Run {
        Run::new(command.output().unwrap(), self.directory.path())
    }

    /// Runs one command after the other, and shows them as a terminal would.
    pub(crate) fn session<Line: AsRef<str>>(&self, lines: impl IntoIterator<Item = Line>) -> String {
        let mut shown = String::new();
        for line in lines {
            let line = line.as_ref();
            shown += &format!("$ law fs {line}\n{}", self.fs(line));
        }
        run::shown(&shown, self.directory.path())
    }

    /// A server of a directory in the working directory.
    pub(crate) fn serve(&self, directory: &str) -> Served {
        self.serve_with(directory, "")
    }

    /// The same, with options.
    pub(crate) fn serve_with(&self, directory: &str, options: &str) -> Served {
        fs::create_dir_all(self.path(directory)).unwrap();
        Served::start(self.command(&format!("serve {options} {directory}")))
    }
}

fn names_below(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() {
                directories.push(path);
            }
        }
    }
    names.sort();
    names
}
