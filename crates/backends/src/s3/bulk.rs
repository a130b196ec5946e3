//! Removal of many files in one request (DeleteObjects).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, Method};
use law_storage::{Call, Error, Hasher, Operation, Path, Result};

use super::Bucket;
use super::answers::{Deleted, NotDeleted, read};
use super::asking::{About, Ask};
use super::look::PAGE;
use super::status::Refused;
use crate::together::{Gathered, Joined};

/// The most that S3 takes in one list.
pub(super) const MOST: usize = 1000;

impl Bucket {
    /// Removes a file, together with others that are removed at the same time. Nobody looks whether it was there.
    pub(super) async fn remove_with_others(&self, call: &Call, path: &Path) -> Result<()> {
        self.check_name(path)?;
        let plain = path.to_str().filter(|key| !key.chars().any(char::is_control));
        let Some(key) = plain.filter(|_| !self.learnt().no_bulk) else {
            return self.delete(call, About::Object(path), path).await;
        };
        let Joined { told, lead } = self.doomed.join(key.to_owned());
        if let Some(lead) = lead {
            self.remove_all(call, lead.gather().await).await?;
        }
        match call.bound(async { Ok(told.await) }).await? {
            Ok(None) => Ok(()),
            Ok(Some(refused)) => {
                Err(Refused::of_entry(&refused.code, &refused.message).error(self, path, Operation::Remove))
            }
            Err(_) => self.delete(call, About::Object(path), path).await,
        }
    }

    async fn remove_all(&self, call: &Call, list: Gathered<Option<NotDeleted>>) -> Result<()> {
        let root = Path::root();
        let mut xml = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>".to_owned();
        for key in &list.items {
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
        let mut of = |key: &String| {
            let at = refused.iter().position(|refused| refused.key.as_ref() == Some(key));
            at.map(|at| refused.swap_remove(at))
        };
        let answers: Vec<_> = list.items.iter().map(&mut of).collect();
        // What is said of no key that was asked for leaves it open what became of all: they ask for themselves.
        if refused.is_empty() {
            list.tell(answers);
        }
        Ok(())
    }
}

fn md5(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new([law_storage::Algorithm::Md5]);
    hasher.update(bytes);
    let digest = hasher.finish().pop();
    digest.map(|digest| BASE64.encode(digest.value())).unwrap_or_default()
}
