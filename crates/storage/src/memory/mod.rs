//! A storage in memory: the reference of the contract, and what tests stand on.

mod tree;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use self::tree::{Links, Node, Tree};
use crate::{
    Algorithm, Backend, ByteRange, ByteStream, Call, Capabilities, Computed, Destination, Digest, Entry, Error,
    ErrorKind, Hasher, ListOptions, Listing, LocalFile, Metadata, NameRules, NoClobber, Operation, Overwrite, Page,
    Parents, Path, Proof, Publish, PutOptions, ReadOptions, Reading, Receipt, Result, Source, Space, Support, Taken,
    Validator, Verify, encode_path, exactly,
};

/// How many bytes a read gives at once.
const CHUNK: usize = 64 * 1024;

/// A storage in memory. It can all that the contract knows but local files, and every step of it is atomic.
///
/// Clones share their content.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> law_storage::Result<()> {
/// use law_storage::{Backend, BytesSource, Call, Memory, Path, PutOptions, ReadOptions};
/// let (memory, call, path) = (Memory::new(), Call::new(), Path::parse("hello.txt")?);
/// memory.put(&call, &path, &BytesSource::new("hello"), &PutOptions::default()).await?;
/// let reading = memory.read(&call, &path, &ReadOptions::whole()).await?;
/// assert_eq!(reading.collect(100).await?, "hello");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Memory {
    tree: Arc<Mutex<Tree>>,
    capabilities: Capabilities,
    page_size: usize,
    etags: bool,
    /// The host of its URLs.
    name: String,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} bytes)", self.tree().used())
    }
}

impl Memory {
    /// An empty storage.
    pub fn new() -> Self {
        let capabilities = Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::Yes,
            copy: Support::Yes,
            write: Support::Yes,
            symlinks: Support::Yes,
            modes: Support::Yes,
            set_modified: Support::Yes,
            keeps_modified: Support::Yes,
            space: Support::Yes,
            local_files: Support::No,
            digests: Algorithm::ALL.to_vec(),
            digests_differ: false,
            loses_digests: false,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite: Overwrite::Atomic,
            no_clobber: NoClobber::Atomic,
            publish: Publish::Rename,
            names: NameRules::BYTES,
            modified_resolution: Some(Duration::from_nanos(1)),
        };
        Self { tree: Arc::new(Mutex::new(Tree::new())), capabilities, page_size: 100, etags: true, name: String::new() }
    }

    /// The same content with less (or other) capabilities: what they deny is `Unsupported`.
    #[must_use]
    pub fn with_capabilities(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// The same content, whose versions are told apart by size and time alone, as at servers without etags.
    #[must_use]
    pub fn without_etags(mut self) -> Self {
        self.etags = false;
        self
    }

    /// Another door to the same content, whose URLs have this host.
    #[must_use]
    pub fn at_door(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Lists in pages of so many entries.
    #[must_use]
    pub fn with_page_size(mut self, entries: usize) -> Self {
        self.page_size = entries.max(1);
        self
    }

    // A std mutex, as it is never held across an await; and a panic under it cannot leave half a change behind.
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one step under the lock; whatever fails says where.
    fn on<T>(
        &self,
        (call, operation, path): (&Call, Operation, &Path),
        needs: &[Support],
        work: impl FnOnce(&mut Tree) -> Result<T>,
    ) -> Result<T> {
        call.check()
            .and_then(|()| offered(operation, needs))
            .and_then(|()| self.admit(path))
            .and_then(|()| work(&mut self.tree()))
            .map_err(|error| self.place(error, operation, path))
    }

    fn place(&self, error: Error, operation: Operation, path: &Path) -> Error {
        error.at(self.url(path)).during(operation)
    }

    fn admit(&self, path: &Path) -> Result<()> {
        self.capabilities.names.refusal(path).map_or(Ok(()), |refusal| Err(refusal.error()))
    }

    /// The bytes of a file, which stay what they are, and their version.
    fn version(&self, call: &Call, path: &Path, wanted: Option<&Validator>) -> Result<(Bytes, Validator)> {
        self.on((call, Operation::Read, path), &[], |tree| {
            let node = tree.find(path, Links::Follow)?;
            let bytes = node.bytes()?.clone();
            wanted.map_or(Ok(()), |wanted| node.must_be(wanted))?;
            Ok((bytes, if self.etags { node.validator() } else { self.told(node).identity() }))
        })
    }

    /// What is told of something.
    fn told(&self, node: &Node) -> Metadata {
        let metadata = node.metadata();
        if self.etags { metadata } else { Metadata { validator: None, ..metadata } }
    }

    fn ranges_offered(&self, path: &Path) -> Result<()> {
        offered(Operation::Read, &[self.capabilities.ranges])
            .map_err(|error| self.place(error, Operation::Read, path).hint("read the whole file"))
    }

    fn stream(&self, call: &Call, path: &Path, content: Bytes, range: ByteRange) -> ByteStream {
        let (call, url) = (call.clone(), self.url(path));
        let pieces = stream::iter(pieces(slice(&content, range))).map(move |piece| match call.check() {
            Ok(()) => Ok(piece),
            Err(error) => Err(error.at(&url).during(Operation::Read)),
        });
        exactly(range, pieces)
    }

    fn page(&self, call: &Call, path: &Path, after: Option<&[u8]>) -> Result<Page> {
        let found = self.on((call, Operation::List, path), &[self.capabilities.list], |tree| {
            tree.entries(path, after, self.page_size + 1)
        })?;
        let last = (found.len() > self.page_size).then(|| token(&found[self.page_size - 1].0));
        let entry = |(name, metadata): (Vec<u8>, Metadata)| Ok(Entry { path: path.child(name)?, metadata });
        let entries: Result<Vec<Entry>> = found.into_iter().take(self.page_size).map(entry).collect();
        Ok(Page { entries: entries?, continuation: last })
    }

    /// The checksum that proves what is kept.
    fn proof_by(&self, options: &PutOptions) -> Result<Option<Algorithm>> {
        let ours = &self.capabilities.digests;
        let algorithm = options.algorithm.filter(|wanted| ours.contains(wanted));
        match options.verify {
            Verify::Size | Verify::None => Ok(None),
            Verify::Auto => Ok(algorithm.or(ours.first().copied())),
            Verify::Require if options.algorithm.is_none() && !ours.is_empty() => Ok(ours.first().copied()),
            Verify::Require if algorithm.is_some() => Ok(algorithm),
            Verify::Require => Err(Error::new(ErrorKind::Unsupported, "no such checksum by the storage")),
        }
    }

    async fn write(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let frame = (call, Operation::Put, path);
        self.on(frame, &[self.capabilities.write], |tree| tree.may_put(path, options))?;
        let algorithm = self.proof_by(options)?;
        let (content, taken, source_proof) = call.bound(take(call, source, algorithm)).await?;
        let kept = algorithm.and_then(|algorithm| digest_of(&content, algorithm));
        let proof = compare(options.verify, &content, &taken, kept.as_ref())?;
        let node = Node::file(content, options);
        let (validator, replaced) = self.on(frame, &[], |tree| tree.publish(path, node, options))?;
        let here = taken.digests.into_iter().map(|digest| (digest, Computed::Here));
        Ok(Receipt {
            size: taken.size,
            digests: here.chain(kept.map(|digest| (digest, Computed::Storage))).collect(),
            validator: Some(validator),
            proof,
            source_proof,
            publish: self.capabilities.publish,
            overwrite: replaced.then_some(self.capabilities.overwrite),
            door: self.url(&Path::root()),
            attempts: Vec::new(),
        })
    }
}

/// Takes all bytes of a source, and lets it prove itself.
async fn take(call: &Call, source: &dyn Source, algorithm: Option<Algorithm>) -> Result<(Bytes, Taken, Proof)> {
    let mut hasher = Hasher::new(source.wanted().into_iter().chain(algorithm));
    let stream = source.open(call, 0).await?;
    let mut stream = match source.size() {
        Some(size) => exactly(ByteRange::whole(size), stream),
        None => stream,
    };
    let mut content = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| error.at(source.describe()))?;
        hasher.update(&chunk);
        content.extend_from_slice(&chunk);
    }
    let taken = Taken { size: hasher.length(), digests: hasher.finish() };
    let proof = source.prove(call, &taken).await?;
    Ok((content.freeze(), taken, proof))
}

fn compare(verify: Verify, content: &Bytes, taken: &Taken, kept: Option<&Digest>) -> Result<Proof> {
    let same = |digest: &Digest| taken.digests.contains(digest);
    if content.len() as u64 != taken.size || !kept.is_none_or(same) {
        return Err(Error::new(ErrorKind::Integrity, "what is kept is not what was sent"));
    }
    Ok(match kept {
        Some(digest) => Proof::Checksum(digest.algorithm()),
        None if verify == Verify::None => Proof::None,
        None => Proof::Size,
    })
}

fn digest_of(content: &[u8], algorithm: Algorithm) -> Option<Digest> {
    let mut hasher = Hasher::new([algorithm]);
    hasher.update(content);
    hasher.finish().pop()
}

fn offered(operation: Operation, needs: &[Support]) -> Result<()> {
    match needs.iter().all(|support| support.possible()) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Unsupported, format!("this storage does not offer it ({operation:?})"))),
    }
}

fn slice(content: &Bytes, range: ByteRange) -> Bytes {
    // A range that was clamped to a size in memory fits into usize.
    content.slice(range.offset as usize..range.end() as usize)
}

fn pieces(content: Bytes) -> impl Iterator<Item = Bytes> + Send + 'static {
    (0..content.len()).step_by(CHUNK).map(move |at| content.slice(at..content.len().min(at + CHUNK)))
}

/// Where a listing goes on: a name, as text.
fn token(name: &[u8]) -> String {
    percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn name_of(token: &str) -> Vec<u8> {
    percent_decode_str(token).collect()
}

#[async_trait]
impl Backend for Memory {
    fn url(&self, path: &Path) -> String {
        format!("memory://{}/{}", self.name, encode_path(path))
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.on((call, Operation::Open, &Path::root()), &[], |_| Ok(self.capabilities.clone()))
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.on((call, Operation::Stat, path), &[], |tree| {
            Ok(tree.look(path, Links::Follow)?.map(|node| self.told(node)))
        })
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.on((call, Operation::Stat, path), &[], |tree| {
            Ok(tree.look(path, Links::Keep)?.map(|node| self.told(node)))
        })
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let (content, validator) = self.version(call, path, options.validator.as_ref())?;
        let whole = ByteRange::whole(content.len() as u64);
        let range = options.range.unwrap_or(whole).clamp(whole.length);
        if range != whole {
            self.ranges_offered(path)?;
        }
        let stream = self.stream(call, path, content, range);
        Ok(Reading { size: whole.length, range, validator, digests: Vec::new(), stream })
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let (content, _) = self.version(call, path, validator)?;
        self.ranges_offered(path)?;
        Ok(ranges.iter().map(|range| slice(&content, range.clamp(content.len() as u64))).collect())
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let (content, _) = self.version(call, path, validator)?;
        self.ranges_offered(path)?;
        let part = slice(&content, ByteRange::new(offset, buffer.len() as u64).clamp(content.len() as u64));
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let written = self.write(call, path, source, options).await;
        written.map_err(|error| self.place(error, Operation::Put, path).leaving("nothing was published"))
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let first = self.page(call, path, options.after.as_deref().map(name_of).as_deref())?;
        let state = (self.clone(), call.clone(), path.clone());
        let rest = stream::try_unfold((state, first.continuation.clone()), |(state, token)| async move {
            let Some(token) = token else { return Ok(None) };
            let page = state.0.page(&state.1, &state.2, Some(&name_of(&token)))?;
            let next = page.continuation.clone();
            Ok(Some((page, (state, next))))
        });
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let frame = (call, Operation::CreateDirectory, path);
        self.on(frame, &[self.capabilities.write], |tree| tree.create_directory(path, parents))
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.on((call, Operation::Remove, path), &[self.capabilities.write], |tree| tree.remove_file(path))
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.on((call, Operation::Remove, path), &[self.capabilities.write], |tree| tree.remove_directory(path))
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let needs = [self.capabilities.write, self.capabilities.rename];
        self.on((call, Operation::Rename, to), &needs, |_| Ok(()))?;
        self.on((call, Operation::Rename, from), &needs, |tree| tree.rename(from, to, destination))
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let needs = [self.capabilities.write, self.capabilities.copy];
        self.on((call, Operation::Copy, to), &needs, |_| Ok(()))?;
        self.on((call, Operation::Copy, from), &needs, |tree| tree.copy(from, to, destination))
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let content = self.on((call, Operation::Digest, path), &[], |tree| {
            tree.find(path, Links::Follow).and_then(Node::bytes).cloned()
        })?;
        let ours = &self.capabilities.digests;
        let chosen = match wanted {
            [] => ours.first(),
            wanted => wanted.iter().find(|algorithm| ours.contains(algorithm)),
        };
        Ok(chosen.and_then(|&algorithm| digest_of(&content, algorithm)))
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.on((call, Operation::LocalFile, path), &[], |tree| {
            let node = tree.find(path, Links::Follow)?;
            node.bytes()?;
            validator.map_or(Ok(None), |wanted| node.must_be(wanted).map(|()| None))
        })
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        let needs = [self.capabilities.write, self.capabilities.set_modified];
        self.on((call, Operation::SetMetadata, path), &needs, |tree| {
            tree.find_mut(path, Links::Follow).map(|node| node.set_modified(time))
        })
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        let needs = [self.capabilities.write, self.capabilities.modes];
        self.on((call, Operation::SetMetadata, path), &needs, |tree| {
            tree.find_mut(path, Links::Follow).map(|node| node.mode = mode & 0o7777)
        })
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        let needs = [self.capabilities.write, self.capabilities.symlinks];
        self.on((call, Operation::Link, path), &needs, |tree| tree.create_link(path, target))
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.on((call, Operation::Link, path), &[self.capabilities.symlinks], |tree| tree.read_link(path))
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.on((call, Operation::Stat, path), &[], |tree| {
            Ok(tree.find(path, Links::Follow)?.attributes.keys().cloned().collect())
        })
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.on((call, Operation::Stat, path), &[], |tree| {
            Ok(tree.find(path, Links::Follow)?.attributes.get(name).cloned())
        })
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.on((call, Operation::SetMetadata, path), &[self.capabilities.write], |tree| {
            let attributes = &mut tree.find_mut(path, Links::Follow)?.attributes;
            match value {
                Some(value) => attributes.insert(name.into(), value.into()),
                None => attributes.remove(name),
            };
            Ok(())
        })
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.on((call, Operation::Space, path), &[self.capabilities.space], |tree| {
            tree.find(path, Links::Follow)?;
            Ok(Space { used: Some(tree.used()), available: None })
        })
    }
}
