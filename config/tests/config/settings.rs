//! Typed values, and the errors about wrong ones.

use std::path::Path;
use std::time::Duration;

use law_config::{AuthMethod, CachePolicy, DoorSettings, Durability, ErrorKind, Operation, Publish, Verify};

use crate::place::{Place, STANZA};

/// The example of the design.
const DESIGN: &str = r#"
[fs.wlcg]
base   = "/pnfs/site/store/user/me"
doors  = ["davs://door{1..4}.site.example:2880", { url = "root://xrd.site.example:1094", ops = ["read"] }]
retries = 3                  # per door and round
deadline = "10m"             # whole call
checksum = "adler32"
auth   = ["token", "x509"]   # also "basic", "netrc", "none"
ca     = "/etc/grid-security/certificates"
[fs.wlcg.cache]
max_size = "200G"
policy = "immutable"         # or "strict", or a time to live such as "60s"

[fs.lab]
doors = ["s3://higgs"]
endpoint = "https://s3.lab.example"
[cache]
dir = "/scratch/me/law-cache"
"#;

#[test]
fn the_example_of_the_design_is_read() {
    let place = Place::new();
    place.user(DESIGN);
    let config = place.load();
    let wlcg = config.file_system("wlcg").unwrap();
    assert_eq!(
        (wlcg.base.as_str(), wlcg.retries, wlcg.deadline),
        ("/pnfs/site/store/user/me", 3, Duration::from_secs(600))
    );
    assert_eq!(wlcg.doors.len(), 5);
    assert_eq!(wlcg.doors[3], DoorSettings { url: "davs://door4.site.example:2880".into(), ops: None, weight: 1.0 });
    assert_eq!(wlcg.doors[4].ops, Some(vec![Operation::Read]));
    assert_eq!(wlcg.auth, [AuthMethod::Token, AuthMethod::X509]);
    assert_eq!(wlcg.ca.as_deref(), Some(Path::new("/etc/grid-security/certificates")));
    let cache = wlcg.cache.as_ref().unwrap();
    assert_eq!((cache.max_size, cache.policy), (Some(200 << 30), Some(CachePolicy::Immutable)));
    let lab = config.file_system("lab").unwrap();
    assert_eq!((lab.base.as_str(), lab.endpoint.as_deref(), &lab.cache), ("/", Some("https://s3.lab.example"), &None));
    assert_eq!(config.cache.dir.as_deref(), Some(Path::new("/scratch/me/law-cache")));
    assert!(wlcg.trusted && lab.trusted && config.warnings.is_empty());
}

#[test]
fn defaults_are_what_the_documentation_says() {
    let place = Place::new();
    place.user(STANZA);
    let config = place.load();
    let settings = config.file_system("wlcg").unwrap();
    assert_eq!((settings.verify, settings.durability, settings.publish), (Verify::Auto, Durability::Full, None));
    assert_eq!(settings.timeouts.stall, Duration::from_secs(20));
    assert_eq!((&settings.password, &settings.token, &settings.checksum), (&None, &None, &None));
}

#[test]
fn every_example_is_read() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let examples: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(examples.len() >= 4);
    for example in examples {
        let place = Place::new();
        place.user(std::fs::read(&example).unwrap());
        let config = place.load();
        assert!(!config.file_systems.is_empty() && config.warnings.is_empty(), "{}", example.display());
    }
}

/// `defaults/law.toml` with the options that are only described put in force.
fn described() -> String {
    let is_option = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b"_.".contains(&b)))
    };
    let described = include_str!("../../defaults/law.toml").lines().map(|line| match line.strip_prefix("# ") {
        Some(option) if is_option(option) || option.starts_with("[fs.NAME") => option.replace("fs.NAME", "fs.\"*\""),
        _ => line.to_owned(),
    });
    described.collect::<Vec<_>>().join("\n")
}

#[test]
fn options_that_are_only_described_exist() {
    let place = Place::new();
    let described = described();
    assert!(described.contains("\npassword = ") && described.contains("\ndir = "));
    place.user(format!("{described}\n{STANZA}"));
    let config = place.load();
    assert_eq!(config.file_system("wlcg").unwrap().publish, Some(Publish::Rename));
    assert_eq!(config.cache.max_size, Some(20 << 30));
}

#[test]
fn options_that_exist_are_described() {
    let described = described();
    for section in ["[fs.wlcg]", "[fs.wlcg.timeouts]", "[fs.wlcg.cache]", "[cache]"] {
        let place = Place::new();
        let stanza = if section == "[fs.wlcg]" { "" } else { STANZA };
        place.user(format!("{stanza}{section}\nzzzzzzzzzzzzzzzz = 1\n"));
        let message = place.message();
        let known = message.split("known: ").nth(1).unwrap();
        // It has no table of its own there, as that would turn it on.
        let within = if section == "[fs.wlcg.cache]" { "cache." } else { "" };
        for name in known.split(", ").filter(|name| !["timeouts", "cache"].contains(name)) {
            assert!(described.contains(&format!("\n{within}{name} = ")), "{section} {name} is not described");
        }
    }
}

#[test]
fn paths_are_expanded_and_start_at_their_file() {
    let mut place = Place::new();
    place.project(format!("{STANZA}base = \"/store/$USER/~/$$x\"\nca = \"certs/${{USER}}\"\nkey = \"~/key.pem\"\n"));
    place.set("LAW__fs__wlcg__certificate", "cert.pem");
    let config = place.load();
    let settings = config.file_system("wlcg").unwrap();
    assert_eq!(settings.base, "/store/me/~/$x");
    assert_eq!(settings.ca, Some(place.path("home/project/certs/me")));
    assert_eq!(settings.key, Some(place.path("home/key.pem")));
    assert_eq!(settings.certificate, Some(place.path("home/project/sub/cert.pem")));
}

#[test]
fn errors_name_place_reason_and_remedy() {
    let cases = [
        ("[fs.wlcg]\nbas = 1", "2:1: unknown option \"bas\" in [fs.wlcg]; did you mean \"base\"?"),
        ("[fs.wlcg.chache]\nx = 1", "1:10: unknown section \"chache\" in [fs.wlcg]; did you mean \"cache\"?"),
        ("[fz.wlcg]", "1:2: unknown section \"fz\"; did you mean \"fs\"?"),
        ("base = \"/\"", "1:1: unknown option \"base\"; known: fs, cache"),
        (
            "[fs.wlcg]\nretries = 1",
            "1:5: [fs.wlcg] has no doors; add doors = [\"davs://door.site.example:2880\"], or correct the name",
        ),
        ("fs = 1", "1:1: fs is a section, not an integer; write [fs] and its options below"),
        (
            "fs.wlcg.timeouts = \"5s\"",
            "1:9: fs.wlcg.timeouts is a section, not a string; write [fs.wlcg.timeouts] and its options below",
        ),
        ("[fs.davs]", "1:5: \"davs\" is the scheme of URLs and cannot name a file system"),
        (
            "fs.\"a b\".base = 1",
            "1:4: \"a b\" is no name of a file system: use a letter and up to 63 letters, digits, _ and -",
        ),
        ("fs.\"*\".retires = 1", "1:8: unknown option \"retires\" in [fs.\"*\"]; did you mean \"retries\"?"),
        ("[fs.wlcg]\ndoors = [\"davs://a\"]\ndoors = []", "3:1: this is no TOML: duplicate key; correct it there"),
    ];
    for (text, expected) in cases {
        let place = Place::new();
        place.user(text);
        assert_eq!(place.message(), format!("home/.config/law/law.toml:{expected}"), "{text}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    let cases = [
        ("retries = \"3\"", "a whole number without quotes, not a string"),
        ("retries = -1", "a whole number from 0 to"),
        ("retries = 3.5", "not a float"),
        ("deadline = 10", "a duration in quotes such as \"20s\", not an integer"),
        ("deadline = \"10\"", "(ms, s, m, h, d)"),
        ("checksum = true", "a string, not a boolean"),
        ("verify = \"alwys\"", "not one of its values: known: auto, require, size, none"),
        ("verify = \"requir\"", "did you mean \"require\"?"),
        ("auth = \"token\"", "an array of words"),
        ("auth = [\"tokn\"]", "did you mean \"token\"?"),
        ("auth = [1]", "not an integer"),
        ("base = \"store\"", "no absolute path"),
        ("base = \"/$NOPE\"", "the environment variable NOPE is not set"),
        ("ca = \"$NOPE/ca\"", "the environment variable NOPE is not set"),
        ("ca = \"~you/ca\"", "somebody else's home"),
        ("ca = \"\"", "not empty"),
        ("ca = 2026-01-01", "not a date"),
        ("endpoint = \"s3.example\"", "is no URL"),
        ("cache.max_size = \"10KB\"", "powers of 1024"),
        ("cache.max_size = -5", "not negative"),
        ("cache.policy = \"forever\"", "neither \"immutable\" nor \"strict\" nor a duration"),
        ("cache.policy = 60", "in quotes"),
    ];
    for (line, expected) in cases {
        let place = Place::new();
        place.user(format!("{STANZA}{line}\n"));
        let (kind, message) = (place.error().kind(), place.message());
        assert_eq!(kind, ErrorKind::InvalidValue, "{message}");
        assert!(message.starts_with("home/.config/law/law.toml:3:") && message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn doors_of_the_wrong_kind_are_refused_at_their_place() {
    let cases = [
        (
            "\"davs://a\"",
            "1:15: fs.x.doors has a value that it cannot have; it is an array of URLs such as [\"davs://door1.site.example:2880\"], not a string",
        ),
        (
            "[\"davs://a\", 5]",
            "1:28: fs.x.doors has a value that it cannot have; a door is a URL or { url, ops, weight }, not an integer",
        ),
        ("[{ ops = [\"read\"] }]", "1:16: fs.x.doors has a value that it cannot have; the door has no url"),
    ];
    for (doors, expected) in cases {
        let place = Place::new();
        place.user(format!("fs.x.doors =  {doors}"));
        assert_eq!(place.message(), format!("home/.config/law/law.toml:{expected}"));
    }
    let parts = [
        ("[{ url = \"davs://a\", opps = [] }]", "unknown option \"opps\" of a door: did you mean \"ops\"?"),
        ("[{ url = \"davs://a\", ops = [\"reed\"] }]", "did you mean \"read\"?"),
        ("[{ url = \"davs://a\", ops = [] }]", "a door without operations"),
        ("[{ url = 5 }]", "the url of a door is a string"),
        ("[\"door.example\"]", "is no URL"),
        ("[\"davs://a b\"]", "a blank"),
        ("[\"davs://a{1..\"]", "a brace without its partner"),
        ("[\"davs://a{1..99999}\"]", "more than 1000"),
        ("[]", "has no doors"),
    ];
    for (doors, expected) in parts {
        let place = Place::new();
        place.user(format!("fs.x.doors = {doors}"));
        assert!(place.message().contains(expected), "{doors}: {}", place.message());
    }
}

#[test]
fn a_name_that_is_not_there_gets_a_suggestion() {
    let place = Place::new();
    let nothing = place.load().file_system("wlcg").unwrap_err().to_string();
    assert_eq!(nothing, "configuration: there is no file system \"wlcg\"; law config add wlcg URL makes one");
    place.user(STANZA);
    let near = place.load().file_system("wlgc").unwrap_err();
    assert_eq!(near.to_string(), "configuration: there is no file system \"wlgc\"; did you mean \"wlcg\"?");
    assert_eq!(near.kind(), ErrorKind::NotFound);
}
