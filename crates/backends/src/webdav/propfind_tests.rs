use std::time::Duration;

use super::*;
use proptest::prelude::*;

async fn parse(xml: &[u8]) -> Result<Vec<Response>> {
    let mut multistatus = Multistatus::new(xml);
    let mut all = Vec::new();
    while let Some(response) = multistatus.next().await? {
        all.push(response);
    }
    Ok(all)
}

const XROOTD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns1="http://apache.org/dav/props/" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:lp3="LCGDM:">
<D:href>/d</D:href><D:propstat><D:prop><lp1:getcontentlength>4096</lp1:getcontentlength>
<lp1:resourcetype><D:collection/></lp1:resourcetype><lp1:iscollection>1</lp1:iscollection></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:response xmlns:lp1="DAV:"><D:href>/d/a b%#&amp;&#233;</D:href><D:propstat><D:prop>
<lp1:getcontentlength>100000</lp1:getcontentlength>
<lp1:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</lp1:getlastmodified><lp1:iscollection>0</lp1:iscollection>
</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
</D:multistatus>"#;

#[tokio::test]
async fn what_xrootd_says() {
    let all = parse(XROOTD.as_bytes()).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].href.as_str(), all[0].properties.clone().metadata().kind), ("/d", Kind::Directory));
    assert_eq!(all[0].properties.clone().metadata().size, None);
    assert_eq!(all[1].href, "/d/a b%#&\u{e9}");
    let file = all[1].properties.clone().metadata();
    assert_eq!((file.kind, file.size), (Kind::File, Some(100_000)));
    assert_eq!(file.modified.unwrap().time, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
}

#[tokio::test]
async fn a_file_that_may_be_executed_is_no_directory() {
    let xml = XROOTD.replace("<lp1:iscollection>0</lp1:iscollection>", "<lp1:iscollection>0</lp1:iscollection><lp1:executable>T</lp1:executable><lp1:iscollection>1</lp1:iscollection>");
    let all = parse(xml.as_bytes()).await.unwrap();
    assert_eq!(all[0].properties.clone().metadata().kind, Kind::Directory);
    assert_eq!(all[1].properties.clone().metadata().kind, Kind::File);
}

#[tokio::test]
async fn properties_that_were_not_found_count_for_nothing() {
    let xml = r#"<a:multistatus xmlns:a="DAV:" xmlns:x="http://www.dcache.org/2013/webdav"><a:response><a:href>/f</a:href>
        <a:propstat><a:prop><a:getcontentlength>7</a:getcontentlength><a:getetag>"e"</a:getetag>
        <x:Checksums>adler32=91e01de, md5=JfnnlDI7RTiF9RgfG2JNCw==</x:Checksums></a:prop>
        <a:status>HTTP/1.1 200 OK</a:status></a:propstat>
        <a:propstat><a:prop><a:getcontentlength/><a:resourcetype><a:collection/></a:resourcetype></a:prop>
        <a:status>HTTP/1.1 404 Not Found</a:status></a:propstat></a:response></a:multistatus>"#;
    let file = parse(xml.as_bytes()).await.unwrap().remove(0).properties.metadata();
    assert_eq!((file.kind, file.size), (Kind::File, Some(7)));
    assert_eq!(file.validator.unwrap().entity_tag(), Some("\"e\""));
    let digests: Vec<String> = file.digests.iter().map(ToString::to_string).collect();
    assert_eq!(digests, ["adler32 091e01de", "md5 25f9e794323b453885f5181f1b624d0b"]);
}

#[tokio::test]
async fn prefixes_mean_nothing() {
    let other = r#"<D:multistatus xmlns:D="urn:other"><D:response/></D:multistatus>"#;
    assert_eq!(parse(other.as_bytes()).await.unwrap_err().kind(), ErrorKind::Malformed);
    let default = r#"<multistatus xmlns="DAV:"><response><href>/x</href></response></multistatus>"#;
    assert_eq!(parse(default.as_bytes()).await.unwrap()[0].href, "/x");
}

#[tokio::test]
async fn an_answer_that_breaks_off_anywhere_is_an_error() {
    for end in 0..XROOTD.len() - 1 {
        assert!(parse(&XROOTD.as_bytes()[..end]).await.is_err(), "cut at {end}");
    }
}

#[tokio::test]
async fn hostile_answers_end_early() {
    let deep = format!("<multistatus xmlns=\"DAV:\">{}", "<a>".repeat(100_000));
    let long = format!("<multistatus xmlns=\"DAV:\"><response><href>{}", "x".repeat(1 << 20));
    let length = "<multistatus xmlns=\"DAV:\"><response><propstat><prop><getcontentlength>-1</getcontentlength>";
    let entity = "<multistatus xmlns=\"DAV:\"><response><href>&bomb;</href></response></multistatus>";
    for (name, xml) in [("deep", deep.as_str()), ("long", &long), ("length", length), ("entity", entity)] {
        assert_eq!(parse(xml.as_bytes()).await.unwrap_err().kind(), ErrorKind::Malformed, "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(cut in 0..XROOTD.len(), junk in proptest::collection::vec(any::<u8>(), 0..32)) {
        let mut bytes = XROOTD.as_bytes().to_vec();
        bytes.splice(cut..cut, junk);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(parse(&bytes));
    }
}
