//! Debian packages: which are missing, and installing them.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt::Interrupt;

/// Asked by package scripts before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Those of `packages` that are not installed, each once. Nothing where there is no dpkg.
pub(crate) fn missing(packages: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut missing: Vec<String> = packages.into_iter().collect();
    missing.sort();
    missing.dedup();
    if Command::new("dpkg").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Vec::new();
    }
    missing.retain(|package| !installed(package));
    missing
}

/// Installs packages as root, without the services that they would start.
pub(crate) fn install(packages: &[String], interrupt: &Interrupt) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("missing Debian packages; as root: apt-get install {}", packages.join(" "));
    }
    let _quiet = NoServices::set()?;
    apt(&["update"], interrupt)?;
    let options = ["install", "--yes", "--no-install-recommends"];
    apt(&options.into_iter().chain(packages.iter().map(String::as_str)).collect::<Vec<_>>(), interrupt)
}

fn installed(package: &str) -> bool {
    let output = Command::new("dpkg").args(["-s", package]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("Status: install ok installed"))
}

fn apt(arguments: &[&str], interrupt: &Interrupt) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("TMPDIR", "/var/tmp");
    let status = interrupt.run(&mut command).context("apt-get")?;
    ensure!(status.success(), "apt-get {}: {status}", arguments.join(" "));
    Ok(())
}

/// While it lives, packages may not start services (a web server on port 80), by Debian's policy-rc.d.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn set() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY).context(POLICY)?;
        let policy = Self { ours: true };
        std::io::Write::write_all(&mut file, b"#!/bin/sh\nexit 101\n").context(POLICY)?;
        Ok(policy)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // A leftover would only keep services from starting; there is nobody to tell.
            let _ = fs::remove_file(POLICY);
        }
    }
}
