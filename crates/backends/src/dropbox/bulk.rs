//! Removal of many files in one request. The service locks a folder for every change, so that single removals wait for each other.

use std::time::Duration;

use law_storage::{Call, ErrorKind, Operation, Path, Result};
use serde_json::{Value, json};

use super::Account;
use super::answers::{Done, Job};
use super::asking::Asked;
use super::status::Refused;
use crate::together::{Gathered, Joined};

/// The most that one request may have.
pub(super) const MOST: usize = 1000;

const OPERATION: Operation = Operation::Remove;

impl Account {
    /// Removes a file, together with others that are removed at the same time.
    pub(super) async fn remove_with_others(&self, call: &Call, path: &Path) -> Result<()> {
        let Joined { told, lead } = self.doomed.join(self.name(path)?);
        if let Some(lead) = lead {
            self.remove_all(call, path, lead.gather().await).await?;
        }
        match call.bound(async { Ok(told.await) }).await? {
            Ok(None) => Ok(()),
            Ok(Some(summary)) => Err(Refused::of_entry(&summary).error(self, path, OPERATION)),
            // The list may have been worked on, and its answer lost.
            Err(_) => match self.delete(call, path, None, OPERATION).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                other => other,
            },
        }
    }

    async fn remove_all(&self, call: &Call, path: &Path, list: Gathered<Option<String>>) -> Result<()> {
        let refused = |refused: Refused| refused.error(self, path, OPERATION);
        let entries: Vec<Value> = list.items.iter().map(|name| json!({"path": name})).collect();
        let asked =
            Asked { endpoint: "files/delete_batch", argument: json!({"entries": entries}), path, operation: OPERATION };
        let mut job: Job = self.call(call, &asked).await.map_err(refused)?;
        let id = job.async_job_id.clone();
        let mut pause = Duration::from_millis(20);
        while matches!(job.tag.as_str(), "async_job_id" | "in_progress") {
            call.pause(pause).await?;
            pause = (pause * 2).min(Duration::from_secs(2));
            let argument = json!({"async_job_id": id});
            let asked = Asked { endpoint: "files/delete_batch/check", argument, path, operation: OPERATION };
            job = self.call(call, &asked).await.map_err(refused)?;
        }
        if job.tag != "complete" {
            return Err(Refused::of_entry(&job.tag).error(self, path, OPERATION));
        }
        list.tell(job.entries.iter().map(summary).collect::<Vec<_>>());
        Ok(())
    }
}

/// Why an entry was not removed, as tags; none if it was.
fn summary(done: &Done) -> Option<String> {
    if done.tag == "success" {
        return None;
    }
    let mut tags = vec![done.tag.clone()];
    let mut at = done.failure.as_ref();
    while let Some(tag) = at.and_then(|value| value[".tag"].as_str().or(value.as_str())) {
        tags.push(tag.to_owned());
        at = at.and_then(|value| value.get(tag));
    }
    Some(tags.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_one_of_many_was_not_removed() {
        let done = |text: &str| summary(&serde_json::from_str(text).unwrap());
        assert_eq!(done(r#"{".tag": "success", "metadata": {}}"#), None);
        let failure =
            r#"{".tag": "failure", "failure": {".tag": "path_lookup", "path_lookup": {".tag": "not_found"}}}"#;
        assert_eq!(done(failure).as_deref(), Some("failure/path_lookup/not_found"));
    }
}
