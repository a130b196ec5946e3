//! WebDAV, against the real servers of this field.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use law_backends::local::Local;
use law_cache::{Cache, Limits, Policy, Store};
use law_storage::{
    Algorithm, Backend, ByteStream, BytesSource, Call, Door, Doors, DoorsSettings, Durability, EndpointSettings,
    ErrorKind, Hasher, LocalFile, Mirrored, Parents, Path, Proof, Publish, PutOptions, ReadOptions, Result, Retry,
    RetrySettings, Source, Support, Taken, Validator, Verify, conformance, list_all,
};

use crate::server::{OwnServer, setting, webdav};

/// Runs the suite and shows what it says; at least `passed` cases must have run.
async fn suite(key: &str, below: &str, passed: usize) {
    let Some(url) = setting(key) else { return };
    let (backend, base) = webdav(&format!("{url}{below}"), &EndpointSettings::default());
    let report = conformance::run_all(backend, base).await;
    println!("{key}: {report}");
    report.assert_green(passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (backend, base) = webdav(server.endpoint("XROOTD_HTTP"), &impatient(15));
    let report = conformance::run_all(backend, base).await;
    println!("xrootd: {report}");
    report.assert_green(100);
}

/// XRootD 5.5.3 now and then closes a connection twice, and with it somebody else's; its next answer then never comes.
/// So it has a server of its own here, is not waited for long, and nextest gives it another try.
fn impatient(seconds: u64) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    settings.timeouts.first_byte = Duration::from_secs(seconds);
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_apache() {
    suite("APACHE_HTTP", "/open", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_nginx() {
    suite("NGINX_HTTP", "/open", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_rclone() {
    let Some(url) = setting("RCLONE_HTTP") else { return };
    let url = url.replace("http://", "http://alice:secret@");
    let (backend, base) = webdav(&url, &EndpointSettings::default());
    let report = conformance::run_all(backend, base).await;
    println!("rclone: {report}");
    report.assert_green(100);
}

/// The data of Apache, which this machine sees as well.
fn mounted() -> Option<(Arc<dyn Backend>, Path, std::path::PathBuf)> {
    let (url, data) = (setting("APACHE_HTTP")?, setting("APACHE_DATA")?);
    let (backend, base) = webdav(&format!("{url}/open"), &EndpointSettings::default());
    let disk = std::path::PathBuf::from(data);
    let mount = Arc::new(Local::new(disk.clone(), Durability::None));
    Some((Arc::new(Mirrored::new(backend, mount, Path::root())), base, disk))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_a_storage_that_is_mounted() {
    let Some((backend, base, _)) = mounted() else { return };
    let report = conformance::run_all(backend, base).await;
    println!("mounted: {report}");
    report.assert_green(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_gives_files_and_the_storage_what_it_lacks() {
    let Some((backend, base, disk)) = mounted() else { return };
    let (call, path) = (Call::new(), base.child("file").unwrap());
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    backend.put(&call, &path, &BytesSource::new("both"), &options).await.unwrap();
    let local = backend.local_file(&call, &path, None).await.unwrap().unwrap();
    assert_eq!(local.path(), disk.join(path.to_str().unwrap()));
    // A mount that has nothing of it.
    let (url, empty) = (setting("APACHE_HTTP").unwrap(), tempfile::tempdir().unwrap());
    let (webdav, _) = webdav(&format!("{url}/open"), &EndpointSettings::default());
    let mount = Arc::new(Local::new(empty.path().into(), Durability::None));
    let lacking = Mirrored::new(webdav, mount, Path::root());
    assert_eq!(lacking.local_file(&call, &path, None).await.unwrap().map(|_| ()), None);
    let reading = lacking.read(&call, &path, &ReadOptions::whole()).await.unwrap();
    assert_eq!(reading.collect(100).await.unwrap(), "both");
    // One that shows another version: who knows the storage's gets it.
    std::fs::create_dir_all(empty.path().join(base.to_str().unwrap())).unwrap();
    std::fs::write(empty.path().join(path.to_str().unwrap()), "an old one").unwrap();
    let unpinned = lacking.read(&call, &path, &ReadOptions::whole()).await.unwrap();
    assert_eq!(unpinned.collect(100).await.unwrap(), "both");
    assert_eq!(lacking.local_file(&call, &path, None).await.unwrap().map(|_| ()), None, "an old one");
    assert_eq!(lacking.stat(&call, &path).await.unwrap().unwrap().size, Some(4));
    let now = backend.digest(&call, &path, &[]).await.unwrap();
    assert_eq!(now, None, "Apache has none");
    let pinned = Validator::weak(Some(4), None);
    let reading = lacking.read(&call, &path, &ReadOptions::whole().pinned(pinned)).await.unwrap();
    assert_eq!(reading.collect(100).await.unwrap(), "both");
}

async fn suite_through_doors(url: &str, settings: &EndpointSettings) -> conformance::Report {
    let (doors, base) = doors(url, settings);
    conformance::run_all(Arc::new(doors), base).await
}

/// `Cache(Doors(Retry(WebDav), ...))`, as `law_target` stacks it.
async fn suite_through_a_cache(url: &str, settings: &EndpointSettings) -> conformance::Report {
    let (directory, (doors, base)) = (tempfile::tempdir().unwrap(), doors(url, settings));
    let store = Store::open(directory.path(), Limits { all: 1 << 30, ..Limits::default() }).unwrap();
    let cache = Cache::new(Arc::new(doors), "lab", Vec::new(), Arc::new(store), Policy::Strict, 64 << 10);
    conformance::run_all(Arc::new(cache), base).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_a_cache_over_doors_of_apache() {
    let Some(url) = setting("APACHE_HTTP") else { return };
    let report = suite_through_a_cache(&format!("{url}/open"), &EndpointSettings::default()).await;
    println!("{report}");
    report.assert_green(100);
}

/// Three doors, of which one is dead and two are the same server by two names.
fn doors(url: &str, settings: &EndpointSettings) -> (Doors, Path) {
    let urls = [url.to_owned(), url.replace("127.0.0.1", "localhost"), "http://127.0.0.1:9".to_owned()];
    let mut base = Path::root();
    let mut door = |url: &String| {
        let (backend, path) = webdav(url, settings);
        base = path;
        Door::new(Arc::new(Retry::new(backend, RetrySettings::default())))
    };
    (Doors::new(urls.iter().map(&mut door).collect(), DoorsSettings::default()), base)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_apache() {
    let Some(url) = setting("APACHE_HTTP") else { return };
    let report = suite_through_doors(&format!("{url}/open"), &EndpointSettings::default()).await;
    println!("doors of apache: {report}");
    report.assert_green(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_doors_of_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let report = suite_through_doors(server.endpoint("XROOTD_HTTP"), &impatient(15)).await;
    println!("doors of xrootd: {report}");
    report.assert_green(100);
}

/// What depends on which data server chance has put a name: a rename over a file of another one, and of a directory that
/// several have, is `Unsupported`; two who make the same new name at once may both win, on different servers; of a
/// directory that several have, the empty copy is removed, and the one with entries stays.
const BY_PLACEMENT: [&str; 7] = [
    "removal::a_directory_with_entries_stays",
    "rename::a_file_is_replaced",
    "rename::a_directory_with_all_that_is_in_it",
    "rename::names_that_begin_alike",
    "names::directories_with_odd_names",
    "publication::writers_that_must_not_replace",
    "publication::renames_that_must_not_replace",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_an_xrootd_redirector() {
    let Some(server) = OwnServer::start("xrootd-cluster") else { return };
    let (backend, base) = webdav(server.endpoint("CLUSTER_HTTP"), &impatient(30));
    let by_placement = |case: &conformance::Case| BY_PLACEMENT.contains(&case.name());
    let cases = conformance::cases().into_iter().filter(|case| !by_placement(case)).collect();
    // It takes a second to say that it does not know a name.
    let report = conformance::run_at_once(backend, base, cases, 32).await;
    println!("redirector: {report}");
    report.assert_green(60);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_content_is_never_read_after_an_overwrite_through_a_redirector() {
    let Some(url) = setting("CLUSTER_HTTP") else { return };
    let (backend, base) = webdav(&url, &EndpointSettings::default());
    let (backend, base) = (&*backend, &base);
    let files = stream::iter(0..50u32).map(|file| overwritten(backend, base, file)).buffer_unordered(16);
    let old: Vec<usize> = files.collect().await;
    assert_eq!(old, [0; 50], "reads of old content, of 20 for each file");
}

/// Writes a file twice and reads it twenty times; how many of these were of the old content.
async fn overwritten(backend: &dyn Backend, base: &Path, file: u32) -> usize {
    let (call, path) = (Call::new(), base.child(format!("file{file}")).unwrap());
    for version in [1u8, 2] {
        let source = BytesSource::new(vec![version; 1000 + file as usize * usize::from(version)]);
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        backend.put(&call, &path, &source, &options).await.unwrap();
    }
    let mut old = 0;
    for _ in 0..20 {
        let reading = backend.read(&call, &path, &ReadOptions::whole()).await.unwrap();
        let bytes = reading.collect(1 << 20).await.unwrap();
        old += usize::from(bytes.iter().any(|byte| *byte != 2));
    }
    old
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirector_lists_nothing_rather_than_a_part() {
    let Some(url) = setting("CLUSTER_HTTP") else { return };
    let (backend, base) = webdav(&url, &EndpointSettings::default());
    backend.create_directory(&Call::new(), &base, Parents::Create).await.unwrap();
    let Err(error) = backend.list(&Call::new(), &base, &Default::default()).await else { panic!("it lists") };
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("partial listing"));
    assert_eq!(backend.capabilities().list, Support::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_questions_for_checksums_than_xrootd_answers_at_once() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let (backend, base) = webdav(url, &EndpointSettings::default());
    let (backend, base) = (&*backend, &base);
    let content = vec![7u8; 8 << 20];
    let options = PutOptions { parents: Parents::Create, verify: Verify::Size, ..PutOptions::default() };
    for file in 0..12 {
        let path = base.child(format!("file{file}")).unwrap();
        backend.put(&Call::new(), &path, &BytesSource::new(content.clone()), &options).await.unwrap();
    }
    let ask = |file| async move {
        let path = base.child(format!("file{file}")).unwrap();
        backend.digest(&Call::new(), &path, &[Algorithm::Md5]).await.unwrap()
    };
    let digests: Vec<_> = stream::iter(0..12).map(ask).buffer_unordered(12).collect().await;
    let mut hasher = Hasher::new([Algorithm::Md5]);
    hasher.update(&content);
    assert_eq!(digests, vec![hasher.finish().pop(); 12]);
}

#[tokio::test]
async fn a_stopped_server_is_an_error_and_never_a_missing_file() {
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (backend, _) = webdav(&format!("http://127.0.0.1:{port}/"), &EndpointSettings::default());
    let error = backend.stat(&Call::new(), &Path::parse("x").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_wrong_authority_is_refused_with_the_reason() {
    let (Some(url), Some(right), Some(wrong)) = (setting("XROOTD_HTTPS"), setting("CA"), setting("WRONG_CA")) else {
        return;
    };
    let mut settings = EndpointSettings::default();
    settings.ca = Some(wrong.into());
    let (backend, base) = webdav(&url, &settings);
    let error = backend.stat(&Call::new(), &base).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("not trusted"), "{error}");
    settings.ca = Some(right.into());
    let (backend, base) = webdav(&url, &settings);
    assert_eq!(backend.stat(&Call::new(), &base).await.unwrap(), None);
}

#[tokio::test]
async fn no_permission_is_said_and_nothing_else() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, denied) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_DENIED"));
    let (backend, _) = webdav(url, &EndpointSettings::default());
    let path = Path::parse(denied).unwrap().child("x").unwrap();
    let error = backend.put(&Call::new(), &path, &BytesSource::new("x"), &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn a_name_with_a_question_mark_is_refused_before_xrootd_cuts_it() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let (backend, base) = webdav(url, &EndpointSettings::default());
    let path = base.child("what?").unwrap();
    let error = backend.put(&Call::new(), &path, &BytesSource::new("x"), &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains('?'), "{error}");
}

#[tokio::test]
async fn a_password_never_travels_in_the_clear_to_another_machine() {
    let url = crate::server::remote("http://alice:hunter2@storage.example/");
    let error = law_backends::webdav::WebDav::new(&url, &EndpointSettings::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn publication_can_be_configured() {
    let Some(url) = setting("NGINX_HTTP") else { return };
    let mut settings = EndpointSettings::default();
    settings.publish = Some(Publish::Rename);
    let (backend, base) = webdav(&format!("{url}/open"), &settings);
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    let path = base.child("file").unwrap();
    let receipt = backend.put(&Call::new(), &path, &BytesSource::new("x"), &options).await.unwrap();
    assert_eq!(receipt.publish, Publish::Rename);
}

/// Whoever made it: what is listed can be read. A new one is refused, as not every server of that kind keeps its bytes.
#[tokio::test]
async fn a_name_that_is_not_utf8_can_be_read_where_it_is() {
    use std::os::unix::ffi::OsStrExt as _;
    for name in ["APACHE", "NGINX"] {
        let (Some(url), Some(data)) = (setting(&format!("{name}_HTTP")), setting(&format!("{name}_DATA"))) else {
            return;
        };
        let (backend, base) = webdav(&url, &EndpointSettings::default());
        let (call, odd) = (Call::new(), base.child(b"\xff").unwrap());
        let directory = std::path::Path::new(&data).join(base.to_string());
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(std::ffi::OsStr::from_bytes(b"\xff")), "odd").unwrap();
        let listed = list_all(&*backend, &call, &base).await.unwrap();
        assert_eq!(listed.iter().map(|entry| &entry.path).collect::<Vec<_>>(), [&odd], "{name}");
        let content = backend.read(&call, &odd, &ReadOptions::whole()).await.unwrap().collect(10).await.unwrap();
        assert_eq!(&content[..], b"odd");
        let new = base.child(b"\xfe").unwrap();
        let refused = backend.put(&call, &new, &BytesSource::new("x"), &PutOptions::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
        std::fs::remove_dir_all(directory).unwrap();
    }
}

/// A file of the server that it is copied to.
#[derive(Debug)]
struct Again(Arc<dyn Backend>, Path);

#[async_trait::async_trait]
impl Source for Again {
    fn describe(&self) -> String {
        self.1.to_string()
    }

    fn size(&self) -> Option<u64> {
        Some(5)
    }

    async fn open(&self, call: &Call, _offset: u64) -> Result<ByteStream> {
        Ok(self.0.read(call, &self.1, &ReadOptions::whole()).await?.stream)
    }

    fn wanted(&self) -> Vec<Algorithm> {
        Vec::new()
    }

    async fn prove(&self, _call: &Call, _taken: &Taken) -> Result<Proof> {
        Ok(Proof::Size)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}

#[tokio::test]
async fn reads_and_writes_of_one_endpoint_do_not_wait_for_each_other() {
    let Some(url) = setting("APACHE_HTTP") else { return };
    let mut settings = EndpointSettings::default();
    settings.concurrency = 1;
    let (backend, base) = webdav(&format!("{url}/open"), &settings);
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    let (from, call) = (base.child("from").unwrap(), Call::new().within(Duration::from_secs(30)));
    backend.put(&call, &from, &BytesSource::new("bytes"), &options).await.unwrap();
    let source = Again(backend.clone(), from);
    let copy = |number: u32| {
        let (to, backend, source, options, call) =
            (base.child(format!("to{number}")).unwrap(), &backend, &source, &options, &call);
        async move { backend.put(call, &to, source, options).await.map(|receipt| receipt.size) }
    };
    let sizes: Vec<_> = stream::iter(0..4).map(copy).buffer_unordered(4).collect().await;
    assert!(sizes.iter().all(|size| matches!(size, Ok(5))), "{sizes:?}");
}
