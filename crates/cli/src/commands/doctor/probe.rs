//! A file that is written, read back and removed.

use std::time::{Duration, Instant, SystemTime};

use law_storage::{BytesSource, Call, Error, ErrorKind, Existing, Proof, PutOptions, Receipt, Result};
use law_transfer::Place;

use super::finding::Findings;
use crate::context::Context;
use crate::exit::Failure;

/// Bytes of the file: enough that servers take them as they take any file.
const SIZE: usize = 64 * 1024;

/// How long the removal may take.
const CLEANUP: Duration = Duration::from_secs(10);

/// From here on it is worth a word.
const SKEW: Duration = Duration::from_secs(60);

/// A name that nobody has, and what will be in the file.
pub(super) struct Probe {
    place: Place,
    content: Vec<u8>,
}

impl Probe {
    pub(super) fn new(directory: &Place) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("law-doctor-{}-{now:x}.tmp", std::process::id());
        let content = (0..SIZE).map(|n| (n * 31 + n / 256) as u8).collect();
        Ok(Self { place: directory.child(name)?, content })
    }

    pub(super) async fn examine(&self, context: &Context, findings: &mut Findings) -> Result<(), Failure> {
        let options = PutOptions { existing: Existing::Refuse, ..PutOptions::default() };
        let (begin, clock) = (Instant::now(), SystemTime::now());
        let source = BytesSource::new(self.content.clone());
        let put = self.place.backend().put(&context.call, &self.place.resolved(), &source, &options).await;
        let receipt = match put {
            Ok(receipt) => receipt,
            Err(error) => return Ok(findings.failed("write", &error)?),
        };
        let took = begin.elapsed();
        // Whatever comes of it, a reader of the output that went away too, the file goes again.
        let looked = self.look(context, &receipt, took, clock, findings).await;
        let removed = self.remove(findings).await;
        looked.and(removed)
    }

    async fn look(
        &self,
        context: &Context,
        receipt: &Receipt,
        took: Duration,
        clock: SystemTime,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let took = took.as_secs_f64() * 1000.0;
        findings.good("write", format!("{} written and published within {took:.0} ms", self.place))?;
        checksum(receipt, findings)?;
        self.read_back(context, findings).await?;
        self.compare_clocks(context, clock, findings).await
    }

    async fn remove(&self, findings: &mut Findings) -> Result<(), Failure> {
        // With a time of its own: what was interrupted leaves nothing behind either.
        let call = Call::new().within(CLEANUP);
        match self.place.backend().remove_file(&call, &self.place.resolved()).await {
            Ok(()) => findings.good("remove", "the file is gone again")?,
            Err(error) => findings.failed("remove", &error.leaving(format!("{} stays", self.place)))?,
        }
        Ok(())
    }

    async fn read_back(&self, context: &Context, findings: &mut Findings) -> Result<(), Failure> {
        let read = async {
            let reading = self.place.backend().read(&context.call, &self.place.resolved(), &Default::default()).await?;
            reading.collect(SIZE as u64).await
        };
        match read.await {
            Ok(bytes) if bytes == self.content => findings.good("read", "the same bytes come back")?,
            Ok(_) => findings.failed("read", &Error::new(ErrorKind::Integrity, "other bytes come back"))?,
            Err(error) => findings.failed("read", &error)?,
        }
        Ok(())
    }

    async fn compare_clocks(
        &self,
        context: &Context,
        begun: SystemTime,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let metadata = match context.stat(&self.place).await {
            Ok(metadata) => metadata,
            Err(error) => return Ok(findings.failed("clock", &error)?),
        };
        let Some(modified) = metadata.and_then(|metadata| metadata.modified) else {
            return Ok(findings.note("clock", "the storage tells no times")?);
        };
        let now = SystemTime::now();
        let ahead = modified.time.duration_since(now).unwrap_or_default();
        let behind = begun.duration_since(modified.time).unwrap_or_default().saturating_sub(modified.resolution);
        let text =
            |skew: Duration, way| format!("{} s {way} this machine's: tokens may count as expired", skew.as_secs());
        match (ahead > SKEW, behind > SKEW) {
            (true, _) => findings.note("clock", text(ahead, "ahead of"))?,
            (_, true) => findings.note("clock", text(behind, "behind"))?,
            _ => findings.good("clock", "agrees with this machine's to a minute")?,
        }
        Ok(())
    }
}

fn checksum(receipt: &Receipt, findings: &mut Findings) -> std::io::Result<()> {
    match &receipt.proof {
        Proof::Checksum(algorithm) => findings.good("checksum", format!("{algorithm} by the storage agrees")),
        Proof::Size => findings.note("checksum", "the storage has none: copies are compared by size alone"),
        Proof::ReadBack => findings.good("checksum", "the bytes were read back"),
        Proof::Local => findings.good("checksum", "none needed: the kernel writes here"),
        Proof::None => findings.note("checksum", "nothing was compared"),
    }
}
