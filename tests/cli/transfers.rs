//! Copies of whole directories as jobs: journals, resuming, filters, policies, `sync`, `check`, `transfers`, `cleanup`.

use std::collections::BTreeSet;
use std::time::Duration;

use insta::assert_snapshot;
use law_faults::{Fault, FaultProxy, Match, Script};

use crate::sandbox::{Sandbox, Served, pattern};

/// A served directory behind a proxy, and some files on this side.
struct Site {
    sandbox: Sandbox,
    proxy: FaultProxy,
    _server: Served,
}

impl Site {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("served/.keep", "");
        let server = sandbox.serve("served");
        let proxy = FaultProxy::start_blocking(server.address(), Script::new()).unwrap();
        Self { sandbox, proxy, _server: server }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.proxy.url())
    }

    fn files(&self, directory: &str, count: usize, size: usize) {
        for number in 0..count {
            self.sandbox.write(
                &format!("{directory}/sub{}/file{number:03}", number % 3),
                pattern(size, u32::try_from(number).unwrap()),
            );
        }
    }

    /// The names of files that were asked for with this method since the `since`th request.
    fn asked(&self, method: &str, since: usize) -> Vec<String> {
        let requests = self.proxy.requests();
        let asked = requests[since..].iter().filter(|seen| seen.method == method && seen.target.contains("file0"));
        asked.map(|seen| seen.target.rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn journal(&self) -> String {
        let directory = self.sandbox.path("").join("../home/.local/state/law/transfers");
        let Ok(journals) = std::fs::read_dir(directory) else { return String::new() };
        journals.map(|journal| std::fs::read_to_string(journal.unwrap().path()).unwrap_or_default()).collect()
    }

    /// Files that the journal says to be proven.
    fn proven(&self) -> BTreeSet<String> {
        let names = self.journal();
        let done = names.lines().filter_map(|line| line.split("\"done\":\"").nth(1)?.split('"').next());
        done.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    }
}

/// One request of twenty goes wrong, in one way or another.
fn five_percent() -> Script {
    let faults = [
        Fault::Truncate { at: 500 },
        Fault::Status(Fault::status(503)),
        Fault::Reset { at: 100 },
        Fault::FlipByte { at: 77 },
        Fault::CloseBeforeResponse,
        Fault::ResetUpload { at: 200 },
    ];
    let mut script = Script::new();
    for (number, fault) in faults.into_iter().enumerate() {
        let which = (0..60u64).map(move |round| 7 + number as u64 * 20 + round * 120 + (round * 37) % 13);
        script = script.on(Match::any().nth(which), fault);
    }
    script
}

#[test]
fn two_hundred_files_through_a_bad_network() {
    let site = Site::new();
    site.files("many", 200, 2000);
    site.proxy.set_script(five_percent());
    let up = site.sandbox.fs(&format!("cp -rq many/ {}", site.url("up")));
    assert_eq!(up.code, Some(0), "{up}");
    let down = site.sandbox.fs(&format!("cp -r {} down", site.url("up")));
    assert_eq!(down.code, Some(0), "{down}");
    assert_eq!(down.stderr.matches("200 files copied").count(), 1, "one summary: {down}");
    let requests = site.proxy.requests();
    let fired = requests.iter().filter(|seen| seen.fired).count();
    assert!(fired > 20, "{fired} faults in {} requests", requests.len());
    site.proxy.set_script(Script::new());
    for copy in ["served/up", "down"] {
        assert_eq!(site.sandbox.names(copy), site.sandbox.names("many"), "none is missing, doubled or left over");
        assert_eq!(site.sandbox.fs(&format!("check many {copy}")).code, Some(0));
    }
}

#[test]
fn a_job_that_is_killed_again_and_again_goes_on_where_it_was() {
    let site = Site::new();
    site.files("served/many", 60, 20_000);
    let line = format!("cp -rq --resume -j 4 {} copy", site.url("many"));
    let (mut begun, mut kills) = (0, 0);
    loop {
        let before = if site.sandbox.path("copy").exists() { site.proven() } else { BTreeSet::new() };
        let since = site.proxy.requests().len();
        site.proxy.set_script(Script::new().on(Match::get("/file"), Fault::Bandwidth { per_second: 300_000 }));
        let mut child = site.sandbox.command(&line).spawn().unwrap();
        begun += 9;
        let enough = |site: &Site| site.asked("GET", since).len() >= 9 || begun > 80;
        while !enough(&site) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = if begun > 80 { Some(child.wait().unwrap()) } else { child.try_wait().unwrap() };
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        let again: Vec<_> = site.asked("GET", since).into_iter().filter(|name| before.contains(name)).collect();
        assert!(again.is_empty(), "proven, and transferred again: {again:?}");
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
    }
    assert!(kills > 2, "{kills}");
    assert!(site.sandbox.fs(&format!("check {} copy", site.url("many"))).code == Some(0));
    let cleaned = site.sandbox.fs("cleanup --yes --min-age 0 copy");
    assert_eq!(cleaned.code, Some(0), "{cleaned}");
    assert_eq!(site.sandbox.names("copy"), site.sandbox.names("served/many"));
}

/// Copies a large file until it is noted for the fourth time how far it is, and kills the process.
fn killed_in_a_large_file(site: &Site, line: &str) -> std::path::PathBuf {
    site.proxy.set_script("GET stall at 120000000".parse().unwrap());
    let notes = || site.journal().matches("\"begun\"").count();
    let before = notes();
    let mut child = site.sandbox.command(line).spawn().unwrap();
    let begin = std::time::Instant::now();
    while notes() < before + 4 {
        assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    site.proxy.set_script(Script::new());
    let left = site.sandbox.names("copy");
    assert!(left.len() == 1 && left[0].ends_with(".lawpart"), "{left:?}");
    site.sandbox.path("copy").join(&left[0])
}

#[test]
fn a_large_file_goes_on_where_the_process_was_killed() {
    let site = Site::new();
    let content = pattern(160_000_000, 5);
    site.sandbox.write("served/large/file", &content);
    let tree = format!("cp -rq --resume --streams 1 {} copy", site.url("large"));
    let alone = format!("cp -q --mkdir --resume --streams 1 {} copy/file", site.url("large/file"));
    for (line, damaged) in [(&tree, false), (&tree, true), (&alone, false), (&alone, true)] {
        let left = killed_in_a_large_file(&site, line);
        if damaged {
            let mut bytes = std::fs::read(&left).unwrap();
            bytes[1_000_000] ^= 1;
            std::fs::write(&left, bytes).unwrap();
        }
        let since = site.proxy.requests().len();
        assert_eq!(site.sandbox.fs(line).to_string(), "");
        let requests = site.proxy.requests();
        let get = requests[since..].iter().find(|seen| seen.method == "GET").unwrap();
        let from: u64 = get
            .header("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap());
        assert_eq!(from >= 48 << 20, !damaged, "{from}");
        assert!(site.sandbox.read("copy/file").unwrap() == content);
        assert_eq!(site.sandbox.names("copy"), ["file"], "nothing is left");
        std::fs::remove_dir_all(site.sandbox.path("copy")).unwrap();
    }
}

#[test]
fn a_large_file_comes_by_several_streams() {
    let site = Site::new();
    let content = pattern(40_000_000, 3);
    site.sandbox.write("served/large", &content);
    let gets = |since: usize| {
        let requests = site.proxy.requests();
        requests[since..].iter().filter(|seen| seen.method == "GET").count()
    };
    for script in ["", "GET reset at 1000000 nth 2,4", "GET truncate at 3000000 nth 1,3", "GET stall at 10 nth 2"] {
        site.proxy.set_script(script.parse().unwrap());
        let since = site.proxy.requests().len();
        let run =
            site.sandbox.fs(&format!("--set fs.*.timeouts.stall=500ms cp -qf --streams 4 {} copy", site.url("large")));
        assert_eq!(run.to_string(), "", "{script}");
        assert!(site.sandbox.read("copy").unwrap() == content, "{script}");
        assert!(gets(since) >= 3, "{script}: {}", gets(since));
    }
    site.proxy.set_script("GET bandwidth 20000000".parse().unwrap());
    let since = site.proxy.requests().len();
    assert_eq!(site.sandbox.fs(&format!("cp -qf {} copy", site.url("large"))).to_string(), "");
    assert!(gets(since) > 1, "one stream is slow, and more would help");
    site.proxy.set_script("GET flip at 1000000 nth 2".parse().unwrap());
    let flipped = site.sandbox.fs(&format!("cp -qf --streams 4 {} copy", site.url("large")));
    assert_eq!(flipped.to_string(), "", "damaged bytes are read again");
    assert!(site.sandbox.read("copy").unwrap() == content);
}

#[test]
fn jobs_are_listed_resumed_and_forgotten() {
    let site = Site::new();
    site.files("many", 6, 100);
    site.proxy.set_script("PUT status 403 from 3".parse().unwrap());
    let broken = site.sandbox.fs(&format!("cp -rq -j 1 many/ {}", site.url("up")));
    assert_eq!(broken.code, Some(5), "{broken}");
    site.proxy.set_script(Script::new());
    let list = site.sandbox.fs("transfers").text().to_owned();
    let id = list.split(' ').next().unwrap().to_owned();
    assert!(list.contains("  failed       2 files, 200B  "), "{list}");
    let since = site.proxy.requests().len();
    let resumed = site.sandbox.fs(&format!("transfers resume {id}"));
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(site.asked("PUT", since).len(), 4);
    assert_eq!(site.sandbox.names("served/up"), site.sandbox.names("many"));
    let list = site.sandbox.fs("transfers --json").text().to_owned();
    let job: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&job["state"], &job["files"], &job["bytes"]), (&"complete".into(), &6.into(), &600.into()));
    assert_eq!(site.sandbox.fs(&format!("transfers forget {id}")).to_string(), "");
    assert_eq!(site.sandbox.fs("transfers").to_string(), "");
    assert_eq!(site.sandbox.fs("transfers resume 012345678901").code, Some(3));
}

#[test]
fn a_copy_that_somebody_changed_since_is_made_again() {
    let sandbox = tree();
    assert_eq!(sandbox.fs("cp -rq from/ to").code, Some(0));
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    std::fs::write(sandbox.path("to/a.root"), "AAAA").unwrap();
    std::fs::File::open(sandbox.path("to/a.root")).unwrap().set_modified(later).unwrap();
    let run = sandbox.fs("cp -rq --resume from/ to");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(sandbox.read("to/a.root").unwrap(), b"aaaa");
}

#[test]
fn secrets_of_a_command_are_not_kept() {
    let site = Site::new();
    site.files("many", 2, 10);
    let url = site.url("up").replace("http://", "http://me:hunter2@");
    let run = site.sandbox.fs(&format!("cp -rq many/ {url}"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!site.journal().contains("hunter2"));
    let id = site.sandbox.fs("transfers").text().split(' ').next().unwrap().to_owned();
    let refused = site.sandbox.fs(&format!("transfers resume {id}"));
    assert_eq!(refused.code, Some(9));
    assert!(refused.stderr.contains("give it again, with --resume"), "{refused}");
}

fn tree() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, content) in [
        ("from/a.root", "aaaa"),
        ("from/b.txt", "bb"),
        ("from/run1/c.root", "c"),
        ("from/run2/d.root", "dddd"),
        ("from/old/e.txt", "e"),
    ] {
        sandbox.write(name, content);
    }
    sandbox
}

#[test]
fn filters_are_those_of_rclone() {
    let sandbox = tree();
    sandbox.write("rules", "# comment\n- old/\n+ *.root\n- *\n");
    sandbox.write("list", "run2/d.root\nb.txt\n");
    let cases: &[(&str, &[&str])] = &[
        ("--include *.root", &["a.root", "run1", "run1/c.root", "run2", "run2/d.root"]),
        ("--exclude *.root --exclude old/", &["b.txt"]),
        ("--include /run{1,2}/** --exclude *", &["run1", "run1/c.root", "run2", "run2/d.root"]),
        ("--filter-from rules", &["a.root", "run1", "run1/c.root", "run2", "run2/d.root"]),
        ("--files-from list", &["b.txt", "run2", "run2/d.root"]),
        ("--min-size 2 --max-size 3", &["b.txt"]),
        ("--max-age 1d", &[]),
        ("--min-age 1d --include b*", &["b.txt"]),
    ];
    for (number, (options, names)) in cases.iter().enumerate() {
        let run = sandbox.fs(&format!("cp -rq {options} from/ to{number}"));
        assert_eq!(run.to_string(), "", "{options}");
        assert_eq!(sandbox.names(&format!("to{number}")), *names, "{options}");
    }
    let missing = sandbox.fs_with_input("cp -rq --files-from - from/ x", "nosuch\nb.txt\n");
    assert_eq!((missing.code, sandbox.names("x")), (Some(3), vec!["b.txt".to_owned()]), "{missing}");
    assert_eq!(sandbox.fs("cp -rq --include [ from/ y").code, Some(2));
}

#[test]
fn what_happens_to_files_that_exist() {
    let sandbox = tree();
    for (policy, replaced) in [("newer", false), ("checksum", true), ("differs", true), ("never", false)] {
        sandbox.write("to/a.root", "AAAA");
        let run = sandbox.fs(&format!("cp -q --overwrite {policy} from/a.root to/a.root"));
        assert_eq!(run.to_string(), "");
        let content = sandbox.read("to/a.root").unwrap();
        assert_eq!(content == b"aaaa", replaced, "{policy}: they have the same time");
    }
}

#[test]
fn errors_end_a_job_that_has_enough_of_them() {
    let site = Site::new();
    site.files("many", 30, 10);
    site.proxy.set_script("PUT status 403".parse().unwrap());
    let run = site.sandbox.fs(&format!("cp -rq -j 1 --max-errors 3 many/ {}", site.url("up")));
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("given up after so many failures"), "{run}");
    assert!(run.stderr.matches("permission denied").count() < 10, "{run}");
}

#[test]
fn a_manifest_has_a_line_for_each_file() {
    let site = Site::new();
    site.files("many", 5, 10);
    assert_eq!(site.sandbox.fs(&format!("cp -rq --manifest list many/ {}", site.url("up"))).to_string(), "");
    let text = String::from_utf8(site.sandbox.read("list").unwrap()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    for line in &lines {
        assert_eq!((&line["size"], &line["outcome"], &line["attempts"]), (&10.into(), &"copied".into(), &1.into()));
        assert!(line["door"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    }
}

#[test]
fn what_cannot_be_kept_is_said() {
    let site = Site::new();
    site.files("many", 2, 10);
    let run = site.sandbox.fs(&format!("cp -r --preserve many/ {}", site.url("up")));
    assert!(run.stderr.contains("; the destination cannot keep the permissions"), "{run}");
    let local = site.sandbox.fs("cp -r --preserve many/ there");
    assert!(!local.stderr.contains("cannot keep"), "{local}");
}

#[test]
fn programs_hear_how_far_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("file", pattern(3_000_000, 1));
    let run = sandbox.fs("cp -q --progress json --bwlimit 2M file copy");
    assert_eq!(run.code, Some(0));
    let told: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(told.len() > 1, "{run}");
    let last = &told.last().unwrap()["progress"];
    assert_eq!((&last["bytes"], &last["expected"], &last["files"]), (&3_000_000.into(), &3_000_000.into(), &1.into()));
}

#[test]
fn a_limit_of_the_bandwidth_holds() {
    let sandbox = Sandbox::new();
    sandbox.write("file", pattern(3_000_000, 1));
    let begin = std::time::Instant::now();
    assert_eq!(sandbox.fs("cp -q --bwlimit 3M file copy").to_string(), "");
    assert!(begin.elapsed() > Duration::from_millis(600), "{:?}", begin.elapsed());
    assert!(sandbox.read("copy") == sandbox.read("file"));
}

#[test]
fn one_directory_is_made_like_another() {
    let sandbox = tree();
    sandbox.write("to/a.root", "aaaa");
    sandbox.write("to/gone/x.root", "only there");
    let lines = [
        "sync --dry-run --delete from to",
        "sync from to",
        "sync --delete --backup-dir kept from to",
        "sync --delete from to",
        "check from to",
        "sync --delete nosuch to",
        "sync from from/run1",
    ];
    let session = sandbox.session(lines.map(str::to_owned));
    assert_snapshot!(sorted(&session), @"
    $ law fs sync --dry-run --delete from to
    2> WORK/from -> WORK/to: would copy 4 files, 8B, 1 unchanged, would delete 1
    WORK/from/b.txt -> WORK/to/b.txt (2B, would copy)
    WORK/from/old/e.txt -> WORK/to/old/e.txt (1B, would copy)
    WORK/from/run1/c.root -> WORK/to/run1/c.root (1B, would copy)
    WORK/from/run2/d.root -> WORK/to/run2/d.root (4B, would copy)
    would delete WORK/to/gone/x.root
    $ law fs sync from to
    2> WORK/from -> WORK/to: 4 files copied, 8B, 1 unchanged
    WORK/from/b.txt -> WORK/to/b.txt (2B, copied by this machine)
    WORK/from/old/e.txt -> WORK/to/old/e.txt (1B, copied by this machine)
    WORK/from/run1/c.root -> WORK/to/run1/c.root (1B, copied by this machine)
    WORK/from/run2/d.root -> WORK/to/run2/d.root (4B, copied by this machine)
    $ law fs sync --delete --backup-dir kept from to
    2> WORK/from -> WORK/to: 0 files copied, 5 unchanged, 1 deleted
    deleted WORK/to/gone/x.root
    $ law fs sync --delete from to
    2> WORK/from -> WORK/to: 0 files copied, 5 unchanged
    $ law fs check from to
    2> WORK/from and WORK/to: 5 same
    $ law fs sync --delete nosuch to
    2> law fs sync: not found WORK/nosuch
    [exit 3]
    $ law fs sync from from/run1
    2> law fs sync: one directory is in the other WORK/from/run1
    [exit 2]
    ");
    assert_eq!(sandbox.names("kept"), ["gone", "gone/x.root"]);
    // What is kept must not be what is deleted the next time.
    assert_eq!(sandbox.fs("sync --delete --backup-dir to/kept from to").code, Some(2));
    assert_eq!(sandbox.names("to"), sandbox.names("from"));
}

#[test]
fn what_differs_is_told_by_check() {
    let sandbox = tree();
    sandbox.fs("cp -rq from/ to");
    sandbox.write("to/a.root", "AAAA");
    sandbox.write("to/b.txt", "b");
    sandbox.fs("rm to/old/e.txt");
    sandbox.write("to/more", "");
    let session =
        sandbox.session(["check from to", "check --one-way --size-only --include *.root from to"].map(str::to_owned));
    assert_snapshot!(sorted(&session), @"
    $ law fs check from to
    * a.root (content)
    * b.txt (size)
    + more
    - old/e.txt
    2> WORK/from and WORK/to: 2 different, 1 extra, 1 missing, 2 same
    [exit 1]
    $ law fs check --one-way --size-only --include *.root from to
    2> WORK/from and WORK/to: 3 same
    ");
}

#[test]
fn what_was_left_behind_is_tidied_after_a_look() {
    let sandbox = tree();
    sandbox.write("from/.a.root.0123456789abcdef.lawpart", "a part");
    sandbox.write("from/.gone.0123456789abcdef.aside.lawpart", "old content");
    let session = sandbox.session(["cleanup from", "cleanup --yes from", "cleanup from"].map(str::to_owned));
    assert_snapshot!(sorted(&session), @"
    $ law fs cleanup from
    2> --yes does it
    remove WORK/from/.a.root.NONCE.lawpart (a part of a file that was never published, 6B, N days ago)
    restore WORK/from/.NONCE.lawpart (old content, back to WORK/from/gone, 11B, N days ago)
    $ law fs cleanup --yes from
    2> 2 of 2 cleaned up
    remove WORK/from/.a.root.NONCE.lawpart (a part of a file that was never published, 6B, N days ago)
    restore WORK/from/.NONCE.lawpart (old content, back to WORK/from/gone, 11B, N days ago)
    $ law fs cleanup from
    2> nothing was left behind before the last hour (--min-age)
    ");
    assert_eq!(sandbox.read("from/gone").unwrap(), b"old content");
}

/// Files of a tree go on their way together: lines of output between two commands in an order of their own.
fn sorted(session: &str) -> String {
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for line in session.lines() {
        if line.starts_with("$ ") {
            commands.push(Vec::new());
        }
        if let Some(lines) = commands.last_mut() {
            lines.push(line);
        }
    }
    commands.iter_mut().for_each(|lines| lines[1..].sort_unstable());
    commands.concat().join("\n")
}

/// A job that could not begin is none that goes on.
#[test]
fn a_job_that_was_refused_is_not_remembered() {
    let sandbox = crate::sandbox::Sandbox::new();
    sandbox.write("from/file", "content");
    let run = sandbox.fs("cp -r from http://127.0.0.1:1/to");
    assert_eq!(run.code, Some(6), "{run}");
    let run = sandbox.fs("transfers --json");
    assert!(run.code == Some(0) && run.stdout.is_empty(), "{run}");
}
