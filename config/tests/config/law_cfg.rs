//! `law.cfg` of the Python package.

use law_config::{Config, ErrorKind};

use crate::place::{Place, set_mode};

const CFG: &str = "[core]\n[wlcg_fs]\nbase: davs://d{1,2}.example:2880/pnfs/me\nuse_cache: True\n\n[local_fs]\nbase: /data\n\n\
    [_wlcg_fs_defaults]\natomic: False\n[site_fs]\nroot: $WHERE\nbase: &::root/store,\n  root://x.example//eos\n[none_fs]\nx: 1\n";

fn doors(place: &Place, name: &str) -> Vec<String> {
    place.load().file_system(name).unwrap().doors.iter().map(|door| door.url.clone()).collect()
}

fn base(place: &Place, name: &str) -> String {
    place.load().file_system(name).unwrap().base.clone()
}

#[test]
fn its_file_systems_are_known_by_both_names() {
    let mut place = Place::new();
    place.set("WHERE", "davs://w.example");
    place.write("home/project/law.cfg", CFG);
    assert_eq!(doors(&place, "wlcg"), ["davs://d1.example:2880", "davs://d2.example:2880"]);
    assert_eq!(base(&place, "wlcg"), "/pnfs/me");
    assert_eq!(doors(&place, "wlcg_fs"), doors(&place, "wlcg"));
    assert_eq!(doors(&place, "site"), ["davs://w.example/store", "root://x.example//eos"]);
    assert_eq!(base(&place, "site"), "/", "they begin at different paths");
    assert_eq!((doors(&place, "local"), base(&place, "local")), (vec!["file:///".to_owned()], "/data".to_owned()));
    let config = place.load();
    assert_eq!(config.file_systems.len(), 3);
    assert!(
        config.origin("fs.wlcg.doors").unwrap().to_string().ends_with("law.cfg:3:1"),
        "{:?}",
        config.origin("fs.wlcg.doors")
    );
    assert!(config.file_system("wlcg").unwrap().trusted);
}

#[test]
fn law_toml_wins() {
    let mut place = Place::new();
    place.set("WHERE", "davs://w.example");
    place.write("home/project/law.cfg", CFG);
    place.project("[fs.wlcg]\ndoors = [\"davs://new.example\"]\n");
    assert_eq!((doors(&place, "wlcg"), base(&place, "wlcg")), (vec!["davs://new.example".to_owned()], "/".to_owned()));
    assert_eq!(base(&place, "local"), "/data");
    place.project("[fs.wlcg]\ntoken_file = \"/t\"\n");
    assert_eq!(
        (doors(&place, "wlcg").len(), base(&place, "wlcg")),
        (2, "/pnfs/me".to_owned()),
        "it adds to what is there"
    );
}

#[test]
fn it_is_found_where_law_finds_it() {
    let mut place = Place::new();
    std::fs::create_dir_all(place.path("home/.law")).unwrap();
    place.write("home/.law/config", "[a_fs]\nbase: davs://home.example\n");
    assert_eq!(doors(&place, "a"), ["davs://home.example"]);
    place.write("home/project/law.cfg", "[a_fs]\nbase: davs://project.example\n");
    assert_eq!(doors(&place, "a"), ["davs://project.example"]);
    let named = place.write("named.cfg", "[a_fs]\nbase: davs://named.example\n");
    place.set("LAW_CONFIG_FILE", named.to_str().unwrap());
    assert_eq!(doors(&place, "a"), ["davs://named.example"]);
    place.set("LAW_CONFIG_FILE", "/no/such/file");
    assert_eq!(Config::load(&place.environment, &[]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_foreign_one_is_ignored_and_a_broken_one_is_named() {
    let place = Place::new();
    let path = place.write("home/project/law.cfg", "[a_fs]\nbase: davs://evil.example\n");
    set_mode(&path, 0o666);
    let config = place.load();
    assert!(config.file_systems.is_empty() && config.warnings[0].contains("law.cfg is ignored"));
    place.write("home/project/law.cfg", "base: davs://x\n");
    let error = Config::load(&place.environment, &[]).unwrap_err().to_string();
    assert!(error.contains("law.cfg:1:1: this is no law.cfg"), "{error}");
    place.write("home/project/law.cfg", "[a_fs]\nbase: &::b::c\n");
    let config = place.load();
    let error = config.file_system("a_fs").unwrap_err().to_string();
    assert!(error.contains("law.cfg:2:1: &::b::c refers to nothing"), "{error}");
    assert!(config.notes[0].starts_with("a cannot be used: "), "{:?}", config.notes);
}

#[test]
fn files_that_it_inherits_are_weaker_and_files_that_extend_it_stronger() {
    let mut place = Place::new();
    place.set("SITE", "site");
    let core = "[core]\ninherit: weak{1,2}.cfg,\n  none.cfg\nextend: $SITE/strong.cfg\n";
    place.write(
        "home/project/law.cfg",
        format!("{core}[a_fs]\nbase: davs://own.example\n[c_fs]\nbase: &::b_fs::base/c\n"),
    );
    place.write("home/project/weak1.cfg", "[a_fs]\nbase: davs://weak.example\n[b_fs]\nbase: davs://b1.example\n");
    let weak = place.write("home/project/weak2.cfg", "[b_fs]\nbase: davs://b2.example\n");
    std::fs::create_dir(place.path("home/project/site")).unwrap();
    place.write("home/project/site/strong.cfg", "[core]\ninherit: deep.cfg\n[d_fs]\nbase: davs://strong.example\n");
    place.write("home/project/site/deep.cfg", "[a_fs]\nbase: davs://deep.example\n[d_fs]\nbase: davs://x.example\n");
    for (name, door) in [
        ("a", "davs://deep.example"),
        ("b", "davs://b2.example"),
        ("c", "davs://b2.example"),
        ("d", "davs://strong.example"),
    ] {
        assert_eq!(doors(&place, name), [door], "{name}");
    }
    let origin = place.load().origin("fs.b.doors").unwrap().to_string();
    assert!(origin.ends_with("weak2.cfg:2:1"), "{origin}");
    set_mode(&weak, 0o666);
    assert_eq!(doors(&place, "b"), ["davs://b1.example"]);
    assert!(place.load().warnings[0].contains("weak2.cfg is ignored"), "{:?}", place.load().warnings);
    place.write("home/project/site/deep.cfg", "[core]\nextend: strong.cfg\n");
    let error = Config::load(&place.environment, &[]).unwrap_err().to_string();
    assert!(error.contains("leads back to itself"), "{error}");
}

#[test]
fn of_two_that_speak_of_one_thing_it_is_noted_which_counts() {
    let place = Place::new();
    place.write("home/project/law.cfg", "[wlcg_fs]\nbase: davs://old.example\n");
    place.project("[fs.wlcg]\ndoors = [\"davs://new.example\"]\n[fs.x]\ndoors = [\"davs://x.example\"]\n");
    let config = place.load();
    assert_eq!((config.notes.len(), config.warnings.len()), (1, 0), "{:?}", config.notes);
    assert!(
        config.notes[0].starts_with("of wlcg, ") && config.notes[0].ends_with("law.cfg beside it"),
        "{:?}",
        config.notes
    );
    place.write("home/project/law.cfg", "[other_fs]\nbase: davs://old.example\n");
    assert!(place.load().notes.is_empty(), "they speak of different things");
}
