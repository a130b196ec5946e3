//! Numbers from their bytes.

use ndarray::{ArrayD, IxDyn};

use crate::numpy::{Codec, DType, DynArray, Element, Endian, for_each_dtype};
use crate::{Error, Result};

/// Numbers that come piece by piece. Memory is taken as they come.
pub(super) trait Gather {
    /// Adds the values of some bytes.
    fn add(&mut self, bytes: &[u8]);

    /// All of them as an array.
    fn finish(self: Box<Self>, shape: &[usize]) -> Result<DynArray>;
}

struct Gathered<A> {
    values: Vec<A>,
    order: Endian,
}

impl<A: Element> Gather for Gathered<A> {
    fn add(&mut self, bytes: &[u8]) {
        A::decode(bytes, self.order, &mut self.values);
    }

    fn finish(self: Box<Self>, shape: &[usize]) -> Result<DynArray> {
        let array = ArrayD::from_shape_vec(IxDyn(shape), self.values);
        array.map(A::wrap).map_err(|_| Error::malformed("damaged HDF5: not as many values as there should be"))
    }
}

macro_rules! define_gather {
    ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
        /// For numbers of that type.
        pub(super) fn gather(dtype: DType, order: Endian) -> Box<dyn Gather> {
            match dtype {
                $(DType::$variant => Box::new(Gathered::<$type> { values: Vec::new(), order }),)*
            }
        }

        /// The first values for people.
        pub(super) fn show(array: &DynArray, most: usize) -> Vec<String> {
            match array {
                $(DynArray::$variant(array) => array.iter().take(most).map(|value| value.show()).collect(),)*
            }
        }
    };
}
for_each_dtype!(define_gather);

/// Numbers of some bytes, which are as many as the shape says.
pub(super) fn decode(dtype: DType, order: Endian, bytes: &[u8], shape: &[usize]) -> Result<DynArray> {
    let mut numbers = gather(dtype, order);
    numbers.add(bytes);
    numbers.finish(shape)
}

/// The first number, if `f64` holds it as it is.
pub(super) fn as_number(array: &DynArray) -> Option<f64> {
    let exact = |number: i128| (number.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS).then_some(number as f64);
    match array {
        DynArray::Float16(array) => array.first().map(|number| f64::from(*number)),
        DynArray::Float32(array) => array.first().map(|number| f64::from(*number)),
        DynArray::Float64(array) => array.first().copied(),
        DynArray::Int8(array) => array.first().map(|number| f64::from(*number)),
        DynArray::Int16(array) => array.first().map(|number| f64::from(*number)),
        DynArray::Int32(array) => array.first().map(|number| f64::from(*number)),
        DynArray::Int64(array) => array.first().and_then(|number| exact((*number).into())),
        DynArray::UInt8(array) => array.first().map(|number| f64::from(*number)),
        DynArray::UInt16(array) => array.first().map(|number| f64::from(*number)),
        DynArray::UInt32(array) => array.first().map(|number| f64::from(*number)),
        DynArray::UInt64(array) => array.first().and_then(|number| exact((*number).into())),
        DynArray::Bool(_) | DynArray::Complex64(_) | DynArray::Complex128(_) => None,
    }
}
