use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// Files that NumPy wrote, and others, in `d`.
fn with_arrays() -> Sandbox {
    let sandbox = Sandbox::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/data/numpy/");
    for name in ["several.npz", "complex64.npy", "../hdf5/tree.h5"] {
        let from = format!("{data}{name}");
        let name = name.trim_start_matches("../hdf5/");
        sandbox.write(&format!("d/{name}"), std::fs::read(from).unwrap());
    }
    sandbox.write("d/note.json", r#"{"run": 1, "good": [true, null]}"#);
    sandbox.write("d/list.txt", "one\ntwo\u{1b}[31m\n");
    sandbox.write("d/noise.bin", [0xff, 0xfe, 0x00, 0x80]);
    sandbox
}

#[test]
fn arrays_json_and_text() {
    let sandbox = with_arrays();
    assert_snapshot!(sandbox.session(["show d/several.npz d/complex64.npy", "show d/note.json d/list.txt"]), @r#"
    $ law fs show d/several.npz d/complex64.npy
    WORK/d/several.npz: npz, 5 arrays
      energy   float64            (11,)   88  0.0 0.1 0.2 0.30000000000000004 0.4 0.5 0.6000000000000001 0.7000000000000001 ...
      hits     int32              (3, 4)  48  0 1 2 3 4 5 6 7 ...
      fortran  int16, big-endian  (2, 3)  12  0 3 1 4 2 5  [Fortran order]
      run      uint64             ()       8  42
      μ        float32            (0, 3)   0
    WORK/d/complex64.npy: npy, 1 array
      complex64  (2, 3)  48  0.0+0.0j 1.0+2.0j -0.0-1.5j inf-0.0j NaN+1.0j 1000.0+0.0j
    $ law fs show d/note.json d/list.txt
    WORK/d/note.json: json, 32B, object with 2 keys
    {
      "good": [
        true,
        null
      ],
      "run": 1
    }
    WORK/d/list.txt: text, 13B
    one
    two\u{1b}[31m
    "#);
}

#[test]
fn the_same_from_a_server() {
    let sandbox = with_arrays();
    let server = sandbox.serve("d");
    for name in ["several.npz", "complex64.npy", "tree.h5", "note.json", "list.txt"] {
        let local = sandbox.fs(&format!("show d/{name}")).to_string().replace("WORK/d/", "");
        let remote = sandbox.fs(&format!("show {}{name}", server.url)).to_string();
        assert_eq!(remote.replace("http://127.0.0.1:PORT/", ""), local);
    }
}

#[test]
fn as_objects() {
    let sandbox = with_arrays();
    let objects = sandbox.fs("show --json d/several.npz").objects();
    let hits = &objects[1];
    assert_eq!((&hits["name"], &hits["dtype"]), (&"hits".into(), &"int32".into()));
    assert_eq!((&hits["shape"], &hits["bytes"]), (&[3, 4].as_slice().into(), &48.into()));
    assert_eq!(sandbox.fs("show --json d/note.json").objects()[0]["format"], "json");
}

#[test]
fn datasets_groups_and_attributes() {
    let sandbox = with_arrays();
    assert_snapshot!(sandbox.session(["show d/tree.h5"]), @r#"
    $ law fs show d/tree.h5
    WORK/d/tree.h5: hdf5, 2 datasets
        @title "a tree"
      a/
        @cuts [0.5, 1.5, 2.5, 3.5]
        @run 42
      a/b/
      a/b/c/
      a/b/c/x  int64  (3,)  24  0 1 2
        @big [1, -2]
        @empty (float32 without a value)
        @fixed "bytes"
        @flags [true, false]
        @good true
        @half 0.5
        @names ["p", "qü"]
        @none []
        and 3 more
      a/up -> a
      dangling -> nowhere
      loop -> loop
      near -> a/b
      nothing/
      same     int64  (3,)  24  0 1 2
        @big [1, -2]
        @empty (float32 without a value)
        @fixed "bytes"
        @flags [true, false]
        @good true
        @half 0.5
        @names ["p", "qü"]
        @none []
        and 3 more
      soft -> a/b/c/x
    "#);
    let objects = sandbox.fs("show --json d/tree.h5").objects();
    let x = objects.iter().find(|object| object["name"] == "a/b/c/x").unwrap();
    assert_eq!((&x["kind"], &x["shape"]), (&"dataset".into(), &[3].as_slice().into()));
    assert_eq!((&x["attributes"]["big"], &x["attribute_count"]), (&[1, -2].as_slice().into(), &11.into()));
    sandbox.write("d/cut.h5", &sandbox.read("d/tree.h5").unwrap()[..9000]);
    assert_snapshot!(sandbox.session(["show d/cut.h5"]), @"
    $ law fs show d/cut.h5
    2> law fs show: truncated HDF5: 9000 bytes of 12568 WORK/d/cut.h5
    [exit 65]
    ");
}

#[test]
fn what_is_damaged_or_unknown() {
    let sandbox = with_arrays();
    let whole = sandbox.read("d/several.npz").unwrap();
    sandbox.write("d/cut.npz", &whole[..whole.len() - 100]);
    sandbox.write("d/cut.npy", &sandbox.read("d/complex64.npy").unwrap()[..40]);
    sandbox.write("d/cut.json", r#"{"run": "#);
    let lines = ["show d/cut.npz", "show d/cut.npy", "show d/cut.json", "show d/noise.bin", "show d", "show none.npz"];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs show d/cut.npz
    2> law fs show: truncated or damaged npz: its directory, which stands at the end, is missing WORK/d/cut.npz
    [exit 65]
    $ law fs show d/cut.npy
    2> law fs show: a header of 118 bytes in a file of 40 WORK/d/cut.npy
    [exit 65]
    $ law fs show d/cut.json
    2> law fs show: not JSON: EOF while parsing a value at line 1 column 8 WORK/d/cut.json
    [exit 65]
    $ law fs show d/noise.bin
    2> law fs show: show knows npy, npz, hdf5, json, jsonl, yaml, toml, csv, text, tar and zip, and gz, zst, bz2, xz around text; this is none by its name nor its start WORK/d/noise.bin
    [exit 9]
    $ law fs show d
    2> law fs show: is a directory WORK/d
    [exit 4]
    $ law fs show none.npz
    2> law fs show: not found WORK/none.npz
    [exit 3]
    ");
    let server = sandbox.serve("d");
    assert_eq!(sandbox.fs(&format!("show {}cut.npz", server.url)).code, Some(65));
}

#[test]
fn the_formats_that_are_known() {
    let sandbox = crate::with_files();
    assert_snapshot!(sandbox.session(["formats"]), @"
    $ law fs formats
    numpy    npy npz
    hdf5     h5 hdf5
    json     json
    jsonl    jsonl ndjson
    yaml     yaml yml
    toml     toml
    csv      csv tsv
    text     txt text log md cfg ini xml html tex py sh
    tar      tar tar.gz tgz tar.zst tzst tar.bz2 tbz2 tbz tar.xz txz
    zip      zip
    gzip     gz around any of them
    zstd     zst zstd around any of them
    bzip2    bz2 around any of them
    xz       xz around any of them
    ");
    assert_eq!(sandbox.fs("--json formats").objects().len(), 14);
}

#[test]
fn a_look_into_gzip() {
    let sandbox = crate::with_files();
    for (name, content) in [("a.csv.gz", "run,mass\n1,125.1\n"), ("cut.json.gz", "")] {
        sandbox.write("plain", content);
        let packed = std::process::Command::new("gzip").args(["-c"]).arg(sandbox.path("plain")).output().unwrap();
        sandbox.write(name, &packed.stdout[..packed.stdout.len() - usize::from(content.is_empty()) * 3]);
    }
    assert_snapshot!(sandbox.session(["show a.csv.gz", "show cut.json.gz"]), @"
    $ law fs show a.csv.gz
    WORK/a.csv.gz: gzip, 43B, csv inside
    run,mass
    1,125.1
    $ law fs show cut.json.gz
    2> law fs show: the gzip stream is cut off WORK/cut.json.gz
    [exit 65]
    ");
}

#[test]
fn a_look_into_archives() {
    let sandbox = crate::with_files();
    sandbox.write("tree/sub/numbers.txt", "1 2 3");
    std::os::unix::fs::symlink("sub/numbers.txt", sandbox.path("tree/link")).unwrap();
    let tar = |arguments: &[&str]| {
        let status = std::process::Command::new("tar").args(arguments).current_dir(sandbox.path("")).status().unwrap();
        assert!(status.success());
    };
    tar(&["--sort=name", "-cf", "a.tar", "tree"]);
    tar(&["-czf", "a.tgz", "tree"]);
    tar(&["-cPf", "evil.tar", "--transform=s,^,../,", "tree/link"]);
    let whole = sandbox.read("a.tgz").unwrap();
    sandbox.write("cut.tgz", &whole[..whole.len() / 2]);
    assert_snapshot!(sandbox.session(["show a.tar", "show cut.tgz", "show evil.tar"]), @r#"
    $ law fs show a.tar
    WORK/a.tar: tar, 10KiB, 4 members
                tree/
                tree/link -> sub/numbers.txt
                tree/sub/
             5  tree/sub/numbers.txt
    $ law fs show cut.tgz
    2> law fs show: the gzip stream is cut off WORK/cut.tgz
    [exit 65]
    $ law fs show evil.tar
    2> law fs show: member "../tree/link": its path leads out of the archive by ".." WORK/evil.tar
    [exit 65]
    "#);
    assert_eq!(sandbox.fs("--json show a.tgz").objects().len(), 4);
}

#[test]
fn what_is_not_what_its_name_says() {
    let sandbox = Sandbox::new();
    for name in ["a.tar", "a.tar.gz", "a.zip", "a.npy", "a.npz", "a.h5", "a.json", "a.gz"] {
        for content in [crate::sandbox::pattern(3000, 7), b"hello\n".to_vec(), Vec::new()] {
            sandbox.write(name, content);
            let run = sandbox.fs(&format!("show {name}"));
            assert_eq!(run.code, Some(65), "{name}: {run}");
            let error = run.only_error();
            assert!(error.is_ascii() && error.len() < 250 && !error.contains("numeric field"), "{name}: {error}");
        }
    }
    sandbox.write("a.tar", "hello\n");
    assert!(
        sandbox.fs("show a.tar").only_error().contains("not a tar archive: it does not begin with a header of one")
    );
}
