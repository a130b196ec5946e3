//! Reads that go on at another door.

use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::asking::Wanted;
use super::failures::is_trouble;
use super::{Door, Doors};
use crate::resume::{Reopen, resuming};
use crate::{
    Attempt, ByteRange, Call, Error, ErrorKind, ListOptions, Listing, Metadata, Operation, Page, Path, ReadOptions,
    Reading, Result, Status, Validator,
};

impl Doors {
    pub(super) async fn open(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let (door, reading) = self.open_at(call, path, options, &[]).await?;
        let deadline = self.0.settings.deadline;
        let failover = Failover {
            doors: self.clone(),
            call: call.clone(),
            path: path.clone(),
            door,
            history: Vec::new(),
            since: Instant::now(),
        };
        Ok(resuming(reading, call, deadline, failover))
    }

    async fn open_at(
        &self,
        call: &Call,
        path: &Path,
        options: &ReadOptions,
        avoid: &[usize],
    ) -> Result<(usize, Reading)> {
        let knows = options.validator.as_ref().and_then(Validator::door).and_then(|name| self.index_of(name));
        let avoided = call.avoided().iter().filter_map(|name| self.index_of(name));
        let avoid: Vec<usize> = avoided.chain(avoid.iter().copied()).collect();
        let wanted = Wanted { prefer: knows, avoid: &avoid, ..Wanted::new(call, Operation::Read, path) };
        let (door, reading) = self
            .ask(wanted, |door, call| {
                let validator = options.validator.clone().map(|validator| validator.for_door(&door.name));
                let options = ReadOptions { validator, ..options.clone() };
                async move { door.backend.read(&call, path, &options).await }.boxed()
            })
            .await?;
        let validator = reading.validator.of_door(&self.0.doors[door].name);
        Ok((door, Reading { validator, ..reading }))
    }

    /// Entries come from one door from the first page to the last.
    pub(super) async fn pages(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let wanted = Wanted::new(call, Operation::List, path);
        let list = |door: &'_ Door, call: Call| {
            let (backend, path, options) = (door.backend.clone(), path.clone(), options.clone());
            async move { backend.list(&call, &path, &options).await }.boxed()
        };
        let (door, listing) = self.ask(wanted, list).await?;
        let door = self.0.doors[door].clone();
        Ok(listing.map(move |page| page.map(|page| owned(&door, page))).boxed())
    }
}

fn owned(door: &Door, mut page: Page) -> Page {
    for entry in &mut page.entries {
        entry.metadata = door.own(entry.metadata.clone());
    }
    page
}

/// The next door for a read that broke.
struct Failover {
    doors: Doors,
    call: Call,
    path: Path,
    door: usize,
    /// The breaks without progress in between.
    history: Vec<Attempt>,
    /// When this door was opened, or gave bytes the last time.
    since: Instant,
}

impl Failover {
    /// A door that opens and breaks at once, again and again, is no door.
    fn is_hopeless(&self) -> bool {
        let doors = self.doors.0.doors.len();
        self.history.len() > doors * (1 + self.doors.0.settings.retries as usize)
    }
}

#[async_trait]
impl Reopen for Failover {
    fn can_go_on(&self, error: &Error) -> bool {
        match (error.status(), error.kind()) {
            (Status::Permanent, _) => false,
            // What came so far may be wrong as well.
            (Status::Exhausted, ErrorKind::Integrity) => false,
            _ => true,
        }
    }

    fn progress(&mut self) {
        self.history.clear();
        self.since = Instant::now();
    }

    async fn reopen(&mut self, error: Error, rest: ByteRange, validator: &Validator) -> Result<Reading> {
        let name = self.doors.0.doors[self.door].name.to_string();
        if is_trouble(&error) {
            self.doors.remember(self.door, Some(&error), None);
        }
        self.history.push(Attempt { door: name, elapsed: self.since.elapsed(), reason: error.reason() });
        self.since = Instant::now();
        if self.is_hopeless() {
            return Err(error.with_status(Status::Exhausted).with_attempts(self.history.clone()));
        }
        let options = ReadOptions::part(rest).pinned(validator.clone());
        let (door, reading) = self.doors.open_at(&self.call, &self.path, &options, &[self.door]).await?;
        self.door = door;
        Ok(reading)
    }

    async fn look(&mut self) -> Result<Option<Metadata>> {
        crate::Backend::stat(&self.doors, &self.call, &self.path).await
    }

    fn url(&self) -> String {
        self.doors.0.doors[self.door].backend.url(&self.path)
    }
}
