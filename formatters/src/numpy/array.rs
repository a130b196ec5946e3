//! Arrays of any numeric type, and several of them by name.

use ndarray::{Array, ArrayD, Dimension};

use super::dtype::{DType, Element, for_each_dtype};
use crate::{Error, Result};

macro_rules! define_array {
    ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
        /// An array of any numeric type and any number of dimensions, for files whose type is not known before.
        #[derive(Debug, Clone, PartialEq)]
        pub enum DynArray {
            $(#[doc = concat!("Of `", $name, "`.")] $variant(ArrayD<$type>),)*
        }

        impl DynArray {
            /// The type of its values.
            pub fn dtype(&self) -> DType {
                match self {
                    $(Self::$variant(_) => DType::$variant,)*
                }
            }

            /// The length of each axis; empty for a single value.
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape(),)*
                }
            }
        }
    };
}
for_each_dtype!(define_array);

impl DynArray {
    /// The array as one of known type, without a copy.
    ///
    /// # Errors
    /// [`ErrorKind::Type`](crate::ErrorKind::Type) for another type or number of dimensions.
    pub fn into_array<A: Element, D: Dimension>(self) -> Result<Array<A, D>> {
        let holds = format!("an array of {} dimensions of {}", self.shape().len(), self.dtype());
        let other = || Error::wrong_type(format!("{holds}, not {}", A::DTYPE));
        let array = A::unwrap(self).ok_or_else(other)?;
        array.into_dimensionality().map_err(|_| Error::wrong_type(format!("{holds}, not {:?}", D::NDIM)))
    }
}

impl<A: Element, D: Dimension> From<Array<A, D>> for DynArray {
    fn from(array: Array<A, D>) -> Self {
        A::wrap(array.into_dyn())
    }
}

/// Several arrays with a name each, in an order: what an npz file holds.
///
/// ```
/// use law_formatters::numpy::NamedArrays;
/// use ndarray::array;
///
/// let arrays = NamedArrays::new().with("energy", array![1.0, 2.5]).with("run", array![[1u64, 2], [3, 4]]);
/// assert_eq!(arrays.names().collect::<Vec<_>>(), ["energy", "run"]);
/// assert_eq!(arrays.get("run").unwrap().shape(), [2, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NamedArrays(Vec<(String, DynArray)>);

impl NamedArrays {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more; an array that had the name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, array: impl Into<DynArray>) -> Self {
        self.insert(name, array);
        self
    }

    /// Adds an array at the end; one that had the name is replaced where it stands.
    pub fn insert(&mut self, name: impl Into<String>, array: impl Into<DynArray>) {
        let (name, array) = (name.into(), array.into());
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = array,
            None => self.0.push((name, array)),
        }
    }

    /// The array of that name.
    pub fn get(&self, name: &str) -> Option<&DynArray> {
        self.iter().find(|(other, _)| *other == name).map(|(_, array)| array)
    }

    /// Takes the array of that name out.
    pub fn remove(&mut self, name: &str) -> Option<DynArray> {
        let index = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(index).1)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Names and arrays, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DynArray)> {
        self.0.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, A: Into<DynArray>> FromIterator<(N, A)> for NamedArrays {
    fn from_iter<I: IntoIterator<Item = (N, A)>>(items: I) -> Self {
        items.into_iter().fold(Self::new(), |arrays, (name, array)| arrays.with(name, array))
    }
}

impl IntoIterator for NamedArrays {
    type Item = (String, DynArray);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_known_type_comes_back() {
        let array = DynArray::from(array![[1i16, 2], [3, 4]]);
        assert_eq!((array.dtype(), array.shape()), (DType::Int16, &[2, 2][..]));
        assert_eq!(array.clone().into_array::<i16, _>().unwrap(), array![[1, 2], [3, 4]]);
        let error = array.clone().into_array::<f64, ndarray::Ix2>().unwrap_err();
        assert_eq!(error.to_string(), "an array of 2 dimensions of int16, not float64");
        let error: Result<Array1<i16>> = array.into_array();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Type);
    }

    #[test]
    fn a_name_stands_once() {
        let mut arrays: NamedArrays =
            [("a", array![1.0]), ("b", array![2.0]), ("a", array![3.0])].into_iter().collect();
        assert_eq!(arrays.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(arrays.remove("a").unwrap(), array![3.0].into());
        assert_eq!((arrays.len(), arrays.remove("a")), (1, None));
        let array: Array2<f64> = Array2::zeros((1, 1));
        arrays.insert("c", array);
        assert_eq!(arrays.into_iter().count(), 2);
    }
}
