//! Targets in a process that was forked: an error that names the reason where threads were lost, else they work.
//!
//! Each fork happens in a process of its own, this program started again: the test harness has threads.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails where it stands, and its child tells by printing"
)]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use fork::Fork;
use law_target::DirectoryTarget;

/// Set where a test is started again for the fork.
const AGAIN: &str = "LAW_TEST_FORKS";

/// Runs the test of that name again, and gives what it printed. None if this is that run.
fn started_again(test: &str) -> Option<String> {
    if std::env::var_os(AGAIN).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(AGAIN, "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What the child says of a call; the parent prints it.
fn told_by_a_child(directory: &DirectoryTarget) {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    match fork::fork().unwrap() {
        Fork::Child => {
            let text = match directory.exists() {
                Ok(exists) => format!("exists: {exists}"),
                Err(error) => format!("{error}; {}", error.hint_text().unwrap_or_default()),
            };
            writer.write_all(text.as_bytes()).unwrap();
            // The child has nothing of the test's to end; the directory belongs to its parent.
            std::process::exit(0);
        }
        Fork::Parent(_) => {
            drop(writer);
            let mut told = String::new();
            reader.read_to_string(&mut told).unwrap();
            println!("the child says {told}");
        }
    }
}

#[test]
fn a_fork_after_the_first_call_is_an_error_that_names_the_reason() {
    if let Some(told) = started_again("a_fork_after_the_first_call_is_an_error_that_names_the_reason") {
        assert!(told.contains("the child says this process was forked after law had started its threads"), "{told}");
        assert!(told.contains("fork before the first access"), "{told}");
        assert!(told.contains("the parent: true"), "{told}");
        return;
    }
    let directory = DirectoryTarget::temporary().unwrap();
    assert!(directory.exists().unwrap());
    told_by_a_child(&directory);
    println!("the parent: {}", directory.exists().unwrap());
}

#[test]
fn a_fork_before_the_first_call_works_on_both_sides() {
    if let Some(told) = started_again("a_fork_before_the_first_call_works_on_both_sides") {
        assert!(told.contains("the child says exists: true"), "{told}");
        assert!(told.contains("the parent: true"), "{told}");
        return;
    }
    let directory = DirectoryTarget::temporary().unwrap();
    told_by_a_child(&directory);
    println!("the parent: {}", directory.exists().unwrap());
}
