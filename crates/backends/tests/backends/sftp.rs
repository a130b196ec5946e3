//! SFTP, against OpenSSH: as it is, and without what it adds to the protocol.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use law_backends::sftp::Sftp;
use law_storage::{
    Backend, BytesSource, Call, Credential, Destination, Door, Doors, DoorsSettings, EndpointSettings, ErrorKind,
    Existing, NoClobber, Overwrite, Parents, Path, PutOptions, ReadOptions, Retry, RetrySettings, Secret, Support,
    conformance, list_all,
};

use crate::server::{fresh, remote, setting};

/// A client of the server that `key` names, and a fresh directory there.
fn client(key: &str, settings: &EndpointSettings) -> Option<(Arc<dyn Backend>, Path)> {
    let (url, data, ssh) = (setting(key)?, setting("SFTP_DATA")?, setting("SFTP_SSH")?);
    let backend = Sftp::with_program(&remote(&url), settings, ssh.into()).unwrap();
    Some((Arc::new(backend), fresh(&Path::parse(data).unwrap())))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_sftp() {
    let Some((backend, base)) = client("SFTP", &EndpointSettings::default()) else { return };
    let report = conformance::run_all(backend, base).await;
    println!("sftp: {report}");
    report.assert_green(150);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_sftp_without_extensions() {
    let Some((backend, base)) = client("SFTP_OLD", &EndpointSettings::default()) else { return };
    let told = backend.probe(&Call::new()).await.unwrap();
    let worst = (Overwrite::Window, NoClobber::CheckThenAct, Support::No, Support::No);
    assert_eq!((told.overwrite, told.no_clobber, told.copy, told.space), worst);
    let report = conformance::run_all(backend, base).await;
    println!("sftp without extensions: {report}");
    report.assert_green(140);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_sftp() {
    let Some((one, base)) = client("SFTP", &EndpointSettings::default()) else { return };
    let ssh = setting("SFTP_SSH").unwrap();
    let dead = Sftp::with_program(&remote("sftp://127.0.0.1:9/"), &EndpointSettings::default(), ssh.into()).unwrap();
    let door = |backend| Door::new(Arc::new(Retry::new(backend, RetrySettings::default())));
    let doors = Doors::new(vec![door(one), door(Arc::new(dead))], DoorsSettings::default());
    let report = conformance::run_all(Arc::new(doors), base).await;
    println!("doors of sftp: {report}");
    report.assert_green(150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_and_goes_in_pieces() {
    let Some((backend, base)) = client("SFTP", &EndpointSettings::default()) else { return };
    let content: Vec<u8> = (0..10u32 << 20).flat_map(u32::to_le_bytes).collect();
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    for size in [0, 1, 255 << 10, (256 << 10) + 1, content.len()] {
        let path = base.child(format!("size{size}")).unwrap();
        backend.put(&Call::new(), &path, &BytesSource::new(content[..size].to_vec()), &options).await.unwrap();
        let reading = backend.read(&Call::new(), &path, &ReadOptions::whole()).await.unwrap();
        assert!(reading.collect(1 << 30).await.unwrap() == content[..size], "{size}");
    }
    let copy = base.child("copy").unwrap();
    let large = base.child(format!("size{}", content.len())).unwrap();
    backend.copy(&Call::new(), &large, &copy, Destination::NoReplace).await.unwrap();
    let reading = backend.read(&Call::new(), &copy, &ReadOptions::whole()).await.unwrap();
    assert!(reading.collect(1 << 30).await.unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_why() {
    let other = setting("SFTP_OTHER_KEY").map(Into::into);
    let mut settings = EndpointSettings::default();
    settings.credential = Credential::Ssh { user: Some("nobody-at-all".into()), key: other };
    let Some((backend, base)) = client("SFTP", &settings) else { return };
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(error.hint_text().unwrap().contains("without a password"), "{error}");
    // The same server by a name under which its key is not known.
    let url = setting("SFTP").unwrap().replace("127.0.0.1", "localhost");
    let ssh = setting("SFTP_SSH").unwrap();
    let stranger = Sftp::with_program(&remote(&url), &EndpointSettings::default(), ssh.into()).unwrap();
    let error = stranger.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(error.hint_text().unwrap().contains("key"), "{error}");
}

#[test]
fn a_password_is_refused_and_not_shown() {
    let mut settings = EndpointSettings::default();
    settings.credential = Credential::Basic { user: "me".into(), password: Secret::new("hunter2") };
    for (url, settings) in [("sftp://host/", settings), ("sftp://me:hunter2@host/", EndpointSettings::default())] {
        let error = Sftp::with_program(&remote(url), &settings, "ssh".into()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_is_made_anew() {
    let Some(ssh) = setting("SFTP_SSH") else { return };
    // An ssh that tells its number, so that it can be ended.
    let directory = tempfile::tempdir().unwrap();
    let (program, number) = (directory.path().join("ssh"), directory.path().join("number"));
    std::fs::write(&program, format!("#!/bin/sh\necho $$ >>{}\nexec {ssh} \"$@\"\n", number.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (url, data) = (setting("SFTP").unwrap(), setting("SFTP_DATA").unwrap());
    let backend = Sftp::with_program(&remote(&url), &EndpointSettings::default(), program.into()).unwrap();
    let data = Path::parse(data).unwrap();
    assert!(backend.stat(&Call::new(), &data).await.unwrap().is_some());
    let first = std::fs::read_to_string(&number).unwrap();
    assert!(std::process::Command::new("kill").args(["-9", first.trim()]).status().unwrap().success());
    let retry = Retry::new(Arc::new(backend), RetrySettings::default());
    assert!(retry.stat(&Call::new(), &data).await.unwrap().is_some());
    assert_eq!(std::fs::read_to_string(&number).unwrap().lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_must_not_replace_one_wins() {
    let Some((backend, base)) = client("SFTP", &EndpointSettings::default()) else { return };
    let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..Default::default() };
    for round in 0..10 {
        let path = base.child(format!("new{round}")).unwrap();
        let writers: Vec<_> = (0..4u8)
            .map(|writer| {
                let (backend, path, options) = (backend.clone(), path.clone(), options.clone());
                tokio::spawn(async move {
                    let source = BytesSource::new(vec![writer; 1000]);
                    backend.put(&Call::new(), &path, &source, &options).await.map_err(|error| error.kind())
                })
            })
            .collect();
        let mut won = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(_) => won += 1,
                Err(kind) => assert_eq!(kind, ErrorKind::AlreadyExists),
            }
        }
        assert_eq!(won, 1);
    }
    // Nor is anything else left.
    assert_eq!(list_all(&*backend, &Call::new(), &base).await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_text_is_an_error_of_the_listing() {
    use std::os::unix::ffi::OsStrExt as _;
    let Some((backend, base)) = client("SFTP", &EndpointSettings::default()) else { return };
    backend.create_directory(&Call::new(), &base, Parents::Create).await.unwrap();
    let odd = std::path::Path::new("/").join(base.to_str().unwrap()).join(std::ffi::OsStr::from_bytes(b"latin-\xe4"));
    std::fs::write(odd, "x").unwrap();
    let error = list_all(&*backend, &Call::new(), &base).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
    assert!(backend.stat(&Call::new(), &base).await.unwrap().is_some(), "and the next question is answered");
}
