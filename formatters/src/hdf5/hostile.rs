//! Bytes that nobody should trust: no panic that comes out, no memory beyond what the file can fill, a clear error.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ndarray::{Array1, array};
use proptest::prelude::*;

use super::*;
use crate::memory::Memory;
use crate::{Dump, Error, ErrorKind, Load, Result};

/// All ways to read a file; some fail because of a type, which is fine as well.
fn read_all(bytes: &[u8]) -> [Result<()>; 3] {
    let file = Memory::new("a.h5", bytes.to_vec());
    [
        Load::<Datasets>::load(&H5, &file).map(drop),
        Load::<Values>::load(&H5.named("x"), &file).map(drop),
        Contents::open(&file, Peek::default()).map(drop),
    ]
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/hdf5");
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".h5")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), Memory::fixture(&format!("hdf5/{name}")).into_bytes())).collect()
}

/// Damage is told as such, or as something that is not known; it never is an error of the disk.
fn check(what: &str, results: [Result<()>; 3]) {
    for error in results.into_iter().filter_map(Result::err) {
        assert_ne!(error.kind(), ErrorKind::Io, "{what}: {error}");
        assert_eq!(error.to_string().lines().count(), 1, "{what}");
    }
}

fn any_error(bytes: Vec<u8>) -> Error {
    Load::<Values>::load(&H5, &Memory::new("a.h5", bytes)).unwrap_err()
}

#[test]
fn truncated_anywhere_is_malformed() {
    for (name, whole) in fixtures() {
        for length in (0..whole.len()).filter(|length| *length < 128 || length % 61 == 0 || whole.len() - length < 4) {
            for error in read_all(&whole[..length]) {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Malformed, "{name} at {length}: {error}");
            }
        }
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    for (name, whole) in fixtures() {
        let mut damaged = whole.clone();
        for byte in (0..whole.len()).step_by(7) {
            damaged[byte] ^= 0x55;
            let start = Instant::now();
            check(&format!("{name} at {byte}"), read_all(&damaged));
            assert!(start.elapsed() < Duration::from_secs(20), "{name} at {byte}");
            damaged[byte] ^= 0x55;
        }
    }
}

#[test]
fn a_flipped_byte_of_what_has_a_checksum_is_malformed() {
    let whole = Memory::fixture("hdf5/packed_latest.h5").into_bytes();
    let of = |bytes: Vec<u8>| Load::<Values>::load(&H5.named("all"), &Memory::new("a.h5", bytes));
    let expected = of(whole.clone()).unwrap();
    let mut noticed = 0;
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x10;
        match of(damaged) {
            Ok(values) => assert_eq!(values, expected, "byte {byte}"),
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Io, "byte {byte}: {error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 1000, "{noticed}");
}

#[test]
fn neither_hdf5_nor_anything() {
    assert_eq!(any_error(b"hello, world".to_vec()).to_string(), "not an HDF5 file: its signature is missing");
    assert_eq!(any_error(Vec::new()).to_string(), "not an HDF5 file: its signature is missing");
    let zeros = Memory::new("a.h5", vec![0; 3_000_000]);
    assert_eq!(Load::<Values>::load(&H5, &zeros).unwrap_err().kind(), ErrorKind::Malformed);
    assert!(zeros.requests() < 40, "{}", zeros.requests());
}

/// A file whose dataset has that shape in place of `from`.
fn with_shape(format: H5Options, from: u64, to: u64) -> Vec<u8> {
    let mut file = Memory::new("a.h5", Vec::new());
    let array = Array1::from_iter(0..i64::try_from(from).unwrap());
    format.dump(&array, &mut file).unwrap();
    let mut bytes = file.into_bytes();
    let places: Vec<usize> =
        (0..bytes.len() - 8).filter(|place| bytes[*place..place + 8] == from.to_le_bytes()).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place..place + 8].copy_from_slice(&to.to_le_bytes());
    }
    with_checksums(bytes)
}

/// Headers with checksums that fit them again.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let starts: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == b"OHDR").map(|(at, _)| at).collect();
    for start in starts {
        let flags = bytes[start + 5];
        let width = 1 << (flags & 3);
        let sizes = start + 6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
        let size = bytes[sizes..sizes + width].iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
        let end = sizes + width + size;
        let sum = rust_hdf5::format::checksum::checksum_metadata(&bytes[start..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}

#[test]
fn sizes_that_cannot_be_are_refused_before_memory_is_taken() {
    for size in [1u64 << 40, 1 << 60, u64::MAX] {
        let error = any_error(with_shape(H5.named("data"), 777, size));
        assert_eq!(error.kind(), ErrorKind::Malformed, "{size}: {error}");
        let error = any_error(with_shape(H5.chunked(&[100]).compressed(), 777, size));
        assert_eq!(error.kind(), ErrorKind::Malformed, "{size}: {error}");
        let error = any_error(with_shape(H5.chunked(&[777]), 777, size));
        assert_eq!(error.kind(), ErrorKind::Malformed, "{size}: {error}");
    }
    let message = any_error(with_shape(H5.chunked(&[100]), 777, 1 << 40)).to_string();
    assert!(message.starts_with("dataset \"data\": int64 of shape (1099511627776,) is more than "), "{message}");
}

#[test]
fn the_test_with_shapes_leaves_whole_files() {
    let file = Memory::new("a.h5", with_shape(H5.chunked(&[100]), 777, 777));
    assert_eq!(Load::<Array1<i64>>::load(&H5, &file).unwrap().len(), 777);
    // More than there is, but not too much: what was never written is zero.
    let file = Memory::new("a.h5", with_shape(H5.chunked(&[100]), 777, 790));
    assert_eq!(Load::<Array1<i64>>::load(&H5, &file).map(|array| array[776]).unwrap_or(776), 776);
}

#[test]
fn one_piece_of_a_file_is_not_many_datasets() {
    let array = Array1::<f64>::zeros(10_000);
    let all = (0..20).fold(Datasets::new(), |all, number| all.with(format!("x{number}"), array.clone()));
    let mut file = Memory::new("a.h5", Vec::new());
    // A file that says all zeros in a few bytes is sound, as long as it is not too much.
    H5.compressed_level(9).dump(&all, &mut file).unwrap();
    let size = file.bytes().len();
    assert_eq!(Load::<Datasets>::load(&H5, &file).unwrap().len(), 20);
    let result = super::blocks::parse(&file, |blocks| {
        blocks.take_values(size as u64 * 1000)?;
        blocks.take_values(size as u64 * 100 + 64 * 1024 * 1024)
    });
    assert_eq!(result.unwrap_err().to_string(), "damaged HDF5: more values than the file can hold");
}

#[test]
fn a_storage_that_fails_is_no_damage() {
    let mut file = Memory::new("a.h5", Vec::new());
    H5.dump(&array![1.0], &mut file).unwrap();
    let failing = Memory::new("a.h5", file.into_bytes()).failing();
    let error = Load::<Values>::load(&H5, &failing).unwrap_err();
    assert_eq!(error.into_io().unwrap().to_string(), "the door is closed");
    let error = Contents::open(&failing, Peek::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_files_never_panic(
        choice: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static ALL: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(fixtures);
        let (name, mut bytes) = ALL[choice.index(ALL.len())].clone();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        check(&name, read_all(&with_checksums_of_whole_headers(bytes)));
    }
}

/// The same, unless a header was damaged so that it has no end.
fn with_checksums_of_whole_headers(bytes: Vec<u8>) -> Vec<u8> {
    std::panic::catch_unwind(|| with_checksums(bytes.clone())).unwrap_or(bytes)
}
