//! `cargo xtask fault-matrix`: every fault, met by `law` and by the clients people use today; writes `docs/faults.md`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::interrupt::Interrupt;
use crate::workspace;

/// Arguments of `cargo xtask fault-matrix`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the page goes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the whole matrix, which takes minutes; fails if `law` broke its promise in a cell.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    let page = arguments.out.clone().unwrap_or_else(|| workspace::root().join("docs/faults.md"));
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--quiet", "--package", "law", "--test", "faults", "--"]);
    cargo.args(["matrix::the_page", "--exact", "--ignored", "--nocapture"]);
    // Whoever starts it means the working directory of today, not that of the test.
    cargo.env("LAW_TEST_FAULTS_PAGE", std::path::absolute(page)?);
    let ended = interrupt.run(&mut cargo)?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
