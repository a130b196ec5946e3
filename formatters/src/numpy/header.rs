//! The header of an npy file, after NEP 1 and the documentation of `numpy.lib.format`.

use std::any::type_name;
use std::io::Read;

use ndarray::Dimension;

use super::dtype::{DType, Element, Endian};
use super::literal::Literal;
use crate::{Error, Result};

/// What every npy file starts with.
pub(crate) const MAGIC: [u8; 6] = *b"\x93NUMPY";
/// The length of a header is a multiple of this, so that the values are aligned.
const ALIGNMENT: usize = 64;
/// NumPy leaves so many spaces for an axis that grows, less its digits.
const GROWTH: usize = 21;
/// No array of NumPy has more dimensions.
const MOST_DIMENSIONS: usize = 64;
/// Far above what any array needs: those of structured types name every field.
const LONGEST: u64 = 1024 * 1024;

/// What stands before the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) descr: Descr,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<usize>,
    /// Bytes that stand behind the header.
    pub(crate) bytes: u64,
}

/// The type of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Descr {
    Number(DType, Endian),
    /// Not a number: as the header has it, such as `<U5`.
    Other(String),
}

/// How numbers lie in a file: their count is proven to fit the bytes that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) dtype: DType,
    pub(crate) order: Endian,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<usize>,
    pub(crate) count: usize,
}

impl Header {
    /// Reads the header of a file of `total` bytes.
    pub(crate) fn read(reader: &mut dyn Read, total: u64) -> Result<Self> {
        let mut start = [0; 8];
        reader.read_exact(&mut start)?;
        let [magic @ .., major, minor] = start;
        if magic != MAGIC {
            return Err(Error::malformed("not a file of NumPy: the magic bytes are missing"));
        }
        let (width, length) = match major {
            1 => (2, u64::from(u16::from_le_bytes(bytes(reader)?))),
            2 | 3 => (4, u64::from(u32::from_le_bytes(bytes(reader)?))),
            _ => return Err(Error::unsupported(format!("version {major}.{minor} of npy"))),
        };
        let rest = total.saturating_sub(start.len() as u64 + width);
        if length > rest.min(LONGEST) {
            return Err(Error::malformed(format!("a header of {length} bytes in a file of {total}")));
        }
        // Shorter than LONGEST.
        let mut text = vec![0; length as usize];
        reader.read_exact(&mut text)?;
        Self::parse(&decoded(text, major)?, rest - length)
    }

    fn parse(text: &str, bytes: u64) -> Result<Self> {
        let Literal::Dictionary(entries) = Literal::parse(text)? else {
            return Err(Error::malformed("header: no dictionary"));
        };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        for (key, value) in entries {
            match (key, value) {
                (Literal::Text(key), value) if key == "descr" => descr = Some(Descr::of(&value)),
                (Literal::Text(key), Literal::Boolean(value)) if key == "fortran_order" => fortran_order = Some(value),
                (Literal::Text(key), Literal::Tuple(axes)) if key == "shape" => shape = Some(lengths(&axes)?),
                (key, _) => {
                    return Err(Error::malformed(format!("header: unknown key or wrong value of {}", brief(&key))));
                }
            }
        }
        let missing = |key: &str| Error::malformed(format!("header: no {key}"));
        let descr = descr.ok_or_else(|| missing("descr"))?;
        let fortran_order = fortran_order.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Self { descr, fortran_order, shape, bytes })
    }

    /// Whether the values are plain numbers.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.descr, Descr::Number(..))
    }

    /// The layout of numbers, if they are numbers, and as many as the shape says.
    pub(crate) fn layout(self) -> Result<Layout> {
        let (dtype, order) = match self.descr {
            Descr::Number(dtype, order) => (dtype, order),
            Descr::Other(text) => return Err(refusal(&text)),
        };
        let shape = show_shape(&self.shape);
        let too_large = || Error::malformed(format!("{dtype} of shape {shape} is larger than any memory"));
        let count = product(&self.shape).ok_or_else(too_large)?;
        let needed = count.checked_mul(dtype.size()).ok_or_else(too_large)? as u64;
        if needed != self.bytes {
            let message =
                format!("{dtype} of shape {shape} needs {needed} bytes, not the {} that are there", self.bytes);
            return Err(Error::malformed(message));
        }
        Ok(Layout { dtype, order, fortran_order: self.fortran_order, shape: self.shape, count })
    }
}

impl Layout {
    /// An error unless the file holds `A` in as many dimensions as `D` has.
    pub(crate) fn expect<A: Element, D: Dimension>(&self) -> Result<()> {
        let holds = format!("holds {} of shape {}", self.dtype, show_shape(&self.shape));
        if self.dtype != A::DTYPE {
            return Err(Error::wrong_type(format!("{holds}, not {} ({})", A::DTYPE, type_name::<A>())));
        }
        match D::NDIM {
            Some(wanted) if wanted != self.shape.len() => {
                let dimensions = self.shape.len();
                Err(Error::wrong_type(format!("{holds}, which has {dimensions} dimensions, not {wanted}")))
            }
            _ => Ok(()),
        }
    }
}

impl Descr {
    fn of(descr: &Literal) -> Self {
        match descr {
            Literal::Text(code) => number(code).unwrap_or_else(|| Self::Other(code.clone())),
            other => Self::Other(other.to_string()),
        }
    }

    /// For people: `float64`, `int32, big-endian`, `object`.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Number(dtype, Endian::Big) if dtype.size() > 1 => format!("{dtype}, big-endian"),
            Self::Number(dtype, _) => dtype.to_string(),
            Self::Other(code) if is_object(code) => "object".into(),
            Self::Other(code) => shortened(code),
        }
    }
}

fn number(code: &str) -> Option<Descr> {
    let (order, code) = match code.as_bytes().first()? {
        b'<' => (Endian::Little, &code[1..]),
        b'>' => (Endian::Big, &code[1..]),
        b'|' | b'=' => (Endian::NATIVE, &code[1..]),
        _ => (Endian::NATIVE, code),
    };
    // `?` is another spelling of `b1`.
    let known = |dtype: &DType| dtype.code() == code || (*dtype == DType::Bool && code == "?");
    DType::ALL.into_iter().find(known).map(|dtype| Descr::Number(dtype, order))
}

fn is_object(code: &str) -> bool {
    code.trim_start_matches(['|', '<', '>', '=']).starts_with('O')
}

fn shortened(code: &str) -> String {
    match code.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &code[..end]),
        None => code.into(),
    }
}

fn brief(literal: &Literal) -> String {
    shortened(&literal.to_string())
}

fn refusal(code: &str) -> Error {
    if is_object(code) || code.contains("'|O'") {
        return Error::unsupported("holds Python objects, which are pickles: they are never executed");
    }
    Error::unsupported(format!("holds {}, which is no plain number", shortened(code)))
}

fn bytes<const N: usize>(reader: &mut dyn Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Versions 1 and 2 are in Latin-1, version 3 is in UTF-8.
fn decoded(text: Vec<u8>, major: u8) -> Result<String> {
    match major {
        3 => String::from_utf8(text).map_err(|_| Error::malformed("header: not UTF-8")),
        _ => Ok(text.into_iter().map(char::from).collect()),
    }
}

fn lengths(axes: &[Literal]) -> Result<Vec<usize>> {
    if axes.len() > MOST_DIMENSIONS {
        return Err(Error::malformed(format!("header: {} dimensions", axes.len())));
    }
    let length = |axis: &Literal| match axis {
        Literal::Integer(length) => usize::try_from(*length).ok(),
        _ => None,
    };
    let length =
        |axis| length(axis).ok_or_else(|| Error::malformed(format!("header: no length of an axis: {}", brief(axis))));
    axes.iter().map(length).collect()
}

/// The number of values of a shape.
pub(crate) fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length))
}

/// A shape as Python writes it: `(3, 4)`, `(3,)`, `()`.
pub(crate) fn show_shape(shape: &[usize]) -> String {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    match &lengths[..] {
        [only] => format!("({only},)"),
        lengths => format!("({})", lengths.join(", ")),
    }
}

/// The header of little-endian values, byte by byte what `numpy.save` writes.
pub(crate) fn header_of(dtype: DType, fortran_order: bool, shape: &[usize]) -> Result<Vec<u8>> {
    if shape.len() > MOST_DIMENSIONS {
        return Err(Error::wrong_type(format!(
            "{} dimensions, where NumPy has at most {MOST_DIMENSIONS}",
            shape.len()
        )));
    }
    let order = if dtype.size() == 1 { '|' } else { '<' };
    let (flag, lengths) = (if fortran_order { "True" } else { "False" }, show_shape(shape));
    let mut text = format!("{{'descr': '{order}{}', 'fortran_order': {flag}, 'shape': {lengths}, }}", dtype.code());
    let growing = if fortran_order { shape.last() } else { shape.first() };
    let spaces = growing.map_or(0, |length| GROWTH.saturating_sub(length.to_string().len()));
    text.push_str(&" ".repeat(spaces));
    // The magic bytes, the version, the length, and the line feed at the end.
    let fixed = MAGIC.len() + 2 + 2 + 1;
    text.push_str(&" ".repeat(ALIGNMENT - (fixed + text.len()) % ALIGNMENT));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| Error::wrong_type("a shape that no header holds"))?;
    Ok([&MAGIC, &[1, 0][..], &length.to_le_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use ndarray::{Ix1, IxDyn};

    use super::*;
    use crate::ErrorKind;

    fn parse(text: &str, bytes: u64) -> Result<Layout> {
        Header::parse(text, bytes)?.layout()
    }

    fn shaped(shape: &str, bytes: u64) -> Result<Layout> {
        parse(&format!("{{'descr': '>i4', 'fortran_order': True, 'shape': {shape}, }}"), bytes)
    }

    #[test]
    fn a_layout_has_as_many_values_as_there_are_bytes() {
        let layout = shaped("(3, 4)", 48).unwrap();
        assert_eq!((layout.dtype, layout.order, layout.count), (DType::Int32, Endian::Big, 12));
        assert_eq!(shaped("()", 4).unwrap().count, 1);
        assert_eq!(shaped("(0, 9223372036854775807)", 0).unwrap().count, 0);
        let message = "int32 of shape (3,) needs 12 bytes, not the 11 that are there";
        assert_eq!(shaped("(3,)", 11).unwrap_err().to_string(), message);
        for shape in ["(4294967296, 4294967296)", "(9223372036854775807,)", "(-1,)", "(1.5,)", "3", "(None,)"] {
            assert_eq!(shaped(shape, 4).unwrap_err().kind(), ErrorKind::Malformed, "{shape}");
        }
        let many = format!("({})", "1,".repeat(65));
        assert_eq!(shaped(&many, 4).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_header_has_three_keys() {
        for text in [
            "{'fortran_order': True, 'shape': ()}",
            "{'descr': '<f8', 'shape': ()}",
            "{'descr': '<f8', 'fortran_order': True}",
            "{'descr': '<f8', 'fortran_order': True, 'shape': (), 'more': 1}",
            "{'descr': '<f8', 'fortran_order': 1, 'shape': ()}",
            "('descr', '<f8')",
        ] {
            assert_eq!(parse(text, 8).unwrap_err().kind(), ErrorKind::Malformed, "{text}");
        }
    }

    #[test]
    fn types_for_people() {
        let show = |code: &str| Descr::of(&Literal::Text(code.into())).show();
        assert_eq!(show("<f8"), "float64");
        assert_eq!(show(">i4"), "int32, big-endian");
        assert_eq!(show("|b1"), "bool");
        assert_eq!(show("?"), "bool");
        assert_eq!(show("|O"), "object");
        assert_eq!(show("<U5"), "<U5");
        assert_eq!(show("<f16"), "<f16");
        assert_eq!(show(&"\u{e9}".repeat(100)).chars().count(), 83);
    }

    #[test]
    fn what_was_asked_and_what_is_there() {
        let layout = shaped("(3, 4)", 48).unwrap();
        assert!(layout.expect::<i32, IxDyn>().is_ok());
        let error = layout.expect::<f64, Ix1>().unwrap_err();
        assert_eq!(error.to_string(), "holds int32 of shape (3, 4), not float64 (f64)");
        let error = layout.expect::<i32, Ix1>().unwrap_err();
        assert_eq!(error.to_string(), "holds int32 of shape (3, 4), which has 2 dimensions, not 1");
        assert_eq!(error.kind(), ErrorKind::Type);
    }

    #[test]
    fn lengths_are_checked_before_memory_is_taken() {
        let huge = [&MAGIC[..], &[2, 0], &u32::MAX.to_le_bytes()].concat();
        let error = Header::read(&mut &huge[..], huge.len() as u64).unwrap_err();
        assert_eq!(error.to_string(), "a header of 4294967295 bytes in a file of 12");
        let newer = [&MAGIC[..], &[4, 1], &[0; 8]].concat();
        assert_eq!(Header::read(&mut &newer[..], 16).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn headers_are_aligned_and_come_back() {
        for shape in [vec![], vec![0], vec![3, 4], vec![1; 64], vec![usize::MAX >> 1, 1]] {
            for (dtype, fortran_order) in DType::ALL.into_iter().zip([true, false].into_iter().cycle()) {
                let header = header_of(dtype, fortran_order, &shape).unwrap();
                assert_eq!(header.len() % ALIGNMENT, 0);
                let back = Header::read(&mut &header[..], header.len() as u64).unwrap();
                assert_eq!(
                    back,
                    Header {
                        descr: Descr::Number(dtype, Endian::Little),
                        fortran_order,
                        shape: shape.clone(),
                        bytes: 0
                    }
                );
            }
        }
        assert_eq!(header_of(DType::Bool, false, &[1; 65]).unwrap_err().kind(), ErrorKind::Type);
    }
}
