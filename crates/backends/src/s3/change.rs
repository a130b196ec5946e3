//! Directories, which are empty objects whose keys end in `/`, and removal.

use http::{HeaderValue, Method, StatusCode, header};
use law_storage::{Call, ErrorKind, Operation, Parents, Path, Result};

use super::Bucket;
use super::asking::{About, Ask};
use super::look::below;

impl Bucket {
    /// Makes the mark of a directory, or the bucket.
    pub(super) async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let operation = Operation::CreateDirectory;
        self.acquaint(call, path).await?;
        match self.look(call, path, operation).await? {
            Some(found) if found.is_directory() => return Ok(()),
            Some(_) => return Err(self.error(ErrorKind::AlreadyExists, path, operation)),
            None if path.is_root() => return self.create_bucket(call).await,
            None => {}
        }
        let mut missing = match (parents, path.parent()) {
            (Parents::Create, Some(parent)) => self.missing_above(call, &parent, operation).await?,
            _ => {
                self.check_parent(call, path, parents, operation).await?;
                Vec::new()
            }
        };
        missing.insert(0, path.clone());
        for directory in missing.iter().rev() {
            let ask = Ask::new(Method::PUT, About::Marker(directory), operation)
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-directory"))
                .bytes("");
            self.done(call, ask, directory, operation).await?;
        }
        Ok(())
    }

    async fn create_bucket(&self, call: &Call) -> Result<()> {
        let region = self.site()?.region.clone();
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        );
        // The first region is the one that must not be named.
        let place = if region == "us-east-1" { String::new() } else { place };
        let ask = Ask::new(Method::PUT, About::Bucket, Operation::CreateDirectory).bytes(place);
        self.done(call, ask, &Path::root(), Operation::CreateDirectory).await
    }

    /// What stands above `path` must be a directory, or can be one: nothing has to be made for it.
    pub(super) async fn check_parent(
        &self,
        call: &Call,
        path: &Path,
        parents: Parents,
        operation: Operation,
    ) -> Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else { return Ok(()) };
        if parents == Parents::Require {
            return self.look_for_directory(call, &parent, operation).await;
        }
        self.missing_above(call, &parent, operation).await.map(drop)
    }

    /// The directories at and above a path of which there is nothing yet, the deepest first.
    async fn missing_above(&self, call: &Call, path: &Path, operation: Operation) -> Result<Vec<Path>> {
        let mut above: Vec<Path> = path.ancestry().collect();
        let mut missing = Vec::new();
        while let Some(directory) = above.pop() {
            if self.is_directory(call, &directory, operation).await? {
                break;
            }
            if self.look_at_object(call, &directory, operation).await?.is_some() {
                return Err(self.error(ErrorKind::NotADirectory, &directory, operation));
            }
            missing.push(directory);
        }
        Ok(missing)
    }

    async fn done(&self, call: &Call, ask: Ask<'_>, path: &Path, operation: Operation) -> Result<()> {
        let answer = self.ask(call, &ask).await?;
        if !answer.status.is_success() || answer.is_page() {
            return Err(self.refused(answer, path, operation).await);
        }
        answer.body.discard().await;
        Ok(())
    }

    /// S3 says the same of a file that was there and of one that was not, so it is looked at before.
    pub(super) async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        if call.proof_comes_later() {
            return self.remove_with_others(call, path).await;
        }
        self.look_for_file(call, path, Operation::Remove).await?;
        self.delete(call, About::Object(path), path).await
    }

    pub(super) async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        if path.is_root() {
            return Err(self.error(ErrorKind::InvalidInput, path, Operation::Remove));
        }
        self.acquaint(call, path).await?;
        let names = self.first_names(call, path, 2, Operation::Remove).await?;
        let others = names.contents.iter().any(|object| names.decoded(&object.key) != below(path).as_bytes());
        if others || !names.common_prefixes.is_empty() {
            return Err(self.error(ErrorKind::NotEmpty, path, Operation::Remove));
        }
        if names.contents.is_empty() {
            self.look_for_directory(call, path, Operation::Remove).await?;
        }
        self.delete(call, About::Marker(path), path).await
    }

    pub(super) async fn delete(&self, call: &Call, about: About<'_>, path: &Path) -> Result<()> {
        let answer = self.ask(call, &Ask::new(Method::DELETE, about, Operation::Remove)).await?;
        match answer.status {
            status if status.is_success() && !answer.is_page() => answer.body.discard().await,
            StatusCode::NOT_FOUND => answer.body.discard().await,
            _ => return Err(self.refused(answer, path, Operation::Remove).await),
        }
        Ok(())
    }
}
