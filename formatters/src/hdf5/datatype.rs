//! Types of HDF5, and what they are here.

use rust_hdf5::DatatypeMessage;
use rust_hdf5::format::messages::datatype::{ByteOrder, CompoundMember, EnumMember, IeeeFormat};

use crate::numpy::{DType, Endian};

/// Members and fields that are named in a text about a type.
const MOST_NAMED: usize = 8;

/// What this crate makes of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers and booleans.
    Number(DType, Endian),
    /// Texts of any length, of which the values are references.
    Text,
    /// Texts that fill that many bytes each, with that padding.
    FixedText(usize, u8),
    /// What cannot be loaded.
    Other,
}

impl Kind {
    pub(super) fn of(datatype: &DatatypeMessage) -> Self {
        match datatype {
            DatatypeMessage::FixedPoint { .. } => integer(datatype).unwrap_or(Self::Other),
            DatatypeMessage::FloatingPoint { byte_order, .. } => match float(datatype) {
                Some(dtype) => Self::Number(dtype, endian(*byte_order)),
                None => Self::Other,
            },
            DatatypeMessage::Enum { base, members } if is_bool(base, members) => {
                Self::Number(DType::Bool, Endian::NATIVE)
            }
            // As h5py reads them: as numbers.
            DatatypeMessage::Enum { base, .. } => integer(base).unwrap_or(Self::Other),
            DatatypeMessage::Compound { size, members } => complex(*size, members).unwrap_or(Self::Other),
            DatatypeMessage::VarLenString { .. } => Self::Text,
            DatatypeMessage::FixedString { size, padding, .. } if *size > 0 => {
                Self::FixedText(*size as usize, *padding)
            }
            _ => Self::Other,
        }
    }
}

fn endian(order: ByteOrder) -> Endian {
    match order {
        ByteOrder::LittleEndian => Endian::Little,
        ByteOrder::BigEndian => Endian::Big,
    }
}

/// An integer that fills its bytes.
fn integer(datatype: &DatatypeMessage) -> Option<Kind> {
    let DatatypeMessage::FixedPoint { size, byte_order, signed, bit_offset: 0, bit_precision } = *datatype else {
        return None;
    };
    let dtype = match (size, signed) {
        (1, true) => DType::Int8,
        (2, true) => DType::Int16,
        (4, true) => DType::Int32,
        (8, true) => DType::Int64,
        (1, false) => DType::UInt8,
        (2, false) => DType::UInt16,
        (4, false) => DType::UInt32,
        (8, false) => DType::UInt64,
        _ => return None,
    };
    (u32::from(bit_precision) == size * 8).then(|| Kind::Number(dtype, endian(byte_order)))
}

fn float(datatype: &DatatypeMessage) -> Option<DType> {
    Some(match datatype.ieee_format()? {
        IeeeFormat::Binary16 => DType::Float16,
        IeeeFormat::Binary32 => DType::Float32,
        IeeeFormat::Binary64 => DType::Float64,
    })
}

/// NumPy's booleans, as h5py writes them.
fn is_bool(base: &DatatypeMessage, members: &[EnumMember]) -> bool {
    let named = |name: &str, value: u8| members.iter().any(|member| member.name == name && member.value == [value]);
    base.element_size() == 1 && members.len() == 2 && named("FALSE", 0) && named("TRUE", 1)
}

/// NumPy's complex numbers, as h5py writes them.
fn complex(size: u32, members: &[CompoundMember]) -> Option<Kind> {
    let [re, im] = members else { return None };
    let in_place = re.name == "r" && im.name == "i" && re.offset == 0 && im.offset == size / 2;
    if !in_place || re.datatype != im.datatype || re.datatype.element_size() != size / 2 {
        return None;
    }
    match Kind::of(&re.datatype) {
        Kind::Number(DType::Float32, order) => Some(Kind::Number(DType::Complex64, order)),
        Kind::Number(DType::Float64, order) => Some(Kind::Number(DType::Complex128, order)),
        _ => None,
    }
}

/// For people: NumPy's name of a number, such as `float64` or `int32, big-endian`; `text`; and a description of
/// everything else.
pub(super) fn describe(datatype: &DatatypeMessage) -> String {
    match (datatype, Kind::of(datatype)) {
        (DatatypeMessage::Enum { base, members }, kind) if !matches!(kind, Kind::Number(DType::Bool, _)) => {
            format!("enumeration of {} ({})", describe(base), listed(members.iter().map(|member| member.name.clone())))
        }
        (_, Kind::Number(dtype, Endian::Big)) if dtype.size() > 1 => format!("{dtype}, big-endian"),
        (_, Kind::Number(dtype, _)) => dtype.to_string(),
        (_, Kind::Text) => "text".to_owned(),
        (_, Kind::FixedText(size, _)) => format!("text of {size} byte{}", if size == 1 { "" } else { "s" }),
        (DatatypeMessage::Compound { members, .. }, _) => {
            let field = |member: &CompoundMember| format!("{}: {}", member.name, describe(&member.datatype));
            format!("record ({})", listed(members.iter().map(field)))
        }
        (DatatypeMessage::Array { dims, base }, _) => {
            let dims: Vec<String> = dims.iter().map(u32::to_string).collect();
            format!("array of {} {}", dims.join("x"), describe(base))
        }
        (DatatypeMessage::VarLenSequence { base }, _) => format!("lists of {}", describe(base)),
        (DatatypeMessage::Reference { .. }, _) => "reference".to_owned(),
        // Of another layout than IEEE 754 says, such as the long double of x86.
        (DatatypeMessage::FloatingPoint { size, .. }, _) => format!("float of {size} bytes"),
        (DatatypeMessage::FixedPoint { size, .. }, _) => format!("integer of {size} bytes, not all of them used"),
        (DatatypeMessage::BitField { size, .. }, _) => format!("bits in {size} bytes"),
        (DatatypeMessage::Opaque { size, .. }, _) => format!("{size} opaque bytes"),
        (DatatypeMessage::FixedString { .. }, _) => "text of no bytes".to_owned(),
        (DatatypeMessage::Enum { .. } | DatatypeMessage::VarLenString { .. }, _) => "unknown".to_owned(),
    }
}

/// The first of several names.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let mut names: Vec<String> = names.take(MOST_NAMED).collect();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}
