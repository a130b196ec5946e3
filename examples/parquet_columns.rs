//! Prints some columns of a Parquet file on any storage; of the others nothing is fetched.
//!
//! `cargo run --features object_store --example parquet_columns davs://door.site.example:2880/ntuples/hits.parquet pt eta`

#![allow(deprecated, reason = "the reader of parquet is to be written by who uses it from the next version on")]

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use law::target::{FileSystems, Objects};
use law::transfer::Place;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::{ParquetObjectReader, ParquetRecordBatchStreamBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let columns: Vec<String> = arguments.collect();

    let place = FileSystems::shared()?.place(&file)?;
    let name = place.path.name().ok_or("a directory is no file")?.to_vec();
    let directory = Place::new(place.fs.clone(), place.path.parent().unwrap_or_default());
    let store = Arc::new(Objects::new(directory));

    let reader = ParquetObjectReader::new(store, String::from_utf8(name)?.into());
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().map(String::as_str));
    let mut batches = builder.with_projection(mask).build()?;
    while let Some(batch) = batches.try_next().await? {
        println!("{batch:?}");
    }
    Ok(())
}
