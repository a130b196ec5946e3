//! Two real servers that copy between themselves, and what this program makes of what they say.

use std::fs;
use std::path::PathBuf;

use law_faults::{FaultProxy, Script};
use sandbox::{OwnServer, Run, Sandbox, address_of, pattern};

use crate::{IMPATIENT, sandbox};

/// Large enough to be left to the storages.
const LARGE: usize = 5 << 20;

/// A server with a file, and another one behind a proxy.
struct Two {
    sandbox: Sandbox,
    from: OwnServer,
    to: OwnServer,
    proxy: FaultProxy,
}

impl Two {
    fn start() -> Option<Self> {
        let (from, to) = (OwnServer::start("xrootd")?, OwnServer::start("xrootd")?);
        let proxy = FaultProxy::start_blocking(address_of(&to.endpoint("XROOTD_HTTP")), Script::new()).unwrap();
        let two = Self { sandbox: Sandbox::new(), from, to, proxy };
        fs::write(PathBuf::from(two.from.endpoint("XROOTD_DATA")).join("file"), pattern(LARGE, 3)).unwrap();
        Some(two)
    }

    fn source(&self) -> String {
        format!("{}/file", self.from.endpoint("XROOTD_HTTP"))
    }

    /// What the destination has beside what it had at first, and the size.
    fn stored(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.to.endpoint("XROOTD_DATA")).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len())).collect()
    }

    fn copy(&self, script: &str, options: &str, name: &str) -> Run {
        self.proxy.set_script(script.parse().unwrap());
        let run = self.sandbox.fs(&format!("{IMPATIENT} cp {options} {} {}/{name}", self.source(), self.proxy.url()));
        self.proxy.set_script(Script::new());
        run
    }

    fn content(&self, name: &str) -> Vec<u8> {
        fs::read(PathBuf::from(self.to.endpoint("XROOTD_DATA")).join(name)).unwrap()
    }
}

fn says(run: &Run, words: &str) -> bool {
    String::from_utf8_lossy(&run.stdout).contains(words)
}

#[test]
fn pulled_and_pushed_and_proven() {
    let Some(two) = Two::start() else { return };
    for (options, way) in [("", "fetched by"), ("--third-party push", "sent by"), ("--third-party never", "")] {
        let before = two.proxy.requests().len();
        let run = two.copy("", options, "copy");
        assert!(run.code == Some(0) && says(&run, way) && says(&run, "adler32"), "{options}: {run}");
        assert_eq!(two.content("copy"), pattern(LARGE, 3), "{options}");
        let uploads = two.proxy.requests()[before..].iter().filter(|request| request.method == "PUT").count();
        // What one server sends to the other goes through the proxy, as it was told so.
        assert_eq!(uploads > 0, way != "fetched by", "{options}");
        assert_eq!(two.stored(), [("copy".to_owned(), LARGE as u64)]);
        fs::remove_file(PathBuf::from(two.to.endpoint("XROOTD_DATA")).join("copy")).unwrap();
    }
}

#[test]
fn a_token_is_handed_over_only_to_who_was_wanted_to_have_it() {
    let Some(two) = Two::start() else { return };
    let door = two.from.endpoint("XROOTD_HTTP").replacen("http", "dav", 1);
    two.sandbox.write("law.toml", format!("[fs.site]\ndoors = [\"{door}\"]\ntoken = \"MARKER.TOKEN\"\n"));
    let orders = |options: &str| {
        let before = two.proxy.requests().len();
        let run = two.sandbox.fs(&format!("cp -f {options} site:file {}/copy", two.proxy.url()));
        assert_eq!(run.code, Some(0), "{options}: {run}");
        assert_eq!(two.content("copy"), pattern(LARGE, 3));
        let requests = two.proxy.requests();
        let orders = requests[before..].iter().filter(|request| request.method == "COPY");
        orders.map(|order| order.header("transferheaderauthorization").is_some()).collect::<Vec<_>>()
    };
    assert!(orders("").is_empty());
    assert_eq!(orders("--third-party pull"), [true]);
}

#[test]
fn whatever_is_said_the_copy_is_right_or_is_not_there() {
    let Some(two) = Two::start() else { return };
    // The first two lose the last line, by which alone is told how it ended; then both ends are compared.
    for script in ["COPY truncate at 60", "COPY reset at 30"] {
        let run = two.copy(script, "--third-party pull", "copy");
        match run.code {
            Some(0) => assert_eq!(two.content("copy"), pattern(LARGE, 3), "{script}: {run}"),
            _ => assert_eq!(two.stored(), [], "{script}: {run}"),
        }
        drop(two.sandbox.fs(&format!("rm -f {}/copy", two.proxy.url())));
    }
    for script in ["COPY status 503", "COPY status 201", "COPY html", "COPY status 403", "COPY close-before-response"] {
        let run = two.copy(script, "--third-party pull", "copy");
        match run.code {
            Some(0) => assert_eq!(two.content("copy"), pattern(LARGE, 3), "{script}: {run}"),
            _ => assert!(run.stderr.contains("nothing was published") && two.stored().is_empty(), "{script}: {run}"),
        }
        drop(two.sandbox.fs(&format!("rm -f {}/copy", two.proxy.url())));
        let run = two.copy(script, "", "copy");
        assert_eq!((run.code, two.content("copy")), (Some(0), pattern(LARGE, 3)), "{script}: {run}");
        assert_eq!(two.stored(), [("copy".to_owned(), LARGE as u64)], "{script}");
        assert_eq!(two.sandbox.fs(&format!("rm {}/copy", two.proxy.url())).code, Some(0));
    }
}

#[test]
fn a_copy_that_fails_is_told_of_and_nothing_is_left() {
    let Some(two) = Two::start() else { return };
    // Neither server knows who signed the other's certificate.
    let ca = two.from.endpoint("CA");
    let (from, to) = (two.from.endpoint("XROOTD_HTTPS"), two.to.endpoint("XROOTD_HTTPS"));
    let both = fs::read_to_string(&ca).unwrap() + &fs::read_to_string(two.to.endpoint("CA")).unwrap();
    two.sandbox.write("ca.pem", both);
    let options = format!("--set fs.*.ca={}", two.sandbox.path("ca.pem").display());
    let run = two.sandbox.fs(&format!("{options} cp --third-party only {from}/file {to}/copy"));
    assert_eq!(run.code, Some(6), "{run}");
    for words in [
        "(pull: the storage could not copy it by itself: failure: ",
        "; push: ",
        "nothing was published",
        "--third-party never",
    ] {
        assert!(run.stderr.contains(words), "{words}: {run}");
    }
    assert_eq!(two.stored(), []);
    let run = two.sandbox.fs(&format!("{options} cp {from}/file {to}/copy"));
    assert!(run.code == Some(0) && !says(&run, " itself"), "{run}");
    assert_eq!(two.content("copy"), pattern(LARGE, 3));
}

#[test]
fn where_only_one_end_is_a_storage_it_is_an_error_to_leave_it_to_them() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    let run = sandbox.fs("cp --third-party only file other");
    assert_eq!(run.code, Some(9), "{run}");
    assert!(run.stderr.contains("no other storage can reach it"), "{run}");
    assert!(!sandbox.path("other").exists());
}

#[test]
fn no_directory_is_made_that_nobody_asked_for() {
    let Some(two) = Two::start() else { return };
    for way in ["auto", "only", "pull", "push", "never"] {
        let run = two.copy("", &format!("--third-party {way}"), "none/copy");
        assert_eq!(run.code, Some(3), "{way}: {run}");
        assert!(!PathBuf::from(two.to.endpoint("XROOTD_DATA")).join("none").exists(), "{way}");
    }
    assert_eq!(two.copy("", "--third-party only --mkdir", "none/copy").code, Some(0));
    assert_eq!(two.content("none/copy"), pattern(LARGE, 3));
}
