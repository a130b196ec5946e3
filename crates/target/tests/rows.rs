//! Tables of targets, row by row.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;

use law_formatters::{Csv, Gzip, JsonLines, Text, Zstd};
use law_storage::{ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Path};
use law_target::{DirectoryTarget, FileTarget};
use law_transfer::Place;

fn storage() -> (Arc<Faulty>, DirectoryTarget) {
    let backend = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
    let fs = FileSystem::new("storage", Path::root(), backend.clone());
    (backend, DirectoryTarget::new(Place::new(fs, Path::root())))
}

fn text(root: &DirectoryTarget, name: &str, content: &str) -> FileTarget {
    let file = root.child(name);
    file.dump(content.to_owned(), Text).unwrap();
    file
}

type Row = (u32, f64);

#[test]
fn rows_of_both_formats() {
    let (_, root) = storage();
    let rows: Vec<Row> = (0..10_000).map(|number| (number, f64::from(number) / 7.0)).collect();
    root.child("a.jsonl").dump(rows.clone(), JsonLines).unwrap();
    let read: Result<Vec<Row>, _> = root.child("a.jsonl").rows(JsonLines).unwrap().collect();
    assert_eq!(read.unwrap(), rows);
    let lines: String = rows.iter().map(|(number, value)| format!("{number}\t{value:?}\n")).collect();
    let tabs = text(&root, "a.tsv", &format!("number\tvalue\n{lines}"));
    assert_eq!(tabs.rows::<Row>(Csv).unwrap().map(Result::unwrap).collect::<Vec<_>>(), rows, "tabs by the name");
    let plain = text(&root, "b.txt", "1;2.5\n");
    let options = Csv.separated_by(b';').without_header();
    assert_eq!(plain.rows::<Row>(options).unwrap().next().unwrap().unwrap(), (1, 2.5));
}

#[test]
fn a_bad_row_is_an_error_that_hides_no_other() {
    let (_, root) = storage();
    for (file, count) in [
        (text(&root, "a.jsonl", "[1, 1]\n[1\n[\"x\", 1]\n[4, 1]\n").rows::<Row>(JsonLines).unwrap(), 4),
        (text(&root, "a.csv", "a,b\n1,1\n1\nx,1\n4,1\n").rows::<Row>(Csv).unwrap(), 4),
    ] {
        let rows: Vec<_> = file.collect();
        assert_eq!(rows.len(), count);
        assert_eq!(rows[3].as_ref().unwrap(), &(4, 1.0));
        for bad in &rows[1..3] {
            let error = bad.as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed);
            assert!(error.to_string().contains("memory:///a."), "{error}");
        }
    }
}

#[test]
fn not_one_row_comes_of_a_file_that_is_not_proven() {
    let (backend, root) = storage();
    let file = text(&root, "a.jsonl", "[1, 1]\n");
    backend.add(Fault::Flip { at: 1 }.always(Operation::Read));
    assert_eq!(file.rows::<Row>(JsonLines).unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(root.child("none.jsonl").rows::<Row>(JsonLines).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_copy_stays_as_long_as_its_rows_are_read_and_two_do_not_disturb_each_other() {
    let directory = DirectoryTarget::temporary().unwrap();
    for root in [storage().1, directory.clone()] {
        let file = text(&root, "a.jsonl", "1\n2\n3\n");
        let (mut one, mut two) = (file.rows::<u8>(JsonLines).unwrap(), file.rows::<u8>(JsonLines).unwrap());
        assert_eq!((one.next().unwrap().unwrap(), two.next().unwrap().unwrap()), (1, 1));
        file.remove().unwrap();
        assert_eq!(one.map(Result::unwrap).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(std::thread::spawn(move || two.map(Result::unwrap).sum::<u8>()).join().unwrap(), 5);
    }
}

#[tokio::test]
async fn within_a_runtime() {
    let (_, root) = storage();
    let file = root.child("a.jsonl");
    file.dump_async(vec![1_u8, 2], JsonLines).await.unwrap();
    assert_eq!(file.rows_async::<u8>(JsonLines).await.unwrap().map(Result::unwrap).sum::<u8>(), 3);
}

#[test]
fn rows_of_packed_tables_are_unpacked_as_they_are_read() {
    let (_, root) = storage();
    let rows: Vec<Row> = (0..1000).map(|number| (number, 0.5)).collect();
    let (gzip, zstd) = (root.child("a.jsonl.gz"), root.child("a.jsonl.zst"));
    gzip.dump(rows.clone(), Gzip::new(JsonLines)).unwrap();
    zstd.dump(rows.clone(), Zstd::new(JsonLines)).unwrap();
    let read = gzip.rows::<Row>(Gzip::new(JsonLines)).unwrap().chain(zstd.rows(Zstd::new(JsonLines)).unwrap());
    assert_eq!(read.map(Result::unwrap).collect::<Vec<_>>(), rows.repeat(2));
    let plain = text(&root, "b.jsonl.gz", "[1, 2.5]\n[2, 3.5]\n");
    let error = plain.rows::<Row>(Gzip::new(JsonLines)).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("not gzip") && error.to_string().contains("b.jsonl.gz"), "{error}");
}
