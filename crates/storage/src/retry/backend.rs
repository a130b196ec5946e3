//! Every method, with its way of being repeated.

use std::ops::ControlFlow;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;

use super::Retry;
use crate::final_source::FinalSource;
use crate::resume::SLOWEST;
use crate::settle::{self, Doomed};
use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, ListOptions, Listing, LocalFile,
    Metadata, Order, Outcome, Parents, Path, PutOptions, ReadOptions, Reading, Receipt, Result, Source, Space,
    TapeAnswer, TapeOrder, UnfinishedUpload, Validator,
};

impl Retry {
    /// `earlier` is the last outcome that was not known.
    async fn put_again(
        &self,
        (call, path): (&Call, &Path),
        source: &FinalSource<'_>,
        options: &PutOptions,
        earlier: &mut Option<Outcome>,
    ) -> Result<Receipt> {
        let mut attempts = self.attempts(call);
        loop {
            let error = match self.inner.put(call, path, source, options).await {
                Ok(receipt) => return Ok(Receipt { attempts: attempts.history().to_vec(), ..receipt }),
                Err(error) => error,
            };
            let done = |outcome: Outcome| async move { settle::put((self, call, path), source, &outcome).await };
            let error = match settle::after(error, earlier, done).await.map_err(|unsure| attempts.told(unsure))? {
                ControlFlow::Break(receipt) => return Ok(Receipt { attempts: attempts.history().to_vec(), ..receipt }),
                ControlFlow::Continue(error) => error,
            };
            attempts.again(&self.shared, call, &self.shared.door, error).await?;
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Retry {
    fn url(&self, path: &Path) -> String {
        self.inner.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.probe(call)).await
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.stat(call, path)).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let call = &self.within_deadline(call);
        let found = self.repeat(call, || self.inner.lstat(call, path)).await?;
        found.iter().for_each(|found| self.shared.looks.saw(path, found));
        Ok(found)
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.open(call, path, options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.repeat(call, || self.inner.read_ranges(call, path, ranges, validator)).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let mut attempts = self.attempts(call);
        loop {
            match self.inner.read_into(call, path, offset, buffer, validator).await {
                Ok(count) => return Ok(count),
                Err(error) => attempts.again(&self.shared, call, &self.shared.door, error).await?,
            }
        }
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let source = &FinalSource::new(source);
        let transfer = std::time::Duration::from_secs(source.size().map_or(u64::from(u32::MAX), |size| size / SLOWEST));
        let call = &call.clone().within(self.shared.settings.deadline.saturating_add(transfer));
        let mut earlier = None;
        let written = self.put_again((call, path), source, options, &mut earlier).await;
        written.map_err(|error| settle::in_doubt(error, earlier.as_ref()))
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.pages(call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.create_directory(call, path, parents)).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        let call = &self.within_deadline(call);
        let doomed = &Doomed::now(self.shared.looks.version(path));
        let done = || settle::removal_of_file((self, call, path), doomed).boxed();
        self.repeat_unless_done(call, || self.inner.remove_file(call, path), done).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        let call = &self.within_deadline(call);
        let done = || settle::removal(self, call, path).boxed();
        self.repeat_unless_done(call, || self.inner.remove_directory(call, path), done).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let call = &self.within_deadline(call);
        // What is renamed over something is recognized afterwards.
        let before = match destination {
            Destination::Replace => self.lstat(call, from).await?.map(|found| found.identity()),
            Destination::NoReplace => None,
        };
        let done = || settle::rename((self, call), (from, to), destination, before.as_ref()).boxed();
        self.repeat_unless_done(call, || self.inner.rename(call, from, to, destination), done).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let done = || settle::copy((self, call), (from, to), destination).boxed();
        self.repeat_unless_done(call, || self.inner.copy(call, from, to, destination), done).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.inner.access(path)
    }

    /// Not repeated: one that broke off may still be writing.
    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.inner.third_party(call, path, order).await
    }

    /// What changes something is not repeated: a second request of the same kind would be another one.
    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        let call = &self.within_deadline(call);
        match order {
            TapeOrder::Progress { .. } | TapeOrder::Where { .. } => {
                self.repeat(call, || self.inner.tape(call, order)).await
            }
            _ => self.inner.tape(call, order).await,
        }
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.repeat(call, || self.inner.unfinished_uploads(call, top)).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.abandon_upload(call, upload)).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.repeat(call, || self.inner.digest(call, path, wanted)).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.local_file(call, path, validator)).await
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.local_file_here(call, path, validator)).await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.local_directory(call, path)).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.set_modified(call, path, time)).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.set_mode(call, path, mode)).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        let call = &self.within_deadline(call);
        let done = || settle::link(self, call, path, target).boxed();
        self.repeat_unless_done(call, || self.inner.create_link(call, path, target), done).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.read_link(call, path)).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.attributes(call, path)).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.attribute(call, path, name)).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.set_attribute(call, path, name, value)).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let call = &self.within_deadline(call);
        self.repeat(call, || self.inner.space(call, path)).await
    }
}
