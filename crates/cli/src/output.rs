//! What is printed, and how numbers and times look.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::time::SystemTime;

use law_storage::{Kind, Metadata, Modified};
use serde_json::{Value, json};

/// Standard output, buffered; a reader that went away ends the command quietly.
pub(crate) struct Out(BufWriter<io::Stdout>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
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

/// A note for people beside the output.
///
/// A standard error that is closed or full changes nothing of what was done, so it is no error.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// How the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// An object a line, with time and spans.
    Json,
}

/// Starts the log on standard error: warnings, with `-v` what passes each layer, with `-vv` every request.
pub(crate) fn start_log(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn",
        1 => "law=info,law_storage=info,law_backends=info,law_transfer=info,warn",
        _ => "law=debug,law_storage=debug,law_backends=debug,law_transfer=debug,info",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAW_LOG").unwrap_or_else(|_| level.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    // A log that was started already stays.
    drop(match format {
        LogFormat::Text => log.with_ansi(may_colour()).without_time().try_init(),
        LogFormat::Json => log.json().try_init(),
    });
}

/// Colours are for terminals that have them and people who want them (<https://no-color.org>).
fn may_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    io::stderr().is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
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

/// `2026-11-23 09:10`, in local time; `-` where the storage tells no time.
pub(crate) fn time(modified: Option<Modified>) -> String {
    let zoned = modified.and_then(|modified| zoned(modified.time));
    zoned.map_or("-".into(), |zoned| zoned.strftime("%Y-%m-%d %H:%M").to_string())
}

/// RFC 3339 in UTC.
pub(crate) fn time_json(modified: Option<Modified>) -> Value {
    let stamp = modified.and_then(|modified| jiff::Timestamp::try_from(modified.time).ok());
    stamp.map_or(Value::Null, |stamp| stamp.to_string().into())
}

fn zoned(time: SystemTime) -> Option<jiff::Zoned> {
    Some(jiff::Timestamp::try_from(time).ok()?.to_zoned(jiff::tz::TimeZone::system()))
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

/// `-rw-r--r--`, or `-` and `d` alone where the storage has no permissions.
pub(crate) fn mode(metadata: &Metadata) -> String {
    let letter = match metadata.kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        _ => '?',
    };
    let Some(mode) = metadata.mode else { return format!("{letter}---------") };
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

/// What a storage says of an entry, as an object.
pub(crate) fn entry_json(name: &str, url: &str, metadata: &Metadata) -> Value {
    let digests: serde_json::Map<String, Value> =
        metadata.digests.iter().map(|d| (d.algorithm().to_string(), d.hex().into())).collect();
    json!({
        "name": name,
        "url": url,
        "kind": kind(metadata.kind),
        "size": metadata.size,
        "modified": time_json(metadata.modified),
        "mode": metadata.mode.map(|mode| format!("{mode:04o}")),
        "etag": metadata.identity().entity_tag(),
        "checksums": digests,
    })
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
    }

    #[test]
    fn modes_as_ls_shows_them() {
        let mut metadata = Metadata::file(1);
        assert_eq!(mode(&metadata), "----------");
        metadata.mode = Some(0o754);
        assert_eq!(mode(&metadata), "-rwxr-xr--");
    }
}
