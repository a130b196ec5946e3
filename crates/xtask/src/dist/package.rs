//! What is installed, as one tree of files, and the two packages that are made of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::check::FLOOR;
use super::elf::Needs;
use super::{licences, pages};
use crate::workspace;

/// Who answers for the package. There is no list to write to: defects are reported where the sources are.
const MAINTAINER: &str = "the law developers <law@law-rs.invalid>";

const DESCRIPTION: &str = "\
remote files as if they were local: verified copies, and a look inside
 law works with files on WebDAV storages (XRootD, dCache, Apache, nginx and
 others) as ls, cp, mv, rm, cat, stat and find do with local ones. Copies are
 compared with their source, by checksum where the storage has one, before they
 get their name. It shows what is in NumPy, JSON and other files, and serves a
 directory to others.
";

/// A version of the program, and the moment that all its files are dated with.
pub(super) struct Release {
    version: String,
    homepage: String,
    /// Seconds since 1970: those of the commit, so that the same sources make the same packages.
    epoch: String,
}

impl Release {
    /// The one that this checkout is.
    ///
    /// # Errors
    ///
    /// If cargo does not tell the version, or there is neither git nor `SOURCE_DATE_EPOCH` to tell the time.
    pub(super) fn of_checkout() -> Result<Self> {
        let metadata = workspace::metadata(&["--no-deps"])?;
        let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
        let law = packages.iter().find(|package| package["name"] == "law").context("there is no package law")?;
        let word = |key: &str| law[key].as_str().map(str::to_owned).with_context(|| format!("law has no {key}"));
        let commit = || workspace::output(workspace::command(Path::new("git")).args(["log", "-1", "--format=%ct"]));
        let epoch = std::env::var("SOURCE_DATE_EPOCH").or_else(|_| commit()).context("set SOURCE_DATE_EPOCH")?;
        ensure!(epoch.parse::<u32>().is_ok(), "{epoch} is no number of seconds since 1970");
        Ok(Self { version: word("version")?, homepage: word("repository")?, epoch })
    }

    /// Puts everything below `root/usr`, with the rights and times that it is installed with.
    ///
    /// # Errors
    ///
    /// If something cannot be made or written.
    pub(super) fn plant(&self, law: &Path, root: &Path) -> Result<()> {
        let (bin, share) = (root.join("usr/bin"), root.join("usr/share"));
        write(&bin.join("law"), &fs::read(law).with_context(|| law.display().to_string())?)?;
        workspace::succeed(Command::new("chmod").arg("755").arg(bin.join("law")))?;
        // One file under two names: it looks by which it was called.
        symlink("law", bin.join("law-fs")).context("law-fs")?;
        pages::write(law, &share)?;
        self.write_documents(&share.join("doc/law"))?;
        compress(&share)?;
        self.settle(root)
    }

    fn write_documents(&self, folder: &Path) -> Result<()> {
        let own = |name: &str| fs::read_to_string(workspace::root().join(name)).with_context(|| name.to_owned());
        write(&folder.join("README.md"), own("README.md")?)?;
        write(&folder.join("examples/law.toml"), own("config/defaults/law.toml")?)?;
        write(&folder.join("changelog"), own("CHANGELOG.md")?)?;
        write(&folder.join("changelog.Debian"), self.changes_of_the_package()?)?;
        write(&folder.join("third-party-licences"), licences::of_everything()?)?;
        write(&folder.join("copyright"), copyright(&self.homepage, &own("LICENSE-MIT")?))
    }

    fn changes_of_the_package(&self) -> Result<String> {
        let at = format!("--date=@{}", self.epoch);
        let date = workspace::output(Command::new("date").args(["--utc", "--rfc-email", &at]))?;
        let head = format!("law ({}) unstable; urgency=medium", self.package_version());
        Ok(format!("{head}\n\n  * What changed is in changelog.gz.\n\n -- {MAINTAINER}  {date}\n"))
    }

    /// That of the program, and the first try to package it.
    fn package_version(&self) -> String {
        format!("{}-1", self.version)
    }

    /// Rights that do not depend on the umask, and one time for all.
    fn settle(&self, root: &Path) -> Result<()> {
        workspace::succeed(Command::new("chmod").args(["--recursive", "u=rwX,go=rX"]).arg(root))?;
        let touch = ["-exec", "touch", "--no-dereference", &format!("--date=@{}", self.epoch), "{}", "+"];
        workspace::succeed(Command::new("find").arg(root).args(touch))
    }

    /// Packs the tree for those who have no Debian, or are not root: unpacked into `~/.local` everything is found.
    ///
    /// # Errors
    ///
    /// If `tar` fails.
    pub(super) fn pack_archive(&self, root: &Path, dist: &Path) -> Result<PathBuf> {
        let name = format!("law-{}-x86_64-linux", self.version);
        let archive = dist.join(format!("{name}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
        // Without the time that gzip would write into its head.
        tar.args(["--use-compress-program", "gzip -9 --no-name", "--transform", &format!("s,^usr,{name},"), "--file"]);
        workspace::succeed(tar.arg(&archive).arg("--directory").arg(root).arg("usr"))?;
        Ok(archive)
    }

    /// Builds the Debian package, which takes what the tree has and adds its own description to it.
    ///
    /// # Errors
    ///
    /// If `dpkg-deb` fails or is missing.
    pub(super) fn pack_debian(&self, needs: &Needs, root: &Path, dist: &Path) -> Result<PathBuf> {
        let files = files_below(root, Path::new("usr"))?;
        let sums = workspace::output(Command::new("md5sum").args(&files).current_dir(root))?;
        write(&root.join("DEBIAN/md5sums"), sums + "\n")?;
        write(&root.join("DEBIAN/control"), self.control(needs, kilobytes(root, &files)?))?;
        self.settle(root)?;
        let package = dist.join(format!("law_{}_amd64.deb", self.package_version()));
        let mut dpkg = Command::new("dpkg-deb");
        // xz: what Debian 10 knows, while Ubuntu's dpkg-deb would take zstd.
        dpkg.args(["--root-owner-group", "-Zxz", "--build"]).env("SOURCE_DATE_EPOCH", &self.epoch);
        workspace::output(dpkg.arg(root).arg(&package))?;
        Ok(package)
    }

    fn control(&self, needs: &Needs, kilobytes: u64) -> String {
        let (version, homepage, glibc) = (self.package_version(), &self.homepage, FLOOR.glibc());
        // The older name is that of Debian 10.
        let gcc = if needs.libraries.contains("libgcc_s.so.1") { ", libgcc-s1 | libgcc1" } else { "" };
        format!(
            "Package: law\nVersion: {version}\nArchitecture: amd64\nMaintainer: {MAINTAINER}\n\
             Installed-Size: {kilobytes}\nDepends: libc6 (>= {glibc}){gcc}\nRecommends: ca-certificates\n\
             Section: net\nPriority: optional\nHomepage: {homepage}\nDescription: {DESCRIPTION}"
        )
    }
}

/// As Debian's machine-readable format has it. The Apache licence is on every Debian.
fn copyright(homepage: &str, mit: &str) -> String {
    let (holder, mit) = mit.split_once("\n\n").unwrap_or(("", mit));
    let holder = holder.trim_start_matches("Copyright (c) ");
    let mit: String =
        mit.trim_end().lines().map(|line| format!(" {}\n", if line.is_empty() { "." } else { line })).collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: law\n\
         Source: {homepage}\n\
         \n\
         Files: *\n\
         Copyright: {holder}\n\
         License: Expat or Apache-2.0\n\
         Comment: The program has parts of other packages in it. Their licences and notices are in\n \
          third-party-licences.gz beside this file.\n\
         \n\
         License: Expat\n{mit}\
         \n\
         License: Apache-2.0\n \
          On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n"
    )
}

/// Man pages and changes, as Debian wants them; and what else is long.
fn compress(share: &Path) -> Result<()> {
    let pages = files_below(share, Path::new("man"))?;
    let documents = ["changelog", "changelog.Debian", "third-party-licences"];
    let documents = documents.map(|name| PathBuf::from("doc/law").join(name));
    let mut gzip = Command::new("gzip");
    workspace::succeed(gzip.args(["-9", "--no-name"]).args(pages).args(documents).current_dir(share))
}

/// The regular files below a folder of `root`, by their paths below `root`, sorted.
fn files_below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => files.push(path),
                _link => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// As `Installed-Size` counts: each file by itself.
fn kilobytes(root: &Path, files: &[PathBuf]) -> Result<u64> {
    files.iter().map(|file| Ok(fs::metadata(root.join(file))?.len().div_ceil(1024))).sum()
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let place = || path.display().to_string();
    path.parent().map_or(Ok(()), fs::create_dir_all).with_context(place)?;
    fs::write(path, content).with_context(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release { version: "1.2.3".into(), homepage: "https://x.example".into(), epoch: "1700000000".into() }
    }

    #[test]
    fn a_package_depends_on_what_the_program_needs() {
        let mut needs = Needs::default();
        let control = release().control(&needs, 7);
        assert!(control.contains("\nVersion: 1.2.3-1\n") && control.contains("\nInstalled-Size: 7\n"), "{control}");
        assert!(control.contains("\nDepends: libc6 (>= 2.28)\n"), "{control}");
        needs.libraries.insert("libgcc_s.so.1".into());
        assert!(release().control(&needs, 7).contains("\nDepends: libc6 (>= 2.28), libgcc-s1 | libgcc1\n"));
    }

    #[test]
    fn a_description_is_one_short_line_and_indented_ones() {
        let (first, others) = DESCRIPTION.split_once('\n').unwrap();
        assert!(first.len() <= 80, "{first}");
        assert!(others.lines().all(|line| line.starts_with(' ') && line.len() <= 80), "{others}");
    }

    #[test]
    fn changes_are_dated_with_the_commit() {
        let changes = release().changes_of_the_package().unwrap();
        assert!(
            changes.starts_with("law (1.2.3-1) unstable; ") && changes.ends_with("  Tue, 14 Nov 2023 22:13:20 +0000\n")
        );
    }

    #[test]
    fn the_licence_is_indented_as_debian_reads_it() {
        let copyright = copyright("https://x.example", "Copyright (c) 2026 us\n\nPermission\n\nIS PROVIDED\n");
        assert!(copyright.contains("\nCopyright: 2026 us\n"), "{copyright}");
        assert!(copyright.contains("\nLicense: Expat\n Permission\n .\n IS PROVIDED\n\nLicense: Apache-2.0\n On"));
    }

    #[test]
    fn files_are_listed_sorted_and_links_are_not() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("usr/share/b"), "12").unwrap();
        write(&root.path().join("usr/bin/law"), [0; 1025]).unwrap();
        symlink("law", root.path().join("usr/bin/law-fs")).unwrap();
        let files = files_below(root.path(), Path::new("usr")).unwrap();
        assert_eq!(files, [Path::new("usr/bin/law"), Path::new("usr/share/b")]);
        assert_eq!(kilobytes(root.path(), &files).unwrap(), 3);
    }
}
