//! Keys and logins of object stores and of Dropbox that are half ones, old ones, or those of somebody else, and servers that are none of theirs.

use std::os::unix::fs::PermissionsExt as _;

use law_faults::FaultProxy;

use crate::sandbox::{Run, Sandbox};
use crate::with_server;

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

fn private(sandbox: &Sandbox, name: &str, text: &str) {
    sandbox.write(name, text);
    std::fs::set_permissions(sandbox.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// `[fs.x]` with a door, the address of its service, and more lines.
fn configured(sandbox: &Sandbox, door: &str, endpoint: &str, lines: &str) {
    let endpoint = endpoint.trim_end_matches('/');
    let text = format!("[fs.x]\ndoors = [\"{door}\"]\nendpoint = \"{endpoint}\"\nretries = 0\n{lines}\n");
    private(sandbox, "law.toml", &text);
}

/// The error of a run with this exit code, which tells no secret; its hint behind it.
fn error(run: &Run, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run}");
    run.only_error();
    assert!(!run.to_string().contains("hidden"), "{run}");
    run.stderr.clone()
}

#[test]
fn half_a_key_is_a_wrong_configuration_and_nobody_elses_key_is_used() {
    let sandbox = Sandbox::new();
    for (door, there, missing) in [
        ("s3://lab", "access_key", "secret_key"),
        ("s3://lab", "secret_key", "access_key"),
        ("s3://lab", "session_token", "access_key"),
        ("azblob://lab", "secret_key", "access_key"),
        ("azblob://lab", "session_token", "access_key"),
        ("dropbox:///", "refresh_token", "app_key"),
    ] {
        configured(&sandbox, door, NOWHERE, &format!("{there} = \"hidden\""));
        for line in ["ls x:".to_owned(), "token show x:".into(), format!("ls {door}"), format!("token show {door}")] {
            let mut command = sandbox.command(&line);
            command.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "other");
            let told = error(&sandbox.finish(command), 2);
            assert!(told.contains(&format!("and no {missing}")), "{door} {there} {line}: {told}");
            assert!(told.contains(&format!("hint: {missing} = ")), "{told}");
        }
    }
    configured(&sandbox, "azblob://lab", NOWHERE, "access_key = \"account\"");
    assert_eq!(sandbox.fs("token show x:").code, Some(0), "it names the account");
}

#[test]
fn a_login_at_dropbox_is_for_its_app_alone() {
    const FILE: &str = "../home/config/law/dropbox.json";
    let sandbox = Sandbox::new();
    let logins =
        r#"{"logins": [{"app_key": "one", "refresh_token": "hidden"}, {"app_key": "two", "refresh_token": "hidden"}]}"#;
    for (file, settings, why, hint) in [
        (
            r#"{"app_key": "one", "refresh_token": "hidden"}"#,
            "app_key = \"other\"",
            "no login of the app other",
            "login dropbox NAME",
        ),
        (logins, "app_key = \"other\"", "no login of the app other", "law login dropbox NAME"),
        (logins, "", "logins of the apps one, two, and none is named", "app_key in [fs.NAME]"),
        ("{", "app_key = \"one\"", "it is no JSON", "law login dropbox"),
    ] {
        private(&sandbox, FILE, file);
        configured(&sandbox, "dropbox:///", NOWHERE, settings);
        for line in ["ls x:", "exists x:a", "token show x:"] {
            let told = error(&sandbox.fs(line), 77);
            assert!(told.contains(why) && told.contains(hint) && told.contains("dropbox.json"), "{line}: {told}");
        }
    }
    private(&sandbox, FILE, logins);
    configured(&sandbox, "dropbox:///", NOWHERE, "app_key = \"two\"");
    let shown = sandbox.fs("token show x:");
    assert!(shown.code == Some(0) && shown.text().contains("for the app two"), "{shown}");
    error(&sandbox.fs("ls x:"), 6);
    std::fs::set_permissions(sandbox.path(FILE), std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = error(&sandbox.fs("ls x:"), 77);
    assert!(told.contains("others may read it (mode 0644)") && told.contains("hint: chmod 600 /"), "{told}");
}

#[test]
fn a_server_that_is_none_of_the_service_is_never_a_no() {
    let (sandbox, server) = with_server();
    let proxy = FaultProxy::start_blocking(server.address(), "* status 404".parse().unwrap()).unwrap();
    for endpoint in [server.url.as_str(), proxy.url()] {
        for (door, key, service) in [
            ("s3://lab", "access_key = \"AKIA\"\nsecret_key = \"hidden\"", "S3"),
            ("s3://lab", "auth = [\"none\"]", "S3"),
            ("dropbox:///", "token = \"hidden\"", "Dropbox"),
        ] {
            if service == "Dropbox" && endpoint == server.url {
                // It knows no POST, and says so.
                continue;
            }
            configured(&sandbox, door, endpoint, key);
            for line in ["exists x:a", "ls x:", "cat x:a", "stat x:a"] {
                let told = error(&sandbox.fs(line), 65);
                assert!(told.contains(&format!("an answer that is not of {service}")), "{line}: {told}");
            }
        }
    }
    configured(&sandbox, "dropbox:///", proxy.url(), "app_key = \"one\"\nrefresh_token = \"hidden\"");
    let told = error(&sandbox.fs("exists x:a"), 65);
    assert!(told.contains("an answer that is not of Dropbox"), "{told}");
}

#[test]
fn a_ticket_of_azure_tells_when_it_ends() {
    let (sandbox, server) = with_server();
    let proxy = FaultProxy::start_blocking(server.address(), "* status 403".parse().unwrap()).unwrap();
    let ticket = |end: &str| {
        let line =
            format!("access_key = \"lab\"\nsession_token = \"?sv=2019-12-12&se={end}T00%3A00%3A00Z&sig=hidden\"");
        configured(&sandbox, "azblob://c", proxy.url(), &line);
    };
    ticket("2020-01-02");
    let shown = sandbox.fs("token show x:");
    assert!(
        shown.code == Some(77) && shown.text().contains("2020-01-02") && shown.stderr.contains("expired"),
        "{shown}"
    );
    let told = error(&sandbox.fs("ls x:"), 77);
    assert!(told.contains("the SAS of the settings, for the account lab expired"), "{told}");
    ticket("2999-01-02");
    let shown = sandbox.fs("token show x:");
    assert!(shown.code == Some(0) && shown.text().contains("2999-01-02"), "{shown}");
    let told = error(&sandbox.fs("ls x:"), 5);
    assert!(told.contains("hint: is the key or SAS right, and may it do this? law fs token show"), "{told}");
    let targets: Vec<String> = proxy.requests().into_iter().map(|request| request.target).collect();
    let with_ticket = |target: &String| target.contains("sig=hidden") && target.matches('?').count() == 1;
    assert!(!targets.is_empty() && targets.iter().all(with_ticket), "{targets:?}");
    assert!(!targets.iter().any(|target| target.contains("%3Fsv")), "{targets:?}");
}

#[test]
fn hints_are_those_of_the_service() {
    let (sandbox, server) = with_server();
    configured(&sandbox, "s3://lab", NOWHERE, "profile = \"nosuch\"");
    let told = error(&sandbox.fs("ls x:"), 77);
    assert!(told.contains("no key of the profile nosuch") && told.contains("s3://lab"), "{told}");
    let secured = server.url.replace("http://", "https://");
    for (door, key) in [
        ("s3://lab", "access_key = \"AKIA\"\nsecret_key = \"hidden\""),
        ("azblob://lab", "access_key = \"lab\"\nsecret_key = \"aGlkZGVu\""),
        ("dropbox:///", "token = \"hidden\""),
        ("dropbox:///", "app_key = \"one\"\nrefresh_token = \"hidden\""),
    ] {
        configured(&sandbox, door, &secured, key);
        let told = error(&sandbox.fs("ls x:"), 6);
        assert!(told.contains("endpoint = \"http://...\"") && !told.contains("dav://"), "{told}");
    }
    let proxy = FaultProxy::start_blocking(server.address(), "* status 404".parse().unwrap()).unwrap();
    configured(&sandbox, "azblob://nowhere", proxy.url(), "access_key = \"lab\"\nsecret_key = \"aGlkZGVu\"");
    for line in ["mkdir x:", "mkdir azblob://nowhere", "mkdir -p x:a/b"] {
        let told = error(&sandbox.fs(line), 3);
        assert!(told.contains("hint: is there a container nowhere? law makes no containers there"), "{line}: {told}");
    }
}

#[test]
fn a_token_file_is_private_and_has_one_word() {
    let (sandbox, server) = with_server();
    let door = server.url.trim_end_matches('/');
    sandbox.write("law.toml", format!("[fs.x]\ndoors = [\"{door}\"]\ntoken_file = \"token\"\n"));
    sandbox.write("token", "word\n");
    let run = sandbox.fs("ls x:");
    assert_eq!((run.code, run.stderr.matches("(mode 0644): chmod 600 ").count()), (Some(0), 1), "{run}");
    private(&sandbox, "token", "word\n");
    assert_eq!((sandbox.fs("ls x:").code, sandbox.fs("ls x:").stderr.as_str()), (Some(0), ""));
    for text in ["hidden\nhidden\n", "hidden hidden"] {
        private(&sandbox, "token", text);
        for line in ["ls x:", "token show x:"] {
            assert!(error(&sandbox.fs(line), 77).contains("a token is one word"), "{line}");
        }
    }
}
