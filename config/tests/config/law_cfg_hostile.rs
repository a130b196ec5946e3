//! A `law.cfg` that nobody wrote with an editor.

use law_config::{Config, ErrorKind, import};
use proptest::prelude::*;

use crate::place::Place;

fn loaded(content: impl AsRef<[u8]>) -> law_config::Result<Config> {
    let place = Place::new();
    let path = place.write("home/project/law.cfg", content);
    let _ = import(&place.environment, &path);
    Config::load(&place.environment, &[])
}

#[test]
fn files_that_name_each_other() {
    let place = Place::new();
    place.write("home/project/law.cfg", "[core]\ninherit = law.cfg\n");
    assert!(place.message().contains("inherit leads back to itself"), "{}", place.message());
    place.write("home/project/law.cfg", "[core]\nextend = a.cfg\n");
    place.write("home/project/a.cfg", "[core]\nextend = ./b.cfg\n");
    place.write("home/project/b.cfg", "[core]\ninherit = a.cfg\n");
    assert!(place.message().contains("inherit leads back to itself"), "{}", place.message());
    for (name, next) in [("law", "a"), ("a", "b"), ("b", "c"), ("c", "d")] {
        let many = format!("[core]\ninherit = {}\n", vec![format!("{next}.cfg"); 30].join(","));
        place.write(&format!("home/project/{name}.cfg"), many);
    }
    place.write("home/project/d.cfg", "[x_fs]\nbase = davs://d\n");
    assert!(place.message().contains("more than 100 files are named"), "{}", place.message());
}

#[test]
fn files_that_are_not_there_say_nothing() {
    let config = loaded("[core]\ninherit = none{1..9}.cfg\nextend = /none\n[x_fs]\nbase = davs://d\n").unwrap();
    assert_eq!((config.file_systems.len(), config.warnings.len()), (1, 0));
}

#[test]
fn long_files_and_what_is_no_text() {
    assert_eq!(loaded(vec![b'\n'; 10 << 20]).unwrap_err().kind(), ErrorKind::Unreadable);
    assert_eq!(loaded(b"[a]\nb = \xff\xfe\n").unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(loaded("[x_fs]\nbase = davs://d\0/\0\n").unwrap().file_systems.len(), 0);
    let many: String = (0..40_000).map(|n| format!("[f{n}_fs]\nb=1\n")).collect();
    assert!(loaded(many).is_ok());
    let lines = format!("[x_fs]\nbase = davs://d\n{}", " x\n".repeat(300_000));
    assert!(loaded(lines).unwrap().file_system("x").is_err());
}

/// Each would take the life of the universe, or all memory.
#[test]
fn references_that_multiply() {
    for reference in ["&::NAME ", "%(NAME)s"] {
        let line =
            |n: usize, to: usize| format!("o{n} = {}\n", reference.replace("NAME", &format!("o{to}")).repeat(900));
        let all: String = (0..9).map(|n| line(n, n + 1)).collect();
        for last in ["", "davs://d"] {
            let text = format!("[x_fs]\nbase = {}\n{all}o9 = {last}\n", reference.replace("NAME", "o0"));
            assert!(loaded(text).unwrap().file_system("x").is_err());
        }
    }
    assert!(loaded(format!("[x_fs]\nbase = {}\n", "$PATH".repeat(100_000))).unwrap().file_system("x").is_err());
}

/// Pieces of a law.cfg in any order.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 44] = [
        "\n",
        "\n",
        "\n",
        " ",
        "[x_fs]\n",
        "[dropbox]\n",
        "[local_fs]\n",
        "[DEFAULT]\n",
        "[core]\n",
        "[_wlcg_fs_defaults]\n",
        "base",
        "base_stat",
        "base_filecopy",
        "retries",
        "use_cache",
        "cache_max_size",
        "local_root",
        "random_base",
        "dropbox_app_secret",
        "inherit",
        "extend",
        " = ",
        ":",
        "davs://d",
        "root://r//",
        "srm://h?SFN=",
        "/p",
        "True",
        "-1",
        "&::",
        "::",
        "%(base)s",
        "%%",
        "%",
        "$USER",
        "${USER}",
        "$",
        "\\",
        "{1..3}",
        "{a,b}",
        "}",
        ",",
        "file://",
        "~/",
    ];
    let piece = prop_oneof![9 => proptest::sample::select(PIECES.to_vec()).prop_map(str::to_owned), 1 => any::<char>().prop_map(|c| c.to_string())];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A whole law.cfg whose values are anything.
fn values() -> impl Strategy<Value = String> {
    const OPTIONS: [&str; 10] = [
        "base",
        "base_listdir",
        "retries",
        "use_cache",
        "cache_root",
        "cache_cleanup",
        "cache_max_size",
        "cache_mtime_patience",
        "local_root",
        "app_secret",
    ];
    let value =
        prop_oneof!["(davs|root|file|dropbox|srm)://[a-z]{0,2}/?[ -~]{0,12}", "[/~$a-z{},%]{0,9}", "\\PC{0,12}"];
    proptest::collection::vec(value, OPTIONS.len()).prop_map(|values| {
        let lines = OPTIONS.iter().zip(values).map(|(option, value)| format!("{option} = {value}\n"));
        let lines: String = lines.collect();
        format!("[x_fs]\n{lines}[dropbox]\n{lines}[local_fs]\n{lines}")
    })
}

/// A whole law.cfg as somebody might mean it.
fn sensible() -> impl Strategy<Value = String> {
    let url = prop_oneof![
        6 => "(davs|root|s3|gsiftp)://[a-z]{1,3}(:[0-9]{2})?(/[a-z$ %#{},~]{0,4}){0,3}",
        1 => "/[ -~]{0,9}",
        1 => "\\$HOME/[a-z]{0,2}|davs://d/\\$\\{USER\\}_x|~/[$a-z]{1,3}",
    ];
    let options = ["base_listdir", "base_filecopy", "base_stat", "local_root", "dropbox_app_key"];
    let others = proptest::collection::vec((0..options.len(), url.clone()), 0..3).prop_map(move |all| {
        let lines: std::collections::BTreeMap<_, _> = all.into_iter().map(|(at, url)| (options[at], url)).collect();
        lines.into_iter().map(|(option, url)| format!("{option} = {url}\n")).collect::<String>()
    });
    let section = proptest::sample::select(vec!["x_fs", "dropbox", "local_fs", "wlcg_fs_y"]);
    (section, url, others, 0_u32..9, any::<bool>(), "[0-9]{1,3}(kB|MB| GB)?").prop_map(|(section, url, others, retries, on, size)| {
        format!("[{section}]\nbase = {url}\n{others}retries = {retries}\nuse_cache = {on}\nrandom_base = {on}\ncache_max_size = {size}\n")
    })
}

proptest! {
    #[test]
    fn any_text_is_an_error_or_a_configuration(text in prop_oneof![any::<String>(), pieces()]) {
        if let Err(error) = loaded(&text) {
            prop_assert!(!error.to_string().contains('\n'));
            prop_assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::InvalidValue), "{error}");
        }
    }

    #[test]
    fn any_value_stops_its_file_system_alone(text in values()) {
        let config = loaded(&text);
        prop_assert!(config.is_ok(), "{}", config.unwrap_err());
    }

    #[test]
    fn what_is_imported_means_the_same(text in prop_oneof![1 => values(), 9 => sensible()]) {
        let place = Place::new();
        let path = place.write("home/project/law.cfg", &text);
        let before = place.load().file_systems;
        let imported = import(&place.environment, &path).unwrap();
        std::fs::remove_file(path).unwrap();
        place.project(&imported.text);
        let mut after = place.load().file_systems;
        for (name, fs) in &mut after {
            fs.app_secret = before[name].app_secret.clone();
        }
        prop_assert_eq!(after, before, "{}", imported.text);
    }
}
