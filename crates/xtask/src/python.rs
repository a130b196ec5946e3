//! Virtual environments of Python: numpy, h5py, PyYAML and zstandard for the tests that compare with them, and tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::workspace::{self, succeed};

/// The Debian package without which `python3` makes no virtual environments, unless it can already.
pub(crate) fn missing_packages() -> Vec<String> {
    let able = imports(Path::new("python3"), "venv, ensurepip");
    if able { Vec::new() } else { vec!["python3-venv".into()] }
}

/// The interpreter of a virtual environment with numpy, h5py, PyYAML and zstandard in the target directory; made at the first call.
pub(crate) fn with_packages() -> Result<PathBuf> {
    let packages = ["numpy", "h5py", "PyYAML", "zstandard"];
    with(&workspace::target_dir()?.join("python"), "numpy, h5py, yaml, zstandard", &packages)
}

/// The interpreter of a virtual environment from which these modules can be imported; made of `packages` if they cannot.
pub(crate) fn with(environment: &Path, modules: &str, packages: &[&str]) -> Result<PathBuf> {
    let python = environment.join("bin/python");
    if imports(&python, modules) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    succeed(Command::new(&python).args(install).args(packages))?;
    Ok(python)
}

fn imports(python: &Path, modules: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", &format!("import {modules}")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
