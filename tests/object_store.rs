//! Places as object stores: what readers of Parquet see, on a WebDAV server.

#![allow(deprecated, reason = "the reader of parquet is to be written by who uses it from the next version on")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::sync::Arc;

use arrow_array::{Float64Array, Int32Array, RecordBatch};
use futures_util::TryStreamExt as _;
use law_target::{FileSystems, Objects};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use parquet::arrow::async_reader::{ParquetObjectReader, ParquetRecordBatchStreamBuilder};
use parquet::arrow::async_writer::ParquetObjectWriter;
use parquet::arrow::{AsyncArrowWriter, ProjectionMask};
use sandbox::Sandbox;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_store_does() {
    let sandbox = Sandbox::new();
    sandbox.write("store/empty/.keep", "");
    let server = sandbox.serve("store");
    let store = Objects::new(FileSystems::load(&[]).unwrap().place(&server.url).unwrap());
    let first = store.put(&key("deep/down/a.txt"), PutPayload::from_static(b"one")).await.unwrap();
    let create = store.put_opts(&key("deep/down/a.txt"), PutPayload::from_static(b"x"), PutMode::Create.into()).await;
    assert!(matches!(create, Err(object_store::Error::AlreadyExists { .. })), "{create:?}");
    let got = store.get(&key("deep/down/a.txt")).await.unwrap();
    assert_eq!(got.meta.size, 3);
    assert_eq!(got.bytes().await.unwrap(), "one");
    assert_eq!(store.get_range(&key("deep/down/a.txt"), 1..3).await.unwrap(), "ne");
    let update = PutMode::Update(first.clone().into());
    store.put_opts(&key("deep/down/a.txt"), PutPayload::from_static(b"three"), update.clone().into()).await.unwrap();
    let stale = store.put_opts(&key("deep/down/a.txt"), PutPayload::from_static(b"four"), update.into()).await;
    assert!(matches!(stale, Err(object_store::Error::Precondition { .. })), "{stale:?}");
    store.rename(&key("deep/down/a.txt"), &key("deep/down/a.txt")).await.unwrap();
    store.copy(&key("deep/down/a.txt"), &key("other/b.txt")).await.unwrap();
    store.rename(&key("other/b.txt"), &key("other/c.txt")).await.unwrap();
    let mut all: Vec<String> =
        store.list(Some(&key("other"))).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    all.extend(
        store
            .list(Some(&key("deep")))
            .map_ok(|object| object.location.to_string())
            .try_collect::<Vec<_>>()
            .await
            .unwrap(),
    );
    assert_eq!(all, ["other/c.txt", "deep/down/a.txt"]);
    let listed = store.list_with_delimiter(Some(&key("deep"))).await.unwrap();
    assert_eq!((listed.common_prefixes, listed.objects.len()), (vec![key("deep/down")], 0));
    assert_eq!(store.list(Some(&key("nothing"))).try_collect::<Vec<_>>().await.unwrap(), []);
    store.delete(&key("other/c.txt")).await.unwrap();
    let gone = store.head(&key("other/c.txt")).await;
    assert!(matches!(gone, Err(object_store::Error::NotFound { .. })), "{gone:?}");
    let mut upload = store.put_multipart(&key("parts")).await.unwrap();
    let parts: Vec<_> = (0..3u8).map(|part| upload.put_part(PutPayload::from(vec![part; 100_000]))).collect();
    for part in parts.into_iter().rev() {
        part.await.unwrap();
    }
    upload.complete().await.unwrap();
    let bytes = store.get(&key("parts")).await.unwrap().bytes().await.unwrap();
    assert!(bytes.len() == 300_000 && bytes[0] == 0 && bytes[100_000] == 1 && bytes[299_999] == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_a_parquet_file_on_webdav() {
    const ROWS: i32 = 200_000;
    let sandbox = Sandbox::new();
    sandbox.write("store/keep", "");
    let server = sandbox.serve("store");
    let store = Arc::new(Objects::new(FileSystems::load(&[]).unwrap().place(&server.url).unwrap()));
    let runs = Arc::new(Int32Array::from_iter_values(0..ROWS));
    let momenta = Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| f64::from(row).sqrt())));
    let batch = RecordBatch::try_from_iter([("run", runs.clone() as _), ("pt", momenta.clone() as _)]).unwrap();
    let writer = ParquetObjectWriter::new(store.clone(), key("hits.parquet"));
    let mut writer = AsyncArrowWriter::try_new(writer, batch.schema(), None).unwrap();
    writer.write(&batch).await.unwrap();
    writer.close().await.unwrap();
    let builder =
        ParquetRecordBatchStreamBuilder::new(ParquetObjectReader::new(store, key("hits.parquet"))).await.unwrap();
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["run"]);
    let batches: Vec<RecordBatch> = builder.with_projection(mask).build().unwrap().try_collect().await.unwrap();
    let mut next = 0;
    for batch in &batches {
        assert_eq!(batch.num_columns(), 1);
        let column = batch.column(0).as_any().downcast_ref::<Int32Array>().unwrap();
        assert!(column.values().iter().all(|value| {
            next += 1;
            *value == next - 1
        }));
    }
    assert_eq!(next, ROWS);
}
