//! Foreign files, exposed secrets, and secrets that stay out of sight.

use std::os::unix::fs::symlink;

use law_config::{Config, ErrorKind, distrust, trust};

use crate::place::{Place, STANZA, set_mode};

const SECRETS: &str = "[fs.x]\ndoors = [\"davs://d.example\"]\npassword = \"hunter2\"\ntoken = \"hunter2\"\n";

#[test]
fn a_foreign_project_file_is_ignored_with_one_warning() {
    let mut place = Place::new();
    let path = place.project("this would not even parse");
    place.give_away(&path);
    let config = place.load();
    assert!(config.file_systems.is_empty());
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].starts_with(&format!("{} is ignored: it belongs to user ", path.display())));
}

#[test]
fn a_project_file_that_everybody_may_write_is_foreign_and_hides_no_other() {
    let place = Place::new();
    place.project(STANZA);
    let open = place.write("home/project/sub/law.toml", "fs.wlcg.doors = [\"davs://evil.example\"]");
    set_mode(&open, 0o666);
    let config = place.load();
    assert_eq!(config.file_system("wlcg").unwrap().doors[0].url, "davs://d.example");
    assert!(config.warnings[0].contains("everybody may write it") && config.warnings.len() == 1);
}

#[test]
fn a_link_to_a_project_file_is_followed_only_if_it_is_your_own() {
    let mut place = Place::new();
    let target = place.write("elsewhere.toml", STANZA);
    let link = place.path("home/project/law.toml");
    symlink(&target, &link).unwrap();
    assert_eq!(place.load().file_systems.len(), 1);
    place.give_away(&link);
    let config = place.load();
    assert!(config.file_systems.is_empty() && config.warnings.len() == 1);
}

#[test]
fn what_is_no_regular_file_is_ignored_without_waiting_for_it() {
    let place = Place::new();
    std::fs::create_dir(place.path("home/project/law.toml")).unwrap();
    let pipe = place.path("home/project/sub/law.toml");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let config = place.load();
    assert!(config.warnings.iter().all(|warning| warning.ends_with("law.toml is ignored: it is no regular file")));
    assert_eq!(config.warnings.len(), 2);
}

#[test]
fn a_foreign_file_that_you_name_counts_but_is_not_trusted() {
    let mut place = Place::new();
    place.user("[fs.own]\ndoors = [\"davs://own.example\"]\n");
    let path = place.write("named.toml", STANZA);
    place.set("LAW_CONFIG", path.to_str().unwrap());
    assert!(place.load().file_system("wlcg").unwrap().trusted);
    // Everybody may write it: the same as foreign, and possible without another user.
    set_mode(&path, 0o646);
    let config = place.load();
    assert!(!config.file_system("wlcg").unwrap().trusted);
    assert!(config.file_system("own").unwrap().trusted);
    assert!(!config.origin("fs.wlcg.doors").unwrap().file().unwrap().is_own());
}

#[test]
fn one_foreign_option_takes_the_trust_away() {
    let mut place = Place::new();
    place.user(STANZA);
    let path = place.write("named.toml", "fs.\"*\".base = \"/elsewhere\"");
    set_mode(&path, 0o666);
    place.set("LAW_CONFIG", path.to_str().unwrap());
    assert!(!place.load().file_system("wlcg").unwrap().trusted);
    assert!(place.load_with(&["fs.*.base=/mine"]).file_system("wlcg").unwrap().trusted);
}

#[test]
fn an_exposed_secret_is_a_warning_that_names_the_remedy() {
    let place = Place::new();
    let path = place.user(SECRETS);
    assert!(place.load().warnings.is_empty());
    set_mode(&path, 0o640);
    let path = path.display();
    let expected = format!("{path} holds a password or token and others may read it (mode 0640): chmod 600 {path}");
    assert_eq!(place.load().warnings, [expected]);
}

#[test]
fn secrets_are_never_shown() {
    let mut place = Place::new();
    place.user(SECRETS);
    place.set("LAW__fs__x__token", "hunter2");
    let config = place.load_with(&["fs.x.password=hunter2"]);
    assert_eq!(config.file_system("x").unwrap().password.as_ref().unwrap().expose(), "hunter2");
    let shown: Vec<_> = config.list().filter(|value| value.value == "***").map(|value| value.key.as_str()).collect();
    assert_eq!(shown, ["fs.x.password", "fs.x.token"]);
    assert!(!format!("{config:#?}{:?}", place.environment).contains("hunter2"));
}

#[test]
fn errors_about_secrets_do_not_show_them() {
    let cases = [
        "[fs.x]\npassword = \"hunter2",
        "[fs.x]\npassword = hunter2",
        "[fs.x]\npassword = [\"hunter2\"]",
        "[fs.x]\npasswort = \"hunter2\"",
        "[fs.x]\ndoors = [\"davs://me:hunter2@d.example\"]",
        "[fs.x]\ndoors = [\"davs://d{1..2}.example/?authz=hunter2\"]",
        "[fs.x]\ndoors = [\"s3://b\"]\nendpoint = \"https://me:hunter2@s3.example\"",
        "[fs.x]\npassword = \"hunter2\"\npassword = \"hunter2\"",
    ];
    for text in cases {
        let place = Place::new();
        place.user(text);
        let error = place.error();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn an_unreadable_file_is_an_error_not_an_absence() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("home/.config/law/law.toml")).unwrap();
    assert_eq!(place.error().kind(), ErrorKind::Unreadable);
    assert!(Config::load(&place.environment, &[]).is_err());
}

#[test]
fn a_file_that_was_trusted_counts_until_it_changes() {
    let mut place = Place::new();
    let path = place.project(SECRETS);
    set_mode(&path, 0o666);
    let warning = &place.load().warnings[0];
    assert!(
        warning.ends_with(&format!("law config trust {} makes it count, as it is now", path.display())),
        "{warning}"
    );
    assert_eq!(trust(&place.environment, &path).unwrap(), path);
    assert!(place.load().file_system("x").unwrap().trusted, "with its credentials");
    let other = place.write("home/project/sub/law.toml", SECRETS);
    set_mode(&other, 0o666);
    assert!(
        place.load().warnings.iter().any(|warning| warning.contains("sub/law.toml is ignored")),
        "only at its place"
    );
    std::fs::remove_file(&other).unwrap();
    std::fs::write(&path, SECRETS.replace("d.example", "evil.example")).unwrap();
    assert!(place.load().file_systems.is_empty(), "whoever changes it is not trusted");
    std::fs::write(&path, SECRETS).unwrap();
    assert!(distrust(&place.environment, &path).unwrap());
    assert!(place.load().file_systems.is_empty());
    assert!(!distrust(&place.environment, &path).unwrap());
    place.environment.home = None;
    assert_eq!(trust(&place.environment, &path).unwrap_err().kind(), ErrorKind::Unwritable);
}

#[test]
fn a_list_that_others_can_write_is_no_list() {
    let place = Place::new();
    let path = place.project(STANZA);
    set_mode(&path, 0o666);
    trust(&place.environment, &path).unwrap();
    assert_eq!(place.load().file_systems.len(), 1);
    set_mode(&place.path("home/.config/law/trusted"), 0o622);
    assert!(place.load().file_systems.is_empty());
}

#[test]
fn what_cannot_be_read_is_not_trusted() {
    let place = Place::new();
    let missing = trust(&place.environment, &place.path("none.toml")).unwrap_err();
    let directory = trust(&place.environment, &place.path("home")).unwrap_err();
    assert_eq!([missing.kind(), directory.kind()], [ErrorKind::Unreadable; 2]);
}
