//! What all targets are, and what file and directory targets share.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use law_storage::{Call, Error, ErrorKind, Metadata, Path, Result};
use law_transfer::Place;

/// Something that exists or not: a file, a directory, a collection of them.
#[async_trait]
pub trait Target: fmt::Display + Send + Sync {
    /// Whether it exists. An error means "cannot tell", never "no".
    async fn exists_async(&self) -> Result<bool>;

    /// Removes it. Whether anything was there.
    async fn remove_async(&self) -> Result<bool>;

    /// Whether nobody minds if it does not exist.
    fn is_optional(&self) -> bool {
        false
    }

    /// Whether somebody else makes it, so that no task of ours can.
    fn is_external(&self) -> bool {
        false
    }

    /// The status of a collection, with the members that it has down to a depth and at most so many of each: see
    /// [`status_text_with_members`](crate::TargetCollection::status_text_with_members). None for what has no members.
    ///
    /// # Errors
    /// "Cannot tell".
    async fn members_status(&self, depth: usize, most: usize) -> Result<Option<String>> {
        let _ = (depth, most);
        Ok(None)
    }

    /// Where a file is, if a listing of its directory tells whether it exists.
    fn listed(&self) -> Option<&Place> {
        None
    }

    /// Whether it is many targets, also if it is none of them just now.
    fn has_members(&self) -> bool {
        false
    }

    /// Where its files are: one of a file, those of all members of a collection, none of a directory. Each with its name among several outputs of one
    /// member, which is empty if it is the only one.
    fn places(&self) -> Vec<(&str, &Place)> {
        self.listed().into_iter().map(|place| ("", place)).collect()
    }
}

/// What is expected of a target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expectation {
    pub(crate) optional: bool,
    pub(crate) external: bool,
}

/// A place, or the reason why a name below one cannot be.
///
/// `dir.child("../x")` must not fail where it stands, as no other name does; it fails where it is used.
#[derive(Clone)]
pub(crate) struct Spot {
    place: Place,
    refusal: Option<Arc<str>>,
    pub(crate) expected: Expectation,
}

/// The same place, whatever is expected there.
impl PartialEq for Spot {
    fn eq(&self, other: &Self) -> bool {
        (&self.place, &self.refusal) == (&other.place, &other.refusal)
    }
}

impl Eq for Spot {}

impl Spot {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, refusal: None, expected: Expectation::default() }
    }

    /// Where it is.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be.
    pub(crate) fn place(&self) -> Result<&Place> {
        match &self.refusal {
            None => Ok(&self.place),
            Some(why) => Err(Error::new(ErrorKind::InvalidInput, why.to_string()).at(&self.place)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// A path of one or more names below this one.
    pub(crate) fn child(&self, name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        let below = Path::parse(name).map_err(|e| e.to_string());
        let below = below.and_then(|path| if path.is_root() { Err("an empty name".into()) } else { Ok(path) });
        match below {
            Ok(below) => Self { refusal: self.refusal.clone(), ..Self::new(self.place.join(&below)) },
            Err(why) => {
                let shown = String::from_utf8_lossy(name).escape_debug().to_string();
                let refusal = format!("`{shown}` cannot be the name of a child: {why}");
                let refusal = Some(self.refusal.clone().unwrap_or(refusal.into()));
                Self { refusal, ..Self::new(self.place.clone()) }
            }
        }
    }

    pub(crate) fn parent(&self) -> Self {
        let path = self.place.path.parent().unwrap_or_default();
        Self { refusal: self.refusal.clone(), ..Self::new(Place::new(self.place.fs.clone(), path)) }
    }

    pub(crate) async fn stat(&self, call: &Call) -> Result<Option<Metadata>> {
        let place = self.place()?;
        place.backend().stat(call, &place.resolved()).await
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spot({self})")
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::in_memory;

    #[test]
    fn a_name_that_cannot_be_fails_where_it_is_used() {
        let top = Spot::new(Place::new(in_memory("m"), Path::parse("top").unwrap()));
        for bad in ["../x", "", "/", ".", "a/../b", "a\0b"] {
            let error = top.child(bad).place().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
            assert!(top.child(bad).child("fine").place().is_err());
        }
        assert_eq!(top.child("a/b").parent(), top.child("a"));
    }
}
