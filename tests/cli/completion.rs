//! What the shells offer, asked as they ask.

use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::{Run, Sandbox, Served};

/// A storage with names that are hard to type, configured as `lab`.
fn lab() -> (Sandbox, Served) {
    let sandbox = Sandbox::new();
    sandbox.write("store/data set/a#b.txt", "x");
    sandbox.write("store/data2.txt", "x");
    sandbox.write("local.txt", "x");
    let server = sandbox.serve("store");
    let url = server.url.replace("http", "dav");
    sandbox.write("law.toml", format!("[fs.lab]\ndoors = [\"{url}\"]\n"));
    (sandbox, server)
}

/// A shell that finds `law`.
fn program(sandbox: &Sandbox, shell: &str) -> Command {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_law"));
    let usual = std::env::var_os("PATH").unwrap();
    let directories = own.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&usual));
    let mut command = sandbox.program(shell);
    command.env("PATH", std::env::join_paths(directories).unwrap());
    command
}

/// Runs a script of that shell; nothing if the shell is not there.
fn shell(sandbox: &Sandbox, name: &str, script: &str) -> Option<Run> {
    let there = Command::new(name).arg("--version").output().is_ok();
    if !there {
        println!("skipped: there is no {name}");
        return None;
    }
    let mut command = program(sandbox, name);
    command.args(["-c", script]);
    Some(sandbox.finish(command))
}

#[test]
fn bash_offers_commands_options_and_places() {
    let (sandbox, server) = lab();
    let url = server.url.replace("http", "dav");
    let ask = |line: &str| {
        let script = "source <(law completion bash); COMP_LINE=\"$0\"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(law)
            _law 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut command = program(&sandbox, "bash");
        command.args(["-c", script, line]);
        sandbox.finish(command).text().trim_end().replace('\n', " | ")
    };
    assert_eq!(ask("law fs che"), "check | checksum");
    assert_eq!(ask("law fs cp --verify=re"), "require");
    assert_eq!(ask("law config test "), "lab");
    assert_eq!(ask("law fs ls la"), "lab: | law.toml");
    assert_eq!(ask("law fs ls lo"), "local.txt");
    assert_eq!(ask("law fs ls --ca lo"), "local.txt");
    assert_eq!(ask("law fs ls lab:"), r"data\ set/ | data2.txt");
    assert_eq!(ask(r"law fs cp local.txt lab:data\ set/"), r"data\ set/a\#b.txt");
    assert_eq!(ask("law-fs ls 'lab:data set/a"), "lab:data set/a#b.txt");
    let behind_the_colon = url.rsplit(':').next().unwrap();
    assert_eq!(ask(&format!("law fs ls {url}data%")), format!("{behind_the_colon}data%20set/"));
    assert_eq!(ask("law fs ls nosuch:x"), "");
}

#[test]
fn fish_offers_places() {
    let (sandbox, _server) = lab();
    let script = "law completion fish | source; complete -C 'law fs ls lab:'; complete -C 'law fs checks'";
    let Some(run) = shell(&sandbox, "fish", script) else { return };
    assert_eq!(
        run.text(),
        "lab:data set/\nlab:data2.txt\nchecksum\tPrint checksums as the storage computed them, or compare files with a list of them\n"
    );
}

#[test]
fn zsh_offers_places() {
    let (sandbox, _server) = lab();
    let script = "law completion zsh > _law; compadd() { print -rl -- \"$@\" }; words=(law fs ls lab:); CURRENT=4; source ./_law";
    let Some(run) = shell(&sandbox, "zsh", script) else { return };
    assert_eq!(run.text(), "-S\n\n--\nlab:data set/\n--\nlab:data2.txt\n");
}

#[test]
fn nobody_waits_for_a_storage_that_hangs() {
    let (sandbox, server) = lab();
    let proxy = law_faults::FaultProxy::start_blocking(server.address(), "* stall-head".parse().unwrap()).unwrap();
    let begun = std::time::Instant::now();
    let run = sandbox.law(["complete", "fish", "--", "law", "fs", "ls", &format!("{}/", proxy.url())]);
    assert_eq!((run.code, run.text()), (Some(0), ""), "{run}");
    assert!(begun.elapsed() < std::time::Duration::from_millis(2500), "{:?}", begun.elapsed());
}
