//! Reads and listings that go on at the same endpoint.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::attempts::Attempts;
use super::{Retry, Shared};
use crate::resume::{Reopen, resuming};
use crate::{
    Backend, ByteRange, Call, Error, ListOptions, Listing, Metadata, Page, Path, ReadOptions, Reading, Result, Status,
    Validator,
};

impl Retry {
    pub(super) async fn open(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let mut attempts = self.attempts(call);
        let reading = loop {
            match self.inner.read(call, path, options).await {
                Ok(reading) => break reading,
                Err(error) => attempts.again(&self.shared, call, &self.shared.door, error).await?,
            }
        };
        call.trail().passed(&self.shared.door);
        let again = Again {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            call: call.clone(),
            path: path.clone(),
            attempts,
        };
        Ok(resuming(reading, call, self.shared.settings.deadline, again))
    }

    /// Restarts before the first page, and afterwards where the server can continue.
    pub(super) async fn pages(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let mut pages =
            Pages { retry: self.clone(), call: call.clone(), path: path.clone(), attempts: self.attempts(call) };
        let (first, rest) = pages.begin(options).await?;
        let Some(first) = first else { return Ok(stream::empty().boxed()) };
        let more = stream::unfold(Some((pages, rest, first.continuation.clone())), |state| async move {
            let (mut pages, listing, continuation) = state?;
            match pages.next(listing, continuation).await {
                Ok(None) => None,
                Ok(Some((page, listing))) => {
                    let continuation = page.continuation.clone();
                    Some((Ok(page), Some((pages, listing, continuation))))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(stream::once(std::future::ready(Ok(first))).chain(more).boxed())
    }
}

struct Again {
    inner: Arc<dyn Backend>,
    shared: Arc<Shared>,
    call: Call,
    path: Path,
    attempts: Attempts,
}

#[async_trait]
impl Reopen for Again {
    fn can_go_on(&self, error: &Error) -> bool {
        error.status() == Status::Temporary
    }

    fn progress(&mut self) {
        self.attempts.progress();
    }

    async fn reopen(&mut self, mut error: Error, rest: ByteRange, validator: &Validator) -> Result<Reading> {
        let options = ReadOptions::part(rest).pinned(validator.clone());
        loop {
            self.attempts.again(&self.shared, &self.call, &self.shared.door, error).await?;
            match self.inner.read(&self.call, &self.path, &options).await {
                Ok(reading) => return Ok(reading),
                Err(next) => error = next,
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Metadata>> {
        let mut attempts = Attempts::new(&self.shared, &self.call);
        loop {
            match self.inner.stat(&self.call, &self.path).await {
                Ok(found) => return Ok(found),
                Err(error) => attempts.again(&self.shared, &self.call, &self.shared.door, error).await?,
            }
        }
    }

    fn url(&self) -> String {
        self.inner.url(&self.path)
    }
}

/// A listing under way.
struct Pages {
    retry: Retry,
    call: Call,
    path: Path,
    attempts: Attempts,
}

impl Pages {
    /// The first page, and those behind it.
    async fn begin(&mut self, options: &ListOptions) -> Result<(Option<Page>, Listing)> {
        loop {
            match self.first(options).await {
                Ok(begun) => return Ok(begun),
                Err(error) => self.again(error).await?,
            }
        }
    }

    async fn first(&self, options: &ListOptions) -> Result<(Option<Page>, Listing)> {
        let mut listing = self.retry.inner.list(&self.call, &self.path, options).await?;
        let first = listing.next().await.transpose()?;
        Ok((first, listing))
    }

    /// The next page; after a break, from where the server can continue.
    async fn next(&mut self, mut listing: Listing, after: Option<String>) -> Result<Option<(Page, Listing)>> {
        let error = match listing.next().await {
            None => return Ok(None),
            Some(Ok(page)) => {
                self.attempts.progress();
                return Ok(Some((page, listing)));
            }
            Some(Err(error)) => error,
        };
        if after.is_none() {
            return Err(error);
        }
        self.again(error).await?;
        let (page, listing) = self.begin(&ListOptions { after }).await?;
        Ok(page.map(|page| (page, listing)))
    }

    async fn again(&mut self, error: Error) -> Result<()> {
        let shared = self.retry.shared.clone();
        self.attempts.again(&shared, &self.call, &shared.door, error).await
    }
}
