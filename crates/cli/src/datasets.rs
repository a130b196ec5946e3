//! What is in an HDF5 file, for people and for programs.

use law_formatters::hdf5::{Contents, Entry, EntryKind};
use serde_json::{Map, Value, json};

use crate::output;
use crate::show::printable;

/// For people: what it is, then a line for each dataset, group and link, and below it one for each attribute.
pub(crate) fn rows(url: &str, contents: &Contents) -> Vec<String> {
    let datasets = contents.entries.iter().filter(|entry| entry.kind == EntryKind::Dataset).count();
    let (least, plural) = (if contents.whole { "" } else { "at least " }, if datasets == 1 { "" } else { "s" });
    let cells: Vec<[String; 4]> = contents.entries.iter().map(cells).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (name, dtype, shape, size) = (width(0), width(1), width(2), width(3));
    let mut rows = vec![format!("{url}: hdf5, {least}{datasets} dataset{plural}")];
    for ([a, b, c, d], entry) in cells.iter().zip(&contents.entries) {
        let row = format!("{a:name$}  {b:dtype$}  {c:shape$}  {d:>size$}  {}", values(entry));
        // The file itself is worth a line for its attributes only.
        rows.extend((!entry.path.is_empty()).then(|| format!("  {}", row.trim())));
        rows.extend(attributes(entry));
    }
    rows.extend((!contents.whole).then(|| "  and more".to_owned()));
    rows
}

fn cells(entry: &Entry) -> [String; 4] {
    let path = printable(&entry.path);
    let (name, dtype) = match &entry.kind {
        // A long line of a group or link must not make the columns of datasets wide.
        EntryKind::Group | EntryKind::Link(_) => (String::new(), String::new()),
        EntryKind::Elsewhere => (path, "link to another file".to_owned()),
        EntryKind::Type => (path, "type".to_owned()),
        EntryKind::Unknown(_) => (path, "unknown".to_owned()),
        EntryKind::Dataset => (path, entry.dtype.as_ref().map(printable).unwrap_or_default()),
    };
    [name, dtype, entry.shape_text(), entry.bytes.map(|bytes| output::size(bytes, true)).unwrap_or_default()]
}

/// What has no fixed width.
fn values(entry: &Entry) -> String {
    match &entry.kind {
        EntryKind::Group => return format!("{}/", printable(&entry.path)),
        EntryKind::Link(to) => return format!("{} -> {}", printable(&entry.path), printable(to)),
        EntryKind::Unknown(why) => return printable(why),
        _ => {}
    }
    let mut text = entry.values.iter().map(printable).collect::<Vec<_>>().join(" ");
    if entry.count().is_none_or(|count| count > entry.values.len()) && !entry.values.is_empty() {
        text.push_str(" ...");
    }
    match entry.filters.is_empty() {
        true => text,
        false => format!("{text}  [{}]", entry.filters.join(", ")),
    }
}

fn attributes(entry: &Entry) -> Vec<String> {
    let row = |(name, value): &(String, String)| format!("    @{} {}", printable(name), printable(value));
    let mut rows: Vec<String> = entry.attributes.iter().map(row).collect();
    match entry.attribute_count - entry.attributes.len() {
        0 => {}
        more => rows.push(format!("    and {more} more")),
    }
    rows
}

/// For programs: an object for each dataset, group and link.
pub(crate) fn objects(url: &str, contents: &Contents) -> Vec<String> {
    contents.entries.iter().map(|entry| object(url, entry).to_string()).collect()
}

fn object(url: &str, entry: &Entry) -> Value {
    let kind = match &entry.kind {
        EntryKind::Group => "group",
        EntryKind::Dataset => "dataset",
        EntryKind::Link(_) | EntryKind::Elsewhere => "link",
        EntryKind::Type => "type",
        EntryKind::Unknown(_) => "unknown",
    };
    let target = if let EntryKind::Link(to) = &entry.kind { Some(to) } else { None };
    let attributes: Map<String, Value> =
        entry.attributes.iter().map(|(name, text)| (name.clone(), value(text))).collect();
    json!({
        "url": url,
        "format": "hdf5",
        "name": entry.path,
        "kind": kind,
        "target": target,
        "dtype": entry.dtype,
        "shape": entry.shape,
        "chunks": entry.chunks,
        "filters": entry.filters,
        "bytes": entry.bytes,
        "attributes": attributes,
        "attribute_count": entry.attribute_count,
        "values": entry.values.iter().map(|text| value(text)).collect::<Vec<_>>(),
    })
}

/// What JSON has no word for, such as NaN and complex numbers, stays text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use law_formatters::FileInput;
    use law_formatters::hdf5::Peek;

    use super::*;

    fn contents_of(name: &str, peek: Peek) -> Contents {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/hdf5").join(name);
        Contents::open(&FileInput::new(File::open(path).unwrap(), name), peek).unwrap()
    }

    #[test]
    fn datasets_for_people() {
        let peek = Peek { attributes: 2, ..Peek::default() };
        let expected = [
            "dav://x/tree.h5: hdf5, 2 datasets",
            "    @title \"a tree\"",
            "  a/",
            "    @cuts [0.5, 1.5, 2.5, 3.5]",
            "    @run 42",
            "  a/b/",
            "  a/b/c/",
            "  a/b/c/x  int64  (3,)  24  0 1 2",
            "    @big [1, -2]",
        ];
        let rows = rows("dav://x/tree.h5", &contents_of("tree.h5", peek));
        assert_eq!(rows[..expected.len()], expected);
        assert_eq!(rows[expected.len() + 1], "    and 9 more");
        assert!(rows.contains(&"  soft -> a/b/c/x".to_owned()), "{rows:?}");
    }

    #[test]
    fn pieces_and_what_cannot_be_loaded() {
        let packed = rows("x", &contents_of("packed.h5", Peek { values: 3, ..Peek::default() }));
        assert_eq!(packed[1], "  all  int32  (7, 8)  224  -2000 -1999 -1996 ...  [shuffle, gzip 4, fletcher32]");
        let refused = rows("x", &contents_of("refused.h5", Peek::default())).join("\n");
        assert!(refused.contains("record (run: int32, energy: float64)"), "{refused}");
        assert!(refused.contains("  outside      link to another file"), "{refused}");
        let few = rows("x", &contents_of("tree.h5", Peek { entries: 2, ..Peek::default() }));
        assert_eq!((few[0].as_str(), few.last().unwrap().as_str()), ("x: hdf5, at least 0 datasets", "  and more"));
    }

    #[test]
    fn datasets_for_programs() {
        let lines = objects("x", &contents_of("tree.h5", Peek::default()));
        let object: Value = serde_json::from_str(&lines[4]).unwrap();
        assert_eq!(
            (&object["name"], &object["kind"], &object["dtype"]),
            (&json!("a/b/c/x"), &json!("dataset"), &json!("int64"))
        );
        assert_eq!((&object["shape"], &object["values"]), (&json!([3]), &json!([0, 1, 2])));
        assert_eq!((&object["attributes"]["fixed"], &object["attribute_count"]), (&json!("bytes"), &json!(11)));
    }
}
