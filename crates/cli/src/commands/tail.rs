//! `law fs tail`

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ByteRange, Error, ErrorKind, Metadata, ReadOptions, Result};
use law_transfer::Place;

use super::head::{End, Titles};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// How much is looked at in one step, from the end on.
const STEP: u64 = 64 * 1024;

/// Print the last lines or bytes of files.
///
/// Only these travel, by ranges from the end, so that no checksum can be compared: sizes and versions are checked.
#[derive(Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    end: End,

    /// Go on printing what is added to one file, until interrupted; it is looked for once a second.
    #[arg(short, long)]
    follow: bool,
}

/// How often it is looked whether something was added.
const LOOK: Duration = Duration::from_secs(1);

impl Tail {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.follow && self.end.places.len() > 1 {
            return Err(Error::new(ErrorKind::InvalidInput, "--follow takes one file").into());
        }
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
        let mut at = begin;
        print_part(context, &place, &metadata, (&mut at, size), &mut out).await?;
        if self.follow { follow(context, &place, at, &mut out).await } else { Ok(()) }
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

/// Prints from `at` to the end, and moves `at` along.
async fn print_part(
    context: &Context,
    place: &Place,
    metadata: &Metadata,
    (at, end): (&mut u64, u64),
    out: &mut Out,
) -> Result<(), Failure> {
    let options = ReadOptions::part(ByteRange::new(*at, end - *at)).pinned(metadata.identity());
    let mut stream = place.backend().read(&context.call, &place.resolved(), &options).await?.stream;
    while let Some(chunk) = stream.next().await.transpose()? {
        out.bytes(&chunk)?;
        *at += chunk.len() as u64;
    }
    Ok(out.flush()?)
}

/// Prints what is added. A file that got shorter, or is there again after it was gone, is printed from its beginning.
async fn follow(context: &Context, place: &Place, mut at: u64, out: &mut Out) -> Result<(), Failure> {
    loop {
        context.call.pause(LOOK).await?;
        let Some(metadata) = context.stat(place).await? else {
            if at > 0 {
                output::note(format!("{place} is gone"));
            }
            at = 0;
            continue;
        };
        let size = metadata.size.unwrap_or_default();
        if size < at {
            output::note(format!("{place} is shorter than it was: from its beginning"));
            at = 0;
        }
        if size == at {
            continue;
        }
        match print_part(context, place, &metadata, (&mut at, size), out).await {
            // More was added while it was read: the next look tells how much.
            Err(Failure::One(error)) if error.kind() == ErrorKind::Changed => continue,
            other => other?,
        }
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
