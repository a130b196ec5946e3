//! Sources that are local files: whole ones, growing ones, and spools of what came from a pipe.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use crate::local_read::{CHUNK, read_chunk, read_local};
use crate::{
    Algorithm, ByteRange, ByteStream, Call, Error, ErrorKind, LocalFile, Modified, Proof, Result, Source, Taken,
};

/// A local file that is there already. If it changes while it is read, that is [`ErrorKind::Changed`].
#[derive(Debug, Clone)]
pub struct FileSource {
    local: LocalFile,
    version: Version,
}

/// What must stay the same while a local file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    size: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Version {
    fn of(file: &File) -> Result<Self> {
        let meta = file.metadata()?;
        Ok(Self { size: meta.size(), modified: (meta.mtime(), meta.mtime_nsec()), inode: meta.ino() })
    }
}

impl FileSource {
    /// Opens `path`, following links.
    ///
    /// # Errors
    /// Those of opening; [`ErrorKind::IsADirectory`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file = File::open(&path).map_err(|e| Error::from(e).at(path.display()))?;
        if file.metadata()?.is_dir() {
            return Err(Error::new(ErrorKind::IsADirectory, "is a directory").at(path.display()));
        }
        Self::new(LocalFile::new(file, path))
    }

    /// A file that is open already.
    ///
    /// # Errors
    /// Those of asking for its size.
    pub fn new(local: LocalFile) -> Result<Self> {
        let version = Version::of(local.file())?;
        if version.size == 0 && rustix::io::pread(local.file(), &mut [0; 1], 0).is_ok_and(|read| read > 0) {
            let error = Error::new(ErrorKind::Unsupported, "its size is 0, and it has content, as files of /proc have");
            return Err(error
                .at(local.path().display())
                .hint("a pipe has no size either: cat FILE | law fs cp - PLACE"));
        }
        Ok(Self { local, version })
    }

    /// Its time of modification when it was opened.
    pub fn modified(&self) -> Result<Modified> {
        Ok(Modified::nanoseconds(self.local.file().metadata()?.modified()?))
    }
}

#[async_trait]
impl Source for FileSource {
    fn describe(&self) -> String {
        self.local.path().display().to_string()
    }

    fn size(&self) -> Option<u64> {
        Some(self.version.size)
    }

    async fn open(&self, _call: &Call, offset: u64) -> Result<ByteStream> {
        let range = ByteRange::new(offset, u64::MAX).clamp(self.version.size);
        Ok(read_local(self.local.clone(), range))
    }

    fn wanted(&self) -> Vec<Algorithm> {
        Vec::new()
    }

    async fn prove(&self, _call: &Call, taken: &Taken) -> Result<Proof> {
        if Version::of(self.local.file())? != self.version || taken.size != self.version.size {
            return Err(Error::new(ErrorKind::Changed, "the source changed while it was read").at(self.describe()));
        }
        Ok(Proof::Local)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(Some(self.local.clone()))
    }
}

/// What came from a pipe, spooled to an anonymous file so that it has a size and can be replayed.
#[derive(Debug)]
pub struct SpooledSource(FileSource);

impl SpooledSource {
    /// Reads `stream` to its end, into a file without a name in the directory for temporary files.
    ///
    /// # Errors
    /// Those of the stream and of the disk.
    pub async fn spool(mut stream: ByteStream) -> Result<Self> {
        let file = Arc::new(tempfile::tempfile().map_err(no_scratch)?);
        let mut offset = 0;
        while let Some(chunk) = stream.next().await {
            let (chunk, file) = (chunk?, file.clone());
            offset = tokio::task::spawn_blocking(move || append(&file, &chunk, offset))
                .await
                .map_err(|e| Error::new(ErrorKind::Internal, "the spooling thread broke").because(e))??;
        }
        let file = file.try_clone()?;
        Ok(Self(FileSource::new(LocalFile::new(file, PathBuf::from("(standard input)")))?))
    }

    /// The source; it lives as long as the spool.
    pub fn source(&self) -> &FileSource {
        &self.0
    }
}

/// An error of the directory for temporary files: without its name nobody knows which disk is full.
pub fn no_scratch(error: std::io::Error) -> Error {
    let error = Error::from(error).at(std::env::temp_dir().display());
    error.hint("TMPDIR names another directory for temporary files")
}

fn append(file: &File, chunk: &Bytes, offset: u64) -> Result<u64> {
    file.write_all_at(chunk, offset).map_err(no_scratch)?;
    Ok(offset + chunk.len() as u64)
}

/// How far a growing file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// So many bytes are written, and more may come.
    Growing(u64),
    /// So many bytes are written, and that is all.
    Complete(u64),
}

impl Growth {
    fn length(self) -> u64 {
        match self {
            Self::Growing(length) | Self::Complete(length) => length,
        }
    }
}

/// A local file that is still being written, by whoever holds the sender. Its size is unknown until it is complete;
/// a sender that is dropped before that is [`ErrorKind::Cancelled`].
#[derive(Debug, Clone)]
pub struct GrowingSource {
    local: LocalFile,
    growth: watch::Receiver<Growth>,
}

impl GrowingSource {
    /// Follows `local` as `growth` says.
    pub fn new(local: LocalFile, growth: watch::Receiver<Growth>) -> Self {
        Self { local, growth }
    }
}

#[async_trait]
impl Source for GrowingSource {
    fn describe(&self) -> String {
        self.local.path().display().to_string()
    }

    fn size(&self) -> Option<u64> {
        match *self.growth.borrow() {
            Growth::Complete(size) => Some(size),
            Growth::Growing(_) => None,
        }
    }

    async fn open(&self, _call: &Call, offset: u64) -> Result<ByteStream> {
        let state = (self.clone(), offset);
        Ok(stream::try_unfold(state, |(mut source, offset)| async move {
            let chunk = source.next_chunk(offset).await?;
            Ok(chunk.map(|chunk| {
                let next = offset + chunk.len() as u64;
                (chunk, (source, next))
            }))
        })
        .boxed())
    }

    fn wanted(&self) -> Vec<Algorithm> {
        Vec::new()
    }

    async fn prove(&self, _call: &Call, taken: &Taken) -> Result<Proof> {
        match self.size() {
            Some(size) if size == taken.size => Ok(Proof::Local),
            _ => Err(Error::new(ErrorKind::Changed, "the source grew after its end was read").at(self.describe())),
        }
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(self.size().map(|_| self.local.clone()))
    }
}

impl GrowingSource {
    async fn next_chunk(&mut self, offset: u64) -> Result<Option<Bytes>> {
        let enough = |growth: &Growth| growth.length() > offset || matches!(growth, Growth::Complete(_));
        let growth = *self.growth.wait_for(enough).await.map_err(|_| {
            Error::new(ErrorKind::Cancelled, "the writer of the source gave up").at(self.local.path().display())
        })?;
        let length = growth.length().saturating_sub(offset).min(CHUNK as u64) as usize;
        if length == 0 {
            return Ok(None);
        }
        let chunk = read_chunk(self.local.clone(), ByteRange::new(offset, length as u64)).await?;
        let whole = chunk.len() == length;
        whole.then_some(Some(chunk)).ok_or_else(|| Error::new(ErrorKind::Changed, "the source shrank"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;
    use std::io::Write as _;

    async fn collect(stream: ByteStream) -> Result<Vec<u8>> {
        stream
            .try_fold(Vec::new(), |mut all, b| async move {
                all.extend(b);
                Ok(all)
            })
            .await
    }

    fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_file_is_read_from_any_offset() {
        let content: Vec<u8> = (0..CHUNK * 2 + 7).map(|i| i as u8).collect();
        let file = file_of(&content);
        let source = FileSource::open(file.path()).unwrap();
        for offset in [0, 1, CHUNK, content.len(), content.len() + 5] {
            let stream = source.open(&Call::new(), offset as u64).await.unwrap();
            assert_eq!(collect(stream).await.unwrap(), content[offset.min(content.len())..]);
        }
    }

    #[tokio::test]
    async fn a_file_that_shrinks_or_changes_is_no_source() {
        let file = file_of(b"0123456789");
        let source = FileSource::open(file.path()).unwrap();
        file.as_file().set_len(4).unwrap();
        let error = collect(source.open(&Call::new(), 0).await.unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Integrity, Some(4)));
        let taken = Taken { size: 10, digests: Vec::new() };
        assert_eq!(source.prove(&Call::new(), &taken).await.unwrap_err().kind(), ErrorKind::Changed);
    }

    #[tokio::test]
    async fn a_growing_file_is_followed_to_its_end() {
        let mut file = file_of(b"first");
        let (sender, receiver) = watch::channel(Growth::Growing(5));
        let local = LocalFile::new(file.reopen().unwrap(), file.path().into());
        let source = GrowingSource::new(local, receiver);
        let mut stream = source.open(&Call::new(), 0).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), "first");
        assert_eq!(source.size(), None);
        file.write_all(b" second").unwrap();
        sender.send(Growth::Complete(12)).unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), " second");
        assert!(stream.next().await.is_none());
        assert_eq!(source.size(), Some(12));
    }

    #[tokio::test]
    async fn a_writer_that_gives_up_ends_the_source() {
        let file = file_of(b"first");
        let (sender, receiver) = watch::channel(Growth::Growing(0));
        let local = LocalFile::new(file.reopen().unwrap(), file.path().into());
        let mut stream = GrowingSource::new(local, receiver).open(&Call::new(), 0).await.unwrap();
        drop(sender);
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[tokio::test]
    async fn a_pipe_is_spooled() {
        let chunks = stream::iter([Ok(Bytes::from("ab")), Ok(Bytes::from("cd"))]).boxed();
        let spooled = SpooledSource::spool(chunks).await.unwrap();
        assert_eq!(spooled.source().size(), Some(4));
        let stream = spooled.source().open(&Call::new(), 1).await.unwrap();
        assert_eq!(collect(stream).await.unwrap(), b"bcd");
    }
}
