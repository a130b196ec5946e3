//! PROPFIND, PROPPATCH, MKCOL and DELETE: the crate `dav-server` over a storage.
//!
//! That crate knows ten errors and forgets those of a listing. What the storage said is therefore kept beside it: it
//! becomes the status of the answer, or cuts off a listing that would be short.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use dav_server::DavHandler;
use dav_server::davpath::DavPath;
use dav_server::fs::{
    DavDirEntry, DavFile, DavFileSystem, DavMetaData, FsError, FsFuture, FsResult, FsStream, OpenOptions, ReadDirMeta,
};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use law_storage::{Call, Entry, Error, ErrorKind, Kind, ListOptions, Metadata, Parents, Path, Result};
use law_transfer::Place;

use super::answer::{Answer, Refusal, streamed, text};
use super::conditions;
use super::service::{Asked, Service};

/// RFC 4918 section 9.1: what a server says that lists one level only.
const FINITE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>";

/// Hands a request over to the crate.
///
/// # Errors
/// Those of RFC 4918, and the storage's.
pub(super) async fn answer(
    service: &Service,
    mut asked: Asked,
    body: &mut Option<Incoming>,
) -> Result<Answer, Refusal> {
    let listing = asked.parts.method.as_str() == "PROPFIND";
    if listing && !is_finite(&asked) {
        return Ok(infinite());
    }
    if !listing {
        check_change(service, &mut asked).await?;
    }
    let Some(body) = body.take() else { return Err(Refusal::new(StatusCode::BAD_REQUEST, "no body")) };
    let trouble = Trouble::default();
    let tree = Tree { top: service.place(&Path::root()), call: asked.call, trouble: trouble.clone() };
    // Links are listed as what they lead to.
    let crates = DavHandler::builder().filesystem(Box::new(tree)).hide_symlinks(false).build_handler();
    let answer = crates.handle(Request::from_parts(asked.parts, body)).await;
    match trouble.take().filter(|_| answer.status().is_server_error()) {
        Some(error) => Err(error.into()),
        None => Ok(guarded(answer, if listing { trouble } else { Trouble::default() })),
    }
}

fn is_finite(asked: &Asked) -> bool {
    // Without the header, the whole tree is meant.
    asked.parts.headers.get("depth").is_some_and(|depth| matches!(depth.as_bytes(), b"0" | b"1"))
}

fn infinite() -> Answer {
    let mut answer = Response::new(text(FINITE));
    *answer.status_mut() = StatusCode::FORBIDDEN;
    let xml = HeaderValue::from_static("application/xml; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, xml);
    answer
}

/// Looks at the conditions, which the crate would compare with entity tags of its own making.
async fn check_change(service: &Service, asked: &mut Asked) -> Result<(), Refusal> {
    if asked.path.is_root() && asked.parts.method == http::Method::DELETE {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "all that is served cannot be removed at once"));
    }
    service.current(asked).await?;
    for condition in conditions::HEADERS {
        asked.parts.headers.remove(condition);
    }
    Ok(())
}

/// The crate's answer with a body that breaks off if there was trouble while it was made.
fn guarded(answer: Response<dav_server::body::Body>, trouble: Trouble) -> Answer {
    let (parts, body) = answer.into_parts();
    let end = stream::once(async move { trouble.take().map_or(Ok(Bytes::new()), Err) });
    Response::from_parts(parts, streamed(body.map_err(Error::from).chain(end).boxed()))
}

/// The first thing that the storage said and the crate has no word for.
#[derive(Debug, Clone, Default)]
struct Trouble(Arc<Mutex<Option<Error>>>);

impl Trouble {
    fn take(&self) -> Option<Error> {
        // An error that is stored or taken is whole, whoever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The crate's word for an error, where it has one; 500 for the rest, which is kept.
    fn word(&self, error: Error) -> FsError {
        match error.kind() {
            ErrorKind::NotFound => FsError::NotFound,
            ErrorKind::AlreadyExists | ErrorKind::NotEmpty => FsError::Exists,
            _ => {
                let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                FsError::GeneralFailure
            }
        }
    }
}

/// The storage as that crate sees it, for one request.
#[derive(Debug, Clone)]
struct Tree {
    top: Place,
    call: Call,
    trouble: Trouble,
}

impl Tree {
    fn resolve(&self, path: &DavPath) -> FsResult<Path> {
        let below = Path::parse(path.as_bytes()).map_err(|error| self.trouble.word(error.into()))?;
        Ok(self.top.join(&below).resolved())
    }

    fn found(&self, looked: Result<Option<Metadata>>) -> FsResult<Box<dyn DavMetaData>> {
        let metadata = looked.map_err(|error| self.trouble.word(error))?.ok_or(FsError::NotFound)?;
        Ok(Box::new(Described(metadata)))
    }

    async fn list(&self, path: Path, follow: bool) -> Result<FsStream<Box<dyn DavDirEntry>>> {
        let pages = self.top.backend().list(&self.call, &path, &ListOptions::default()).await?;
        let (tree, trouble) = (self.clone(), self.trouble.clone());
        let entries = pages.map_ok(|page| stream::iter(page.entries.into_iter().map(Ok))).try_flatten();
        let named = entries.map_ok(move |entry| {
            let listed: Box<dyn DavDirEntry> = Box::new(Listed { entry, tree: tree.clone(), follow });
            listed
        });
        Ok(named.map_err(move |error| trouble.word(error)).boxed())
    }
}

impl DavFileSystem for Tree {
    /// GET and PUT do not come here.
    fn open<'a>(&'a self, _path: &'a DavPath, _options: OpenOptions) -> FsFuture<'a, Box<dyn DavFile>> {
        async { Err(FsError::NotImplemented) }.boxed()
    }

    fn read_dir<'a>(&'a self, path: &'a DavPath, meta: ReadDirMeta) -> FsFuture<'a, FsStream<Box<dyn DavDirEntry>>> {
        let follow = meta == ReadDirMeta::Data;
        async move { self.list(self.resolve(path)?, follow).await.map_err(|e| self.trouble.word(e)) }.boxed()
    }

    fn metadata<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, Box<dyn DavMetaData>> {
        async move { self.found(self.top.backend().stat(&self.call, &self.resolve(path)?).await) }.boxed()
    }

    fn symlink_metadata<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, Box<dyn DavMetaData>> {
        async move { self.found(self.top.backend().lstat(&self.call, &self.resolve(path)?).await) }.boxed()
    }

    fn create_dir<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        async move {
            // For a storage it is fine that the directory exists, for MKCOL it is not.
            match self.symlink_metadata(path).await {
                Err(FsError::NotFound) => {}
                other => return other.and(Err(FsError::Exists)),
            }
            let path = self.resolve(path)?;
            match self.top.backend().create_directory(&self.call, &path, Parents::Require).await {
                // 409, as if it were missing (RFC 4918 section 9.3.1).
                Err(error) if error.kind() == ErrorKind::NotADirectory => Err(FsError::NotFound),
                other => other.map_err(|error| self.trouble.word(error)),
            }
        }
        .boxed()
    }

    fn remove_dir<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        async move {
            let removed = self.top.backend().remove_directory(&self.call, &self.resolve(path)?).await;
            removed.map_err(|error| self.trouble.word(error))
        }
        .boxed()
    }

    fn remove_file<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        async move {
            let removed = self.top.backend().remove_file(&self.call, &self.resolve(path)?).await;
            removed.map_err(|error| self.trouble.word(error))
        }
        .boxed()
    }
}

/// An entry of a listing.
struct Listed {
    entry: Entry,
    tree: Tree,
    follow: bool,
}

impl DavDirEntry for Listed {
    fn name(&self) -> Vec<u8> {
        self.entry.path.name().unwrap_or_default().to_vec()
    }

    /// What is not found is left out: links that lead nowhere, and what was removed since; devices as well.
    fn metadata(&self) -> FsFuture<'_, Box<dyn DavMetaData>> {
        let metadata = &self.entry.metadata;
        let known = match metadata.kind {
            Kind::File => metadata.size.is_some(),
            Kind::Directory => true,
            _ => !self.follow,
        };
        async move {
            if known {
                return self.tree.found(Ok(Some(metadata.clone())));
            }
            let looked = self.tree.top.backend().stat(&self.tree.call, &self.entry.path).await;
            let readable = |metadata: &Metadata| metadata.is_file() || metadata.is_directory();
            self.tree.found(looked.map(|found| found.filter(readable)))
        }
        .boxed()
    }
}

/// What the properties of RFC 4918 are made of.
#[derive(Debug, Clone)]
struct Described(Metadata);

impl DavMetaData for Described {
    fn len(&self) -> u64 {
        self.0.size.unwrap_or_default()
    }

    fn modified(&self) -> FsResult<SystemTime> {
        self.0.modified.map(|modified| modified.time).ok_or(FsError::NotImplemented)
    }

    fn is_dir(&self) -> bool {
        self.0.is_directory()
    }

    fn is_symlink(&self) -> bool {
        self.0.kind == Kind::Symlink
    }

    /// With its quotes: the crate puts it into the property as it is.
    fn etag(&self) -> Option<String> {
        self.0.validator.as_ref()?.entity_tag().map(str::to_owned)
    }
}
