use super::*;
use proptest::prelude::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn remote_of(text: &str) -> RemoteUrl {
    match url(text).location() {
        Location::Remote(remote) => remote.clone(),
        other => panic!("{text} is {other}"),
    }
}

fn why(text: &str) -> String {
    let error = Url::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    format!("{error} | {}", error.hint_text().unwrap_or_default())
}

#[test]
fn every_scheme_of_the_field_parses() {
    for text in [
        "dav://h/p",
        "davs://h:2880/p",
        "http://h/p",
        "https://[::1]:8443/p",
        "root://h//p",
        "roots://h:1094//p",
        "xroot://h//p",
        "s3://bucket/key",
        "dropbox:///path",
        "gsiftp://h/p",
        "srm://h/p",
        "dcap://h/p",
        "sftp://h/p",
        "mock://h/p",
        "gs://b/k",
        "azblob://c/k",
    ] {
        remote_of(text);
    }
}

#[test]
fn local_paths() {
    for (text, path) in
        [("./a", "./a"), ("/a", "/a"), ("a/b", "a/b"), ("file:///a%20b", "/a b"), ("./C:x", "./C:x"), ("2:x", "2:x")]
    {
        assert_eq!(url(text).location(), &Location::Local(path.into()), "{text}");
    }
    assert_eq!(url("file://localhost/a").location(), &Location::Local("/a".into()));
    assert!(url("a/").trailing_slash());
    assert_eq!(Url { location: Location::Local("a:b".into()), trailing_slash: false }.to_string(), "./a:b");
}

#[test]
fn bytes_that_are_no_text_are_a_local_path() {
    let raw = OsStr::from_bytes(b"a\xffb");
    assert_eq!(Url::parse(raw).unwrap().location(), &Location::Local(raw.into()));
}

#[test]
fn names_of_file_systems() {
    assert!(matches!(url("x:a").location(), Location::Named { name, .. } if name == "x"));
    let expected = Location::Named { name: "wlcg_fs".into(), path: Path::parse("store/x:y").unwrap() };
    assert_eq!(url("wlcg_fs:/store/x:y").location(), &expected);
    assert_eq!(url("wlcg:").to_string(), "wlcg:");
}

#[test]
fn parts_of_a_remote_url() {
    let parsed = remote_of("DAVS://al%40ice:p%3Aw@Door1.Example:2880//pnfs/a%20b#c?authz=Bearer%20x");
    assert_eq!((parsed.scheme().name(), parsed.host(), parsed.port()), ("davs", "door1.example", Some(2880)));
    assert_eq!(parsed.path().to_string(), "pnfs/a b#c");
    assert_eq!(parsed.user(), Some("al@ice"));
    assert!(parsed.password().is_some_and(|p| p.expose() == "p:w"));
    assert!(parsed.query().is_some_and(|q| q.expose() == "authz=Bearer%20x"));
    assert_eq!(parsed.endpoint(), "davs://door1.example:2880");
    assert_eq!(remote_of("root://h/store/x").to_string(), "root://h//store/x");
}

#[test]
fn names_that_are_not_encoded_keep_their_percent_signs() {
    assert_eq!(remote_of("s3://bucket/a%20b").path().to_string(), "a%20b");
    assert_eq!(remote_of("s3://bucket/what?").path().to_string(), "what?");
}

#[test]
fn secrets_are_not_shown() {
    for text in ["davs://u:hunter2@h/p?authz=hunter2", "davs://hunter2:hunter2@h:x/p", "davs://u:hunter2@/p"] {
        let shown = match Url::parse(text) {
            Ok(url) => format!("{url} {url:?} {:?}", url.location()),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_typo_gets_a_suggestion() {
    assert!(why("dvas://h/p").contains("did you mean davs://?"));
    assert!(why("davs:/h/p").contains("write davs://host/path"));
    assert!(why("nonsense://h/p").contains("known are"));
    assert!(why("davs://h:port/p").contains("a bad port `port`"));
    assert!(why("davs:///p").contains("without a host"));
    assert!(why("davs://h/a%zz").contains("%25"));
    assert!(why("davs://h/a/../b").contains(".."));
    assert!(why("davs://[::1/p").contains("]"));
    assert!(why("file://other/p").contains("another host"));
    assert!(why("").contains("empty"));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_showing_parses_again(text in "\\PC{0,40}") {
        if let Ok(url) = Url::parse(&text) {
            let shown = url.to_string();
            if !shown.contains("***") {
                let again = Url::parse(&shown);
                prop_assert!(again.is_ok(), "{} -> {}", text, shown);
                prop_assert_eq!(again.map(|u| u.to_string()).ok(), Some(shown));
            }
        }
    }

    #[test]
    fn web_urls_survive_any_path(segments in proptest::collection::vec("[^/\\x00]{1,12}", 1..4)) {
        let path = Path::parse(segments.join("/"));
        prop_assume!(path.is_ok());
        let path = path.unwrap_or_default();
        let shown = remote_of("davs://h/").with_path(path.clone()).to_string();
        let again = remote_of(&shown);
        prop_assert_eq!(again.path(), &path);
    }
}

#[test]
fn spellings_of_one_server() {
    let server = |text: &str| remote_of(text).server();
    assert_eq!(server("davs://Door.site.example/a"), server("https://door.site.example:443/b"));
    assert_eq!(server("dav://door.site.example/"), "http://door.site.example:80");
    assert_ne!(server("davs://door.site.example:8443/"), server("davs://door.site.example/"));
    assert_ne!(server("dav://door.site.example/"), server("davs://door.site.example/"));
    assert_eq!(server("s3://bucket/key"), "s3://bucket");
}
