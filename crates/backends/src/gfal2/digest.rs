//! Checksums of the storage.

use std::sync::Arc;

use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Operation, Path, Result};

use super::Endpoint;
use super::asking::Asked;
use super::status::has_no_checksum;

impl Endpoint {
    /// Of the first algorithm that the storage has.
    pub(super) async fn digest(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        wanted: &[Algorithm],
    ) -> Result<Option<Digest>> {
        self.look_for_file(call, path, Operation::Digest).await?;
        for &algorithm in if wanted.is_empty() { self.rules.digests } else { wanted } {
            if let Some(digest) = self.checksum(call, path, algorithm).await? {
                return Ok(Some(digest));
            }
        }
        Ok(None)
    }

    /// That of one algorithm; none if the storage does not have it.
    pub(super) async fn checksum(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        algorithm: Algorithm,
    ) -> Result<Option<Digest>> {
        if self.rules.digests.is_empty() {
            return Ok(None);
        }
        let asked = Asked { path, operation: Operation::Digest };
        let name = algorithm.name().to_uppercase();
        let answer = self.try_ask(call, asked, move |context, address| context.checksum(&address.url, &name)).await?;
        let told = match answer {
            Ok(told) => told,
            Err(failure) if has_no_checksum(&failure) => return Ok(None),
            Err(failure) => return Err(self.failed(&failure, asked)),
        };
        let digest = Digest::parse(algorithm, told.trim());
        let digest = digest.ok_or_else(|| {
            let error = Error::new(ErrorKind::Malformed, format!("a {algorithm} that is none"));
            error.at(self.url(path)).during(Operation::Digest)
        })?;
        // Zeros are told by plugins that have asked nobody.
        Ok(Some(digest).filter(|digest| !digest.is_zero()))
    }
}
