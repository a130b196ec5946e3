//! Developer commands of the law workspace, called as `cargo xtask COMMAND`.

// A command line program: standard output is its result, standard error its progress.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod demo;
mod dist;
mod fault_matrix;
mod faults;
mod interrupt;
mod node;
mod packages;
mod python;
mod servers;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer commands of the law workspace
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start, stop and list the real servers that the tests use
    #[command(subcommand)]
    Servers(servers::Command),
    /// Everything that has to hold before a change lands: format, lints, tests on real servers, documentation
    Test(test::Arguments),
    /// Build `law` and run its demo
    Demo(demo::Arguments),
    /// Put a proxy that misbehaves in front of a server, for tries by hand
    Faults(faults::Arguments),
    /// Meet every fault with `law` and with other clients, and write docs/faults.md
    FaultMatrix(fault_matrix::Arguments),
    /// Time `law` beside other clients on the same server; needs a quiet machine, and judges nothing
    Bench(bench::Arguments),
    /// Build `law` for old machines, check that it starts there, and pack it: a Debian package and an archive
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Servers(command) => servers::run(&command),
        Command::Test(arguments) => test::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Faults(arguments) => faults::run(&arguments),
        Command::FaultMatrix(arguments) => fault_matrix::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Dist(arguments) => dist::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
