//! From files to arrays.

use std::ops::Range;
use std::path::Path;

use ndarray::{Array, Dimension};
use rust_hdf5::swmr::SwmrFileReader;

use super::attributes::{Attributes, texts};
use super::blocks::{Blocks, parse};
use super::catalog::{Catalog, Found, What};
use super::datasets::{Dataset, Datasets};
use super::datatype::Kind;
use super::header::Header;
use super::item::{Item, into_array};
use super::layout::{Layout, Place, count, leads_out, show};
use super::local::{not_read, open, with_local};
use super::numbers::gather;
use super::text::{self, Texts};
use super::tree::Tree;
use super::values::Values;
use super::{H5, H5Options, Part, USUAL_NAME, trimmed};
use crate::numpy::DynArray;
use crate::{Error, ErrorKind, Input, Load, Result};

/// Bytes that are read at once, if pieces of a dataset are no larger.
const SLAB: usize = 8 * 1024 * 1024;
/// Datasets that an error names.
const MOST_NAMED: usize = 5;

/// A file that is being read.
pub(super) struct Open<'b, 'i> {
    blocks: &'b mut Blocks<'i>,
    tree: Tree,
    catalog: Catalog,
    path: &'b Path,
    reader: Option<SwmrFileReader>,
}

/// Reads the structure of a file, and then what is wanted of it.
fn load<T>(input: &dyn Input, work: impl FnOnce(&mut Open<'_, '_>) -> Result<T>) -> Result<T> {
    with_local(input, |input, path| {
        parse(input, |blocks| {
            let tree = Tree::open(blocks)?;
            let catalog = Catalog::read(blocks, &tree)?;
            work(&mut Open { blocks, tree, catalog, path, reader: None })
        })
    })
}

/// [`ErrorKind::Type`] for values that are of another type, and cannot become `A` without a loss; for another number of
/// dimensions; if there is no dataset of that name; if there are several and none was named.
/// [`ErrorKind::Unsupported`] for values in other files, and for packings that are not known.
impl<A: Item, D: Dimension> Load<Array<A, D>> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<Array<A, D>> {
        load(input, |open| {
            let (path, header) = open.dataset(self.name.as_deref())?;
            let array = open.layout(&header).and_then(|layout| {
                expect::<A, D>(&layout)?;
                into_array(open.values(&path, &layout, self.part.as_ref())?)
            });
            array.map_err(|error| error.of(format!("dataset {path:?}")))
        })
    }
}

/// Numbers of any type; [`ErrorKind::Type`] for texts.
impl Load<DynArray> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<DynArray> {
        match Load::<Values>::load(self, input)? {
            Values::Numbers(array) => Ok(array),
            Values::Texts(_) => Err(Error::wrong_type("the dataset holds texts, not numbers")),
        }
    }
}

/// Numbers or texts; [`ErrorKind::Type`] for everything else, such as records.
impl Load<Values> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<Values> {
        Load::<Dataset>::load(self, input).map(|dataset| dataset.values)
    }
}

/// As for [`Values`], with the attributes.
impl Load<Dataset> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<Dataset> {
        load(input, |open| {
            let (path, header) = open.dataset(self.name.as_deref())?;
            open.whole(&path, &header, self.part.as_ref())
        })
    }
}

/// The attributes of the dataset or group of that name; without a name, those of the file.
impl Load<Attributes> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<Attributes> {
        load(input, |open| {
            let found = open.catalog.find(self.name.as_deref().unwrap_or_default())?;
            match &found.what {
                What::Group(header) | What::Dataset(header) => Attributes::read(open.blocks, &open.tree, header),
                _ => Err(Error::unsupported(format!("{:?} is no dataset and no group", found.path))),
            }
        })
    }
}

/// All datasets of a file, or of the group of that name. [`ErrorKind::Type`] and [`ErrorKind::Unsupported`] if there is
/// one that cannot be loaded.
impl Load<Datasets> for H5Options {
    fn load(&self, input: &dyn Input) -> Result<Datasets> {
        if self.part.is_some() {
            return Err(Error::wrong_type("rows and slices are of one dataset, which has to be named"));
        }
        load(input, |open| open.all(self.name.as_deref().unwrap_or_default()))
    }
}

/// As [`H5Options`] without a choice.
impl<T> Load<T> for H5
where
    H5Options: Load<T>,
{
    fn load(&self, input: &dyn Input) -> Result<T> {
        H5Options::default().load(input)
    }
}

/// Refuses what can be refused before values are read.
fn expect<A: Item, D: Dimension>(layout: &Layout) -> Result<()> {
    let stored = match Kind::of(&layout.datatype) {
        Kind::Number(dtype, _) => dtype.name(),
        Kind::Text | Kind::FixedText(..) => "text",
        Kind::Other => "",
    };
    let shape = layout.shape.as_deref();
    let fits = shape.is_some_and(|shape| D::NDIM.is_none_or(|dimensions| dimensions == shape.len()));
    if fits && A::takes(stored) {
        return Ok(());
    }
    let shape = shape.map_or_else(|| "without values".to_owned(), |shape| format!("of shape {}", show(shape)));
    let wanted = D::NDIM.map_or_else(String::new, |dimensions| format!(" of {dimensions} dimensions"));
    Err(Error::wrong_type(format!("is {} {shape}, not {}{wanted}", layout.describe(), A::type_name())))
}

impl<'b, 'i> Open<'b, 'i> {
    /// The path and the header of the dataset of that name, or of the only one.
    fn dataset(&self, name: Option<&str>) -> Result<(String, Header)> {
        let found = match name {
            Some(name) => self.catalog.find(name)?,
            None => self.only()?,
        };
        match &found.what {
            What::Dataset(header) => Ok((found.path.clone(), header.clone())),
            What::Unknown(why) => Err(Error::unsupported(format!("{:?}: {why}", found.path))),
            What::Elsewhere => Err(Error::unsupported(format!("{:?} leads to another file", found.path))),
            _ => Err(Error::wrong_type(format!("{:?} is no dataset", found.path))),
        }
    }

    fn only(&self) -> Result<&Found> {
        let names: Vec<&str> = self.catalog.datasets().map(|(path, _)| path).take(MOST_NAMED + 1).collect();
        match names.as_slice() {
            [] => Err(Error::wrong_type("holds no dataset")),
            [only] => self.catalog.find(only),
            several => self.catalog.find(USUAL_NAME).map_err(|_| {
                let more = if several.len() > MOST_NAMED { " and more" } else { "" };
                let named = several.iter().take(MOST_NAMED).map(|name| format!("{name:?}")).collect::<Vec<_>>();
                Error::wrong_type(format!("holds several datasets, {}{more}: name one", named.join(", ")))
            }),
        }
    }

    pub(super) fn layout(&self, header: &Header) -> Result<Layout> {
        Layout::of(header, &self.tree.context)
    }

    fn whole(&mut self, path: &str, header: &Header, part: Option<&Part>) -> Result<Dataset> {
        let of = |error: Error| error.of(format!("dataset {path:?}"));
        let layout = self.layout(header).map_err(of)?;
        let values = self.values(path, &layout, part).map_err(of)?;
        let attributes = Attributes::read(self.blocks, &self.tree, header).map_err(of)?;
        Ok(Dataset { values, attributes })
    }

    /// Everything below a group.
    fn all(&mut self, group: &str) -> Result<Datasets> {
        let above = self.catalog.find(group)?;
        if !matches!(above.what, What::Group(_)) {
            return Err(Error::wrong_type(format!("{:?} is no group", above.path)));
        }
        let above = above.path.clone();
        let objects = self.catalog.objects();
        let mut all = Datasets::new();
        for (place, found) in objects.iter().enumerate() {
            let Some(path) = below(&above, &found.path) else { continue };
            let is_empty = !objects.get(place + 1).is_some_and(|next| is_in(&next.path, &found.path));
            self.add(&mut all, path, found, is_empty)?;
        }
        Ok(all)
    }

    fn add(&mut self, all: &mut Datasets, path: &str, found: &Found, is_empty: bool) -> Result<()> {
        match &found.what {
            What::Dataset(header) => all.push(path, self.whole(&found.path, header, None)?),
            What::Group(header) => {
                let attributes = Attributes::read(self.blocks, &self.tree, header)?;
                if !attributes.is_empty() || is_empty && !path.is_empty() {
                    all.push_group(path, attributes);
                }
            }
            What::Link(_) => match self.catalog.find(&found.path).cloned() {
                Ok(Found { path: to, what: What::Dataset(header) }) => all.push(path, self.whole(&to, &header, None)?),
                // A second name of a group, or a link that leads nowhere.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Type => {}
                Err(error) => return Err(error),
            },
            What::Type => {}
            What::Elsewhere | What::Unknown(_) => return self.dataset(Some(&found.path)).map(drop),
        }
        Ok(())
    }

    /// Values of a dataset, of a part of it if there is one.
    pub(super) fn values(&mut self, path: &str, layout: &Layout, part: Option<&Part>) -> Result<Values> {
        let Some(shape) = &layout.shape else { return Err(Error::wrong_type("has no values and no shape")) };
        let kind = Kind::of(&layout.datatype);
        if kind == Kind::Other {
            return Err(Error::wrong_type(format!("is {}, which cannot be loaded", layout.describe())));
        }
        let ranges = ranges(shape, part)?;
        let wanted: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        layout.check_storage(self.blocks.length())?;
        layout.check_size(&wanted, self.blocks.length())?;
        let bytes = count(&wanted).unwrap_or(usize::MAX).saturating_mul(layout.width);
        self.blocks.take_values(bytes as u64)?;
        if let Some(index) = &layout.index {
            index.check(self.blocks, &self.tree.context, layout)?;
        }
        match kind {
            Kind::Number(dtype, order) => {
                let mut numbers = gather(dtype, order);
                self.slabs(path, layout, &ranges, |bytes| {
                    numbers.add(bytes);
                    Ok(())
                })?;
                numbers.finish(&wanted).map(Values::Numbers)
            }
            kind => self.texts(path, layout, &ranges, kind).and_then(|all| texts(all, wanted)),
        }
    }

    fn texts(&mut self, path: &str, layout: &Layout, ranges: &[Range<usize>], kind: Kind) -> Result<Vec<String>> {
        let (mut all, context) = (Vec::new(), self.tree.context);
        let mut references = Vec::new();
        self.slabs(path, layout, ranges, |bytes| {
            match kind {
                Kind::FixedText(size, padding) => all.extend(text::fixed(bytes, size, padding)?),
                _ => references.extend_from_slice(bytes),
            }
            Ok(())
        })?;
        all.extend(Texts::new(self.blocks, context).read(&references)?);
        Ok(all)
    }

    /// Reads a box piece by piece along the first axis, in whole chunks.
    fn slabs(
        &mut self,
        path: &str,
        layout: &Layout,
        ranges: &[Range<usize>],
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some((rows, rest)) = ranges.split_first() else {
            return match layout.place {
                Place::Whole(Some(address)) => take(&self.blocks.exactly(address, layout.width as u64)?),
                _ => take(exact(&self.reader()?.read_dataset_raw(path).map_err(not_read)?, layout.width)?),
            };
        };
        let lengths: Vec<usize> = rest.iter().map(ExactSizeIterator::len).collect();
        // Both are below a size that was checked.
        let row = count(&lengths).unwrap_or_default() * layout.width;
        if row == 0 || rows.is_empty() {
            return Ok(());
        }
        if let Some(start) = start_of_rows(layout, row) {
            return self.rows(start + (rows.start * row) as u64, row * rows.len(), layout.width, take);
        }
        let reader = self.reader()?;
        let chunk = layout.chunks.as_ref().map_or(1, |chunks| chunks[0]);
        let step = (SLAB / row / chunk).max(1) * chunk;
        let wide = |first: usize, rest: &mut dyn Iterator<Item = usize>| -> Vec<u64> {
            [first].into_iter().chain(rest).map(|number| number as u64).collect()
        };
        let mut start = rows.start;
        while start < rows.end {
            // The first piece ends where a chunk does.
            let end = (start - start % chunk + step).min(rows.end);
            let starts = wide(start, &mut rest.iter().map(|range| range.start));
            let counts = wide(end - start, &mut lengths.iter().copied());
            let bytes = reader.read_slice_raw(path, &starts, &counts).map_err(not_read)?;
            take(exact(&bytes, row * (end - start))?)?;
            start = end;
        }
        Ok(())
    }

    /// Reads what is in one piece.
    fn rows(&mut self, start: u64, size: usize, width: usize, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let step = (SLAB / width).max(1) * width;
        let mut done = 0;
        while done < size {
            let most = step.min(size - done);
            take(&self.blocks.exactly(start + done as u64, most as u64)?)?;
            done += most;
        }
        Ok(())
    }

    /// The crate's view of the file. When it opens one it reads the headers of all objects, and follows datasets into other
    /// files, so the headers have to be sound, and such datasets must not be there.
    fn reader(&mut self) -> Result<&mut SwmrFileReader> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                self.check_all()?;
                open(self.path)?
            }
        };
        Ok(self.reader.insert(reader))
    }

    fn check_all(&mut self) -> Result<()> {
        if self.tree.shares_messages {
            return Err(Error::unsupported("HDF5 with shared messages of headers"));
        }
        for Found { path, what } in self.catalog.iter() {
            let (What::Group(header) | What::Dataset(header)) = what else { continue };
            if leads_out(header, &self.tree.context) {
                return Err(Error::unsupported(format!("the file has {path:?}, whose values are in other files")));
            }
            Attributes::check(self.blocks, &self.tree, header).map_err(|error| error.of(format!("/{path}")))?;
        }
        Ok(())
    }
}

/// Where the values are, if whole rows are wanted of what is in one piece.
fn start_of_rows(layout: &Layout, row: usize) -> Option<u64> {
    let Place::Whole(start) = layout.place else { return None };
    let whole = count(layout.shape.as_deref()?.get(1..)?)? * layout.width;
    start.filter(|_| row == whole)
}

/// As many bytes as there should be.
fn exact(bytes: &[u8], size: usize) -> Result<&[u8]> {
    match bytes.len() == size {
        true => Ok(bytes),
        false => Err(Error::malformed("damaged HDF5: not as many values as there should be")),
    }
}

/// The indices to read.
fn ranges(shape: &[usize], part: Option<&Part>) -> Result<Vec<Range<usize>>> {
    let mut ranges: Vec<Range<usize>> = shape.iter().map(|size| 0..*size).collect();
    let (wanted, fits) = match part {
        None => return Ok(ranges),
        Some(Part::Rows(rows)) => (std::slice::from_ref(rows), !shape.is_empty()),
        Some(Part::Box(wanted)) => (wanted.as_slice(), wanted.len() == shape.len()),
    };
    let is_within = |(all, range): (&Range<usize>, &Range<usize>)| range.start <= range.end && range.end <= all.end;
    if !fits || !ranges.iter().zip(wanted).all(is_within) {
        return Err(Error::wrong_type(format!("has shape {}, and not all of {wanted:?}", show(shape))));
    }
    ranges.iter_mut().zip(wanted).for_each(|(all, range)| *all = range.clone());
    Ok(ranges)
}

/// A path from a group on.
fn below<'p>(group: &str, path: &'p str) -> Option<&'p str> {
    if group.is_empty() || group == path {
        return Some(path.strip_prefix(group).unwrap_or(path));
    }
    path.strip_prefix(group)?.strip_prefix('/').map(trimmed)
}

fn is_in(path: &str, group: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'))
}

/// Values from the first on of datasets, as many along each axis as wanted; none of what cannot be loaded.
pub(super) fn open_part(input: &dyn Input, wanted: &[(String, Vec<usize>)]) -> Result<Vec<Option<Values>>> {
    load(input, |open| wanted.iter().map(|(path, counts)| open.corner(path, counts)).collect())
}

impl Open<'_, '_> {
    fn corner(&mut self, path: &str, counts: &[usize]) -> Result<Option<Values>> {
        let (path, header) = self.dataset(Some(path))?;
        let layout = self.layout(&header)?;
        let part = Part::Box(counts.iter().map(|count| 0..*count).collect());
        match self.values(&path, &layout, Some(&part)) {
            Err(error) if matches!(error.kind(), ErrorKind::Type | ErrorKind::Unsupported) => Ok(None),
            other => other.map(Some).map_err(|error| error.of(format!("dataset {path:?}"))),
        }
    }
}
