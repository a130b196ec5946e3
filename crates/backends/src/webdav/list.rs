//! Listings: PROPFIND with depth 1, parsed as it comes.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use law_storage::{
    Call, Entry, Error, ErrorKind, ListOptions, Listing, Operation, Page, Path, Result, Status, Support,
};

use super::Endpoint;
use super::look::{Responses, propfind, responses};
use super::propfind::QUESTION;
use super::status::refused;
use crate::http::Answer;

/// Entries of a page: enough that a page costs nothing, few enough that the first comes at once.
const PAGE: usize = 500;

pub(super) async fn list(endpoint: Arc<Endpoint>, call: &Call, path: &Path, _options: &ListOptions) -> Result<Listing> {
    endpoint.acquaint(call).await?;
    endpoint.check_name(path)?;
    let answer = endpoint.send(call, propfind(endpoint.collection(path), "1", QUESTION), Operation::List).await?;
    if endpoint.lists() == Support::No {
        answer.body.discard().await;
        return Err(partial(&endpoint, path));
    }
    if answer.status != StatusCode::MULTI_STATUS {
        return Err(why_not(&endpoint, call, path, answer).await);
    }
    let mut pages = Pages { responses: responses(answer.body), endpoint, call: call.clone(), path: path.clone() };
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

struct Pages {
    responses: Responses,
    endpoint: Arc<Endpoint>,
    call: Call,
    path: Path,
}

impl Pages {
    /// The next entries; none at the end.
    async fn page(&mut self) -> Result<Option<Page>> {
        let call = self.call.clone();
        let work = async {
            let mut entries = Vec::new();
            while entries.len() < PAGE {
                let Some(response) = self.responses.next().await? else { break };
                if response.status.is_none_or(|status| status < 300) {
                    entries.extend(self.entry(response)?);
                }
            }
            Ok(entries)
        };
        let entries = call.bound(work).await;
        let entries = entries.map_err(|e| e.at(self.endpoint.url(&self.path)).during(Operation::List))?;
        Ok((!entries.is_empty()).then_some(Page { entries, continuation: None }))
    }

    /// An entry below the directory; none for the directory itself.
    fn entry(&self, response: super::propfind::Response) -> Result<Option<Entry>> {
        let path = self.endpoint.path_of(&response.href)?;
        let metadata = self.endpoint.metadata(response.properties);
        if path == self.path {
            return if metadata.is_directory() { Ok(None) } else { Err(self.not_a_directory()) };
        }
        if path.parent().as_ref() != Some(&self.path) {
            let message = format!("the listing has {path}, which is not in the directory");
            return Err(Error::new(ErrorKind::Malformed, message));
        }
        Ok(Some(Entry { path, metadata }))
    }

    fn not_a_directory(&self) -> Error {
        self.endpoint.error(ErrorKind::NotADirectory, &self.path, Operation::List)
    }
}
