use insta::assert_snapshot;

use crate::sandbox::Sandbox;
use crate::{with_files, with_server};

/// What `law config` with these words says, and its exit code.
fn config(sandbox: &Sandbox, words: &str) -> String {
    sandbox.law(["config"].into_iter().chain(words.split(' '))).to_string()
}

#[test]
fn a_file_system_is_added_listed_asked_and_used() {
    let (sandbox, server) = with_server();
    let url = format!("{}sub", server.url);
    assert_snapshot!(config(&sandbox, &format!("add lab {url} --dry-run")), @r#"
    [fs.lab]
    doors = ["http://127.0.0.1:PORT"]
    base = "/sub"
    "#);
    assert_eq!(sandbox.fs("ls lab:").code, Some(2), "a dry run adds nothing");
    let added = config(&sandbox, &format!("add lab {url}"));
    assert!(added.contains("law.toml:\n[fs.lab]\ndoors = "), "{added}");
    assert_eq!(sandbox.fs("ls lab:").text(), "b.txt\n");
    assert_snapshot!(config(&sandbox, "list fs.lab.base"), @r#"fs.lab.base = "/sub""#);
    let listed = config(&sandbox, "list fs.lab.base --origin");
    assert!(listed.contains("law.toml:3:8"), "{listed}");
    assert_snapshot!(config(&sandbox, "test"), @"
    settings are well, 1 file system
    lab: http://127.0.0.1:PORT/sub reached
    ");
    let again = sandbox.law(["config", "add", "lab", &url]);
    assert_eq!(again.code, Some(4), "{again}");
    assert!(again.stderr.contains("there is a [fs.lab] already"), "{again}");
}

#[test]
fn a_storage_that_cannot_be_reached_is_told() {
    let sandbox = with_files();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    config(&sandbox, &format!("add gone http://127.0.0.1:{port}"));
    let run = sandbox.law(["config", "test", "gone"]);
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(sandbox.law(["config", "test", "gome"]).code, Some(2));
}

#[test]
fn what_is_printed_as_defaults_can_be_used_as_settings() {
    let sandbox = with_files();
    let defaults = sandbox.law(["config", "defaults"]);
    assert!(defaults.text().contains("[cache]"), "{defaults}");
    sandbox.write("law.toml", defaults.text());
    assert_eq!(sandbox.law(["config", "list"]).code, Some(0));
    sandbox.write("law.toml", "[fs.lab]\nbas = 1\n");
    let run = sandbox.law(["config", "list"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("law.toml:2:1") && run.stderr.contains("did you mean \"base\""), "{run}");
}

#[test]
fn secrets_are_not_listed() {
    let sandbox = with_files();
    sandbox.write("law.toml", "[fs.lab]\ndoors = [\"davs://h\"]\ntoken = \"hunter2\"\n");
    for words in ["list", "list --origin", "list --json"] {
        let listed = config(&sandbox, words);
        assert!(listed.contains("***") && !listed.contains("hunter2"), "{listed}");
    }
}

#[test]
fn the_editor_of_the_user_is_started_and_its_work_checked() {
    let sandbox = with_files();
    for (editor, code) in [("true", 0), ("sh -c 'echo broken >> \"$1\"' x", 2), ("false", 2), ("/no/such/editor", 2)] {
        let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
        command.args(["config", "edit"]).env("VISUAL", editor);
        let run = sandbox.finish(command);
        assert_eq!(run.code, Some(code), "{editor}: {run}");
    }
}

#[test]
fn a_local_directory_can_have_a_name() {
    let sandbox = Sandbox::new();
    sandbox.write("data/a.txt", "x");
    let url = format!("file://{}", sandbox.path("data").display());
    assert_eq!(sandbox.law(["config", "add", "here", &url]).code, Some(0));
    assert_eq!(sandbox.law(["config", "test", "here"]).code, Some(0));
    assert_eq!(sandbox.fs("ls here:").text(), "a.txt\n");
}

#[test]
fn what_users_of_other_tools_write_has_a_hint() {
    let sandbox = Sandbox::new();
    sandbox.write("a.txt", "x");
    sandbox.write("law.toml", "[wlcg_fs]\nbase = \"davs://h/p\"\n");
    assert!(sandbox.fs("ls wlcg:").only_error().contains("a file system is [fs.wlcg]"));
    sandbox.write("law.toml", "[fs.wlcg]\ndoors = [\"davs://h\"]\nbase = \"davs://h/p\"\n");
    assert!(sandbox.fs("ls wlcg:").only_error().contains("its scheme and host are a door"));
    sandbox.write("law.toml", "[fs.wlcg]\ndoors = [\"davs://h\"]\n");
    assert!(sandbox.fs("ls wlcg").stderr.contains("hint: the storage of that name is wlcg:"));
}

#[test]
fn a_pattern_that_was_not_expanded_has_a_hint() {
    let (sandbox, server) = with_server();
    for name in ["*.txt", "?.txt", "[ab].txt", "{a,b}.txt", "s*/b.txt"] {
        for command in [
            "ls", "cat", "stat", "rm", "rm -r", "du", "tree", "checksum", "show", "head", "tail", "find", "cp -r", "mv",
        ] {
            for place in ["./", &server.url] {
                // In a URL a `?` begins a query.
                let name = if place == "./" { name.to_owned() } else { name.replace('?', "%3F") };
                let to = if command.starts_with("cp") || command == "mv" { " to" } else { "" };
                let run = sandbox.fs(&format!("{command} {place}{name}{to}"));
                assert_eq!(run.code, Some(3), "{command}: {run}");
                let hint = "hint: a name is taken as it is here; patterns are for law fs find --name";
                assert!(run.stderr.contains(hint), "{command}: {run}");
            }
        }
    }
    let plain = sandbox.fs(&format!("cat {}none http://[::1]:9/x", server.url));
    assert!(!plain.stderr.contains("patterns"), "{plain}");
}

#[test]
fn a_warning_is_given_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.write("law.toml", "[fs.lab]\ndoors = [\"file:///\"]\n");
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    sandbox.write("home.toml", "[fs.a]\ndoors = [\"file:///tmp\"]\n");
    let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
    let run = sandbox.finish({
        command.args(["config", "test"]).env("LAW_CONFIG", sandbox.path("home.toml"));
        command
    });
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stderr.matches("law.toml is ignored").count(), 1, "{run}");
}

/// Beside a law.toml only what both have is passed over, and who looks at settings is told.
#[test]
fn a_law_cfg_beside_is_merged_and_said_once() {
    let sandbox = Sandbox::new();
    sandbox.write("base.cfg", "[old_fs]\nbase = file:///usr\n");
    sandbox.write("law.cfg", "[core]\ninherit = base.cfg\n[both_fs]\nbase = file:///tmp\n");
    sandbox.write("law.toml", "[fs.both]\ndoors = [\"file:///usr\"]\n");
    for words in ["config list", "config test"] {
        let run = sandbox.law(words.split(' '));
        assert_eq!(run.stderr.matches("of both, ").count(), 1, "{run}");
        assert!(run.stderr.contains("law.toml counts and not "), "{run}");
    }
    assert_eq!(sandbox.fs("ls -d old: both:").text(), "old:\nboth:\n");
    let typo = sandbox.law(["cfg"]);
    assert!(typo.code == Some(2) && typo.stderr.contains("a similar subcommand exists: 'config'"), "{typo}");
}

/// Every option that is described can be set, and has an effect unless it says "not yet".
#[test]
fn what_is_described_can_be_set() {
    let sandbox = Sandbox::new();
    let defaults = sandbox.law(["config", "defaults"]).text().to_owned();
    let is_option = |line: &str| line.starts_with("# ") && line[2..].split(' ').nth(1) == Some("=");
    let mut later = false;
    let mut all = String::new();
    for line in defaults.lines() {
        later = !line.is_empty() && (later || line.contains("Not yet.") || line.contains("Not yet,"));
        // One secret excludes the other, and some name files that are not there.
        let left_out = ["user =", "password =", "token =", "doors ="].iter().any(|option| line.contains(option));
        let set = is_option(line) && !later && !left_out;
        all += &format!("{}\n", if set { &line[2..] } else { line });
    }
    assert!(all.contains("\nchecksum = ") && all.contains("\ntoken_file = ") && all.contains("\nregion ="));
    sandbox.write("law.toml", all + "[fs.a]\ndoors = [\"file:///tmp\"]\n");
    // It holds keys.
    std::fs::set_permissions(sandbox.path("law.toml"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let run = sandbox.law(["config", "list"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn a_foreign_file_is_trusted_on_demand() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.write("law.toml", "[fs.lab]\ndoors = [\"davs://h\"]\n");
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(sandbox.law(["config", "list", "fs.lab.doors"]).text().lines().count(), 0);
    assert_eq!(sandbox.law(["config", "trust", "law.toml"]).code, Some(0));
    assert_eq!(sandbox.law(["config", "list", "fs.lab.doors"]).text().lines().count(), 1);
    assert_eq!(sandbox.law(["config", "trust", "--forget", "law.toml"]).code, Some(0));
    assert_eq!(sandbox.law(["config", "list", "fs.lab.doors"]).text().lines().count(), 0);
}

#[test]
fn what_is_not_set_is_an_error_with_what_was_meant() {
    let sandbox = Sandbox::new();
    sandbox.write("law.toml", "[fs.lab]\ndoors = [\"davs://h\"]\n");
    for (words, meant) in [
        ("list fs.lab.bsae", "did you mean fs.lab.base?"),
        ("list fs.lib", "did you mean fs.lab?"),
        ("list zzz", "law config list shows all"),
    ] {
        let run = sandbox.law(["config"].into_iter().chain(words.split(' ')));
        assert_eq!((run.code, run.text()), (Some(3), ""), "{words}: {run}");
        assert!(run.stderr.contains(meant), "{words}: {run}");
    }
}

#[test]
fn a_storage_is_added_with_its_token() {
    let (sandbox, server) = with_server();
    sandbox.write("token", "abc\n");
    let words = ["config", "add", "lab", &server.url, "--token-file", "token", "--dry-run"];
    let file = sandbox.path("token").display().to_string();
    assert!(sandbox.law(words).text().contains(&format!("token_file = \"{file}\"\n")), "from wherever it is read");
    assert_eq!(sandbox.law(&words[..6]).code, Some(0));
    assert_eq!(
        sandbox.law(["config", "list", "fs.lab.token_file"]).text(),
        format!("fs.lab.token_file = \"{file}\"\n")
    );
    let tested = sandbox.law(["config", "test", "lab:"]);
    assert!(tested.text().contains("\nlab: http://127.0.0.1") && tested.text().ends_with(" reached\n"), "{tested}");
    let nothing = sandbox.law(["config", "test", "lab", "--set", "fs.lab.base=/none"]);
    assert!(nothing.text().ends_with("/none answers, but nothing is there yet\n"), "{nothing}");
}

#[test]
fn settings_that_may_not_be_read_stop_only_those_who_need_them() {
    use std::os::unix::fs::PermissionsExt;
    let (sandbox, server) = with_server();
    sandbox.write("law.toml", "[fs.lab]\ndoors = [\"davs://h\"]\n");
    std::fs::set_permissions(sandbox.path("law.toml"), PermissionsExt::from_mode(0o000)).unwrap();
    for line in ["ls d".to_owned(), format!("ls {}", server.url)] {
        let run = sandbox.finish(sandbox.unprivileged(&line));
        assert_eq!((run.code, run.text()), (Some(0), "a.txt\nsub\n"), "{run}");
        assert_eq!(run.stderr.matches("law.toml: Permission denied").count(), 1, "{run}");
    }
    let run = sandbox.finish(sandbox.unprivileged("ls lab:"));
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("law fs ls: ") && run.stderr.contains("no NAME: counts until then"), "{run}");
    std::fs::set_permissions(sandbox.path("law.toml"), PermissionsExt::from_mode(0o644)).unwrap();
    sandbox.write("law.toml", "[fs.lab\n");
    assert_eq!(sandbox.finish(sandbox.unprivileged("ls d")).code, Some(2), "what is malformed is an error for all");
}

#[test]
fn a_law_cfg_is_imported() {
    let sandbox = Sandbox::new();
    let text = "[old_fs]\nbase = file:///usr\ncreate_file_dir = True\n[dropbox_fs]\nbase = dropbox:///x\ndropbox_app_secret = hunter2\n";
    sandbox.write("law.cfg", text);
    let printed = sandbox.law(["config", "import", "law.cfg"]);
    assert!(printed.text().contains("\n[fs.old]\ndoors = [\"file:///\"]\nbase = \"/usr\"\n"), "{printed}");
    assert!(printed.text().contains("[old_fs] create_file_dir") && printed.text().contains("# app_secret = \"...\""));
    assert!(!printed.to_string().contains("hunter2"), "{printed}");
    let listed = sandbox.law(["config", "list", "fs.old.base", "--origin"]);
    assert!(listed.text().contains("law.cfg:2:1") && listed.stderr.matches("create_file_dir").count() == 1, "{listed}");
    let added = sandbox.law(["config", "import", "law.cfg", "--write", "law.toml"]);
    assert_eq!(added.text(), "law.toml: dropbox_fs, old added\n");
    assert_eq!(sandbox.law(["config", "import", "law.cfg", "--write", "law.toml"]).code, Some(4));
    assert_eq!(sandbox.law(["config", "import", "none.cfg"]).code, Some(3));
    std::fs::remove_file(sandbox.path("law.cfg")).unwrap();
    assert_eq!(sandbox.law(["config", "list", "fs.old.base"]).text(), "fs.old.base = \"/usr\"\n");
}
