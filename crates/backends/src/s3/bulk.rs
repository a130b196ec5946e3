//! Removal of many files in one request (DeleteObjects).
//!
//! Whoever removes many files at once asks for each of them. Those who ask while a list is being made are on it; the first
//! of them sends it, and tells the others.

use std::fmt::Write as _;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, Method};
use law_storage::{Call, Error, Hasher, Operation, Path, Result};
use tokio::sync::oneshot;

use super::Bucket;
use super::answers::{Deleted, NotDeleted, read};
use super::asking::{About, Ask};
use super::look::PAGE;
use super::status::Refused;

/// The most that S3 takes in one list.
pub(super) const MOST: usize = 1000;

/// Files that are to be removed with the next list.
#[derive(Default)]
pub(super) struct Doomed(Mutex<List>);

/// Shared by all who are on it.
type List = Arc<Mutex<Vec<Entry>>>;

struct Entry {
    key: String,
    tell: oneshot::Sender<Option<NotDeleted>>,
}

impl Doomed {
    /// Puts a key on the list that is being made. The list itself goes to who began it.
    fn add(&self, key: &str) -> (oneshot::Receiver<Option<NotDeleted>>, Option<List>) {
        let (tell, told) = oneshot::channel();
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = list.lock().unwrap_or_else(PoisonError::into_inner);
        let first = entries.is_empty();
        entries.push(Entry { key: key.to_owned(), tell });
        let full = entries.len() >= MOST;
        drop(entries);
        let ours = first.then(|| list.clone());
        if full {
            *list = Arc::default();
        }
        (told, ours)
    }

    /// Ends a list: whoever comes now begins another one.
    fn close(&self, ours: &List) -> Vec<Entry> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&list, ours) {
            *list = Arc::default();
        }
        mem::take(&mut *ours.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bucket {
    /// Removes a file, together with others that are removed at the same time. Nobody looks whether it was there.
    pub(super) async fn remove_with_others(&self, call: &Call, path: &Path) -> Result<()> {
        self.check_name(path)?;
        let plain = path.to_str().filter(|key| !key.chars().any(char::is_control));
        let Some(key) = plain.filter(|_| !self.learnt().no_bulk) else {
            return self.delete(call, About::Object(path), path).await;
        };
        let (told, ours) = self.doomed.add(key);
        if let Some(ours) = ours {
            let list = Closing { bucket: self, ours };
            // All who are ready now get onto the list first.
            tokio::task::yield_now().await;
            self.remove_all(call, list.close()).await?;
        }
        match call.bound(async { Ok(told.await) }).await? {
            Ok(None) => Ok(()),
            Ok(Some(refused)) => {
                Err(Refused::later(&refused.code, &refused.message).error(self, path, Operation::Remove))
            }
            // Who had the list could not send it, or was stopped.
            Err(_) => self.delete(call, About::Object(path), path).await,
        }
    }

    async fn remove_all(&self, call: &Call, list: Vec<Entry>) -> Result<()> {
        let root = Path::root();
        let mut xml = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>".to_owned();
        for Entry { key, .. } in &list {
            let _ = write!(xml, "<Object><Key>{}</Key></Object>", quick_xml::escape::escape(key.as_str()));
        }
        xml.push_str("</Delete>");
        let ask = Ask::new(Method::POST, About::Bucket, Operation::Remove)
            .query("delete", "")
            // All services want this checksum, or one of the newer ones.
            .text(HeaderName::from_static("content-md5"), &md5(xml.as_bytes()))?
            .bytes(xml);
        let answer = self.ask(call, &ask).await?;
        if matches!(answer.status.as_u16(), 400 | 404 | 405 | 501) {
            answer.body.discard().await;
            self.learnt().no_bulk = true;
            return Ok(());
        }
        if !answer.status.is_success() || answer.is_page() {
            return Err(self.refused(answer, &root, Operation::Remove).await);
        }
        let xml = call.bound(answer.body.collect(PAGE)).await?;
        let deleted: Deleted =
            read(&xml).map_err(|error: Error| error.at(self.url(&root)).during(Operation::Remove))?;
        let mut refused = deleted.error;
        for Entry { key, tell } in list {
            let at = refused.iter().position(|refused| refused.key.as_deref() == Some(&key));
            // Who is not there any more has stopped to care.
            drop(tell.send(at.map(|at| refused.swap_remove(at))));
        }
        Ok(())
    }
}

/// A list that is ended, also if who began it is stopped.
struct Closing<'a> {
    bucket: &'a Bucket,
    ours: List,
}

impl Closing<'_> {
    fn close(&self) -> Vec<Entry> {
        self.bucket.doomed.close(&self.ours)
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

fn md5(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new([law_storage::Algorithm::Md5]);
    hasher.update(bytes);
    let digest = hasher.finish().pop();
    digest.map(|digest| BASE64.encode(digest.value())).unwrap_or_default()
}
