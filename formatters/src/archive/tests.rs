use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use ::tar::{Builder, EntryType, Header};
use ::zip::write::SimpleFileOptions;

use super::*;
use crate::ErrorKind;
use crate::memory::Memory;

const NAMES: [&str; 6] = ["a.tar", "a.tar.gz", "a.tzst", "a.tar.bz2", "a.txz", "a.zip"];

/// A directory of all that an archive can hold.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("sub/deep")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("sub/deep/numbers.txt"), "1 2 3\n".repeat(1000)).unwrap();
    fs::write(at("sub/nothing"), "").unwrap();
    fs::write(at("\u{3bc} and a space.txt"), "x").unwrap();
    fs::write(at("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(at("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(at(&format!("{}.txt", "long".repeat(50))), "long").unwrap();
    symlink("deep/numbers.txt", at("sub/link")).unwrap();
    dir
}

fn pack(name: &str, path: &Path) -> Memory {
    let mut file = Memory::new(name, Vec::new());
    match name.ends_with("zip") {
        true => Zip.dump(&path, &mut file).unwrap(),
        false => Tar.dump(&path, &mut file).unwrap(),
    }
    file
}

fn listed(file: &Memory) -> Result<Vec<Member>> {
    if Input::name(file).ends_with("zip") { Zip.load(file) } else { Tar.load(file) }
}

fn extracted(file: &Memory, to: &Path) -> Result<Vec<Member>> {
    if Input::name(file).ends_with("zip") { Zip.extract_to(to).load(file) } else { Tar.extract_to(to).load(file) }
}

/// What is below a directory: paths, permissions, content.
fn seen(directory: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let content = match kind {
            _ if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            _ if kind.is_dir() => b"directory".to_vec(),
            _ => fs::read(&path).unwrap(),
        };
        found.push((entry.file_name().into_string().unwrap(), mode, content));
        if kind.is_dir() {
            let below = seen(&path).into_iter();
            found.extend(below.map(|(name, mode, content)| (format!("{:?}/{name}", entry.file_name()), mode, content)));
        }
    }
    found.sort();
    found
}

/// A tar of one entry after the other, which no tool would write.
fn hostile_tar(entries: &[(&str, EntryType, &str)]) -> Memory {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        let content = if is_link { "" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    Memory::new("a.tar", builder.into_inner().unwrap())
}

/// It is refused, and nothing is left of it, inside or outside.
fn refused(file: &Memory) -> Error {
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("in/here");
    let error = extracted(file, &to).unwrap_err();
    let left: Vec<_> = walk(scratch.path());
    assert_eq!(left, ["in"], "{error}");
    error
}

fn walk(directory: &Path) -> Vec<String> {
    seen(directory).into_iter().map(|(name, ..)| name).collect()
}

#[test]
fn what_is_packed_is_extracted() {
    let tree = tree();
    for name in NAMES {
        let file = pack(name, tree.path());
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("new/place");
        let members = extracted(&file, &to).unwrap();
        assert_eq!(seen(&to), seen(tree.path()), "{name}");
        assert_eq!(members, listed(&file).unwrap(), "{name}");
        assert_eq!(walk(scratch.path()).len(), members.len() + 2, "nothing is left beside it");
        let open = fs::metadata(scratch.path().join("new")).unwrap().permissions().mode();
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode(), open, "as open as any directory");
        assert!(extracted(&file, &to).unwrap_err().to_string().contains("not empty"), "{name}");
    }
}

#[test]
fn the_same_files_make_the_same_archive() {
    let tree = tree();
    for name in NAMES {
        assert_eq!(pack(name, tree.path()).bytes(), pack(name, tree.path()).bytes(), "{name}");
    }
}

#[test]
fn one_file_is_taken_out_and_one_file_is_packed() {
    let tree = tree();
    for name in NAMES {
        let file = pack(name, &tree.path().join("sub/deep/numbers.txt"));
        assert_eq!(listed(&file).unwrap()[0].path(), Path::new("numbers.txt"));
        let file = pack(name, tree.path());
        let bytes = |path: &str| match name.ends_with("zip") {
            true => Zip.member(path).load(&file),
            false => Tar.member(path).load(&file),
        };
        assert_eq!(bytes("sub/deep/numbers.txt").unwrap().len(), 6000);
        for missing in ["sub/deep", "nowhere", "sub/link"] {
            assert_eq!(bytes(missing).unwrap_err().kind(), ErrorKind::Type, "{name} {missing}");
        }
    }
}

#[test]
fn a_list_reads_little() {
    let dir = tempfile::tempdir().unwrap();
    // What no compression makes smaller (xorshift).
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    let noise: Vec<u8> = noise.take(4_000_000).collect();
    fs::write(dir.path().join("large"), noise).unwrap();
    fs::write(dir.path().join("z"), "last").unwrap();
    for name in ["a.tar", "a.zip"] {
        let file = pack(name, dir.path());
        assert_eq!(listed(&file).unwrap().len(), 2);
        assert!(file.read() < 300_000, "{name}: {}", file.read());
    }
    let file = pack("a.tar.gz", dir.path());
    let (members, whole) = first_members(&Tar, &file, 1, 1 << 20).unwrap();
    assert_eq!((members.len(), whole, members[0].size()), (1, false, 4_000_000));
    let before = file.read();
    let (members, whole) = first_members(&Tar, &file, 100, 300_000).unwrap();
    assert_eq!((members.len(), whole), (1, false), "what comes behind a large member was not looked for");
    assert!(file.read() - before <= 300_000, "{}", file.read() - before);
}

#[test]
fn a_disk_that_fails_is_named_and_not_the_archive() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("file"), "").unwrap();
    let file = pack("a.tar", tree().path());
    let error = extracted(&file, &scratch.path().join("file/in/it")).unwrap_err();
    assert_eq!(
        (error.kind(), error.place()),
        (ErrorKind::Io, Some(scratch.path().join("file/in/it").as_path())),
        "{error}"
    );
    fs::write(scratch.path().join("other"), "").unwrap();
    let full = extracted(&file, scratch.path()).unwrap_err();
    assert_eq!(full.place(), Some(scratch.path()), "{full}");
}

/// A name that is longer than the disk takes fails where a full disk does.
#[test]
fn the_member_that_the_disk_did_not_take_is_named() {
    let mut tar = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header.clone(), "first", std::io::empty()).unwrap();
    tar.append_data(&mut header, "n".repeat(300), std::io::empty()).unwrap();
    let (file, scratch) = (Memory::new("a.tar", tar.into_inner().unwrap()), tempfile::tempdir().unwrap());
    let to = scratch.path().join("out");
    let error = extracted(&file, &to).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Io, Some(to.as_path())), "{error}");
    assert!(error.to_string().starts_with("member \"nnn") && error.about().is_some(), "{error}");
    assert!(!to.exists());
}

#[test]
fn nothing_leads_out_of_a_tar() {
    for (name, kind, content) in [
        ("../evil", EntryType::Regular, "x"),
        ("a/../../evil", EntryType::Regular, "x"),
        ("/tmp/evil", EntryType::Regular, "x"),
        ("../evil", EntryType::Directory, ""),
        ("link", EntryType::Symlink, "/etc/passwd"),
        ("link", EntryType::Symlink, "../outside"),
        ("link", EntryType::Symlink, "a/../../outside"),
        ("link", EntryType::Link, "../outside"),
        ("link", EntryType::Link, "/etc/passwd"),
        ("link", EntryType::Link, "not-there"),
        ("link", EntryType::Link, "link"),
    ] {
        let error = refused(&hostile_tar(&[("good", EntryType::Regular, "x"), (name, kind, content)]));
        assert_eq!(error.kind(), ErrorKind::Malformed, "{name} {content}: {error}");
    }
    let device = refused(&hostile_tar(&[("tty", EntryType::Char, "")]));
    assert_eq!(device.kind(), ErrorKind::Unsupported, "{device}");
}

#[test]
fn nothing_is_written_through_a_link() {
    let through = hostile_tar(&[("d", EntryType::Symlink, "."), ("d/file", EntryType::Regular, "x")]);
    refused(&through);
    let onto = hostile_tar(&[
        ("kept", EntryType::Regular, "old"),
        ("name", EntryType::Symlink, "kept"),
        ("name", EntryType::Regular, "new"),
    ]);
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("x");
    extracted(&onto, &to).unwrap();
    assert_eq!(fs::read(to.join("kept")).unwrap(), b"old");
}

#[test]
fn later_members_replace_earlier_ones_and_nothing_else() {
    let twice =
        hostile_tar(&[("a", EntryType::Regular, "old"), ("b", EntryType::Link, "a"), ("a", EntryType::Regular, "new")]);
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("x");
    extracted(&twice, &to).unwrap();
    assert_eq!((fs::read(to.join("a")).unwrap(), fs::read(to.join("b")).unwrap()), (b"new".to_vec(), b"old".to_vec()));
    let both = refused(&hostile_tar(&[("a", EntryType::Regular, "x"), ("a/b", EntryType::Regular, "x")]));
    assert_eq!(both.to_string(), "member \"a/b\": it is a file and a directory at once");
    refused(&hostile_tar(&[("a/b", EntryType::Regular, "x"), ("a", EntryType::Regular, "x")]));
}

#[test]
fn set_user_id_bits_are_dropped() {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_mode(0o6755);
    header.set_size(0);
    builder.append_data(&mut header, "su", std::io::empty()).unwrap();
    let members = listed(&Memory::new("a.tar", builder.into_inner().unwrap())).unwrap();
    assert_eq!(members[0].mode(), Some(0o755));
}

#[test]
fn nothing_leads_out_of_a_zip() {
    for (name, is_link) in [("../evil", false), ("/evil", false), ("a/../../evil", false), ("link", true)] {
        let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default();
        match is_link {
            true => zip.add_symlink(name, "../outside", options).unwrap(),
            false => zip.start_file(name, options).unwrap(),
        }
        if !is_link {
            zip.write_all(b"x").unwrap();
        }
        let error = refused(&Memory::new("a.zip", zip.finish().unwrap().into_inner()));
        assert_eq!(error.kind(), ErrorKind::Malformed, "{name}: {error}");
    }
}

#[test]
fn bombs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zeros"), vec![0; 3_000_000]).unwrap();
    for name in NAMES {
        let file = pack(name, dir.path());
        let scratch = tempfile::tempdir().unwrap();
        let to = scratch.path().join("x");
        let error = match name.ends_with("zip") {
            true => Zip.extract_to(&to).at_most(2_999_999).load(&file),
            false => Tar.extract_to(&to).at_most(2_999_999).load(&file),
        };
        let error = error.unwrap_err();
        assert!(error.to_string().contains("more than 2999999 bytes"), "{name}: {error}");
        assert!(walk(scratch.path()).is_empty(), "{name}");
    }
    // A name of 16 MiB, which would have to be held in memory.
    let name = "x".repeat(16 << 20);
    let long = hostile_tar(&[("././@LongLink", EntryType::GNULongName, &name), ("x", EntryType::Regular, "")]);
    let error = refused(&long);
    assert!(error.to_string().contains("a header without end"), "{error}");
    // A sparse file of an exabyte in one block.
    let mut header = Header::new_gnu();
    header.set_path("sparse").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    header.as_gnu_mut().unwrap().realsize = *b"77777777777\0";
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(2048, 0);
    let error = refused(&Memory::new("a.tar", bytes));
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[test]
fn what_is_cut_off_is_malformed() {
    let tree = tree();
    for name in NAMES {
        let whole = pack(name, tree.path()).into_bytes();
        // A tar may lack the second of its two last blocks, but not the first.
        let least = if name == "a.tar" { whole.len() - 1024 + 511 } else { whole.len() - 1 };
        let lengths = (0..least).step_by(61).chain(least.saturating_sub(40)..=least);
        for length in lengths {
            let cut = Memory::new(name, whole[..length].to_vec());
            let error = refused(&cut);
            assert_eq!(error.kind(), ErrorKind::Malformed, "{name} of {length} bytes: {error}");
            assert!(
                name == "a.tar" || name == "a.zip" || length < 40 || listed(&cut).is_err(),
                "{name} of {length} bytes"
            );
        }
    }
}

#[test]
fn damage_ends_in_an_error_or_changes_nothing_that_is_proven() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "12345 ".repeat(50)).unwrap();
    for name in NAMES {
        let whole = pack(name, dir.path()).into_bytes();
        for byte in (0..whole.len()).step_by(if name == "a.tar" { 7 } else { 1 }) {
            for flip in [0x01, 0xff] {
                let mut bytes = whole.clone();
                bytes[byte] ^= flip;
                let scratch = tempfile::tempdir().unwrap();
                let to = scratch.path().join("x");
                let result = extracted(&Memory::new(name, bytes), &to);
                let Err(error) = result else { continue };
                assert!(
                    matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Unsupported),
                    "{name} {byte}: {error}"
                );
                assert!(!to.exists(), "{name} {byte}");
            }
        }
    }
}

#[test]
fn an_error_of_the_storage_is_none_of_the_archive() {
    let tree = tree();
    for name in NAMES {
        let file = pack(name, tree.path()).failing();
        assert_eq!(refused(&file).into_io().unwrap().to_string(), "the door is closed", "{name}");
    }
}

#[test]
fn what_cannot_be_packed_is_named() {
    let missing = Tar.dump(&"/no/such/place", &mut Memory::new("a.tar", Vec::new())).unwrap_err();
    assert_eq!(missing.to_string(), "/no/such/place: No such file or directory (os error 2)");
    let dir = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let error = Zip.dump(&dir.path(), &mut Memory::new("a.zip", Vec::new())).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("socket"), "{error}");
}

#[test]
fn a_limit_that_somebody_sets_is_that_of_the_compression_too() {
    let wanted = |most| Content::Wanted(most).limit_of_stream();
    assert_eq!((wanted(None), wanted(Some(u64::MAX))), (None, Some(u64::MAX)));
    assert!(wanted(Some(5 << 30)).unwrap() > 5 << 30);
}
