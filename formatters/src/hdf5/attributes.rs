//! What is said of a dataset or a group.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn, arr0};
use rust_hdf5::format::dense_attr::read_dense_attributes;
use rust_hdf5::format::messages::attr_info::AttributeInfoMessage;
use rust_hdf5::format::messages::attribute::{AttributeEntry, AttributeMessage};
use rust_hdf5::format::messages::{MSG_ATTR_INFO, MSG_ATTRIBUTE};

use super::blocks::{Blocks, damaged};
use super::datatype::{Kind, describe};
use super::header::Header;
use super::item::Item;
use super::layout::count;
use super::numbers::{self, as_number};
use super::text::{self, Texts};
use super::tree::Tree;
use super::values::Values;
use crate::numpy::DynArray;
use crate::{Error, ErrorKind, Result};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Numbers or texts; a single one has no axes.
    Values(Values),
    /// What cannot be loaded, such as a reference, by its type. It cannot be dumped either.
    Other(String),
}

impl<T: Item> From<T> for Attribute {
    fn from(value: T) -> Self {
        Self::Values(T::wrap(arr0(value).into_dyn()))
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Values> for Attribute {
    fn from(values: Values) -> Self {
        Self::Values(values)
    }
}

impl From<DynArray> for Attribute {
    fn from(array: DynArray) -> Self {
        Self::Values(array.into())
    }
}

impl<A: Item, S: Data<Elem = A>, D: Dimension> From<ArrayBase<S, D>> for Attribute {
    fn from(array: ArrayBase<S, D>) -> Self {
        Self::Values(array.into())
    }
}

/// Attributes by their names, in an order.
///
/// ```
/// use law_formatters::hdf5::Attributes;
///
/// let attributes = Attributes::new().with("unit", "GeV").with("scale", 0.5).with("good", true);
/// assert_eq!(attributes.text("unit"), Some("GeV"));
/// assert_eq!(attributes.number("scale"), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes(Vec<(String, Attribute)>);

impl Attributes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more; one that had the name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Attribute>) -> Self {
        self.insert(name, value);
        self
    }

    /// Adds an attribute at the end; one that had the name is replaced where it stands.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Attribute>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The attribute of that name.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The attribute of that name, if it is a single text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Attribute::Values(Values::Texts(texts)) if texts.ndim() == 0 => texts.first().map(String::as_str),
            _ => None,
        }
    }

    /// The attribute of that name, if it is a single number that `f64` holds as it is.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Attribute::Values(Values::Numbers(array)) if array.shape().is_empty() => as_number(array),
            _ => None,
        }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at how the attributes of an object are kept, for a crate that reads them all when it opens a file.
    pub(super) fn check(blocks: &mut Blocks<'_>, tree: &Tree, header: &Header) -> Result<()> {
        match entries(blocks, tree, header) {
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(()),
        }
    }

    /// Those of an object.
    pub(super) fn read(blocks: &mut Blocks<'_>, tree: &Tree, header: &Header) -> Result<Self> {
        let mut attributes = Self::new();
        for entry in entries(blocks, tree, header)? {
            let value = match entry.decoded() {
                Ok(message) => {
                    value(blocks, tree, message).map_err(|error| error.of(format!("attribute {:?}", entry.name())))?
                }
                Err(reason) => Attribute::Other(format!("unknown: {reason}")),
            };
            attributes.insert(entry.name(), value);
        }
        Ok(attributes)
    }
}

/// The attributes of an object, sorted by name as h5py shows them.
fn entries(blocks: &mut Blocks<'_>, tree: &Tree, header: &Header) -> Result<Vec<AttributeEntry>> {
    let mut entries = Vec::new();
    if header.is_elsewhere(MSG_ATTRIBUTE) {
        return Err(Error::unsupported("HDF5 with shared attributes"));
    }
    for body in header.of(MSG_ATTRIBUTE) {
        entries.push(parse(body, tree)?);
    }
    for body in header.of(MSG_ATTR_INFO) {
        let (info, _) = AttributeInfoMessage::decode(body, &tree.context).map_err(damaged)?;
        entries.extend(read_dense_attributes(&info, &tree.context, blocks).map_err(damaged)?);
    }
    entries.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(entries)
}

/// The crate wants a value even of an attribute that has none. With room behind it, it finds out that there is none.
fn parse(body: &[u8], tree: &Tree) -> Result<AttributeEntry> {
    let entry = AttributeEntry::parse(body, &tree.context).map_err(damaged)?;
    if entry.readable().is_some() {
        return Ok(entry);
    }
    let longer = AttributeEntry::parse(&[body, &[0; 1024]].concat(), &tree.context).map_err(damaged)?;
    let is_null = longer.readable().is_some_and(|message| message.dataspace.is_null());
    Ok(if is_null { longer } else { entry })
}

fn value(blocks: &mut Blocks<'_>, tree: &Tree, message: &AttributeMessage) -> Result<Attribute> {
    if message.dataspace.is_null() {
        return Ok(Attribute::Other(format!("{} without a value", describe(&message.datatype))));
    }
    match values(blocks, tree, message) {
        Ok(Some(values)) => Ok(Attribute::Values(values)),
        Ok(None) => Ok(Attribute::Other(describe(&message.datatype))),
        // Texts that are no UTF-8.
        Err(error) if error.kind() == ErrorKind::Type => Ok(Attribute::Other(error.to_string())),
        Err(error) => Err(error),
    }
}

fn values(blocks: &mut Blocks<'_>, tree: &Tree, message: &AttributeMessage) -> Result<Option<Values>> {
    let AttributeMessage { datatype, dataspace, data, .. } = message;
    let shape: Option<Vec<usize>> = dataspace.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let width = datatype.element_size_ctx(&tree.context) as usize;
    let size = shape.as_deref().and_then(count).and_then(|count| count.checked_mul(width));
    let (Some(shape), Some(bytes)) = (shape, size.and_then(|size| data.get(..size))) else {
        return Err(Error::malformed("truncated or damaged HDF5: an attribute is cut off"));
    };
    Ok(Some(match Kind::of(datatype) {
        Kind::Number(dtype, order) => Values::Numbers(numbers::decode(dtype, order, bytes, &shape)?),
        Kind::Text => texts(Texts::new(blocks, tree.context).read(bytes)?, shape)?,
        Kind::FixedText(size, padding) => texts(text::fixed(bytes, size, padding)?, shape)?,
        Kind::Other => return Ok(None),
    }))
}

/// Texts as an array of that shape.
pub(super) fn texts(texts: Vec<String>, shape: Vec<usize>) -> Result<Values> {
    let array = ArrayD::from_shape_vec(IxDyn(&shape), texts);
    array.map(Values::Texts).map_err(|_| Error::malformed("damaged HDF5: not as many texts as there should be"))
}
