//! Dropbox, emulated: `fixtures/dropbox`, which the official SDK is run against, too.

use std::sync::Arc;

use law_backends::dropbox::Dropbox;
use law_storage::{
    Algorithm, Backend, BytesSource, Call, Credential, Door, Doors, DoorsSettings, EndpointSettings, ErrorKind,
    Parents, Path, Proof, PutOptions, ReadOptions, Retry, RetrySettings, Secret, conformance,
};

use crate::server::{OwnServer, fresh, remote};

fn settings(endpoint: &str, credential: Credential) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    settings.endpoint = Some(endpoint.to_owned());
    settings.credential = credential;
    settings
}

fn token(text: &str) -> Credential {
    Credential::Bearer(Secret::new(text))
}

fn refresh(token: &str) -> Credential {
    let (app_key, app_secret) = ("app-key".into(), Some(Secret::new("app-secret")));
    Credential::Dropbox { app_key, app_secret, refresh_token: Secret::new(token) }
}

/// A client of the account, and a fresh directory there.
fn account(settings: &EndpointSettings) -> (Arc<dyn Backend>, Path) {
    (Arc::new(Dropbox::new(&remote("dropbox:///"), settings).unwrap()), fresh(&Path::root()))
}

/// A server of its own, and who may write there.
fn own() -> Option<(OwnServer, EndpointSettings)> {
    let server = OwnServer::start("dropbox")?;
    let settings = settings(server.endpoint("DROPBOX_HTTP"), token("access-token"));
    Some((server, settings))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_dropbox() {
    let Some((_server, settings)) = own() else { return };
    let (backend, base) = account(&settings);
    let report = conformance::run_all(backend, base).await;
    println!("dropbox: {report}");
    report.assert_green(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_dropbox() {
    let Some((_server, settings)) = own() else { return };
    let (one, base) = account(&settings);
    let mut dead = settings.clone();
    dead.endpoint = Some("http://127.0.0.1:9".into());
    let (two, _) = account(&dead);
    let door = |backend| Door::new(Arc::new(Retry::new(backend, RetrySettings::default())));
    let doors = Doors::new(vec![door(one), door(two)], DoorsSettings::default());
    let report = conformance::run_all(Arc::new(doors), base).await;
    println!("doors of dropbox: {report}");
    report.assert_green(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_in_pieces() {
    let Some((server, mut settings)) = own() else { return };
    settings.endpoint = Some(server.endpoint("DROPBOX_HTTPS").to_owned());
    settings.ca = Some(server.endpoint("CA").into());
    settings.credential = refresh("refresh-token");
    let (backend, base) = account(&settings);
    let content: Vec<u8> = (0..10u32 << 20).flat_map(u32::to_le_bytes).collect();
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    for size in [0, 1, (16 << 20) + 1, 32 << 20, content.len()] {
        let path = base.child(format!("size{size}")).unwrap();
        let source = BytesSource::new(content[..size].to_vec());
        let receipt = backend.put(&Call::new(), &path, &source, &options).await.unwrap();
        assert_eq!(receipt.proof, Proof::Checksum(Algorithm::Dropbox), "{size}");
        let reading = backend.read(&Call::new(), &path, &ReadOptions::whole()).await.unwrap();
        assert_eq!(reading.digests.len(), 1);
        assert!(reading.collect(1 << 30).await.unwrap() == content[..size], "{size}");
    }
}

/// Tells the emulator something.
async fn emulate(server: &OwnServer, what: &str, json: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = server.endpoint("DROPBOX_HTTP").strip_prefix("http://").unwrap().to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let length = json.len();
    let request = format!(
        "POST /emulate/{what} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{json}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_too_old_is_renewed_once() {
    let Some((server, mut settings)) = own() else { return };
    settings.credential = refresh("refresh-token");
    let (backend, base) = account(&settings);
    backend.create_directory(&Call::new(), &base, Parents::Create).await.unwrap();
    emulate(&server, "expire", "{}").await;
    assert!(backend.stat(&Call::new(), &base).await.unwrap().is_some());
    settings.credential = token("expired-token");
    let (backend, _) = account(&settings);
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    settings.credential = refresh("guessed");
    let (backend, _) = account(&settings);
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(!error.to_string().contains("guessed") && !error.to_string().contains("app-secret"), "{error}");
    let (app_key, app_secret) = ("app-key".into(), Some(Secret::new("guessed")));
    settings.credential = Credential::Dropbox { app_key, app_secret, refresh_token: Secret::new("refresh-token") };
    let (backend, _) = account(&settings);
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.hint_text(), Some("app_key or app_secret is not what Dropbox knows"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_locked_is_waited_for() {
    let Some((server, settings)) = own() else { return };
    let (backend, base) = account(&settings);
    let backend = Retry::new(backend, RetrySettings::default());
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let locked = r#"{"endpoint": "files/upload", "times": 2, "status": 429, "retry_after": 0, "reason": "too_many_write_operations"}"#;
    emulate(&server, "fail", locked).await;
    let path = base.child("file").unwrap();
    let receipt = backend.put(&Call::new(), &path, &BytesSource::new("x"), &options).await.unwrap();
    assert_eq!(receipt.attempts.len(), 2);
    // It is stored, and the answer is lost.
    let lost = r#"{"endpoint": "files/upload", "times": 1, "status": 502, "after": true}"#;
    emulate(&server, "fail", lost).await;
    let path = base.child("other").unwrap();
    let receipt = backend.put(&Call::new(), &path, &BytesSource::new("y"), &options).await.unwrap();
    assert_eq!(receipt.proof, Proof::Checksum(Algorithm::Dropbox));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_case_is_not_replaced_unseen() {
    let Some((_server, settings)) = own() else { return };
    let (backend, base) = account(&settings);
    backend.create_directory(&Call::new(), &base, Parents::Create).await.unwrap();
    let unseen = PutOptions { seen_missing: true, ..Default::default() };
    let (lower, upper) = (base.child("a.dat").unwrap(), base.child("A.dat").unwrap());
    backend.put(&Call::new(), &lower, &BytesSource::new("lower"), &unseen).await.unwrap();
    let error = backend.put(&Call::new(), &upper, &BytesSource::new("upper"), &unseen).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    backend.rename(&Call::new(), &lower, &upper, law_storage::Destination::NoReplace).await.unwrap();
    let names = law_storage::list_all(&*backend, &Call::new(), &base).await.unwrap();
    assert_eq!((names.len(), &names[0].path), (1, &upper));
    let reading = backend.read(&Call::new(), &upper, &ReadOptions::whole()).await.unwrap();
    assert_eq!(reading.collect(100).await.unwrap(), "lower");
}
