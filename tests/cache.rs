//! The cache between processes: as many as want a file fetch it once, also when they are killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "this is all test code, also where no function is a test"
)]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use law_faults::{FaultProxy, Script};

use sandbox::{Sandbox, Served, address_of, pattern};

const SIZE: usize = 24 << 20;

/// Bytes of a block, and of what may be on its way when a process is killed: blocks, and what the system holds for a connection.
const LOST: u64 = 2 * (256 << 10) + (8 << 20);

/// A storage with one file behind a proxy that counts, and a cache.
struct Hot {
    sandbox: Sandbox,
    proxy: FaultProxy,
    _server: Served,
    content: Vec<u8>,
}

impl Hot {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let content = pattern(SIZE, 3);
        sandbox.write("d/file.bin", &content);
        let server = sandbox.serve("d");
        let proxy = FaultProxy::start_blocking(address_of(&server.url), Script::new()).unwrap();
        let url = proxy.url().trim_end_matches('/').to_owned();
        let config = format!(
            "[fs.hot]\ndoors = [\"{url}\"]\n[fs.hot.cache]\npolicy = \"immutable\"\n[cache]\ndir = \"{}\"\nblock_size = \"256K\"\n",
            sandbox.path("cache").display()
        );
        sandbox.write("law.toml", config);
        Self { sandbox, proxy, _server: server, content }
    }

    fn reader(&self, number: usize) -> Child {
        let out = std::fs::File::create(self.sandbox.path(&format!("out{number}"))).unwrap();
        let mut command = self.sandbox.command("cat hot:file.bin");
        command.stdout(out).stderr(Stdio::inherit()).spawn().unwrap()
    }

    /// Bytes of content that the storage has sent.
    fn sent(&self) -> u64 {
        self.proxy.requests().iter().filter(|seen| seen.method == "GET").map(|seen| seen.sent).sum()
    }

    fn is_right(&self, number: usize) {
        assert!(self.sandbox.read(&format!("out{number}")).unwrap() == self.content, "reader {number}");
    }
}

#[test]
fn many_processes_fetch_a_cold_file_once() {
    let hot = Hot::new();
    let readers: Vec<Child> = (0..20).map(|number| hot.reader(number)).collect();
    for (number, mut reader) in readers.into_iter().enumerate() {
        assert!(reader.wait().unwrap().success());
        hot.is_right(number);
    }
    assert!(hot.sent() <= SIZE as u64 * 102 / 100, "{} of {SIZE}", hot.sent());
    let told = hot.sandbox.fs("--json cache stat").objects();
    assert_eq!(told[0]["file_systems"]["hot"]["bytes_fetched"], SIZE);
}

#[test]
fn processes_that_are_killed_leave_what_they_have_fetched() {
    let hot = Hot::new();
    let (mut readers, mut killed) = ((0..6).map(|number| hot.reader(number)).collect::<Vec<Child>>(), 0);
    let begin = Instant::now();
    // One after the other, in the middle of what is done.
    for (number, reader) in readers.iter_mut().enumerate() {
        let enough = hot.sent() + (1 << 20);
        while hot.sent() < enough && reader.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
        if reader.try_wait().unwrap().is_none() {
            reader.kill().unwrap();
            killed += 1;
        }
        reader.wait().unwrap();
        *reader = hot.reader(number);
    }
    for (number, mut reader) in readers.into_iter().enumerate() {
        assert!(reader.wait().unwrap().success());
        hot.is_right(number);
    }
    let most = SIZE as u64 * 102 / 100 + killed * LOST;
    assert!(hot.sent() <= most, "{} of {SIZE} after {killed} kills", hot.sent());
    assert!(hot.sandbox.fs("cache verify").stderr.contains("0 files were damaged"));
    assert_eq!(hot.sandbox.fs("cp -q hot:file.bin copy").to_string(), "");
    assert!(hot.sandbox.read("copy").unwrap() == hot.content);
}

#[test]
fn a_cache_on_nothing_that_will_do_is_said_once_and_reads_go_on() {
    let hot = Hot::new();
    let config = String::from_utf8(hot.sandbox.read("law.toml").unwrap()).unwrap();
    let place = hot.sandbox.path("cache").display().to_string();
    hot.sandbox.write("law.toml", config.replace(&place, "/proc/nowhere"));
    let run = hot.sandbox.fs("cp hot:file.bin copy");
    assert_eq!((run.code, run.stderr.matches("there is no cache").count()), (Some(0), 1), "{run}");
    assert!(hot.sandbox.read("copy").unwrap() == hot.content);
    let asked = hot.sandbox.fs("cache stat");
    assert!(asked.code != Some(0) && asked.stderr.contains("/proc/nowhere"), "{asked}");
}

#[test]
fn a_file_system_has_a_directory_for_itself_and_one_process_one_that_goes_with_it() {
    let hot = Hot::new();
    let config = String::from_utf8(hot.sandbox.read("law.toml").unwrap()).unwrap();
    let own = hot.sandbox.path("own").display().to_string();
    let with = |line: &str| {
        config.replace("policy = \"immutable\"", &format!("policy = \"immutable\"\ndir = \"{own}\"\n{line}"))
    };
    hot.sandbox.write("law.toml", with(""));
    assert_eq!(hot.sandbox.fs("cp -q hot:file.bin copy").to_string(), "");
    assert!(hot.sandbox.path("own/law-cache-1").exists());
    assert!(hot.sandbox.fs("cache ls").text().contains("hot:file.bin"));
    assert!(hot.sandbox.fs("cache clear").text().contains("1 files"));
    std::fs::remove_dir_all(hot.sandbox.path("own")).unwrap();
    hot.sandbox.write("law.toml", with("cleanup = true"));
    assert_eq!(hot.sandbox.fs("cp -q hot:file.bin again").to_string(), "");
    assert!(hot.sandbox.read("again").unwrap() == hot.content);
    assert_eq!(std::fs::read_dir(hot.sandbox.path("own")).unwrap().count(), 0);
}

#[test]
fn files_are_pinned_listed_verified_and_cleared() {
    use std::os::unix::fs::FileExt as _;
    let hot = Hot::new();
    let sandbox = &hot.sandbox;
    sandbox.write("d/sub/a", "a");
    sandbox.write("d/sub/b", "b");
    assert_eq!(sandbox.fs("cache pin hot:sub hot:file.bin").code, Some(0));
    let listed = sandbox.fs("--json cache ls").objects();
    let rows: Vec<_> = listed
        .iter()
        .map(|row| (row["path"].as_str().unwrap(), row["whole"] == true && row["pinned"] == true))
        .collect();
    assert_eq!(rows, [("file.bin", true), ("sub/a", true), ("sub/b", true)]);
    assert!(sandbox.fs("cache verify").code == Some(0));
    let data = find(&sandbox.path("cache"), "data.bin");
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let file = std::fs::File::options().write(true).open(data).unwrap();
    file.write_all_at(b"damage", 1 << 20).unwrap();
    let verified = sandbox.fs("cache verify");
    assert!(verified.code == Some(7) && verified.text().contains("hot:file.bin  1 damaged"), "{verified}");
    assert_eq!(sandbox.fs("cp -q hot:file.bin copy").to_string(), "");
    assert!(sandbox.read("copy").unwrap() == hot.content);
    assert!(sandbox.fs("cache unpin hot:sub/a").text().contains("(unpinned)"));
    assert!(sandbox.fs("cache clear hot").text().contains("3 files"));
    assert_eq!(sandbox.fs("cache ls").text(), "");
    let refused = sandbox.fs("cache pin d/sub");
    assert!(refused.code == Some(9) && refused.stderr.contains("has no cache"), "{refused}");
}

fn find(directory: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            if entry.path().is_dir() {
                directories.push(entry.path());
            } else if entry.file_name() == name {
                return entry.path();
            }
        }
    }
    panic!("no {name}");
}
