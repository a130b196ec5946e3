//! What is in a file, from a few of its bytes.

use law_formatters::numpy::{Contents, Peek};
use law_formatters::{
    Archive, Beginning, Error, Formatter, Input, Json, Load as _, Member, Result, Tar, Zip, by_extension,
    compressed_beginning, first_members, hdf5,
};
use law_storage::show_bytes;
use serde_json::Value;

/// Bytes of a text that are looked at.
const BEGINNING: usize = 64 * 1024;
/// JSON up to this size is read whole, and so proven to be JSON.
const LARGEST_JSON: u64 = 1024 * 1024;
/// Lines that are shown.
const LINES: usize = 20;
/// Members of an archive that are shown.
pub(crate) const MEMBERS: usize = 100;
/// Bytes of a tar that are looked at: a compressed one would have to be read as a whole.
const MOST_OF_A_TAR: u64 = 4 * 1024 * 1024;
/// Characters of a line that are shown.
const WIDTH: usize = 160;

/// The part of a file that people want to see first.
#[derive(Debug, PartialEq)]
pub(crate) enum Preview {
    /// Arrays of NumPy.
    Arrays(Contents),
    /// Datasets of HDF5.
    Datasets(hdf5::Contents),
    /// The first lines of JSON or text.
    Lines(Lines),
    /// The first files of an archive.
    Members(Members),
}

/// The first files of an archive.
#[derive(Debug, PartialEq)]
pub(crate) struct Members {
    pub(crate) format: &'static str,
    /// Bytes of the archive.
    pub(crate) size: u64,
    pub(crate) members: Vec<Member>,
    /// Whether these are all there are.
    pub(crate) whole: bool,
}

/// The first lines, safe to be printed.
#[derive(Debug, PartialEq)]
pub(crate) struct Lines {
    pub(crate) format: &'static str,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// In few words, where more than the lines is known.
    pub(crate) summary: Option<String>,
    pub(crate) lines: Vec<String>,
    /// Whether the lines are all there is.
    pub(crate) whole: bool,
}

/// Looks into a file: its extension says what it should be, else its first bytes do.
pub(crate) fn look(input: &dyn Input) -> Result<Preview> {
    let format = by_extension(input.name()).map(Formatter::name);
    if format.is_none()
        && let Some(beginning) = compressed_beginning(input, BEGINNING)?
    {
        return packed(input, &beginning).map(Preview::Lines);
    }
    match format {
        Some("numpy") => arrays(input),
        Some("hdf5") => datasets(input),
        Some("json") => json(input).map(Preview::Lines),
        Some("tar") => members(input, &Tar).map(Preview::Members),
        Some("zip") => members(input, &Zip).map(Preview::Members),
        Some(format) => text(input, format).map(Preview::Lines),
        None => by_content(input),
    }
}

/// Looks into a file whose name says nothing.
fn by_content(input: &dyn Input) -> Result<Preview> {
    match beginning(input, 8)? {
        start if is_numpy(&start) => arrays(input),
        start if start == hdf5::MAGIC => datasets(input),
        _ => Err(Error::unsupported(
            "show knows npy, npz, hdf5, json, jsonl, yaml, toml, csv, text, tar and zip, and gz, zst, bz2, xz around text; this is none \
             by its name nor its start",
        )),
    }
}

fn members(input: &dyn Input, archive: &impl Archive) -> Result<Members> {
    let (members, whole) = first_members(archive, input, MEMBERS, MOST_OF_A_TAR)?;
    Ok(Members { format: archive.name(), size: input.length()?, members, whole })
}

fn arrays(input: &dyn Input) -> Result<Preview> {
    Contents::open(input, Peek::default()).map(Preview::Arrays)
}

fn datasets(input: &dyn Input) -> Result<Preview> {
    hdf5::Contents::open(input, hdf5::Peek::default()).map(Preview::Datasets)
}

fn is_numpy(start: &[u8]) -> bool {
    start.starts_with(b"\x93NUMPY") || start.starts_with(b"PK\x03\x04")
}

fn json(input: &dyn Input) -> Result<Lines> {
    let size = input.length()?;
    if size > LARGEST_JSON {
        return text(input, "json");
    }
    let value: Value = Json.load(input)?;
    let pretty = format!("{value:#}");
    let summary = match &value {
        Value::Object(entries) => Some(match entries.len() {
            1 => "object with 1 key".to_owned(),
            keys => format!("object with {keys} keys"),
        }),
        Value::Array(items) => Some(format!("list of {}", items.len())),
        _ => None,
    };
    let (lines, whole) = first_lines(pretty.as_bytes());
    Ok(Lines { format: "json", size, summary, lines, whole })
}

fn text(input: &dyn Input, format: &'static str) -> Result<Lines> {
    let size = input.length()?;
    let start = beginning(input, BEGINNING)?;
    let (lines, whole) = first_lines(&start);
    Ok(Lines { format, size, summary: None, lines, whole: whole && start.len() as u64 == size })
}

/// The first lines of what is inside.
fn packed(input: &dyn Input, beginning: &Beginning) -> Result<Lines> {
    let inside = by_extension(&beginning.name).map_or("unknown", Formatter::name);
    if inside == "numpy" || inside == "hdf5" {
        return Err(Error::unsupported("show does not unpack arrays: unpack the file, or use compressed npz"));
    }
    let (lines, whole) = first_lines(&beginning.bytes);
    let whole = whole && beginning.bytes.len() < BEGINNING;
    let summary = Some(format!("{inside} inside"));
    Ok(Lines { format: beginning.compression, size: input.length()?, summary, lines, whole })
}

/// The first bytes, at most `most`.
fn beginning(input: &dyn Input, most: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let mut done = 0;
    while done < most {
        match input.read_at(done as u64, &mut bytes[done..])? {
            0 => break,
            read => done += read,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

fn first_lines(bytes: &[u8]) -> (Vec<String>, bool) {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut lines = text.split(|byte| *byte == b'\n');
    let first: Vec<String> = lines.by_ref().take(LINES).map(line).collect();
    let whole = lines.next().is_none() && !first.iter().any(|line| line.ends_with(CUT));
    (first, whole)
}

/// Stands where a line was cut.
const CUT: char = '\u{2026}';

/// A line that a terminal can show, without its end if it is long. Tabs are harmless and stay.
fn line(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let parts: Vec<String> = bytes.split(|byte| *byte == b'\t').map(printable).collect();
    let whole = parts.join("\t");
    match whole.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}{CUT}", &whole[..end]),
        None => whole,
    }
}

/// Foreign bytes without what could forge a terminal's output.
pub(crate) fn printable(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = show_bytes(bytes.as_ref(), &mut text);
    text
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::path::Path;

    use law_formatters::{ErrorKind, FileInput};

    use super::*;

    fn of(name: &str, bytes: &[u8]) -> Result<Preview> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        look(&FileInput::new(file, name))
    }

    fn lines(name: &str, bytes: &[u8]) -> Lines {
        match of(name, bytes).unwrap() {
            Preview::Lines(lines) => lines,
            other => panic!("{other:?}"),
        }
    }

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/numpy").join(name)
    }

    #[test]
    fn arrays_whatever_their_name() {
        for name in ["several.npz", "several.bin", "several"] {
            let input = FileInput::new(File::open(fixture("several.npz")).unwrap(), name);
            let Preview::Arrays(contents) = look(&input).unwrap() else { panic!("no arrays") };
            assert_eq!((contents.format, contents.count), ("npz", 5));
        }
        assert_eq!(of("several.root", b"root...").unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn datasets_whatever_their_name() {
        let path = fixture("../hdf5/tree.h5");
        for name in ["tree.h5", "tree.HDF5", "tree.bin", "tree"] {
            let input = FileInput::new(File::open(&path).unwrap(), name);
            let Preview::Datasets(contents) = look(&input).unwrap() else { panic!("no datasets") };
            assert!(contents.whole && contents.entries.len() > 8);
        }
        assert_eq!(of("a.h5", b"none").unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn a_truncated_archive_is_malformed() {
        let whole = std::fs::read(fixture("several_compressed.npz")).unwrap();
        let error = of("several.npz", &whole[..whole.len() - 40]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.to_string().lines().count(), 1);
    }

    #[test]
    fn json_is_parsed_and_laid_out() {
        let shown = lines("a.json", br#"{"a": [1, 2], "b": "x"}"#);
        assert_eq!(shown.summary.as_deref(), Some("object with 2 keys"));
        assert_eq!((shown.lines.len(), shown.lines[2].as_str(), shown.whole), (7, "    1,", true));
        assert_eq!(of("a.json", br#"{"a": "#).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn text_is_cut_and_cannot_forge_a_terminal() {
        let shown = lines("a.txt", b"one\r\n\x1b[2Jtwo\tx\n\xff\n");
        assert_eq!(
            (&shown.lines[..], shown.whole),
            (&["one", "\\u{1b}[2Jtwo\tx", "\\xff"].map(String::from)[..], true)
        );
        assert!(!lines("a.txt", &b"x\n".repeat(LINES + 1)).whole);
        let long = lines("a.txt", "\u{e9}".repeat(100_000).as_bytes());
        assert_eq!((long.lines[0].chars().count(), long.whole, long.size), (WIDTH + 1, false, 200_000));
        assert!(lines("a.txt", b"").whole);
    }
}
