//! WebDAV (RFC 4918) as the storage of this field speaks it: XRootD, dCache, EOS, StoRM, Apache, nginx, rclone, ...
//!
//! One endpoint, no retries. What a server does differently stands in `quirks`.

mod change;
mod checksum;
mod digest;
mod leftover;
mod list;
mod look;
mod markers;
mod propfind;
mod put;
mod quirks;
mod ranges;
mod read;
mod tape;
mod third_party;
#[cfg(test)]
mod unlikely_servers;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use law_storage::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Credential, Destination, Digest, EndpointSettings,
    Error, ErrorKind, Factory, ListOptions, Listing, LocalFile, Metadata, NameRules, Operation, Order, Overwrite,
    Parents, Path, Publish, PutOptions, ReadOptions, Reading, Receipt, RemoteUrl, Result, Secret, Source, Space,
    Support, TapeAnswer, TapeOrder, Validator,
};

use tokio::sync::Semaphore;

use crate::http::{Address, Answer, Client, Origin, Request};
use quirks::{Hrefs, Offers, Quirks};

/// Makes [`WebDav`] backends for `dav`, `davs`, `http` and `https`.
pub struct WebDavFactory;

impl Factory for WebDavFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["dav", "davs", "http", "https"]
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(WebDav::new(url, settings)?))
    }
}

/// The client of one WebDAV endpoint. Cheap to clone; the root is the endpoint's root.
#[derive(Clone)]
pub struct WebDav(Arc<Endpoint>);

struct Endpoint {
    client: Client,
    /// The endpoint as it was named, for messages; its path is where probes look.
    shown: RemoteUrl,
    /// Tickets that belong to every request of this endpoint.
    query: Option<Secret>,
    settings: EndpointSettings,
    configured: Option<&'static Quirks>,
    learnt: Mutex<Learnt>,
    /// Held by who asks what kind of server this is, so that others wait for the answer instead of asking, too.
    introduction: tokio::sync::Mutex<()>,
    /// Places for questions for a checksum, where the server forgets them.
    checksums: Semaphore,
}

/// What the endpoint's answers have told so far.
#[derive(Default)]
struct Learnt {
    quirks: Option<&'static Quirks>,
    redirects: bool,
    /// The algorithms of which it gave a checksum.
    digests: Vec<Algorithm>,
    /// An entry for each answer without a checksum of an algorithm of which it never gave one.
    no_digests: Vec<Algorithm>,
    no_ranges: bool,
    /// It told a checksum that cannot be understood, and that was told.
    odd_digest: bool,
}

impl WebDav {
    /// The client for the endpoint of `url`, whose path is where probes look. Does no input or output.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown kind of server; `Unauthenticated` for a secret over plain HTTP.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        let mut settings = settings.clone();
        if let (Some(user), Some(password)) = (url.user(), url.password()) {
            settings.credential = Credential::Basic { user: user.into(), password: password.clone() };
            settings.found = false;
        }
        let configured = settings.quirks.as_deref().map(|name| quirks_named(name)).transpose()?;
        Ok(Self(Arc::new(Endpoint {
            client: Client::new(Origin::of(url), &settings)?,
            shown: url.clone(),
            query: url.query().cloned(),
            settings,
            configured,
            learnt: Mutex::default(),
            introduction: tokio::sync::Mutex::default(),
            checksums: Semaphore::new(digest::AT_ONCE),
        })))
    }
}

fn refers_to_path(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::Unsupported)
}

fn quirks_named(name: &str) -> Result<&'static Quirks> {
    Quirks::named(name).ok_or_else(|| {
        let known: Vec<&str> = Quirks::names().collect();
        let error = Error::new(ErrorKind::InvalidInput, format!("an unknown kind of server `{name}`"));
        error.hint(format!("known are {}", known.join(", ")))
    })
}

impl Endpoint {
    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        // Every fact in it stands alone, so that it is right whatever panicked beside it.
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quirks(&self) -> &'static Quirks {
        self.configured.or(self.learnt().quirks).unwrap_or_else(Quirks::unknown)
    }

    /// How a file gets its name here: a new one, or one that replaces another.
    fn publish(&self, replaces: bool) -> Publish {
        let quirks = self.quirks();
        let usual = if replaces && quirks.replaces_by_put() { Publish::Direct } else { quirks.publish };
        self.settings.publish.unwrap_or(usual)
    }

    fn address(&self, path: &Path) -> Address {
        self.client.home().path(path).with_query(self.query.clone())
    }

    fn collection(&self, path: &Path) -> Address {
        self.client.home().collection(path).with_query(self.query.clone())
    }

    /// The path at one server of perhaps many.
    fn path_at(&self, origin: &Origin, path: &Path) -> Address {
        self.with_ticket(origin.path(path))
    }

    /// As [`path_at`](Self::path_at), for directories.
    fn collection_at(&self, origin: &Origin, path: &Path) -> Address {
        self.with_ticket(origin.collection(path))
    }

    /// What was typed behind the `?` of a URL is for its own server, and for no other.
    fn with_ticket(&self, address: Address) -> Address {
        let home = address.origin() == self.client.home();
        if home { address.with_query(self.query.clone()) } else { address }
    }

    /// Sends a request, and learns who answers.
    async fn send(&self, call: &Call, request: Request<'_>, operation: Operation) -> Result<Answer> {
        let wait = self.quirks().continue_wait;
        let answer = self.client.send(call, &request, wait).await.map_err(|e| e.during(operation))?;
        let mut learnt = self.learnt();
        let told = self.configured.or_else(|| Quirks::of_answer(&answer.headers)).or(learnt.quirks);
        let quirks = told.unwrap_or_else(Quirks::unknown);
        self.client.let_settle(quirks.settling);
        learnt.quirks = Some(quirks);
        learnt.redirects |= quirks.redirector && answer.address.origin() != self.client.home();
        drop(learnt);
        Ok(answer)
    }

    /// Whether answers came from data servers behind this endpoint.
    fn redirects(&self) -> bool {
        self.learnt().redirects
    }

    /// Whether it was named by `http` or `https`, where a server need not speak WebDAV.
    fn is_plain(&self) -> bool {
        self.shown.scheme().name().starts_with("http")
    }

    /// Makes sure that it is known which kind of server this is.
    async fn acquaint(&self, call: &Call) -> Result<()> {
        if self.is_known() {
            return Ok(());
        }
        let _asking = call.bound(async { Ok(self.introduction.lock().await) }).await?;
        if !self.is_known() {
            let request = Request::new(Method::OPTIONS, self.address(self.shown.path()));
            self.send(call, request, Operation::Open).await?.body.discard().await;
        }
        Ok(())
    }

    fn is_known(&self) -> bool {
        self.configured.is_some() || self.learnt().quirks.is_some()
    }

    /// Refuses a name that this kind of server would take for another. One that it only does not list can be read, and one that is
    /// not UTF-8 can be there, whoever made it, unless answers about it would be no XML.
    fn check_name(&self, path: &Path) -> Result<()> {
        let Quirks { names, hrefs, .. } = self.quirks();
        self.check_rules(path, NameRules { hidden: true, utf8: names.utf8 && *hrefs == Hrefs::Raw, ..*names })
    }

    /// As [`check_new_name`](Self::check_new_name), once it is known whether this is a redirector: where that matters,
    /// the root tells, which every data server has.
    async fn admit_new_name(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        self.check_new_name(path)?;
        let matters = self.quirks().names_by_redirector.refusal(path).is_some();
        if self.quirks().redirector && matters && !self.redirects() {
            self.look(call, &Path::root(), operation).await?;
        }
        self.check_new_name(path)
    }

    /// As [`check_name`](Self::check_name), for a name that is about to be made.
    fn check_new_name(&self, path: &Path) -> Result<()> {
        self.check_rules(path, self.new_names())
    }

    fn new_names(&self) -> NameRules {
        let quirks = self.quirks();
        if self.learnt().redirects { quirks.names_by_redirector } else { quirks.names }
    }

    fn check_rules(&self, path: &Path, rules: NameRules) -> Result<()> {
        rules.refusal(path).map_or(Ok(()), |refusal| Err(refusal.error().at(self.url(path))))
    }

    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }
}

impl fmt::Debug for WebDav {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebDav({}, {})", self.0.client.home(), self.0.quirks().name)
    }
}

#[async_trait]
impl Backend for WebDav {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let quirks = self.0.quirks();
        let learnt = self.0.learnt();
        let wanted = self.0.settings.publish;
        let overwrite = match wanted {
            Some(Publish::Direct) if !quirks.puts_over => Overwrite::Unsafe,
            Some(Publish::Rename) => quirks.move_over,
            _ => quirks.overwrite(),
        };
        // The weaker of both ways, where an existing file is replaced in another way than a new one is made.
        let usual = if quirks.replaces_by_put() { Publish::Direct } else { quirks.publish };
        Capabilities {
            list: if learnt.redirects { Support::No } else { Support::Yes },
            ranges: Support::Yes,
            rename: Support::Yes,
            copy: if quirks.copies { Support::Yes } else { Support::No },
            write: Support::Unknown,
            symlinks: Support::No,
            modes: Support::No,
            set_modified: Support::No,
            keeps_modified: Support::No,
            space: Support::Unknown,
            local_files: Support::No,
            digests: self.0.preferred(learnt.digests.clone()),
            digests_differ: false,
            loses_digests: quirks.forgets_checksums,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite,
            no_clobber: quirks.no_clobber,
            publish: wanted.unwrap_or(usual),
            names: if learnt.redirects { quirks.names_by_redirector } else { quirks.names },
            modified_resolution: Some(std::time::Duration::from_secs(1)),
        }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.0.acquaint(call).await?;
        match self.0.look(call, self.0.shown.path(), Operation::Open).await {
            // Whoever may not look at this path may still be allowed to look elsewhere.
            Err(error) if !refers_to_path(error.kind()) => Err(error),
            _ => Ok(self.capabilities()),
        }
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        Ok(self.0.look(call, path, Operation::Stat).await?.map(|seen| seen.metadata))
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.stat(call, path).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.0.read(call, path, options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.0.read_ranges(call, path, ranges, validator).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.0.read_into(call, path, offset, buffer, validator).await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        put::put(&self.0, call, path, source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        list::list(self.0.clone(), call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.0.create_directory(call, path, parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.0.remove_file(call, path).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        change::remove_directory(&self.0, call, path).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        change::rename(&self.0, call, from, to, destination).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        change::copy(&self.0, call, from, to, destination).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.0.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.0.third_party(call, path, order).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.0.tape(call, order).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.digest(call, path, wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let seen = self.0.look_for_file(call, path, Operation::LocalFile).await?;
        self.0.same_version(path, validator, &seen.metadata.identity())?;
        Ok(None)
    }

    async fn set_modified(&self, _call: &Call, path: &Path, _time: SystemTime) -> Result<()> {
        Err(self.0.cannot(path, "setting the time of modification", Operation::SetMetadata))
    }

    async fn set_mode(&self, _call: &Call, path: &Path, _mode: u32) -> Result<()> {
        Err(self.0.cannot(path, "setting permissions", Operation::SetMetadata))
    }

    async fn create_link(&self, _call: &Call, path: &Path, _target: &[u8]) -> Result<()> {
        Err(self.0.cannot(path, "symbolic links", Operation::Link))
    }

    async fn read_link(&self, _call: &Call, path: &Path) -> Result<Vec<u8>> {
        Err(self.0.cannot(path, "symbolic links", Operation::Link))
    }

    async fn attributes(&self, _call: &Call, path: &Path) -> Result<Vec<String>> {
        Err(self.0.cannot(path, "extended attributes", Operation::SetMetadata))
    }

    async fn attribute(&self, _call: &Call, path: &Path, _name: &str) -> Result<Option<Vec<u8>>> {
        Err(self.0.cannot(path, "extended attributes", Operation::SetMetadata))
    }

    async fn set_attribute(&self, _call: &Call, path: &Path, _name: &str, _value: Option<&[u8]>) -> Result<()> {
        Err(self.0.cannot(path, "extended attributes", Operation::SetMetadata))
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.0.space(call, path).await
    }
}

impl Endpoint {
    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        Error::new(ErrorKind::Unsupported, format!("WebDAV has no way of {what}")).at(self.url(path)).during(operation)
    }

    /// The algorithms that are worth asking for: the configured one, those that answered before, and then the rest.
    fn offered(&self) -> Vec<Algorithm> {
        let Offers::Perhaps(order) = self.quirks().offers else { return Vec::new() };
        let learnt = self.learnt();
        let fresh = order.iter().filter(|a| !learnt.digests.contains(a));
        let configured = self.settings.checksum.filter(|a| !order.contains(a) && !learnt.digests.contains(a));
        let all = learnt.digests.iter().chain(fresh).copied().chain(configured).filter(|a| !learnt.lacks(*a));
        self.preferred(all.collect())
    }

    /// The configured algorithm before the others.
    fn preferred(&self, mut algorithms: Vec<Algorithm>) -> Vec<Algorithm> {
        algorithms.sort_by_key(|algorithm| Some(*algorithm) != self.settings.checksum);
        algorithms
    }
}

impl Learnt {
    /// Whether the server has no checksums of this kind. One file without is no proof: it may be an old one, or its
    /// checksum is still to be computed.
    fn lacks(&self, algorithm: Algorithm) -> bool {
        const PROOF: usize = 3;
        self.no_digests.iter().filter(|missing| **missing == algorithm).count() >= PROOF
    }

    fn digest_seen(&mut self, algorithm: Algorithm) {
        if !self.digests.contains(&algorithm) {
            self.digests.push(algorithm);
            self.no_digests.retain(|missing| *missing != algorithm);
        }
    }

    fn digest_missed(&mut self, algorithm: Algorithm) {
        if !self.digests.contains(&algorithm) && !self.lacks(algorithm) {
            self.no_digests.push(algorithm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_without_a_checksum_is_no_reason_to_ask_no_more() {
        let (mut learnt, algorithm) = (Learnt::default(), Algorithm::Adler32);
        learnt.digest_missed(algorithm);
        learnt.digest_missed(algorithm);
        assert!(!learnt.lacks(algorithm));
        learnt.digest_missed(algorithm);
        assert!(learnt.lacks(algorithm));
        learnt.digest_seen(algorithm);
        (0..10).for_each(|_| learnt.digest_missed(algorithm));
        assert!(!learnt.lacks(algorithm), "it has some");
    }
}
