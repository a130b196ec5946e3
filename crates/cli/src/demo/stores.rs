//! The act about stores: the same lines on a bucket and on WebDAV.

use law_formatters::Numpy;
use law_storage::Result;
use law_target::{DirectoryTarget, FileSystems, runtime};
use ndarray::Array2;

use super::bucket::{BUCKET, KEY, SECRET, Service};
use super::{Stage, expect, hits, say};

/// Writes, lists and loads, on each of both.
pub(super) fn both(stage: &Stage) -> Result<()> {
    let service = runtime::wait(Service::start())?;
    let settings = [
        format!("fs.bucket.doors=s3://{BUCKET}"),
        format!("fs.bucket.endpoint={}", service.url()),
        format!("fs.bucket.access_key={KEY}"),
        format!("fs.bucket.secret_key={SECRET}"),
        format!("fs.webdav.doors={}", stage.server.url()),
    ];
    let file_systems = FileSystems::load(&settings)?;
    say("> let dir = DirectoryTarget::at(place)?;")?;
    say("> dir.child(\"v1.npz\").dump(&hits, Numpy)?;")?;
    say("> println!(\"{:?}\", dir.listdir(None, None)?);")?;
    say("> let back: Array2<f64> = dir.child(\"v1.npz\").load(Numpy)?;")?;
    for (place, server) in [("bucket:", service.url()), ("webdav:", stage.server.url().to_owned())] {
        let directory = DirectoryTarget::new(file_systems.place(format!("{place}ntuples"))?);
        let file = directory.child("v1.npz");
        let receipt = file.dump(hits(2.0), Numpy)?;
        let names = directory.listdir(None, None)?;
        let back: Array2<f64> = file.load(Numpy)?;
        let same = back == hits(2.0) && names == ["v1.npz"];
        expect(same, format!("{place} gives back what it was given"))?;
        let digest = receipt.storage_digest().map(ToString::to_string).unwrap_or_default();
        say(format!("{place}ntuples ({server}): {names:?}, {digest} by the storage, every number the same"))?;
        directory.remove()?;
    }
    Ok(())
}
