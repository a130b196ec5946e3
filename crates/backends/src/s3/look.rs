//! Looking: what the service says about one path.

use http::{Method, StatusCode, header};
use law_storage::{
    Call, Comparison, Error, ErrorKind, Metadata, Modified, Operation, Overwrite, Path, Result, Status, Validator,
};

use super::Bucket;
use super::answers::{Names, quoted, read};
use super::asking::{About, Ask};
use super::sums::told;
use crate::http::Answer;
use crate::http::status::page;

/// The longest page of a listing.
pub(super) const PAGE: usize = 32 * 1024 * 1024;

impl Bucket {
    /// What is there; `None` only on the service's own word, that of a listing after that of a HEAD. A file that has the name of a directory as well is the file.
    pub(super) async fn look(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Metadata>> {
        self.acquaint(call, path).await?;
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
        let answer = self.head(call, path, operation).await?;
        match answer.status {
            StatusCode::NOT_FOUND => {
                answer.body.discard().await;
                Ok(None)
            }
            status if status.is_success() => self.metadata(path, answer, operation).await.map(Some),
            // Such an answer has no words: those of a listing say what is wrong.
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => {
                let denied = answer.status == StatusCode::FORBIDDEN;
                let said = self.refused(answer, path, operation).await;
                match self.first_names(call, path, 1, operation).await {
                    // Who may not list may still have been told that of the file.
                    Err(told) if !denied || told.kind() == ErrorKind::Unauthenticated => Err(told),
                    _ => Err(said),
                }
            }
            _ => Err(self.refused(answer, path, operation).await),
        }
    }

    async fn metadata(&self, path: &Path, answer: Answer, operation: Operation) -> Result<Metadata> {
        if answer.text(header::ETAG).is_none() {
            return Err(self.no_object(path, &answer, operation));
        }
        let size = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let size = size.ok_or_else(|| self.error(ErrorKind::Malformed, path, operation))?;
        let mut metadata = described(&answer, size);
        metadata.digests = told(&answer.headers);
        answer.body.discard().await;
        Ok(metadata)
    }

    /// Whether keys begin with this path and a `/`. The root is one if the bucket is there.
    ///
    /// # Errors
    /// `NotFound` if the bucket is not there, and `Malformed` if this is no service of S3, which the answer to a HEAD does not tell.
    pub(super) async fn is_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<bool> {
        let makes = operation == Operation::CreateDirectory;
        match self.first_names(call, path, 1, operation).await {
            Ok(names) => Ok(path.is_root() || !names.contents.is_empty() || !names.common_prefixes.is_empty()),
            // A bucket that is not there can be made. To whoever looks for something in it, it is an error: that is no answer about the thing.
            Err(error) if error.kind() == ErrorKind::NotFound && (path.is_root() || makes) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The first keys below a directory, its mark among them.
    pub(super) async fn first_names(
        &self,
        call: &Call,
        path: &Path,
        most: usize,
        operation: Operation,
    ) -> Result<Names> {
        let ask = Ask::new(Method::GET, About::Bucket, operation)
            .query("encoding-type", "url")
            .query("list-type", "2")
            .query("max-keys", most.to_string())
            .query("prefix", below(path));
        let answer = self.ask(call, &ask).await?;
        if !answer.status.is_success() {
            return Err(self.not_listed(answer, path, operation).await);
        }
        let xml = call.bound(answer.body.collect(PAGE)).await?;
        read(&xml).map_err(|error| error.at(self.url(path)).during(operation))
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

    /// What has no entity tag is no object: somebody between, or another service, has answered.
    pub(super) fn no_object(&self, path: &Path, answer: &Answer, operation: Operation) -> Error {
        let error = match answer.is_page() {
            true => page(answer.status),
            // Such a service loses its thread while an object is replaced.
            false if self.service().overwrite == Overwrite::Unsafe => {
                Error::new(ErrorKind::Unavailable, "an answer without an object").with_status(Status::Temporary)
            }
            false => Error::new(ErrorKind::Malformed, "an answer that is not of S3"),
        };
        error.at(self.url(path)).during(operation)
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Validator) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(found)) {
            Some(Comparison::Different) => Err(self.error(ErrorKind::Changed, path, Operation::Read)),
            _ => Ok(()),
        }
    }
}

/// What every key below a directory begins with.
pub(super) fn below(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !path.is_root() => format!("{text}/"),
        _ => String::new(),
    }
}

/// A file by the headers of an answer.
pub(super) fn described(answer: &Answer, size: u64) -> Metadata {
    let modified = answer.text(header::LAST_MODIFIED).and_then(|text| httpdate::parse_http_date(&text).ok());
    let tag = answer.text(header::ETAG).map(|tag| quoted(&tag)).unwrap_or_default();
    file(size, modified.map(Modified::seconds), &tag)
}

pub(super) fn file(size: u64, modified: Option<Modified>, tag: &str) -> Metadata {
    let mut metadata = Metadata::file(size);
    metadata.modified = modified;
    metadata.validator = Some(match tag.is_empty() {
        false => Validator::etag(tag).with_size(Some(size)),
        true => Validator::weak(Some(size), modified),
    });
    metadata
}
