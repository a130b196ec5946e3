//! Every exit code of the table, provoked.

use law_faults::FaultProxy;
use rustix::process::Signal;

use crate::sandbox::{Sandbox, Served, send};
use crate::{with_files, with_server};

struct Way {
    code: i32,
    /// What the network does.
    script: &'static str,
    /// `URL` is the server behind that network, with a slash.
    line: &'static str,
}

const fn way(code: i32, script: &'static str, line: &'static str) -> Way {
    Way { code, script, line }
}

const WAYS: [Way; 22] = [
    way(0, "", "cat URLa.txt"),
    way(1, "GET /a.txt flip at 0", "cat URLnone URLa.txt"),
    way(2, "", "ls --no-such-option"),
    way(2, "", "ls dvas://door.example/"),
    way(3, "", "cat URLnone"),
    way(4, "", "cp --overwrite fail d/a.txt URLsub/b.txt"),
    way(4, "", "cat URLsub"),
    way(4, "", "mkdir URLsub"),
    way(5, "PUT status 403", "cp d/a.txt URLnew"),
    way(6, "* status 503 retry-after 1", "ls URL"),
    way(6, "* close-before-response", "ls URL"),
    way(6, "* stall-head", "ls --deadline 300ms URL"),
    way(6, "* refuse", "ls URL"),
    way(7, "GET /a.txt flip at 2", "cp URLa.txt here"),
    way(7, "GET /a.txt flip at 2", "cat URLa.txt"),
    way(8, "PUT status 507", "cp d/a.txt URLnew"),
    way(9, "", "ls hdfs://host/"),
    way(9, "* status 501", "ls URL"),
    way(65, "", "show d/cut.npz"),
    way(65, "PROPFIND html", "ls URL"),
    way(77, "* status 401", "ls URL"),
    way(77, "PUT status 401", "cp d/a.txt URLnew"),
];

#[test]
fn every_code_has_a_way_to_it() {
    let (sandbox, server) = with_server();
    sandbox.write("d/cut.npz", "PK\u{3}\u{4}");
    for Way { code, script, line } in WAYS {
        let proxy = FaultProxy::start_blocking(server.address(), script.parse().unwrap()).unwrap();
        let line = line.replace("URL", &format!("{}/", proxy.url()));
        let run = sandbox.fs(&line);
        assert_eq!(run.code, Some(code), "{script}: law fs {line}: {run}");
        let object = sandbox.fs(&format!("--json {line}"));
        if ![0, 1, 2].contains(&code) {
            assert_eq!(object.error_object()["exit"], code, "{line}");
        }
    }
    assert!(sandbox.read("here").is_none() && sandbox.read("d/new").is_none());
}

/// What a signal makes of a listing that hangs.
fn signalled(sandbox: &Sandbox, server: &Served, signal: Signal, options: &str) -> crate::sandbox::Run {
    let proxy = FaultProxy::start_blocking(server.address(), "* stall-head".parse().unwrap()).unwrap();
    let child = sandbox.command(&format!("{options} ls {}", proxy.url())).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(proxy.wait_for(|seen| seen.iter().any(|request| request.fired)));
    send(&child, signal);
    crate::sandbox::Run::new(child.wait_with_output().unwrap(), &sandbox.path(".."))
}

#[test]
fn signals_have_their_codes() {
    let (sandbox, server) = with_server();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let run = signalled(&sandbox, &server, signal, "");
        assert_eq!((run.code, run.text()), (Some(code), ""), "{run}");
        assert!(run.only_error().contains("cancelled"), "{run}");
        let run = signalled(&sandbox, &server, signal, "--json");
        assert_eq!((&run.error_object()["exit"], run.code), (&code.into(), Some(code)), "{run}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure_to_talk_about() {
    let (sandbox, _server) = with_server();
    sandbox.write("d/large", crate::sandbox::pattern(1_000_000, 1));
    let mut child = sandbox.command("cat d/large").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), b"".as_slice()));
}

#[test]
fn a_door_on_this_disk() {
    let sandbox = with_files();
    let door = format!("[fs.x]\ndoors = [\"file://{}\"]\nbase = \"/d\"\n", sandbox.path("").display());
    sandbox.write("law.toml", door);
    let run = sandbox.fs("--deadline 20s ls x:");
    assert_eq!(run.text(), "a.txt\nsub\n", "{run}");
}

#[test]
fn a_configuration_that_does_not_count_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = with_files();
    sandbox.write("law.toml", "[fs.x]\ndoors = [\"file:///\"]\n");
    std::fs::set_permissions(sandbox.path("law.toml"), PermissionsExt::from_mode(0o666)).unwrap();
    let run = sandbox.fs("ls x:");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("law.toml is ignored: everybody may write it"), "{run}");
}

#[test]
fn an_authority_that_is_missing_is_a_wrong_configuration() {
    let sandbox = with_files();
    let run = sandbox.fs("--set fs.*.ca=/nope ls https://127.0.0.1:9/");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.only_error().contains("/nope"), "{run}");
}

#[test]
fn a_command_of_fs_without_fs_is_suggested() {
    let run = Sandbox::new().law(["ls"]);
    assert!(run.stderr.contains("fs ls"), "{run}");
}

#[test]
fn a_standard_error_that_takes_nothing_changes_no_code() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/a", "x");
    for (line, code) in [("ls none", 3), ("cp -rv tree copy", 0), ("ls --json none", 3), ("nonsense", 2)] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = sandbox.command(line).stdout(std::process::Stdio::null()).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(code), "{line}");
    }
}

#[test]
fn what_says_that_it_is_empty_and_is_not_is_refused() {
    let sandbox = Sandbox::new();
    for line in ["cp /proc/cpuinfo copy", "cat /proc/self/status"] {
        let run = sandbox.fs(line);
        assert_eq!(run.code, Some(9), "{run}");
        assert!(run.only_error().contains("its size is 0, and it has content"), "{run}");
    }
    assert!(sandbox.read("copy").is_none());
}

#[test]
fn a_token_file_that_never_ends_or_never_comes_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("empty", "\n");
    sandbox.write("long", vec![b'x'; 100_000]);
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    for (file, why) in [
        ("/dev/zero".into(), "no regular file"),
        (sandbox.path("pipe"), "no regular file"),
        (sandbox.path("long"), "longer than 65536 bytes"),
        (sandbox.path("empty"), "empty"),
    ] {
        let line = format!("ls lab: --set fs.lab.doors=davs://127.0.0.1:9 --set fs.lab.token_file={}", file.display());
        let run = sandbox.fs(&line);
        assert_eq!(run.code, Some(77), "{run}");
        assert!(run.only_error().contains(why), "{run}");
    }
}

#[test]
fn storages_are_there_without_a_working_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("store/a", "x");
    let server = sandbox.serve("store");
    let script =
        format!("mkdir gone && cd gone && rmdir ../gone && exec {} fs ls {}", env!("CARGO_BIN_EXE_law"), server.url);
    let mut command = sandbox.program("sh");
    command.args(["-c", &script]);
    let run = sandbox.finish(command);
    assert_eq!((run.code, run.text()), (Some(0), "a\n"), "{run}");
}

#[test]
fn a_token_that_is_too_old_by_its_own_date_is_said_to_be() {
    use std::time::{Duration, SystemTime};
    let (sandbox, server) = with_server();
    let proxy = FaultProxy::start_blocking(server.address(), "* status 401; PUT status 403".parse().unwrap()).unwrap();
    let url = proxy.url();
    let ask = |ends: SystemTime, line: &str| {
        let seconds = ends.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        sandbox.write("token", format!("e30.{}.x", base64_url(&format!("{{\"exp\":{seconds}}}"))));
        let file = sandbox.path("token").display().to_string();
        sandbox.fs(&format!("{line} --set fs.lab.doors={url} --set fs.lab.token_file={file}"))
    };
    let hours = |hours: u64| Duration::from_secs(hours * 3600 + 60);
    for line in ["ls lab:".to_owned(), format!("ls {url}/"), format!("cp d/a.txt {url}/new"), "cp -r d lab:new".into()]
    {
        let run = ask(SystemTime::now() - hours(3), &line);
        assert_eq!(run.code, Some(77), "{line}: {run}");
        let hint = format!("hint: the bearer token of {} expired 3 hours ago", sandbox.path("token").display());
        assert!(run.stderr.contains(&hint), "{line}: {run}");
    }
    let run = ask(SystemTime::now() + hours(3), "ls lab:");
    assert!(run.code == Some(77) && !run.stderr.contains("expired"), "{run}");
}

/// As tokens are written (RFC 4648, without padding).
fn base64_url(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = |three: &[u8]| -> String {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or_default()));
        (0..=three.len()).map(|at| char::from(LETTERS[bits >> (18 - 6 * at) & 63])).collect()
    };
    text.as_bytes().chunks(3).map(letters).collect()
}
