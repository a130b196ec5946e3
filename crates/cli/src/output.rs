//! What is printed, and how numbers and times look.

mod clock;
mod descriptor;
mod log;

use std::io::{self, BufWriter, Write as _};

use law_storage::{FileSystem, Kind, Metadata, Path, encode_bytes, encode_path};
use law_transfer::Place;
use serde_json::{Value, json};

pub(crate) use clock::{ago, time, time_json};
pub(crate) use descriptor::refuse_closed;
pub(crate) use log::{LogFormat, may_colour, start_log};

/// Standard output, buffered; a reader that went away ends the command quietly.
pub(crate) struct Out(BufWriter<Stdout>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, Stdout(io::stdout())))
    }

    pub(crate) fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.0, "{text}")
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Standard output, whose errors say that they are its own.
struct Stdout(io::Stdout);

impl io::Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        descriptor::refuse_closed()?;
        self.0.write(bytes).map_err(unwritable)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unwritable)
    }
}

/// What went wrong with standard output. A reader that went away is known by its kind.
fn unwritable(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted => error,
        _ => descriptor::unwritable(error),
    }
}

/// A line on standard error as it is.
///
/// A standard error that is closed or full changes nothing of what was done, so it is no error.
pub(crate) fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A note beside the output: a line for people, an object for programs.
pub(crate) fn note(text: impl std::fmt::Display) {
    if log::is_json() { complain(log::object("note", &text.to_string())) } else { complain(text) }
}

/// A warning beside the output, which people see to be one.
pub(crate) fn warn(text: impl std::fmt::Display) {
    if log::is_json() { complain(log::object("warn", &text.to_string())) } else { complain(format!("warning: {text}")) }
}

/// `1234`, or `1.2K` for people.
pub(crate) fn size(bytes: u64, human: bool) -> String {
    const UNITS: [&str; 6] = ["", "K", "M", "G", "T", "P"];
    if !human || bytes < 1024 {
        return bytes.to_string();
    }
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1}{}", UNITS[unit]) } else { format!("{value:.0}{}", UNITS[unit]) }
}

/// `28B`, `1.2KiB`, `4.0GiB`: a size within a sentence, with its true unit.
pub(crate) fn amount(bytes: u64) -> String {
    let text = size(bytes, true);
    let unit = if text.ends_with(|c: char| c.is_ascii_alphabetic()) { "iB" } else { "B" };
    format!("{text}{unit}")
}

/// One word for a kind.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "link",
        _ => "other",
    }
}

/// `-rw-r--r--`, or `-?????????` where the storage has no permissions: `----------` would say that nobody may read it.
pub(crate) fn mode(metadata: &Metadata) -> String {
    let letter = match metadata.kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        _ => '?',
    };
    let Some(mode) = metadata.mode else { return format!("{letter}?????????") };
    let bits = ["r", "w", "x"].iter().cycle().take(9).enumerate();
    let text: String = bits.map(|(i, name)| if mode & (0o400 >> i) != 0 { *name } else { "-" }).collect();
    format!("{letter}{text}")
}

/// A name cannot forge the output.
pub(crate) fn escaped(name: &str) -> String {
    let mut shown = String::new();
    // Writing to a String cannot fail.
    let _ = law_storage::show_bytes(name.as_bytes(), &mut shown);
    shown
}

/// Where something is, for programs: a URL that can be typed, byte for byte; of local files, too. `NAME:path` where a URL leads to another file system.
/// `path` is that on the backend.
pub(crate) fn url(fs: &FileSystem, path: &Path) -> String {
    let below = path.strip_prefix(fs.base()).filter(|below| fs.is_only_by_name() && is_exact(below));
    if let Some(below) = below {
        return fs.shown(&below);
    }
    let url = fs.backend().url(path);
    // What the disk says is a path for people, in which odd bytes have escapes of their own.
    if url.starts_with('/') { format!("file:///{}", encode_path(path)) } else { url }
}

/// The same of a place.
pub(crate) fn place_url(place: &Place) -> String {
    url(&place.fs, &place.resolved())
}

/// One end of what was done, for programs: `NAME:path` where several doors lead there, as far as that says every byte; else a
/// URL, as [`url`].
pub(crate) fn reference(place: &Place) -> String {
    let shown = place.to_string();
    if place.fs.doors().is_some() && is_exact(&place.resolved()) { shown } else { place_url(place) }
}

/// Whether a text says every byte of a path.
fn is_exact(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(char::is_control))
}

/// Adds a name under `key`; of one that is not UTF-8 what can be read of it, and its bytes percent-encoded under `key_encoded`.
pub(crate) fn with_name(mut object: Value, key: &str, name: &[u8]) -> Value {
    object[key] = String::from_utf8_lossy(name).into();
    if std::str::from_utf8(name).is_err() {
        object[format!("{key}_encoded")] = encode_bytes(name).into();
    }
    object
}

/// What a storage says of an entry, as an object.
pub(crate) fn entry_json(fs: &FileSystem, path: &Path, metadata: &Metadata) -> Value {
    let digests: serde_json::Map<String, Value> =
        metadata.digests.iter().map(|d| (d.algorithm().to_string(), d.hex().into())).collect();
    let object = json!({
        "url": url(fs, path),
        "kind": kind(metadata.kind),
        "size": metadata.size,
        "modified": time_json(metadata.modified),
        "mode": metadata.mode.map(|mode| format!("{mode:04o}")),
        "etag": metadata.identity().entity_tag(),
        "checksums": digests,
    });
    with_name(object, "name", path.name().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_ls_shows_them() {
        for (bytes, expected) in
            [(0, "0"), (1023, "1023"), (1024, "1.0K"), (10_240, "10K"), (1 << 30, "1.0G"), (1_048_575, "1.0M")]
        {
            assert_eq!(size(bytes, true), expected, "{bytes}");
        }
        assert_eq!(size(10_240, false), "10240");
        assert_eq!([0, 1023, 1024, 5 << 30].map(amount), ["0B", "1023B", "1.0KiB", "5.0GiB"]);
    }

    #[test]
    fn modes_as_ls_shows_them() {
        let mut metadata = Metadata::file(1);
        assert_eq!(mode(&metadata), "-?????????");
        metadata.mode = Some(0o754);
        assert_eq!(mode(&metadata), "-rwxr-xr--");
    }
}
