//! Types of values, and what can become of them without a loss.

use half::f16;
use ndarray::{Array, ArrayD, ArrayViewD, Dimension};
use num_complex::Complex;

use super::values::Values;
use super::write::{Target, Whole};
use crate::numpy::{DynArray, Element};
use crate::{Error, Result};

/// A Rust type that datasets can have: numbers, `bool`, `String`. Only this crate implements it.
pub trait Item: Clone + Sealed {}

/// The part of [`Item`] that is nobody's business.
pub trait Sealed: Sized {
    /// NumPy's name, or `text`.
    #[doc(hidden)]
    fn type_name() -> &'static str;

    #[doc(hidden)]
    fn wrap(array: ArrayD<Self>) -> Values;

    /// The same as this type, if that loses nothing.
    #[doc(hidden)]
    fn take(values: Values) -> Option<ArrayD<Self>>;

    /// Whether values of a type that has that name would be taken.
    #[doc(hidden)]
    fn takes(stored: &str) -> bool;

    #[doc(hidden)]
    fn write(array: ArrayViewD<'_, Self>, to: &Target<'_>) -> Result<()>;
}

/// The values as an array of that type and number of dimensions.
pub(super) fn into_array<A: Item, D: Dimension>(values: Values) -> Result<Array<A, D>> {
    let holds = format!("{} of {} dimensions", values.type_name(), values.shape().len());
    let wanted = D::NDIM.map_or_else(|| "any".to_owned(), |dimensions| dimensions.to_string());
    let other = || Error::wrong_type(format!("is {holds}, not {} of {wanted}", A::type_name()));
    A::take(values).and_then(|array| array.into_dimensionality().ok()).ok_or_else(other)
}

macro_rules! define_number {
    ($($variant:ident $type:ty, from $($narrow:ident)*;)*) => {
        $(
            impl Item for $type {}

            impl Sealed for $type {
                fn type_name() -> &'static str {
                    Self::DTYPE.name()
                }

                fn wrap(array: ArrayD<Self>) -> Values {
                    Values::Numbers(DynArray::$variant(array))
                }

                fn take(values: Values) -> Option<ArrayD<Self>> {
                    match values {
                        Values::Numbers(DynArray::$variant(array)) => Some(array),
                        $(Values::Numbers(DynArray::$narrow(array)) => Some(array.mapv(widened)),)*
                        _ => None,
                    }
                }

                fn takes(stored: &str) -> bool {
                    let types = [crate::numpy::DType::$variant, $(crate::numpy::DType::$narrow),*];
                    types.into_iter().any(|dtype| dtype.name() == stored)
                }

                fn write(array: ArrayViewD<'_, Self>, to: &Target<'_>) -> Result<()> {
                    to.numbers(Whole::of(&array))
                }
            }
        )*
    };
}
define_number! {
    Bool bool, from;
    Int8 i8, from;
    Int16 i16, from Int8 UInt8;
    Int32 i32, from Int8 Int16 UInt8 UInt16;
    Int64 i64, from Int8 Int16 Int32 UInt8 UInt16 UInt32;
    UInt8 u8, from;
    UInt16 u16, from UInt8;
    UInt32 u32, from UInt8 UInt16;
    UInt64 u64, from UInt8 UInt16 UInt32;
    Float16 f16, from;
    Float32 f32, from Float16 Int8 Int16 UInt8 UInt16;
    Float64 f64, from Float16 Float32 Int8 Int16 Int32 UInt8 UInt16 UInt32;
    Complex64 Complex<f32>, from;
    Complex128 Complex<f64>, from Complex64;
}

/// What [`From`] of the standard library does, which loses nothing, and the one case that it does not know.
trait Widen<T> {
    fn widen(self) -> T;
}

fn widened<A: Widen<B>, B>(value: A) -> B {
    value.widen()
}

macro_rules! define_widening {
    ($($wide:ty: $($narrow:ty)*;)*) => {
        $($(impl Widen<$wide> for $narrow {
            fn widen(self) -> $wide {
                <$wide>::from(self)
            }
        })*)*
    };
}
define_widening! {
    i16: i8 u8;
    i32: i8 i16 u8 u16;
    i64: i8 i16 i32 u8 u16 u32;
    u16: u8;
    u32: u8 u16;
    u64: u8 u16 u32;
    f32: f16 i8 i16 u8 u16;
    f64: f16 f32 i8 i16 i32 u8 u16 u32;
}

impl Widen<Complex<f64>> for Complex<f32> {
    fn widen(self) -> Complex<f64> {
        Complex::new(self.re.into(), self.im.into())
    }
}

impl Item for String {}

impl Sealed for String {
    fn type_name() -> &'static str {
        "text"
    }

    fn wrap(array: ArrayD<Self>) -> Values {
        Values::Texts(array)
    }

    fn take(values: Values) -> Option<ArrayD<Self>> {
        match values {
            Values::Texts(array) => Some(array),
            Values::Numbers(_) => None,
        }
    }

    fn takes(stored: &str) -> bool {
        stored == "text"
    }

    fn write(array: ArrayViewD<'_, Self>, to: &Target<'_>) -> Result<()> {
        to.texts(&array)
    }
}
