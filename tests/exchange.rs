//! Files that Python wrote are read here, and ours by Python.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it skips, and fails where it stands")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use law::formatters::hdf5::{Attributes, Dataset, Datasets, Values};
use law::formatters::numpy::DynArray;
use law::prelude::*;
use ndarray::{Array1, Array2, arr0, array};
use num_complex::Complex;
use serde_json::{Value, json};

/// A Python with PyYAML and h5py. Without it the test is skipped, and fails where everything must be there.
fn python() -> Option<String> {
    let python = std::env::var("LAW_TEST_PYTHON").ok();
    if python.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "LAW_TEST_PYTHON is not set, and CI must not skip");
        println!("skipped: LAW_TEST_PYTHON is not set");
    }
    python
}

/// Runs a script in a directory.
fn run(python: &str, directory: &Path, script: &str) {
    let output = Command::new(python).args(["-c", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is hard in one format or another.
fn value() -> Value {
    json!({
        "text": ["yes", "no", "on", "null", "~", "0x10", "1_000", "012", " padded ", "a: b", "# none", "two\nlines\n", "", "\u{3b3}\u{1f600}"],
        "numbers": [0, -1, 9_007_199_254_740_993_u64, 0.1, 1e300, -2.5e-8],
        "nested": {"list": [[1], [true, false]], "table": {"a": {"b": "c"}}},
    })
}

/// The same in Python, by way of JSON.
fn in_python() -> String {
    format!("import json; value = json.loads({:?})", value().to_string())
}

#[test]
fn yaml_of_pyyaml() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    let setup = in_python();
    for style in ["None", "True", "False"] {
        run(
            &python,
            scratch.path(),
            &format!(
                "{setup}; import yaml; yaml.safe_dump(value, open('py.yaml', 'w'), default_flow_style={style}, allow_unicode=True)"
            ),
        );
        assert_eq!(dir.child("py.yaml").load::<Value>(Yaml).unwrap(), value(), "{style}");
    }
    dir.child("ours.yaml").dump(value(), Yaml).unwrap();
    run(
        &python,
        scratch.path(),
        &format!("{setup}; import yaml; assert yaml.safe_load(open('ours.yaml')) == value, open('ours.yaml').read()"),
    );
}

#[test]
fn toml_of_tomllib() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let file = DirectoryTarget::at(scratch.path()).unwrap().child("ours.toml");
    file.dump(value(), Toml).unwrap();
    run(
        &python,
        scratch.path(),
        &format!("{}; import tomllib; assert tomllib.load(open('ours.toml', 'rb')) == value", in_python()),
    );
    assert_eq!(file.load::<Value>(Toml).unwrap(), value());
}

#[test]
fn rows_of_csv_and_json_lines() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    let rows: Vec<(String, f64)> = vec![("a, \"b\"".into(), 0.1), ("two\nlines".into(), 1e300), (String::new(), -0.0)];
    dir.child("ours.csv").dump(rows.clone(), Csv.separated_by(b';').without_header()).unwrap();
    dir.child("ours.jsonl").dump(rows.clone(), JsonLines).unwrap();
    let script = "import csv, json; rows = [(a, float(b)) for a, b in csv.reader(open('ours.csv', newline=''), delimiter=';')]\n\
        assert rows == [tuple(json.loads(line)) for line in open('ours.jsonl')], rows\n\
        csv.writer(open('py.csv', 'w', newline='')).writerows(rows)\n\
        open('py.jsonl', 'w').writelines(json.dumps(row) + '\\n' for row in rows)";
    run(&python, scratch.path(), script);
    assert_eq!(dir.child("py.csv").load::<Vec<(String, f64)>>(Csv.without_header()).unwrap(), rows);
    assert_eq!(dir.child("py.jsonl").load::<Vec<(String, f64)>>(JsonLines).unwrap(), rows);
}

#[test]
fn gzip_of_python() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    let words: BTreeMap<String, usize> = (0..1000).map(|n| (format!("word{n}"), n)).collect();
    dir.child("ours.json.gz").dump(&words, Gzip::new(Json)).unwrap();
    let script = "import gzip, json; words = json.load(gzip.open('ours.json.gz'))\n\
        json.dump(words, gzip.open('py.json.gz', 'wt'))\n\
        gzip.open('py.json.gz', 'at').write('  ')";
    run(&python, scratch.path(), script);
    assert_eq!(dir.child("py.json.gz").load::<BTreeMap<String, usize>>(Gzip::new(Json)).unwrap(), words);
}

#[test]
fn compressions_of_python() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    let words: BTreeMap<String, usize> = (0..1000).map(|n| (format!("word{n}"), n)).collect();
    dir.child("ours.json.bz2").dump(&words, Bzip2::new(Json)).unwrap();
    dir.child("ours.json.xz").dump(&words, Xz::new(Json)).unwrap();
    dir.child("ours.json.zst").dump(&words, Zstd::new(Json).level(7)).unwrap();
    let script = "import bz2, lzma, zstandard, json\n\
        for name, module in ('bz2', bz2), ('xz', lzma), ('zst', zstandard):\n    \
            words = json.load(module.open(f'ours.json.{name}', 'rt'))\n    \
            assert len(words) == 1000 and words['word999'] == 999\n    \
            json.dump(words, module.open(f'py.json.{name}', 'wt'))";
    run(&python, scratch.path(), script);
    for name in ["py.json.bz2", "py.json.xz", "py.json.zst"] {
        assert_eq!(dir.child(name).load_as::<BTreeMap<String, usize>>().unwrap(), words, "{name}");
    }
}

/// Makes `tree`: what archives find hard.
const TREE: &str = "import os\n\
    os.makedirs('tree/sub/empty')\n\
    open('tree/sub/numbers.txt', 'w').write('1 2 3\\n' * 1000)\n\
    open('tree/\u{3bc} ' + 'long' * 40 + '.txt', 'w').write('x')\n\
    open('tree/run.sh', 'w').write('echo')\n\
    os.chmod('tree/run.sh', 0o750)\n\
    os.symlink('numbers.txt', 'tree/sub/link')\n";

/// Compares two trees, as far as `diff` can; it follows no links.
fn same_trees(directory: &Path, other: &str) {
    let arguments = ["-r", "--no-dereference", "tree", other];
    let output = Command::new("diff").args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{other}: {}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn archives_of_python() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    let tree = scratch.path().join("tree");
    run(&python, scratch.path(), TREE);
    let script = "import tarfile, zipfile, os\n\
        for name, format in ('pax.tar', tarfile.PAX_FORMAT), ('gnu.tar.gz', tarfile.GNU_FORMAT):\n    \
            with tarfile.open(name, 'w:gz' if name.endswith('gz') else 'w', format=format) as tar: tar.add('tree', '.')\n\
        with zipfile.ZipFile('py.zip', 'w', zipfile.ZIP_DEFLATED) as zip:\n    \
            [zip.write(os.path.join(top, name), os.path.relpath(os.path.join(top, name), 'tree'))\n     \
             for top, directories, files in os.walk('tree') for name in directories + files if name != 'link']";
    run(&python, scratch.path(), script);
    for (name, to) in [("pax.tar", "pax"), ("gnu.tar.gz", "gnu")] {
        dir.child(name).load(Tar.extract_to(scratch.path().join(to))).unwrap();
        same_trees(scratch.path(), to);
    }
    let members = dir.child("py.zip").load(Zip.extract_to(scratch.path().join("zip"))).unwrap();
    assert_eq!(members.len(), 5);
    for name in ["ours.tar", "ours.tar.xz", "ours.tar.bz2"] {
        dir.child(name).dump(&tree, Tar).unwrap();
        run(
            &python,
            scratch.path(),
            // Before 3.11.4 there is no filter to choose.
            &format!(
                "import tarfile; safe = {{'filter': 'data'}} if hasattr(tarfile, 'data_filter') else {{}}; \
                 tarfile.open('{name}').extractall('{name}.d', **safe)"
            ),
        );
        same_trees(scratch.path(), &format!("{name}.d"));
    }
    dir.child("ours.zip").dump(&tree, Zip).unwrap();
    let script = "import zipfile, stat; zip = zipfile.ZipFile('ours.zip'); assert zip.testzip() is None\n\
        assert zip.read('sub/link') == b'numbers.txt' and len(zip.namelist()) == 6\n\
        assert stat.S_IMODE(zip.getinfo('run.sh').external_attr >> 16) == 0o750";
    run(&python, scratch.path(), script);
}

/// Datasets of every type, with what else a file can have.
fn datasets() -> Datasets {
    let grid = Array2::from_shape_fn((100, 70), |(i, j)| (i * j) as f64 - 1234.5);
    let names = array!["higgs", "", "t\u{f6}p"].mapv(str::to_owned);
    let about = Dataset::new(grid.clone()).with("unit", "GeV").with("run", 7i32).with("good", true);
    Datasets::new()
        .with("grid", about.with("edges", array![[1i64, -2], [3, 4]]).with("names", names.clone()))
        .with("deep/in/half", array![0.5, -1.5].mapv(half::f16::from_f64))
        .with("deep/single", grid.mapv(|value| value as f32))
        .with("deep/flags", array![true, false, true])
        .with("deep/small", array![[i8::MIN, -1], [0, i8::MAX]])
        .with("deep/short", array![i16::MIN, i16::MAX])
        .with("deep/int", Array1::from_iter(-50..50))
        .with("deep/long", array![i64::MIN, i64::MAX])
        .with("deep/byte", array![0u8, 255])
        .with("deep/word", array![0u16, u16::MAX])
        .with("deep/unsigned", array![0u32, u32::MAX])
        .with("deep/id", array![0, u64::MAX])
        .with("deep/wave", array![Complex::new(1.0, -2.0), Complex::new(0.0, 0.5)])
        .with("deep/wave32", array![Complex::new(1.0f32, -2.0)])
        .with("names", names)
        .with("one", arr0(2.5))
        .with("label", arr0("a label \u{3bc}".to_owned()))
        .with("table", array![["a", "bcd"], ["", "e"]].mapv(str::to_owned))
        .with("nothing", Array2::<f32>::zeros((3, 0)))
        .with_group("", Attributes::new().with("title", "ours").with("version", 3u16))
        .with_group(
            "deep",
            Attributes::new().with("cuts", array![0.5f32, 1.5]).with("tags", array!["x".to_owned(), "y".to_owned()]),
        )
        .with_group("empty", Attributes::new())
}

const CHECK_H5: &str = r#"
import h5py, numpy as np, sys
file = h5py.File(sys.argv[1])
grid = np.multiply.outer(np.arange(100), np.arange(70)) - 1234.5
def same(name, expected):
    found = file[name][()]
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype and found.shape == expected.shape, (name, found.dtype, found.shape)
    assert (found == expected).all(), (name, found)
same("grid", grid)
same("deep/in/half", np.array([0.5, -1.5], "f2"))
same("deep/single", grid.astype("f4"))
same("deep/flags", np.array([True, False, True]))
same("deep/small", np.array([[-128, -1], [0, 127]], "i1"))
same("deep/short", np.array([-2**15, 2**15 - 1], "i2"))
same("deep/int", np.arange(-50, 50, dtype="i4"))
same("deep/long", np.array([-2**63, 2**63 - 1], "i8"))
same("deep/byte", np.array([0, 255], "u1"))
same("deep/word", np.array([0, 2**16 - 1], "u2"))
same("deep/unsigned", np.array([0, 2**32 - 1], "u4"))
same("deep/id", np.array([0, 2**64 - 1], "u8"))
same("deep/wave", np.array([1 - 2j, 0.5j]))
same("deep/wave32", np.array([1 - 2j], "c8"))
same("one", np.float64(2.5))
same("nothing", np.zeros((3, 0), "f4"))
assert file["names"].asstr()[()].tolist() == ["higgs", "", "töp"]
assert file["label"].asstr()[()] == "a label μ"
assert file["table"].asstr()[()].tolist() == [["a", "bcd"], ["", "e"]]
about = dict(file["grid"].attrs)
assert about["unit"] == "GeV" and about["run"] == 7 and about["run"].dtype == "i4" and about["good"] == True, about
assert about["good"].dtype == bool and about["names"].tolist() == ["higgs", "", "töp"], about
assert about["edges"].tolist() == [[1, -2], [3, 4]], about
assert dict(file.attrs) == {"title": "ours", "version": 3}, dict(file.attrs)
assert file["deep"].attrs["cuts"].tolist() == [0.5, 1.5] and file["deep"].attrs["tags"].tolist() == ["x", "y"]
assert len(file["empty"]) == 0
packed = file["grid"]
assert (packed.compression, packed.shuffle) == (("gzip", True) if sys.argv[2] == "packed" else (None, False))
assert packed.chunks == {"packed": (100, 70), "pieces": (7, 70), "plain": None}[sys.argv[2]], packed.chunks
"#;

#[test]
fn hdf5_for_h5py() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    dir.child("plain.h5").dump(datasets(), H5).unwrap();
    dir.child("packed.h5").dump(datasets(), H5.compressed()).unwrap();
    std::fs::write(scratch.path().join("check.py"), CHECK_H5).unwrap();
    for how in ["plain", "packed"] {
        let script = format!("import sys; sys.argv[1:] = ['{how}.h5', '{how}']; exec(open('check.py').read())");
        run(&python, scratch.path(), &script);
        let file = dir.child(format!("{how}.h5"));
        assert_eq!(file.load::<Array2<f64>>(H5.named("grid")).unwrap()[[99, 69]], 99.0 * 69.0 - 1234.5);
        assert_eq!(file.load::<Datasets>(H5).unwrap().len(), datasets().len());
    }
    let grid = datasets().remove("grid").unwrap().values;
    dir.child("pieces.h5").dump(grid, H5.named("grid").chunked(&[7, 100])).unwrap();
    run(&python, scratch.path(), "import h5py; assert h5py.File('pieces.h5')['grid'].chunks == (7, 70)");
}

#[test]
fn hdf5_of_h5py() {
    let Some(python) = python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    for libver in ["earliest", "latest"] {
        let script = format!(
            "import h5py, numpy as np; file = h5py.File('py.h5', 'w', libver='{libver}')\n\
             rows = np.arange(2_000_000, dtype='i4').reshape(20000, 100)\n\
             file.create_dataset('run/rows', data=rows, chunks=(999, 33), compression='gzip', shuffle=True, fletcher32=True)\n\
             file.create_dataset('run/grown', data=rows[:50], maxshape=(None, None), chunks=(7, 9), compression='lzf')\n\
             file['run'].attrs['names'] = ['a', 'b']\n\
             file.create_dataset('words', data=[str(n) * (n % 7) for n in range(3000)], dtype=h5py.string_dtype())"
        );
        run(&python, scratch.path(), &script);
        let file = dir.child("py.h5");
        let rows: Array2<i32> = file.load(H5.named("run/rows")).unwrap();
        let expected = Array2::from_shape_fn((20_000, 100), |(i, j)| (i * 100 + j) as i32);
        assert!(rows == expected, "{libver}");
        let few: Array2<f64> = file.load(H5.named("run/rows").slice(&[5000..5003, 40..42])).unwrap();
        assert_eq!(few, expected.slice(ndarray::s![5000..5003, 40..42]).mapv(f64::from));
        let grown: DynArray = file.load(H5.named("run/grown")).unwrap();
        assert_eq!(grown, expected.slice(ndarray::s![..50, ..]).to_owned().into());
        let words: Array1<String> = file.load(H5.named("words")).unwrap();
        assert_eq!(words, Array1::from_iter((0..3000).map(|n: usize| n.to_string().repeat(n % 7))));
        let attributes: Attributes = file.load(H5.named("run")).unwrap();
        assert_eq!(attributes.get("names"), Some(&array!["a".to_owned(), "b".to_owned()].into()));
        let all: Datasets = file.load(H5).unwrap();
        assert_eq!(all.names().collect::<Vec<_>>(), ["run/grown", "run/rows", "words"]);
        assert_eq!(all.get("run/rows").map(|rows| &rows.values), Some(&Values::from(expected)));
    }
}
