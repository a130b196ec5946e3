//! Programs for Node.js: azurite, which is Azure Blob Storage for tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::workspace::{self, succeed};

/// What Debian trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

const AZURITE: &str = "azurite@3.37.0";

/// The Debian packages without which nothing can be installed, unless it can already: other packages of Node.js have npm within.
pub(crate) fn missing_packages() -> Vec<String> {
    let able = ["node", "npm"].iter().all(|program| {
        let mut command = Command::new(program);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if able { Vec::new() } else { vec!["nodejs".into(), "npm".into()] }
}

fn environment() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("node"))
}

/// Where the programs are, once they are.
pub(crate) fn programs() -> Result<PathBuf> {
    Ok(environment()?.join("node_modules/.bin"))
}

/// Installs azurite in the target directory, at the first call.
pub(crate) fn with_azurite() -> Result<()> {
    if programs()?.join("azurite-blob").exists() {
        return Ok(());
    }
    let options = ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"];
    let mut command = Command::new("npm");
    command.args(options).arg(environment()?).arg(AZURITE);
    // Node.js believes the authorities that it brings, and no others that the machine trusts.
    if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none() && Path::new(AUTHORITIES).exists() {
        command.env("NODE_EXTRA_CA_CERTS", AUTHORITIES);
    }
    succeed(&mut command)
}
