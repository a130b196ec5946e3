//! What the build can speak to.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn the_backends_of_this_build() {
    let sandbox = Sandbox::new();
    let shown = sandbox.session(["backends"]);
    // Whether gfal2 is there is the machine's business, and which features were chosen the build's.
    let lines = shown.lines().filter(|line| !line.contains(": gfal2 is ") && !line.contains("--features"));
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    $ law fs backends
    scheme  backend list ranges rename copy links modes times space replaces no-clobber checksums
    file    local   yes  yes    yes    yes  yes   yes   yes   yes   whole    exact      adler32,crc32c,crc32,crc64nvme,sha1,md5,sha256,dropbox,sha512
    azblob  opendal yes  yes    no     yes  no    no    no    no    whole    exact      md5
    dav     webdav  yes  yes    yes    yes  no    no    no    ?     window   looks      -
    davs    webdav  yes  yes    yes    yes  no    no    no    ?     window   looks      -
    dcap    gfal2   yes  yes    no     no   no    no    no    no    unsafe   looks      -
    dropbox dropbox yes  yes    yes    yes  no    no    yes   yes   whole    exact      dropbox
    gcs     opendal yes  yes    no     yes  no    no    no    no    whole    exact      md5
    gsidcap gfal2   yes  yes    no     no   no    no    no    no    unsafe   looks      -
    gsiftp  gfal2   yes  no     yes    no   no    no    no    no    whole    looks      adler32
    http    webdav  yes  yes    yes    yes  no    no    no    ?     window   looks      -
    https   webdav  yes  yes    yes    yes  no    no    no    ?     window   looks      -
    mock    gfal2   yes  yes    no     no   no    no    no    no    unsafe   looks      -
    root    gfal2   yes  yes    yes    no   no    no    no    no    whole    looks      adler32
    roots   gfal2   yes  yes    yes    no   no    no    no    no    whole    looks      adler32
    s3      s3      yes  yes    no     yes  no    no    no    no    whole    looks      crc64nvme,md5
    sftp    sftp    yes  yes    yes    ?    yes   yes   yes   ?     window   looks      -
    srm     gfal2   yes  yes    yes    no   no    no    no    no    window   looks      adler32
    ");
}

#[test]
fn a_script_sees_the_same() {
    let all = Sandbox::new().fs("--json backends").objects();
    let of = |scheme: &str| all.iter().find(|object| object["scheme"] == scheme).unwrap();
    let (google, old) = (of("gcs"), of("gsiftp"));
    assert_eq!((google["backend"].as_str(), google["in_build"].as_bool()), (Some("opendal"), Some(true)));
    assert_eq!((google["rename"].as_bool(), google["no_clobber"].as_str()), (Some(false), Some("exact")));
    assert_eq!(google["checksums"], serde_json::json!(["md5"]));
    assert!(old["needs"].as_str().unwrap().contains("gfal2-plugin-gridftp"), "{old}");
    for object in &all {
        assert!(object["ready"].as_bool().unwrap() || object["needs"].is_string(), "{object}");
    }
}

#[test]
fn a_scheme_of_another_build_names_its_feature() {
    let sandbox = Sandbox::new();
    let built = sandbox.fs("--json backends").objects().iter().any(|o| o["scheme"] == "oss" && o["in_build"] == true);
    if !built {
        let error = sandbox.fs("ls oss://bucket/x").stderr;
        assert!(error.contains("cargo install --features oss"), "{error}");
    }
}

#[test]
fn tokens_of_the_grid_are_nothing_to_object_stores_and_to_ssh() {
    let sandbox = Sandbox::new();
    for (place, source) in [("gcs://bucket/", "the own tools of the service"), ("sftp://host/", "ssh itself")] {
        let mut law = sandbox.program(env!("CARGO_BIN_EXE_law"));
        law.args(["fs", "token", "show", place]).env("BEARER_TOKEN", "of-the-grid");
        let shown = sandbox.finish(law);
        assert!(shown.text().contains(source), "{shown:?}");
    }
}
