//! The real NumPy reads what is written here. The interpreter is that of `LAW_TEST_PYTHON`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use law_formatters::numpy::{DynArray, NamedArrays, Numpy};
use law_formatters::{Dump, FileInput, Load, Output, Result};

struct FileOutput {
    file: File,
    name: String,
}

impl Write for FileOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for FileOutput {
    fn name(&self) -> &str {
        &self.name
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/numpy")
}

/// Loads a file of NumPy's and writes it again.
fn rewrite<T>(name: &str, to: &Path, format: impl Dump<T>) -> Result<()>
where
    Numpy: Load<T>,
{
    let input = FileInput::new(File::open(fixtures().join(name))?, name);
    let array = Numpy.load(&input)?;
    format.dump(&array, &mut FileOutput { file: File::create(to.join(name))?, name: name.into() })
}

#[test]
fn numpy_reads_ours_back() {
    let Some(python) = std::env::var_os("LAW_TEST_PYTHON") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "LAW_TEST_PYTHON is not set");
        println!("skipped: LAW_TEST_PYTHON is not set");
        return;
    };
    let ours = tempfile::tempdir().unwrap();
    let mut written = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let result = match Path::new(&name).extension().and_then(|extension| extension.to_str()) {
            Some("npy") => rewrite::<DynArray>(&name, ours.path(), Numpy),
            Some("npz") if name.contains("compressed") => {
                rewrite::<NamedArrays>(&name, ours.path(), Numpy::compressed())
            }
            Some("npz") => rewrite::<NamedArrays>(&name, ours.path(), Numpy),
            _ => continue,
        };
        // What is refused is tested elsewhere.
        written += u32::from(result.is_ok());
    }
    assert!(written >= 64, "{written}");
    let check = fixtures().join("check.py");
    let output = Command::new(python).arg(check).arg(ours.path()).arg(fixtures()).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
    assert_eq!(text.trim(), format!("{written} files are the same"));
}
