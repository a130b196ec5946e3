use serde_json::{Value, json};

use super::*;
use crate::memory::Memory;
use crate::{Csv, ErrorKind, Json, JsonLines, LoadRows, Numpy, Text};

/// A test with each compression.
macro_rules! each {
    ($test:ident) => {
        $test::<GzipCodec>();
        $test::<ZstdCodec>();
        $test::<Bzip2Codec>();
        $test::<XzCodec>();
    };
}

fn name<C: Codec>(inner: &str) -> String {
    format!("{inner}.{}", C::EXTENSIONS[0])
}

fn packed<C: Codec>() -> Memory {
    let mut file = Memory::new(&name::<C>("a.json"), Vec::new());
    Compressed::<_, C>::new(Json).dump(&json!({"list": vec![7; 10_000]}), &mut file).unwrap();
    file
}

fn noise(letters: usize) -> String {
    let mut state = 1u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + ((state >> 33) % 26) as u8)
    };
    (0..letters).map(|_| letter()).collect()
}

fn round_trip<C: Codec>() {
    let file = packed::<C>();
    assert!(file.bytes().len() < 400 && file.bytes().starts_with(C::START), "{}", C::NAME);
    assert_eq!(codec_by_start(file.bytes()).unwrap().name(), C::NAME);
    let format = Compressed::<_, C>::new(Json);
    assert_eq!(Load::<Value>::load(&format, &file).unwrap()["list"][9_999], 7);
    let array = ndarray::array![[1.5, 2.5], [3.5, 4.5]];
    let mut file = Memory::new(&name::<C>("a.npz"), Vec::new());
    let format = Compressed::<_, C>::new(Numpy);
    for level in [i32::MIN, 1, 5, i32::MAX] {
        file = Memory::new(&name::<C>("a.npz"), Vec::new());
        Compressed::<_, C>::new(Numpy).level(level).dump(&array, &mut file).unwrap();
    }
    let back: ndarray::Array2<f64> = format.load(&file).unwrap();
    assert_eq!(back, array, "the name inside is a.npz");
}

#[test]
fn what_goes_in_comes_out() {
    each!(round_trip);
}

fn beginning<C: Codec>() {
    let noise = noise(4_000_000);
    let mut file = Memory::new(&name::<C>("noise.txt").to_uppercase(), Vec::new());
    Compressed::<_, C>::new(Text).level(1).dump(&noise, &mut file).unwrap();
    let start = compressed_beginning(&file, 100).unwrap().unwrap();
    assert_eq!((start.compression, start.name.as_str()), (C::NAME, "NOISE.TXT"));
    assert_eq!(start.bytes, noise.as_bytes()[..100]);
    assert!(file.read() < file.bytes().len() / 2, "{}: {} of {}", C::NAME, file.read(), file.bytes().len());
    let wrong = compressed_beginning(&Memory::new(&name::<C>("a"), b"nothing of that kind".to_vec()), 9);
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Malformed, "{}", C::NAME);
}

#[test]
fn a_beginning_costs_a_part_of_the_file() {
    each!(beginning);
    assert_eq!(compressed_beginning(&Memory::new("a.txt", b"no".to_vec()), 9).unwrap(), None);
}

fn members<C: Codec>() {
    let mut file = Memory::new(&name::<C>("a.txt"), Vec::new());
    for part in ["one ", "two"] {
        Compressed::<_, C>::new(Text).dump(&part, &mut file).unwrap();
    }
    assert_eq!(Compressed::<_, C>::new(Text).load(&file).unwrap(), "one two", "{}", C::NAME);
}

#[test]
fn several_members_are_one_file() {
    each!(members);
}

fn cuts<C: Codec>() {
    let whole = packed::<C>().into_bytes();
    for length in 1..whole.len() {
        let cut = Memory::new(&name::<C>("a.json"), whole[..length].to_vec());
        let error = Load::<Value>::load(&Compressed::<_, C>::new(Json), &cut).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{} of {length} bytes: {error}", C::NAME);
    }
}

#[test]
fn what_is_cut_off_is_malformed() {
    each!(cuts);
}

fn damage<C: Codec>() {
    let sound = packed::<C>();
    let value: Value = Compressed::<_, C>::new(Json).load(&sound).unwrap();
    let whole = sound.into_bytes();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x55;
        // Some bytes mean nothing for the content, such as the time in the header of gzip.
        let file = Memory::new(&name::<C>("a.json"), damaged);
        match Load::<Value>::load(&Compressed::<_, C>::new(Json), &file) {
            Ok(loaded) => assert_eq!(loaded, value, "{} byte {byte}", C::NAME),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Malformed, "{} byte {byte}: {error}", C::NAME),
        }
    }
}

#[test]
fn damage_never_is_another_content() {
    each!(damage);
}

fn bomb<C: Codec>() {
    let mut file = Memory::new(&name::<C>("a.txt"), Vec::new());
    Compressed::<_, C>::new(Text).dump(&"0".repeat(1_000_000), &mut file).unwrap();
    let error = Load::<String>::load(&Compressed::<_, C>::new(Text).at_most(999_999), &file).unwrap_err();
    assert!(error.to_string().contains("more than 999999 bytes"), "{error}");
    assert!(Load::<String>::load(&Compressed::<_, C>::new(Text).at_most(1_000_000), &file).is_ok());
}

#[test]
fn more_than_is_allowed_is_refused() {
    each!(bomb);
}

#[test]
fn a_bomb_is_large_and_packed_too_well() {
    let allowed = |packed, unpacked| Limit::of(packed, None).take(unpacked).is_ok();
    assert!(allowed(1, 1 << 30) && !allowed(1, (1 << 30) + 1));
    assert!(allowed(1 << 30, 100 << 30) && !allowed(1 << 30, (100 << 30) + 1));
    assert!(Limit::of(u64::MAX, None).take(u64::MAX).is_ok());
}

#[test]
fn names_inside() {
    for (name, inside) in [("a.json.gz", "a.json"), ("x.ZST", "x"), (".gz", ".gz"), ("a.xz.bz2", "a.xz")] {
        assert_eq!(codec_by_name(name).map_or(name, |codec| codec.inner_name(name)), inside, "{name}");
    }
    assert!(codec_by_name(".gz").is_none() && codec_by_name("gz").is_none() && codec_by_name("\u{e9}gz").is_none());
}

type Row = (u32, f64);

/// The rows of a packed file, whatever its compression is called.
fn rows<C: Codec>(format: impl LoadRows<Row>, most: Option<u64>, name: &str, packed: &[u8]) -> Vec<crate::Result<Row>> {
    let format = Compressed::<_, C> { most, ..Compressed::new(format) };
    format.load_rows(name, Box::new(io::Cursor::new(packed.to_vec()))).collect()
}

fn row_by_row<C: Codec>() {
    let table: Vec<Row> = (0..20_000).map(|number| (number, f64::from(number) / 7.0)).collect();
    let mut file = Memory::new(&name::<C>("a.tsv"), Vec::new());
    Compressed::<_, C>::new(Csv).dump(&table, &mut file).unwrap();
    let read = rows::<C>(Csv, None, &name::<C>("a.tsv"), file.bytes());
    assert!(read.into_iter().map(Result::unwrap).eq(table[1..].iter().copied()), "tabs by the name inside, a head");
    let mut file = Memory::new(&name::<C>("a.jsonl"), Vec::new());
    Compressed::<_, C>::new(JsonLines).dump(&table, &mut file).unwrap();
    let whole = file.bytes();
    assert!(rows::<C>(JsonLines, None, "x", whole).into_iter().map(Result::unwrap).eq(table));
    let bad = |most, packed: &[u8], message: &str| {
        let mut rows = rows::<C>(JsonLines, most, "x", packed);
        let error = rows.pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(error.to_string().contains(message), "{}: {error}", C::NAME);
        assert!(rows.iter().all(Result::is_ok), "an error of unpacking is the last");
    };
    bad(None, &whole[..whole.len() / 2], C::NAME);
    bad(None, b"no such thing, and long enough to be sure of it", C::NAME);
    bad(Some(100_000), whole, "more than 100000 bytes");
}

#[test]
fn rows_are_unpacked_as_they_are_read() {
    each!(row_by_row);
}

/// What was read so far counts: nothing else is known.
#[test]
fn rows_of_a_bomb_are_refused() {
    let limit = Limit::of(0, None);
    assert!(limit.or_of(20 << 20, None).take(1 << 30).is_ok());
    assert!(limit.or_of(1 << 20, None).take((1 << 30) + 1).is_err());
    assert!(limit.or_of(1 << 40, Some(10)).take(11).is_err());
}

/// A disk that fails is not the content's fault.
#[test]
fn rows_of_a_file_that_cannot_be_read() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let mut rows: Box<dyn Iterator<Item = crate::Result<Row>>> =
        Gzip::new(JsonLines).load_rows("a.jsonl.gz", Box::new(io::BufReader::new(Broken)));
    let error = rows.next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Io, "the disk is gone"));
    assert!(rows.next().is_none());
}
