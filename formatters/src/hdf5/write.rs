//! Arrays as datasets and attributes of a file that is being written.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use half::f16;
use ndarray::{ArrayViewD, CowArray, IxDyn};
use num_complex::Complex;
use rust_hdf5::format::messages::datatype::EnumMember;
use rust_hdf5::{Complex32, Complex64, DatatypeMessage, H5Dataset, H5File, H5Group, H5Type, Hdf5Error};

use super::attributes::{Attribute, Attributes};
use super::item::Sealed as _;
use super::values::Values;
use super::{H5Options, trimmed};
use crate::numpy::{DynArray, Element, for_each_dtype};
use crate::{Error, Result};

/// Bytes of a piece if nobody says its shape: enough to pack well, and little to unpack for a few values.
const USUAL_CHUNK: usize = 1024 * 1024;

/// A file that is being written.
pub struct Writer<'a> {
    file: H5File,
    options: &'a H5Options,
    groups: HashMap<String, H5Group>,
    datasets: HashSet<String>,
}

/// What an array is written to.
pub struct Target<'a> {
    name: &'a str,
    place: Place<'a>,
}

enum Place<'a> {
    Dataset(&'a H5Group, &'a H5Options),
    OfDataset(&'a H5Dataset),
    OfGroup(&'a H5Group),
}

/// What went wrong while a file was written: the disk, as everything else was looked at before.
pub(super) fn not_written(error: Hdf5Error) -> Error {
    match error {
        Hdf5Error::Io(error) => Error::from(error),
        other => Error::from(std::io::Error::other(format!("HDF5 cannot be written: {other}"))),
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: H5File, options: &'a H5Options) -> Self {
        let groups = HashMap::from([(String::new(), file.root_group())]);
        Self { file, options, groups, datasets: HashSet::new() }
    }

    pub(super) fn options(&self) -> &'a H5Options {
        self.options
    }

    pub(super) fn finish(self) -> Result<()> {
        self.groups.into_values().for_each(drop);
        // It goes out from here at once, and what receives it takes care that it lasts.
        self.file.close_no_sync().map_err(not_written)
    }

    /// Writes a dataset, with the groups above it.
    pub(super) fn dataset(
        &mut self,
        path: &str,
        attributes: &Attributes,
        write: impl FnOnce(&Target<'_>) -> Result<()>,
    ) -> Result<()> {
        let path = checked(path)?;
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || self.groups.contains_key(path) || !self.datasets.insert(path.to_owned()) {
            return Err(Error::wrong_type(format!("{path:?} cannot be the name of a dataset, or not of two objects")));
        }
        let options = self.options;
        let group = self.group(parent)?;
        let of = |error: Error| error.of(format!("dataset {path:?}"));
        write(&Target { name, place: Place::Dataset(group, options) }).map_err(of)?;
        if attributes.is_empty() {
            return Ok(());
        }
        let dataset = self.file.dataset_writer(path).map_err(not_written)?;
        write_attributes(attributes, || Place::OfDataset(&dataset)).map_err(of)
    }

    /// Makes a group, if it is not there, and gives it attributes.
    pub(super) fn group_with(&mut self, path: &str, attributes: &Attributes) -> Result<()> {
        let path = checked(path)?;
        let group = self.group(path)?;
        write_attributes(attributes, || Place::OfGroup(group)).map_err(|error| error.of(format!("group {path:?}")))
    }

    /// The group of that path, made with those above it.
    fn group(&mut self, path: &str) -> Result<&H5Group> {
        for end in path.match_indices('/').map(|(end, _)| end).chain([path.len()]) {
            self.make_group(&path[..end])?;
        }
        self.groups.get(path).ok_or_else(|| Error::wrong_type(format!("{path:?} cannot be the name of a group")))
    }

    fn make_group(&mut self, path: &str) -> Result<()> {
        if self.groups.contains_key(path) {
            return Ok(());
        }
        if self.datasets.contains(path) {
            return Err(Error::wrong_type(format!("{path:?} is a dataset already, and cannot be a group")));
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(parent) = self.groups.get(parent) {
            let group = parent.create_group(name).map_err(not_written)?;
            self.groups.insert(path.to_owned(), group);
        }
        Ok(())
    }
}

/// A path that can be found again.
fn checked(path: &str) -> Result<&str> {
    let path = trimmed(path);
    let bad = |step: &str| step.is_empty() || step == "." || step.contains('\0');
    match path.split('/').any(bad) && !path.is_empty() {
        true => Err(Error::wrong_type(format!("{path:?} cannot be the path of a dataset or group"))),
        false => Ok(path),
    }
}

fn write_attributes<'a>(attributes: &Attributes, place: impl Fn() -> Place<'a>) -> Result<()> {
    for (name, value) in attributes.iter() {
        let target = Target { name, place: place() };
        let written = match value {
            Attribute::Values(values) => write_values(values, &target),
            Attribute::Other(what) => Err(Error::wrong_type(format!("{what} cannot be written"))),
        };
        written.map_err(|error| error.of(format!("attribute {name:?}")))?;
    }
    Ok(())
}

macro_rules! define_write {
    ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
        /// Writes numbers of any type.
        pub(super) fn write_numbers(array: &DynArray, target: &Target<'_>) -> Result<()> {
            match array {
                $(DynArray::$variant(array) => <$type>::write(array.view(), target),)*
            }
        }
    };
}
for_each_dtype!(define_write);

/// Writes numbers or texts.
pub(super) fn write_values(values: &Values, target: &Target<'_>) -> Result<()> {
    match values {
        Values::Numbers(array) => write_numbers(array, target),
        Values::Texts(array) => target.texts(&array.view()),
    }
}

/// An array in C order, copied only if it is in another.
pub(super) struct Whole<'a, A> {
    array: CowArray<'a, A, IxDyn>,
}

impl<'a, A: Clone> Whole<'a, A> {
    pub(super) fn of(array: &'a ArrayViewD<'_, A>) -> Self {
        Self { array: array.as_standard_layout() }
    }

    fn values(&self) -> Cow<'_, [A]> {
        match self.array.as_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(self.array.iter().cloned().collect()),
        }
    }
}

impl Target<'_> {
    /// Writes numbers.
    pub(super) fn numbers<A: Storable>(&self, whole: Whole<'_, A>) -> Result<()> {
        let (values, shape) = (whole.values(), whole.array.shape());
        let values = A::stored(&values);
        match self.place {
            Place::Dataset(group, options) => {
                let dataset = self.create::<A::As>(group, options, shape)?;
                // Of nothing, the crate writes nothing.
                if values.is_empty() { Ok(()) } else { dataset.write_raw(&values) }
            }
            Place::OfDataset(dataset) => match shape {
                [] => dataset.new_attr::<A::As>().create(self.name).and_then(|new| new.write_numeric(&values[0])),
                shape => {
                    dataset.new_attr::<A::As>().shape(shape).create(self.name).and_then(|new| new.write_array(&values))
                }
            },
            Place::OfGroup(group) => group.set_attr_array_numeric_nd(self.name, &values, shape),
        }
        .map_err(not_written)
    }

    fn create<T: H5Type>(&self, group: &H5Group, options: &H5Options, shape: &[usize]) -> Result<H5Dataset> {
        let mut dataset = group.new_dataset::<T>().shape(shape);
        let can_be_in_pieces = !shape.is_empty() && !shape.contains(&0);
        if let Some(chunks) = chunks(options, shape, T::element_size())?.filter(|_| can_be_in_pieces) {
            dataset = dataset.chunk(&chunks);
            if let Some(level) = options.level {
                dataset = dataset.shuffle_deflate(level);
            }
        }
        dataset.create(self.name).map_err(not_written)
    }

    /// Writes texts: a list of them at their lengths, arrays of other dimensions as texts of one size, which is what the
    /// crate writes.
    pub(super) fn texts(&self, array: &ArrayViewD<'_, String>) -> Result<()> {
        let texts: Vec<&str> = array.iter().map(String::as_str).collect();
        if texts.iter().any(|text| text.contains('\0')) {
            return Err(Error::wrong_type("a text with a zero in it would be cut there"));
        }
        match (&self.place, array.shape()) {
            (Place::Dataset(group, _), [_, ..]) if array.ndim() == 1 && !texts.is_empty() => {
                group.write_vlen_strings(self.name, &texts).map(drop)
            }
            (Place::Dataset(group, _), shape) => fixed_texts(group, self.name, &texts, shape),
            (Place::OfDataset(dataset), shape) => {
                dataset.new_attr::<u8>().shape(shape).create(self.name).and_then(|new| new.write_string_array(&texts))
            }
            (Place::OfGroup(group), shape) => group.set_attr_string_array_nd(self.name, &texts, shape),
        }
        .map_err(not_written)
    }
}

fn fixed_texts(group: &H5Group, name: &str, texts: &[&str], shape: &[usize]) -> rust_hdf5::Result<()> {
    let size = texts.iter().map(|text| text.len()).max().unwrap_or_default().max(1);
    let width = u32::try_from(size).map_err(|_| Hdf5Error::Unsupported(format!("a text of {size} bytes")))?;
    // Filled up with zeros, UTF-8.
    let datatype = DatatypeMessage::FixedString { size: width, padding: 1, charset: 1 };
    let mut bytes = vec![0; size * texts.len()];
    for (text, room) in texts.iter().zip(bytes.chunks_exact_mut(size)) {
        room[..text.len()].copy_from_slice(text.as_bytes());
    }
    let dataset = group.new_dataset::<u8>().datatype(datatype).shape(shape).create(name)?;
    if bytes.is_empty() { Ok(()) } else { dataset.write_raw_bytes(&bytes) }
}

/// The shape of pieces, if there are any.
fn chunks(options: &H5Options, shape: &[usize], width: usize) -> Result<Option<Vec<usize>>> {
    let Some(chunks) = &options.chunks else {
        return Ok(options.level.map(|_| usual_chunks(shape, width)));
    };
    if chunks.len() != shape.len() && !shape.is_empty() || chunks.contains(&0) {
        let of = format!("{chunks:?} of an array of {} dimensions", shape.len());
        return Err(Error::wrong_type(format!("there are no pieces of {of}")));
    }
    Ok(Some(chunks.iter().zip(shape).map(|(chunk, size)| *chunk.min(size)).collect()))
}

/// As many rows as fit, or a part of one.
fn usual_chunks(shape: &[usize], width: usize) -> Vec<usize> {
    let mut left = USUAL_CHUNK / width.max(1);
    let mut chunks = vec![1; shape.len()];
    for (chunk, size) in chunks.iter_mut().zip(shape).rev() {
        *chunk = (*size).clamp(1, left.max(1));
        left /= *chunk;
    }
    chunks
}

/// A number as it is stored.
pub(super) trait Storable: Element {
    /// The type that the crate writes.
    type As: H5Type;

    fn stored(values: &[Self]) -> Cow<'_, [Self::As]>;
}

macro_rules! store_as_it_is {
    ($($type:ty)*) => {
        $(impl Storable for $type {
            type As = Self;

            fn stored(values: &[Self]) -> Cow<'_, [Self]> {
                Cow::Borrowed(values)
            }
        })*
    };
}
store_as_it_is!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

macro_rules! store_as {
    ($($type:ty => $as:ty: $convert:expr;)*) => {
        $(impl Storable for $type {
            type As = $as;

            fn stored(values: &[Self]) -> Cow<'_, [$as]> {
                Cow::Owned(values.iter().map($convert).collect())
            }
        })*
    };
}
store_as! {
    bool => Truth: |value| Truth(u8::from(*value));
    f16 => Half: |value| Half(value.to_bits());
    Complex<f32> => Complex32: |value| Complex32 { re: value.re, im: value.im };
    Complex<f64> => Complex64: |value| Complex64 { re: value.re, im: value.im };
}

/// A boolean as h5py writes it; that of the crate has another type beneath.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Truth(u8);

impl H5Type for Truth {
    fn hdf5_type() -> DatatypeMessage {
        let member = |name: &str, value| EnumMember { name: name.to_owned(), value: vec![value] };
        DatatypeMessage::Enum { base: Box::new(i8::hdf5_type()), members: vec![member("FALSE", 0), member("TRUE", 1)] }
    }

    fn element_size() -> usize {
        1
    }
}

/// The bits of a number of half precision, which the crate has no type for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Half(u16);

impl H5Type for Half {
    fn hdf5_type() -> DatatypeMessage {
        DatatypeMessage::f16_type()
    }

    fn element_size() -> usize {
        2
    }
}
