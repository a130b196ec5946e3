//! What the options of a `law.cfg` come to.

use std::time::Duration;

use law_config::{CachePolicy, DoorPolicy, FileSystemSettings, Operation};

use crate::place::{Place, set_mode};

fn place(text: &str) -> Place {
    let place = Place::new();
    place.write("home/project/law.cfg", text);
    place
}

fn file_system(text: &str, name: &str) -> FileSystemSettings {
    place(text).load().file_system(name).unwrap().clone()
}

fn shown(settings: &FileSystemSettings) -> Vec<(&str, Option<&[Operation]>)> {
    settings.doors.iter().map(|door| (door.url.as_str(), door.ops.as_deref())).collect()
}

#[test]
fn bases_for_operations_are_doors_that_are_kept_for_them() {
    use Operation::{Checksum, Copy, List, Mkdir, Read, Remove, Rename, Stat, Write};
    let all = file_system(
        "[x_fs]\nbase: davs://d{1,2}/p\nbase_filecopy: root://r//p/\nbase_stat: davs://d1/p\nbase_exists: davs://d1/p\n\
         base_mkdir: None\nbase_listdir: davs://l/p\n",
        "x",
    );
    let (rest, listing) = ([Mkdir, Remove, Rename, Checksum], [List]);
    assert_eq!(
        shown(&all),
        [
            ("davs://d1", Some([Stat, Mkdir, Remove, Rename, Checksum].as_slice())),
            ("davs://d2", Some(rest.as_slice())),
            ("root://r", Some([Read, Write, Copy].as_slice())),
            ("davs://l", Some(listing.as_slice())),
        ]
    );
    assert_eq!(all.base, "/p");
    let same = file_system("[x_fs]\nbase: davs://d/p\nbase_unlink: davs://d/p\nbase_rmdir: davs://d/p\n", "x");
    assert_eq!((shown(&same), same.base.as_str()), (vec![("davs://d", None)], "/p"), "it is for everything");
    let apart = file_system("[x_fs]\nbase: davs://d/p\nbase_mkdir_rec: davs://d/q%%20\n", "x");
    let urls: Vec<_> = apart.doors.iter().map(|door| door.url.as_str()).collect();
    assert_eq!((urls, apart.base.as_str()), (vec!["davs://d/p", "davs://d/q%20"], "/"), "each begins elsewhere");
}

#[test]
fn numbers_policies_and_caches() {
    let text = "[x_fs]\nbase = davs://d\nretries = 7\nrandom_base = True\nuse_cache = on\ncache_max_size = 15GB\n\
        cache_mtime_patience = -1\n[y_fs]\nbase = davs://d\nrandom_base = no\nuse_cache = True\ncache_max_size = 0MB\n\
        [z_fs]\nbase = davs://d\ncache_max_size = 1\n[_wlcg_fs_defaults]\nretries = 2\n";
    let x = file_system(text, "x");
    assert_eq!((x.retries, x.door_policy), (7, DoorPolicy::Random));
    let cache = x.cache.unwrap();
    assert_eq!((cache.max_size, cache.policy), (Some(15 << 30), Some(CachePolicy::Immutable)));
    let y = file_system(text, "y");
    assert_eq!((y.retries, y.door_policy), (2, DoorPolicy::Adaptive));
    let cache = y.cache.unwrap();
    assert_eq!((cache.max_size, cache.policy), (None, Some(CachePolicy::Strict)));
    let z = file_system(text, "z");
    assert_eq!((z.cache, z.deadline), (None, Duration::from_mins(10)));
}

#[test]
fn where_a_cache_is_and_how_long() {
    let cache = |lines: &str| file_system(&format!("[x_fs]\nbase = davs://d\nuse_cache = True\n{lines}"), "x").cache;
    let told = |lines| cache(lines).map(|cache| (cache.dir, cache.cleanup)).unwrap();
    assert_eq!(told(""), (None, false));
    assert_eq!(told("cache_root = None\ncache_cleanup = None\n"), (None, false));
    assert_eq!(told("cache_root = /scratch/$USER\n"), (Some("/scratch/me".into()), false));
    assert_eq!(told("cache_root = /scratch\ncache_cleanup = True\n"), (Some("/scratch".into()), true));
    for temporary in ["cache_root = __TMP__\n", "cache_root = __TMP__\ncache_cleanup = False\n"] {
        assert_eq!(told(temporary), (None, true), "{temporary}");
    }
    let defaults = "[_wlcg_fs_defaults]\ncache_root = /c\n";
    assert_eq!(told(defaults), (Some("/c".into()), false));
    for wrong in ["cache_root = here", "cache_cleanup = perhaps"] {
        let place = place(&format!("[x_fs]\nbase = davs://d\nuse_cache = True\n{wrong}\n"));
        let error = place.load().file_system("x").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(wrong.split(' ').next().unwrap()), "{error}");
    }
    let unused = file_system("[x_fs]\nbase = davs://d\ncache_root = /c\n", "x");
    assert_eq!(unused.cache, None, "it is there for those who ask for it in Python alone");
}

#[test]
fn a_dropbox_by_both_names_of_its_section() {
    let older = "base: dropbox://dropbox.com/my_dir\napp_key: key\napp_secret: hunter2\naccess_token: hunter3\nrefresh_token: hunter4\n";
    let present = older.replace("app_key", "dropbox_app_key").replace("app_secret", "dropbox_app_secret");
    let present = present.replace("access_token", "dropbox_access_token");
    for text in [format!("[dropbox]\n{older}"), format!("[dropbox_fs]\n{present}[dropbox]\nbase: dropbox:///old\n")] {
        let settings = file_system(&text, "dropbox_fs");
        assert_eq!((shown(&settings), settings.base.as_str()), (vec![("dropbox:///", None)], "/my_dir"));
        assert_eq!(settings.app_key.as_deref(), Some("key"));
        let secrets = [&settings.app_secret, &settings.token, &settings.refresh_token];
        assert_eq!(secrets.map(|secret| secret.as_ref().unwrap().expose()), ["hunter2", "hunter3", "hunter4"]);
        let place = place(&text);
        let config = place.load();
        assert_eq!(config.warnings, [""; 0]);
        assert!(config.list().all(|listed| !listed.value.contains("hunter")));
        set_mode(&place.path("home/project/law.cfg"), 0o644);
        assert!(place.load().warnings[0].contains("holds a password or token"), "{:?}", place.load().warnings);
    }
}

#[test]
fn no_error_shows_a_part_of_a_secret() {
    for secret in ["hun%ter2", "hun$ter2", "&::hunter2", "$hunter2"] {
        let place = place(&format!("[dropbox_fs]\nbase = dropbox:///x\ndropbox_app_secret = {secret}\n"));
        let error = place.load().file_system("dropbox_fs").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
    }
}

#[test]
fn where_the_storage_is_mounted() {
    let settings = file_system("[x_fs]\nbase: davs://d\nlocal_root: ~/mnt/$USER\n", "x");
    assert!(settings.local_root.unwrap().ends_with("home/mnt/me"));
    assert!(place("[x_fs]\nbase: davs://d\nlocal_root: mnt\n").load().file_system("x").is_err());
}

#[test]
fn names_that_python_projects_have() {
    let text = "[wlcg_fs]\nbase: &::wlcg_fs_desy::base\n[wlcg_fs_desy]\nwebdav_base: davs://d:2880/p/$USER\nbase: &::webdav_base\n\
        [local_fs]\nbase: /\n[local_fs_store]\nbase: ~/store, 1\n[outputs]\nlfn_sources: wlcg_fs\nbase: x\n[luigi_core]\nbase: y\n";
    let place = place(text);
    let config = place.load();
    let names: Vec<_> = config.file_systems.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["local", "local_fs_store", "wlcg", "wlcg_fs_desy"]);
    assert_eq!(config.file_system("wlcg_fs").unwrap().base, "/p/me");
    assert!(config.file_system("local_fs_store").unwrap().base.ends_with("home/store, 1"));
    assert_eq!((config.warnings.len(), config.notes.len()), (0, 0), "{:?} {:?}", config.warnings, config.notes);
}

#[test]
fn variables_interpolation_and_defaults_of_all_sections() {
    let text = "[DEFAULT]\nhost: d.example\n[x_fs]\ndir: 100%%25\nbase: davs://%(host)s/%(dir)s/${USER}\\$HOME$/\n";
    assert_eq!(base(text, "x"), "/100%/me$HOME$");
    assert_eq!(file_system(text, "x").doors[0].url, "davs://d.example");
    for (value, why) in [
        ("%(none)s", "refers to nothing"),
        ("a%20b", "write %% for a percent sign"),
        ("davs://d/$NONE", "NONE is not set"),
        ("%(base)s", "leads back to itself"),
        ("&::x_fs::base", "leads back to itself"),
        ("davs://me:hunter2@d", "hold no credentials"),
        ("nonsense", "is no URL"),
        ("davs://d/{1..5000}", "the range has more than"),
    ] {
        let place = place(&format!("[x_fs]\nbase: {value}\n[y_fs]\nbase: davs://d\n"));
        let config = place.load();
        let error = config.file_system("x").unwrap_err().to_string();
        assert!(error.contains("law.cfg:2:1: ") && error.contains(why) && !error.contains("hunter2"), "{error}");
        assert!(config.file_system("y").is_ok(), "what is wrong with one stops nobody else");
        assert_eq!((config.notes.len(), config.warnings.len()), (1, 0), "{:?}", config.notes);
    }
}

fn base(text: &str, name: &str) -> String {
    file_system(text, name).base
}

#[test]
fn a_variable_for_the_python_package_is_followed_as_there() {
    let mut place = place("[x_fs]\nbase: davs://d/p\n");
    place.set("LAW__x_fs__base", "davs://v/$USER");
    place.set("LAW__y_fs__base", "davs://y/");
    place.set("LAW__job__job_file_dir", "/tmp");
    let config = place.load();
    assert_eq!((config.file_system("x").unwrap().base.as_str(), config.file_systems.len()), ("/me", 2));
    assert_eq!(config.origin("fs.x.base").unwrap().to_string(), "environment variable LAW__x_fs__base");
    place.write("home/project/law.cfg", "[core]\nsync_env = False\n[x_fs]\nbase: davs://d/p\n");
    assert_eq!(place.load().file_system("x").unwrap().base, "/p");
    std::fs::remove_file(place.path("home/project/law.cfg")).unwrap();
    assert_eq!(place.load().file_systems.len(), 2, "without a file, too");
    place.set("LAW__jbo__dir", "/tmp");
    assert!(place.message().contains("unknown section"), "{}", place.message());
}

#[test]
fn what_has_no_meaning_is_listed_once_a_file() {
    let place = place(
        "[core]\ninherit: more.cfg\nlaw_home: /x\n[x_fs]\nretry_delay: 5s\nbase: davs://d\ncreate_file_dir: True\nbase_stat: davs://e\n\
         base_exists: davs://f\ngfal_transfer_timeout: None\nhost: h\n[luigi_core]\nx: 1\n[a_fs]\nbase: davs://&::x_fs::host\nvalidate_copy: True\n[none_fs]\nmy: 1\n",
    );
    place.write("home/project/more.cfg", "[_wlcg_fs_defaults]\ncache_wait_delay: 5s\n[job]\nx: 1\n");
    let root = format!("{}/", place.path("home/project").display());
    let warnings: Vec<_> = place.load().warnings.iter().map(|line| line.replace(&root, "")).collect();
    assert_eq!(
        warnings,
        [
            "law.cfg: without a meaning here: [a_fs] validate_copy; [x_fs] base_exists, create_file_dir, retry_delay",
            "more.cfg: without a meaning here: [_wlcg_fs_defaults] cache_wait_delay",
        ]
    );
}

#[test]
fn a_part_of_somebody_else_is_not_trusted() {
    let mut place = Place::new();
    let named =
        place.write("named.cfg", "[core]\ninherit: own.cfg\n[evil]\nhost: evil.example\n[y_fs]\nbase: davs://y\n[w_fs]\nbase_filecopy: davs://evil\n");
    place.write("own.cfg", "[x_fs]\nbase: davs://&::evil::host\n[z_fs]\nbase: davs://z\n[w_fs]\nbase: davs://w\n");
    place.set("LAW_CONFIG_FILE", named.to_str().unwrap());
    set_mode(&named, 0o666);
    let config = place.load();
    let trusted = ["w", "x", "y", "z"].map(|name| config.file_system(name).unwrap().trusted);
    assert_eq!(trusted, [false, false, false, true]);
}
