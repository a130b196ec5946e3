//! `law fs checksum`

use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{Algorithm, Digest, Error, ErrorKind, Hasher, ReadOptions};
use law_transfer::Place;
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Print checksums as the storage computed them.
#[derive(Args)]
pub(crate) struct Checksum {
    /// Files.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

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
        context.for_each(&self.places, async |text| self.print(context, text).await).await
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
        let mut hasher = Hasher::new([self.algorithm.unwrap_or(Algorithm::Adler32)]);
        let reading = place.backend().read(&context.call, &place.resolved(), &ReadOptions::whole()).await?;
        let mut stream = reading.stream;
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        let digest = hasher.finish().pop();
        Ok(digest.ok_or_else(|| Error::new(ErrorKind::Internal, "a checksum that was not computed"))?)
    }
}
