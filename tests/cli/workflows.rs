//! `law run`: workflows of a `tasks.toml`, as somebody types them.

use crate::sandbox::Sandbox;
use crate::tasks::{run, text};

const TASKS: &str = r#"
[task.CreateChars]
about = "Writes one letter per branch."
params = { version = "v1" }
branches = ["a", "b", "c", "d", "e"]
output = "data/{version}/char_{branch}.txt"
run = "test {branch_data} != d || test ! -e data/d_is_bad; printf %s {branch_data} > {output}"

[task.CreateAlphabet]
params = { version = "v1" }
requires = "CreateChars"
output = "data/{version}/alphabet.txt"
run = "cat {input} > {output}"

[task.Upper]
params = { version = "v1" }
branches = "0:5"
requires = "CreateChars"
output = { upper = "data/{version}/upper_{branch}.txt", log = "data/{version}/upper_{branch}.log" }
run = "tr a-z A-Z < {input} > {output.upper}; echo {branch} of {branch_data} > {output.log}"

[task.UpperAlphabet]
params = { version = "v1" }
requires = "Upper"
output = "data/{version}/upper.txt"
run = "cat {inputs.Upper.upper} > {output}"

[task.Runs]
output = "data/runs.json"
run = "echo '[{{\"run\": 1, \"cut\": 0.5}}, {{\"run\": 2, \"cut\": 1}}]' > {output}"

[task.Select]
branches = { json_of = "Runs" }
output = "data/selected_{branch_data.run}.txt"
run = "echo {branch_data.run} above {branch_data.cut} > {output}"

[task.Sizes]
branches = { glob = "raw/*.txt", chunk = 2 }
output = "data/sizes_{branch}.txt"
run = "cat {branch_data.local} | wc -c > {output}; echo {branch_data.stem} >> {output}"

[task.Listed]
branches = { lines = "list.txt" }
output = "data/listed_{branch}.txt"
run = ["cp", "{branch_data.local}", "{output}"]

[task.Raw]
external = true
branches = [{ run = 1 }, { run = 2 }]
output = "raw/run_{branch_data.run}.raw"

[task.NeedsRaw]
requires = "Raw"
output = "data/needs_raw.txt"
run = "cat {input} > {output}"
"#;

fn with_tasks() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tasks.toml", TASKS);
    sandbox
}

#[test]
fn a_workflow_runs_its_branches_and_others_read_them() {
    let sandbox = with_tasks();
    let one = run(&sandbox, "CreateChars --branch 0");
    assert_eq!(one.code, Some(0), "{one:?}");
    assert_eq!(text(&sandbox, "data/v1/char_0.txt").as_deref(), Some("a"));
    assert_eq!(text(&sandbox, "data/v1/char_1.txt"), None);
    let all = run(&sandbox, "CreateAlphabet --workers 3");
    assert_eq!(all.code, Some(0), "{all:?}");
    assert!(all.stdout.contains("Scheduled 6 tasks"), "branch 0 is not run again: {all:?}");
    assert_eq!(text(&sandbox, "data/v1/alphabet.txt").as_deref(), Some("abcde"));
    let upper = run(&sandbox, "UpperAlphabet --version v1");
    assert_eq!(upper.code, Some(0), "{upper:?}");
    assert_eq!(
        text(&sandbox, "data/v1/upper.txt").as_deref(),
        Some("ABCDE"),
        "a branch reads the branch of its number"
    );
    assert_eq!(text(&sandbox, "data/v1/upper_3.log").as_deref(), Some("3 of 3\n"));
}

#[test]
fn branches_are_chosen_shown_and_removed() {
    let sandbox = with_tasks();
    let some = run(&sandbox, "CreateChars --branches 0:2,4 --skip-branches 1");
    assert_eq!(some.code, Some(0), "{some:?}");
    let status = run(&sandbox, "CreateAlphabet --print-status 1");
    insta::assert_snapshot!(status.stdout.replace(&sandbox.path("").display().to_string(), "/"), @r"
    0 > CreateAlphabet(version=v1)
    │    /data/v1/alphabet.txt
    │      absent
    └──1 > CreateChars(branch=-1, version=v1)
            5 branches, from /data/v1/char_0.txt
              absent (2/5), missing branches: 1,2,3
    ");
    let members = run(&sandbox, "CreateChars --print-status 0,1");
    assert!(members.stdout.contains("1: absent (") && members.stdout.contains("4: existent ("), "{members:?}");
    let places = run(&sandbox, "CreateChars --print-output 0").stdout;
    assert_eq!(places.lines().count(), 5);
    assert!(places.lines().nth(2).unwrap().ends_with("data/v1/char_2.txt"), "{places}");
    let command = run(&sandbox, "CreateChars --branches 0:2 --acceptance 0.5 --print-command 0").stdout;
    assert_eq!(command, "law run CreateChars --branches 0:2 --acceptance 0.5\n");
    assert_eq!(run(&sandbox, "CreateChars --branches 0:2 --remove-output 0,a").code, Some(0));
    assert_eq!((text(&sandbox, "data/v1/char_0.txt"), text(&sandbox, "data/v1/char_4.txt")), (None, Some("e".into())));
}

#[test]
fn what_is_out_of_range_is_told() {
    let sandbox = with_tasks();
    for wrong in ["--branch 5", "--branches 3:6", "--skip-branches 5"] {
        let said = run(&sandbox, &format!("CreateChars {wrong}"));
        assert_eq!(said.code, Some(50), "{said:?}");
        assert!(said.stderr.contains("branch 5 is out of range: CreateChars has 5 branches, from 0 to 4"), "{said:?}");
    }
    for wrong in ["--branch -2", "--branch x", "--branches 3:1", "--branch 1 --branches 2", "--acceptance -1"] {
        let said = run(&sandbox, &format!("CreateChars {wrong}"));
        assert_eq!(said.code, Some(2), "{wrong}: {said:?}");
    }
    assert!(text(&sandbox, "data/v1/char_0.txt").is_none());
}

#[test]
fn a_branch_that_fails_is_named_with_its_last_words() {
    let sandbox = with_tasks();
    sandbox.write("data/d_is_bad", "");
    let bad = sandbox.path("tasks.toml");
    let tasks = TASKS.replace(
        "test {branch_data} != d || test ! -e data/d_is_bad;",
        "test {branch_data} != d || {{ echo d is bad >&2; exit 3; }};",
    );
    std::fs::write(bad, tasks).unwrap();
    let said = run(&sandbox, "CreateAlphabet");
    assert_eq!(said.code, Some(40), "{said:?}");
    assert!(
        said.stderr.contains("1 of 5 branches failed:\n    branch 3: it ended with 3; it said at last:"),
        "{said:?}"
    );
    assert!(said.stderr.contains("    d is bad"), "{said:?}");
    assert_eq!(text(&sandbox, "data/v1/char_4.txt").as_deref(), Some("e"), "the others are done");
    let enough = run(&sandbox, "CreateChars --acceptance 4");
    assert_eq!(enough.code, Some(0), "{enough:?}");
}

#[test]
fn branches_come_from_tasks_patterns_and_files() {
    let sandbox = with_tasks();
    sandbox.write("raw/b.txt", "22");
    sandbox.write("raw/a.txt", "1");
    sandbox.write("raw/c.txt", "333");
    sandbox.write("list.txt", "raw/c.txt\nraw/a.txt\n");
    let told = run(&sandbox, "Select --print-status 0");
    assert!(told.stdout.contains("writes is not known before Runs__99914b932b is complete"), "{told:?}");
    let selected = run(&sandbox, "Select");
    assert_eq!(selected.code, Some(0), "{selected:?}");
    assert_eq!(text(&sandbox, "data/selected_2.txt").as_deref(), Some("2 above 1\n"));
    let sizes = run(&sandbox, "Sizes");
    assert_eq!(sizes.code, Some(0), "{sizes:?}");
    assert_eq!(text(&sandbox, "data/sizes_0.txt").as_deref(), Some("3\na b\n"));
    assert_eq!(text(&sandbox, "data/sizes_1.txt").as_deref(), Some("3\nc\n"));
    let listed = run(&sandbox, "Listed");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(text(&sandbox, "data/listed_0.txt").as_deref(), Some("333"));
}

#[test]
fn branches_that_somebody_else_makes_are_missing() {
    let sandbox = with_tasks();
    let missing = run(&sandbox, "NeedsRaw");
    assert_eq!(missing.code, Some(20), "{missing:?}");
    sandbox.write("raw/run_1.raw", "one ");
    sandbox.write("raw/run_2.raw", "two");
    assert_eq!(run(&sandbox, "NeedsRaw").code, Some(0));
    assert_eq!(text(&sandbox, "data/needs_raw.txt").as_deref(), Some("one two"));
}

#[test]
fn what_is_wrong_with_branches_is_told_with_its_place() {
    for (branches, rest, message) in [
        ("'1:x'", "", "tasks.toml:3:12: \"1:x\" is no range, such as 0:10"),
        ("{ glob = 'a', list = [1] }", "", "tasks.toml:3:12: branches are one of range, list, glob"),
        ("{ globs = 'a' }", "", "tasks.toml:3:12: "),
        ("{ lines_of = 'Rans' }", "", "tasks.toml:3:12: there is no task Rans"),
        ("{ glob = 'raw/{m}' }", "", "tasks.toml:3:12: {m} is not known here"),
        ("2", "params = { branch = 1 }", "a task with branches has a parameter branch of its own"),
        (
            "[{ a = 1 }]",
            "requires = { x = { task = 'T', params = { n = '{branch_data.b}' } } }",
            "did you mean {branch_data.a}?",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "tasks.toml",
            format!("[task.T]\n{rest}\nbranches = {branches}\noutput = 'o_{{branch}}'\nrun = 'true {{output}}'\n"),
        );
        let said = run(&sandbox, "T");
        assert_eq!(said.code, Some(2), "{branches}: {said:?}");
        assert!(said.stderr.contains(message), "{branches}: {said:?}");
    }
}

#[test]
fn what_tasks_require_is_drawn() {
    let sandbox = with_tasks();
    let drawn = |line: &str| String::from_utf8(sandbox.law(line.split(' ')).stdout).unwrap();
    insta::assert_snapshot!(drawn("graph UpperAlphabet --version v2"), @r#"
    flowchart LR
        t0["UpperAlphabet<br>version=v2"]
        t1["Upper<br>branch=-1<br>version=v2"]
        t2["CreateChars<br>branch=0<br>version=v2"]
        t1 --> t0
        t2 --> t1
    "#);
    insta::assert_snapshot!(drawn("graph CreateAlphabet --dot"), @r#"
    digraph tasks {
        rankdir=LR;
        node [shape=box];
        t0 [label="CreateAlphabet\nversion=v1"];
        t1 [label="CreateChars\nbranch=-1\nversion=v1"];
        t1 -> t0;
    }
    "#);
    assert_eq!(sandbox.law(["graph", "Nothing"]).code, Some(2));
}

#[test]
fn enough_branches_are_enough_for_whoever_requires_them() {
    let sandbox = Sandbox::new();
    let tasks = "[task.Some]\nbranches = 3\nacceptance = ACCEPTANCE\noutput = \"some_{branch}.txt\"\nrun = \"test {branch} != 1; echo {branch} > {output}\"\n\
        [task.All]\nrequires = \"Some\"\noutput = \"all.txt\"\nrun = \"cat {input} > {output}\"\n";
    sandbox.write("tasks.toml", tasks.replace("ACCEPTANCE", "1"));
    assert_eq!(run(&sandbox, "All").code, Some(40));
    sandbox.write("tasks.toml", tasks.replace("ACCEPTANCE", "0.6"));
    let all = run(&sandbox, "All");
    assert_eq!((all.code, text(&sandbox, "all.txt").as_deref()), (Some(0), Some("0\n2\n")), "{all:?}");
}
