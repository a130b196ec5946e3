//! The tree of names behind [`Memory`](super::Memory): everything that happens under its lock.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

use crate::{
    Comparison, Destination, Error, ErrorKind, Existing, Kind, Metadata, Modified, Parents, Path, PutOptions, Result,
    Validator,
};

/// As many links in a row as Linux follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Whether a link at the end of a path is followed; those before always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Keep,
}

type Children = BTreeMap<Vec<u8>, Node>;

/// Something that has a name.
#[derive(Clone)]
pub(super) struct Node {
    content: Content,
    modified: SystemTime,
    pub(super) mode: u32,
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone)]
enum Content {
    File { bytes: Bytes, generation: u64 },
    Directory(Children),
    Link(Vec<u8>),
}

impl Node {
    pub(super) fn file(bytes: Bytes, options: &PutOptions) -> Self {
        let mut node = Self::new(Content::File { bytes, generation: 0 }, options.mode.unwrap_or(0o644));
        node.modified = options.modified.unwrap_or(node.modified);
        node
    }

    fn directory() -> Self {
        Self::new(Content::Directory(Children::new()), 0o755)
    }

    fn link(target: &[u8]) -> Self {
        Self::new(Content::Link(target.to_vec()), 0o777)
    }

    fn new(content: Content, mode: u32) -> Self {
        Self { content, modified: SystemTime::now(), mode, attributes: BTreeMap::new() }
    }

    pub(super) fn set_modified(&mut self, time: SystemTime) {
        self.modified = time;
    }

    pub(super) fn metadata(&self) -> Metadata {
        let mut metadata = match &self.content {
            Content::File { bytes, .. } => Metadata::file(bytes.len() as u64),
            Content::Directory(_) => Metadata::directory(),
            Content::Link(_) => Metadata::of(Kind::Symlink),
        };
        metadata.modified = Some(Modified::nanoseconds(self.modified));
        metadata.mode = Some(self.mode);
        metadata.validator = self.bytes().is_ok().then(|| self.validator());
        metadata
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self) -> Result<&Bytes> {
        match &self.content {
            Content::File { bytes, .. } => Ok(bytes),
            Content::Directory(_) => Err(plain(ErrorKind::IsADirectory)),
            Content::Link(_) => Err(plain(ErrorKind::NotFound)),
        }
    }

    /// What identifies this version: no two ever share a generation.
    pub(super) fn validator(&self) -> Validator {
        match &self.content {
            Content::File { bytes, generation } => {
                Validator::etag(format!("\"{generation}\"")).with_size(Some(bytes.len() as u64))
            }
            _ => Validator::default(),
        }
    }

    /// An error if this is not the version that is wanted, as far as the two can be compared.
    pub(super) fn must_be(&self, wanted: &Validator) -> Result<()> {
        match self.compare(wanted) {
            Comparison::Same | Comparison::Unknown => Ok(()),
            Comparison::Different => Err(Error::new(ErrorKind::Changed, "another version")),
        }
    }

    fn compare(&self, wanted: &Validator) -> Comparison {
        let modified = Modified::nanoseconds(self.modified);
        wanted.compare(&self.validator().with_modified(Some(modified)))
    }

    fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }

    fn children(&self) -> Result<&Children> {
        match &self.content {
            Content::Directory(children) => Ok(children),
            _ => Err(plain(ErrorKind::NotADirectory)),
        }
    }

    fn children_mut(&mut self) -> Result<&mut Children> {
        match &mut self.content {
            Content::Directory(children) => Ok(children),
            _ => Err(plain(ErrorKind::NotADirectory)),
        }
    }

    fn used(&self) -> u64 {
        match &self.content {
            Content::File { bytes, .. } => bytes.len() as u64,
            Content::Directory(children) => children.values().map(Self::used).sum(),
            Content::Link(_) => 0,
        }
    }
}

/// All names, and the counter of versions.
pub(super) struct Tree {
    root: Node,
    generation: u64,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { root: Node::directory(), generation: 0 }
    }

    /// Bytes in all files.
    pub(super) fn used(&self) -> u64 {
        self.root.used()
    }

    /// What is at `path`: `NotFound`, or `NotADirectory` where a parent is a file.
    pub(super) fn find(&self, path: &Path, links: Links) -> Result<&Node> {
        let path = self.resolve(path, links)?;
        path.segments().try_fold(&self.root, |node, name| node.children()?.get(name).ok_or_else(missing))
    }

    pub(super) fn find_mut(&mut self, path: &Path, links: Links) -> Result<&mut Node> {
        let path = self.resolve(path, links)?;
        path.segments().try_fold(&mut self.root, |node, name| node.children_mut()?.get_mut(name).ok_or_else(missing))
    }

    /// As [`Tree::find`], but nothing there is an answer.
    pub(super) fn look(&self, path: &Path, links: Links) -> Result<Option<&Node>> {
        match self.find(path, links) {
            Ok(node) => Ok(Some(node)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path without links that `path` means.
    fn resolve(&self, path: &Path, last: Links) -> Result<Path> {
        let mut done: Vec<Vec<u8>> = Vec::new();
        let mut todo = steps(path.as_bytes());
        let mut followed = 0;
        while let Some(name) = todo.pop() {
            let keep = todo.is_empty() && last == Links::Keep;
            match self.link_at(&done, &name).filter(|_| !keep) {
                Some(_) if followed == MOST_LINKS => return Err(too_many_links()),
                Some(target) => {
                    followed += 1;
                    if target.starts_with(b"/") {
                        done.clear();
                    }
                    todo.extend(steps(target));
                }
                None if name == b".." => drop(done.pop()),
                None => done.push(name),
            }
        }
        Ok(Path::parse(done.join(&b'/'))?)
    }

    fn link_at(&self, directory: &[Vec<u8>], name: &[u8]) -> Option<&[u8]> {
        let mut names = directory.iter().map(Vec::as_slice).chain([name]);
        let node = names.try_fold(&self.root, |node, name| node.children().ok()?.get(name))?;
        match &node.content {
            Content::Link(target) => Some(target),
            _ => None,
        }
    }

    /// The directory that holds the last name of `path`, and this name.
    fn slot<'p>(&mut self, path: &'p Path) -> Result<(&mut Children, &'p [u8])> {
        let root = || Error::new(ErrorKind::InvalidInput, "the root itself");
        let (parent, name) = path.parent().zip(path.name()).ok_or_else(root)?;
        Ok((self.find_mut(&parent, Links::Follow)?.children_mut()?, name))
    }

    /// Whether a file may be published at `path`, and if it replaces another. A link stays: what it points to is
    /// replaced, as it is what reads see.
    pub(super) fn may_put(&self, path: &Path, options: &PutOptions) -> Result<bool> {
        let path = self.resolve(path, Links::Follow)?;
        let Some(node) = self.look(&path, Links::Keep)? else {
            self.check_parent(&path, options.parents)?;
            return match options.existing {
                Existing::ReplaceOnly(_) => Err(Error::new(ErrorKind::Changed, "the version to replace is gone")),
                _ => Ok(false),
            };
        };
        match &options.existing {
            _ if node.is_directory() => Err(plain(ErrorKind::IsADirectory)),
            Existing::Replace => Ok(true),
            Existing::Refuse => Err(plain(ErrorKind::AlreadyExists)),
            Existing::ReplaceOnly(wanted) if node.compare(wanted) == Comparison::Same => Ok(true),
            Existing::ReplaceOnly(_) => Err(Error::new(ErrorKind::Changed, "not the version to replace")),
        }
    }

    fn check_parent(&self, path: &Path, parents: Parents) -> Result<()> {
        let parent = path.parent().unwrap_or_default();
        match self.find(&parent, Links::Follow) {
            Ok(node) => node.children().map(drop),
            Err(error) if error.kind() == ErrorKind::NotFound && parents == Parents::Create => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(no_parent()),
            Err(error) => Err(error),
        }
    }

    /// Publishes a file in one step: its validator, and whether it replaced another.
    pub(super) fn publish(&mut self, path: &Path, node: Node, options: &PutOptions) -> Result<(Validator, bool)> {
        let path = &self.resolve(path, Links::Follow)?;
        let replaced = self.may_put(path, options)?;
        if options.parents == Parents::Create {
            self.create_directory(&path.parent().unwrap_or_default(), Parents::Create)?;
        }
        Ok((self.insert_file(path, node)?, replaced))
    }

    fn insert_file(&mut self, path: &Path, mut node: Node) -> Result<Validator> {
        self.generation += 1;
        if let Content::File { generation, .. } = &mut node.content {
            *generation = self.generation;
        }
        let validator = node.validator();
        let (children, name) = self.slot(path)?;
        children.insert(name.to_vec(), node);
        Ok(validator)
    }

    /// At most `count` entries of a directory that come after the name `after`.
    pub(super) fn entries(&self, path: &Path, after: Option<&[u8]>, count: usize) -> Result<Vec<(Vec<u8>, Metadata)>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let children = self.find(path, Links::Follow)?.children()?;
        let rest = children.range::<[u8], _>((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(rest.take(count).map(|(name, node)| (name.clone(), node.metadata())).collect())
    }

    pub(super) fn create_directory(&mut self, path: &Path, parents: Parents) -> Result<()> {
        match self.look(path, Links::Follow)? {
            Some(node) if node.is_directory() => return Ok(()),
            Some(_) => return Err(plain(ErrorKind::AlreadyExists)),
            None => self.check_parent(path, parents)?,
        }
        if let Some(parent) = path.parent().filter(|_| parents == Parents::Create) {
            self.create_directory(&parent, parents)?;
        }
        self.insert_new(path, Node::directory())
    }

    pub(super) fn create_link(&mut self, path: &Path, target: &[u8]) -> Result<()> {
        if target.is_empty() || target.contains(&0) {
            return Err(Error::new(ErrorKind::InvalidInput, "a link needs a target without NUL bytes"));
        }
        self.check_parent(path, Parents::Require)?;
        self.insert_new(path, Node::link(target))
    }

    fn insert_new(&mut self, path: &Path, node: Node) -> Result<()> {
        let (children, name) = self.slot(path)?;
        if children.contains_key(name) {
            return Err(plain(ErrorKind::AlreadyExists));
        }
        children.insert(name.to_vec(), node);
        Ok(())
    }

    pub(super) fn read_link(&self, path: &Path) -> Result<Vec<u8>> {
        match &self.find(path, Links::Keep)?.content {
            Content::Link(target) => Ok(target.clone()),
            _ => Err(Error::new(ErrorKind::InvalidInput, "not a symbolic link")),
        }
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> Result<()> {
        if self.find(path, Links::Keep)?.is_directory() {
            return Err(plain(ErrorKind::IsADirectory));
        }
        self.take(path).map(drop)
    }

    pub(super) fn remove_directory(&mut self, path: &Path) -> Result<()> {
        let empty = self.find(path, Links::Keep)?.children()?.is_empty();
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed"));
        }
        if !empty {
            return Err(plain(ErrorKind::NotEmpty));
        }
        self.take(path).map(drop)
    }

    fn take(&mut self, path: &Path) -> Result<Node> {
        let (children, name) = self.slot(path)?;
        children.remove(name).ok_or_else(missing)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let node = self.find(from, Links::Keep)?;
        let directory = node.is_directory();
        if self.same(from, to)? {
            return Ok(());
        }
        if directory && self.resolve(to, Links::Keep)?.starts_with(&self.resolve(from, Links::Keep)?) {
            return Err(Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself"));
        }
        self.check_destination(to, directory, destination)?;
        let node = self.take(from)?;
        let (children, name) = self.slot(to)?;
        children.insert(name.to_vec(), node);
        Ok(())
    }

    pub(super) fn copy(&mut self, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let node = self.find(from, Links::Follow)?;
        node.bytes()?;
        let node = Node { modified: SystemTime::now(), ..node.clone() };
        if self.same(from, to)? {
            return Ok(());
        }
        self.check_destination(to, false, destination)?;
        self.insert_file(to, node).map(drop)
    }

    fn same(&self, from: &Path, to: &Path) -> Result<bool> {
        Ok(self.resolve(from, Links::Keep)? == self.resolve(to, Links::Keep)?)
    }

    fn check_destination(&self, to: &Path, directory: bool, destination: Destination) -> Result<()> {
        let Some(there) = self.look(to, Links::Keep)? else {
            return self.check_parent(to, Parents::Require);
        };
        Err(plain(match (destination, there.is_directory(), directory) {
            (Destination::Replace, false, false) => return Ok(()),
            (Destination::Replace, true, false) => ErrorKind::IsADirectory,
            (Destination::Replace, false, true) => ErrorKind::NotADirectory,
            _ => ErrorKind::AlreadyExists,
        }))
    }
}

/// The names of a path or of a link's target, the first one last.
fn steps(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|&b| b == b'/').rev().filter(|name| !matches!(*name, b"" | b".")).map(<[u8]>::to_vec).collect()
}

fn plain(kind: ErrorKind) -> Error {
    Error::new(kind, kind.phrase())
}

fn missing() -> Error {
    plain(ErrorKind::NotFound)
}

fn no_parent() -> Error {
    Error::new(ErrorKind::NotFound, "the parent directory does not exist")
}

fn too_many_links() -> Error {
    Error::new(ErrorKind::InvalidInput, "too many symbolic links in a row")
}
