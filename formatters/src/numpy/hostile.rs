//! Bytes that nobody should trust: no panic, no memory beyond what the file can fill, a clear error.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use ndarray::{Array1, ArrayD};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::header::header_of;
use super::*;
use crate::memory::Memory;
use crate::{Dump, Error, ErrorKind, Load, Result};

/// All ways to read a file; some fail because of the type, which is fine as well.
fn read_all(bytes: Vec<u8>) -> [Result<()>; 4] {
    let file = Memory::new("a.npz", bytes);
    [
        Load::<NamedArrays>::load(&Numpy, &file).map(drop),
        Load::<DynArray>::load(&Numpy, &file).map(drop),
        Load::<ArrayD<f64>>::load(&Numpy, &file).map(drop),
        Contents::open(&file, Peek::default()).map(drop),
    ]
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/numpy");
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".npy") || name.ends_with(".npz")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), Memory::fixture(&format!("numpy/{name}")).into_bytes())).collect()
}

/// A zip archive of one file.
fn archive(name: &str, method: CompressionMethod, content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

fn any_error(bytes: Vec<u8>) -> Error {
    Load::<DynArray>::load(&Numpy, &Memory::new("a.npz", bytes)).unwrap_err()
}

#[test]
fn truncated_at_every_byte_is_malformed() {
    for (name, whole) in fixtures() {
        for length in 0..whole.len() {
            let cut = Memory::new(&name, whole[..length].to_vec());
            let error = Load::<DynArray>::load(&Numpy, &cut).unwrap_err();
            // Of what is not read anyway, only the header counts.
            let refused = name.ends_with(".npy") && error.kind() == ErrorKind::Unsupported;
            assert!(refused || error.kind() == ErrorKind::Malformed, "{name} at {length}: {error:?}");
            if name.ends_with(".npz") {
                assert_eq!(Contents::open(&cut, Peek::default()).unwrap_err().kind(), ErrorKind::Malformed);
            }
        }
    }
}

#[test]
fn a_truncated_archive_is_named_in_one_line() {
    let whole = Memory::fixture("numpy/several.npz").into_bytes();
    let error = any_error(whole[..whole.len() / 2].to_vec());
    assert_eq!(error.to_string(), "truncated or damaged npz: its directory, which stands at the end, is missing");
}

#[test]
fn more_behind_the_values_is_malformed() {
    let mut longer = Memory::fixture("numpy/vector.npy").into_bytes();
    longer.push(0);
    let error = any_error(longer);
    assert_eq!(error.to_string(), "int32 of shape (7,) needs 28 bytes, not the 29 that are there");
}

#[test]
fn a_flipped_bit_in_an_archive_is_malformed() {
    for format in ["stored", "deflated"] {
        let mut file = Memory::new("a.npz", Vec::new());
        let array = Array1::from_iter((0..1000u32).map(|i| i.wrapping_mul(0x9e37_79b9)));
        match format {
            "stored" => Numpy.dump(&array, &mut file).unwrap(),
            _ => Numpy::compressed().dump(&array, &mut file).unwrap(),
        }
        let mut bytes = file.into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = any_error(bytes);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{format}: {error}");
        assert!(error.to_string().starts_with("array \"arr_0\": "), "{error}");
    }
}

#[test]
fn sizes_that_cannot_be_are_refused_before_memory_is_taken() {
    let header = header_of(DType::Float64, false, &[1 << 40]).unwrap();
    let message = "float64 of shape (1099511627776,) needs 8796093022208 bytes, not the 0 that are there";
    assert_eq!(any_error(header.clone()).to_string(), message);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = archive("x.npy", method, &header);
        assert_eq!(any_error(bytes.clone()).to_string(), format!("array \"x\": {message}"));
        // The directory lies as well: 4 GB out of nothing.
        let directory = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        let mut lying = bytes;
        lying[directory + 24..directory + 28].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        let error = any_error(lying).to_string();
        assert!(error.starts_with("array \"x\": 4294967280 bytes out of "), "{error}");
    }
}

#[test]
fn other_files_in_an_archive_are_shown_but_not_read() {
    let bytes = archive("read\x1b[2Jme.txt", CompressionMethod::Stored, b"hello");
    let error = any_error(bytes.clone());
    assert_eq!((error.kind(), error.to_string().contains('\x1b')), (ErrorKind::Type, false));
    let contents = Contents::open(&Memory::new("a.npz", bytes), Peek::default()).unwrap();
    assert_eq!((contents.arrays[0].dtype.as_str(), contents.arrays[0].bytes), ("no array", 5));
}

#[test]
fn neither_npy_nor_npz() {
    assert_eq!(any_error(b"hello, world".to_vec()).to_string(), "not a file of NumPy: the magic bytes are missing");
    assert_eq!(any_error(Vec::new()).to_string(), "the file ends too early");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_never_panic(
        choice: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static ALL: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(fixtures);
        let (_, mut bytes) = ALL[choice.index(ALL.len())].clone();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        read_all(bytes).into_iter().for_each(drop);
    }

    #[test]
    fn any_header_never_panics(text in r"\{'descr': '[<>|]?[a-zA-Z][0-9]{0,2}', 'fortran_order': (True|False), 'shape': \(([0-9]{1,20}, ?){0,4}\), ?\}", extra in 0usize..64) {
        let mut bytes = [&b"\x93NUMPY\x01\x00"[..], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
        bytes.resize(bytes.len() + extra, 1);
        read_all(bytes).into_iter().for_each(drop);
    }
}
