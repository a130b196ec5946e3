//! PROPFIND: the question, and a pull parser for its answer (RFC 4918 section 14) that holds one entry at a time.

use std::time::SystemTime;

use law_storage::{Algorithm, Digest, Error, ErrorKind, Kind, Metadata, Modified, Result, Status, Validator};
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use tokio::io::AsyncBufRead;

/// The question: named properties only, as `allprop` leaves out the quota and makes some servers compute more.
pub(super) const QUESTION: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<D:propfind xmlns:D="DAV:" xmlns:dc="http://www.dcache.org/2013/webdav" xmlns:oc="http://owncloud.org/ns" "#,
    r#"xmlns:st="http://storm.italiangrid.org/2014/webdav"><D:prop><D:resourcetype/><D:getcontentlength/>"#,
    r#"<D:getlastmodified/><D:getetag/><dc:Checksums/><oc:checksums/><st:Checksum/></D:prop></D:propfind>"#,
);

/// The question for space (RFC 4331).
pub(super) const QUOTA_QUESTION: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>"#,
    r#"<D:resourcetype/><D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>"#,
);

/// Deeper or longer than any honest answer.
const DEEPEST: usize = 32;
const LONGEST_TEXT: usize = 64 * 1024;

/// One `response` of a multistatus.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Response {
    /// As the server spells it, without XML escapes.
    pub(super) href: String,
    /// The status of the whole response, where there is one.
    pub(super) status: Option<u16>,
    /// The properties that were found.
    pub(super) properties: Properties,
}

/// The properties that we know.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Properties {
    collection: bool,
    /// What an older way of saying it says first: XrdHttp 5.5.3 says 0 and then 1 of a file that may be executed (measured).
    is_collection: Option<bool>,
    length: Option<u64>,
    modified: Option<SystemTime>,
    etag: Option<String>,
    digests: Vec<Digest>,
    /// Bytes that can still be written.
    pub(super) available: Option<u64>,
    /// Bytes in use.
    pub(super) used: Option<u64>,
}

impl Properties {
    /// What they say about the entry.
    pub(super) fn metadata(self) -> Metadata {
        let modified = self.modified.map(Modified::seconds);
        let mut metadata = Metadata::of(if self.is_directory() { Kind::Directory } else { Kind::File });
        metadata.modified = modified;
        if metadata.is_file() {
            let validator = self.etag.map(Validator::etag).unwrap_or_default();
            metadata.size = self.length;
            metadata.validator = Some(validator.with_size(self.length).with_modified(modified));
            metadata.digests = self.digests;
        }
        metadata
    }

    fn is_directory(&self) -> bool {
        self.collection || self.is_collection == Some(true)
    }

    fn merge(&mut self, other: Self) {
        self.collection |= other.collection;
        self.is_collection = self.is_collection.or(other.is_collection);
        self.length = other.length.or(self.length);
        self.modified = other.modified.or(self.modified);
        self.etag = other.etag.or(self.etag.take());
        self.available = other.available.or(self.available);
        self.used = other.used.or(self.used);
        self.digests.extend(other.digests);
    }
}

/// The elements that we know, by namespace and local name; prefixes mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Multistatus,
    Response,
    Href,
    Propstat,
    Status,
    ResourceType,
    Collection,
    IsCollection,
    Length,
    Modified,
    Etag,
    Available,
    Used,
    Checksums,
    Other,
}

fn element(namespace: &ResolveResult<'_>, local: &str) -> Element {
    let ResolveResult::Bound(Namespace(namespace)) = namespace else { return Element::Other };
    match (&**namespace, local) {
        ("DAV:", "multistatus") => Element::Multistatus,
        ("DAV:", "response") => Element::Response,
        ("DAV:", "href") => Element::Href,
        ("DAV:", "propstat") => Element::Propstat,
        ("DAV:", "status") => Element::Status,
        ("DAV:", "resourcetype") => Element::ResourceType,
        ("DAV:", "collection") => Element::Collection,
        ("DAV:", "iscollection") => Element::IsCollection,
        ("DAV:", "getcontentlength") => Element::Length,
        ("DAV:", "getlastmodified") => Element::Modified,
        ("DAV:", "getetag") => Element::Etag,
        ("DAV:", "quota-available-bytes") => Element::Available,
        ("DAV:", "quota-used-bytes") => Element::Used,
        (_, "Checksums" | "Checksum" | "checksum") => Element::Checksums,
        _ => Element::Other,
    }
}

/// Reads one response after the other.
pub(super) struct Multistatus<R> {
    reader: NsReader<R>,
    buffer: Vec<u8>,
    stack: Vec<Element>,
    text: String,
    response: Response,
    found: Properties,
    propstat: Option<u16>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    Complete,
}

impl<R: AsyncBufRead + Unpin> Multistatus<R> {
    pub(super) fn new(input: R) -> Self {
        let mut reader = NsReader::from_reader(input);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            buffer: Vec::new(),
            stack: Vec::new(),
            text: String::new(),
            response: Response::default(),
            found: Properties::default(),
            propstat: None,
            state: State::Before,
        }
    }

    /// The next response; none after the last, and an error if the answer breaks off before its end.
    pub(super) async fn next(&mut self) -> Result<Option<Response>> {
        loop {
            self.buffer.clear();
            let (namespace, event) =
                self.reader.read_resolved_event_into_async(&mut self.buffer).await.map_err(not_xml)?;
            let ended = match event {
                Event::Start(start) => {
                    let element = element(&namespace, start.local_name().as_ref());
                    open(&mut self.stack, &mut self.text, &mut self.state, element)?;
                    None
                }
                Event::Text(text) => append(&mut self.text, &text.xml10_content())?,
                Event::CData(text) => append(&mut self.text, &text.xml10_content())?,
                Event::GeneralRef(reference) => append(&mut self.text, &unescape(&reference)?)?,
                Event::End(_) => self.stack.pop(),
                Event::Eof if self.state == State::Complete => return Ok(None),
                Event::Eof => return Err(malformed("the answer breaks off before its end")),
                _ => None,
            };
            if let Some(element) = ended.map(|element| self.close(element)).transpose()?
                && element == Element::Response
            {
                return Ok(Some(std::mem::take(&mut self.response)));
            }
        }
    }

    fn close(&mut self, element: Element) -> Result<Element> {
        let whole = std::mem::take(&mut self.text);
        let text = whole.trim();
        match element {
            Element::Multistatus => self.state = State::Complete,
            Element::Href if self.parent() == Some(Element::Response) => self.response.href = href(&whole),
            Element::Status if self.parent() == Some(Element::Propstat) => self.propstat = status_code(text),
            Element::Status => self.response.status = status_code(text),
            Element::Propstat => self.end_propstat(),
            Element::Collection => self.found.collection |= self.parent() == Some(Element::ResourceType),
            Element::IsCollection => {
                self.found.is_collection.get_or_insert(text == "1");
            }
            Element::Length => self.found.length = number(text)?,
            Element::Available => self.found.available = number(text).unwrap_or_default(),
            Element::Used => self.found.used = number(text).unwrap_or_default(),
            Element::Modified => self.found.modified = httpdate::parse_http_date(text).ok(),
            Element::Etag => self.found.etag = (!text.is_empty()).then(|| text.to_owned()),
            Element::Checksums => self.found.digests.extend(checksums(text)),
            Element::Response | Element::Href | Element::ResourceType | Element::Other => {}
        }
        Ok(element)
    }

    fn parent(&self) -> Option<Element> {
        self.stack.last().copied()
    }

    fn end_propstat(&mut self) {
        let found = std::mem::take(&mut self.found);
        if self.propstat.take().is_none_or(|status| (200..300).contains(&status)) {
            self.response.properties.merge(found);
        }
    }
}

/// An href without the line breaks of a pretty printer around it. XrdHttp does not encode: a space at the end belongs to
/// the name.
fn href(text: &str) -> String {
    let begun = text.trim_start();
    let line = begun.find(['\n', '\r']).filter(|&end| begun[end..].trim().is_empty());
    line.map_or(begun, |end| begun[..end].trim_end()).to_owned()
}

fn open(stack: &mut Vec<Element>, text: &mut String, state: &mut State, element: Element) -> Result<()> {
    if *state == State::Before && element != Element::Multistatus {
        return Err(malformed("the answer is no WebDAV multistatus"));
    }
    if stack.len() >= DEEPEST {
        return Err(malformed("the answer is nested too deeply"));
    }
    *state = State::Within;
    text.clear();
    stack.push(element);
    Ok(())
}

fn append(text: &mut String, more: &str) -> Result<Option<Element>> {
    text.push_str(more);
    if text.len() > LONGEST_TEXT {
        return Err(malformed("the answer has a text that is too long"));
    }
    Ok(None)
}

fn unescape(reference: &str) -> Result<String> {
    let whole = format!("&{reference};");
    quick_xml::escape::unescape(&whole).map(|text| text.into_owned()).map_err(|e| malformed("a bad entity").because(e))
}

/// `HTTP/1.1 200 OK`
fn status_code(text: &str) -> Option<u16> {
    text.split_whitespace().nth(1)?.parse().ok()
}

fn number(text: &str) -> Result<Option<u64>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| malformed("a length that is no number"))
}

/// `adler32=0a1b2c3d, md5=...` (dCache), `ADLER32:0a1b2c3d MD5:...` (ownCloud); StoRM writes the bare adler32.
fn checksums(text: &str) -> Vec<Digest> {
    let known = |part: &str| {
        let (name, value) = part.split_once(['=', ':'])?;
        Digest::parse(Algorithm::parse(name)?, value)
    };
    let named: Vec<Digest> = text.split([',', ' ']).map(str::trim).filter_map(known).collect();
    let bare = || Digest::parse(Algorithm::Adler32, text).filter(|_| text.len() <= 8);
    if named.is_empty() { bare().into_iter().collect() } else { named }
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::Malformed, why)
}

fn not_xml(error: quick_xml::Error) -> Error {
    match error {
        quick_xml::Error::Io(io) => std::sync::Arc::try_unwrap(io)
            .map_or_else(|io| Error::new(ErrorKind::Unavailable, io.to_string()), Error::from),
        // A byte that was damaged on the way is another one the next time.
        other => malformed("the answer is no XML").because(other).with_status(Status::Temporary),
    }
}

#[cfg(test)]
#[path = "propfind_tests.rs"]
mod tests;
