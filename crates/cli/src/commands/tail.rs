//! `law fs tail`

use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ByteRange, Error, ErrorKind, Metadata, ReadOptions, Result};
use law_transfer::Place;

use super::head::{End, Titles};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// How much is looked at in one step, from the end on.
const STEP: u64 = 64 * 1024;

/// Print the last lines or bytes of files.
///
/// Only these travel, by ranges from the end, so that no checksum can be compared: sizes and versions are checked.
#[derive(Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    end: End,
}

impl Tail {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut titles = Titles::of(self.end.places.len());
        context.for_each(&self.end.places, async |text| self.print(context, text, &mut titles).await).await
    }

    async fn print(&self, context: &Context, text: &OsString, titles: &mut Titles) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let metadata = file(context, &place).await?;
        let size = metadata.size.unwrap_or_default();
        let begin = match self.end.bytes {
            Some(bytes) => size.saturating_sub(bytes),
            None => self.begin_of_lines(context, &place, &metadata, size).await?,
        };
        let mut out = Out::new();
        titles.print(&mut out, &place)?;
        let options = ReadOptions::part(ByteRange::new(begin, size - begin)).pinned(metadata.identity());
        let mut stream = place.backend().read(&context.call, &place.resolved(), &options).await?.stream;
        while let Some(chunk) = stream.next().await.transpose()? {
            out.bytes(&chunk)?;
        }
        Ok(out.flush()?)
    }

    /// Where the last lines begin. A line break at the very end belongs to the last line.
    async fn begin_of_lines(&self, context: &Context, place: &Place, metadata: &Metadata, size: u64) -> Result<u64> {
        let (mut end, mut left) = (size, self.end.lines);
        if left == 0 {
            return Ok(size);
        }
        while end > 0 {
            let begin = end.saturating_sub(STEP);
            let options = ReadOptions::part(ByteRange::new(begin, end - begin)).pinned(metadata.identity());
            let part = place.backend().read(&context.call, &place.resolved(), &options).await?.collect(STEP).await?;
            let breaks = part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
            for (at, _) in breaks.filter(|(at, _)| begin + *at as u64 + 1 < size) {
                left -= 1;
                if left == 0 {
                    return Ok(begin + at as u64 + 1);
                }
            }
            end = begin;
        }
        Ok(0)
    }
}

/// What a file is, whose bytes are to be printed.
async fn file(context: &Context, place: &Place) -> Result<Metadata> {
    let metadata = context.existing(place).await?;
    match metadata.is_directory() {
        true => Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(place)),
        false => Ok(metadata),
    }
}
