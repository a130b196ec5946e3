//! All objects of a file by their paths.

use std::collections::HashMap;
use std::rc::Rc;

use rust_hdf5::format::messages::{
    MSG_DATA_LAYOUT, MSG_DATASPACE, MSG_DATATYPE, MSG_GROUP_INFO, MSG_LINK, MSG_LINK_INFO, MSG_SYMBOL_TABLE,
};

use super::blocks::Blocks;
use super::header::Header;
use super::tree::{Target, Tree};
use super::trimmed;
use crate::{Error, ErrorKind, Result};

/// Groups within groups. Beyond it, a file is not listed.
const DEEPEST: usize = 128;
/// Objects of a file that is loaded.
const MOST_OBJECTS: usize = 1_000_000;
/// Links that lead to links.
const MOST_HOPS: usize = 40;

/// An object and its path, without slashes at the ends; the root's is empty.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) what: What,
}

/// What stands under a name.
#[derive(Debug, Clone)]
pub(super) enum What {
    Group(Header),
    Dataset(Header),
    /// A type that datasets share.
    Type,
    /// A link to a path of the same file; also a second name of a group.
    Link(String),
    /// A link out of the file.
    Elsewhere,
    /// An object with something that this crate does not know.
    Unknown(String),
}

/// A walk through all objects, a group before what is in it, names in order. Every group is entered once.
pub(super) struct Walk<'t> {
    tree: &'t Tree,
    pending: Vec<(String, Target, usize)>,
    entered: HashMap<u64, String>,
}

impl<'t> Walk<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Self {
            tree,
            pending: vec![(String::new(), Target::Object(tree.root, tree.root_cache), 0)],
            entered: HashMap::new(),
        }
    }

    /// The next object; none at the end.
    pub(super) fn next(&mut self, blocks: &mut Blocks<'_>) -> Result<Option<Found>> {
        let Some((path, target, depth)) = self.pending.pop() else { return Ok(None) };
        let what = match target {
            Target::Path(to) => What::Link(absolute(&path, &to)),
            Target::Elsewhere => What::Elsewhere,
            Target::Object(address, cache) => self.object(blocks, &path, (address, cache), depth)?,
        };
        Ok(Some(Found { path, what }))
    }

    fn object(
        &mut self,
        blocks: &mut Blocks<'_>,
        path: &str,
        (address, cache): (u64, Option<(u64, u64)>),
        depth: usize,
    ) -> Result<What> {
        if let Some(first) = self.entered.get(&address) {
            return Ok(What::Link(first.clone()));
        }
        let header = match Header::read(blocks, &self.tree.context, address) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(What::Unknown(error.to_string())),
            other => other.map_err(|error| error.of(format!("/{path}")))?,
        };
        if !is_group(&header) {
            let whole = header.has(MSG_DATASPACE) && header.has(MSG_DATA_LAYOUT);
            return Ok(if whole { What::Dataset(header) } else { What::Type });
        }
        if depth >= DEEPEST {
            return Err(Error::malformed(format!("/{path}: groups within groups, {DEEPEST} deep")));
        }
        self.entered.insert(address, path.to_owned());
        let children = self.tree.children(blocks, &header, cache).map_err(|error| error.of(format!("/{path}")))?;
        let children = children.into_iter().rev().map(|(name, target)| (joined(path, &name), target, depth + 1));
        self.pending.extend(children);
        Ok(What::Group(header))
    }
}

/// A group is told by how it keeps its names; an empty one may keep nothing.
fn is_group(header: &Header) -> bool {
    let named = [MSG_LINK, MSG_LINK_INFO, MSG_SYMBOL_TABLE, MSG_GROUP_INFO].into_iter().any(|kind| header.has(kind));
    named || !header.has(MSG_DATATYPE)
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// Where a link at `path` leads to: its text counts from the root, or from the group that it is in.
fn absolute(path: &str, to: &str) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let start = if to.starts_with('/') { "" } else { parent };
    let steps = start.split('/').chain(to.split('/')).filter(|step| !step.is_empty() && *step != ".");
    steps.collect::<Vec<_>>().join("/")
}

/// All objects of a file.
pub(super) struct Catalog {
    objects: Rc<Vec<Found>>,
    places: HashMap<String, usize>,
}

impl Catalog {
    /// Walks through a file.
    pub(super) fn read(blocks: &mut Blocks<'_>, tree: &Tree) -> Result<Self> {
        let (mut walk, mut objects) = (Walk::new(tree), Vec::new());
        while let Some(found) = walk.next(blocks)? {
            if objects.len() == MOST_OBJECTS {
                return Err(Error::unsupported(format!("HDF5 with more than {MOST_OBJECTS} objects")));
            }
            objects.push(found);
        }
        let places = objects.iter().enumerate().map(|(place, found)| (found.path.clone(), place)).collect();
        Ok(Self { objects: Rc::new(objects), places })
    }

    /// All objects, to go through while others are looked up.
    pub(super) fn objects(&self) -> Rc<Vec<Found>> {
        Rc::clone(&self.objects)
    }

    /// All objects, a group before what is in it.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.objects.iter()
    }

    /// Paths and headers of the datasets.
    pub(super) fn datasets(&self) -> impl Iterator<Item = (&str, &Header)> {
        self.iter().filter_map(|found| match &found.what {
            What::Dataset(header) => Some((found.path.as_str(), header)),
            _ => None,
        })
    }

    /// The object of that path, through links.
    pub(super) fn find(&self, path: &str) -> Result<&Found> {
        let mut path = trimmed(path).to_owned();
        for _ in 0..MOST_HOPS {
            if let Some(found) = self.at(&path)
                && !matches!(found.what, What::Link(_))
            {
                return Ok(found);
            }
            let next = self.through_a_link(&path);
            path = next.ok_or_else(|| Error::wrong_type(format!("has nothing that is named {path:?}")))?;
        }
        Err(Error::wrong_type(format!("{path:?} is a link that leads to itself")))
    }

    fn at(&self, path: &str) -> Option<&Found> {
        self.places.get(path).map(|place| &self.objects[*place])
    }

    /// The path with the first link in it replaced by what it leads to.
    fn through_a_link(&self, path: &str) -> Option<String> {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for end in ends {
            if let Some(Found { what: What::Link(to), .. }) = self.at(&path[..end]) {
                return Some(trimmed(&format!("{to}{}", &path[end..])).to_owned());
            }
        }
        None
    }
}
