//! Where `law run` finds tasks, how they are listed and completed, and what `law new` writes.

use std::io::Write as _;
use std::path::PathBuf;

use crate::sandbox::Sandbox;

#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn law(sandbox: &Sandbox, line: &str) -> Said {
    let run = sandbox.law(line.split_whitespace());
    Said { code: run.code, stdout: String::from_utf8(run.stdout).unwrap(), stderr: run.stderr }
}

fn in_directory(sandbox: &Sandbox, directory: &str, line: &str) -> Said {
    let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
    command.args(line.split_whitespace()).current_dir(sandbox.path(directory));
    let run = sandbox.finish(command);
    Said { code: run.code, stdout: String::from_utf8(run.stdout).unwrap(), stderr: run.stderr }
}

/// A program of tasks, which cargo builds with all tests.
fn starter() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_law")).parent().unwrap().join("examples/starter");
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not built", path.display());
    let _ = writeln!(std::io::stderr(), "skipped: {} is not built", path.display());
    None
}

#[test]
fn what_new_writes_runs_at_once() {
    let sandbox = Sandbox::new();
    let new = law(&sandbox, "new analysis");
    assert_eq!(new.code, Some(0), "{new:?}");
    assert!(new.stdout.contains("next: cd analysis && law run Greeting --name you"), "{new:?}");
    let run = in_directory(&sandbox, "analysis", "run Greeting --name world --workers 2");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(sandbox.read("analysis/data/greeting_world.txt").unwrap(), b"hello dear world\n");
    let again = law(&sandbox, "new analysis");
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("analysis/tasks.toml is there already: nothing was written"), "{again:?}");
    assert_eq!(law(&sandbox, "init").code, Some(0));
    assert!(sandbox.path("tasks.toml").is_file());
    let rust = law(&sandbox, "new --rust My.Tasks");
    assert_eq!(rust.code, Some(0), "{rust:?}");
    assert!(String::from_utf8(sandbox.read("My.Tasks/Cargo.toml").unwrap()).unwrap().contains("name = \"my-tasks\""));
    assert!(sandbox.path("My.Tasks/src/main.rs").is_file() && sandbox.path("My.Tasks/law.toml").is_file());
    assert_eq!(law(&sandbox, "new --rust 7").code, Some(2));
}

#[test]
fn tasks_of_a_law_toml_and_of_its_projects_are_found() {
    let sandbox = Sandbox::new();
    sandbox.write("law.toml", "[fs.x]\ndoors = [\"dav://127.0.0.1:1\"]\n[task.Own]\nrequires = \"Other\"\noutput = \"own.txt\"\nrun = \"cp {input} {output}\"\n[[project]]\npath = \"sub\"\n");
    sandbox.write(
        "sub/tasks.toml",
        "[task.Other]\nabout = \"Elsewhere.\"\noutput = \"other.txt\"\nrun = \"echo other > {output}\"\n",
    );
    sandbox.write("deep/er/note", "");
    let listed = law(&sandbox, "run");
    assert_eq!(listed.stdout, "Other  Elsewhere.\nOwn\n", "{listed:?}");
    let run = in_directory(&sandbox, "deep/er", "run Own");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(sandbox.read("own.txt").unwrap(), b"other\n");
    assert!(sandbox.path("sub/other.txt").is_file(), "each file's places are relative to it");
    assert_eq!(law(&sandbox, "config list").code, Some(0), "the settings know tasks and projects");
    for (project, message) in [
        ("path = \"nowhere\"", "has no tasks.toml and no Cargo.toml"),
        ("binary = \"nowhere\"", "is not there: build it first"),
        ("", "law.toml:1:1: a project has a path or a binary"),
        ("paths = \"x\"", "law.toml:2:1: unknown field `paths`"),
    ] {
        sandbox.write("law.toml", format!("[[project]]\n{project}\n"));
        let refused = law(&sandbox, "run");
        assert_eq!(refused.code, Some(2), "{project}: {refused:?}");
        assert!(refused.stderr.contains(message), "{project}: {refused:?}");
    }
}

#[test]
fn tasks_of_a_program_are_found_and_run_by_it() {
    let Some(starter) = starter() else { return };
    let sandbox = Sandbox::new();
    sandbox.write("law.toml", format!("[[project]]\nbinary = \"{}\"\n", starter.display()));
    let run = law(&sandbox, "run Greeting --name world");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(sandbox.read("data/greeting_world.txt").unwrap(), b"hello dear world");
    let index = law(&sandbox, "index");
    assert!(index.stdout.starts_with("Greeting  Puts the words together.  ("), "{index:?}");
    assert!(index.stdout.contains("\n    --name  a text; you\n"), "{index:?}");
    let missing = law(&sandbox, "run Greetings");
    assert_eq!((missing.code, missing.stderr.contains("there is no task Greetings")), (Some(2), true), "{missing:?}");
    let mut own = sandbox.program(starter.to_str().unwrap());
    own.args(["Greeting", "--print-status", "1"]);
    let own = sandbox.finish(own);
    assert_eq!(own.code, Some(0), "{}", own.stderr);
    assert!(String::from_utf8(own.stdout).unwrap().contains("existent (2/2)"));
}

#[test]
fn tasks_are_told_to_programs_and_to_shells() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "tasks.toml",
        "[task.Hist]\nabout = \"Fills.\"\nparams = { n = 5, model = { choices = [\"up\", \"down\"], default = \"up\" } }\noutput = \"x\"\nrun = \"true {output}\"\n",
    );
    let index: serde_json::Value = serde_json::from_str(&law(&sandbox, "index --json").stdout).unwrap();
    assert_eq!((&index["name"], &index["parameters"][1]["default"]), (&"Hist".into(), &"5".into()));
    assert_eq!(index["parameters"][0]["choices"], serde_json::json!(["up", "down"]));
    let offered = |words: &str| {
        let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
        command.args(["complete", "zsh", "--"]).args(words.split(' '));
        String::from_utf8(sandbox.finish(command).stdout).unwrap()
    };
    assert!(offered("law run H").starts_with("Hist"), "{}", offered("law run H"));
    assert!(offered("law run Hist --m").contains("--model"), "{}", offered("law run Hist --m"));
    assert_eq!(offered("law run Nothing --m"), "");
}

#[test]
fn commands_that_everybody_may_write_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.write("tasks.toml", "[task.A]\noutput = \"a\"\nrun = \"echo > {output}\"\n");
    std::fs::set_permissions(sandbox.path("tasks.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = law(&sandbox, "run A");
    assert_eq!(
        (refused.code, refused.stderr.contains("everybody may write it (mode 0666)")),
        (Some(2), true),
        "{refused:?}"
    );
    assert!(!sandbox.path("a").exists());
}
