//! Directories, which are empty objects whose keys end in `/`, and removal.

use law_storage::{Call, ErrorKind, Operation, Parents, Path, Result};

use super::Store;
use super::status::Told;

const REMOVE: Operation = Operation::Remove;

impl Store {
    /// Makes the mark of a directory.
    pub(super) async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let operation = Operation::CreateDirectory;
        match self.look(call, path, operation).await? {
            Some(found) if found.is_directory() => return Ok(()),
            Some(_) => return Err(self.error(ErrorKind::AlreadyExists, path, operation)),
            None if path.is_root() => return Err(self.failed(Told::NotFound, path, operation)),
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
            let (operator, mark) = (self.operator()?, self.prefix(directory)?);
            let made = self.ask(call, (directory, operation), operator.create_dir(&mark)).await?;
            made.map_err(|told| self.failed(told, directory, operation))?;
        }
        Ok(())
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

    /// Services say the same of a file that was there and of one that was not, so it is looked at before.
    pub(super) async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        if !call.proof_comes_later() {
            self.look_for_file(call, path, REMOVE).await?;
        }
        self.delete(call, path).await
    }

    pub(super) async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        if path.is_root() {
            return Err(self.error(ErrorKind::InvalidInput, path, REMOVE));
        }
        let mark = self.prefix(path)?;
        let keys = self.first_keys(call, path, 2, REMOVE).await?;
        if keys.iter().any(|key| key.as_str() != mark.trim_start_matches('/')) {
            return Err(self.error(ErrorKind::NotEmpty, path, REMOVE));
        }
        if keys.is_empty() {
            self.look_for_directory(call, path, REMOVE).await?;
        }
        self.delete_key(call, path, &mark).await
    }

    pub(super) async fn delete(&self, call: &Call, path: &Path) -> Result<()> {
        let key = self.key(path)?;
        self.delete_key(call, path, &key).await
    }

    async fn delete_key(&self, call: &Call, path: &Path, key: &str) -> Result<()> {
        let deleted = self.ask(call, (path, REMOVE), self.operator()?.delete(key)).await?;
        deleted.map_err(|told| self.failed(told, path, REMOVE))
    }
}
