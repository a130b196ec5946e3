//! Every method, with its way of choosing a door.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};

use super::asking::Wanted;
use super::{Door, Doors};
use crate::final_source::FinalSource;
use crate::resume::SLOWEST;
use crate::settle::{self, Doomed};
use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, Error, ErrorKind, Existing,
    ListOptions, Listing, LocalFile, Metadata, Operation, Order, Outcome, Parents, Path, PutOptions, ReadOptions,
    Reading, Receipt, Result, Source, Space, TapeAnswer, TapeOrder, UnfinishedUpload, Validator,
};

/// Asks a door by a method of its backend.
macro_rules! by {
    ($method:ident($($argument:expr),*)) => {
        |door: &'_ Door, call: Call| {
            let backend = &door.backend;
            async move { backend.$method(&call, $($argument),*).await }.boxed()
        }
    };
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unavailable, "nobody can tell what became of it")
}

impl Doors {
    /// A call that moves no file ends with the deadline.
    fn within_deadline(&self, call: &Call) -> Call {
        call.clone().within(self.0.settings.deadline)
    }

    /// What those share that serve an operation.
    fn shared(&self, operation: Operation) -> Option<Capabilities> {
        let serving = self.0.doors.iter().filter(|door| door.serves(operation));
        serving.map(|door| door.backend.capabilities()).reduce(|all, one| all.and(&one))
    }

    /// Checksums that every door has that has told of any.
    fn digests(&self) -> Vec<Algorithm> {
        let serving = self.0.doors.iter().filter(|door| door.serves(Operation::Digest));
        let told = serving.map(|door| door.backend.capabilities().digests).filter(|told| !told.is_empty());
        told.reduce(|all, one| all.into_iter().filter(|algorithm| one.contains(algorithm)).collect())
            .unwrap_or_default()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Doors {
    fn url(&self, path: &Path) -> String {
        self.0.doors.first().map(|door| door.backend.url(path)).unwrap_or_default()
    }

    /// Of each operation what its doors share.
    fn capabilities(&self) -> Capabilities {
        let writing = self.shared(Operation::Put).or_else(|| self.shared(Operation::Read));
        let mut all = writing.unwrap_or_else(|| self.0.doors[0].backend.capabilities());
        if let Some(reading) = self.shared(Operation::Read) {
            (all.ranges, all.local_files) = (reading.ranges, reading.local_files);
        }
        if let Some(listing) = self.shared(Operation::List) {
            all.list = listing.list;
        }
        if let Some(renaming) = self.shared(Operation::Rename) {
            all.rename = renaming.rename;
        }
        if let Some(copying) = self.shared(Operation::Copy) {
            all.copy = copying.copy;
        }
        if let Some(telling) = self.shared(Operation::Space) {
            all.space = telling.space;
        }
        all.digests = self.digests();
        all
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        let root = Path::root();
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::Open, &root), by!(probe())).await?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let call = &self.within_deadline(call);
        let (door, found) = self.ask(Wanted::new(call, Operation::Stat, path).short(), by!(stat(path))).await?;
        Ok(found.map(|metadata| self.0.doors[door].own(metadata)))
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let call = &self.within_deadline(call);
        let (door, found) = self.ask(Wanted::new(call, Operation::Stat, path).short(), by!(lstat(path))).await?;
        let found = found.map(|metadata| self.0.doors[door].own(metadata));
        found.iter().for_each(|found| self.0.looks.saw(path, found));
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
        let knows = validator.and_then(Validator::door).and_then(|name| self.index_of(name));
        let wanted = Wanted { prefer: knows, ..Wanted::new(call, Operation::Read, path) };
        let read = |door: &'_ Door, call: Call| {
            let (backend, validator) = (door.backend.clone(), validator.map(|v| v.clone().for_door(&door.name)));
            async move { backend.read_ranges(&call, path, ranges, validator.as_ref()).await }.boxed()
        };
        self.ask(wanted, read).await.map(answer)
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = Some(ByteRange::new(offset, buffer.len() as u64));
        let mut stream = self.open(call, path, &ReadOptions { range, validator: validator.cloned() }).await?.stream;
        let mut filled = 0;
        while let Some(chunk) = stream.next().await.transpose()? {
            // The stream has exactly the clamped range, which is no longer than the buffer.
            buffer[filled..filled + chunk.len()].copy_from_slice(&chunk);
            filled += chunk.len();
        }
        Ok(filled)
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let source = &FinalSource::new(source);
        let transfer = Duration::from_secs(source.size().map_or(u64::from(u32::MAX), |size| size / SLOWEST));
        let call = &call.clone().within(self.0.settings.deadline.saturating_add(transfer));
        let write = |door: &'_ Door, call: Call| {
            let (backend, options) = (door.backend.clone(), for_door(options, door));
            async move { backend.put(&call, path, source, &options).await }.boxed()
        };
        let done = |outcome: Outcome| async move { settle::put((self, call, path), source, &outcome).await }.boxed();
        let (door, receipt) = self.ask_unless_done(Wanted::new(call, Operation::Put, path), write, done).await?;
        let name = &self.0.doors[door].name;
        let validator = receipt.validator.map(|validator| validator.of_door(name));
        Ok(Receipt { validator, door: name.to_string(), ..receipt })
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.pages(call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let call = &self.within_deadline(call);
        let wanted = Wanted::new(call, Operation::CreateDirectory, path);
        self.ask(wanted, by!(create_directory(path, parents))).await.map(answer)
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        let call = &self.within_deadline(call);
        let doomed = &Doomed::now(self.0.looks.version(path));
        let done = |_| settle::removal_of_file((self, call, path), doomed).boxed();
        let wanted = Wanted::new(call, Operation::Remove, path);
        self.ask_unless_done(wanted, by!(remove_file(path)), done).await.map(answer)
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        let call = &self.within_deadline(call);
        let done = |_| settle::removal(self, call, path).boxed();
        let wanted = Wanted::new(call, Operation::Remove, path);
        self.ask_unless_done(wanted, by!(remove_directory(path)), done).await.map(answer)
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let call = &self.within_deadline(call);
        // What is renamed over something is recognized afterwards.
        let before = &match destination {
            Destination::Replace => self.lstat(call, from).await?.map(|found| found.identity()),
            Destination::NoReplace => None,
        };
        let done = |_| settle::rename((self, call), (from, to), destination, before.as_ref()).boxed();
        let wanted = Wanted::new(call, Operation::Rename, from);
        self.ask_unless_done(wanted, by!(rename(from, to, destination)), done).await.map(answer)
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let done = |_| settle::copy((self, call), (from, to), destination).boxed();
        let wanted = Wanted::new(call, Operation::Copy, from);
        self.ask_unless_done(wanted, by!(copy(from, to, destination)), done).await.map(answer)
    }

    fn access(&self, path: &Path) -> Result<Access> {
        let reading = self.0.doors.iter().find(|door| door.serves(Operation::Read));
        reading.unwrap_or(&self.0.doors[0]).backend.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        // Who broke off may still be writing: nobody else is asked then.
        let unsure = |_| std::future::ready(Err(unknown())).boxed();
        let wanted = Wanted::new(call, Operation::Copy, path);
        self.ask_unless_done(wanted, by!(third_party(path, order)), unsure).await.map(answer)
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        let call = &self.within_deadline(call);
        let root = Path::root();
        let wanted = Wanted::new(call, Operation::Tape, &root);
        if matches!(order, TapeOrder::Progress { .. } | TapeOrder::Where { .. }) {
            return self.ask(wanted, by!(tape(order))).await.map(answer);
        }
        let unsure = |_| std::future::ready(Err(unknown())).boxed();
        self.ask_unless_done(wanted, by!(tape(order)), unsure).await.map(answer)
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.ask(Wanted::new(call, Operation::List, top), by!(unfinished_uploads(top))).await.map(answer)
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        let call = &self.within_deadline(call);
        let wanted = Wanted::new(call, Operation::Remove, &upload.path);
        self.ask(wanted, by!(abandon_upload(upload))).await.map(answer)
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.ask(Wanted::new(call, Operation::Digest, path), by!(digest(path, wanted))).await.map(answer)
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let call = &self.within_deadline(call);
        let find = |door: &'_ Door, call: Call| {
            let (backend, validator) = (door.backend.clone(), validator.map(|v| v.clone().for_door(&door.name)));
            async move { backend.local_file(&call, path, validator.as_ref()).await }.boxed()
        };
        self.ask(Wanted::new(call, Operation::LocalFile, path), find).await.map(answer)
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        let call = &self.within_deadline(call);
        let find = |door: &'_ Door, call: Call| {
            let (backend, validator) = (door.backend.clone(), validator.map(|v| v.clone().for_door(&door.name)));
            async move { backend.local_file_here(&call, path, validator.as_ref()).await }.boxed()
        };
        self.ask(Wanted::new(call, Operation::LocalFile, path), find).await.map(answer)
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::LocalFile, path), by!(local_directory(path))).await.map(answer)
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::SetMetadata, path), by!(set_modified(path, time))).await.map(answer)
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::SetMetadata, path), by!(set_mode(path, mode))).await.map(answer)
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        let call = &self.within_deadline(call);
        let done = |_| settle::link(self, call, path, target).boxed();
        let wanted = Wanted::new(call, Operation::Link, path);
        self.ask_unless_done(wanted, by!(create_link(path, target)), done).await.map(answer)
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::Link, path).short(), by!(read_link(path))).await.map(answer)
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::SetMetadata, path).short(), by!(attributes(path))).await.map(answer)
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::SetMetadata, path).short(), by!(attribute(path, name))).await.map(answer)
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        let call = &self.within_deadline(call);
        let wanted = Wanted::new(call, Operation::SetMetadata, path);
        self.ask(wanted, by!(set_attribute(path, name, value))).await.map(answer)
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let call = &self.within_deadline(call);
        self.ask(Wanted::new(call, Operation::Space, path).short(), by!(space(path))).await.map(answer)
    }
}

/// The answer, whichever door gave it.
fn answer<T>((_, answer): (usize, T)) -> T {
    answer
}

/// A version that is to be replaced is named as this door knows it.
fn for_door(options: &PutOptions, door: &Door) -> PutOptions {
    let existing = match &options.existing {
        Existing::ReplaceOnly(version) => Existing::ReplaceOnly(version.clone().for_door(&door.name)),
        other => other.clone(),
    };
    PutOptions { existing, ..options.clone() }
}
