//! Object stores by way of OpenDAL: Google Cloud Storage, emulated (`fixtures/gcs`), and Azurite, which is Microsoft's own.

use std::sync::Arc;

use law_backends::opendal::OpenDal;
use law_storage::{
    Algorithm, Backend, BytesSource, Call, Credential, Door, Doors, DoorsSettings, EndpointSettings, ErrorKind,
    Existing, Parents, Path, Proof, PutOptions, ReadOptions, Retry, RetrySettings, Secret, conformance,
};

use crate::server::{OwnServer, fresh, remote, setting};

fn settings(endpoint: &str, credential: Credential) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    settings.endpoint = Some(endpoint.to_owned());
    settings.credential = credential;
    settings
}

fn token(text: &str) -> Credential {
    Credential::Bearer(Secret::new(text))
}

fn key(account: &str, key: &str) -> Credential {
    Credential::AccessKey { id: account.into(), secret: Secret::new(key), token: None }
}

/// A client of a bucket, and a fresh directory there.
fn bucket(url: &str, settings: &EndpointSettings) -> (Arc<dyn Backend>, Path) {
    (Arc::new(OpenDal::new(&remote(url), settings).unwrap()), fresh(&Path::root()))
}

/// A server of its own, and who may write there.
fn google() -> Option<(OwnServer, EndpointSettings)> {
    let server = OwnServer::start("gcs")?;
    let settings = settings(server.endpoint("GCS_ENDPOINT"), token("gcs-token"));
    Some((server, settings))
}

/// Who may write at Azure.
fn azure() -> Option<EndpointSettings> {
    let who = key(&setting("AZBLOB_ACCOUNT")?, &setting("AZBLOB_KEY")?);
    Some(settings(&setting("AZBLOB_ENDPOINT")?, who))
}

async fn suite(url: &str, settings: &EndpointSettings) {
    let (backend, base) = bucket(url, settings);
    let report = conformance::run_all(backend, base).await;
    println!("{url}: {report}");
    report.assert_green(80);
}

async fn suite_through_doors(url: &str, settings: &EndpointSettings) {
    let (one, base) = bucket(url, settings);
    let mut dead = settings.clone();
    dead.endpoint = Some("http://127.0.0.1:9".into());
    let (two, _) = bucket(url, &dead);
    let door = |backend| Door::new(Arc::new(Retry::new(backend, RetrySettings::default())));
    let doors = Doors::new(vec![door(one), door(two)], DoorsSettings::default());
    let report = conformance::run_all(Arc::new(doors), base).await;
    println!("doors of {url}: {report}");
    report.assert_green(80);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_google() {
    let Some((_server, settings)) = google() else { return };
    suite("gcs://lab", &settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_google() {
    let Some((_server, settings)) = google() else { return };
    suite_through_doors("gcs://lab", &settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_azure() {
    let Some(settings) = azure() else { return };
    suite("azblob://lab", &settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_azure() {
    let Some(settings) = azure() else { return };
    suite_through_doors("azblob://lab", &settings).await;
}

async fn put(backend: &dyn Backend, path: &Path, content: Vec<u8>, options: &PutOptions) -> law_storage::Receipt {
    backend.put(&Call::new(), path, &BytesSource::new(content), options).await.unwrap()
}

async fn content(backend: &dyn Backend, path: &Path) -> bytes::Bytes {
    let reading = backend.read(&Call::new(), path, &ReadOptions::whole()).await.unwrap();
    reading.collect(1 << 30).await.unwrap()
}

/// Sizes around those at which a file is written in another way.
async fn all_sizes(url: &str, settings: &EndpointSettings, options: &PutOptions) -> Vec<Proof> {
    let (backend, base) = bucket(url, settings);
    let bytes: Vec<u8> = (0..12u32 << 20).flat_map(u32::to_le_bytes).collect();
    let mut proofs = Vec::new();
    for size in [0, 1, 16 << 20, (16 << 20) + 1, 40_000_000] {
        let path = base.child(format!("size{size}")).unwrap();
        let receipt = put(&*backend, &path, bytes[..size].to_vec(), options).await;
        proofs.push(receipt.proof);
        assert!(content(&*backend, &path).await == bytes[..size], "{size}");
    }
    proofs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_in_pieces_to_google() {
    let Some((_server, settings)) = google() else { return };
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let whole = Proof::Checksum(Algorithm::Md5);
    // What is put together from parts has no MD5.
    let proofs = all_sizes("gcs://lab", &settings, &options).await;
    assert_eq!(proofs, [whole.clone(), whole.clone(), whole.clone(), Proof::Size, Proof::Size]);
    let options = PutOptions { verify: law_storage::Verify::Require, ..options };
    let proofs = all_sizes("gcs://lab", &settings, &options).await;
    assert!(proofs.iter().all(|proof| *proof == whole), "{proofs:?}");
    let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..Default::default() };
    let proofs = all_sizes("gcs://lab", &settings, &options).await;
    assert!(proofs.iter().all(|proof| *proof == whole), "{proofs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_in_pieces_to_azure() {
    let Some(settings) = azure() else { return };
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let whole = Proof::Checksum(Algorithm::Md5);
    let proofs = all_sizes("azblob://lab", &settings, &options).await;
    assert_eq!(proofs, [whole.clone(), whole.clone(), whole, Proof::Size, Proof::Size]);
}

/// Of several writers that have all seen nothing, one wins.
async fn one_wins(url: &str, settings: &EndpointSettings) {
    let (backend, base) = bucket(url, settings);
    let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..Default::default() };
    for size in [10usize, 17 << 20] {
        let path = base.child(format!("new{size}")).unwrap();
        let writers: Vec<_> = (0..4u8)
            .map(|writer| {
                let (backend, path, options) = (backend.clone(), path.clone(), options.clone());
                tokio::spawn(async move {
                    let source = BytesSource::new(vec![writer; size]);
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
        assert_eq!(won, 1, "{size}");
        let content = content(&*backend, &path).await;
        assert!(content.len() == size && content.iter().all(|byte| *byte == content[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_must_not_replace_one_wins_at_google() {
    let Some((_server, settings)) = google() else { return };
    one_wins("gcs://lab", &settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_must_not_replace_one_wins_at_azure() {
    let Some(settings) = azure() else { return };
    one_wins("azblob://lab", &settings).await;
}

/// The errors of those who may not, and what everybody may.
async fn who_may_not(scheme: &str, strangers: [(EndpointSettings, ErrorKind); 2], reader: EndpointSettings) {
    for (settings, kind) in &strangers {
        let (backend, base) = bucket(&format!("{scheme}://lab"), settings);
        let error = backend.list(&Call::new(), &base, &Default::default()).await.err().unwrap();
        assert_eq!(error.kind(), *kind, "{error}");
        assert!(!error.to_string().contains("guessed"), "{error}");
        assert!(error.hint_text().is_some() || *kind != ErrorKind::Unauthenticated, "{error}");
    }
    let (backend, base) = bucket(&format!("{scheme}://lab"), &reader);
    let options = PutOptions { seen_missing: true, ..Default::default() };
    let error = backend.put(&Call::new(), &base, &BytesSource::new("x"), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!format!("{error} {error:?}").contains("sig="), "{error:?}");
    let mut nobody = reader.clone();
    nobody.credential = Credential::None;
    let (public, _) = bucket(&format!("{scheme}://public"), &nobody);
    assert_eq!(content(&*public, &Path::parse("ready").unwrap()).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_why_by_google() {
    let Some((server, settings_of_writer)) = google() else { return };
    let endpoint = server.endpoint("GCS_ENDPOINT");
    let stranger = |who| (settings(endpoint, who), ErrorKind::Unauthenticated);
    let strangers = [stranger(token("guessed")), stranger(Credential::None)];
    let mut reader = settings_of_writer.clone();
    reader.credential = token("read-token");
    who_may_not("gcs", strangers, reader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_why_by_azure() {
    let Some(mut reader) = azure() else { return };
    let (endpoint, account) = (reader.endpoint.clone().unwrap(), setting("AZBLOB_ACCOUNT").unwrap());
    // Azurite says of a wrong key what Azure says of who may not.
    let strangers = [
        (settings(&endpoint, key(&account, "Z3Vlc3NlZA==")), ErrorKind::PermissionDenied),
        (settings(&endpoint, Credential::None), ErrorKind::Unauthenticated),
    ];
    let ticket = Some(Secret::new(setting("AZBLOB_READ_SAS").unwrap()));
    reader.credential = Credential::AccessKey { id: account, secret: Secret::new(""), token: ticket };
    who_may_not("azblob", strangers, reader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_named() {
    let google = google();
    let google_settings = google.as_ref().map(|(_, settings)| settings.clone());
    for (url, settings) in [("gcs://nowhere", google_settings), ("azblob://nowhere", azure())] {
        let Some(settings) = settings else { continue };
        let (backend, base) = bucket(url, &settings);
        assert_eq!(backend.stat(&Call::new(), &base).await.unwrap(), None);
        let error = backend.list(&Call::new(), &base, &Default::default()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.hint_text().unwrap().contains("nowhere?"), "{error}");
    }
}

/// Tells the emulator how a request is to fail.
async fn fail(server: &OwnServer, json: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = server.endpoint("GCS_ENDPOINT").strip_prefix("http://").unwrap().to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let length = json.len();
    let head = format!("POST /emulate/fail HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    connection.write_all(format!("{head}Content-Length: {length}\r\n\r\n{json}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_what_was_lost_is_looked_for() {
    let Some((server, settings)) = google() else { return };
    let (backend, base) = bucket("gcs://lab", &settings);
    let backend = Retry::new(backend, RetrySettings::default());
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let once = PutOptions { existing: Existing::Refuse, ..options.clone() };
    let failures = [
        (r#"{"method": "POST", "contains": "uploadType=media", "times": 2, "status": 503}"#, &options, 2),
        (r#"{"method": "POST", "contains": "uploadType=media", "status": 502, "after": true}"#, &options, 1),
        (
            r#"{"method": "POST", "contains": "uploadType=media", "status": 502, "after": true, "cut": true}"#,
            &options,
            1,
        ),
        // It is there already when it is asked for once more, and it is ours.
        (r#"{"method": "PUT", "contains": "/upload/session/", "status": 502, "after": true}"#, &once, 1),
    ];
    for (number, (failure, options, least)) in failures.into_iter().enumerate() {
        fail(&server, failure).await;
        let path = base.child(format!("file{number}")).unwrap();
        let written = backend.put(&Call::new(), &path, &BytesSource::new("content"), options).await;
        let receipt = written.unwrap_or_else(|error| panic!("{failure}: {error}"));
        assert!(receipt.attempts.len() <= least, "{failure}: {:?}", receipt.attempts);
        assert_eq!(content(&backend, &path).await, "content", "{failure}");
    }
    fail(&server, r#"{"method": "GET", "contains": "alt=media", "status": 429}"#).await;
    assert_eq!(content(&backend, &base.child("file0").unwrap()).await, "content");
    fail(&server, r#"{"method": "DELETE", "contains": "file0", "status": 500, "after": true}"#).await;
    backend.remove_file(&Call::new(), &base.child("file0").unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_of_an_upload_is_told_in_an_error() {
    let Some((server, settings)) = google() else { return };
    let (backend, base) = bucket("gcs://lab", &settings);
    let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..Default::default() };
    fail(&server, r#"{"method": "PUT", "contains": "/upload/session/", "times": 9, "status": 403}"#).await;
    let path = base.child("file").unwrap();
    let error = backend.put(&Call::new(), &path, &BytesSource::new("x"), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    // A session is worth a token.
    assert!(!format!("{error} {error:?}").contains("of-this-session"), "{error:?}");
    assert_eq!(backend.stat(&Call::new(), &path).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_that_nobody_will_have_is_missed_before_anything_is_sent() {
    let Some(settings) = azure() else { return };
    let (backend, base) = bucket("azblob://lab", &settings);
    let options = PutOptions { verify: law_storage::Verify::Require, parents: Parents::Create, ..Default::default() };
    let path = base.child("large").unwrap();
    let error = backend.put(&Call::new(), &path, &BytesSource::new(vec![0; 17 << 20]), &options).await.unwrap_err();
    assert_eq!((error.kind(), error.left_behind()), (ErrorKind::Unsupported, Some("nothing was published")), "{error}");
    assert_eq!(backend.stat(&Call::new(), &path).await.unwrap(), None);
}
