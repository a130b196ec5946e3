//! Copies that the service makes.

use std::time::Duration;

use ::opendal::options::CopyOptions;
use law_storage::{Call, Destination, Digest, Error, ErrorKind, Metadata, Operation, Outcome, Parents, Path, Result};

use super::Store;
use super::status::Told;

const COPY: Operation = Operation::Copy;

/// How long a copy may take that the service goes on with after its answer, and how often it is looked at.
const LONGEST: Duration = Duration::from_secs(3600);
const PAUSE: Duration = Duration::from_millis(500);

impl Store {
    pub(super) async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        if !self.can.copy {
            return Err(self.cannot(from, "copying within the storage", COPY));
        }
        let source = self.look_for_file(call, from, COPY).await?;
        self.key(to)?;
        match self.look(call, to, COPY).await? {
            Some(found) if found.is_directory() => return Err(self.error(ErrorKind::IsADirectory, to, COPY)),
            Some(_) if destination == Destination::NoReplace => {
                return Err(self.error(ErrorKind::AlreadyExists, to, COPY));
            }
            _ if from == to => return Ok(()),
            Some(_) => {}
            None => self.check_parent(call, to, Parents::Require, COPY).await?,
        }
        let options = CopyOptions { source_content_length_hint: source.size, ..self.copy_on_condition(destination) };
        let operator = self.operator()?;
        let (from_key, to_key) = (self.key(from)?, self.key(to)?);
        let copied = operator.copy_options(&from_key, &to_key, options);
        match self.ask(call, (to, COPY), copied).await? {
            Ok(_) => self.compare_copy(call, (from, &source), to).await,
            Err(Told::Condition) => Err(self.error(ErrorKind::AlreadyExists, to, COPY)),
            Err(told) => Err(self.failed(told, to, COPY)),
        }
    }

    /// Lets the service itself refuse to replace what must not be replaced.
    fn copy_on_condition(&self, destination: Destination) -> CopyOptions {
        match destination {
            Destination::Replace => CopyOptions::default(),
            // No version is the version 0.
            Destination::NoReplace if self.can.write_with_if_version_match => {
                CopyOptions { if_version_match: Some("0".into()), ..CopyOptions::default() }
            }
            Destination::NoReplace => {
                CopyOptions { if_not_exists: self.can.copy_with_if_not_exists, ..CopyOptions::default() }
            }
        }
    }

    /// A copy has the size, and where the service tells one the checksum, of its source.
    async fn compare_copy(&self, call: &Call, (from, source): (&Path, &Metadata), to: &Path) -> Result<()> {
        let copy = self.copied(call, to).await?;
        let same = |ours: &Digest| copy.digests.iter().all(|d| d.algorithm() != ours.algorithm() || d == ours);
        if copy.size != source.size || !source.digests.iter().all(same) {
            let message = format!("what has this name now is not the copy of {}", self.url(from));
            return Err(Error::new(ErrorKind::Integrity, message).at(self.url(to)).during(COPY));
        }
        Ok(())
    }

    /// The copy, once the service has ended it.
    async fn copied(&self, call: &Call, to: &Path) -> Result<Metadata> {
        let begun = tokio::time::Instant::now();
        loop {
            match self.look_for_file(call, to, COPY).await {
                Err(error) if error.kind() == ErrorKind::Unavailable && begun.elapsed() < LONGEST => {
                    call.pause(PAUSE).await.map_err(|error| error.with_outcome(Outcome::Unknown))?;
                }
                other => return other,
            }
        }
    }
}
