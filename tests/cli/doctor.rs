//! `law fs doctor`

use insta::assert_snapshot;

use crate::sandbox::{Run, Sandbox};

/// Without what differs from run to run: ports, times, names of files.
fn steady(run: &Run) -> String {
    let mut text = String::new();
    for line in run.text().lines() {
        for word in line.split_inclusive(' ') {
            let trimmed = word.trim_end();
            match trimmed.find("127.0.0.1:").map(|at| &trimmed[at + 10..]) {
                Some(rest) => {
                    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                    text.push_str(&word.replace(&rest[..rest.len() - after.len()], "PORT"));
                }
                None if trimmed.chars().all(|c| c.is_ascii_digit()) && !trimmed.is_empty() => {
                    text.push_str(&word.replace(trimmed, "N"));
                }
                None => text.push_str(word),
            }
        }
        text.push('\n');
    }
    match text.split_once("law-doctor-") {
        Some((before, after)) => format!("{before}law-doctor{}", &after[after.find(".tmp").unwrap_or(0)..]),
        None => text,
    }
}

#[test]
fn a_storage_that_is_well() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a", "x");
    let server = sandbox.serve("d");
    let url = server.url.replace("http", "dav");
    let run = sandbox.fs(&format!("doctor --write {url}"));
    assert_eq!(run.code, Some(0));
    assert_snapshot!(steady(&run), @r#"
    ok    name       127.0.0.1 is 127.0.0.1
    ok    connection 127.0.0.1:PORT answers within N ms
    note  TLS        none: everybody on the way can read along, and passwords are not sent to other machines
    note  credential none; see law fs token show
    ok    place      a directory is there
    ok    list       N entries in the first page
    note  space      not told by the storage
    ok    write      dav://127.0.0.1:PORT/law-doctor.tmp written and published within N ms
    ok    checksum   adler32 by the storage agrees
    ok    read       the same bytes come back
    ok    clock      agrees with this machine's to a minute
    ok    remove     the file is gone again
    ok    replacing  readers see the old file or the new one
    ok    copies     within the storage
    note  settings   for the name store: in a law.toml
                     [fs.store]
                     doors = ["dav://127.0.0.1:PORT"]
    "#);
    assert_eq!(sandbox.names("d"), ["a"], "nothing is left");
    let objects = sandbox.fs(&format!("--json doctor --no-write {url}")).objects();
    assert!(objects.iter().all(|object| object["state"] == "ok" || object["state"] == "note"), "{objects:?}");
}

#[test]
fn what_is_wrong_has_a_line_and_the_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a", "x");
    let mut server = sandbox.serve_with("d", "--read-only");
    let url = server.url.replace("http", "dav");
    let read_only = sandbox.fs(&format!("doctor --write {url}"));
    assert_eq!(read_only.code, Some(5), "{}", read_only.text());
    assert!(read_only.text().contains("\nFAIL  write "), "{}", read_only.text());
    let missing = sandbox.fs(&format!("doctor {url}none"));
    assert_eq!(missing.code, Some(3));
    assert!(missing.text().contains("FAIL  place      nothing is there"), "{}", missing.text());
    server.stop();
    let stopped = sandbox.fs(&format!("doctor {url}"));
    assert_eq!(stopped.code, Some(6));
    assert!(stopped.text().contains("FAIL  connection cannot connect to 127.0.0.1"), "{}", stopped.text());
}

#[test]
fn a_token_that_has_expired_is_named_before_it_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a", "x");
    let server = sandbox.serve("d");
    // {"exp": 1000000000}
    sandbox.write("token", "e30.eyJleHAiOiAxMDAwMDAwMDAwfQ.x");
    let url = server.url.replace("http", "dav");
    let token = sandbox.path("token");
    sandbox.write("law.toml", format!("[fs.lab]\ndoors = [\"{url}\"]\ntoken_file = \"{}\"\n", token.display()));
    let run = sandbox.fs("doctor --no-write lab:");
    assert_eq!(run.code, Some(77), "{}", run.text());
    assert!(
        run.text().contains(&format!("bearer token of {} has expired on 2001-09-09", token.display())),
        "{}",
        run.text()
    );
    assert!(run.text().contains("ok    settings   [fs.lab]"), "{}", run.text());
}

#[test]
fn a_reader_that_goes_away_leaves_no_file_behind() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a", "x");
    let server = sandbox.serve("d");
    let url = server.url.replace("http", "dav");
    let mut command = sandbox.command(&format!("doctor --write {url}"));
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let early = command.status().unwrap();
    assert_ne!(early.code(), Some(0));
    let script = format!("{} fs doctor --write {url} | sed -n '/^ok    write/q'", env!("CARGO_BIN_EXE_law"));
    let mut command = sandbox.program("bash");
    command.args(["-c", &script]);
    sandbox.finish(command);
    assert_eq!(sandbox.names("d"), ["a"]);
}
