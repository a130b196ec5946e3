//! Answers in JSON, as far as they matter here.

use std::time::{Duration, SystemTime};

use law_storage::{Algorithm, Digest, Metadata, Modified, Validator};
use serde::Deserialize;

/// A file or a folder.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    /// Answers that can be of one kind alone leave it out.
    #[serde(rename = ".tag")]
    tag: Option<String>,
    pub(super) name: String,
    path_display: Option<String>,
    rev: Option<String>,
    pub(super) size: Option<u64>,
    client_modified: Option<String>,
    content_hash: Option<String>,
}

impl Entry {
    /// The root, of which nothing is said.
    pub(super) fn root() -> Self {
        Self {
            tag: Some("folder".into()),
            name: String::new(),
            path_display: None,
            rev: None,
            size: None,
            client_modified: None,
            content_hash: None,
        }
    }

    pub(super) fn is_file(&self) -> bool {
        self.tag.as_deref().map_or(self.rev.is_some(), |tag| tag == "file")
    }

    pub(super) fn is_folder(&self) -> bool {
        self.tag.as_deref().map_or(self.rev.is_none(), |tag| tag == "folder")
    }

    /// The revision, which no other content of this path has.
    pub(super) fn rev(&self) -> Option<&str> {
        self.rev.as_deref()
    }

    /// Its name in the case that it was made with.
    pub(super) fn shown_name(&self) -> &str {
        let shown = self.path_display.as_deref().and_then(|path| path.rsplit('/').next());
        shown.filter(|shown| !shown.is_empty()).unwrap_or(&self.name)
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::parse(Algorithm::Dropbox, self.content_hash.as_deref()?)
    }

    pub(super) fn metadata(&self) -> Metadata {
        if !self.is_file() {
            return Metadata::directory();
        }
        let mut metadata = Metadata::file(self.size.unwrap_or_default());
        metadata.modified = self.client_modified.as_deref().and_then(time).map(Modified::seconds);
        metadata.digests = self.digest().into_iter().collect();
        metadata.validator = Some(self.validator());
        metadata
    }

    pub(super) fn validator(&self) -> Validator {
        let tag = self.rev.as_ref().map(|rev| format!("\"{rev}\"")).unwrap_or_default();
        Validator::etag(tag).with_size(self.size)
    }
}

/// The time of `2015-05-12T15:50:38Z`.
fn time(text: &str) -> Option<SystemTime> {
    let seconds = text.parse::<jiff::Timestamp>().ok()?.as_second();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))
}

/// A time as the API wants it: whole seconds of UTC; none before 1970.
pub(super) fn timestamp(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let time = jiff::Timestamp::from_second(seconds.try_into().ok()?).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A page of a listing.
#[derive(Deserialize)]
pub(super) struct Folder {
    pub(super) entries: Vec<Entry>,
    pub(super) cursor: String,
    pub(super) has_more: bool,
}

/// An upload in parts has begun.
#[derive(Deserialize)]
pub(super) struct Session {
    pub(super) session_id: String,
}

/// A job that may still be running.
#[derive(Deserialize)]
pub(super) struct Job {
    #[serde(rename = ".tag")]
    pub(super) tag: String,
    pub(super) async_job_id: Option<String>,
    #[serde(default)]
    pub(super) entries: Vec<Done>,
}

/// What became of one entry of a job.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(rename = ".tag")]
    pub(super) tag: String,
    pub(super) failure: Option<serde_json::Value>,
}

/// How full the account is.
#[derive(Deserialize)]
pub(super) struct Usage {
    pub(super) used: u64,
    pub(super) allocation: Allocation,
}

#[derive(Deserialize)]
pub(super) struct Allocation {
    pub(super) allocated: Option<u64>,
}

/// What a refresh token or a code gives.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) expires_in: Option<u64>,
    pub(super) refresh_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders() {
        let file = r#"{"name": "A.txt", "path_display": "/d/a.txt", "rev": "015f", "size": 5, "client_modified": "2015-05-12T15:50:38Z",
            "content_hash": "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"}"#;
        let file: Entry = serde_json::from_str(file).unwrap();
        assert!(file.is_file() && !file.is_folder());
        let metadata = file.metadata();
        assert_eq!((metadata.size, file.shown_name(), metadata.digests.len()), (Some(5), "a.txt", 1));
        assert_eq!(timestamp(metadata.modified.unwrap().time).unwrap(), "2015-05-12T15:50:38Z");
        assert_eq!(metadata.identity().entity_tag(), Some("\"015f\""));
        let folder: Entry = serde_json::from_str(r#"{".tag": "folder", "name": "d"}"#).unwrap();
        assert!(folder.is_folder() && folder.metadata().is_directory());
    }
}
