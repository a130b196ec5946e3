//! Where things lie: the checkout, cargo and its target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The root of the checkout that this program was built from.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// A cargo command in the root of the checkout.
pub(crate) fn cargo() -> Command {
    command(Path::new(&std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())))
}

/// Another command there.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command to its end, without standard input; an error names it.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// What a command prints, without the space around it; an error names it, and what it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {}", output.status, said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The target directory as cargo sees it, whether by variable, configuration or default.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = metadata(&["--no-deps"])?;
    let directory = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(directory))
}

/// What `cargo metadata` tells.
pub(crate) fn metadata(options: &[&str]) -> Result<serde_json::Value> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1"]).args(options))?;
    serde_json::from_str(&metadata).context("cargo metadata")
}

/// Whether this runs unattended, where what is missing is a failure and not a reason to skip.
pub(crate) fn unattended() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}
