//! The suite of the contract, by our own client through the server.

use std::sync::Arc;

use law_backends::webdav::WebDav;
use law_cache::{Cache, Limits, Policy, Store};
use law_cli::serve::Server;
use law_storage::{
    Backend, EndpointSettings, Location, Overwrite, Path, RemoteUrl, Retry, RetrySettings, Url, conformance,
};

fn remote(server: &Server) -> RemoteUrl {
    match Url::parse(server.url()).unwrap().location() {
        Location::Remote(remote) => remote.clone(),
        other => panic!("{other} is not remote"),
    }
}

async fn suite(server: Server) {
    let client: Arc<dyn Backend> = Arc::new(WebDav::new(&remote(&server), &EndpointSettings::default()).unwrap());
    let report = conformance::run_all(client.clone(), Path::parse("suite").unwrap()).await;
    println!("{report}");
    report.assert_green(100);
    assert_eq!(client.capabilities().overwrite, Overwrite::Atomic);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_memory() {
    suite(crate::over_memory().await.0).await;
}

/// `Cache(Retry(WebDav))`, as `law_target` stacks it over one door.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_cache() {
    let (directory, server) = (tempfile::tempdir().unwrap(), crate::over_memory().await.0);
    let client = Arc::new(WebDav::new(&remote(&server), &EndpointSettings::default()).unwrap());
    let store = Store::open(directory.path(), Limits { all: 1 << 30, ..Limits::default() }).unwrap();
    let retry = Arc::new(Retry::new(client, RetrySettings::default()));
    let cache = Cache::new(retry, "lab", Vec::new(), Arc::new(store), Policy::Strict, 64 << 10);
    let report = conformance::run_all(Arc::new(cache), Path::parse("suite").unwrap()).await;
    println!("{report}");
    report.assert_green(100);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    suite(crate::over_directory(directory.path()).await).await;
}
