//! A Python with numpy, PyYAML and zstandard for the tests that compare with them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// The Debian package without which `python3` makes no virtual environments, unless it can already.
pub(crate) fn missing_packages() -> Vec<String> {
    let able = imports(Path::new("python3"), "venv, ensurepip");
    if able { Vec::new() } else { vec!["python3-venv".into()] }
}

/// The interpreter of a virtual environment with numpy, PyYAML and zstandard in the target directory; made at the first call.
pub(crate) fn with_packages() -> Result<PathBuf> {
    let environment = workspace::target_dir()?.join("python");
    let python = environment.join("bin/python");
    if imports(&python, "numpy, yaml, zstandard") {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy", "PyYAML", "zstandard"];
    succeed(Command::new(&python).args(install))?;
    Ok(python)
}

fn imports(python: &Path, modules: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", &format!("import {modules}")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
