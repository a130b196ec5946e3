//! Local disks.

use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_backends::local::Local;
use law_storage::{
    Backend as _, BytesSource, Call, Durability, ErrorKind, Existing, FileSource, Kind, Path, PutOptions, ReadOptions,
    conformance,
};

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn local(directory: &tempfile::TempDir) -> Local {
    Local::new(directory.path().into(), Durability::None)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_with_and_without_syncs() {
    for durability in [Durability::Full, Durability::None] {
        let directory = tempfile::tempdir().unwrap();
        let backend = Local::new(directory.path().into(), durability);
        let report = conformance::run_all(Arc::new(backend), path("suite")).await;
        println!("local, {durability:?}: {report}");
        report.assert_green(100);
    }
}

#[tokio::test]
async fn kernel_copies_are_identical_also_for_sparse_and_empty_files() {
    let directory = tempfile::tempdir().unwrap();
    let disk = local(&directory);
    for (name, size) in [("empty", 0), ("small", 5), ("large", 3_000_001)] {
        let content: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        std::fs::write(directory.path().join(name), &content).unwrap();
        let source = FileSource::open(directory.path().join(name)).unwrap();
        disk.put(&Call::new(), &path("copy"), &source, &PutOptions::default()).await.unwrap();
        assert_eq!(std::fs::read(directory.path().join("copy")).unwrap(), content, "{name}");
    }
    let sparse = std::fs::File::create(directory.path().join("sparse")).unwrap();
    sparse.set_len(10_000_000).unwrap();
    sparse.write_at(b"end", 9_999_997).unwrap();
    let source = FileSource::open(directory.path().join("sparse")).unwrap();
    disk.put(&Call::new(), &path("copy"), &source, &PutOptions::default()).await.unwrap();
    let copy = std::fs::read(directory.path().join("copy")).unwrap();
    assert!(copy.len() == 10_000_000 && copy.ends_with(b"end") && copy[..100] == [0; 100]);
}

#[tokio::test]
async fn a_replaced_file_keeps_its_permissions_and_a_link_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    let new = BytesSource::new("new");
    local(&directory).put(&Call::new(), &path("link"), &new, &PutOptions::default()).await.unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(link.symlink_metadata().unwrap().is_symlink());
}

#[tokio::test]
async fn a_file_that_was_not_there_when_somebody_looked_is_not_replaced_unseen() {
    let directory = tempfile::tempdir().unwrap();
    let options = PutOptions { seen_missing: true, ..PutOptions::default() };
    let put = async |content: &'static str| {
        local(&directory).put(&Call::new(), &path("file"), &BytesSource::new(content), &options).await
    };
    put("first").await.unwrap();
    assert_eq!(put("second").await.unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(std::fs::read(directory.path().join("file")).unwrap(), b"first");
}

#[tokio::test]
async fn a_pipe_is_refused_and_makes_nobody_wait() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let disk = local(&directory);
    let error = disk.read(&Call::new(), &path("fifo"), &ReadOptions::whole()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(disk.stat(&Call::new(), &path("fifo")).await.unwrap().unwrap().kind, Kind::Other);
}

#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_read_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, vec![1; 4_000_000]).unwrap();
    let reading = local(&directory).read(&Call::new(), &path("file"), &ReadOptions::whole()).await.unwrap();
    let mut stream = reading.stream;
    stream.next().await.unwrap().unwrap();
    let writer = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    writer.write_at(b"x", 3_999_999).unwrap();
    writer.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let rest: Result<Vec<_>, _> = stream.try_collect().await;
    assert_eq!(rest.unwrap_err().kind(), ErrorKind::Changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_that_replace_nothing_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let disk = local(&directory);
    let writers = stream::iter(0..16u8).map(|i| {
        let disk = disk.clone();
        async move {
            let options = PutOptions { existing: Existing::Refuse, ..PutOptions::default() };
            let source = BytesSource::new(vec![i; 1000]);
            disk.put(&Call::new(), &path("one"), &source, &options).await.map(|_| i)
        }
    });
    let winners: Vec<u8> = writers.buffer_unordered(16).filter_map(|r| std::future::ready(r.ok())).collect().await;
    assert_eq!(winners.len(), 1);
    assert_eq!(std::fs::read(directory.path().join("one")).unwrap(), vec![winners[0]; 1000]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
}

/// The writer of [`kill_9_leaves_a_whole_version_or_nothing`]: this test binary, started again.
#[tokio::test]
async fn writer_to_be_killed() {
    let Ok(target) = std::env::var("LAW_TEST_KILLED_WRITER") else { return };
    let disk = Local::new(target.into(), Durability::None);
    for version in 0..u64::MAX {
        let content: Vec<u8> = version.to_le_bytes().iter().copied().cycle().take(800_000).collect();
        disk.put(&Call::new(), &path("file"), &BytesSource::new(content), &PutOptions::default()).await.unwrap();
    }
}

#[test]
fn kill_9_leaves_a_whole_version_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20u64 {
        let mut writer = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["local::writer_to_be_killed", "--exact", "--nocapture"])
            .env("LAW_TEST_KILLED_WRITER", directory.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_for_writer(directory.path(), round);
        writer.kill().unwrap();
        writer.wait().unwrap();
        check_version(directory.path());
    }
}

/// Until the writer was seen in the middle of its work, the more often the later the round.
fn wait_for_writer(directory: &std::path::Path, round: u64) {
    let temporary = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|e| e.file_name().to_string_lossy().ends_with(".lawpart"))
    };
    let mut seen = 0;
    while seen <= round {
        seen += u64::from(std::fs::read_dir(directory).unwrap().any(temporary));
    }
}

fn check_version(directory: &std::path::Path) {
    let Ok(content) = std::fs::read(directory.join("file")) else { return };
    assert_eq!(content.len(), 800_000);
    let version = &content[..8];
    assert!(content.chunks(8).all(|chunk| chunk == version), "a mixture of versions");
}
