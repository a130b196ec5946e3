//! A named, ready storage with a base path.

use std::fmt;
use std::sync::Arc;

use crate::{Backend, Doors, Path, Verify};

/// A named, ready stack of backends with a base path (`[fs.NAME]` in the configuration). Cheap to clone.
#[derive(Clone)]
pub struct FileSystem {
    name: Arc<str>,
    base: Path,
    backend: Arc<dyn Backend>,
    doors: Option<Doors>,
    verify: Verify,
    service: Arc<str>,
    by_name: bool,
}

impl FileSystem {
    /// Puts them together; `law_target::build::build` is the one place that stacks.
    pub fn new(name: impl Into<Arc<str>>, base: Path, backend: Arc<dyn Backend>) -> Self {
        let (name, service) = (name.into(), "".into());
        Self { name, base, backend, doors: None, verify: Verify::Auto, service, by_name: false }
    }

    /// Called `NAME:path` wherever a place is shown, as its URLs lead to another file system when they are typed.
    #[must_use]
    pub fn only_by_name(self) -> Self {
        Self { by_name: true, ..self }
    }

    /// With so much proof for what is read and written there, unless a command says otherwise.
    #[must_use]
    pub fn verifying(self, verify: Verify) -> Self {
        Self { verify, ..self }
    }

    /// With what tells its storage from others of the same URLs: the address of the service that has a bucket, an account.
    #[must_use]
    pub fn at_service(self, service: impl Into<Arc<str>>) -> Self {
        Self { service: service.into(), ..self }
    }

    /// What tells its storage from others of the same URLs.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// How much proof is wanted.
    pub fn verify(&self) -> Verify {
        self.verify
    }

    /// The same with another stack.
    #[must_use]
    pub fn over(self, backend: Arc<dyn Backend>) -> Self {
        Self { backend, ..self }
    }

    /// With the doors somewhere in the stack, to ask how they are.
    #[must_use]
    pub fn with_doors(self, doors: Doors) -> Self {
        Self { doors: Some(doors), ..self }
    }

    /// Its doors, where there are several.
    pub fn doors(&self) -> Option<&Doors> {
        self.doors.as_ref()
    }

    /// The name in the configuration, or the URL that was typed, without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path that is its root.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The top of the stack.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// The path on the backend of a path on this file system.
    pub fn resolve(&self, path: &Path) -> Path {
        self.base.join(path)
    }

    /// A path for messages, without secrets: its URL, or `NAME:path` where no URL is the one that is used.
    pub fn shown(&self, path: &Path) -> String {
        match &self.doors {
            _ if self.by_name => format!("{}:{path}", self.name),
            Some(doors) => doors.shown(&self.resolve(path)),
            None => self.url(path),
        }
    }

    /// Whether a URL does not lead here when it is typed.
    pub fn is_only_by_name(&self) -> bool {
        self.by_name
    }

    /// The URL of a path, at the first door, without secrets.
    pub fn url(&self, path: &Path) -> String {
        self.backend.url(&self.resolve(path))
    }
}

impl fmt::Debug for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileSystem({}, {:?})", self.name, self.backend)
    }
}

/// The same name, base and stack.
impl PartialEq for FileSystem {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.base == other.base
    }
}

impl Eq for FileSystem {}
