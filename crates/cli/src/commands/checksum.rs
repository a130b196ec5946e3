//! `law fs checksum`

use std::ffi::{OsStr, OsString};

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{Algorithm, Digest, Error, ErrorKind, Hasher, Path, ReadOptions};
use law_transfer::{Place, read_small};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::sums;

/// Bytes of a list of checksums that are read.
const LONGEST_LIST: usize = 1 << 30;

/// Print checksums as the storage computed them, or compare files with a list of them.
///
/// A list has lines as this command, md5sum and sha256sum print them; its names are below PLACE, or below the working
/// directory. Exit code 7 if a file differs, 3 if one is missing.
#[derive(Args)]
pub(crate) struct Checksum {
    /// Files; with --check the directory that the names in the list are below.
    #[arg(value_name = "PLACE", required_unless_present = "check")]
    places: Vec<OsString>,

    /// Compare with the checksums in this list.
    #[arg(long, value_name = "LIST")]
    check: Option<OsString>,

    /// The algorithm: adler32, crc32, crc32c, crc64nvme, md5, sha1, sha256, sha512; the storage's own if not given.
    #[arg(short, long, value_parser = algorithm)]
    algorithm: Option<Algorithm>,

    /// Read the file and compute it here, instead of asking the storage.
    #[arg(long)]
    compute: bool,
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = || Algorithm::ALL.map(Algorithm::name).join(", ");
    Algorithm::parse(name).ok_or_else(|| format!("unknown; known are {}", known()))
}

impl Checksum {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match &self.check {
            Some(list) => self.compare(context, list).await,
            None => context.for_each(&self.places, async |text| self.print(context, text).await).await,
        }
    }

    async fn compare(&self, context: &Context, list: &OsStr) -> Result<(), Failure> {
        let (default, list) = (OsString::from("."), context.place_only(list)?);
        let top = match &self.places[..] {
            [] => context.place_only(&default)?,
            [top] => context.place_only(top)?,
            _ => return Err(Error::new(ErrorKind::InvalidInput, "--check needs one PLACE").into()),
        };
        let text = read_small(&context.call, &list, None, LONGEST_LIST).await?;
        let mut wanted = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            wanted.push(sums::parse(line, self.algorithm).map_err(|error| error.at(&list))?);
        }
        context.for_each(&wanted, async |(name, digest)| self.one_of_list(context, &top, name, digest).await).await
    }

    async fn one_of_list(&self, context: &Context, top: &Place, name: &Path, digest: &Digest) -> Result<(), Failure> {
        let place = top.join(name);
        let found = match self.compute {
            true => None,
            false => place.backend().digest(&context.call, &place.resolved(), &[digest.algorithm()]).await?,
        };
        let found = match found {
            Some(found) => found,
            None => self.computed(context, &place, digest.algorithm()).await?,
        };
        let same = found == *digest;
        let mut out = Out::new();
        match context.json {
            true => out.line(json!({"url": output::place_url(&place), "algorithm": digest.algorithm().name(),
                "checksum": found.hex(), "expected": digest.hex(), "same": same}))?,
            false if same => out.line(format!("{}: OK", output::escaped(&name.to_string())))?,
            false => {}
        }
        out.flush()?;
        if same {
            return Ok(());
        }
        let message =
            format!("checksum mismatch ({} {} in the list, {} there)", digest.algorithm(), digest.hex(), found.hex());
        Err(Error::new(ErrorKind::Integrity, message).at(&place).into())
    }

    async fn print(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let (digest, by) = if self.compute {
            (self.compute(context, &place).await?, "here")
        } else {
            (self.ask(context, &place).await?, "storage")
        };
        let mut out = Out::new();
        if context.json {
            let object = json!({"url": output::place_url(&place), "algorithm": digest.algorithm().name(),
                "checksum": digest.hex(), "computed": by});
            out.line(object)?;
        } else {
            out.line(format!("{digest}  {}", Context::typed(text)))?;
        }
        Ok(out.flush()?)
    }

    async fn ask(&self, context: &Context, place: &Place) -> Result<Digest, Failure> {
        let wanted: Vec<Algorithm> = self.algorithm.into_iter().collect();
        let digest = place.backend().digest(&context.call, &place.resolved(), &wanted).await?;
        digest.ok_or_else(|| {
            let what = self.algorithm.map_or("no checksum".into(), |a| format!("no {a} checksum"));
            let error = Error::new(ErrorKind::Unsupported, format!("the storage has {what} of")).at(place);
            error.hint("--compute reads the file and computes it here").into()
        })
    }

    async fn compute(&self, context: &Context, place: &Place) -> Result<Digest, Failure> {
        self.computed(context, place, self.algorithm.unwrap_or(Algorithm::Adler32)).await
    }

    async fn computed(&self, context: &Context, place: &Place, algorithm: Algorithm) -> Result<Digest, Failure> {
        let mut hasher = Hasher::new([algorithm]);
        let reading = place.backend().read(&context.call, &place.resolved(), &ReadOptions::whole()).await?;
        let mut stream = reading.stream;
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        let digest = hasher.finish().pop();
        Ok(digest.ok_or_else(|| Error::new(ErrorKind::Internal, "a checksum that was not computed"))?)
    }
}
