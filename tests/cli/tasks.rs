//! `law run`: tasks of a `tasks.toml`, as somebody types them.

use std::process::Stdio;

use rustix::process::Signal;

use crate::sandbox::{Sandbox, send};

const TASKS: &str = r#"
[task.TimesTwo]
about = "Writes twice a number."
params = { n = { type = "integer", help = "What is doubled." } }
output = "data/times_two_{n}.txt"
run = "expr 2 '*' {n} > {output}"

[task.Inference]
about = "Adds a shift."
params = { n = 1, model = { choices = ["nominal", "up"], default = "nominal" }, note = { default = "two words", significant = false } }
requires = { twice = "TimesTwo" }
output = { sum = "data/inference_{model}_{n}.txt", log = "data/inference_{model}_{n}.log" }
run = "test {model} = up && shift=100 || shift=1; expr $(cat {inputs.twice}) + $shift > {output.sum}; echo {note} > {output.log}"

[task.All]
requires = ["TimesTwo", "Inference"]
params = { n = 1 }

[task.Fails]
output = "data/never.txt"
run = "echo half > {output}; echo 'the disk is on fire' >&2; exit 7"

[task.Silent]
output = "data/silent.txt"
run = "true {output}"

[task.Half]
output = { one = "data/half_one.txt", other = "data/half_other.txt" }
run = "echo one > {output.one}; test ! -e {output.other}"

[task.Raw]
external = true
output = "data/raw.txt"

[task.NeedsRaw]
requires = "Raw"
output = "data/needs_raw.txt"
run = ["cp", "{input}", "{output}"]
"#;

pub(crate) fn with_tasks() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tasks.toml", TASKS);
    sandbox
}

#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(sandbox: &Sandbox, line: &str) -> Said {
    let ended = sandbox.law(["run"].into_iter().chain(line.split_whitespace()));
    Said { code: ended.code, stdout: String::from_utf8(ended.stdout).unwrap(), stderr: ended.stderr }
}

pub(crate) fn text(sandbox: &Sandbox, name: &str) -> Option<String> {
    sandbox.read(name).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_task_is_listed_explained_run_and_not_run_again() {
    let sandbox = with_tasks();
    let list = run(&sandbox, "");
    assert!(list.stdout.contains("TimesTwo  Writes twice a number."), "{list:?}");
    let help = run(&sandbox, "TimesTwo --help");
    assert!(
        help.stdout.contains("--n <VALUE>") && help.stdout.contains("What is doubled: a whole number; needed"),
        "{help:?}"
    );
    let done = run(&sandbox, "TimesTwo --n 5");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.contains("This progress looks :) because there were no failed tasks or missing dependencies"),
        "{done:?}"
    );
    assert_eq!(text(&sandbox, "data/times_two_5.txt").unwrap(), "10\n");
    let again = run(&sandbox, "TimesTwo --n 5");
    assert!(again.stdout.contains("* 1 complete ones were encountered:\n    - 1 TimesTwo(n=5)"), "{again:?}");
    // luigi's habits, also before the name; a negative number is a value.
    let luigi = run(&sandbox, "--module analysis TimesTwo --n -3 --local-scheduler --workers 2");
    assert_eq!((luigi.code, text(&sandbox, "data/times_two_-3.txt")), (Some(0), Some("-6\n".into())), "{luigi:?}");
}

#[test]
fn a_chain_with_names_choices_and_several_outputs() {
    let sandbox = with_tasks();
    let done = run(&sandbox, "All --n 4 --workers 2");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(text(&sandbox, "data/inference_nominal_4.txt").unwrap(), "9\n");
    assert_eq!(text(&sandbox, "data/inference_nominal_4.log").unwrap(), "two words\n");
    assert_eq!(run(&sandbox, "Inference --n 4 --model up").code, Some(0));
    assert_eq!(text(&sandbox, "data/inference_up_4.txt").unwrap(), "108\n");
    let ran = sandbox.scratch();
    assert!(ran.is_empty(), "nothing is left behind: {ran:?}");
}

#[test]
fn trees_outputs_and_commands_are_shown() {
    let sandbox = with_tasks();
    assert_eq!(run(&sandbox, "TimesTwo --n 2").code, Some(0));
    let tree = run(&sandbox, "All --n 2 --print-status -1");
    let place = sandbox.path("").canonicalize().unwrap().display().to_string();
    let expected = "\
0 > All(n=2)
├──1 > TimesTwo(n=2)
│       WORK/data/times_two_2.txt
│         existent
└──1 > Inference(model=nominal, n=2)
   │    log: WORK/data/inference_nominal_2.log
   │      absent
   │    sum: WORK/data/inference_nominal_2.txt
   │      absent
   └──2 > TimesTwo(n=2) (shown above)
";
    assert_eq!(tree.stdout.replace(place.trim_end_matches('/'), "WORK"), expected, "{tree:?}");
    assert_eq!(run(&sandbox, "All --n 2 --print-deps 0").stdout, "0 > All(n=2)\n");
    let outputs = run(&sandbox, "TimesTwo --n 2 --print-output 0").stdout;
    assert!(outputs.trim_end().ends_with("/data/times_two_2.txt"), "{outputs}");
    let commands = run(&sandbox, "Inference --n 2 --model up --print-command 1").stdout;
    assert_eq!(commands, "law run Inference --model up --n 2\nlaw run TimesTwo --n 2\n");
    let typed = run(&sandbox, "Inference --n 2 --print-status 1;2");
    assert_eq!(typed.code, Some(2), "{typed:?}");
}

#[test]
fn outputs_are_removed_as_far_as_is_said() {
    let sandbox = with_tasks();
    assert_eq!(run(&sandbox, "Inference --n 2").code, Some(0));
    let dry = run(&sandbox, "Inference --n 2 --remove-output 0,d");
    assert!(dry.stdout.contains("would remove") && text(&sandbox, "data/inference_nominal_2.txt").is_some(), "{dry:?}");
    assert_eq!(run(&sandbox, "Inference --n 2 --remove-output 0").code, Some(2), "nobody can be asked");
    let removed = run(&sandbox, "Inference --n 2 --remove-output 0,a");
    assert_eq!((removed.code, text(&sandbox, "data/inference_nominal_2.txt")), (Some(0), None), "{removed:?}");
    assert!(text(&sandbox, "data/times_two_2.txt").is_some(), "the task above it is deeper");
    assert_eq!(run(&sandbox, "Inference --n 2 --remove-output -1,a").code, Some(0));
    assert_eq!(text(&sandbox, "data/times_two_2.txt"), None);
}

#[test]
fn a_program_that_fails_publishes_nothing_and_its_last_words_are_told() {
    let sandbox = with_tasks();
    let failed = run(&sandbox, "Fails");
    assert_eq!(failed.code, Some(40), "{failed:?}");
    assert!(failed.stderr.contains("it ended with 7") && failed.stderr.contains("the disk is on fire"), "{failed:?}");
    assert!(failed.stdout.contains("This progress looks :( because there were failed tasks"), "{failed:?}");
    assert_eq!(text(&sandbox, "data/never.txt"), None);
    let silent = run(&sandbox, "Silent");
    assert_eq!(silent.code, Some(40));
    assert!(silent.stderr.contains("did not write") && silent.stderr.contains("data/silent.txt"), "{silent:?}");
    assert_eq!((run(&sandbox, "Half").code, text(&sandbox, "data/half_one.txt")), (Some(40), None), "all or nothing");
    let raw = run(&sandbox, "NeedsRaw");
    assert_eq!(raw.code, Some(20), "{raw:?}");
    assert!(raw.stdout.contains("looks :| because there were missing external dependencies"), "{raw:?}");
    sandbox.write("data/raw.txt", "here\n");
    assert_eq!(
        (run(&sandbox, "NeedsRaw").code, text(&sandbox, "data/needs_raw.txt")),
        (Some(0), Some("here\n".into()))
    );
}

#[test]
fn what_cannot_be_is_told_with_what_could() {
    let sandbox = with_tasks();
    let told = |line: &str, what: &str| {
        let refused = run(&sandbox, line);
        assert_eq!(refused.code, Some(2), "{line}: {refused:?}");
        assert!(refused.stderr.contains(what), "{line}: {refused:?}");
    };
    told("TimesTow --n 5", "there is no task TimesTow: did you mean TimesTwo?");
    told("TimesTwo --m 5", "unexpected argument '--m'");
    told("TimesTwo --n five", r#"TimesTwo --n: "five" is not a whole number, such as 5"#);
    told("TimesTwo", "TimesTwo --n: it has no default: give a whole number, such as 5");
    told("Inference --model down", "[possible values: nominal, up]");
    sandbox.write("tasks.toml", "[task.Taken]\nparams = { workers = 3 }\noutput = \"x\"\nrun = \"true {output}\"\n");
    told("Taken", "Taken has a parameter workers, which is an option of all tasks: rename it");
    sandbox.write("tasks.toml", TASKS);
    told("TimesTwo --n 5 --workers 0", "0 is not in 1..=65535");
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_place() {
    let told = |file: &str, what: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("tasks.toml", file);
        let refused = run(&sandbox, "A");
        assert_eq!(refused.code, Some(2), "{file}: {refused:?}");
        assert!(refused.stderr.contains(what), "{file}: {refused:?}");
    };
    told(
        "[task.A]\noutput = \"x_{m}\"\nrun = \"true\"\nparams = { n = 1 }\n",
        "tasks.toml:2:10: {m} is not known here: did you mean {n}?",
    );
    told(
        "[task.A]\noutput = \"x\"\nrun = \"cp {inptu} {output}\"\nrequires = \"A\"\n",
        "tasks.toml:3:7: {inptu} is not known here: did you mean {input}?",
    );
    told("[task.A]\noutputs = \"x\"\n", "tasks.toml:2:1: unknown field `outputs`");
    told("[task.A]\nrun = \"true\"\nrequires = \"B\"\n", "tasks.toml:3:12: there is no task B: did you mean A?");
    told("[task.A]\noutput = \"x\"\n", "tasks.toml:1:7: A has no run");
    told(
        "[task.A]\nrun = \"true\"\nparams = { n = { type = \"integer\", default = \"x\" } }\n",
        "is not a whole number",
    );
    told("[task.A\n", "tasks.toml:1:");
}

#[test]
fn a_cycle_is_told_with_the_way() {
    let sandbox = Sandbox::new();
    let task = |name: &str, other: &str| {
        format!("[task.{name}]\nrequires = \"{other}\"\noutput = \"{name}\"\nrun = \"true {{output}}\"\n")
    };
    sandbox.write("tasks.toml", task("A", "B") + &task("B", "A"));
    let refused = run(&sandbox, "A");
    assert_eq!(refused.code, Some(50), "{refused:?}");
    assert!(
        refused.stderr.contains("a task requires itself: A__99914b932b requires B__99914b932b requires A__99914b932b"),
        "{refused:?}"
    );
}

#[test]
fn a_signal_ends_the_program_and_leaves_no_half_output() {
    let sandbox = Sandbox::new();
    let slow = "[task.Slow]\noutput = \"slow.txt\"\nrun = \"echo half > {output}; touch begun; exec sleep 600\"\n";
    sandbox.write("tasks.toml", slow);
    let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
    let mut child = command.args(["run", "Slow"]).stderr(Stdio::null()).spawn().unwrap();
    while !sandbox.path("begun").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(40), "{said}");
    assert_eq!(sandbox.names(""), ["begun", "tasks.toml"]);
}

#[test]
fn outputs_are_fetched_under_the_names_of_their_tasks() {
    let sandbox = with_tasks();
    assert_eq!(run(&sandbox, "Inference --n 2").code, Some(0));
    let dry = run(&sandbox, "Inference --n 2 --fetch-output 0,d");
    assert_eq!((dry.code, dry.stdout.lines().count()), (Some(0), 2), "{dry:?}");
    let fetched = run(&sandbox, "Inference --n 2 --fetch-output 1,a,fetched");
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    let names: Vec<_> = std::fs::read_dir(sandbox.path("fetched"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.iter().any(|name| name.starts_with("TimesTwo_2_") && name.ends_with("__times_two_2.txt")),
        "{names:?}"
    );
    std::fs::remove_file(sandbox.path("data/inference_nominal_2.txt")).unwrap();
    let rest = run(&sandbox, "Inference --n 2 --fetch-output 1,a,again");
    assert!(rest.code == Some(0) && rest.stdout.contains("data/inference_nominal_2.txt is not there"), "{rest:?}");
    assert_eq!(sandbox.names("again").len(), 2, "the others are fetched");
    for wrong in ["--fetch-output 0,x", "--fetch-output 0", "--fetch-output x,a", "--remove-output 0,a,maybe"] {
        assert_eq!(run(&sandbox, &format!("Inference --n 2 {wrong}")).code, Some(2), "{wrong}");
    }
}

#[test]
fn outputs_are_removed_and_made_anew() {
    let sandbox = with_tasks();
    assert_eq!(run(&sandbox, "TimesTwo --n 4").code, Some(0));
    let again = run(&sandbox, "TimesTwo --n 4 --remove-output 0,a,y");
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("removed") && again.stdout.contains("* 1 ran successfully:"), "{again:?}");
}

#[test]
fn programs_hear_what_happens_as_json() {
    let sandbox = with_tasks();
    let objects = |line: &str| -> Vec<serde_json::Value> {
        run(&sandbox, line).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let events = objects("Inference --n 3 --json --log-file run.log");
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["begins", "ends", "begins", "ends", "run_ends"]);
    assert_eq!(events[0]["parameters"]["n"], "3");
    assert_eq!(events[1]["outcome"], "ran");
    assert_eq!((&events[4]["exit_code"], &events[4]["tasks"]["ran"]), (&0.into(), &2.into()));
    assert!(text(&sandbox, "run.log").unwrap().contains("Inference(model=nominal, n=3) is done"));
    let tree = objects("Inference --n 3 --print-status 1 --json");
    assert_eq!(tree.len(), 2);
    assert_eq!((&tree[0]["depth"], &tree[1]["depth"]), (&0.into(), &1.into()));
    assert_eq!(tree[0]["outputs"].as_array().unwrap().len(), 2);
    assert_eq!(tree[1]["outputs"][0]["exists"], true);
    assert!(objects("Inference --n 3 --print-output 1 --json").iter().all(|output| output["target"].is_string()));
    assert_eq!(objects("TimesTwo --n 3 --print-command 0 --json")[0]["command"], "law run TimesTwo --n 3");
    assert_eq!(objects("Fails --json").last().unwrap()["exit_code"], 40);
}

#[test]
fn defaults_come_from_the_configuration() {
    let sandbox = with_tasks();
    let tasks = format!("{TASKS}\n[defaults.TimesTwo]\nn = 21\n");
    sandbox.write("tasks.toml", tasks);
    sandbox.write("law.toml", "[defaults.Inference]\nmodel = \"up\"\n");
    assert_eq!(run(&sandbox, "TimesTwo").code, Some(0), "it has no default of its own");
    assert_eq!(text(&sandbox, "data/times_two_21.txt").as_deref(), Some("42\n"));
    let help = run(&sandbox, "Inference --help");
    assert!(help.stdout.contains("up where nothing is said"), "{help:?}");
    assert_eq!(run(&sandbox, "Inference --n 2").code, Some(0));
    assert_eq!(text(&sandbox, "data/inference_up_2.txt").as_deref(), Some("104\n"));
    sandbox.write("law.toml", "[defaults.Inference]\nmodel = \"sideways\"\n");
    let wrong = run(&sandbox, "Inference --n 2");
    assert_eq!((wrong.code, wrong.stderr.contains("is none of nominal, up")), (Some(2), true), "{wrong:?}");
}

#[test]
fn a_value_is_one_word_of_a_line_and_a_failure_within_it_is_one() {
    let task = |run: &str, output: &str| {
        let sandbox = Sandbox::new();
        let line = run.replace('"', "\\\"");
        sandbox.write(
            "tasks.toml",
            format!(
                "[task.T]\nparams = {{ n = \"a b\", l = [\"x\", \"y z\"] }}\noutput = \"{output}\"\nrun = \"{line}\"\n"
            ),
        );
        sandbox
    };
    let sandbox = task("printf '<%s>' {n} {l}> {output}", "out");
    sandbox.law(["run", "T", "--n", "$(id) ' \" > 2"]);
    assert_eq!(text(&sandbox, "out").as_deref(), Some("<$(id) ' \" > 2><x><y z>"));
    sandbox.write("tasks.toml", "[task.T]\nparams = { l = [\"x\", \"y z\"] }\noutput = \"out\"\nrun = [\"/bin/sh\", \"-c\", \"printf '<%s>' \\\"$@\\\" > $0\", \"{output}\", \"{l}\", \"l={l}\"]\n");
    sandbox.law(["run", "T", "--remove-output", "0,a,y"]);
    assert_eq!(
        text(&sandbox, "out").as_deref(),
        Some("<x><y z><l=x y z>"),
        "alone it is as many arguments as it has words"
    );
    let sandbox = task("echo {n}> {output}", "out_{n}");
    assert_eq!(run(&sandbox, "T --n 2").code, Some(0));
    assert_eq!(text(&sandbox, "out_2").as_deref(), Some("2\n"));
    for quoted in ["echo \"v={n}\" > {output}", "echo 'v={n}' > {output}"] {
        let refused = run(&task(quoted, "out"), "T");
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("tasks.toml:4:7: leave out the quotes around {n}"), "{refused:?}");
    }
    for failing in ["cat /nonexistent > {output}; echo done", "echo x > {output}; cat /nonexistent"] {
        let sandbox = task(failing, "out");
        assert_eq!((run(&sandbox, "T").code, text(&sandbox, "out")), (Some(40), None), "{failing}");
    }
    if std::path::Path::new("/bin/bash").exists() {
        assert_eq!(run(&task("false | cat > {output}", "out"), "T").code, Some(40));
    }
    for (unwritten, message) in
        [("echo x > out", "run has no {output}"), ("awk '{print}' > {output}", "{{ and }} are braces")]
    {
        let refused = run(&task(unwritten, "out"), "T");
        assert_eq!((refused.code, refused.stderr.contains(message)), (Some(2), true), "{refused:?}");
    }
}

#[test]
fn what_nobody_meant_is_refused() {
    let sandbox = Sandbox::new();
    let tasks = "[task.A]\nrequires = { b = { task = \"B\", params = { nn = 3 } } }\noutput = \"a\"\nrun = \"cat {inputs.b} > {output}\"\n\
        [task.B]\nparams = { n = 1, flag = false }\noutput = \"b_{n}\"\nrun = \"echo {n} {flag} > {output}\"\n";
    sandbox.write("tasks.toml", tasks);
    let refused = run(&sandbox, "A");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("tasks.toml:2:12: B has no parameter nn: did you mean n?"), "{refused:?}");
    sandbox.write("tasks.toml", tasks.replace("nn = 3", "n = 3"));
    let flag = run(&sandbox, "--workers 2 B --flag --n 7");
    assert_eq!(flag.code, Some(0), "{flag:?}");
    assert_eq!(text(&sandbox, "b_7").as_deref(), Some("7 True\n"));
    let sandbox = with_tasks();
    sandbox.write("data/raw.txt", "precious");
    assert_eq!(run(&sandbox, "NeedsRaw").code, Some(0));
    let removed = run(&sandbox, "NeedsRaw --remove-output -1,a");
    assert!(removed.stdout.contains("data/raw.txt, which is external"), "{removed:?}");
    assert_eq!((text(&sandbox, "data/needs_raw.txt"), text(&sandbox, "data/raw.txt")), (None, Some("precious".into())));
}

#[test]
fn a_parameter_that_does_not_change_the_place_is_doubted() {
    let sandbox = Sandbox::new();
    sandbox.write("tasks.toml", "[task.A]\nparams = { cut = 0.5, note = { default = \"x\", significant = false } }\noutput = \"a.txt\"\nrun = \"echo {cut} {note} > {output}\"\n");
    let said = run(&sandbox, "A");
    assert_eq!(said.code, Some(0));
    assert!(
        said.stderr.contains("tasks.toml:1:7: A uses {cut} and writes to one place for all values of it"),
        "{said:?}"
    );
    sandbox.write("tasks.toml", "[task.A]\noutput = \"~/a.txt\"\nrun = \"echo > {output}\"\n");
    let refused = run(&sandbox, "A");
    assert_eq!((refused.code, refused.stderr.contains("nobody expands ~")), (Some(2), true), "{refused:?}");
}
