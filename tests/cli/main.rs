//! What a user of the programs sees: one file per command, on a local disk, on `law fs serve`, and some on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[path = "../sandbox/mod.rs"]
#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

mod backends;
mod buckets;
mod cat;
mod checksum;
mod chmod;
mod completion;
mod config;
mod cp;
mod cp_names;
mod demo;
mod doctor;
mod examples;
mod exists;
mod exit_codes;
mod finder;
mod help;
mod keys;
mod looking;
mod ls;
mod mkdir;
mod mv;
mod output;
mod progress;
mod rm;
mod secrets;
mod serve;
mod show;
mod stat;
mod tape;
mod task_runs;
mod tasks;
mod token;
mod touch;
mod transfers;
mod trouble;
mod workflows;
mod xattr;

use sandbox::{Sandbox, Served};

/// A name with everything that has a meaning in URLs, and with letters of several bytes.
const ODD: &str = "odd name %41 #1 ?x \u{fc}.txt";

/// A directory `d` with a few files in the working directory.
fn with_files() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.txt", "hello\n");
    sandbox.write("d/sub/b.txt", "a longer text\n");
    sandbox.write("d/.hidden", "");
    sandbox
}

/// The same, served.
fn with_server() -> (Sandbox, Served) {
    let sandbox = with_files();
    let server = sandbox.serve("d");
    (sandbox, server)
}

/// Runs a test twice: with a directory of the disk and with the URL of a served one, both ending in a slash.
fn on_both(test: impl Fn(&Sandbox, &str)) {
    let sandbox = with_files();
    test(&sandbox, "d/");
    let (sandbox, server) = with_server();
    test(&sandbox, &server.url);
}
