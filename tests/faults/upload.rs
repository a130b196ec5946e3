//! From the disk to a server.

use crate::{Case, SIZE, Stage, assert_told, case, pattern, stages};

const FAULTS: [Case; 22] = [
    case("PUT reset-upload at 0", &[6]),
    case("PUT reset-upload at 65536", &[6]),
    case("PUT reset-upload at 299999", &[6]),
    case("PUT stall-upload at 0", &[6]),
    case("PUT stall-upload at 65536", &[6]),
    case("PUT stall-upload at 299999", &[6]),
    case("PUT flip-upload at 0", &[7]),
    case("PUT flip-upload at 150000", &[7]),
    case("PUT flip-upload at 299999", &[7]),
    case("PUT status 503 retry-after 7", &[6]),
    case("PUT status 500", &[6]),
    case("PUT status 403", &[5]),
    case("PUT status 401", &[77]),
    case("PUT status 507", &[8]),
    case("PUT status 201", &[3, 6, 7]),
    case("PUT html", &[3, 6, 7, 65]),
    case("PUT stall-head", &[6]),
    case("PUT close-before-response", &[6]),
    case("PUT redirect self", &[6, 9, 65]),
    case("MOVE status 503", &[6]),
    case("MOVE status 403", &[5]),
    case("* refuse", &[6]),
];

fn new() -> Vec<u8> {
    pattern(SIZE, 6)
}

fn with_files(stage: &Stage) {
    stage.put("old", b"old content\n");
    stage.sandbox.write("new", new());
}

/// What the server must have after a failure: what it had before.
fn assert_untouched(stage: &Stage, script: &str) {
    let stored = stage.stored();
    let shown: Vec<_> = stored.iter().map(|(name, content)| (name, content.len())).collect();
    assert!(stored == [("old".to_owned(), b"old content\n".to_vec())], "`{script}` left {shown:?}");
}

#[test]
fn a_copy_is_right_or_is_not_there() {
    for stage in stages() {
        with_files(&stage);
        for fault in &FAULTS {
            for name in ["old", "other"] {
                let line = format!("cp new {}", stage.url(name));
                let run = stage.run(fault.script, &line);
                assert_told(&run, fault, &line);
                assert_untouched(&stage, fault.script);
            }
        }
        assert_eq!(stage.sandbox.fs(&format!("cp -q new {}", stage.url("old"))).to_string(), "");
        assert!(stage.stored() == [("old".to_owned(), new())]);
    }
}

#[test]
fn standard_input_is_written_whole_or_not_at_all() {
    for stage in stages() {
        with_files(&stage);
        for script in ["PUT reset-upload at 65536", "PUT flip-upload at 65536", "PUT status 503", "MOVE status 503"] {
            stage.proxy.set_script(script.parse().unwrap());
            let run = stage.sandbox.fs_with_input(&format!("cp - {}", stage.url("old")), new());
            assert!(run.code.is_some_and(|code| code > 0), "{script}: {run}");
            assert_untouched(&stage, script);
        }
        assert!(stage.sandbox.scratch().is_empty());
    }
}

#[test]
fn a_file_that_could_not_be_moved_stays() {
    for stage in stages() {
        with_files(&stage);
        for fault in &FAULTS {
            let line = format!("mv new {}", stage.url("old"));
            assert_told(&stage.run(fault.script, &line), fault, &line);
            assert!(stage.sandbox.read("new").unwrap() == new(), "{}", fault.script);
            assert_eq!(stage.sandbox.names("").iter().filter(|name| name.contains("lawpart")).count(), 0);
            assert_untouched(&stage, fault.script);
        }
    }
}

/// The answer to the request that publishes is lost. This version does not look again: it says that it does not know.
#[test]
fn an_answer_that_is_lost_is_no_success_and_no_half_file() {
    for stage in stages() {
        for script in ["MOVE close-before-response", "MOVE stall-head", "MOVE reset at 0"] {
            for name in ["old", "other"] {
                with_files(&stage);
                let run = stage.run(script, &format!("cp new {}", stage.url(name)));
                let stored = stage.stored();
                let published = stored.iter().any(|(file, content)| file == name && *content == new());
                let unsure = run.stderr.contains("may or may not have been published");
                assert!((run.code == Some(0)) == published || unsure, "`{script}` on {name}: {run}");
                assert!(run.code != Some(0) || published, "`{script}` on {name}: {run}");
                let old = stored.iter().any(|(file, content)| file == "old" && content == b"old content\n");
                assert!(old || (name == "old" && published), "`{script}` on {name}: {run}");
                assert!(stored.iter().all(|(name, _)| !name.contains("lawpart")), "`{script}`: {run}");
                assert_eq!(stage.sandbox.fs(&format!("rm -f {}", stage.url("other"))).code, Some(0));
            }
        }
    }
}

/// A question that nobody answered has changed nothing, whatever it was asked for.
#[test]
fn a_lost_answer_to_a_question_leaves_nothing_in_doubt() {
    for stage in stages() {
        with_files(&stage);
        for script in
            ["PROPFIND close-before-response from 2", "PROPFIND status 500 from 2", "PROPFIND stall-head from 2"]
        {
            let run = stage.run(script, &format!("cp new {}", stage.url("old")));
            assert_eq!(run.code, Some(6), "{run}");
            assert!(!run.stderr.contains("may or may not"), "`{script}`: {run}");
            assert_untouched(&stage, script);
        }
    }
}

/// Where the PUT itself replaces the file, it may have done so before its answer was lost.
#[test]
fn an_answer_to_a_put_that_replaces_is_no_promise_that_nothing_happened() {
    let Some(stage) = Stage::apache() else { return };
    for script in ["PUT close-before-response", "PUT stall-head"] {
        with_files(&stage);
        let run = stage.run(script, &format!("cp new {}", stage.url("old")));
        // It is looked, and the bytes are read back; a server that is slow may publish after that.
        match run.code {
            Some(0) => assert_eq!(stage.stored(), [("old".to_owned(), new())], "`{script}`"),
            _ => assert!(run.only_error().contains("may or may not have been published"), "`{script}`: {run}"),
        }
    }
    with_files(&stage);
    let run = stage.run("PUT reset-upload at 65536", &format!("cp new {}", stage.url("old")));
    assert_eq!(run.code, Some(6), "{run}");
    assert_untouched(&stage, "PUT reset-upload at 65536");
}

/// Between the answer of a server and the look whether it is true, another job may take the new file away.
#[test]
fn a_new_file_that_is_taken_away_at_once_was_published() {
    for stage in stages() {
        with_files(&stage);
        stage.proxy.set_script("MOVE delay 2000".parse().unwrap());
        let new = stage.disk.join("other");
        let taker = std::thread::spawn(move || {
            while std::fs::remove_file(&new).is_err() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let run = stage.sandbox.fs(&format!("cp -q new {}", stage.url("other")));
        taker.join().unwrap();
        assert_eq!((run.code, run.to_string().as_str()), (Some(0), ""));
        assert_untouched(&stage, "MOVE delay 2000");
    }
}

/// Where a temporary file cannot be removed, the line says that and names it.
#[test]
fn what_is_left_behind_is_named() {
    for stage in stages() {
        with_files(&stage);
        let script = "PUT flip-upload at 5; DELETE status 500";
        let run = stage.run(script, &format!("cp new {}", stage.url("old")));
        assert_eq!(run.code, Some(7));
        let stored = stage.stored();
        assert!(stored.contains(&("old".to_owned(), b"old content\n".to_vec())));
        let left = stored.iter().find(|(name, _)| name.ends_with(".lawpart")).map(|(name, _)| name.clone());
        assert!(left.is_none_or(|left| run.only_error().contains(&left)), "{run}");
    }
}

#[test]
fn a_checksum_that_differs_publishes_nothing() {
    for stage in stages() {
        with_files(&stage);
        let line = format!("cp new {}", stage.url("old"));
        let run = stage.run("* lie-digest adler32=00000001", &line);
        assert_told(&run, &case("* lie-digest", &[7]), &line);
        assert_untouched(&stage, "lie-digest");
    }
}
