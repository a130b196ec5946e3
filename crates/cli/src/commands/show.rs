//! `law fs show`

use std::ffi::OsString;

use clap::Args;
use law_formatters::numpy::{Contents, Summary};
use law_formatters::{Member, MemberKind};
use law_storage::{Error, ErrorKind, Result};
use law_target::{RangeInput, format_error};
use law_transfer::Place;
use serde_json::{Value, json};

use crate::context::Context;
use crate::datasets;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::{Lines, MEMBERS, Members, Preview, look, printable};

/// Show what is in files: arrays, the first lines of texts, the members of archives.
///
/// Types, shapes and first values of arrays (npy, npz); lines of JSON and text, also within gzip, zstd, bzip2 and xz; what is
/// in a tar or zip.
///
/// However large a file is, only a part of it is read: some kilobytes for each array, the first ones of a text, JSON up to 1 MiB,
/// at most 4 MiB of a tar, the directory of a zip. They are not proven by a checksum. Packed values of HDF5 are shown for files of
/// at most 16 MiB.
#[derive(Args)]
pub(crate) struct Show {
    /// Files.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| show(context, text).await).await
    }
}

async fn show(context: &Context, text: &OsString) -> Result<(), Failure> {
    let place = context.place_only(text)?;
    let url = if context.json { output::place_url(&place) } else { place.to_string() };
    let preview = context.call.bound(blocking(move || preview(place))).await?;
    let mut out = Out::new();
    let lines = if context.json { objects(&url, preview) } else { rows(&url, preview) };
    lines.into_iter().try_for_each(|line| out.line(line))?;
    Ok(out.flush()?)
}

fn preview(place: Place) -> Result<Preview> {
    RangeInput::read(place.clone(), |input| look(input).map_err(|error| format_error(error).at(&place)))
}

/// Formatters block, which no thread of the runtime may, not even those for blocking work.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Nobody listens any more if the call was cancelled.
    std::thread::Builder::new().name("law-show".into()).spawn(move || drop(sender.send(work())))?;
    receiver.await.unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, "the thread that looks broke").because(e)))
}

/// For people: what it is, then a line for each array, or the lines of the text.
fn rows(url: &str, preview: Preview) -> Vec<String> {
    match preview {
        Preview::Arrays(contents) => {
            let count = contents.count;
            let title = format!("{url}: {}, {count} array{}", contents.format, if count == 1 { "" } else { "s" });
            [vec![title], table(&contents), left_out(&contents)].concat()
        }
        Preview::Datasets(contents) => datasets::rows(url, &contents),
        Preview::Lines(Lines { format, size, summary, lines, whole }) => {
            let summary = summary.map(|summary| format!(", {summary}")).unwrap_or_default();
            let title = format!("{url}: {format}, {}{summary}", output::amount(size));
            let more = if whole { vec![] } else { vec!["...".into()] };
            [vec![title], lines, more].concat()
        }
        Preview::Members(Members { format, size, members, whole }) => {
            let count = match members.len() {
                all if whole => all.to_string(),
                seen if seen < MEMBERS => format!("at least {seen}"),
                seen => format!("more than {seen}"),
            };
            let word = if members.len() == 1 { "member" } else { "members" };
            let title = format!("{url}: {format}, {}, {count} {word}", output::amount(size));
            [vec![title], members.iter().map(member_row).collect()].concat()
        }
    }
}

/// As `ls -l` has it, as far as archives know it.
fn member_row(member: &Member) -> String {
    let path = printable(member.path().as_os_str().as_encoded_bytes());
    let size = output::size(member.size(), true);
    match member.kind() {
        MemberKind::Directory => format!("  {:>8}  {path}/", ""),
        MemberKind::Symlink(target) => {
            format!("  {:>8}  {path} -> {}", "", printable(target.as_os_str().as_encoded_bytes()))
        }
        MemberKind::HardLink(of) => format!("  {:>8}  {path} = {}", "", printable(of.as_os_str().as_encoded_bytes())),
        _ => format!("  {size:>8}  {path}"),
    }
}

fn member_object(url: &str, format: &str, member: &Member) -> Value {
    let (kind, target) = match member.kind() {
        MemberKind::Directory => ("directory", None),
        MemberKind::Symlink(target) => ("symlink", Some(target)),
        MemberKind::HardLink(target) => ("hard link", Some(target)),
        _ => ("file", None),
    };
    let object = json!({
        "url": url,
        "format": format,
        "kind": kind,
        "target": null,
        "size": member.size(),
        "mode": member.mode(),
    });
    let object = output::with_name(object, "path", member.path().as_os_str().as_encoded_bytes());
    match target {
        Some(target) => output::with_name(object, "target", target.as_os_str().as_encoded_bytes()),
        None => object,
    }
}

/// Columns as wide as they must be: name, type, shape, size, then what has no fixed width.
fn table(contents: &Contents) -> Vec<String> {
    let cells: Vec<[String; 4]> = contents.arrays.iter().map(cells).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (name, dtype, shape, size) = (width(0), width(1), width(2), width(3));
    let rows = cells.iter().zip(&contents.arrays).map(|(row, array)| {
        let [a, b, c, d] = row;
        let row = format!("{a:name$}  {b:dtype$}  {c:shape$}  {d:>size$}  {}", values(array));
        format!("  {}", row.trim())
    });
    rows.collect()
}

fn cells(array: &Summary) -> [String; 4] {
    let name = array.name.as_ref().map(printable).unwrap_or_default();
    [name, printable(&array.dtype), array.shape_text(), output::size(array.bytes, true)]
}

fn values(array: &Summary) -> String {
    let mut text = array.values.join(" ");
    if array.count().is_none_or(|count| count > array.values.len()) && !array.values.is_empty() {
        text.push_str(" ...");
    }
    let notes = [(array.fortran_order, "Fortran order"), (array.compressed, "compressed")];
    let notes: Vec<&str> = notes.into_iter().filter(|(true_here, _)| *true_here).map(|(_, note)| note).collect();
    if notes.is_empty() { text } else { format!("{text}  [{}]", notes.join(", ")) }
}

fn left_out(contents: &Contents) -> Vec<String> {
    match contents.count - contents.arrays.len() {
        0 => Vec::new(),
        more => vec![format!("  and {more} more")],
    }
}

/// For programs: an object for each array, or one for a text.
fn objects(url: &str, preview: Preview) -> Vec<String> {
    match preview {
        Preview::Arrays(contents) => {
            contents.arrays.iter().map(|array| array_object(url, &contents, array).to_string()).collect()
        }
        Preview::Datasets(contents) => datasets::objects(url, &contents),
        Preview::Lines(Lines { format, size, summary, lines, whole }) => {
            let object = json!({
                "url": url, "format": format, "size": size, "summary": summary, "lines": lines, "whole": whole,
            });
            vec![object.to_string()]
        }
        Preview::Members(Members { format, members, .. }) => {
            members.iter().map(|member| member_object(url, format, member).to_string()).collect()
        }
    }
}

fn array_object(url: &str, contents: &Contents, array: &Summary) -> Value {
    // What JSON has no word for, such as NaN and complex numbers, stays text.
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
    json!({
        "url": url,
        "format": contents.format,
        "name": array.name,
        "dtype": array.dtype,
        "shape": array.shape,
        "fortran_order": array.fortran_order,
        "compressed": array.compressed,
        "bytes": array.bytes,
        "values": array.values.iter().map(value).collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use law_formatters::FileInput;

    use super::*;

    fn preview_of(name: &str) -> Preview {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/numpy").join(name);
        look(&FileInput::new(File::open(path).unwrap(), name)).unwrap()
    }

    #[test]
    fn arrays_for_people() {
        let expected = [
            "dav://x/several.npz: npz, 5 arrays",
            "  energy   float64            (11,)   88  0.0 0.1 0.2 0.30000000000000004 0.4 0.5 0.6000000000000001 0.7000000000000001 ...",
            "  hits     int32              (3, 4)  48  0 1 2 3 4 5 6 7 ...",
            "  fortran  int16, big-endian  (2, 3)  12  0 3 1 4 2 5  [Fortran order]",
            "  run      uint64             ()       8  42",
            "  \u{3bc}        float32            (0, 3)   0",
        ];
        assert_eq!(rows("dav://x/several.npz", preview_of("several.npz")), expected);
        let expected =
            ["x: npy, 1 array", "  complex64  (2, 3)  48  0.0+0.0j 1.0+2.0j -0.0-1.5j inf-0.0j NaN+1.0j 1000.0+0.0j"];
        assert_eq!(rows("x", preview_of("complex64.npy")), expected);
    }

    #[test]
    fn arrays_for_programs() {
        let lines = objects("x", preview_of("several_compressed.npz"));
        let object: Value = serde_json::from_str(&lines[2]).unwrap();
        let expected = json!({
            "url": "x", "format": "npz", "name": "fortran", "dtype": "int16, big-endian", "shape": [2, 3],
            "fortran_order": true, "compressed": true, "bytes": 12, "values": [0, 3, 1, 4, 2, 5],
        });
        assert_eq!((lines.len(), object), (5, expected));
        let object: Value = serde_json::from_str(&objects("x", preview_of("float32.npy"))[0]).unwrap();
        assert_eq!(object["values"], json!([0.0, -1.5, 3.4028235e38, 1.1754944e-38, "inf", "NaN"]));
    }

    #[test]
    fn an_error_of_the_thread_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(blocking(|| Ok(1))).unwrap(), 1);
        let broken = runtime.block_on(blocking(|| -> Result<()> { panic!("on purpose") }));
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::Internal);
    }
}
