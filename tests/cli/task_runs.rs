//! `law run` more than once: processes beside each other, killed ones, and what is kept of a run.

use std::io::BufRead as _;
use std::os::unix::fs::DirEntryExt as _;
use std::process::Stdio;

use crate::sandbox::Sandbox;
use crate::tasks::{run, text, with_tasks};

/// Two processes that want the same, and a program that writes down that it ran.
#[test]
fn a_task_is_run_by_one_process_at_a_time() {
    let sandbox = Sandbox::new();
    let tasks = "[task.Each]\nbranches = 6\noutput = \"each_{branch}.txt\"\nrun = \"echo {branch} >> runs; test {branch} != 0 || while ! test -e go; do sleep 0.01; done; echo {branch} > {output}\"\n\
        [task.All]\nrequires = \"Each\"\noutput = \"all.txt\"\nrun = \"cat {input} > {output}\"\n";
    sandbox.write("tasks.toml", tasks);
    let start = || {
        let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
        command.args(["run", "All", "--workers", "2"]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()];
    // One of them waits for what the other one runs.
    while text(&sandbox, "runs").is_none_or(|runs| runs.lines().count() < 6) {
        std::thread::yield_now();
    }
    sandbox.write("go", "");
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let mut runs: Vec<String> = text(&sandbox, "runs").unwrap().lines().map(Into::into).collect();
    runs.sort();
    assert_eq!(runs, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(text(&sandbox, "all.txt").as_deref(), Some("0\n1\n2\n3\n4\n5\n"));
}

/// Killed at any time, the same command finishes the rest; what was complete stays as it is.
#[test]
fn a_run_that_is_killed_goes_on_with_the_rest() {
    let sandbox = Sandbox::new();
    let tasks = "[task.Each]\nbranches = 20\noutput = \"out/each_{branch}.txt\"\nrun = \"echo {branch} > {output}; sleep 0.005\"\n";
    sandbox.write("tasks.toml", tasks);
    let inodes = || -> std::collections::BTreeMap<String, u64> {
        let entries = std::fs::read_dir(sandbox.path("out")).into_iter().flatten().flatten();
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.ino())).collect()
    };
    let mut kills = 0;
    loop {
        let before = inodes();
        let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
        let mut child = command.args(["run", "Each"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // After a few more are there, or at its end.
        let done = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.success();
            }
            if inodes().len() >= before.len() + 3 {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                break false;
            }
            std::thread::yield_now();
        };
        let now = inodes();
        let is_output = |name: &str| name.starts_with("each_");
        let stays = |(name, inode): (&String, &u64)| !is_output(name) || now.get(name) == Some(inode);
        assert!(before.iter().all(stays), "what was complete was written again");
        for name in now.keys().filter(|name| is_output(name)) {
            let number = name.trim_start_matches("each_").trim_end_matches(".txt");
            assert_eq!(text(&sandbox, &format!("out/{name}")), Some(format!("{number}\n")), "no half file");
        }
        if done {
            break;
        }
    }
    assert!(kills > 1, "{kills}");
    assert_eq!(inodes().keys().filter(|name| name.starts_with("each_")).count(), 20);
}

#[test]
fn all_that_a_program_printed_is_kept() {
    let sandbox = Sandbox::new();
    let tasks = "[task.Loud]\noutput = \"never\"\nrun = \"seq 1 100; exit 3; : {output}\"\n";
    sandbox.write("tasks.toml", tasks);
    let said = run(&sandbox, "Loud");
    assert_eq!(said.code, Some(40), "{said:?}");
    let path = said.stderr.lines().find_map(|line| line.trim().strip_prefix("all of it is in ")).unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 100);
}

#[test]
fn how_a_file_was_made_is_kept_beside_it() {
    let sandbox = with_tasks();
    assert_eq!(run(&sandbox, "Inference --n 2 --model up").code, Some(0));
    let told = |place: &str| {
        let run = sandbox.law(["history", place]);
        (run.code, String::from_utf8(run.stdout).unwrap(), run.stderr)
    };
    let (code, made, _) = told("data/inference_up_2.txt");
    assert_eq!(code, Some(0));
    assert!(made.contains("data/inference_up_2.txt: as it was made (4 bytes, "), "{made}");
    assert!(made.contains("made by   Inference(model=up, n=2, note=two words)"), "{made}");
    assert!(made.contains("law run Inference --n 2 --model up"), "{made}");
    assert!(
        made.lines().any(|line| line.contains("from      ") && line.contains("data/times_two_2.txt (2 bytes, ")),
        "{made}"
    );
    let (code, other, _) = told("data/inference_up_2.log");
    assert_eq!(
        (code, other.contains("made by   Inference(")),
        (Some(0), true),
        "the record of the first output tells of the others: {other}"
    );
    sandbox.write("data/inference_up_2.txt", "changed");
    let (code, changed, _) = told("data/inference_up_2.txt");
    assert!(changed.contains("changed since: its size was 4 and is 7"), "{changed}");
    assert_eq!(code, Some(4));
    sandbox.write("data/times_two_2.txt", "5");
    let (_, made, _) = told("data/inference_up_2.log");
    assert!(
        made.contains("data/times_two_2.txt (2 bytes") && made.contains(", changed since: its size was 2 and is 1"),
        "{made}"
    );
    let (code, _, stderr) = told("data/nothing.txt");
    assert_eq!((code, stderr.contains("there is no record of ")), (Some(3), true), "{stderr}");
    let run = sandbox.law(["history", "--json", "data/times_two_2.txt"]);
    let object: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(
        (&object["record"]["parameters"]["n"], &object["record"]["outputs"][0]["size"]),
        (&"2".into(), &2.into())
    );
    sandbox.law(["run", "TimesTwo", "--n", "9", "--no-records"]);
    assert!(!sandbox.path("data/.law/times_two_9.txt.json").exists());
    assert!(sandbox.path("data/.law/times_two_2.txt.json").exists());
    sandbox.law(["run", "TimesTwo", "--n", "2", "--remove-output", "0,a"]);
    assert!(!sandbox.path("data/.law/times_two_2.txt.json").exists(), "the record goes with the file");
}

/// A program whose `law` was killed runs on, and is not run beside itself.
#[test]
fn a_program_that_was_left_behind_is_waited_for() {
    let sandbox = Sandbox::new();
    let line =
        "echo begin >> log; while ! test -e go; do sleep 0.01; done; echo end >> log; read line || echo x > {output}";
    sandbox.write("tasks.toml", format!("[task.Slow]\noutput = \"slow.txt\"\nrun = \"{line}\"\n"));
    let start = || {
        let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
        command.args(["run", "Slow", "--json"]).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut first = start();
    while text(&sandbox, "log").is_none() {
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = start();
    let mut events = std::io::BufReader::new(second.stdout.take().unwrap()).lines();
    let event: serde_json::Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
    assert_eq!(event["event"], "runs_elsewhere");
    sandbox.write("go", "");
    let last = events.last().unwrap().unwrap();
    assert!(last.contains("\"exit_code\":0"), "{last}");
    assert!(second.wait().unwrap().success());
    assert_eq!(text(&sandbox, "log").as_deref(), Some("begin\nend\nbegin\nend\n"));
    assert_eq!(text(&sandbox, "slow.txt").as_deref(), Some("x\n"));
}
