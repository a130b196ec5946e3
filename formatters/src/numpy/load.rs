//! From files to arrays.

use std::io::{BufRead as _, Read};

use ndarray::{Array, Dimension};

use super::header::{Header, Layout};
use super::npz::Archive;
use super::{CompressedNumpy, DynArray, Element, NamedArrays, NamedNumpy, Numpy, npy};
use crate::{Error, Input, Load, Result, reader};

/// [`ErrorKind::Type`](crate::ErrorKind::Type) for another type of numbers, another number of dimensions, or several
/// arrays.
impl<A: Element, D: Dimension> Load<Array<A, D>> for Numpy {
    fn load(&self, input: &dyn Input) -> Result<Array<A, D>> {
        load_array(input, None)
    }
}

/// An array of any type; [`ErrorKind::Type`](crate::ErrorKind::Type) for several.
impl Load<DynArray> for Numpy {
    fn load(&self, input: &dyn Input) -> Result<DynArray> {
        open_array(input, None, |layout, reader| npy::read_any(&layout, reader))
    }
}

/// All arrays of an npz file; [`ErrorKind::Type`](crate::ErrorKind::Type) for an npy file, whose array has no name.
impl Load<NamedArrays> for Numpy {
    fn load(&self, input: &dyn Input) -> Result<NamedArrays> {
        reader::parse(input, |mut reader| {
            if !Archive::is_start(reader.fill_buf()?) {
                let total = reader.length();
                Header::read(&mut reader, total)?;
                return Err(Error::wrong_type("holds one array without a name, not several"));
            }
            let mut archive = Archive::open(reader)?;
            let mut arrays = NamedArrays::new();
            for member in archive.members()? {
                let array = archive.read(&member, |header, reader| npy::read_any(&header.layout()?, reader))?;
                arrays.insert(member.array.unwrap_or_default(), array);
            }
            Ok(arrays)
        })
    }
}

impl<T> Load<T> for CompressedNumpy
where
    Numpy: Load<T>,
{
    fn load(&self, input: &dyn Input) -> Result<T> {
        Numpy.load(input)
    }
}

impl<A: Element, D: Dimension> Load<Array<A, D>> for NamedNumpy {
    fn load(&self, input: &dyn Input) -> Result<Array<A, D>> {
        load_array(input, Some(&self.name))
    }
}

impl Load<DynArray> for NamedNumpy {
    fn load(&self, input: &dyn Input) -> Result<DynArray> {
        open_array(input, Some(&self.name), |layout, reader| npy::read_any(&layout, reader))
    }
}

fn load_array<A: Element, D: Dimension>(input: &dyn Input, name: Option<&str>) -> Result<Array<A, D>> {
    open_array(input, name, |layout, reader| {
        layout.expect::<A, D>()?;
        let array = npy::read_values::<A>(&layout, reader)?;
        array.into_dimensionality().map_err(|error| Error::wrong_type(error.to_string()))
    })
}

/// Reads the array of that name of an npz file, or the only array of a file.
fn open_array<T>(
    input: &dyn Input,
    name: Option<&str>,
    read: impl FnOnce(Layout, &mut dyn Read) -> Result<T>,
) -> Result<T> {
    reader::parse(input, |mut reader| {
        if Archive::is_start(reader.fill_buf()?) {
            let mut archive = Archive::open(reader)?;
            let member = archive.find(name)?;
            return archive.read(&member, |header, reader| read(header.layout()?, reader));
        }
        let total = reader.length();
        let header = Header::read(&mut reader, total)?;
        match name {
            None => read(header.layout()?, &mut reader),
            Some(name) => Err(Error::wrong_type(format!("holds one array without a name, not {name:?}"))),
        }
    })
}
