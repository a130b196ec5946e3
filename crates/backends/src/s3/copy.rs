//! Copies that the service makes: at once up to 5 GiB, in parts above.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{
    ByteRange, Call, Destination, Digest, Error, ErrorKind, Metadata, Operation, Outcome, Parents, Path, Result,
};

use super::Bucket;
use super::answers::{Made, Refusal, quoted, read};
use super::asking::{About, Ask};
use super::status::Refused;
use super::unfinished::{SentPart, Unfinished};

/// The most that is copied in one request.
const LARGE: u64 = 5 << 30;
/// The size of a part of a copy: so much takes no service long.
const PART: u64 = 512 << 20;
/// The most parts that S3 takes.
const MOST: u64 = 10_000;
/// Parts that are copied at once.
const AT_ONCE: usize = 8;
/// How slowly a service may copy, in bytes for each second.
const SLOWEST: u64 = 10 << 20;

const SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const SOURCE_TAG: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");
const SOURCE_RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");

impl Bucket {
    pub(super) async fn copy(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        let source = self.look_for_file(call, from, Operation::Copy).await?;
        self.acquaint(call, to).await?;
        match self.look(call, to, Operation::Copy).await? {
            Some(found) if found.is_directory() => {
                return Err(self.error(ErrorKind::IsADirectory, to, Operation::Copy));
            }
            Some(_) if destination == Destination::NoReplace => {
                return Err(self.error(ErrorKind::AlreadyExists, to, Operation::Copy));
            }
            _ if from == to => return Ok(()),
            Some(_) => {}
            None => self.check_parent(call, to, Parents::Require, Operation::Copy).await?,
        }
        let size = source.size.unwrap_or_default();
        match size > LARGE {
            true => self.copy_in_parts(call, (from, &source, size), to, destination).await?,
            false => self.copy_at_once(call, (from, &source), to, destination).await?,
        }
        self.compare_copy(call, (from, &source), to).await
    }

    fn about<'a>(&self, ask: Ask<'a>, from: &Path, source: &Metadata) -> Result<Ask<'a>> {
        let key = Path::parse(self.name()).map_err(Error::from)?.join(from);
        // Encoded as strictly as in an address: a plus sign would be a blank.
        let ask = ask.once().text(SOURCE, self.site()?.client.home().path(&key).target())?;
        match source.identity().entity_tag() {
            Some(tag) => ask.text(SOURCE_TAG, tag),
            None => Ok(ask),
        }
    }

    async fn copy_at_once(
        &self,
        call: &Call,
        (from, source): (&Path, &Metadata),
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        let ask = self.about(Ask::new(Method::PUT, About::Object(to), Operation::Copy), from, source)?;
        let ask = ask.slow(slow(source.size.unwrap_or_default()));
        let ask = on_condition(ask, destination);
        self.copied(call, &ask, (from, to)).await.map(drop)
    }

    async fn copy_in_parts(
        self: &Arc<Self>,
        call: &Call,
        (from, source, size): (&Path, &Metadata, u64),
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        let upload = Unfinished::begin(self, call, to, None, Operation::Copy).await?;
        let part = PART.max(size.div_ceil(MOST));
        let ranges = (0..size.div_ceil(part)).map(|number| ByteRange::new(number * part, part).clamp(size));
        let copy = |(number, range)| self.copy_part(call, (from, source), &upload, number, range).boxed();
        let parts = stream::iter((1..).zip(ranges)).map(copy).buffered(AT_ONCE).try_collect::<Vec<SentPart>>().await;
        let made = match parts {
            Ok(parts) => upload.complete(call, &parts, None, |ask| Ok(on_condition(ask, destination))).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(_) => {
                upload.finished();
                Ok(())
            }
            Err(error) if error.outcome().is_unknown() => {
                upload.finished();
                Err(error
                    .leaving("the copy may or may not have been made; parts of it may be left in the bucket, unseen"))
            }
            Err(error) => Err(upload.abandon(error).await),
        }
    }

    async fn copy_part(
        &self,
        call: &Call,
        (from, source): (&Path, &Metadata),
        upload: &Unfinished<'_>,
        number: u32,
        range: ByteRange,
    ) -> Result<SentPart> {
        let ask = Ask::new(Method::PUT, About::Object(upload.path()), Operation::Copy)
            .query("partNumber", number.to_string())
            .query("uploadId", upload.id())
            .slow(slow(range.length));
        let ask = self.about(ask, from, source)?;
        let ask = ask.text(SOURCE_RANGE, &format!("bytes={}-{}", range.offset, range.end() - 1))?;
        let made = self.copied(call, &ask, (from, upload.path())).await?;
        Ok(SentPart { number, tag: made.tag.as_deref().map(quoted).unwrap_or_default(), digests: Vec::new() })
    }

    /// The answer to a copy, which may begin well and end in an error.
    async fn copied(&self, call: &Call, ask: &Ask<'_>, (from, to): (&Path, &Path)) -> Result<Made> {
        const LONGEST: usize = 64 * 1024;
        let answer = self.ask(call, ask).await?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            answer.body.discard().await;
            // Either somebody was faster at the destination, or the source is another one.
            let there = self.look(call, to, Operation::Copy).await?.is_some();
            let (kind, path) = if there { (ErrorKind::AlreadyExists, to) } else { (ErrorKind::Changed, from) };
            return Err(self.error(kind, path, Operation::Copy));
        }
        if !answer.status.is_success() {
            return Err(self.refused(answer, to, Operation::Copy).await);
        }
        // It has begun well: what broke then may have been done.
        let unknown = |error: Error| error.at(self.url(to)).during(Operation::Copy).with_outcome(Outcome::Unknown);
        let xml = call.bound(answer.body.collect(LONGEST)).await.map_err(unknown)?;
        if let Ok(Refusal { code, message }) = read(&xml) {
            return Err(Refused::later(&code, &message).error(self, to, Operation::Copy));
        }
        read(&xml).map_err(unknown)
    }

    /// A copy has the size, and where the service tells one the checksum, of its source.
    async fn compare_copy(&self, call: &Call, (from, source): (&Path, &Metadata), to: &Path) -> Result<()> {
        let copy = self.look_for_file(call, to, Operation::Copy).await?;
        let same = |ours: &Digest| copy.digests.iter().all(|d| d.algorithm() != ours.algorithm() || d == ours);
        if copy.size != source.size || !source.digests.iter().all(same) {
            let message = format!("what has this name now is not the copy of {}", self.url(from));
            return Err(Error::new(ErrorKind::Integrity, message).at(self.url(to)).during(Operation::Copy));
        }
        Ok(())
    }
}

fn on_condition(ask: Ask<'_>, destination: Destination) -> Ask<'_> {
    match destination {
        Destination::NoReplace => ask.header(header::IF_NONE_MATCH, HeaderValue::from_static("*")),
        Destination::Replace => ask,
    }
}

fn slow(size: u64) -> Duration {
    Duration::from_secs(size / SLOWEST)
}
