//! From arrays to files.

use std::path::Path;

use ndarray::{ArrayBase, Data, Dimension};

use super::npy::Body;
use super::npz::{self, Compression};
use super::{CompressedNumpy, DynArray, Element, NamedArrays, Numpy};
use crate::{Dump, Error, Output, Result};

/// What [`Numpy`] writes: arrays of ndarray with numbers (owned, shared or views), [`DynArray`], [`NamedArrays`], and
/// references to them. Only this crate implements it.
pub trait Arrays {
    #[doc(hidden)]
    fn members(&self) -> Members<'_>;
}

/// One array without a name, or several with names.
#[doc(hidden)]
pub enum Members<'a> {
    One(&'a dyn Body),
    Named(Vec<(&'a str, &'a dyn Body)>),
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Arrays for ArrayBase<S, D> {
    fn members(&self) -> Members<'_> {
        Members::One(self)
    }
}

impl Arrays for DynArray {
    fn members(&self) -> Members<'_> {
        Members::One(self)
    }
}

impl Arrays for NamedArrays {
    fn members(&self) -> Members<'_> {
        Members::Named(self.iter().map(|(name, array)| (name, array as &dyn Body)).collect())
    }
}

impl<T: Arrays> Arrays for &T {
    fn members(&self) -> Members<'_> {
        T::members(self)
    }
}

/// [`ErrorKind::Type`](crate::ErrorKind::Type) for several arrays in an npy file,
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for another extension than `npy` and `npz`.
impl<T: Arrays> Dump<T> for Numpy {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        dump(value, Compression::Stored, output)
    }
}

/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for another extension than `npz`.
impl<T: Arrays> Dump<T> for CompressedNumpy {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        dump(value, Compression::Deflated, output)
    }
}

fn dump(value: &impl Arrays, compression: Compression, output: &mut dyn Output) -> Result<()> {
    let extension = Path::new(output.name()).extension().unwrap_or_default().to_ascii_lowercase();
    match (extension.to_str(), compression, value.members()) {
        (Some("npz"), _, Members::One(array)) => npz::write(&[("arr_0", array)], compression, output),
        (Some("npz"), _, Members::Named(arrays)) => npz::write(&arrays, compression, output),
        (Some("npy"), Compression::Stored, Members::One(array)) => array.write(output),
        (Some("npy"), Compression::Stored, Members::Named(_)) => {
            Err(Error::wrong_type("several arrays need a name that ends in .npz"))
        }
        (Some("npy"), Compression::Deflated, _) => {
            Err(Error::unsupported("compression needs a name that ends in .npz"))
        }
        _ => Err(Error::unsupported(format!("{:?} ends in neither .npy nor .npz", output.name()))),
    }
}
