//! From a server to the disk, or to standard output.

use crate::{Case, SIZE, Stage, assert_told, case, pattern, stages};

const FAULTS: [Case; 32] = [
    case("GET truncate at 0", &[6, 7]),
    case("GET truncate at 1", &[6, 7]),
    case("GET truncate at 65536", &[6, 7]),
    case("GET truncate at 299999", &[6, 7]),
    case("GET short-length at 0", &[6, 7]),
    case("GET short-length at 65536", &[6, 7]),
    case("GET short-length at 299999", &[6, 7]),
    case("GET wrong-length 1", &[6, 7]),
    case("GET no-length at 0", &[6, 7]),
    case("GET no-length at 65536", &[6, 7]),
    case("GET no-length at 299999", &[6, 7]),
    case("GET flip at 0", &[7]),
    case("GET flip at 1", &[7]),
    case("GET flip at 150000", &[7]),
    case("GET flip at 299999", &[7]),
    case("GET html", &[6, 7, 65]),
    case("GET status 503 retry-after 7", &[6]),
    case("GET status 500", &[6]),
    case("GET status 429 retry-after 1", &[6]),
    case("GET stall at 0", &[6]),
    case("GET stall at 65536", &[6, 7]),
    case("GET stall at 299999", &[6, 7]),
    case("GET stall-head", &[6]),
    case("GET reset at 0", &[6]),
    case("GET reset at 65536", &[6, 7]),
    case("GET reset at 299999", &[6, 7]),
    case("GET close-before-response", &[6]),
    case("GET chunked-trailer \"500: disk on fire\"", &[6, 7]),
    case("GET chunked-trailer \"500: disk on fire\" at 65536", &[6, 7]),
    case("GET chunked-trailer \"200: OK\" at 65536", &[6, 7]),
    case("GET redirect self", &[6, 9, 65]),
    case("* refuse", &[6]),
];

/// Faults that are none: the bytes come, all the same.
const HARMLESS: [&str; 3] = ["GET delay 100", "GET chunked-trailer \"200: OK\"", "GET no-length at 300000"];

fn content() -> Vec<u8> {
    pattern(SIZE, 5)
}

fn with_file(stage: &Stage) {
    stage.put("file", &content());
    stage.sandbox.write("copies/old", "old content\n");
}

#[test]
fn a_copy_is_right_or_is_not_there() {
    for stage in stages() {
        with_file(&stage);
        for fault in &FAULTS {
            for name in ["old", "new"] {
                let line = format!("cp {} copies/{name}", stage.url("file"));
                let run = stage.run(fault.script, &line);
                assert_told(&run, fault, &line);
                assert_eq!(stage.sandbox.names("copies"), ["old"], "{}: {run}", fault.script);
                assert_eq!(stage.sandbox.read("copies/old").unwrap(), b"old content\n", "{}", fault.script);
            }
        }
        assert!(stage.sandbox.scratch().is_empty());
    }
}

#[test]
fn what_went_to_standard_output_is_whole_or_the_code_says_so() {
    for stage in stages() {
        with_file(&stage);
        for fault in &FAULTS {
            for line in [format!("cat {}", stage.url("file")), format!("cp {} -", stage.url("file"))] {
                let run = stage.run(fault.script, &line);
                assert_told(&run, fault, &line);
                // A pipe cannot be taken back: then it must be the code that says so.
                assert!(run.stdout.is_empty() || run.code == Some(7), "`{}`: {:?}", fault.script, run.code);
            }
        }
    }
}

#[test]
fn a_file_that_could_not_be_moved_stays() {
    for stage in stages() {
        with_file(&stage);
        for fault in &FAULTS {
            let line = format!("mv {} moved", stage.url("file"));
            let run = stage.run(fault.script, &line);
            assert_told(&run, fault, &line);
            assert!(stage.sandbox.read("moved").is_none(), "{}", fault.script);
            assert!(stage.stored() == [("file".to_owned(), content())], "{}", fault.script);
        }
    }
}

#[test]
fn a_tree_fails_where_a_file_fails_and_goes_on() {
    for stage in stages() {
        with_file(&stage);
        stage.put("other", b"other");
        for fault in ["GET /file truncate at 1000", "GET /file flip at 1000", "GET /file status 503", "GET /file html"]
        {
            let run = stage.run(fault, &format!("cp -rq {} copies/tree", stage.url("")));
            assert!(run.code.is_some_and(|code| code > 0), "{fault}: {run}");
            assert_eq!(stage.sandbox.names("copies/tree"), ["other"], "{fault}");
        }
        let broken = stage.run("PROPFIND truncate at 100", &format!("cp -rq {} copies/none", stage.url("")));
        assert!([Some(6), Some(7), Some(65)].contains(&broken.code), "{broken}");
    }
}

#[test]
fn a_checksum_that_differs_is_damage_on_one_side() {
    for stage in stages() {
        with_file(&stage);
        let line = format!("cp {} copies/new", stage.url("file"));
        let run = stage.run("* lie-digest adler32=00000001", &line);
        assert_told(&run, &case("* lie-digest", &[7]), &line);
        assert!(run.only_error().contains("checksum"), "{run}");
        assert_eq!(stage.sandbox.names("copies"), ["old"]);
    }
}

#[test]
fn what_is_harmless_does_no_harm() {
    for stage in stages() {
        with_file(&stage);
        for script in HARMLESS {
            stage.proxy.set_script(script.parse().unwrap());
            for name in ["old", "new"] {
                let run = stage.sandbox.fs(&format!("cp -qf {} copies/{name}", stage.url("file")));
                assert_eq!(run.to_string(), "", "{script}");
                assert!(stage.sandbox.read(&format!("copies/{name}")).unwrap() == content(), "{script}");
            }
        }
    }
}
