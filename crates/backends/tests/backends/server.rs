//! Real servers, as `cargo xtask test` starts them and names them in the environment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use law_backends::webdav::WebDav;
use law_storage::{Backend, EndpointSettings, Location, Path, RemoteUrl, Url};

/// The value of `LAW_TEST_<key>`. Without it the test is skipped, and fails where everything must be there.
pub(crate) fn setting(key: &str) -> Option<String> {
    let name = format!("LAW_TEST_{key}");
    let value = std::env::var(&name).ok();
    if value.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is not set, and CI must not skip");
        println!("skipped: {name} is not set (export $(cargo xtask servers up))");
    }
    value
}

/// A URL in its parts.
pub(crate) fn remote(url: &str) -> RemoteUrl {
    match Url::parse(url).unwrap().location() {
        Location::Remote(remote) => remote.clone(),
        other => panic!("{other} is not remote"),
    }
}

/// A client of `url`, and a fresh directory there.
pub(crate) fn webdav(url: &str, settings: &EndpointSettings) -> (Arc<dyn Backend>, Path) {
    let remote = remote(url);
    let backend = WebDav::new(&remote, settings).unwrap();
    (Arc::new(backend), fresh(remote.path()))
}

/// A name below `base` that no other test and no earlier run has.
pub(crate) fn fresh(base: &Path) -> Path {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    base.child(format!("law-{}-{}-{number}", std::process::id(), now.as_nanos())).unwrap()
}
