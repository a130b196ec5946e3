//! Whether a program starts on the machines of this field: the check that fails when a newer symbol creeps in.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::elf::{Needs, Version};

/// The oldest machines: glibc 2.28 and gcc 8 are those of RHEL 8 and its kin, and of Debian 10.
pub(super) const FLOOR: Floor = Floor { glibc: &[2, 28], gcc: &[8] };

/// Bytes of the program.
const LARGEST: u64 = 30_000_000;

/// What every such machine has; in glibc 2.28 some of these are still files of their own.
const LIBRARIES: [&str; 7] =
    ["ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1"];

/// The newest versions of symbols that may be needed.
#[derive(Clone, Copy)]
pub(super) struct Floor {
    /// Of glibc, whose symbols have versions such as `GLIBC_2.28`.
    glibc: &'static [u32],
    /// Of libgcc_s: `GCC_3.0`.
    gcc: &'static [u32],
}

impl Floor {
    /// As cargo-zigbuild wants it: `2.28`.
    pub(super) fn glibc(self) -> String {
        self.glibc.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }

    /// A version without numbers, such as `GLIBC_ABI_DT_RELR` (2.36) or `GLIBC_PRIVATE`, is not known to be old enough.
    fn allows(self, version: &Version) -> bool {
        let known = |prefix, newest: &[u32]| numbers(&version.name, prefix).is_some_and(|numbers| *numbers <= *newest);
        known("GLIBC_", self.glibc) || known("GCC_", self.gcc)
    }
}

/// What was found to be good.
pub(super) struct Checked {
    pub(super) needs: Needs,
    pub(super) bytes: u64,
}

impl Checked {
    /// The newest glibc symbol version that is needed.
    pub(super) fn newest_glibc(&self) -> String {
        let newest = self.needs.versions.keys().filter_map(|version| numbers(&version.name, "GLIBC_")).max();
        newest.unwrap_or_default().iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }
}

/// Checks a program.
///
/// # Errors
///
/// If it cannot be read, is too large, or needs anything that the oldest machines do not have; all of that is named.
pub(super) fn check(program: &Path) -> Result<Checked> {
    let place = || program.display().to_string();
    let data = fs::read(program).with_context(place)?;
    let checked = Checked { needs: Needs::of(&data).with_context(place)?, bytes: data.len() as u64 };
    judge(&checked.needs, FLOOR).with_context(place)?;
    ensure!(checked.bytes < LARGEST, "{}: {} bytes are too many; {LARGEST} is the limit", place(), checked.bytes);
    Ok(checked)
}

fn judge(needs: &Needs, floor: Floor) -> Result<()> {
    let mut missing = String::new();
    for library in needs.libraries.iter().filter(|library| !LIBRARIES.contains(&library.as_str())) {
        write!(missing, "; the library {library}")?;
    }
    for (version, symbols) in needs.versions.iter().filter(|(version, _)| !floor.allows(version)) {
        let symbols = symbols.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let symbols = if symbols.is_empty() { "no symbol, but the file as a whole" } else { &symbols };
        write!(missing, "; {} of {} (for {symbols})", version.name, version.library)?;
    }
    let Some(missing) = missing.strip_prefix("; ") else { return Ok(()) };
    bail!("needs what a machine with glibc {} does not have: {missing}", floor.glibc())
}

/// The numbers behind a prefix; nothing if there is anything else.
fn numbers(version: &str, prefix: &str) -> Option<Vec<u32>> {
    version.strip_prefix(prefix)?.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn needing(library: &str, version: &str, symbols: &[&str]) -> Needs {
        let version = Version { library: library.into(), name: version.into() };
        let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
        Needs { libraries: BTreeSet::from([library.to_owned()]), versions: [(version, symbols)].into() }
    }

    #[test]
    fn what_old_machines_have_is_allowed() {
        for version in ["GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.28"] {
            judge(&needing("libc.so.6", version, &["read"]), FLOOR).unwrap();
        }
        judge(&needing("libgcc_s.so.1", "GCC_4.2.0", &["_Unwind_Backtrace"]), FLOOR).unwrap();
    }

    #[test]
    fn a_newer_symbol_is_named_with_its_version() {
        let error = judge(&needing("libc.so.6", "GLIBC_2.39", &["pidfd_getpid", "pidfd_spawnp"]), FLOOR).unwrap_err();
        assert_eq!(
            error.to_string(),
            "needs what a machine with glibc 2.28 does not have: GLIBC_2.39 of libc.so.6 (for pidfd_getpid, pidfd_spawnp)"
        );
    }

    #[test]
    fn versions_are_compared_as_numbers_and_unknown_ones_are_new() {
        for version in
            ["GLIBC_2.28.1", "GLIBC_2.100", "GLIBC_3", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE", "GLIBC_", "CURL_OPENSSL_4"]
        {
            assert!(judge(&needing("libc.so.6", version, &[]), FLOOR).is_err(), "{version}");
        }
    }

    #[test]
    fn another_library_is_named() {
        let mut needs = needing("libc.so.6", "GLIBC_2.17", &["read"]);
        needs.libraries.insert("libssl.so.3".into());
        let error = judge(&needs, FLOOR).unwrap_err().to_string();
        assert!(error.ends_with("does not have: the library libssl.so.3"), "{error}");
    }

    /// A real file, and a floor below what every Rust program needs.
    #[test]
    fn a_floor_that_is_too_old_fails_for_this_program() {
        let needs = Needs::of(&fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        let error = judge(&needs, Floor { glibc: &[2, 2], gcc: &[3] }).unwrap_err().to_string();
        assert!(error.contains("GLIBC_2.2.5 of libc.so.6 (for ") && error.contains("malloc"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_checked_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("law");
        assert!(format!("{:#}", check(&file).err().unwrap()).contains("law: No such file"));
        fs::write(&file, "#!/bin/sh\n").unwrap();
        assert!(format!("{:#}", check(&file).err().unwrap()).contains("law: not a 64-bit ELF file"));
    }

    #[test]
    fn the_newest_version_is_that_of_numbers() {
        let mut needs = needing("libc.so.6", "GLIBC_2.9", &[]);
        needs.versions.extend(needing("libm.so.6", "GLIBC_2.17", &[]).versions);
        assert_eq!(Checked { needs, bytes: 0 }.newest_glibc(), "2.17");
    }
}
