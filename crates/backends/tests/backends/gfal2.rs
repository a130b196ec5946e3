//! Legacy protocols of the grid, through the C library gfal2: a GridFTP server, XRootD by its own protocol, and the plugin that makes everything up.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use law_backends::gfal2::Gfal2;
use law_storage::{
    Algorithm, Backend, BytesSource, Call, Credential, EndpointSettings, ErrorKind, Parents, Path, Proof, PutOptions,
    ReadOptions, Status, conformance,
};

use crate::server::{OwnServer, fresh, remote};

/// A client of the endpoint; none where gfal2 or the plugin for it is missing, which fails where everything must be there.
async fn client(url: &str, settings: &EndpointSettings) -> Option<Arc<dyn Backend>> {
    let backend: Arc<dyn Backend> = Arc::new(Gfal2::new(&remote(url), settings).unwrap());
    match backend.probe(&Call::new()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}, and CI must not skip");
            println!("skipped: {error}");
            None
        }
        _ => Some(backend),
    }
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// Globus looks for authorities in the environment alone: the test runs once more, in a process of its own that has one.
fn again_with_authorities(test: &str, server: &OwnServer) {
    let keys = ["GRIDFTP", "GRIDFTP_DATA", "GRIDFTP_PROXY"];
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("X509_CERT_DIR", server.endpoint("CA_DIR"))
        .envs(keys.map(|key| (format!("LAW_TEST_OWN_{key}"), server.endpoint(key).to_owned())))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

/// What such a process finds: a client, and a fresh directory.
async fn gridftp(url: &str) -> Option<(Arc<dyn Backend>, Path)> {
    let own = |key: &str| std::env::var(format!("LAW_TEST_OWN_{key}")).unwrap();
    let mut settings = EndpointSettings::default();
    let proxy = own("GRIDFTP_PROXY");
    settings.credential = Credential::Certificate { chain: proxy.clone().into(), key: proxy.into() };
    let backend = client(url, &settings).await?;
    Some((backend, fresh(&path(&own("GRIDFTP_DATA")))))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_gridftp() {
    let Ok(url) = std::env::var("LAW_TEST_OWN_GRIDFTP") else {
        let Some(server) = OwnServer::start("gridftp") else { return };
        return again_with_authorities("gfal2::the_suite_on_gridftp", &server);
    };
    let Some((backend, base)) = gridftp(&url).await else { return };
    // Every connection takes its time.
    let report = conformance::run_at_once(backend, base, conformance::cases(), 4).await;
    println!("gsiftp: {report}");
    report.assert_green(90);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_certificate_is_told_so() {
    let Some(server) = OwnServer::start("gridftp") else { return };
    let mut settings = EndpointSettings::default();
    settings.credential = Credential::Certificate { chain: "/no/such/proxy".into(), key: "/no/such/proxy".into() };
    let Some(backend) = client(server.endpoint("GRIDFTP"), &settings).await else { return };
    let error = backend.stat(&Call::new(), &path("var")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_xrootd_by_its_own_protocol() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let Some(backend) = client(server.endpoint("XROOTD_ROOT"), &EndpointSettings::default()).await else { return };
    let report = conformance::run_all(backend, fresh(&Path::root())).await;
    println!("root: {report}");
    report.assert_green(90);
}

/// What the plugin makes up of the parameters of the URL.
async fn made_up(parameters: &str) -> Option<Arc<dyn Backend>> {
    client(&format!("mock://host/?{parameters}"), &EndpointSettings::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_exact_and_errors_have_their_kind() {
    let Some(backend) = made_up("size=10000000").await else { return };
    let file = path("file");
    let call = Call::new();
    assert_eq!(backend.stat(&call, &file).await.unwrap().unwrap().size, Some(10_000_000));
    let reading = backend.read(&call, &file, &ReadOptions::whole()).await.unwrap();
    assert_eq!(reading.collect(1 << 30).await.unwrap().len(), 10_000_000);
    assert_eq!(backend.read_into(&call, &file, 9_999_990, &mut [0; 100], None).await.unwrap(), 10);
    assert_eq!(backend.digest(&call, &file, &[Algorithm::Adler32]).await.unwrap(), None);
    let error = backend.put(&call, &file, &BytesSource::new("x"), &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    for (number, kind) in [(13, ErrorKind::PermissionDenied), (110, ErrorKind::Timeout), (5, ErrorKind::Unavailable)] {
        let parameters = format!("errno={number}");
        let error = made_up(&parameters).await.unwrap().stat(&call, &file).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains(&parameters), "{error}");
    }
    assert_eq!(made_up("errno=2").await.unwrap().stat(&call, &file).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_given_up() {
    let Some(_) = made_up("size=1").await else { return };
    let slow = remote("mock://host/?size=1&wait=30");
    let mut settings = EndpointSettings::default();
    let backend = Gfal2::new(&slow, &settings).unwrap();
    let began = Instant::now();
    let call = Call::new().within(Duration::from_millis(200));
    let error = backend.stat(&call, &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Status::Permanent), "{error}");
    let call = Call::new();
    let cancel = call.cancellation().clone();
    let asking = tokio::spawn(async move { backend.stat(&call, &path("file")).await });
    tokio::task::yield_now().await;
    cancel.cancel();
    assert_eq!(asking.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let times = &mut settings.timeouts;
    (times.connect, times.tls, times.first_byte) = (Duration::ZERO, Duration::ZERO, Duration::from_millis(200));
    let backend = Gfal2::new(&slow, &settings).unwrap();
    let error = backend.stat(&Call::new(), &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Status::Temporary), "{error}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_missing_library_is_told_with_what_to_install() {
    let told = [
        ("root://xrd.example//x", "gfal2-plugin-xrootd", Some("davs://xrd.example:1094/")),
        ("gsiftp://ftp.example/x", "gfal2-plugin-gridftp", Some("davs://ftp.example:2880/")),
        ("mock://host.example/x", "gfal2-plugin-mock", None),
    ];
    for (url, package, door) in told {
        let settings = EndpointSettings::default();
        let backend = Gfal2::with_library(&remote(url), &settings, "libno-such-gfal.so.2").unwrap();
        let error = backend.stat(&Call::new(), &path("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("needs gfal2, which is not installed"), "{error}");
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("libgfal2-2") && hint.contains(package), "{hint}");
        assert_eq!(hint.contains("davs://"), door.is_some(), "{hint}");
        assert!(door.is_none_or(|door| hint.contains(door)), "{hint}");
    }
}

#[tokio::test]
async fn credentials_go_where_they_have_a_place() {
    let mut settings = EndpointSettings::default();
    settings.credential = Credential::Bearer(law_storage::Secret::new("secret-token"));
    for url in ["gsiftp://h/x", "root://h//x", "srm://h/x", "dcap://h/x"] {
        let error = Gfal2::new(&remote(url), &settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
        assert!(!error.to_string().contains("secret-token"));
    }
    assert!(Gfal2::new(&remote("roots://h//x"), &settings).is_ok());
    settings.found = true;
    assert!(Gfal2::new(&remote("root://h//x"), &settings).is_ok(), "what was found is left out");
    let long = Gfal2::new(&remote("srm://h:8443/srm/managerv2?SFN=/x"), &EndpointSettings::default()).unwrap_err();
    assert_eq!(long.kind(), ErrorKind::InvalidInput);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_on_xrootd_is_compared_by_checksum() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let Some(backend) = client(server.endpoint("XROOTD_ROOT"), &EndpointSettings::default()).await else { return };
    let file = fresh(&Path::root()).child("large").unwrap();
    let content: Vec<u8> = (0..5u32 << 20).flat_map(u32::to_le_bytes).collect();
    let options = PutOptions { parents: Parents::Create, ..Default::default() };
    let receipt = backend.put(&Call::new(), &file, &BytesSource::new(content.clone()), &options).await.unwrap();
    assert_eq!(receipt.proof, Proof::Checksum(Algorithm::Adler32));
    let reading = backend.read(&Call::new(), &file, &ReadOptions::whole()).await.unwrap();
    assert!(reading.collect(1 << 30).await.unwrap() == content);
}
