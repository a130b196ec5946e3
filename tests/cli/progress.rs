//! How far a copy has come: on a terminal, and nowhere else.

use law_faults::{FaultProxy, Script};

use crate::sandbox::{Sandbox, Served};

/// A server whose last answer takes longer than anybody waits for a line.
fn slow() -> (Sandbox, Served, FaultProxy) {
    let sandbox = Sandbox::new();
    sandbox.write("a.bin", vec![7; 3_000_000]);
    let server = sandbox.serve("d");
    let script: Script = "MOVE delay 1500".parse().unwrap();
    let proxy = FaultProxy::start_blocking(server.address(), script).unwrap();
    (sandbox, server, proxy)
}

/// Runs `law fs cp` with a terminal of that kind as its standard error, and returns what it wrote there.
fn on_a_terminal(kind: &str) -> String {
    let (sandbox, _server, proxy) = slow();
    let line = format!("{} fs cp a.bin {}/b.bin", env!("CARGO_BIN_EXE_law"), proxy.url());
    let mut command = sandbox.program("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", kind);
    let run = sandbox.finish(command);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.text().to_owned()
}

#[test]
fn a_terminal_shows_bytes_rate_and_the_time_that_is_left() {
    let shown = on_a_terminal("xterm");
    assert!(shown.contains("2.9MiB of 2.9MiB (100 %), "), "{shown:?}");
    assert!(shown.contains("/s, 0 s left"), "{shown:?}");
    let end = shown.rsplit("left").next().unwrap();
    assert!(end.contains("\u{1b}[2K") && end.contains("b.bin (2.9MiB, "), "the line is gone at the end: {end:?}");
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_shows_nothing() {
    let shown = on_a_terminal("dumb");
    assert!(!shown.contains("left") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_pipe_gets_nothing() {
    let (sandbox, _server, proxy) = slow();
    let run = sandbox.fs(&format!("cp a.bin {}/b.bin", proxy.url()));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}
