//! Answers in XML, as far as they matter here.

use std::time::{Duration, SystemTime};

use law_storage::{Error, ErrorKind, Result, Status};
use percent_encoding::percent_decode_str;
use quick_xml::events::Event;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A kind of answer.
pub(super) trait Document: DeserializeOwned {
    /// What its outermost element may be called: everything else is optional in some of them, and a page of somebody else would
    /// be read as an empty one.
    const ROOTS: &'static [&'static str];
}

/// Reads an answer.
///
/// # Errors
/// `Malformed` if it is none of that kind.
pub(super) fn read<T: Document>(xml: &[u8]) -> Result<T> {
    let odd = || Error::new(ErrorKind::Malformed, "an answer that is not of S3").with_status(Status::Temporary);
    if !root(xml).is_some_and(|root| T::ROOTS.contains(&root.as_str())) {
        return Err(odd());
    }
    quick_xml::de::from_reader(xml).map_err(|error| odd().because(error))
}

/// The name of the outermost element.
fn root(xml: &[u8]) -> Option<String> {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(element) | Event::Empty(element) => return Some(element.local_name().as_ref().to_owned()),
            Event::Eof => return None,
            _ => buffer.clear(),
        }
    }
}

macro_rules! documents {
    ($($kind:ident: $($root:literal)+;)+) => {
        $(impl Document for $kind {
            const ROOTS: &'static [&'static str] = &[$($root),+];
        })+
    };
}

documents! {
    Refusal: "Error";
    Names: "ListBucketResult";
    Begun: "InitiateMultipartUploadResult";
    Made: "CompleteMultipartUploadResult" "CopyObjectResult" "CopyPartResult";
    Deleted: "DeleteResult";
    Parts: "ListPartsResult";
    Uploads: "ListMultipartUploadsResult";
}

/// Why not.
#[derive(Deserialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
pub(super) struct Refusal {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// A page of a listing (ListObjectsV2).
#[derive(Deserialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
pub(super) struct Names {
    pub(super) encoding_type: Option<String>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_continuation_token: Option<String>,
    #[serde(default)]
    pub(super) contents: Vec<Object>,
    #[serde(default)]
    pub(super) common_prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) last_modified: Option<String>,
    #[serde(rename = "ETag")]
    pub(super) tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Prefix {
    pub(super) prefix: String,
}

impl Names {
    /// A key or prefix as it is.
    pub(super) fn decoded(&self, text: &str) -> Vec<u8> {
        decoded(self.encoding_type.as_deref(), text)
    }
}

/// A key as it is, which may have been encoded for the way.
pub(super) fn decoded(encoding: Option<&str>, text: &str) -> Vec<u8> {
    match encoding {
        // As in a form: blanks are written as plus signs.
        Some("url") => percent_decode_str(&text.replace('+', " ")).collect(),
        _ => text.into(),
    }
}

/// An upload in parts has begun.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub(super) upload_id: String,
}

/// An upload in parts has become an object, or an object was copied.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Made {
    #[serde(rename = "ETag")]
    pub(super) tag: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    pub(super) crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    pub(super) crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC32")]
    pub(super) crc32: Option<String>,
}

/// Parts that have arrived.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parts {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_part_number_marker: Option<u32>,
    #[serde(default)]
    pub(super) part: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    pub(super) part_number: u32,
    pub(super) size: u64,
    #[serde(rename = "ETag")]
    pub(super) tag: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    pub(super) crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    pub(super) crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC32")]
    pub(super) crc32: Option<String>,
}

/// Uploads that have not become objects.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Uploads {
    pub(super) encoding_type: Option<String>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_upload_id_marker: Option<String>,
    #[serde(default)]
    pub(super) upload: Vec<Open>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Open {
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) initiated: Option<String>,
}

/// What could not be deleted of a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Deleted {
    #[serde(default)]
    pub(super) error: Vec<NotDeleted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NotDeleted {
    pub(super) key: Option<String>,
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// An entity tag in the one spelling that headers have.
pub(super) fn quoted(tag: &str) -> String {
    let tag = tag.trim();
    if tag.starts_with('"') || tag.starts_with("W/") || tag.is_empty() { tag.to_owned() } else { format!("\"{tag}\"") }
}

/// The time of `2009-10-12T17:50:30.000Z`, to the second, as headers tell it as well.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    let seconds = text.trim().parse::<jiff::Timestamp>().ok()?.as_second();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_listings() {
        let seconds = |text| time(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2009-10-12T17:50:30.000Z"), Some(1_255_369_830));
        assert_eq!(seconds("2024-02-29T23:59:59Z"), Some(1_709_251_199));
        for bad in ["", "2009-10-12", "T", "2009-13-12T00:00:00Z", "2009-10-12Tab:cd:efZ", "1969-01-01T00:00:00Z"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_travel_encoded() {
        let xml = "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><EncodingType>url</EncodingType>\
            <Contents><Key>a+b%2Bc/%01</Key><Size>3</Size><ETag>&quot;x&quot;</ETag></Contents>\
            <CommonPrefixes><Prefix>d%20e/</Prefix></CommonPrefixes><IsTruncated>false</IsTruncated></ListBucketResult>";
        let names: Names = read(xml.as_bytes()).unwrap();
        assert_eq!(names.decoded(&names.contents[0].key), b"a b+c/\x01");
        assert_eq!(names.decoded(&names.common_prefixes[0].prefix), b"d e/");
        assert_eq!(names.contents[0].tag.as_deref(), Some("\"x\""));
        assert!(!names.is_truncated);
    }

    #[test]
    fn a_page_of_somebody_else_is_no_empty_listing() {
        assert!(read::<Names>(b"<html><body>please log in</body></html>").is_err());
        assert!(read::<Deleted>(b"<html/>").is_err());
        assert!(read::<Names>(b"").is_err());
        assert!(read::<Names>(b"<?xml version='1.0'?>\n<ListBucketResult/>").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), text in ".{0,40}") {
            let _ = (read::<Names>(&bytes), read::<Refusal>(&bytes), read::<Deleted>(&bytes), time(&text));
            let _ = (read::<Parts>(&bytes), read::<Uploads>(&bytes));
        }
    }
}
