//! What is in a file, without reading all of it.

use super::attributes::{Attribute, Attributes};
use super::blocks::{Blocks, parse};
use super::catalog::{Found, Walk, What};
use super::datatype::Kind;
use super::header::Header;
use super::layout::{Layout, Place, count, filter_name, show};
use super::load::open_part;
use super::numbers;
use super::text::{self, Texts};
use super::tree::Tree;
use super::values::Values;
use crate::{Input, Result};

/// Files up to this size are copied for the values of what is in pieces.
const LARGEST_COPY: u64 = 16 * 1024 * 1024;
/// Characters of a text that are shown.
const WIDTH: usize = 60;

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// Datasets, groups and links at most: each can cost a request.
    pub entries: usize,
    /// The first values of each dataset and each attribute, at most.
    pub values: usize,
    /// Attributes of each dataset or group, at most.
    pub attributes: usize,
}

impl Default for Peek {
    fn default() -> Self {
        Self { entries: 100, values: 8, attributes: 8 }
    }
}

/// The place of an entry, and how many of its values are wanted along each axis.
type Corner = (usize, Vec<usize>);

/// What an HDF5 file holds. Looking reads some kilobytes for each entry, however large the file is.
///
/// Values in pieces are shown for files of at most 16 MiB. The values are not proven by checksums, unless they are in
/// pieces that have some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The first entries, a group before what is in it, names in order.
    pub entries: Vec<Entry>,
    /// Whether these are all.
    pub whole: bool,
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A group.
    Group,
    /// A dataset.
    Dataset,
    /// Another name of what is there.
    Link(String),
    /// A link to another file.
    Elsewhere,
    /// A type that datasets share.
    Type,
    /// What is not known here, and why.
    Unknown(String),
}

/// A dataset, a group, or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path; empty for the file itself.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The type of the values: NumPy's name of it, such as `float64` or `int32, big-endian`; `text`; a description of
    /// what cannot be loaded.
    pub dtype: Option<String>,
    /// The length of each axis; none for a dataset without values.
    pub shape: Option<Vec<usize>>,
    /// The shape of the pieces.
    pub chunks: Option<Vec<usize>>,
    /// How the pieces are packed, such as `shuffle` and `gzip 4`.
    pub filters: Vec<String>,
    /// Bytes of the values, uncompressed; those of references for texts.
    pub bytes: Option<u64>,
    /// All attributes that are there, also those that are not shown.
    pub attribute_count: usize,
    /// Names and values of the first attributes, as text.
    pub attributes: Vec<(String, String)>,
    /// The first values as text; none of what cannot be loaded.
    pub values: Vec<String>,
}

impl Contents {
    /// Looks into an HDF5 file.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for another format and for a damaged file; those of
    /// reading.
    pub fn open(input: &dyn Input, peek: Peek) -> Result<Self> {
        let (mut contents, pending) = parse(input, |blocks| Self::walk(blocks, peek))?;
        let is_near = input.local_path().is_some() || input.length()? <= LARGEST_COPY;
        if !pending.is_empty() && is_near {
            let wanted: Vec<(String, Vec<usize>)> =
                pending.iter().map(|(index, counts)| (contents.entries[*index].path.clone(), counts.clone())).collect();
            let all = open_part(input, &wanted)?;
            for ((index, _), values) in pending.iter().zip(all) {
                contents.entries[*index].values = values.map(|values| shown(&values, peek.values)).unwrap_or_default();
            }
        }
        Ok(contents)
    }

    /// Everything but values that are in pieces, and where those belong.
    fn walk(blocks: &mut Blocks<'_>, peek: Peek) -> Result<(Self, Vec<Corner>)> {
        let tree = Tree::open(blocks)?;
        let (mut walk, mut entries, mut pending) = (Walk::new(&tree), Vec::new(), Vec::new());
        while let Some(found) = walk.next(blocks)? {
            if entries.len() == peek.entries {
                return Ok((Self { entries, whole: false }, pending));
            }
            let entry = Entry::of(blocks, &tree, found, peek)?;
            let is_packed = entry.chunks.is_some() && entry.shape.is_some();
            if let Some(shape) = entry.shape.as_deref().filter(|_| is_packed) {
                pending.push((entries.len(), first(shape, peek.values)));
            }
            entries.push(entry);
        }
        Ok((Self { entries, whole: true }, pending))
    }
}

impl Entry {
    /// The shape as Python writes it, such as `(3, 4)`.
    pub fn shape_text(&self) -> String {
        self.shape.as_deref().map_or_else(String::new, show)
    }

    /// The number of values; none if it is beyond any memory, or there are no values.
    pub fn count(&self) -> Option<usize> {
        count(self.shape.as_deref()?)
    }

    fn new(path: String, kind: EntryKind) -> Self {
        let (shape, chunks, filters, attributes, values) = Default::default();
        Self { path, kind, dtype: None, shape, chunks, filters, bytes: None, attribute_count: 0, attributes, values }
    }

    fn of(blocks: &mut Blocks<'_>, tree: &Tree, found: Found, peek: Peek) -> Result<Self> {
        let of = |error: crate::Error| error.of(format!("/{}", found.path));
        match found.what {
            What::Group(ref header) => {
                Self::new(found.path.clone(), EntryKind::Group).with_attributes(blocks, tree, header, peek).map_err(of)
            }
            What::Dataset(ref header) => Self::of_dataset(blocks, tree, &found.path, header, peek).map_err(of),
            What::Link(to) => Ok(Self::new(found.path, EntryKind::Link(to))),
            What::Elsewhere => Ok(Self::new(found.path, EntryKind::Elsewhere)),
            What::Type => Ok(Self::new(found.path, EntryKind::Type)),
            What::Unknown(why) => Ok(Self::new(found.path, EntryKind::Unknown(why))),
        }
    }

    fn of_dataset(blocks: &mut Blocks<'_>, tree: &Tree, path: &str, header: &Header, peek: Peek) -> Result<Self> {
        let layout = match Layout::of(header, &tree.context) {
            Err(error) if error.kind() == crate::ErrorKind::Unsupported => {
                return Ok(Self::new(path.to_owned(), EntryKind::Unknown(error.to_string())));
            }
            other => other?,
        };
        let mut entry = Self::new(path.to_owned(), EntryKind::Dataset);
        entry.dtype = Some(layout.describe());
        entry.bytes = layout.bytes();
        entry.filters = layout.filters.iter().map(filter_name).collect();
        if !matches!(layout.place, Place::Elsewhere) {
            layout.check_size(&[], blocks.length())?;
            entry.values = beginning(blocks, tree, &layout, peek.values)?;
        }
        entry.shape = layout.shape;
        entry.chunks = layout.chunks;
        entry.with_attributes(blocks, tree, header, peek)
    }

    fn with_attributes(mut self, blocks: &mut Blocks<'_>, tree: &Tree, header: &Header, peek: Peek) -> Result<Self> {
        let all = Attributes::read(blocks, tree, header)?;
        self.attribute_count = all.len();
        let first = all.iter().take(peek.attributes);
        self.attributes = first.map(|(name, value)| (name.to_owned(), attribute(value, peek.values))).collect();
        Ok(self)
    }
}

/// The first values of what is in one piece.
fn beginning(blocks: &mut Blocks<'_>, tree: &Tree, layout: &Layout, most: usize) -> Result<Vec<String>> {
    let shape = layout.shape.as_deref().unwrap_or(&[0]);
    let wanted = count(shape).unwrap_or(usize::MAX).min(most);
    let size = wanted.saturating_mul(layout.width);
    if matches!(layout.place, Place::Whole(Some(_))) {
        layout.check_storage(blocks.length())?;
    }
    let bytes = match &layout.place {
        Place::Whole(Some(address)) => blocks.exactly(*address, size as u64)?,
        Place::Header(bytes) => bytes.get(..size).map(<[u8]>::to_vec).unwrap_or_default(),
        _ => return Ok(Vec::new()),
    };
    let wanted = bytes.len() / layout.width.max(1);
    let texts = |texts: Vec<String>| texts.into_iter().map(|text| quoted(&text)).collect();
    match Kind::of(&layout.datatype) {
        Kind::Number(dtype, order) => Ok(numbers::show(&numbers::decode(dtype, order, &bytes, &[wanted])?, wanted)),
        Kind::FixedText(size, padding) => text::fixed(&bytes, size, padding).map(texts).or_else(without_type),
        Kind::Text => Texts::new(blocks, tree.context).read(&bytes).map(texts).or_else(without_type),
        Kind::Other => Ok(Vec::new()),
    }
}

/// Texts that are no UTF-8 are not shown.
fn without_type(error: crate::Error) -> Result<Vec<String>> {
    if error.kind() == crate::ErrorKind::Type { Ok(Vec::new()) } else { Err(error) }
}

/// The shape of a corner that has the first values, and few others.
fn first(shape: &[usize], most: usize) -> Vec<usize> {
    let mut left = most;
    let mut corner = vec![0; shape.len()];
    for (wanted, size) in corner.iter_mut().zip(shape).rev() {
        *wanted = (*size).min(left);
        left = if wanted == size { left.div_ceil((*size).max(1)) } else { 1 };
    }
    corner
}

/// The first values as text.
fn shown(values: &Values, most: usize) -> Vec<String> {
    match values {
        Values::Numbers(array) => numbers::show(array, most),
        Values::Texts(array) => array.iter().take(most).map(|text| quoted(text)).collect(),
    }
}

fn attribute(value: &Attribute, most: usize) -> String {
    match value {
        Attribute::Values(values) => {
            let shown = shown(values, most);
            let more = if count(values.shape()).is_none_or(|count| count > shown.len()) { ", ..." } else { "" };
            match values.shape() {
                [] => shown.concat(),
                _ => format!("[{}{more}]", shown.join(", ")),
            }
        }
        Attribute::Other(what) => format!("({what})"),
    }
}

/// A text as JSON has it, cut if it is long.
fn quoted(text: &str) -> String {
    let short = text.char_indices().nth(WIDTH).map(|(end, _)| format!("{}\u{2026}", &text[..end]));
    serde_json::Value::from(short.as_deref().unwrap_or(text)).to_string()
}
