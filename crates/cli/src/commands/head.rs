//! `law fs head`

use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ByteRange, ReadOptions};
use law_transfer::Place;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Print the first lines or bytes of files.
///
/// Only these travel, so that no checksum can be compared: sizes and versions are checked.
#[derive(Args)]
pub(crate) struct Head {
    #[command(flatten)]
    end: End,
}

/// How much of which files: what `head` and `tail` are told.
#[derive(Args)]
pub(super) struct End {
    /// Files.
    #[arg(value_name = "PLACE", required = true)]
    pub(super) places: Vec<OsString>,

    /// How many lines.
    #[arg(short = 'n', long, default_value_t = 10, conflicts_with = "bytes")]
    pub(super) lines: u64,

    /// How many bytes.
    #[arg(short = 'c', long)]
    pub(super) bytes: Option<u64>,
}

impl Head {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut titles = Titles::of(self.end.places.len());
        context.for_each(&self.end.places, async |text| self.print(context, text, &mut titles).await).await
    }

    async fn print(&self, context: &Context, text: &OsString, titles: &mut Titles) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let options = match self.end.bytes {
            Some(bytes) => ReadOptions::part(ByteRange::new(0, bytes)),
            None => ReadOptions::whole(),
        };
        let reading = place.backend().read(&context.call, &place.resolved(), &options).await?;
        let mut out = Out::new();
        titles.print(&mut out, &place)?;
        let (mut stream, mut left) = (reading.stream, if self.end.bytes.is_some() { u64::MAX } else { self.end.lines });
        while left > 0 {
            let Some(chunk) = stream.next().await.transpose()? else { break };
            out.bytes(first_lines(&chunk, &mut left))?;
        }
        Ok(out.flush()?)
    }
}

/// As much of a chunk as has no more than `left` lines, which are counted down.
fn first_lines<'a>(chunk: &'a [u8], left: &mut u64) -> &'a [u8] {
    let mut end = 0;
    while *left > 0 {
        match chunk[end..].iter().position(|byte| *byte == b'\n') {
            Some(line) => end += line + 1,
            None => return chunk,
        }
        *left -= 1;
    }
    &chunk[..end]
}

/// `==> NAME <==` above each of several files.
pub(super) struct Titles {
    several: bool,
    first: bool,
}

impl Titles {
    pub(super) fn of(files: usize) -> Self {
        Self { several: files > 1, first: true }
    }

    pub(super) fn print(&mut self, out: &mut Out, place: &Place) -> std::io::Result<()> {
        let first = std::mem::take(&mut self.first);
        match self.several {
            false => Ok(()),
            true => out.line(format!("{}==> {place} <==", if first { "" } else { "\n" })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_across_chunks() {
        let mut left = 2;
        assert_eq!(first_lines(b"a", &mut left), b"a");
        assert_eq!((first_lines(b"b\nc", &mut left), left), (&b"b\nc"[..], 1));
        assert_eq!((first_lines(b"d\ne\n", &mut left), left), (&b"d\n"[..], 0));
    }
}
