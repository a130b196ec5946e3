//! The suite of the contract, by our own client through the server.

use std::sync::Arc;

use law_backends::webdav::WebDav;
use law_cli::serve::Server;
use law_storage::{Backend, EndpointSettings, Location, Overwrite, Path, RemoteUrl, Url, conformance};

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

#[tokio::test(flavor = "multi_thread")]
async fn over_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    suite(crate::over_directory(directory.path()).await).await;
}
