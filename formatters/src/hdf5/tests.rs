//! Files of h5py's, and what this crate makes of them.

use ndarray::{Array0, Array1, Array2, ArrayD, ArrayView2, arr0, array};
use num_complex::Complex;
use serde_json::Value;

use super::*;
use crate::memory::Memory;
use crate::numpy::{DType, DynArray};
use crate::{Dump, ErrorKind, Load, Result};

pub(super) fn fixture(name: &str) -> Memory {
    Memory::fixture(&format!("hdf5/{name}"))
}

/// A number or text as `values.json` has it.
trait Told {
    fn told(&self) -> String;
}

impl Told for Values {
    fn told(&self) -> String {
        let texts: Vec<String> = match self {
            Self::Texts(array) => array.iter().cloned().collect(),
            Self::Numbers(array) => numbers_told(array),
        };
        format!("{} {:?} {texts:?}", self.type_name(), self.shape())
    }
}

fn numbers_told(array: &DynArray) -> Vec<String> {
    macro_rules! told {
        ($($variant:ident => $show:expr),*) => {
            match array { $(DynArray::$variant(array) => array.iter().map($show).collect(),)* }
        };
    }
    let float = |value: f64| python_float(value);
    told!(
        Bool => |value| value.to_string(), Int8 => |value| value.to_string(), Int16 => |value| value.to_string(),
        Int32 => |value| value.to_string(), Int64 => |value| value.to_string(), UInt8 => |value| value.to_string(),
        UInt16 => |value| value.to_string(), UInt32 => |value| value.to_string(), UInt64 => |value| value.to_string(),
        Float16 => |value| float(f64::from(*value)), Float32 => |value| float(f64::from(*value)), Float64 => |value| float(*value),
        Complex64 => |value| format!("{} {}", float(value.re.into()), float(value.im.into())),
        Complex128 => |value| format!("{} {}", float(value.re), float(value.im))
    )
}

/// A number by its bits, so that nothing depends on how it is printed.
fn python_float(value: f64) -> String {
    format!("{:016x}", if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

/// The same of a text of Python's.
fn from_python(dtype: &str, text: &str) -> String {
    let float = |text: &str| python_float(text.parse().unwrap());
    match dtype {
        _ if dtype.starts_with("float") => float(text),
        _ if dtype.starts_with("complex") => text.split(' ').map(float).collect::<Vec<_>>().join(" "),
        _ => text.to_owned(),
    }
}

/// What h5py read of a file: paths, and type, shape and values of each.
fn told_by_h5py(name: &str) -> Vec<(String, String)> {
    let all: Value = serde_json::from_slice(fixture("values.json").bytes()).unwrap();
    let of = |dataset: &Value| {
        let dtype = dataset["dtype"].as_str().unwrap();
        let shape: Vec<u64> = dataset["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect();
        let values = dataset["values"].as_array().unwrap().iter();
        let values: Vec<String> = values.map(|value| from_python(dtype, value.as_str().unwrap())).collect();
        format!("{dtype} {shape:?} {values:?}")
    };
    all[name].as_object().unwrap().iter().map(|(path, dataset)| (path.clone(), of(dataset))).collect()
}

#[test]
fn every_value_is_as_h5py_reads_it() {
    let mut datasets = 0;
    let files = [
        "numbers.h5",
        "packed.h5",
        "packed_latest.h5",
        "unlimited.h5",
        "unlimited_latest.h5",
        "texts.h5",
        "tree.h5",
        "tree_latest.h5",
        "refused.h5",
        "many_latest.h5",
        "userblock.h5",
    ];
    for file in files {
        for (path, expected) in told_by_h5py(file) {
            let values: Values = H5.named(&path).load(&fixture(file)).unwrap();
            assert_eq!(values.told(), expected, "{file} {path}");
            datasets += 1;
        }
    }
    assert!(datasets >= 60, "{datasets}");
}

#[test]
fn attributes_of_groups_and_datasets() {
    for file in ["tree.h5", "tree_latest.h5"] {
        let of = |path: &str| Load::<Attributes>::load(&H5.named(path), &fixture(file)).unwrap();
        let file_itself: Attributes = H5.load(&fixture(file)).unwrap();
        assert_eq!((file_itself.len(), file_itself.text("title")), (1, Some("a tree")));
        assert_eq!(of("a").number("run"), Some(42.0));
        assert_eq!(of("/a/").get("cuts"), Some(&array![[0.5f32, 1.5], [2.5, 3.5]].into()));
        let x = of("soft");
        assert_eq!(x.len(), 11);
        assert_eq!((x.text("unit"), x.text("fixed")), (Some("GeV"), Some("bytes")));
        assert_eq!(x.get("names"), Some(&array!["p".to_owned(), "q\u{fc}".to_owned()].into()));
        assert_eq!((x.get("good"), x.get("flags")), (Some(&true.into()), Some(&array![true, false].into())));
        assert_eq!((x.get("z"), x.number("half")), (Some(&Complex::new(1.0, -2.0).into()), Some(0.5)));
        assert_eq!(x.get("big"), Some(&array![1i32, -2].into()));
        assert_eq!(x.get("none"), Some(&Array1::<i32>::zeros(0).into()));
        assert_eq!(x.get("reference"), Some(&Attribute::Other("reference".into())));
        // Of attributes that are kept apart from the header, the crate cannot tell those without a value.
        let empty = if file == "tree.h5" {
            "float32 without a value"
        } else {
            "unknown: buffer too short: need 43 bytes, have 39"
        };
        assert_eq!(x.get("empty"), Some(&Attribute::Other(empty.into())));
    }
    let many: Attributes = H5.named("x").load(&fixture("many_latest.h5")).unwrap();
    assert_eq!((many.len(), many.number("attribute11")), (12, Some(11.0)));
}

#[test]
fn links_lead_where_they_should() {
    for file in ["tree.h5", "tree_latest.h5"] {
        for path in ["a/b/c/x", "/a/b/c/x", "same", "soft", "near/c/x", "a/up/up/b/c/x"] {
            assert_eq!(Load::<Array1<i64>>::load(&H5.named(path), &fixture(file)).unwrap(), array![0, 1, 2], "{path}");
        }
        for (path, kind) in [("dangling", ErrorKind::Type), ("a", ErrorKind::Type), ("loop", ErrorKind::Type)] {
            let error = Load::<Values>::load(&H5.named(path), &fixture(file)).unwrap_err();
            assert_eq!(error.kind(), kind, "{path}: {error}");
        }
    }
}

#[test]
fn parts_of_what_is_in_one_piece() {
    let array = Array2::from_shape_fn((50, 4), |(i, j)| (i * 4 + j) as f32);
    let mut file = Memory::new("a.h5", Vec::new());
    H5.dump(&array, &mut file).unwrap();
    assert_eq!(Load::<Array2<f32>>::load(&H5.rows(7..9), &file).unwrap(), array.slice(ndarray::s![7..9, ..]));
    assert_eq!(Load::<Array2<f32>>::load(&H5.rows(50..50), &file).unwrap().shape(), [0, 4]);
    let part: Array2<f64> = H5.slice(&[3..40, 1..3]).load(&file).unwrap();
    assert_eq!(part, array.slice(ndarray::s![3..40, 1..3]).mapv(f64::from));
}

#[test]
fn parts_of_datasets() {
    let whole: Array2<i32> = H5.named("all").load(&fixture("packed.h5")).unwrap();
    for (file, name) in [("packed.h5", "all"), ("packed_latest.h5", "lzf"), ("packed_latest.h5", "plain")] {
        let rows: Array2<i32> = H5.named(name).rows(2..5).load(&fixture(file)).unwrap();
        assert_eq!(rows, whole.slice(ndarray::s![2..5, ..]), "{name}");
        let part: Array2<i64> = H5.named(name).slice(&[1..7, 4..6]).load(&fixture(file)).unwrap();
        assert_eq!(part, whole.slice(ndarray::s![1..7, 4..6]).mapv(i64::from), "{name}");
    }
    let texts: Array1<String> = H5.named("packed").rows(7..9).load(&fixture("texts.h5")).unwrap();
    assert_eq!(texts, array!["event 7", "event 8"].mapv(str::to_owned));
    let none: Array2<i32> = H5.named("all").rows(3..3).load(&fixture("packed.h5")).unwrap();
    assert_eq!(none.shape(), [0, 8]);
    for options in [H5.rows(5..8), H5.slice(&[0..1, 0..1, 0..1]), H5.slice(&[0..1, 0..9]), H5.slice(&[])] {
        let error = Load::<Values>::load(&options.named("all"), &fixture("packed.h5")).unwrap_err();
        assert!(error.kind() == ErrorKind::Type && error.to_string().contains("has shape (7, 8)"), "{error}");
    }
}

fn refusal<T>(loaded: Result<T>) -> (ErrorKind, String) {
    let error = loaded.err().unwrap();
    (error.kind(), error.to_string())
}

#[test]
fn only_what_loses_nothing_is_converted() {
    let file = fixture("numbers.h5");
    let short: Array2<f64> = H5.named("big/int16").load(&file).unwrap();
    assert_eq!(short, array![[0.0, 1.0, 2.0], [-32768.0, 32767.0, 100.0]]);
    assert!(Load::<Array2<f64>>::load(&H5.named("little/float16"), &file).is_ok());
    assert!(Load::<ArrayD<Complex<f64>>>::load(&H5.named("little/complex64"), &file).is_ok());
    let message = |text: &str| (ErrorKind::Type, text.to_owned());
    assert_eq!(
        refusal(Load::<Array2<f64>>::load(&H5.named("big/int64"), &file)),
        message("dataset \"big/int64\": is int64, big-endian of shape (2, 3), not float64 of 2 dimensions")
    );
    for name in ["float64", "uint32", "int64", "complex64"] {
        assert!(Load::<ArrayD<i32>>::load(&H5.named(format!("little/{name}")), &file).is_err(), "{name}");
    }
    assert_eq!(
        refusal(Load::<Array1<bool>>::load(&H5.named("bool"), &file)),
        message("dataset \"bool\": is bool of shape (2, 3), not bool of 1 dimensions")
    );
    assert_eq!(
        refusal(Load::<Array1<f64>>::load(&H5.named("record"), &fixture("refused.h5"))),
        message(
            "dataset \"record\": is record (run: int32, energy: float64) of shape (1,), not float64 of 1 dimensions"
        )
    );
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let of = |file: &str, name: &str| refusal(Load::<Values>::load(&H5.named(name), &fixture(file)));
    for name in ["record", "lists", "array", "reference", "opaque", "long"] {
        let (kind, message) = of("refused.h5", name);
        assert!(kind == ErrorKind::Type && message.contains("which cannot be loaded"), "{name}: {message}");
    }
    assert_eq!(of("refused.h5", "empty").1, "dataset \"empty\": has no values and no shape");
    assert_eq!(of("refused.h5", "outside"), (ErrorKind::Unsupported, "\"outside\" leads to another file".into()));
    assert_eq!(of("refused.h5", "type").0, ErrorKind::Type);
    assert_eq!(of("refused.h5", "nothing"), (ErrorKind::Type, "has nothing that is named \"nothing\"".into()));
    assert_eq!(of("texts.h5", "latin").0, ErrorKind::Type);
    let (kind, message) = of("outside_latest.h5", "virtual");
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::Unsupported, "dataset \"virtual\": its values are in other files")
    );
    // What is in one piece is read without the crate that would open the other file.
    assert_eq!(of("outside_latest.h5", "pieces").0, ErrorKind::Unsupported);
    let plain: Array1<i32> = H5.named("plain").load(&fixture("outside_latest.h5")).unwrap();
    assert_eq!(plain, array![0, 1, 2, 3]);
    let several = refusal(Load::<Values>::load(&H5, &fixture("packed.h5")));
    assert_eq!(several.1, "holds several datasets, \"all\", \"lzf\": name one");
}

/// What is written can be read again.
fn again<T>(format: &H5Options, value: &T) -> T
where
    H5Options: Load<T> + Dump<T>,
{
    let mut file = Memory::new("a.h5", Vec::new());
    format.dump(value, &mut file).unwrap();
    format.load(&file).unwrap()
}

#[test]
fn arrays_of_every_type_come_back() {
    for file in ["numbers.h5", "packed_latest.h5", "texts.h5", "unlimited.h5"] {
        for (path, expected) in told_by_h5py(file) {
            let dataset: Dataset = H5.named(&path).load(&fixture(file)).unwrap();
            for format in [H5.named("x/y"), H5.named("x/y").compressed(), H5.named("z").compressed_level(99)] {
                assert_eq!(again(&format, &dataset.values).told(), expected, "{file} {path}");
            }
        }
    }
    assert_eq!(again(&H5.compressed(), &array![[1u8, 2], [3, 4]]), array![[1, 2], [3, 4]]);
    assert_eq!(again(&H5.named("a"), &arr0("one".to_owned())), arr0("one".to_owned()));
    assert_eq!(again(&H5.named("a"), &Array1::<String>::default(0)).len(), 0);
    assert_eq!(again(&H5.named("a"), &Array2::<String>::default((2, 0))).shape(), [2, 0]);
}

#[test]
fn orders_of_memory_and_views_do_not_matter() {
    let array = Array2::from_shape_fn((30, 40), |(i, j)| (i * 40 + j) as i32);
    let view: ArrayView2<i32> = array.t().reversed_axes().slice_move(ndarray::s![..;2, 5..]);
    let mut file = Memory::new("a.h5", Vec::new());
    H5.chunked(&[4, 100]).compressed().dump(&view, &mut file).unwrap();
    assert_eq!(Load::<Array2<i32>>::load(&H5, &file).unwrap(), view);
    let mut file = Memory::new("a.h5", Vec::new());
    H5.dump(&array.t(), &mut file).unwrap();
    assert_eq!(Load::<Array2<i32>>::load(&H5, &file).unwrap(), array.t());
}

#[test]
fn several_datasets_with_attributes_come_back() {
    let pt = Dataset::new(array![1.5f32, 2.5]).with("unit", "GeV").with("edges", array![[1i16, 2], [3, 4]]);
    let all = Datasets::new()
        .with("events/pt", pt)
        .with("events/deep/er/flags", array![true, false])
        .with("names", array!["a".to_owned(), "\u{3bc}".to_owned()])
        .with("run", Array0::from_elem((), 7u64))
        .with_group("", Attributes::new().with("title", "all").with("list", array!["x".to_owned(), String::new()]))
        .with_group("events", Attributes::new().with("n", 2i64).with("half", half::f16::ONE).with("ok", true))
        .with_group("nothing", Attributes::new());
    let sorted = |all: &Datasets| {
        let mut lines: Vec<String> = all.iter().map(|item| format!("{item:?}")).collect();
        lines.extend(all.groups().map(|(path, attributes)| {
            let mut names: Vec<_> = attributes.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            format!("{path} {names:?}")
        }));
        lines.sort();
        lines
    };
    let back = again(&H5.compressed(), &all);
    assert_eq!(back.get("/events/pt").unwrap().attributes.text("unit"), Some("GeV"));
    assert_eq!(back.get("events/pt").unwrap().attributes.len(), 2);
    assert_eq!(back.groups().count(), 3);
    assert_eq!(back.len(), 4);
    let below = again(&H5.named("top/most"), &back);
    assert_eq!(sorted(&below), sorted(&back));
}

#[test]
fn a_whole_file_of_h5py_comes_back() {
    for file in ["tree.h5", "tree_latest.h5"] {
        let all: Datasets = H5.load(&fixture(file)).unwrap();
        assert_eq!(all.names().collect::<Vec<_>>(), ["a/b/c/x", "same", "soft"], "{file}");
        assert_eq!(all.groups().map(|(path, _)| path).collect::<Vec<_>>(), ["", "a", "nothing"]);
        assert_eq!(all.get("soft"), all.get("a/b/c/x"));
        let below: Datasets = H5.named("/a/b").load(&fixture(file)).unwrap();
        assert_eq!(below.names().collect::<Vec<_>>(), ["c/x"]);
        // A reference cannot be written.
        assert_eq!(refusal(H5.dump(&all, &mut Memory::new("a.h5", Vec::new()))).0, ErrorKind::Type);
    }
}

#[test]
fn what_cannot_be_written_says_why() {
    let mut file = Memory::new("a.h5", Vec::new());
    let refused = |error: Result<()>| error.err().map(|error| (error.kind(), error.to_string())).unwrap();
    for name in ["", "/", "a//b", "./a", "a\0"] {
        assert_eq!(refused(H5.named(name).dump(&array![1], &mut file)).0, ErrorKind::Type, "{name:?}");
    }
    assert_eq!(refused(H5.chunked(&[2]).dump(&array![[1]], &mut file)).0, ErrorKind::Type);
    assert_eq!(refused(H5.dump(&array!["a\0b".to_owned()], &mut file)).0, ErrorKind::Type);
    let twice = Datasets::new().with("a", array![1]).with("a/b", array![2]);
    assert_eq!(refused(H5.dump(&twice, &mut file)).0, ErrorKind::Type);
    let reference = Dataset::new(array![1]).with("r", Attribute::Other("reference".into()));
    let expected = "dataset \"data\": attribute \"r\": reference cannot be written";
    assert_eq!(refused(H5.dump(&reference, &mut file)).1, expected);
    assert_eq!(file.bytes(), [0; 0], "nothing of a file that failed goes out");
    assert_eq!(refused(H5.dump(&array![1], &mut Memory::new("a.h5", Vec::new()).failing())).0, ErrorKind::Io);
}

#[test]
fn the_same_arrays_make_the_same_bytes() {
    let write = || {
        let mut file = Memory::new("a.h5", Vec::new());
        H5.compressed().dump(&Dataset::new(array![1.0, 2.0]).with("unit", "m"), &mut file).unwrap();
        file.into_bytes()
    };
    assert_eq!(write(), write());
}

#[test]
fn a_look_costs_a_few_kilobytes() {
    let array = Array2::from_shape_fn((1000, 300), |(i, j)| (i * j) as f64);
    for format in [H5.named("a/b"), H5.named("a/b").compressed()] {
        let mut file = Memory::new("a.h5", Vec::new());
        format
            .dump(&Datasets::new().with("b", array.clone()).with_group("", Attributes::new().with("n", 1)), &mut file)
            .unwrap();
        let contents = Contents::open(&file, Peek { values: 0, ..Peek::default() }).unwrap();
        assert_eq!(contents.entries.len(), 4);
    }
}

#[test]
fn contents_of_a_file() {
    let contents = Contents::open(&fixture("tree.h5"), Peek::default()).unwrap();
    let names: Vec<String> = contents.entries.iter().map(|entry| format!("{} {:?}", entry.path, entry.kind)).collect();
    assert_eq!(names[0], " Group");
    assert!(names.contains(&"a/up Link(\"a\")".to_owned()), "{names:?}");
    assert!(names.contains(&"soft Link(\"a/b/c/x\")".to_owned()), "{names:?}");
    let x = contents.entries.iter().find(|entry| entry.path == "a/b/c/x").unwrap();
    assert_eq!((x.dtype.as_deref(), x.shape_text().as_str(), x.bytes), (Some("int64"), "(3,)", Some(24)));
    assert_eq!((x.values.join(" ").as_str(), x.attribute_count, x.attributes.len()), ("0 1 2", 11, 8));
    let few = Contents::open(&fixture("tree.h5"), Peek { entries: 2, ..Peek::default() }).unwrap();
    assert_eq!((few.entries.len(), few.whole, contents.whole), (2, false, true));
}

#[test]
fn contents_of_what_is_packed_or_refused() {
    let find = |file: &str, path: &str| {
        let contents = Contents::open(&fixture(file), Peek::default()).unwrap();
        contents.entries.into_iter().find(|entry| entry.path == path).unwrap()
    };
    let all = find("packed_latest.h5", "all");
    assert_eq!(all.filters, ["shuffle", "gzip 4", "fletcher32"]);
    assert_eq!(
        (all.chunks.as_deref(), all.values.join(" ").as_str()),
        (Some(&[3, 5][..]), "-2000 -1999 -1996 -1991 -1984 -1975 -1964 -1951")
    );
    assert_eq!(find("texts.h5", "packed").values[..2], ["\"event 0\"", "\"event 1\""]);
    assert_eq!(find("texts.h5", "any").values[..2], ["\"higgs\"", "\"\""]);
    assert_eq!(find("refused.h5", "record").dtype.as_deref(), Some("record (run: int32, energy: float64)"));
    assert_eq!(find("refused.h5", "outside").kind, EntryKind::Elsewhere);
    assert_eq!(find("refused.h5", "type").kind, EntryKind::Type);
    assert_eq!(find("refused.h5", "shared_type").dtype.as_deref(), Some("float64"));
    assert_eq!(find("refused.h5", "empty").shape, None);
    assert_eq!(find("outside_latest.h5", "pieces").values.len(), 0);
    let big = find("numbers.h5", "big/float16");
    assert_eq!((big.dtype.as_deref(), big.values[1].as_str()), (Some("float16, big-endian"), "-1.5"));
    assert_eq!(find("numbers.h5", "colour").dtype.as_deref(), Some("enumeration of int16 (BLUE, RED)"));
    assert_eq!(DType::Float16.size() * 6, big.bytes.unwrap() as usize);
}
