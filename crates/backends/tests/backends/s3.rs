//! S3, against a real service.

use std::sync::Arc;

use law_backends::s3::S3;
use law_storage::{
    Backend, BytesSource, Call, Credential, Door, Doors, DoorsSettings, EndpointSettings, ErrorKind, Existing, Parents,
    Path, Proof, PutOptions, ReadOptions, Retry, RetrySettings, Secret, conformance,
};

use crate::server::{fresh, remote, setting};

fn settings(endpoint: &str, key: &str, secret: &str) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    settings.endpoint = Some(endpoint.to_owned());
    settings.credential = Credential::AccessKey { id: key.into(), secret: Secret::new(secret), token: None };
    settings
}

/// Who may write.
fn writer() -> Option<EndpointSettings> {
    Some(settings(&setting("S3_ENDPOINT")?, &setting("S3_KEY")?, &setting("S3_SECRET")?))
}

/// A client of a bucket, and a fresh directory there.
fn bucket(url: &str, settings: &EndpointSettings) -> (Arc<dyn Backend>, Path) {
    (Arc::new(S3::new(&remote(url), settings).unwrap()), fresh(&Path::root()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_s3() {
    let Some(settings) = writer() else { return };
    let (backend, base) = bucket("s3://lab", &settings);
    let report = conformance::run_all(backend, base).await;
    println!("s3: {report}");
    report.assert_green(80);
}

/// MinIO's front on a tree of files.
fn juicefs() -> Option<EndpointSettings> {
    Some(settings(&setting("JUICEFS_S3")?, &setting("JUICEFS_KEY")?, &setting("JUICEFS_SECRET")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_juicefs() {
    let Some(settings) = juicefs() else { return };
    let (backend, base) = bucket("s3://lab", &settings);
    let report = conformance::run_all(backend, base).await;
    println!("s3 of juicefs: {report}");
    report.assert_green(80);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_s3() {
    let Some(settings) = writer() else { return };
    let (one, base) = bucket("s3://lab", &settings);
    let mut dead = settings.clone();
    dead.endpoint = Some("http://127.0.0.1:9".into());
    let (two, _) = bucket("s3://lab", &dead);
    let door = |backend| Door::new(Arc::new(Retry::new(backend, RetrySettings::default())));
    let doors = Doors::new(vec![door(one), door(two)], DoorsSettings::default());
    let report = conformance::run_all(Arc::new(doors), base).await;
    println!("doors of s3: {report}");
    report.assert_green(80);
}

async fn put(backend: &dyn Backend, path: &Path, content: Vec<u8>, options: &PutOptions) -> law_storage::Receipt {
    backend.put(&Call::new(), path, &BytesSource::new(content), options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_in_parts_that_prove_themselves() {
    let Some(settings) = writer() else { return };
    let (backend, base) = bucket("s3://lab", &settings);
    let path = base.child("large").unwrap();
    let content: Vec<u8> = (0..40u32 << 18).flat_map(u32::to_le_bytes).collect();
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let receipt = put(&*backend, &path, content.clone(), &options);
    let receipt = receipt.await;
    assert!(matches!(receipt.proof, Proof::Checksum(_)), "{receipt:?}");
    let reading = backend.read(&Call::new(), &path, &ReadOptions::whole()).await.unwrap();
    assert!(reading.collect(1 << 30).await.unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_must_not_replace_one_wins() {
    let Some(settings) = writer() else { return };
    let (backend, base) = bucket("s3://lab", &settings);
    // Both have looked, and seen nothing.
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
        // SeaweedFS lets two that end at the same moment both win, if they came in parts.
        assert!(won == 1 || (won > 1 && size > 1 << 20), "{won} of {size} bytes");
        let reading = backend.read(&Call::new(), &path, &ReadOptions::whole()).await.unwrap();
        let content = reading.collect(1 << 30).await.unwrap();
        assert!(content.len() == size && content.iter().all(|byte| *byte == content[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_why() {
    let Some(writer) = writer() else { return };
    let endpoint = writer.endpoint.clone().unwrap();
    let wrong = settings(&endpoint, "LAWTESTKEY", "guessed");
    let unknown = settings(&endpoint, "NOBODY", "guessed");
    let mut nobody = writer.clone();
    nobody.credential = Credential::None;
    for settings in [wrong, unknown, nobody.clone()] {
        let (backend, base) = bucket("s3://lab", &settings);
        let error = backend.list(&Call::new(), &base, &Default::default()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        assert!(error.hint_text().is_some() && !error.to_string().contains("guessed"), "{error}");
        // The answer to this has no words of its own.
        let error = backend.stat(&Call::new(), &base).await.unwrap_err();
        assert_eq!((error.kind(), error.hint_text().is_some()), (ErrorKind::Unauthenticated, true), "{error}");
    }
    let reader = settings(&endpoint, &setting("S3_READ_KEY").unwrap(), &setting("S3_READ_SECRET").unwrap());
    let (backend, base) = bucket("s3://lab", &reader);
    let options = PutOptions { seen_missing: true, ..Default::default() };
    let error = backend.put(&Call::new(), &base, &BytesSource::new("x"), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let (public, _) = bucket("s3://public", &nobody);
    let ready = Path::parse("ready").unwrap();
    let reading = public.read(&Call::new(), &ready, &ReadOptions::whole()).await.unwrap();
    assert_eq!(reading.collect(100).await.unwrap(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_named() {
    let Some(settings) = writer() else { return };
    let (backend, base) = bucket("s3://nowhere", &settings);
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.hint_text().unwrap().contains("no bucket nowhere"), "{error}");
    // The bucket itself is what is not there.
    assert_eq!(backend.stat(&Call::new(), &Path::root()).await.unwrap(), None);
    let error = backend.list(&Call::new(), &base, &Default::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.hint_text().unwrap().contains("no bucket nowhere"), "{error}");
}
