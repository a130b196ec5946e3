//! The server that all cells share, and the directory of each.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use law_faults::{FaultProxy, Script};

use super::peers::version;
use crate::SIZE;
use crate::sandbox::{OwnServer, Sandbox, Served, address_of, pattern};

/// What the names that are replaced, moved or removed have before.
pub(super) const OLD: &[u8] = b"old content\n";

/// Entries of the directory that is listed.
const ENTRIES: usize = 60;

/// A server, and its disk.
pub(super) struct World {
    sandbox: Sandbox,
    address: SocketAddr,
    disk: PathBuf,
    /// What people call it.
    pub(super) name: String,
    /// They end with the world.
    _ours: Option<Served>,
    _xrootd: Option<OwnServer>,
}

/// A directory on the server, for one cell.
pub(super) struct Place {
    pub(super) disk: PathBuf,
    /// Its name on the server.
    pub(super) name: String,
}

impl World {
    pub(super) fn ours() -> Self {
        let sandbox = Sandbox::new();
        let server = sandbox.serve("served");
        let (address, disk) = (server.address(), sandbox.path("served"));
        Self {
            sandbox,
            address,
            disk,
            name: "the WebDAV server of `law` itself".to_owned(),
            _ours: Some(server),
            _xrootd: None,
        }
    }

    /// A server that others wrote; none where it cannot run.
    pub(super) fn xrootd() -> Option<Self> {
        let server = OwnServer::start("xrootd")?;
        let (address, disk) = (address_of(&server.endpoint("XROOTD_HTTP")), server.endpoint("XROOTD_DATA").into());
        Some(Self {
            sandbox: Sandbox::new(),
            address,
            disk,
            name: format!("XRootD {} with HTTP", version("xrootd", "-v")),
            _ours: None,
            _xrootd: Some(server),
        })
    }

    /// Whether it still answers.
    fn is_well(&self) -> bool {
        let place = self.place(99_998);
        self.sandbox.fs(&format!("ls --set fs.*.retries=0 dav://{}/{}/many", self.address, place.name)).code == Some(0)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A directory with a file to read, one to replace, one that nobody may touch, and a directory to list.
    pub(super) fn place(&self, number: usize) -> Place {
        let name = format!("c{number:05}");
        let disk = self.disk.join(&name);
        fs::create_dir_all(disk.join("many")).unwrap();
        fs::write(disk.join("file"), content()).unwrap();
        fs::write(disk.join("old"), OLD).unwrap();
        fs::write(disk.join("other"), "nobody may touch this\n").unwrap();
        // The service account of the server has to change what is in there.
        fs::set_permissions(&disk, Permissions::from_mode(0o777)).unwrap();
        entries().iter().for_each(|entry| fs::write(disk.join("many").join(entry), entry).unwrap());
        Place { disk, name }
    }

    /// How many bytes the answer has that `law fs ls` gets.
    pub(super) fn listing_length(&self) -> u64 {
        let place = self.place(99_999);
        let proxy = FaultProxy::start_blocking(self.address(), Script::new()).unwrap();
        let url = proxy.url().replace("http:", "dav:");
        let run = self.sandbox.fs(&format!("ls {url}/{}/many", place.name));
        assert_eq!(run.text().lines().count(), ENTRIES, "{run}");
        let length = proxy.requests().iter().filter(|seen| seen.method == "PROPFIND").map(|seen| seen.sent).max();
        length.filter(|length| *length > 1000).unwrap()
    }
}

/// Measures something on the server of others, where there is one, and says which that was. XRootD 5.5.3 may not survive clients
/// that go in the middle: what was measured with such an end is measured again, with another server.
pub(super) fn measured<R>(measure: impl Fn(&World) -> R) -> (String, R) {
    for _ in 0..5 {
        let world = World::xrootd().unwrap_or_else(World::ours);
        let result = measure(&world);
        if world.is_well() {
            return (world.name, result);
        }
        println!("{} did not survive it; once more", world.name);
    }
    panic!("no server survives it");
}

/// What travels.
pub(super) fn content() -> Vec<u8> {
    pattern(SIZE, 5)
}

/// The names in the directory that is listed.
pub(super) fn entries() -> Vec<String> {
    (0..ENTRIES).map(|number| format!("entry-{number:02}.root")).collect()
}
