//! Looking: what the service says about one path.

use std::time::SystemTime;

use ::opendal::options::ListOptions;
use futures_util::StreamExt as _;
use law_storage::{
    Algorithm, Call, Comparison, Digest, Error, ErrorKind, Metadata, Modified, Operation, Path, Result, Validator,
};

use super::Store;
use super::status::Told;

impl Store {
    /// What is there; `None` only on the service's own word. A file that has the name of a directory as well is the file.
    pub(super) async fn look(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Metadata>> {
        if !path.is_root()
            && let Some(file) = self.look_at_object(call, path, operation).await?
        {
            return Ok(Some(file));
        }
        Ok(self.is_directory(call, path, operation).await?.then(Metadata::directory))
    }

    pub(super) async fn look_at_object(
        &self,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<Option<Metadata>> {
        let (operator, key) = (self.operator()?, self.key(path)?);
        match self.ask(call, (path, operation), operator.stat(&key)).await? {
            Ok(told) => self.file(path, &told, operation).map(Some),
            Err(Told::NotFound) => Ok(None),
            Err(told) => Err(self.failed(told, path, operation)),
        }
    }

    /// Whether keys begin with this path and a `/`. The root is one if the bucket is there.
    pub(super) async fn is_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<bool> {
        match self.first_keys(call, path, 1, operation).await {
            Ok(keys) => Ok(path.is_root() || !keys.is_empty()),
            // There is no bucket.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The first keys below a directory, its mark among them.
    pub(super) async fn first_keys(
        &self,
        call: &Call,
        path: &Path,
        most: usize,
        operation: Operation,
    ) -> Result<Vec<String>> {
        let (operator, prefix) = (self.operator()?, self.prefix(path)?);
        let options = ListOptions { limit: Some(most), recursive: true, ..ListOptions::default() };
        let keys = async {
            let mut lister = operator.lister_options(&prefix, options).await?;
            let mut keys = Vec::new();
            while keys.len() < most
                && let Some(entry) = lister.next().await.transpose()?
            {
                keys.push(entry.path().to_owned());
            }
            Ok(keys)
        };
        let keys = self.ask(call, (path, operation), keys).await?;
        keys.map_err(|told| self.failed(told, path, operation))
    }

    pub(super) async fn look_for_file(&self, call: &Call, path: &Path, operation: Operation) -> Result<Metadata> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_file() => Ok(found),
            Some(_) => Err(self.error(ErrorKind::IsADirectory, path, operation)),
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    pub(super) async fn look_for_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        if self.is_directory(call, path, operation).await? {
            return Ok(());
        }
        let file = !path.is_root() && self.look_at_object(call, path, operation).await?.is_some();
        Err(self.error(if file { ErrorKind::NotADirectory } else { ErrorKind::NotFound }, path, operation))
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Validator) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(found)) {
            Some(Comparison::Different) => Err(self.error(ErrorKind::Changed, path, Operation::Read)),
            _ => Ok(()),
        }
    }

    /// What the service says of a file, in our words. What has no version is no object: somebody between, or another service, has answered.
    pub(super) fn file(&self, path: &Path, told: &::opendal::Metadata, operation: Operation) -> Result<Metadata> {
        match self.tag(told) {
            Some(tag) => Ok(described(told, &tag)),
            None => {
                let error = Error::new(ErrorKind::Malformed, format!("an answer that is not of {}", self.service.name));
                Err(error.at(self.url(path)).during(operation))
            }
        }
    }

    /// What tells versions apart, in quotes.
    pub(super) fn tag(&self, told: &::opendal::Metadata) -> Option<String> {
        let tag = if self.can.write_with_if_version_match { told.version() } else { told.etag() };
        let tag = tag.map(|tag| tag.trim_matches('"')).filter(|tag| !tag.is_empty())?;
        Some(format!("\"{tag}\""))
    }
}

pub(super) fn described(told: &::opendal::Metadata, tag: &str) -> Metadata {
    let size = told.content_length();
    let mut metadata = Metadata::file(size);
    metadata.modified = told.last_modified().map(|time| Modified::seconds(SystemTime::from(time)));
    metadata.validator = Some(Validator::etag(tag).with_size(Some(size)));
    metadata.digests.extend(md5(told));
    metadata
}

pub(super) fn md5(told: &::opendal::Metadata) -> Option<Digest> {
    Digest::parse(Algorithm::Md5, told.content_md5()?)
}
