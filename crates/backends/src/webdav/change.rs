//! Changes of names: directories, removals, renames, copies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use law_storage::{
    Call, Comparison, Destination, Error, ErrorKind, ListOptions, Operation, Outcome, Overwrite, Parents, Path, Result,
    Status, Support, Validator, temporary_path,
};

use super::Endpoint;
use super::leftover::{Aside, Temporary};
use super::list::list;
use super::look::Seen;
use super::quirks::Destinations;
use crate::http::status::{page, refused};
use crate::http::{Address, Answer, Request};

const DESTINATION: HeaderName = HeaderName::from_static("destination");
const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const DEPTH: HeaderName = HeaderName::from_static("depth");

/// How often a directory that somebody else is making is asked for again.
const LOCKED: usize = 25;

/// How long a redirector may take to find out what a data server has made.
const SEEN: Duration = Duration::from_secs(15);

/// Bytes a second that a server may need for a copy of its own, before which no answer is missed.
const SLOWEST_COPY: u64 = 5_000_000;

/// What a server does with two names.
#[derive(Clone, Copy)]
enum What {
    Move { over: bool, collection: bool },
    Copy { size: u64 },
}

impl What {
    fn is_collection(self) -> bool {
        matches!(self, Self::Move { collection: true, .. })
    }
}

fn method(name: &str) -> Method {
    // The names here are constants and valid tokens.
    Method::from_bytes(name.as_bytes()).unwrap_or_default()
}

impl Endpoint {
    pub(super) async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.acquaint(call).await?;
        self.admit_new_name(call, path, Operation::CreateDirectory).await?;
        if path.is_root() || self.directory_exists(call, path).await? {
            return Ok(());
        }
        let missing = self.missing_directories(call, path, parents).await?;
        for directory in missing.iter().rev() {
            self.make_collection(call, directory).await?;
        }
        Ok(())
    }

    /// Whether it is there as a directory; a file there is an error.
    async fn directory_exists(&self, call: &Call, path: &Path) -> Result<bool> {
        match self.look(call, path, Operation::CreateDirectory).await? {
            Some(seen) if seen.metadata.is_directory() => Ok(true),
            Some(_) => Err(self.error(ErrorKind::AlreadyExists, path, Operation::CreateDirectory)),
            None => Ok(false),
        }
    }

    /// The directories to make, the deepest first.
    async fn missing_directories(&self, call: &Call, path: &Path, parents: Parents) -> Result<Vec<Path>> {
        let mut missing = vec![path.clone()];
        let mut above = path.parent();
        while let Some(parent) = above.filter(|parent| !parent.is_root()) {
            match self.look(call, &parent, Operation::CreateDirectory).await? {
                Some(seen) if seen.metadata.is_directory() => break,
                Some(_) => return Err(self.error(ErrorKind::NotADirectory, &parent, Operation::CreateDirectory)),
                None if parents == Parents::Require => return Err(self.missing(&parent, Operation::CreateDirectory)),
                None => missing.push(parent.clone()),
            }
            above = parent.parent();
        }
        Ok(missing)
    }

    async fn send_mkcol(&self, call: &Call, path: &Path) -> Result<Answer> {
        let request = Request::new(method("MKCOL"), self.collection(path));
        self.send(call, request, Operation::CreateDirectory).await
    }

    /// MKCOL; another job that made it first is as good.
    async fn make_collection(&self, call: &Call, path: &Path) -> Result<()> {
        let mut answer = self.send_mkcol(call, path).await?;
        // Somebody makes it just now: Go's WebDAV locks meanwhile.
        for _ in 0..LOCKED {
            if answer.status != StatusCode::LOCKED {
                break;
            }
            answer.body.discard().await;
            call.pause(Duration::from_millis(20)).await?;
            answer = self.send_mkcol(call, path).await?;
        }
        if answer.status.is_success() && !answer.is_page() {
            answer.body.discard().await;
            return self.wait_until_seen(call, path, Operation::CreateDirectory).await;
        }
        let place = answer.address.clone();
        let said = refused(answer, Operation::CreateDirectory).await;
        // The server that refused is asked, as a redirector may not know yet what one of its data servers has. Apache says
        // 403 to those who lose a race.
        match self.is_directory_at(call, path, place).await {
            Ok(true) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            _ => Err(said),
        }
    }

    /// Behind a redirector a new name is known a moment later than it exists: this waits until whoever asks there finds
    /// it. What was made stays made, whether it is seen in time or not.
    pub(super) async fn wait_until_seen(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        if !self.redirects() {
            return Ok(());
        }
        let begin = Instant::now();
        while self.look(call, path, operation).await?.is_none() {
            if begin.elapsed() > SEEN {
                tracing::warn!(url = %self.url(path), "the redirector does not find what was just made");
                break;
            }
            call.pause(Duration::from_millis(50)).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        let seen = self.look_for_file(call, path, Operation::Remove).await?;
        let version = seen.metadata.identity();
        self.delete(call, seen.address, Operation::Remove).await?;
        if call.proof_comes_later() { Ok(()) } else { self.must_be_gone(call, path, &version).await }
    }

    /// As [`must_have_moved`](Self::must_have_moved). A new one of that name may be somebody else's.
    async fn must_be_gone(&self, call: &Call, path: &Path, version: &Validator) -> Result<()> {
        if self.redirects() {
            return Ok(());
        }
        let Some(seen) = self.still_there(call, path, Operation::Remove).await? else { return Ok(()) };
        let untrue = self.untrue(path, "removed", Operation::Remove);
        match version.compare(&seen.metadata.identity()) {
            Comparison::Same => Err(untrue),
            Comparison::Unknown => Err(untrue.with_outcome(Outcome::Unknown)),
            Comparison::Different => Ok(()),
        }
    }

    /// DELETE; what is gone already is an error, as the caller has just seen it.
    pub(super) async fn delete(&self, call: &Call, address: Address, operation: Operation) -> Result<()> {
        let answer = self.send(call, Request::new(Method::DELETE, address), operation).await?;
        if answer.status.is_success() && answer.is_page() {
            let error = page(answer.status).at(&answer.address).during(operation).with_status(Status::Temporary);
            answer.body.discard().await;
            return Err(error.with_outcome(Outcome::Unknown));
        }
        // A multistatus is a list of what could not be deleted.
        if answer.status.is_success() && answer.status != StatusCode::MULTI_STATUS {
            answer.body.discard().await;
            return Ok(());
        }
        Err(refused(answer, operation).await)
    }

    /// MOVE of a file that nobody else has the name of, at the server that has it.
    pub(super) async fn move_at(&self, call: &Call, place: &Address, from: &Path, to: &Path, over: bool) -> Result<()> {
        self.transfer(call, What::Move { over, collection: false }, place, (from, to)).await?;
        self.must_have_moved(call, (from, to), over, None).await
    }

    async fn transfer(&self, call: &Call, what: What, place: &Address, (from, to): (&Path, &Path)) -> Result<()> {
        // With a credential, a redirector must introduce us to its data server.
        let foreign = place.origin() != self.client.home();
        let origin = if foreign && self.has_credential() { self.client.home() } else { place.origin() };
        let address = |path: &Path| if what.is_collection() { origin.collection(path) } else { origin.path(path) };
        let (name, operation, over) = match what {
            What::Move { over, .. } => ("MOVE", Operation::Rename, over),
            What::Copy { .. } => ("COPY", Operation::Copy, false),
        };
        let destination = match self.quirks().destinations {
            Destinations::Encoded => address(to).absolute().into_bytes(),
            Destinations::Raw => [origin.base().as_bytes(), b"/", to.as_bytes(), b"?law"].concat(),
        };
        let destination =
            HeaderValue::from_bytes(&destination).map_err(|_| self.error(ErrorKind::InvalidInput, to, operation))?;
        let mut request = Request::new(method(name), self.with_ticket(address(from)))
            .header(DESTINATION, destination)
            .header(OVERWRITE, HeaderValue::from_static(if over { "T" } else { "F" }));
        if what.is_collection() {
            request = request.header(DEPTH, HeaderValue::from_static("infinity"));
        }
        if let What::Copy { size } = what {
            request = request.slow(Duration::from_secs(size / SLOWEST_COPY));
        }
        let answer = self.send(call, request, operation).await?;
        self.moved(to, answer, operation).await
    }

    /// A yes is not believed: proxies answer pages, and servers have said yes and done nothing. Something that had no name
    /// has one now, unless somebody else took it since; then, as where it took the place of another, it has lost its old
    /// one, or somebody has made another one under it; only names that nobody else knows need no `version`. Who may not be asked
    /// is believed, and so is a redirector, which learns of names late.
    async fn must_have_moved(
        &self,
        call: &Call,
        (from, to): (&Path, &Path),
        over: bool,
        version: Option<&Validator>,
    ) -> Result<()> {
        if self.redirects() {
            return Ok(());
        }
        if !over && !matches!(self.look_after(call, to, Operation::Rename).await?, Some(None)) {
            return Ok(());
        }
        let Some(seen) = self.still_there(call, from, Operation::Rename).await? else { return Ok(()) };
        let untrue = self.untrue(to, "moved", Operation::Rename);
        match version.map(|version| version.compare(&seen.metadata.identity())) {
            None | Some(Comparison::Same) => Err(untrue),
            Some(Comparison::Unknown) => Err(untrue.with_outcome(Outcome::Unknown)),
            Some(Comparison::Different) => Ok(()),
        }
    }

    /// What must not be there any more. An answer that says otherwise is asked for again: XrdHttp 5.5.3 has given one that was
    /// another's (seen once in some thousand moves). Without a second answer the first one holds.
    async fn still_there(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Seen>> {
        let Some(Some(seen)) = self.look_after(call, path, operation).await? else { return Ok(None) };
        if call.pause(Duration::from_millis(50)).await.is_err() {
            return Ok(Some(seen));
        }
        Ok(self.look(call, path, operation).await.unwrap_or(Some(seen)))
    }

    /// What is there after a change; none where this client may not ask. Who does not answer leaves it open what happened.
    async fn look_after(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Option<Seen>>> {
        match self.look(call, path, operation).await {
            Ok(seen) => Ok(Some(seen)),
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                Err(error.with_outcome(Outcome::Unknown))
            }
            Err(_) => Ok(None),
        }
    }

    fn untrue(&self, path: &Path, what: &str, operation: Operation) -> Error {
        let message = format!("the server says that it was {what}, and it was not");
        let error = Error::new(ErrorKind::Malformed, message).at(self.url(path)).during(operation);
        // Whatever answered in its place may be gone the next time.
        error.with_status(Status::Temporary)
    }

    async fn moved(&self, to: &Path, answer: Answer, operation: Operation) -> Result<()> {
        match answer.status {
            StatusCode::PRECONDITION_FAILED => {
                answer.body.discard().await;
                Err(self.error(ErrorKind::AlreadyExists, to, operation))
            }
            status if status.is_success() && status != StatusCode::MULTI_STATUS => {
                answer.body.discard().await;
                Ok(())
            }
            _ => Err(refused(answer, operation).await),
        }
    }

    fn has_credential(&self) -> bool {
        self.client.has_credential()
    }
}

/// Removes an empty directory. Where DELETE would take everything along, it is looked at first.
pub(super) async fn remove_directory(endpoint: &Arc<Endpoint>, call: &Call, path: &Path) -> Result<()> {
    if path.is_root() {
        let error = Error::new(ErrorKind::InvalidInput, "the root cannot be removed");
        return Err(error.at(endpoint.url(path)).during(Operation::Remove));
    }
    let seen = endpoint.look_for_directory(call, path, Operation::Remove).await?;
    if endpoint.quirks().deletes_trees {
        let mut listing = list(endpoint.clone(), call, path, &ListOptions::default()).await?;
        while let Some(page) = listing.next().await {
            if !page?.entries.is_empty() {
                return Err(endpoint.error(ErrorKind::NotEmpty, path, Operation::Remove));
            }
        }
    }
    let version = seen.metadata.identity();
    endpoint.delete(call, endpoint.collection_at(seen.address.origin(), path), Operation::Remove).await?;
    match endpoint.redirects() {
        // What was removed stays removed.
        true => remove_elsewhere(endpoint, call, path).await.map_err(|error| error.with_outcome(Outcome::Unknown)),
        false if call.proof_comes_later() => Ok(()),
        false => endpoint.must_be_gone(call, path, &version).await,
    }
}

/// Each data server of a cluster has its own copy of a directory; the last one that is not empty says so.
async fn remove_elsewhere(endpoint: &Endpoint, call: &Call, path: &Path) -> Result<()> {
    const MOST_SERVERS: usize = 1000;
    for _ in 0..MOST_SERVERS {
        let Some(seen) = endpoint.look(call, path, Operation::Remove).await? else { return Ok(()) };
        match endpoint.delete(call, endpoint.collection_at(seen.address.origin(), path), Operation::Remove).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Err(endpoint.error(ErrorKind::Unavailable, path, Operation::Remove))
}

/// What a rename or a copy found before it began.
struct Ends {
    source: Seen,
    target: Option<Seen>,
}

impl Endpoint {
    async fn ends(&self, call: &Call, from: &Path, to: &Path, operation: Operation) -> Result<Ends> {
        let source = self.look(call, from, operation).await?.ok_or_else(|| self.missing(from, operation))?;
        let target = self.look(call, to, operation).await?;
        if target.is_none()
            && let Some(parent) = to.parent().filter(|parent| !parent.is_root())
        {
            self.look_for_directory(call, &parent, operation).await?;
        }
        Ok(Ends { source, target })
    }

    fn check_target(&self, ends: &Ends, to: &Path, destination: Destination, operation: Operation) -> Result<()> {
        let Some(target) = &ends.target else { return Ok(()) };
        let file = ends.source.metadata.is_file();
        match (destination, target.metadata.is_directory()) {
            (_, true) if file => Err(self.error(ErrorKind::IsADirectory, to, operation)),
            (Destination::Replace, false) if file => self.check_same_server(ends, to, operation),
            _ => Err(self.error(ErrorKind::AlreadyExists, to, operation)),
        }
    }

    /// Two data servers of a cluster cannot rename over each other's files: both names would stay.
    fn check_same_server(&self, ends: &Ends, to: &Path, operation: Operation) -> Result<()> {
        let other = |target: &Seen| target.address.origin() != ends.source.address.origin();
        if ends.target.as_ref().is_some_and(other) {
            let message = "source and destination are on different data servers of this cluster";
            return Err(Error::new(ErrorKind::Unsupported, message).at(self.url(to)).during(operation));
        }
        Ok(())
    }
}

pub(super) async fn rename(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    from: &Path,
    to: &Path,
    destination: Destination,
) -> Result<()> {
    endpoint.acquaint(call).await?;
    endpoint.admit_new_name(call, to, Operation::Rename).await?;
    let ends = endpoint.ends(call, from, to, Operation::Rename).await?;
    if from == to {
        return Ok(());
    }
    if to.starts_with(from) || from.is_root() {
        let error = Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself");
        return Err(error.at(endpoint.url(from)).during(Operation::Rename));
    }
    endpoint.check_target(&ends, to, destination, Operation::Rename)?;
    let directory = ends.source.metadata.is_directory();
    if directory && endpoint.lists() == Support::No {
        return Err(endpoint.cannot(from, "renaming a directory that is spread over data servers", Operation::Rename));
    }
    let place = &ends.source.address;
    if ends.target.is_none() || endpoint.quirks().move_over == Overwrite::Atomic {
        let (over, version) = (ends.target.is_some(), ends.source.metadata.identity());
        endpoint.transfer(call, What::Move { over, collection: directory }, place, (from, to)).await?;
        endpoint.must_have_moved(call, (from, to), over, Some(&version)).await?;
        // It is moved, whether the redirector knows it in time or not.
        drop(endpoint.wait_until_seen(call, to, Operation::Rename).await);
        return Ok(());
    }
    let aside = Aside::make(endpoint, call, to, place).await?;
    match endpoint.move_at(call, place, from, to, false).await {
        Ok(()) => aside.forget().await,
        Err(error) => Err(aside.restore(error).await),
    }
}

/// COPY to a temporary name, compared by size and checksum, then published like a written file.
pub(super) async fn copy(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    from: &Path,
    to: &Path,
    destination: Destination,
) -> Result<()> {
    endpoint.acquaint(call).await?;
    if !endpoint.quirks().copies {
        return Err(endpoint.cannot(from, "copying within this kind of server", Operation::Copy));
    }
    endpoint.admit_new_name(call, to, Operation::Copy).await?;
    let ends = endpoint.ends(call, from, to, Operation::Copy).await?;
    if ends.source.metadata.is_directory() {
        return Err(endpoint.error(ErrorKind::IsADirectory, from, Operation::Copy));
    }
    if from == to {
        return Ok(());
    }
    endpoint.check_target(&ends, to, destination, Operation::Copy)?;
    if ends.target.is_some() && endpoint.quirks().replaces_by_put() {
        let what = "replacing a file by a copy without a moment in which there is none";
        return Err(endpoint.cannot(to, what, Operation::Copy));
    }
    let temporary = temporary_path(to)?;
    let place = endpoint.address(&temporary);
    let guard = Temporary::new(endpoint.clone(), temporary.clone(), place.clone());
    match copy_and_publish(endpoint, call, &ends, (from, to), (&temporary, &place)).await {
        Ok(()) => {
            guard.published();
            Ok(())
        }
        Err(error) => Err(guard.discard(error).await),
    }
}

async fn copy_and_publish(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    ends: &Ends,
    (from, to): (&Path, &Path),
    (temporary, place): (&Path, &Address),
) -> Result<()> {
    let size = ends.source.metadata.size.unwrap_or_default();
    endpoint.transfer(call, What::Copy { size }, &ends.source.address, (from, temporary)).await?;
    compare_copy(endpoint, call, &ends.source, to, place).await?;
    if ends.target.is_none() || endpoint.quirks().move_over == Overwrite::Atomic {
        return endpoint.move_at(call, place, temporary, to, ends.target.is_some()).await;
    }
    let aside = Aside::make(endpoint, call, to, place).await?;
    match endpoint.move_at(call, place, temporary, to, false).await {
        Ok(()) => aside.forget().await,
        Err(error) => Err(aside.restore(error).await),
    }
}

/// By size, and by checksum where the server has them.
async fn compare_copy(endpoint: &Endpoint, call: &Call, source: &Seen, to: &Path, place: &Address) -> Result<()> {
    let wrong =
        |message: String| Error::new(ErrorKind::Integrity, message).at(endpoint.url(to)).during(Operation::Copy);
    let algorithm = endpoint.algorithm_for_put(None);
    let (here, there) = (endpoint.told(call, to, place, algorithm, source.metadata.size).await?, source.metadata.size);
    if here.size != there {
        let shown = |size: Option<u64>| size.map_or("an unknown number of".into(), |size| size.to_string());
        return Err(wrong(format!("the server made a copy of {} bytes out of {}", shown(here.size), shown(there))));
    }
    let (Some(copy), Some(algorithm)) = (here.digest, algorithm) else { return Ok(()) };
    let original = endpoint.ask_digest(call, source.address.clone(), algorithm, there).await?.digest;
    match original.filter(|original| *original != copy) {
        None => Ok(()),
        Some(original) => {
            let (original, copy) = (original.hex(), copy.hex());
            Err(wrong(format!("checksum mismatch ({algorithm} {original} at the source, {copy} of the server's copy)")))
        }
    }
}
