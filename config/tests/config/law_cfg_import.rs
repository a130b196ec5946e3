//! `import`: the `law.toml` that a `law.cfg` comes to.

use std::collections::BTreeMap;

use law_config::{Config, Environment, ErrorKind, FileSystemSettings, Name, add_imported, import};

use crate::place::{Place, set_mode};

/// What law.cfg files look like, with everything that they can say of a file system.
const EXAMPLES: [&str; 8] = [
    "[wlcg_fs]\nbase: davs://door.example:2880/pnfs/me\n",
    "[wlcg_fs]\nbase: davs://d{1,2}.example:2880/pnfs/$USER/x,\n  davs://d3.example:2880/pnfs/$USER/x\nbase_filecopy: root://r//pnfs/${USER}/x\n\
     retries: 5\nretry_delay: 5s\nrandom_base: True\nuse_cache: True\ncache_max_size: 1.5GB\ncache_mtime_patience: 1.0\n",
    "[a_fs]\nbase: davs://d/a b\n[b_fs]\nbase: davs://d/a%%20b\\$x$\nlocal_root: ~/$USER/\\$y\n[c_fs]\nbase: $NOTHING\n",
    "[x_fs]\nbase: $WHERE\nbase_listdir: davs://other/p%%23\nbase_unlink: davs://other/p%%23\nuse_cache: yes\n[local_fs]\nbase: ~/d \"q\" {1}\n",
    "[_dropbox_fs_defaults]\ndropbox_app_key: k\"\\\n[dropbox_fs]\nbase: dropbox://dropbox.com/my dir\ndropbox_app_secret: hunter2\ndropbox_access_token: hunter3\n",
    "[core]\ninherit: more.cfg\n[DEFAULT]\nretries = 0\n[y_fs]\nbase = &::z_fs::base/$USER\n[srm_fs]\nbase: srm://h:8443/srm/managerv2?SFN=/pnfs/x\n",
    "[x_fs]\nbase: davs://d\nuse_cache: True\ncache_root: ~/c/$USER\ncache_cleanup: yes\n",
    "[x_fs]\nbase: davs://d\nuse_cache: True\ncache_root: __TMP__\ncache_max_size: 2GB\n",
];

fn place(cfg: &str) -> Place {
    let mut place = Place::new();
    place.set("WHERE", "davs://where.example/a/$b");
    place.write("home/project/law.cfg", cfg);
    place.write("home/project/more.cfg", "[z_fs]\nbase = s3://bucket/\nrandom_base = False\n");
    place
}

fn imported(place: &Place) -> law_config::Imported {
    import(&place.environment, &place.path("home/project/law.cfg")).unwrap()
}

/// The settings by name, of which one without the secrets that nobody may print.
fn settings(place: &Place) -> BTreeMap<Name, FileSystemSettings> {
    let mut settings = place.load().file_systems;
    for fs in settings.values_mut() {
        (fs.app_secret, fs.token, fs.refresh_token) = (None, None, None);
    }
    settings
}

#[test]
fn both_mean_the_same() {
    for cfg in EXAMPLES {
        let place = place(cfg);
        let before = settings(&place);
        let imported = imported(&place);
        std::fs::remove_file(place.path("home/project/law.cfg")).unwrap();
        assert!(settings(&place).is_empty());
        place.project(&imported.text);
        assert_eq!(settings(&place), before, "{cfg}\n{}", imported.text);
        assert_eq!(imported.names, before.keys().map(Name::to_string).collect::<Vec<_>>());
        assert!(!before.is_empty() && !imported.text.contains("hunter"));
        let left_out: Vec<&str> = imported.text.lines().filter(|line| line.contains(" is left out: ")).collect();
        assert_eq!(imported.warnings.iter().map(|line| format!("# {line}")).collect::<Vec<_>>(), left_out);
    }
}

#[test]
fn what_is_printed() {
    let place = place(EXAMPLES[1]);
    let root = format!("{}/", place.path("home/project").display());
    let text = "# The file systems of law.cfg.\n# law.cfg: without a meaning here: [wlcg_fs] retry_delay\n\n[fs.wlcg]\n\
        doors = [{ url = \"davs://d1.example:2880\", ops = [\"list\", \"stat\", \"mkdir\", \"remove\", \"rename\", \"checksum\"] }, \
        { url = \"davs://d2.example:2880\", ops = [\"list\", \"stat\", \"mkdir\", \"remove\", \"rename\", \"checksum\"] }, \
        { url = \"davs://d3.example:2880\", ops = [\"list\", \"stat\", \"mkdir\", \"remove\", \"rename\", \"checksum\"] }, \
        { url = \"root://r\", ops = [\"read\", \"write\", \"copy\"] }]\n\
        base = \"/pnfs/${USER}/x\"\ndoor_policy = \"random\"\nretries = 5\n\n[fs.wlcg.cache]\nmax_size = \"1536M\"\npolicy = \"strict\"\n";
    assert_eq!(imported(&place).text.replace(&root, ""), text);
}

#[test]
fn a_cache_of_ones_own_is_printed() {
    let place_of = place(EXAMPLES[6]);
    let text = imported(&place_of).text.replace(&place_of.path("home").display().to_string(), "HOME");
    let wanted = "[fs.x.cache]\ncleanup = true\ndir = \"HOME/c/${USER}\"\npolicy = \"strict\"\n";
    assert!(text.ends_with(wanted), "{text}");
    let text = imported(&place(EXAMPLES[7])).text;
    assert!(text.ends_with("[fs.x.cache]\ncleanup = true\nmax_size = \"2G\"\npolicy = \"strict\"\n"), "{text}");
}

#[test]
fn secrets_and_what_cannot_be_used_are_comments() {
    let place = place(&format!("{}[bad_fs]\nbase = nonsense\n", EXAMPLES[4]));
    let imported = imported(&place);
    assert!(imported.warnings[0].contains("bad is left out: "), "{imported:?}");
    let text = imported.text;
    assert!(text.contains("\n# app_secret = \"...\"   # it stands in /"), "{text}");
    assert!(text.contains("law.cfg:5:1: copy it, and keep this file at mode 0600\n"), "{text}");
    assert!(text.contains("\n# bad is left out: ") && text.contains("law.cfg:8:1: \"nonsense\" is no URL"), "{text}");
}

#[test]
fn what_cannot_be_imported_is_told() {
    let place = place("[core]\ninherit = more.cfg\n");
    set_mode(&place.path("home/project/more.cfg"), 0o666);
    let empty = imported(&place);
    assert!(empty.names.is_empty() && empty.warnings[0].contains("more.cfg is left out"), "{empty:?}");
    let none = Environment { variables: BTreeMap::new(), ..place.environment.clone() };
    assert_eq!(import(&none, &place.path("none.cfg")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(import(&none, &place.path("home")).unwrap_err().kind(), ErrorKind::Unreadable);
    place.write("home/project/law.cfg", "no INI");
    assert_eq!(import(&none, &place.path("home/project/law.cfg")).unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(Config::load(&none, &[]).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn what_is_imported_is_added_to_a_file_as_a_whole() {
    let place = place(EXAMPLES[3]);
    let path = place.project("# mine\n[fs.x]\ndoors = [\"s3://b\"]\n");
    let imported = imported(&place);
    assert_eq!(add_imported(&path, &imported).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let text = || std::fs::read_to_string(&path).unwrap();
    assert!(text().starts_with("# mine\n") && !text().contains("fs.local"));
    place.project("# mine\n");
    add_imported(&path, &imported).unwrap();
    assert_eq!(text(), format!("# mine\n\n{}", imported.text));
    assert_eq!(place.load().file_systems.len(), 2);
}
