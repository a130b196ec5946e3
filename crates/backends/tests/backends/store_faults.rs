//! The matrix of faults for S3 and Dropbox: what goes wrong on the way, at each operation, once and always.
//!
//! The property: `Ok` if and only if what was asked for has happened, byte for byte. Else the old content is there, unless the
//! error says that nobody knows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use law_backends::dropbox::Dropbox;
use law_backends::s3::S3;
use law_faults::{FaultProxy, Script};
use law_storage::{
    Backend, BytesSource, Call, Credential, Destination, EndpointSettings, Error, Hasher, Outcome, Parents, Path,
    PutOptions, ReadOptions, Result, Retry, RetrySettings, Secret, cleanup, list_all,
};

use crate::server::{OwnServer, fresh, remote, setting};

const OLD: &str = "old content\n";
/// Larger than what is sent in one request.
const LARGE: usize = (16 << 20) + 300_000;
const SMALL: usize = 300_000;
/// Cells that run at once: most of them wait.
const AT_ONCE: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Put,
    PutLarge,
    Get,
    List,
    Remove,
    Copy,
}

impl Action {
    const ALL: [Self; 6] = [Self::Put, Self::PutLarge, Self::Get, Self::List, Self::Remove, Self::Copy];
}

/// A storage, and the words of the proxy for what each action sends.
struct Store {
    name: &'static str,
    address: SocketAddr,
    open: fn(&str) -> Arc<dyn Backend>,
    words: fn(Action) -> &'static str,
}

/// What the proxy does to every answer or request of a kind.
const FAULTS: [&str; 15] = [
    "status 503 retry-after 0",
    "status 429 retry-after 0",
    "status 500",
    "status 403",
    "html",
    "close-before-response",
    "stall-head",
    "reset at 0",
    "garbage",
    "truncate at 100",
    "flip at 150",
    "stall at 100",
    "flip-upload at 1000",
    "reset-upload at 1000",
    "stall-upload at 1000",
];

/// Those of which another attempt can know better.
fn passes(fault: &str) -> bool {
    let final_ones = ["status 403", "status 500", "html", "garbage", "flip"];
    !final_ones.iter().any(|word| fault.starts_with(word)) || fault.starts_with("flip-upload")
}

struct Cell<'a> {
    store: &'a Store,
    action: Action,
    fault: &'static str,
    once: bool,
}

impl Cell<'_> {
    fn script(&self) -> Script {
        let end = if self.once { " once" } else { "" };
        format!("{} {}{end}", (self.store.words)(self.action), self.fault).parse().unwrap()
    }

    fn shown(&self) -> String {
        format!("{} {:?}: {}{}", self.store.name, self.action, self.fault, if self.once { ", once" } else { "" })
    }

    /// What is wrong; none if all is well.
    async fn run(&self) -> Option<String> {
        let direct = (self.store.open)(&format!("http://{}", self.store.address));
        let place = fresh(&Path::root());
        let (old, file) = (place.child("old").unwrap(), place.child("file").unwrap());
        let options = PutOptions { parents: Parents::Create, ..Default::default() };
        direct.create_directory(&Call::new(), &place, Parents::Create).await.unwrap();
        direct.put(&Call::new(), &old, &BytesSource::new(OLD), &options).await.unwrap();
        direct.put(&Call::new(), &file, &BytesSource::new(content(SMALL)), &options).await.unwrap();
        let proxy = FaultProxy::start_blocking(self.store.address, self.script()).unwrap();
        let retry = RetrySettings { retries: 3, deadline: Duration::from_secs(20) };
        let backend = Retry::new((self.store.open)(proxy.url().trim_end_matches('/')), retry);
        let result = self.act(&backend, (&place, &old, &file)).await;
        cleanup::finish().await;
        self.judge(&*direct, (&place, &old, &file), result).await
    }

    async fn act(&self, backend: &dyn Backend, (place, old, file): (&Path, &Path, &Path)) -> Result<()> {
        let (call, options) = (Call::new(), PutOptions::default());
        match self.action {
            Action::Put => backend.put(&call, old, &BytesSource::new(content(SMALL)), &options).await.map(drop),
            Action::PutLarge => backend.put(&call, old, &BytesSource::new(content(LARGE)), &options).await.map(drop),
            Action::Get => {
                let reading = backend.read(&call, file, &ReadOptions::whole()).await?;
                let digests = reading.digests.clone();
                let bytes = reading.collect(1 << 30).await?;
                let mut hasher = Hasher::new(digests.iter().map(|digest| digest.algorithm()));
                hasher.update(&bytes);
                // As whoever copies does.
                if hasher.finish() != digests {
                    return Err(Error::new(law_storage::ErrorKind::Integrity, "another checksum"));
                }
                match bytes == content(SMALL) {
                    true => Ok(()),
                    // Found by the judge.
                    false => Err(Error::new(law_storage::ErrorKind::Internal, "other bytes, and nobody noticed")),
                }
            }
            Action::List => {
                let names = list_all(backend, &call, place).await?;
                match names.len() {
                    2 => Ok(()),
                    _ => Err(Error::new(law_storage::ErrorKind::Internal, "another listing, and nobody noticed")),
                }
            }
            Action::Remove => backend.remove_file(&call, old).await,
            Action::Copy => backend.copy(&call, file, old, Destination::Replace).await,
        }
    }

    async fn judge(
        &self,
        direct: &dyn Backend,
        (place, old, file): (&Path, &Path, &Path),
        result: Result<()>,
    ) -> Option<String> {
        let now = match direct.read(&Call::new(), old, &ReadOptions::whole()).await {
            Ok(reading) => Some(reading.collect(1 << 30).await.unwrap()),
            Err(_) => None,
        };
        let (before, after) = (
            Some(OLD.into()),
            match self.action {
                Action::Put | Action::Copy => Some(content(SMALL).into()),
                Action::PutLarge => Some(content(LARGE).into()),
                Action::Remove => None,
                Action::Get | Action::List => Some(OLD.into()),
            },
        );
        let whole =
            direct.read(&Call::new(), file, &ReadOptions::whole()).await.unwrap().collect(1 << 30).await.unwrap();
        let names: Vec<String> =
            list_all(direct, &Call::new(), place).await.unwrap().iter().map(|entry| entry.path.to_string()).collect();
        let others = names.iter().filter(|name| !name.ends_with("/old") && !name.ends_with("/file")).count();
        let unsure = |error: &Error| error.outcome().is_unknown() || error.to_string().contains(Outcome::UNSURE);
        let wrong = match &result {
            Err(error) if error.to_string().contains("nobody noticed") => error.to_string(),
            _ if whole != content(SMALL) => "a file that nobody asked for has changed".to_owned(),
            Ok(()) if now != after => "it says that it is done, and it is not".to_owned(),
            Ok(()) if others > 0 => format!("something is left: {names:?}"),
            Err(error) if now != before && !(unsure(error) && now == after) => {
                format!("it failed, and the old content is not there: {error}")
            }
            Err(error) if others > 0 && error.left_behind().is_none() => {
                format!("unnamed, {names:?} are left: {error}")
            }
            Err(error) if self.once && passes(self.fault) => format!("another attempt would have helped: {error}"),
            _ => return None,
        };
        Some(format!("{}: {wrong}", self.shown()))
    }
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 7 + at / 256) as u8).collect()
}

fn impatient(endpoint: &str, credential: Credential) -> EndpointSettings {
    let mut settings = EndpointSettings::default();
    settings.endpoint = Some(endpoint.to_owned());
    settings.credential = credential;
    settings.timeouts.first_byte = Duration::from_millis(1500);
    settings.timeouts.stall = Duration::from_millis(1500);
    settings
}

async fn hold(store: &Store) {
    let once = [true, false];
    let cells = Action::ALL.into_iter().flat_map(|action| FAULTS.map(|fault| (action, fault)));
    let cells: Vec<Cell<'_>> = cells
        .filter(|(action, fault)| !fault.contains("-upload") || matches!(action, Action::Put | Action::PutLarge))
        .flat_map(|(action, fault)| once.map(|once| Cell { store, action, fault, once }))
        .collect();
    let wrong: Vec<String> =
        stream::iter(&cells).map(Cell::run).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
    println!("{}: {} cells, {} that are not as they should be", store.name, cells.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn address_of(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promise_holds_for_s3_in_every_cell() {
    let Some(endpoint) = setting("S3_ENDPOINT") else { return };
    let open = |endpoint: &str| -> Arc<dyn Backend> {
        let (id, secret) = (setting("S3_KEY").unwrap(), Secret::new(setting("S3_SECRET").unwrap()));
        let settings = impatient(endpoint, Credential::AccessKey { id, secret, token: None });
        Arc::new(S3::new(&remote("s3://lab"), &settings).unwrap())
    };
    let words = |action| match action {
        Action::Put | Action::PutLarge | Action::Copy => "PUT",
        Action::Get | Action::List => "GET",
        Action::Remove => "DELETE",
    };
    hold(&Store { name: "s3", address: address_of(&endpoint), open, words }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promise_holds_for_dropbox_in_every_cell() {
    let Some(server) = OwnServer::start("dropbox") else { return };
    let open = |endpoint: &str| -> Arc<dyn Backend> {
        let settings = impatient(endpoint, Credential::Bearer(Secret::new("access-token")));
        Arc::new(Dropbox::new(&remote("dropbox:///"), &settings).unwrap())
    };
    let words = |action| match action {
        Action::Put => "POST /2/files/upload",
        Action::PutLarge => "POST /2/files/upload_session",
        Action::Copy => "POST /2/files/copy_v2",
        Action::Get => "POST /2/files/download",
        Action::List => "POST /2/files/list_folder",
        Action::Remove => "POST /2/files/delete_v2",
    };
    hold(&Store { name: "dropbox", address: address_of(server.endpoint("DROPBOX_HTTP")), open, words }).await;
}
