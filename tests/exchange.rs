//! Files that Python wrote are read here, and ours by Python.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it skips, and fails where it stands")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use law::prelude::*;
use serde_json::{Value, json};

/// A Python with PyYAML. Without it the test is skipped, and fails where everything must be there.
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
            &format!("import tarfile; tarfile.open('{name}').extractall('{name}.d', filter='data')"),
        );
        same_trees(scratch.path(), &format!("{name}.d"));
    }
    dir.child("ours.zip").dump(&tree, Zip).unwrap();
    let script = "import zipfile, stat; zip = zipfile.ZipFile('ours.zip'); assert zip.testzip() is None\n\
        assert zip.read('sub/link') == b'numbers.txt' and len(zip.namelist()) == 6\n\
        assert stat.S_IMODE(zip.getinfo('run.sh').external_attr >> 16) == 0o750";
    run(&python, scratch.path(), script);
}
