//! Listings: PROPFIND with depth 1, parsed as it comes.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use law_storage::{
    Call, Entry, Error, ErrorKind, ListOptions, Listing, Operation, Page, Path, Result, Status, Support,
};

use super::Endpoint;
use super::look::{Responses, propfind, responses};
use super::propfind::QUESTION;
use crate::http::Answer;
use crate::http::status::{of_status, refused};

/// Entries of a page: enough that a page costs nothing, few enough that the first comes at once.
const PAGE: usize = 500;

pub(super) async fn list(endpoint: Arc<Endpoint>, call: &Call, path: &Path, _options: &ListOptions) -> Result<Listing> {
    endpoint.acquaint(call).await?;
    endpoint.check_name(path)?;
    let question = propfind(endpoint.collection(path), "1", QUESTION).streamed();
    let answer = endpoint.send(call, question, Operation::List).await?;
    if endpoint.lists() == Support::No {
        answer.body.discard().await;
        return Err(partial(&endpoint, path));
    }
    if answer.status != StatusCode::MULTI_STATUS {
        return Err(why_not(&endpoint, call, path, answer).await);
    }
    let responses = responses(answer.body);
    let mut pages = Pages { responses, endpoint, call: call.clone(), path: path.clone(), names: Names::default() };
    // The first page is fetched now, so that a file is refused now and not within the stream.
    let first = pages.page().await?;
    let rest = stream::try_unfold(pages, |mut pages| async move { Ok(pages.page().await?.map(|page| (page, pages))) });
    Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
}

/// What a listing that was refused means is asked for again, as servers disagree: 404, 405, 409, 500 for a file.
async fn why_not(endpoint: &Endpoint, call: &Call, path: &Path, answer: Answer) -> Error {
    let said = refused(answer, Operation::List).await;
    if matches!(said.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied) {
        return said;
    }
    match endpoint.look_for_directory(call, path, Operation::List).await {
        Err(error) => error,
        Ok(_) if endpoint.lists() == Support::No => partial(endpoint, path),
        Ok(_) => said,
    }
}

fn partial(endpoint: &Endpoint, path: &Path) -> Error {
    Error::new(ErrorKind::Unsupported, "partial listing: this is an XRootD redirector, which lists one server of many")
        .at(endpoint.url(path))
        .during(Operation::List)
        .with_status(Status::Exhausted)
        .hint("list a data server by its own URL")
}

pub(super) fn untold(status: u16, href: &str) -> Error {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of_status(status, Some(&format!("about {href}")))
}

struct Pages {
    responses: Responses,
    endpoint: Arc<Endpoint>,
    call: Call,
    path: Path,
    names: Names,
}

/// The names that were listed so far, as 128 bits each: two that are alike do not occur in the life of a storage.
#[derive(Default)]
struct Names {
    hashers: [RandomState; 2],
    known: HashSet<[u64; 2]>,
}

impl Names {
    fn is_new(&mut self, path: &Path) -> bool {
        let [one, two] = &self.hashers;
        self.known.insert([one.hash_one(path.as_bytes()), two.hash_one(path.as_bytes())])
    }
}

impl Pages {
    /// The next entries; none at the end.
    async fn page(&mut self) -> Result<Option<Page>> {
        let call = self.call.clone();
        let work = async {
            let mut entries = Vec::new();
            while entries.len() < PAGE {
                let Some(response) = self.responses.next().await? else { break };
                match response.status {
                    None | Some(200..=299) => entries.extend(self.entry(response)?),
                    // It went away while the server was listing.
                    Some(404 | 410) => {}
                    // It is there, and nothing is known of it: a listing without it would be a wrong one.
                    Some(status) => return Err(untold(status, &response.href)),
                }
            }
            Ok(entries)
        };
        let entries = call.bound(work).await;
        let entries = entries.map_err(|e| e.at(self.endpoint.url(&self.path)).during(Operation::List))?;
        Ok((!entries.is_empty()).then_some(Page { entries, continuation: None }))
    }

    /// An entry below the directory; none for the directory itself.
    fn entry(&mut self, response: super::propfind::Response) -> Result<Option<Entry>> {
        let path = self.endpoint.path_of(&response.href)?;
        let metadata = self.endpoint.metadata(response.properties);
        if path == self.path {
            return if metadata.is_directory() { Ok(None) } else { Err(self.not_a_directory()) };
        }
        if path.parent().as_ref() != Some(&self.path) {
            let message = format!("the listing has {path}, which is not in the directory");
            return Err(Error::new(ErrorKind::Malformed, message));
        }
        // Some servers tell of a name twice.
        Ok(self.names.is_new(&path).then_some(Entry { path, metadata }))
    }

    fn not_a_directory(&self) -> Error {
        self.endpoint.error(ErrorKind::NotADirectory, &self.path, Operation::List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::{Backend as _, EndpointSettings, Location, Url};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers every request with this listing.
    async fn serve(listing: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let length = listing.len();
        let answer =
            format!("HTTP/1.1 207 Multi-Status\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{listing}");
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = client.read(&mut request).await;
                let _ = client.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    /// What a listing with a member of this status has.
    async fn names(status: &str) -> Result<Vec<String>> {
        let member = format!("<response><href>/odd</href><status>HTTP/1.1 {status}</status></response>");
        let other = "<response><href>/other</href><propstat><prop><getcontentlength>1</getcontentlength></prop>\
            <status>HTTP/1.1 200 OK</status></propstat></response>";
        let url = serve(format!("<multistatus xmlns='DAV:'>{member}{other}</multistatus>")).await;
        let Location::Remote(remote) = Url::parse(&url).unwrap().location().clone() else { panic!("{url}") };
        let backend = crate::webdav::WebDav::new(&remote, &EndpointSettings::default()).unwrap();
        let mut listing = backend.list(&Call::new(), &Path::root(), &ListOptions::default()).await?;
        let mut names = Vec::new();
        while let Some(page) = listing.next().await {
            names.extend(page?.entries.into_iter().map(|entry| entry.path.to_string()));
        }
        Ok(names)
    }

    #[tokio::test]
    async fn a_name_that_is_told_twice_is_listed_once() {
        let twice = "200 OK</status></response><response><href>/other</href><status>HTTP/1.1 200 OK";
        assert_eq!(names(twice).await.unwrap(), ["odd", "other"]);
    }

    #[tokio::test]
    async fn a_member_that_is_not_told_of_is_never_left_out() {
        assert_eq!(names("404 Not Found").await.unwrap(), ["other"], "it went away meanwhile");
        let refused = names("403 Forbidden").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("/odd"), "{refused}");
        assert_eq!(names("500 Oops").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
