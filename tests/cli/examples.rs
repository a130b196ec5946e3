//! What stands in `examples/` does what it says.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::sandbox::{Run, Sandbox, setting};

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A place with the files of an example.
fn with_example(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    copy(&directory(name), &sandbox.path(""));
    sandbox
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Settings of an example, but for where its storage is.
fn with_settings(sandbox: &Sandbox, name: &str, settings: &str) {
    sandbox.write("law.toml", format!("[fs.{name}]\n{settings}"));
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    String::from_utf8(sandbox.read(name).unwrap_or_default()).unwrap()
}

fn law(sandbox: &Sandbox, line: &str) -> Run {
    let run = sandbox.law(line.split_whitespace());
    assert_eq!(run.code, Some(0), "{line}: {run}");
    run
}

/// Runs the program of an example, which cargo builds with all tests.
fn program(sandbox: &Sandbox, name: &str, line: &str) -> bool {
    let path = Path::new(env!("CARGO_BIN_EXE_law")).parent().unwrap().join("examples").join(name);
    if !path.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{} is not built", path.display());
        let _ = writeln!(std::io::stderr(), "skipped: {} is not built", path.display());
        return false;
    }
    let mut command = sandbox.program(path.to_str().unwrap());
    command.args(line.split_whitespace());
    let run = sandbox.finish(command);
    assert_eq!(run.code, Some(0), "{name} {line}: {run}");
    true
}

#[test]
fn alphabet() {
    let alphabet: String = ('a'..='z').collect();
    let sandbox = with_example("alphabet");
    law(&sandbox, "run CreateChars --branch 0");
    assert_eq!(text(&sandbox, "data/v1/char_0.json"), r#"{"char": "a"}"#);
    law(&sandbox, "run CreateAlphabet --workers 2");
    assert_eq!(text(&sandbox, "data/v1/alphabet.txt"), alphabet);
    let sandbox = Sandbox::new();
    if program(&sandbox, "alphabet", "CreateAlphabet --workers 2") {
        assert_eq!(text(&sandbox, "data/v1/alphabet.txt"), alphabet);
    }
}

#[test]
fn loremipsum() {
    let sandbox = with_example("loremipsum");
    law(&sandbox, "run ShowFrequencies --workers 2");
    let frequencies = text(&sandbox, "data/frequencies_3.txt");
    assert_eq!(frequencies.lines().count(), 3);
    let of_rust = Sandbox::new();
    let texts = sandbox.path("texts");
    if program(&of_rust, "loremipsum", &format!("ShowFrequencies --texts {} --workers 2", texts.display())) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text(&of_rust, "data/frequencies_3.txt")), words(&frequencies));
    }
}

#[test]
fn workflow_parameters() {
    let sandbox = Sandbox::new();
    if program(&sandbox, "workflow_parameters", "Word --letters law --upper") {
        assert_eq!(text(&sandbox, "data/word_law_true.txt"), "LAW");
        let is_letter = |name: &&String| name.ends_with("_upper.txt");
        assert_eq!(sandbox.names("data").iter().filter(is_letter).count(), 3, "none beyond those that are needed");
    }
}

#[test]
fn wlcg_targets() {
    let sandbox = with_example("wlcg_targets");
    let served = sandbox.serve("storage");
    with_settings(&sandbox, "wlcg", &format!("doors = [\"dav://{}\"]\nbase = \"/me\"\n", served.address()));
    law(&sandbox, "run CreateAlphabet --workers 2");
    assert_eq!(text(&sandbox, "storage/me/alphabet/alphabet.txt"), "abcdef");
    law(&sandbox, "run CreateAlphabet --fetch-output 0,a");
    assert!(sandbox.names("").iter().any(|name| name.ends_with("__alphabet.txt")));
    let status = law(&sandbox, "run CreateAlphabet --print-status 1");
    assert!(status.text().contains("existent (6/6)"), "{status}");
}

#[test]
fn dropbox_targets() {
    let (Some(endpoint), Some(ca)) = (setting("DROPBOX_HTTPS"), setting("CA")) else { return };
    let sandbox = with_example("dropbox_targets");
    let base = format!("/alphabet_{}", std::process::id());
    let settings = format!(
        "doors = [\"dropbox:///\"]\nbase = \"{base}\"\ntoken = \"access-token\"\nendpoint = \"{endpoint}\"\nca = \"{ca}\"\n"
    );
    with_settings(&sandbox, "box", &settings);
    law(&sandbox, "run CreateAlphabet --workers 2");
    assert_eq!(law(&sandbox, "fs cat box:alphabet/alphabet.txt").text(), "abcdef");
}
