//! The program for old machines. Zig links it, as it knows the symbols of every glibc, and compiles the C of `ring`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::check::FLOOR;
use crate::{python, workspace};

/// What the packages are for.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What links; from PyPI, as Debian has no Zig. A new version makes a new environment.
const ZIG: &str = "ziglang==0.17.1";
const ZIGBUILD: &str = "cargo-zigbuild==0.24.1";

/// Builds `law`, and returns where it is. What this takes besides goes to `dist`.
///
/// # Errors
///
/// If Zig cannot be installed, or the build fails.
pub(super) fn build(dist: &Path) -> Result<PathBuf> {
    let tools = dist.join("tools");
    let environment = tools.join(format!("{ZIG}-{ZIGBUILD}").replace("==", "-"));
    let python = python::with(&environment, "ziglang", &[ZIG, ZIGBUILD])?;
    let mut build = workspace::command(&python.with_file_name("cargo-zigbuild"));
    build.args(["zigbuild", "--release", "--locked", "--package", "law", "--bin", "law", "--target"]);
    build.arg(format!("{TARGET}.{}", FLOOR.glibc()));
    for cache in ["CARGO_ZIGBUILD_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
        build.env(cache, tools.join("cache"));
    }
    build.env("CARGO_ZIGBUILD_PYTHON_PATH", &python).env("CARGO_ENCODED_RUSTFLAGS", without_places()?);
    workspace::succeed(&mut build)?;
    Ok(workspace::target_dir()?.join(TARGET).join("release/law"))
}

/// Flags that keep the folders of whoever builds out of the program, which are in the messages of panics.
fn without_places() -> Result<OsString> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home directory")?;
    let mut flags = OsString::new();
    for (place, name) in [(home.as_path(), "/cargo"), (workspace::root(), "/law")] {
        // The byte between two flags, as cargo wants it.
        let gap = if flags.is_empty() { "" } else { "\x1f" };
        for part in [gap.as_ref(), "--remap-path-prefix=".as_ref(), place.as_os_str(), "=".as_ref(), name.as_ref()] {
            flags.push::<&std::ffi::OsStr>(part);
        }
    }
    Ok(flags)
}
