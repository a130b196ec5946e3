//! One array: a header and its values.

use std::io::{Read, Write};

use ndarray::{ArrayBase, ArrayD, ArrayView, Data, Dimension, IxDyn, ShapeBuilder as _};

use super::DynArray;
use super::dtype::{Element, for_each_dtype};
use super::header::{Layout, header_of};
use crate::{Error, Result};

/// Bytes that are converted at once: a multiple of the size of every type.
const CHUNK: usize = 256 * 1024;

/// Reads the values of a layout, to the end of the file.
pub(crate) fn read_values<A: Element>(layout: &Layout, reader: &mut dyn Read) -> Result<ArrayD<A>> {
    let mut values = Vec::new();
    let too_large = |_| Error::unsupported(format!("{} values of {} do not fit into memory", layout.count, A::DTYPE));
    values.try_reserve_exact(layout.count).map_err(too_large)?;
    take_values::<A>(layout, layout.count, reader, |more| values.append(more))?;
    // An archive proves its checksum when its end is seen.
    if reader.read(&mut [0])? > 0 {
        return Err(Error::malformed("there is more behind the values"));
    }
    let shape = IxDyn(&layout.shape).set_f(layout.fortran_order);
    ArrayD::from_shape_vec(shape, values).map_err(|error| Error::malformed(format!("header: {error}")))
}

/// The first values as text, in the order of the file.
pub(crate) fn show_values(layout: &Layout, most: usize, reader: &mut dyn Read) -> Result<Vec<String>> {
    let mut shown = Vec::new();
    macro_rules! show {
        ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
            match layout.dtype {
                $(super::DType::$variant => take_values::<$type>(layout, most.min(layout.count), reader, |values| {
                    shown.extend(values.drain(..).map(super::dtype::Codec::show));
                })?,)*
            }
        };
    }
    for_each_dtype!(show);
    Ok(shown)
}

/// Reads `count` values and gives them away in parts.
fn take_values<A: Element>(
    layout: &Layout,
    count: usize,
    reader: &mut dyn Read,
    mut take: impl FnMut(&mut Vec<A>),
) -> Result<()> {
    let size = A::DTYPE.size();
    let most = (CHUNK / size).min(count);
    let (mut bytes, mut values) = (vec![0; most * size], Vec::with_capacity(most));
    let mut left = count;
    while left > 0 {
        let part = &mut bytes[..most.min(left) * size];
        reader.read_exact(part)?;
        A::decode(part, layout.order, &mut values);
        left -= values.len();
        take(&mut values);
        values.clear();
    }
    Ok(())
}

/// Reads an array of whatever type it has.
pub(crate) fn read_any(layout: &Layout, reader: &mut dyn Read) -> Result<DynArray> {
    macro_rules! read {
        ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
            match layout.dtype {
                $(super::DType::$variant => Ok(DynArray::$variant(read_values(layout, reader)?)),)*
            }
        };
    }
    for_each_dtype!(read)
}

/// An array that can be written: one of ndarray's with numbers, or a [`DynArray`].
pub trait Body {
    /// Writes it as an npy file.
    #[doc(hidden)]
    fn write(&self, output: &mut dyn Write) -> Result<()>;

    /// About how many bytes that takes.
    #[doc(hidden)]
    fn size(&self) -> u64;
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Body for ArrayBase<S, D> {
    fn write(&self, output: &mut dyn Write) -> Result<()> {
        let (forward, backward) = (self.view(), self.view().reversed_axes());
        let fortran_order = !forward.is_standard_layout() && backward.is_standard_layout();
        output.write_all(&header_of(A::DTYPE, fortran_order, self.shape())?)?;
        write_values(if fortran_order { backward } else { forward }, output)
    }

    fn size(&self) -> u64 {
        self.len() as u64 * A::DTYPE.size() as u64
    }
}

impl Body for DynArray {
    fn write(&self, output: &mut dyn Write) -> Result<()> {
        macro_rules! write {
            ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
                match self {
                    $(Self::$variant(array) => array.write(output),)*
                }
            };
        }
        for_each_dtype!(write)
    }

    fn size(&self) -> u64 {
        self.shape().iter().product::<usize>() as u64 * self.dtype().size() as u64
    }
}

/// Writes values in the order of their indices, the last one fastest.
fn write_values<A: Element, D: Dimension>(array: ArrayView<'_, A, D>, output: &mut dyn Write) -> Result<()> {
    let most = CHUNK / A::DTYPE.size();
    let mut bytes = vec![0; most.min(array.len()) * A::DTYPE.size()];
    let mut write = |values: &[A]| {
        let part = &mut bytes[..size_of_val(values)];
        A::encode(values, part);
        output.write_all(part)
    };
    if let Some(values) = array.to_slice() {
        return Ok(values.chunks(most).try_for_each(write)?);
    }
    let mut rest = array.iter().copied();
    loop {
        let values: Vec<A> = rest.by_ref().take(most).collect();
        if values.is_empty() {
            return Ok(());
        }
        write(&values)?;
    }
}
