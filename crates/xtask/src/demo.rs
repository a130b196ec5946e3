//! `cargo xtask demo`: the program as a user would see it, built as developers build.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to `law demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Becomes `law demo`; returns only if that fails.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut law = workspace::cargo();
    law.args(["run", "--quiet", "--package", "law", "--bin", "law", "--", "demo"]).args(&arguments.arguments);
    Err(law.exec()).context("cannot run cargo")
}
