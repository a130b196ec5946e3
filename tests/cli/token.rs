//! Credentials: which one is used, what is told of it, and what a real server says of the right, the wrong and the old ones.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::sandbox::{OwnServer, Run, Sandbox};

/// XRootD that wants to know who asks.
struct Site {
    sandbox: Sandbox,
    server: OwnServer,
}

impl Site {
    fn start() -> Option<Self> {
        let server = OwnServer::start("xrootd-auth")?;
        Some(Self { sandbox: Sandbox::new(), server })
    }

    /// Something in the private directory.
    fn private(&self, name: &str) -> String {
        format!("{}/private/{name}", self.server.endpoint("XROOTD_AUTH_HTTPS").replacen("https", "davs", 1))
    }

    /// A file of secrets of the fixture.
    fn secret(&self, name: &str) -> String {
        format!("{}/{name}", self.server.endpoint("XROOTD_AUTH_SECRETS"))
    }

    /// `law fs`, in an environment where something is to be found.
    fn run(&self, line: &str, variables: &[(&str, String)]) -> Run {
        let mut command: Command = self.sandbox.command(line);
        command.arg("--ca").arg(self.server.endpoint("CA"));
        command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
        self.sandbox.finish(command)
    }

    /// Reads the private file, writes another, and takes it away.
    fn may_do_all(&self, variables: &[(&str, String)]) {
        let run = self.run(&format!("cat {}", self.private("file.txt")), variables);
        assert_eq!((run.code, run.stdout.as_slice()), (Some(0), &b"private\n"[..]), "{run}");
        self.sandbox.write("new", "content");
        let url = self.private("new");
        for line in [format!("cp new {url}"), format!("rm {url}")] {
            let run = self.run(&line, variables);
            assert_eq!(run.code, Some(0), "{run}");
        }
    }

    /// What happens to who wants to read the private file.
    fn refused(&self, variables: &[(&str, String)], code: i32) -> Run {
        let run = self.run(&format!("cat {}", self.private("file.txt")), variables);
        assert!(run.code == Some(code) && run.stdout.is_empty(), "{run}");
        run
    }
}

#[test]
fn a_token_that_is_found_is_used() {
    let Some(site) = Site::start() else { return };
    let text = std::fs::read_to_string(site.secret("token")).unwrap().trim().to_owned();
    site.may_do_all(&[("BEARER_TOKEN", text.clone())]);
    site.may_do_all(&[("BEARER_TOKEN_FILE", site.secret("token"))]);
    let user = rustix::process::geteuid().as_raw();
    site.sandbox.write(&format!("run/bt_u{user}"), &text);
    let file = site.sandbox.path(&format!("run/bt_u{user}"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    site.may_do_all(&[("XDG_RUNTIME_DIR", site.sandbox.path("run").display().to_string())]);
    site.refused(&[], 5);
    site.refused(&[("BEARER_TOKEN_FILE", site.secret("narrow-token"))], 5);
    let run = site.refused(&[("BEARER_TOKEN_FILE", site.secret("expired-token"))], 77);
    let told = run.stderr.contains("expired-token") && run.stderr.contains("expired 1 hour ago");
    assert!(told && !run.stderr.contains(&text), "{run}");
    let run = site.refused(&[("BEARER_TOKEN_FILE", "/no/such/token".into())], 77);
    assert!(run.stderr.contains("cannot read the token in") && run.stderr.contains("/no/such/token"), "{run}");
}

#[test]
fn certificates_and_proxies_are_shown() {
    let Some(site) = Site::start() else { return };
    site.may_do_all(&[("X509_USER_PROXY", site.secret("proxy"))]);
    site.may_do_all(&[("X509_USER_CERT", site.secret("alice.pem")), ("X509_USER_KEY", site.secret("alice.key"))]);
    site.refused(&[("X509_USER_CERT", site.secret("stranger.pem")), ("X509_USER_KEY", site.secret("stranger.key"))], 5);
    let run = site.refused(&[("X509_USER_PROXY", site.secret("expired-proxy"))], 77);
    assert!(run.stderr.contains("the certificate expired on") && run.stderr.contains("/expired-proxy"), "{run}");
    let run = site.refused(&[("X509_USER_PROXY", "/no/such/proxy".into())], 77);
    assert!(run.stderr.contains("cannot read the certificate in") && run.stderr.contains("/no/such/proxy"), "{run}");
    let mixed = [("X509_USER_CERT", site.secret("alice.pem")), ("X509_USER_KEY", site.secret("stranger.key"))];
    let run = site.refused(&mixed, 77);
    assert!(run.stderr.contains("belongs to another key than that in") && run.stderr.contains("stranger.key"), "{run}");
    // Grids have their authorities in a directory, which a variable names.
    let line = format!("cat {}", site.private("file.txt"));
    let mut command = site.sandbox.command(&line);
    command.env("X509_USER_PROXY", site.secret("proxy")).env("X509_CERT_DIR", site.server.endpoint("CA_DIR"));
    assert_eq!(site.sandbox.finish(command).code, Some(0));
}

#[test]
fn named_ones_win_and_an_order_can_be_given() {
    let Some(site) = Site::start() else { return };
    let door = site.server.endpoint("XROOTD_AUTH_HTTPS").replacen("https", "davs", 1);
    let [proxy, ca] = [site.secret("proxy"), site.server.endpoint("CA")];
    site.sandbox
        .write("law.toml", format!("[fs.site]\ndoors = [\"{door}\"]\ncertificate = \"{proxy}\"\nca = \"{ca}\"\n"));
    let narrow = [("BEARER_TOKEN_FILE", site.secret("narrow-token"))];
    let run = site.run("cat site:private/file.txt", &narrow);
    assert_eq!(run.code, Some(0), "what was found for others is not for this one: {run}");
    for (auth, code) in [("token,x509", 0), ("token,none,x509", 5), ("none", 5)] {
        let run = site.run(&format!("cat --set fs.site.auth={auth} site:private/file.txt"), &narrow);
        assert_eq!(run.code, Some(code), "{auth}: {run}");
    }
    let plain = door.replacen("davs", "dav", 1);
    site.sandbox.write("law.toml", format!("[fs.site]\ndoors = [\"{plain}\"]\ncertificate = \"{proxy}\"\n"));
    let run = site.run("cat site:private/file.txt", &[]);
    assert!(run.code == Some(77) && run.stderr.contains("cannot be shown without encryption"), "{run}");
}

/// The URL of a refusal does not tell which of two file systems with one door was used.
#[test]
fn the_credential_that_was_used_is_the_one_that_is_blamed() {
    let Some(site) = Site::start() else { return };
    let door = site.server.endpoint("XROOTD_AUTH_HTTPS").replacen("https", "davs", 1);
    let [narrow, expired] = ["narrow-token", "expired-token"].map(|name| site.secret(name));
    let section = |name: &str, token: &str| format!("[fs.{name}]\ndoors = [\"{door}\"]\ntoken_file = \"{token}\"\n");
    site.sandbox.write("law.toml", section("first", &narrow) + &section("second", &expired));
    let run = site.run("cat second:private/file.txt", &[]);
    assert!(run.code == Some(77) && run.stderr.contains("expired 1 hour ago"), "{run}");
    let run = site.run("doctor --no-write second:private/file.txt", &[]);
    assert_eq!(run.code, Some(77), "{run}");
    let run = site.run("cat --set fs.first.auth=none first:private/file.txt", &[]);
    assert!(run.code == Some(5) && run.stderr.contains("nobody was named"), "{run}");
    let run = site.run("cat first:private/file.txt", &[]);
    assert!(run.code == Some(5) && !run.stderr.contains("expired"), "{run}");
}

#[test]
fn what_lies_around_and_is_of_no_use_is_in_nobodys_way() {
    let Some(site) = Site::start() else { return };
    let public = site.private("file.txt").replacen("/private/", "/public/", 1);
    let user = rustix::process::geteuid().as_raw();
    site.sandbox.write(&format!("run/bt_u{user}"), "");
    let globus = std::path::Path::new("../home/.globus");
    site.sandbox
        .write(globus.join("usercert.pem").to_str().unwrap(), std::fs::read(site.secret("expired-proxy")).unwrap());
    site.sandbox
        .write(globus.join("userkey.pem").to_str().unwrap(), std::fs::read(site.secret("expired-proxy")).unwrap());
    let run =
        site.run(&format!("cat {public}"), &[("XDG_RUNTIME_DIR", site.sandbox.path("run").display().to_string())]);
    assert!(run.code == Some(0) && run.stdout == b"public\n", "{run}");
    assert!(run.stderr.contains("is not used") && run.stderr.contains("expired"), "{run}");
}

#[test]
fn what_would_be_used_is_told_and_never_the_secret() {
    let Some(site) = Site::start() else { return };
    let url = site.private("");
    let text = std::fs::read_to_string(site.secret("token")).unwrap().trim().to_owned();
    let token = [("BEARER_TOKEN", text.clone())];
    let run = site.run(&format!("token show {url}"), &token);
    let shown = String::from_utf8_lossy(&run.stdout).into_owned();
    for word in [
        "bearer token of $BEARER_TOKEN",
        "https://issuer.example.invalid/law-test",
        "storage.modify:/",
        "alice",
        "expires",
    ] {
        assert!(shown.contains(word), "{word}: {run}");
    }
    assert!(!shown.contains(&text) && !shown.contains(text.rsplit('.').next().unwrap()), "{run}");
    let run = site.run("token show --json", &token);
    assert_eq!(run.objects()[0]["scopes"][1], "storage.modify:/", "{run}");
    let run = site.run("token show", &[("X509_USER_PROXY", site.secret("proxy"))]);
    assert!(run.code == Some(0) && String::from_utf8_lossy(&run.stdout).contains("987654"), "{run}");
    let run = site.run("token show", &[("BEARER_TOKEN_FILE", site.secret("expired-token"))]);
    assert!(run.code == Some(77) && run.stderr.contains("has expired"), "{run}");
    let run = site.run("token show", &[]);
    assert!(run.code == Some(77) && run.stderr.contains("there is no credential"), "{run}");
    // What nobody has named goes nowhere without encryption.
    let run = site.run(&format!("token show {}", url.replacen("davs", "dav", 1)), &token);
    assert_eq!(run.code, Some(77), "{run}");
}

#[test]
fn passwords_come_from_a_netrc() {
    let Some(server) = OwnServer::start("apache") else { return };
    let sandbox = Sandbox::new();
    sandbox.write("file", "content");
    let run = |line: &str, host: &str| {
        sandbox.write("netrc", format!("machine {host} login alice password secret\n"));
        let mut command = sandbox.command(line);
        command.arg("--ca").arg(server.endpoint("CA")).env("NETRC", sandbox.path("netrc"));
        sandbox.finish(command)
    };
    let url = |key: &str, scheme: &str| {
        format!("{scheme}{}/basic/file", server.endpoint(key).split_once(':').unwrap().1.replacen("", ":", 1))
    };
    let (secured, plain) = (url("APACHE_HTTPS", "davs"), url("APACHE_HTTP", "dav"));
    let line = format!("cp file {secured}");
    assert_eq!(run(&line, "storage.example").code, Some(77));
    assert_eq!(run(&line, "localhost").code, Some(0));
    assert_eq!(run(&format!("cat {secured}"), "localhost").stdout, b"content");
    assert_eq!(run(&format!("cat {plain}"), "127.0.0.1").code, Some(77), "nothing is said without encryption");
    let shown = run(&format!("token show {secured}"), "localhost");
    assert!(shown.code == Some(0) && !String::from_utf8_lossy(&shown.stdout).contains("secret"), "{shown}");
    assert_eq!(run(&format!("token show {secured}"), "storage.example").code, Some(77));
}

#[test]
fn an_agent_gives_tokens_and_is_asked_again_when_they_end() {
    let (Some(site), Some(agent)) = (Site::start(), OwnServer::start("oidc-agent")) else { return };
    let door = site.server.endpoint("XROOTD_AUTH_HTTPS").replacen("https", "davs", 1);
    let ca = site.server.endpoint("CA");
    let config = format!("[fs.site]\ndoors = [\"{door}\"]\nca = \"{ca}\"\noidc_account = \"lab\"\n");
    site.sandbox.write("law.toml", &config);
    let running = [("OIDC_SOCK", agent.endpoint("OIDC_SOCK"))];
    let gives = |name: &str, seconds: &str| {
        let directory = std::path::PathBuf::from(agent.endpoint("OIDC_GIVES"));
        std::fs::copy(site.secret(name), directory.join("access-token")).unwrap();
        std::fs::write(directory.join("seconds"), seconds).unwrap();
    };
    let line = "cat site:private/file.txt";
    // What the agent has got when it started.
    let run = site.run(line, &running);
    assert!(run.code == Some(5) || run.code == Some(77), "{run}");
    // It renews what ends within a minute, which all that it gets now does.
    let forget = |account: &str| {
        let mut command = Command::new("oidc-token");
        command.args([account, "--force-new"]).env("OIDC_SOCK", &running[0].1);
        command.output().unwrap()
    };
    for (name, code) in [("token", 0), ("narrow-token", 5), ("token", 0)] {
        gives(name, "30");
        assert!(forget("lab").status.success());
        let run = site.run(line, &running);
        assert_eq!(run.code, Some(code), "{run}");
    }
    let shown = site.run("token show site:", &running);
    assert!(shown.text().contains("bearer token of the account lab of oidc-agent"), "{shown}");
    assert!(shown.text().contains("storage.modify:/"), "{shown}");
    let run = site.run(line, &[]);
    assert!(run.code == Some(77) && run.stderr.contains("$OIDC_SOCK is not set"), "{run}");
    site.sandbox.write("law.toml", config.replace("lab", "other"));
    let run = site.run(line, &running);
    assert!(run.code == Some(77) && run.stderr.contains("oidc-add other"), "{run}");
}
