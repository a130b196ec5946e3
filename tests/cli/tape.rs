//! `law fs tape`, against an emulated site.

use crate::sandbox::{OwnServer, Sandbox};

fn site() -> Option<(Sandbox, OwnServer)> {
    let server = OwnServer::start("tape")?;
    let sandbox = Sandbox::new();
    let address = server.endpoint("TAPE_HTTP");
    let door = address.replacen("http", "dav", 1);
    sandbox.write("law.toml", format!("[fs.site]\ndoors = [\"{door}\"]\nbase = \"/store\"\ntoken = \"tape-token\"\n"));
    Some((sandbox, server))
}

#[test]
fn files_are_brought_to_a_disk_and_let_go() {
    let Some((sandbox, _server)) = site() else { return };
    let law = |line: &str| sandbox.fs(line);
    let run = law("tape status site:a site:disk");
    assert_eq!(run.code, Some(10), "{run}");
    assert_eq!(String::from_utf8_lossy(&run.stdout), "site:a: tape\nsite:disk: disk\n".replace("site:", &shown(&run)));
    assert!(run.stderr.contains("1 of 2 files are not on a disk") && run.stderr.contains("stage --wait"), "{run}");
    let run = law("tape stage --wait --lifetime 1h site:a site:disk");
    assert_eq!(run.code, Some(0), "{run}");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let request = text.lines().next().unwrap().to_owned();
    assert!(text.contains("a: completed\n") && text.contains("disk: completed\n"), "{run}");
    assert_eq!(law("tape status --json site:a").objects()[0]["state"], "disk and tape");
    assert_eq!(law(&format!("tape release --request {request} site:a")).code, Some(0));
    assert_eq!(law("tape status --json site:a").objects()[0]["state"], "tape");
}

/// How the first place of an output is written, up to its name.
fn shown(run: &crate::sandbox::Run) -> String {
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    text.split("a: ").next().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_come_is_told() {
    let Some((sandbox, _server)) = site() else { return };
    let run = sandbox.fs("tape stage --wait site:bad1 site:disk");
    assert_eq!(run.code, Some(10), "{run}");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(text.contains("bad1: failed (the tape is broken)\n"), "{run}");
    let request = text.lines().next().unwrap();
    assert_eq!(sandbox.fs(&format!("tape cancel --request {request} site:disk")).code, Some(0));
    let run = sandbox.fs(&format!("tape status --json --request {request} site:disk"));
    assert_eq!((run.code, run.objects()[0]["state"].as_str()), (Some(10), Some("cancelled")), "{run}");
    let run = sandbox.fs("tape status --request nonsense/../x site:disk");
    assert!(run.code.is_some_and(|code| code > 0) && run.stderr.contains("no such request"), "{run}");
    assert_eq!(sandbox.fs("tape status site:none site:lost1").code, Some(10));
}

#[test]
fn where_there_are_no_tapes_it_says_so() {
    let Some((sandbox, server)) = site() else { return };
    let run = sandbox.fs("tape status law.toml");
    assert!(run.code == Some(9) && run.stderr.contains("there are no tapes at"), "{run}");
    let served = sandbox.serve(".");
    let run = sandbox.fs(&format!("tape status {}law.toml", served.url));
    assert!(run.code == Some(9) && run.stderr.contains("tells of no tape"), "{run}");
    // Under another name than that of the door nobody is named.
    let stranger = server.endpoint("TAPE_HTTP").replacen("127.0.0.1", "localhost", 1);
    let run = sandbox.fs(&format!("tape status {stranger}/a"));
    assert!(run.code == Some(77) && !run.stderr.contains("tape-token"), "{run}");
    let run = sandbox.fs("tape status site:a law.toml");
    assert!(run.code == Some(2) && run.stderr.contains("two storages"), "{run}");
}
