//! Which layer wins, and that it is known.

use law_config::{Config, ErrorKind, Origin};

use crate::place::{Place, STANZA, origin};

#[test]
fn without_files_there_are_no_file_systems_and_no_warnings() {
    let config = Place::new().load();
    assert!(config.file_systems.is_empty() && config.warnings.is_empty());
    assert_eq!(config.list().count(), 1, "the size of a block");
}

#[test]
fn later_layers_win_and_origins_follow() {
    let mut place = Place::new();
    let expect = |place: &Place, overrides: &[&str], retries: u32, from: &str| {
        let config = place.load_with(overrides);
        assert_eq!(config.file_system("wlcg").unwrap().retries, retries);
        assert_eq!(origin(&config, place, "fs.wlcg.retries"), from);
        // What only the lowest layer says stays.
        assert_eq!(origin(&config, place, "fs.wlcg.doors"), "etc/law.toml:2:9");
    };
    place.write("etc/law.toml", STANZA);
    let config = place.load();
    assert!(matches!(config.origin("fs.wlcg.retries"), Some(Origin::Default { line: 1.., .. })));
    place.write("etc/law.toml", format!("{STANZA}retries = 11\n"));
    expect(&place, &[], 11, "etc/law.toml:3:11");
    place.write("etc/law.toml.d/20.toml", "[fs.wlcg]\nretries = 13\n");
    place.write("etc/law.toml.d/10.toml", "fs.wlcg.retries = 12\n");
    place.write("etc/law.toml.d/30.toml.bak", "fs.wlcg.retries = 99\n");
    expect(&place, &[], 13, "etc/law.toml.d/20.toml:2:11");
    place.user("[fs]\nwlcg = { retries = 14 }\n");
    expect(&place, &[], 14, "home/.config/law/law.toml:2:20");
    place.project("fs.wlcg.retries = 15\n");
    expect(&place, &[], 15, "home/project/law.toml:1:19");
    place.write("home/named.toml", "fs.wlcg.retries = 16\n");
    place.set("LAW_CONFIG", "../../named.toml");
    expect(&place, &[], 16, "home/project/sub/../../named.toml:1:19");
    place.set("LAW__fs__wlcg__retries", "17");
    expect(&place, &[], 17, "environment variable LAW__fs__wlcg__retries");
    expect(&place, &["fs.wlcg.retries=18"], 18, "command line");
    expect(&place, &["fs.wlcg.retries=18", "fs.wlcg.retries=19"], 19, "command line");
}

#[test]
fn xdg_config_home_moves_the_users_file() {
    let mut place = Place::new();
    place.user("fs.wlcg.retries = nonsense");
    std::fs::create_dir_all(place.path("xdg/law")).unwrap();
    place.write("xdg/law/law.toml", STANZA);
    let xdg = place.path("xdg");
    place.set("XDG_CONFIG_HOME", xdg.to_str().unwrap());
    assert_eq!(place.load().file_systems.len(), 1);
    assert_eq!(place.environment.user_file(), Some(xdg.join("law/law.toml")));
    // A relative one is invalid by the specification, and ignored.
    place.set("XDG_CONFIG_HOME", "xdg");
    assert_eq!(place.error().kind(), ErrorKind::Malformed);
}

#[test]
fn the_nearest_project_file_counts_alone() {
    let place = Place::new();
    place.project("fs.far.doors = [\"davs://far.example\"]");
    place.write("home/project/sub/law.toml", "fs.near.doors = [\"davs://near.example\"]");
    let config = place.load();
    assert_eq!(config.file_systems.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["near"]);
}

#[test]
fn the_users_file_is_not_read_again_as_a_project_file() {
    let mut place = Place::new();
    let path = place.user(STANZA);
    place.environment.working_directory = path.parent().unwrap().to_owned();
    place.write("home/law.toml", "fs.home.doors = [\"davs://home.example\"]");
    assert_eq!(place.load().file_systems.len(), 2);
}

#[test]
fn a_file_named_by_law_config_must_be_there() {
    let mut place = Place::new();
    place.set("LAW_CONFIG", "missing.toml");
    assert_eq!(
        place.message(),
        "home/project/sub/missing.toml: there is no such file; correct the environment variable LAW_CONFIG, or unset it"
    );
    assert_eq!(place.error().kind(), ErrorKind::NotFound);
    place.set("LAW_CONFIG", "");
    place.load();
}

#[test]
fn what_every_file_system_starts_with_yields_to_its_own_section() {
    let mut place = Place::new();
    place.write("etc/law.toml", format!("{STANZA}retries = 7\n"));
    place.user("[fs.\"*\"]\nretries = 5\ndeadline = \"1m\"\n[fs.lab]\ndoors = [\"s3://b\"]\n");
    place.set("LAW__fs__wlcg__deadline", "90s");
    let config = place.load_with(&["fs.*.verify=size"]);
    assert_eq!((config.file_system("wlcg").unwrap().retries, config.file_system("lab").unwrap().retries), (7, 5));
    assert_eq!(config.file_system("wlcg").unwrap().deadline.as_secs(), 90);
    assert_eq!(origin(&config, &place, "fs.lab.deadline"), "home/.config/law/law.toml:3:12");
    assert_eq!(origin(&config, &place, "fs.lab.verify"), "command line");
    assert_eq!(config.origin("fs.*.retries"), None);
}

#[test]
fn variables_and_overrides_have_the_types_of_their_options() {
    let mut place = Place::new();
    place.set("LAW__fs__x__doors", "davs://d{1,2}.example, root://r.example");
    place.set("LAW__fs__x__auth", "token, none");
    place.set("LAW__fs__x__token_file", "~/token");
    place.set("LAW__fs__x__cache__max_size", "1G");
    let config =
        place.load_with(&["fs.x.timeouts.stall=5s", "fs.y.doors=[{url='s3://b',ops=['read']}]", "fs.y.user=a=b"]);
    let shown = |key: &str| config.list().find(|value| value.key == key).unwrap().value.clone();
    assert_eq!(shown("fs.x.doors"), r#"["davs://d1.example", "davs://d2.example", "root://r.example"]"#);
    assert_eq!(shown("fs.x.auth"), r#"["token", "none"]"#);
    assert_eq!(shown("fs.x.token_file"), format!("\"{}\"", place.path("home/token").display()));
    assert_eq!(shown("fs.x.cache.max_size"), "\"1G\"");
    assert_eq!(shown("fs.x.timeouts.stall"), "\"5s\"");
    assert_eq!(shown("fs.y.doors"), r#"[{ url = "s3://b", ops = ["read"] }]"#);
    assert_eq!(shown("fs.y.user"), "\"a=b\"");
}

#[test]
fn what_is_no_override_is_refused_without_showing_it() {
    let place = Place::new();
    for text in ["fs.x.password:hunter2", "hunter2", "=hunter2", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=hunter2"] {
        let error = Config::load(&place.environment, &[text]).unwrap_err().to_string();
        assert!(error.starts_with("command line: ") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn unknown_variables_are_errors_too() {
    let mut place = Place::new();
    place.set("LAW__fs__wlcg__bas", "/x");
    place.set("LAW__fs__wlcg__doors", "davs://d.example");
    assert_eq!(
        place.message(),
        "environment variable LAW__fs__wlcg__bas: unknown option \"bas\" in [fs.wlcg]; did you mean \"base\"?"
    );
    assert_eq!(place.error().kind(), ErrorKind::UnknownKey);
}
