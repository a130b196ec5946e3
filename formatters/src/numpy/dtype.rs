//! The numeric types of NumPy, and their bytes.

use std::fmt;

use half::f16;
use ndarray::ArrayD;
use num_complex::Complex;

use super::DynArray;

/// Calls a macro with every numeric type: its variant, its type, NumPy's name for it, and its code in a header.
macro_rules! for_each_dtype {
    ($apply:ident) => {
        $apply! {
            (Bool, bool, "bool", "b1"),
            (Int8, i8, "int8", "i1"),
            (Int16, i16, "int16", "i2"),
            (Int32, i32, "int32", "i4"),
            (Int64, i64, "int64", "i8"),
            (UInt8, u8, "uint8", "u1"),
            (UInt16, u16, "uint16", "u2"),
            (UInt32, u32, "uint32", "u4"),
            (UInt64, u64, "uint64", "u8"),
            (Float16, half::f16, "float16", "f2"),
            (Float32, f32, "float32", "f4"),
            (Float64, f64, "float64", "f8"),
            (Complex64, num_complex::Complex<f32>, "complex64", "c8"),
            (Complex128, num_complex::Complex<f64>, "complex128", "c16")
        }
    };
}
pub(crate) use for_each_dtype;

macro_rules! define_dtype {
    ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
        /// A numeric type, by NumPy's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DType {
            $(#[doc = concat!("`", $name, "`, in Rust `", stringify!($type), "`.")] $variant,)*
        }

        impl DType {
            /// Every type.
            pub const ALL: [Self; 14] = [$(Self::$variant),*];

            /// NumPy's name, such as `float64`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Bytes of one value.
            pub fn size(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$type>(),)*
                }
            }

            /// The code in the header of an npy file, without the order of bytes.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}
for_each_dtype!(define_dtype);

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// The least significant byte first.
    Little,
    /// The most significant byte first.
    Big,
}

impl Endian {
    /// That of this machine.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// A Rust type of numbers that NumPy has as well. Only this crate implements it.
pub trait Element: Codec {
    /// NumPy's type.
    const DTYPE: DType;
}

/// The part of [`Element`] that is nobody's business.
pub trait Codec: Copy {
    /// Appends the values of some bytes, which are a whole number of values.
    #[doc(hidden)]
    fn decode(bytes: &[u8], order: Endian, values: &mut Vec<Self>);

    /// Writes values as little-endian bytes, for which there is room.
    #[doc(hidden)]
    fn encode(values: &[Self], bytes: &mut [u8]);

    /// For people, such as `1.0`.
    #[doc(hidden)]
    fn show(self) -> String;

    #[doc(hidden)]
    fn wrap(array: ArrayD<Self>) -> DynArray;

    /// The array, if it is of this type.
    #[doc(hidden)]
    fn unwrap(array: DynArray) -> Option<ArrayD<Self>>;
}

macro_rules! wrapping {
    ($variant:ident) => {
        fn wrap(array: ArrayD<Self>) -> DynArray {
            DynArray::$variant(array)
        }

        fn unwrap(array: DynArray) -> Option<ArrayD<Self>> {
            match array {
                DynArray::$variant(array) => Some(array),
                _ => None,
            }
        }
    };
}

macro_rules! define_elements {
    ($(($variant:ident, $type:ty, $name:literal, $code:literal)),*) => {
        $(impl Element for $type {
            const DTYPE: DType = DType::$variant;
        })*
    };
}
for_each_dtype!(define_elements);

macro_rules! define_number {
    ($($variant:ident $type:ty),*) => {
        $(impl Codec for $type {
            fn decode(bytes: &[u8], order: Endian, values: &mut Vec<Self>) {
                let (items, _) = bytes.as_chunks();
                match order {
                    Endian::Little => values.extend(items.iter().copied().map(Self::from_le_bytes)),
                    Endian::Big => values.extend(items.iter().copied().map(Self::from_be_bytes)),
                }
            }

            fn encode(values: &[Self], bytes: &mut [u8]) {
                let (items, _) = bytes.as_chunks_mut();
                items.iter_mut().zip(values).for_each(|(item, value)| *item = value.to_le_bytes());
            }

            fn show(self) -> String {
                format!("{self:?}")
            }

            wrapping!($variant);
        })*
    };
}
define_number!(
    Int8 i8, Int16 i16, Int32 i32, Int64 i64, UInt8 u8, UInt16 u16, UInt32 u32, UInt64 u64,
    Float16 f16, Float32 f32, Float64 f64
);

macro_rules! define_complex {
    ($($variant:ident $part:ty),*) => {
        $(impl Codec for Complex<$part> {
            fn decode(bytes: &[u8], order: Endian, values: &mut Vec<Self>) {
                let mut parts = Vec::with_capacity(bytes.len() / size_of::<$part>());
                <$part>::decode(bytes, order, &mut parts);
                values.extend(parts.as_chunks().0.iter().map(|&[re, im]| Self::new(re, im)));
            }

            fn encode(values: &[Self], bytes: &mut [u8]) {
                let (parts, _) = bytes.as_chunks_mut();
                let (items, _) = parts.as_chunks_mut();
                let pairs = items.iter_mut().zip(values);
                pairs.for_each(|(item, value)| *item = [value.re.to_le_bytes(), value.im.to_le_bytes()]);
            }

            fn show(self) -> String {
                let negative = self.im.is_sign_negative() && !self.im.is_nan();
                format!("{:?}{}{:?}j", self.re, if negative { '-' } else { '+' }, self.im.abs())
            }

            wrapping!($variant);
        })*
    };
}
define_complex!(Complex64 f32, Complex128 f64);

impl Codec for bool {
    fn decode(bytes: &[u8], _: Endian, values: &mut Vec<Self>) {
        values.extend(bytes.iter().map(|&byte| byte != 0));
    }

    fn encode(values: &[Self], bytes: &mut [u8]) {
        bytes.iter_mut().zip(values).for_each(|(byte, &value)| *byte = value.into());
    }

    fn show(self) -> String {
        self.to_string()
    }

    wrapping!(Bool);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_the_size() {
        for dtype in DType::ALL {
            assert_eq!(dtype.code()[1..].parse(), Ok(dtype.size()), "{dtype}");
        }
    }

    #[test]
    fn bytes_in_both_orders() {
        let mut values = Vec::new();
        i16::decode(&[1, 2], Endian::Little, &mut values);
        i16::decode(&[1, 2], Endian::Big, &mut values);
        assert_eq!(values, [0x0201, 0x0102]);
        let mut values = Vec::new();
        let bytes = [[0x3f, 0x80, 0, 0], [0xc0, 0, 0, 0]].concat();
        Complex::<f32>::decode(&bytes, Endian::Big, &mut values);
        assert_eq!(values, [Complex::new(1.0, -2.0)]);
    }

    #[test]
    fn values_for_people() {
        assert_eq!(f64::show(1.0), "1.0");
        assert_eq!(f16::show(f16::from_f32(-1.5)), "-1.5");
        assert_eq!(Complex::new(0.0, -2.5f64).show(), "0.0-2.5j");
        assert_eq!(Complex::new(f64::NAN, f64::NAN).show(), "NaN+NaNj");
    }
}
