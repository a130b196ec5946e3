//! Where documents are tried.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use law::config::{Config, Environment};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// A home without settings but for a token, whose files are gone at the end.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write(".run/bt_u1000", "token");
        fs::set_permissions(home.path().join(".run/bt_u1000"), fs::Permissions::from_mode(0o600)).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and makes the directories above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A program in that home, with `law` first on its path and nothing of the tester's environment.
    pub(crate) fn program(&self, program: &str) -> Command {
        let own = PathBuf::from(env!("CARGO_BIN_EXE_law"));
        let usual = std::env::var_os("PATH").unwrap();
        let directories = [own.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&usual));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::join_paths(directories).unwrap())
            .env("USER", "me")
            .env("LC_ALL", "C.UTF-8");
        for (name, place) in [("HOME", ""), ("TMPDIR", ".run"), ("XDG_RUNTIME_DIR", ".run")] {
            command.env(name, self.path().join(place));
        }
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `law fs`; words are separated by spaces.
    pub(crate) fn law_fs(&self, line: &str) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_law"));
        command.arg("fs").args(line.split_whitespace());
        command
    }

    pub(crate) fn exit_code(&self, line: &str) -> String {
        let status = self.law_fs(line).output().unwrap().status;
        status.code().map_or_else(|| status.to_string(), |code| code.to_string())
    }

    /// `law fs serve`, with a directory and perhaps options.
    pub(crate) fn serve(&self, line: &str) -> Served {
        let mut child = self.law_fs(&format!("serve {line}")).stderr(Stdio::inherit()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        Served { child, url }
    }

    /// Runs a script to its end, as somebody would paste it; what it started is ended with it.
    pub(crate) fn bash(&self, script: &str) -> (bool, String) {
        let shown = self.path().join(".run/shown");
        let file = File::create(&shown).unwrap();
        let mut shell = self.program("bash");
        shell.args(["-euo", "pipefail", "-c", script]).process_group(0);
        shell.stdout(file.try_clone().unwrap()).stderr(file);
        let mut shell = shell.spawn().unwrap();
        let group = Pid::from_child(&shell);
        let succeeded = shell.wait().unwrap().success();
        // If everything has ended by itself, there is no such group.
        let _ = kill_process_group(group, Signal::KILL);
        (succeeded, fs::read_to_string(shown).unwrap())
    }

    /// The configuration of that home, whose law.toml has this content.
    pub(crate) fn config(&self, toml: &str, overrides: &[&str]) -> law::config::Result<Config> {
        self.write("law.toml", toml);
        // It may have a password.
        fs::set_permissions(self.path().join("law.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        let variables = [("XDG_RUNTIME_DIR", self.path().join(".run").into()), ("USER", "me".into())];
        let environment = Environment {
            variables: variables.map(|(name, value)| (name.into(), value)).into_iter().collect::<BTreeMap<_, _>>(),
            working_directory: self.path().to_owned(),
            home: Some(self.path().to_owned()),
            system_directory: self.path().join("etc"),
            user: rustix::process::geteuid().as_raw(),
        };
        Config::load(&environment, overrides)
    }
}

/// A server that ends with this.
pub(crate) struct Served {
    child: Child,
    /// With a slash at its end.
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
