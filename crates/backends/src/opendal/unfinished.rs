//! A file under way, which is thrown away unless it becomes an object.

use ::opendal::Writer;
use law_storage::{Error, cleanup};

/// Nobody sees what it has before it is closed.
pub(super) struct Unfinished(Option<Writer>);

impl Unfinished {
    pub(super) fn new(writer: Writer) -> Self {
        Self(Some(writer))
    }

    pub(super) async fn write(&mut self, bytes: bytes::Bytes) -> ::opendal::Result<()> {
        match &mut self.0 {
            Some(writer) => writer.write(bytes).await,
            None => Ok(()),
        }
    }

    /// Makes it an object.
    pub(super) async fn close(&mut self) -> ::opendal::Result<::opendal::Metadata> {
        match &mut self.0 {
            Some(writer) => writer.close().await,
            None => Ok(::opendal::MetadataBuilder::unknown().build()),
        }
    }

    /// It has become one, or nobody knows.
    pub(super) fn finished(mut self) {
        self.0 = None;
    }

    /// Throws it away now, and tells in the error what is left.
    pub(super) async fn abandon(mut self, error: Error) -> Error {
        let what = error.left_behind().unwrap_or("nothing was published").to_owned();
        let Some(mut writer) = self.0.take() else { return error.leaving(what) };
        match tokio::time::timeout(cleanup::LIMIT, writer.abort()).await {
            Ok(Ok(())) => error.leaving(what),
            _ => error.leaving(format!("{what}; parts that arrived may be left at the service, unseen")),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut writer) = self.0.take() {
            cleanup::start(async move { drop(writer.abort().await) });
        }
    }
}
