//! From arrays to files.

use std::fs::File;
use std::io;

use ndarray::{ArrayBase, Data, Dimension};
use rust_hdf5::H5File;

use super::attributes::Attributes;
use super::datasets::{Dataset, Datasets};
use super::item::Item;
use super::values::Values;
use super::write::{Writer, not_written, write_numbers, write_values};
use super::{H5, H5Options, USUAL_NAME, trimmed};
use crate::numpy::DynArray;
use crate::{Dump, Output, Result};

/// What [`H5`] writes: arrays of ndarray with numbers, `bool` or `String` (owned, shared or views), [`DynArray`],
/// [`Values`], [`Dataset`], [`Datasets`], and references to them. Only this crate implements it.
pub trait Content {
    #[doc(hidden)]
    fn write(&self, writer: &mut Writer<'_>) -> Result<()>;
}

/// The path of a single dataset.
fn single<'a>(writer: &Writer<'a>) -> &'a str {
    writer.options().name.as_deref().unwrap_or(USUAL_NAME)
}

impl<A: Item, S: Data<Elem = A>, D: Dimension> Content for ArrayBase<S, D> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        let path = single(writer);
        writer.dataset(path, &Attributes::new(), |target| A::write(self.view().into_dyn(), target))
    }
}

impl Content for DynArray {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        let path = single(writer);
        writer.dataset(path, &Attributes::new(), |target| write_numbers(self, target))
    }
}

impl Content for Values {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        let path = single(writer);
        writer.dataset(path, &Attributes::new(), |target| write_values(self, target))
    }
}

impl Content for Dataset {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        let path = single(writer);
        writer.dataset(path, &self.attributes, |target| write_values(&self.values, target))
    }
}

impl Content for Datasets {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        let above = trimmed(writer.options().name.as_deref().unwrap_or_default());
        for (path, attributes) in self.groups() {
            writer.group_with(&format!("{above}/{path}"), attributes)?;
        }
        for (path, Dataset { values, attributes }) in self.iter() {
            writer.dataset(&format!("{above}/{path}"), attributes, |target| write_values(values, target))?;
        }
        Ok(())
    }
}

impl<T: Content> Content for &T {
    fn write(&self, writer: &mut Writer<'_>) -> Result<()> {
        T::write(self, writer)
    }
}

/// [`ErrorKind::Type`](crate::ErrorKind::Type) for pieces of another number of dimensions than the array, for names that
/// cannot be, and for texts with a zero in them.
impl<T: Content> Dump<T> for H5Options {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        // The crate writes files, and goes back to their beginning at the end.
        let scratch =
            tempfile::Builder::new().prefix("law-hdf5-").suffix(".h5").tempfile().map_err(crate::Error::on_scratch)?;
        let file = H5File::options().no_locking().create(scratch.path()).map_err(not_written)?;
        let mut writer = Writer::new(file, self);
        value.write(&mut writer)?;
        writer.finish()?;
        io::copy(&mut File::open(scratch.path())?, output)?;
        Ok(output.flush()?)
    }
}

/// As [`H5Options`] without a choice.
impl<T: Content> Dump<T> for H5 {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        H5Options::default().dump(value, output)
    }
}
