//! What `cp` makes of names, directories and permissions.

use crate::{on_both, with_files, with_server};

#[test]
fn a_directory_gets_the_name_that_ends_in_a_slash() {
    on_both(|sandbox, place| {
        sandbox.write("tree/sub/x", "x");
        assert_eq!(sandbox.fs(&format!("cp -r tree {place}new/")).code, Some(0));
        assert_eq!(sandbox.read("d/new/sub/x").unwrap(), b"x", "as GNU cp does");
        assert_eq!(sandbox.fs(&format!("cp -r tree {place}new/")).code, Some(0));
        assert_eq!(sandbox.read("d/new/tree/sub/x").unwrap(), b"x", "now it is there");
        for line in [format!("cp -r tree/sub/x {place}none/"), format!("cp -r tree tree/sub {place}none/")] {
            assert_eq!(sandbox.fs(&line).code, Some(3), "{line}");
        }
    });
}

#[test]
fn sources_that_would_replace_each_other_are_refused() {
    on_both(|sandbox, place| {
        sandbox.write("one/x", "1");
        sandbox.write("two/x", "2");
        for command in ["cp", "mv"] {
            let run = sandbox.fs(&format!("{command} one/x two/x {place}"));
            assert_eq!(run.code, Some(2), "{run}");
        }
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt"]);
        assert_eq!((sandbox.read("one/x").unwrap(), sandbox.read("two/x").unwrap()), (b"1".to_vec(), b"2".to_vec()));
    });
}

#[test]
fn a_dot_behind_a_slash_is_what_the_directory_has() {
    on_both(|sandbox, place| {
        sandbox.write("tree/x", "x");
        assert_eq!(sandbox.fs(&format!("cp -r tree/. {place}")).code, Some(0));
        assert_eq!(sandbox.read("d/x").unwrap(), b"x");
    });
}

#[test]
fn standard_input_needs_the_name_of_a_file() {
    on_both(|sandbox, place| {
        for line in [format!("cp - {place}none/"), "cp - -".to_owned()] {
            let run = sandbox.fs_with_input(&line, "x");
            assert_eq!(run.code, Some(2), "{run}");
        }
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt"]);
    });
}

#[test]
fn a_private_file_stays_private() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = with_files();
    let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
    let set = |name: &str, mode| std::fs::set_permissions(sandbox.path(name), PermissionsExt::from_mode(mode)).unwrap();
    for (bits, options) in [(0o600, ""), (0o700, ""), (0o750, "-p"), (0o666, "-p")] {
        set("d/a.txt", bits);
        let copy = format!("copy{bits:o}");
        assert_eq!(sandbox.fs(&format!("cp {options} d/a.txt {copy}")).code, Some(0));
        assert_eq!(mode(&copy), bits, "{options}");
    }
    sandbox.write("there", "old");
    set("there", 0o640);
    assert_eq!(sandbox.fs("cp d/a.txt there").code, Some(0));
    assert_eq!(mode("there"), 0o640, "a file that is replaced keeps its own");
}

#[test]
fn leftovers_of_other_writes_are_no_data() {
    on_both(|sandbox, place| {
        sandbox.write("tree/x", "x");
        sandbox.write("tree/.x.0123456789abcdef.lawpart", "half");
        let run = sandbox.fs(&format!("cp -r tree {place}"));
        assert_eq!(run.code, Some(0));
        assert!(run.stderr.contains("skipped"), "{run}");
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt", "tree", "tree/x"]);
    });
}

#[test]
fn a_dry_run_finds_out_what_a_copy_would() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("cp --dry-run d/a.txt {place}none/x")).code, Some(3));
        assert_eq!(sandbox.fs(&format!("cp --dry-run d/a.txt {place}a.txt/x")).code, Some(4));
        assert_eq!(sandbox.fs(&format!("cp --dry-run --mkdir d/a.txt {place}none/x")).code, Some(0));
    });
}

#[test]
fn who_requires_a_checksum_gets_one_within_a_storage_too() {
    let (sandbox, server) = with_server();
    let line = |name: &str| format!("cp --verify require {}a.txt {}{name}", server.url, server.url);
    assert_eq!(sandbox.fs(&format!("cp {}a.txt {}plain", server.url, server.url)).code, Some(0));
    let run = sandbox.fs(&line("proven"));
    assert!(run.text().contains("adler32 084b021f agrees"), "{run}");
    assert_eq!(sandbox.read("d/proven"), sandbox.read("d/plain"));
}
