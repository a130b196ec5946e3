//! Files that nobody wrote with an editor.

use law_config::{Config, ErrorKind};

use crate::place::{Place, STANZA};

/// The message about the user's file, from its line on.
fn about(content: impl AsRef<[u8]>) -> (ErrorKind, String) {
    let place = Place::new();
    place.user(content);
    let message = place.message();
    (place.error().kind(), message.trim_start_matches("home/.config/law/law.toml:").to_owned())
}

#[test]
fn bytes_that_are_not_utf8() {
    assert_eq!(
        about(b"a = 1\nb = \"\xff\""),
        (ErrorKind::Malformed, "2:6: this is no TOML: it is not UTF-8; correct it there".into())
    );
    assert_eq!(about(b"\xff\xfea\0").1, "1:1: this is no TOML: it is not UTF-8; correct it there");
}

#[test]
fn nul_bytes_and_control_characters() {
    for content in ["fs\0 = 1", "\0", "[fs.\"\0\"]", "[fs.x]\nbase = \"/a\0b\""] {
        assert_eq!(about(content).0, ErrorKind::Malformed, "{content:?}");
    }
    let (kind, message) = about("[fs.x]\nbase = \"/a\\u0000b\"");
    assert_eq!(kind, ErrorKind::InvalidValue);
    assert!(message.contains("has no NUL"));
    let (_, message) = about("\"\\u001b[31m\\nx\" = 1");
    assert!(!message.contains(['\u{1b}', '\n']), "{message:?}");
}

#[test]
fn deep_nesting() {
    let arrays = format!("a = {}", "[".repeat(100_000));
    let tables = format!("a = {}", "{a=".repeat(100_000));
    let keys = format!("{}a = 1", "a.".repeat(100_000));
    let headers = format!("[{}a]", "a.".repeat(100_000));
    for content in [arrays, tables, keys, headers] {
        assert_eq!(about(content).0, ErrorKind::Malformed);
    }
    let mut place = Place::new();
    place.set(&format!("LAW{}", "__a".repeat(50_000)), "1");
    assert_eq!(place.error().kind(), ErrorKind::Malformed);
    let place = Place::new();
    let text = format!("{}a=1", "a.".repeat(50_000));
    assert_eq!(Config::load(&place.environment, &[&text]).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn long_files() {
    assert_eq!(about(vec![b'\n'; (1 << 20) + 1]).0, ErrorKind::Unreadable);
    let many: String = (0..50_000).map(|n| format!("k{n}=1\n")).collect();
    assert_eq!(about(many).0, ErrorKind::UnknownKey);
    let one_line = format!("a = [{}]", "1,".repeat(200_000));
    assert_eq!(about(one_line).0, ErrorKind::UnknownKey);
}

#[test]
fn numbers_out_of_range() {
    for number in ["99999999999999999999", "0xffffffffffffffffff", "-9223372036854775809"] {
        let (kind, message) = about(format!("{STANZA}retries = {number}"));
        assert_eq!(kind, ErrorKind::Malformed);
        assert_eq!(message, "3:11: this is no TOML: the number is too large; correct it there");
    }
    assert_eq!(about(format!("{STANZA}retries = 4294967296")).0, ErrorKind::InvalidValue);
}

#[test]
fn every_cut_of_a_valid_file_is_an_error_or_a_configuration() {
    let text = include_str!("../../examples/wlcg.toml");
    for end in 0..text.len() {
        let place = Place::new();
        place.user(&text[..end]);
        if let Err(error) = Config::load(&place.environment, &[]) {
            assert!(error.to_string().contains("law.toml:") && !error.to_string().contains('\n'), "{error}");
        }
    }
}

#[test]
fn a_variable_that_is_not_utf8() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut place = Place::new();
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    place.environment.variables.insert("LAW__fs__x__base".into(), value);
    assert!(place.message().starts_with("environment variable LAW__fs__x__base: it is not UTF-8"));
}
