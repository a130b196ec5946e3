//! Going on with an upload whose process was killed, and finding those with which nobody goes on.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Hasher, Operation, Path, Result, UnfinishedUpload};

use super::Bucket;
use super::answers::{self, Part, Parts, Uploads, quoted, read};
use super::asking::{About, Ask};
use super::look::{PAGE, below};
use super::put::Job;
use super::unfinished::{SentPart, Unfinished};

/// Parts that an earlier process has sent.
#[derive(Default)]
pub(super) struct Arrived(HashMap<u32, Part>);

impl Arrived {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part of this number, if the service says by a checksum that it has these bytes.
    pub(super) fn same(&self, number: u32, length: u64, digests: &[Digest]) -> Option<SentPart> {
        let part = self.0.get(&number).filter(|part| part.size == length)?;
        let tag = quoted(part.tag.as_deref()?);
        let proof = told(part).into_iter().find(|stored| digests.contains(stored))?;
        Some(SentPart { number, tag, digests: vec![proof] })
    }
}

/// The checksums that a service tells of a part, the best first. The tag is an MD5, or it is equal to none.
fn told(part: &Part) -> Vec<Digest> {
    let kinds =
        [(Algorithm::Crc64Nvme, &part.crc64nvme), (Algorithm::Crc32c, &part.crc32c), (Algorithm::Crc32, &part.crc32)];
    let newer = kinds.into_iter().filter_map(|(kind, text)| Digest::parse(kind, text.as_deref()?));
    let md5 = part.tag.as_deref().and_then(|tag| Digest::parse(Algorithm::Md5, tag.trim_matches('"')));
    newer.chain(md5).collect()
}

/// The upload that an earlier process has begun, with what has arrived of it; or a new one, of which a note is taken.
pub(super) async fn begin_or_go_on<'a>(job: &Job<'a>, newer: Option<Algorithm>) -> Result<(Unfinished<'a>, Arrived)> {
    if let Some(left) = &job.options.unfinished
        && let Some(arrived) = arrived(job.bucket, job.call, job.path, &left.name).await?
    {
        tracing::info!("{} parts of an earlier upload have arrived already", arrived.0.len());
        let upload = Unfinished::resumed(job.bucket, job.path, left.name.clone(), Operation::Put);
        return Ok((upload, arrived));
    }
    let upload = Unfinished::begin(job.bucket, job.call, job.path, newer, Operation::Put).await?;
    if let Some(notes) = &job.options.checkpoint {
        // What has arrived is told by the service itself, with a checksum for each part.
        let nothing = Hasher::new([Algorithm::Crc32c]).finish().into_iter().next();
        let note = nothing.map(|digest| law_storage::Unfinished { name: upload.id(), length: 0, digest });
        note.iter().for_each(|note| notes.reached(note));
    }
    Ok((upload, Arrived::default()))
}

/// What has arrived of an upload; none if there is no such upload any more.
async fn arrived(bucket: &Bucket, call: &Call, path: &Path, id: &str) -> Result<Option<Arrived>> {
    let (mut parts, mut after) = (HashMap::new(), None::<u32>);
    loop {
        let mut ask = Ask::new(Method::GET, About::Object(path), Operation::Put);
        if let Some(after) = after {
            ask = ask.query("part-number-marker", after.to_string());
        }
        let answer = bucket.ask(call, &ask.query("uploadId", id)).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            answer.body.discard().await;
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(bucket.refused(answer, path, Operation::Put).await);
        }
        let xml = call.bound(answer.body.collect(PAGE)).await?;
        let page: Parts = read(&xml).map_err(|error| error.at(bucket.url(path)).during(Operation::Put))?;
        parts.extend(page.part.into_iter().map(|part| (part.part_number, part)));
        let next = page.next_part_number_marker.filter(|next| page.is_truncated && Some(*next) > after);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(Some(Arrived(parts))),
        }
    }
}

/// Uploads of objects below `top` that have not become objects.
pub(super) async fn unfinished_uploads(bucket: &Arc<Bucket>, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
    bucket.acquaint(call, top).await?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = page_of_uploads(bucket, call, top, after.as_ref()).await?;
        let encoding = page.encoding_type.as_deref();
        found.extend(
            page.upload.iter().filter_map(|open| unfinished(encoding, open)).filter(|open| open.path.starts_with(top)),
        );
        let key =
            page.next_key_marker.map(|key| String::from_utf8_lossy(&answers::decoded(encoding, &key)).into_owned());
        let next = key.zip(page.next_upload_id_marker).filter(|_| page.is_truncated);
        if next.is_none() {
            return Ok(found);
        }
        if next == after {
            let error = Error::new(ErrorKind::Malformed, "the listing goes on, and does not say where");
            return Err(error.at(bucket.url(top)).during(Operation::List));
        }
        after = next;
    }
}

async fn page_of_uploads(
    bucket: &Bucket,
    call: &Call,
    top: &Path,
    after: Option<&(String, String)>,
) -> Result<Uploads> {
    let mut ask = Ask::new(Method::GET, About::Bucket, Operation::List).query("encoding-type", "url");
    if let Some((key, _)) = after {
        ask = ask.query("key-marker", key.clone());
    }
    ask = ask.query("prefix", below(top));
    if let Some((_, id)) = after {
        ask = ask.query("upload-id-marker", id.clone());
    }
    let answer = bucket.ask(call, &ask.query("uploads", "")).await?;
    if !answer.status.is_success() {
        return Err(bucket.refused(answer, top, Operation::List).await);
    }
    let xml = call.bound(answer.body.collect(PAGE)).await?;
    read(&xml).map_err(|error| error.at(bucket.url(top)).during(Operation::List))
}

/// One whose key is no path is nothing that was written from here.
fn unfinished(encoding: Option<&str>, open: &answers::Open) -> Option<UnfinishedUpload> {
    let key = answers::decoded(encoding, &open.key);
    let path = Path::parse(&key).ok().filter(|path| path.as_bytes() == key)?;
    let begun = open.initiated.as_deref().and_then(answers::time);
    Some(UnfinishedUpload { path, id: open.upload_id.clone(), begun })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(kind: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new([kind]);
        hasher.update(bytes);
        hasher.finish().remove(0)
    }

    #[test]
    fn a_part_is_there_only_if_a_checksum_says_so() {
        let xml = format!(
            "<ListPartsResult><IsTruncated>false</IsTruncated>\
             <Part><PartNumber>1</PartNumber><Size>3</Size><ETag>&quot;{}&quot;</ETag></Part>\
             <Part><PartNumber>2</PartNumber><Size>3</Size><ETag>&quot;opaque&quot;</ETag><ChecksumCRC32C>{}</ChecksumCRC32C></Part>\
             <Part><PartNumber>3</PartNumber><Size>3</Size><ETag>&quot;opaque&quot;</ETag></Part></ListPartsResult>",
            digest(Algorithm::Md5, b"abc").hex(),
            digest(Algorithm::Crc32c, b"abc").base64(),
        );
        let parts: Parts = read(xml.as_bytes()).unwrap();
        let arrived = Arrived(parts.part.into_iter().map(|part| (part.part_number, part)).collect());
        let sums = |bytes: &[u8]| [Algorithm::Crc32c, Algorithm::Md5].map(|kind| digest(kind, bytes));
        assert_eq!(arrived.same(1, 3, &sums(b"abc")).unwrap().digests, [digest(Algorithm::Md5, b"abc")]);
        assert_eq!(arrived.same(2, 3, &sums(b"abc")).unwrap().digests, [digest(Algorithm::Crc32c, b"abc")]);
        for (number, length, bytes) in [(1, 3, b"abd"), (1, 2, b"abc"), (2, 3, b"abd"), (3, 3, b"abc"), (4, 3, b"abc")]
        {
            assert!(arrived.same(number, length, &sums(bytes)).is_none(), "{number} {length} {bytes:?}");
        }
    }
}
