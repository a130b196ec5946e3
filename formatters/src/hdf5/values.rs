//! Values of any type that is known: numbers or texts.

use ndarray::{ArrayBase, ArrayD, Data, Dimension};

use super::item::Item;
use crate::numpy::DynArray;

/// An array of numbers or texts, for files whose type is not known before.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers and booleans.
    Numbers(DynArray),
    /// Texts.
    Texts(ArrayD<String>),
}

impl Values {
    /// The length of each axis; empty for a single value.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Numbers(array) => array.shape(),
            Self::Texts(array) => array.shape(),
        }
    }

    /// NumPy's name of the type, such as `float64`; or `text`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Numbers(array) => array.dtype().name(),
            Self::Texts(_) => "text",
        }
    }
}

impl From<DynArray> for Values {
    fn from(array: DynArray) -> Self {
        Self::Numbers(array)
    }
}

impl<A: Item, S: Data<Elem = A>, D: Dimension> From<ArrayBase<S, D>> for Values {
    fn from(array: ArrayBase<S, D>) -> Self {
        A::wrap(array.into_owned().into_dyn())
    }
}
