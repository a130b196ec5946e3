//! What an ELF file wants from the machine that it starts on: libraries, and versions of their symbols.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, ImportFlags, Object};

type Elf<'data> = ElfFile<'data, FileHeader64<Endianness>>;

/// What the loader looks for before `main` runs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Needs {
    /// The names of the shared libraries, as the file names them.
    pub(super) libraries: BTreeSet<String>,
    /// For each version, such as `GLIBC_2.17` of `libc.so.6`, the symbols that want it. The loader refuses a file for a
    /// version that it does not know even where no symbol wants it.
    pub(super) versions: BTreeMap<Version, BTreeSet<String>>,
}

/// A version that a library has to know.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Version {
    pub(super) library: String,
    pub(super) name: String,
}

impl Needs {
    /// Reads them from the bytes of a 64-bit ELF file.
    ///
    /// # Errors
    ///
    /// If the file is no such file or is damaged, also if it only has no dynamic section: who needs nothing of the
    /// machine is not what is built here, and must not pass for it.
    pub(super) fn of(data: &[u8]) -> Result<Self> {
        let elf = Elf::parse(data).context("not a 64-bit ELF file")?;
        let mut needs = Self::default();
        for library in elf.import_libraries().context("broken dynamic section")? {
            needs.libraries.insert(text(library.context("broken dynamic section")?.name()));
        }
        anyhow::ensure!(
            !needs.libraries.is_empty(),
            "it needs no library at all: static, or its section table is gone"
        );
        needs.add_versions(&elf, data).context("broken table of needed versions")?;
        needs.add_symbols(&elf).context("broken symbol table")?;
        Ok(needs)
    }

    fn add_versions(&mut self, elf: &Elf<'_>, data: &[u8]) -> object::Result<()> {
        let (endian, sections) = (elf.endian(), elf.elf_section_table());
        let Some((libraries, strings)) = sections.gnu_verneed(endian, data)? else { return Ok(()) };
        let strings = sections.strings(endian, data, strings)?;
        for library in libraries {
            let (library, versions) = library?;
            for version in versions {
                let name = text(version?.name(endian, strings)?);
                let library = text(library.file(endian, strings)?);
                self.versions.entry(Version { library, name }).or_default();
            }
        }
        Ok(())
    }

    fn add_symbols(&mut self, elf: &Elf<'_>) -> object::Result<()> {
        for symbol in elf.imports()? {
            let symbol = symbol?;
            let ImportFlags::Elf { version: Some(name), .. } = symbol.flags() else { continue };
            let version = Version { library: text(symbol.library()), name: text(name) };
            let object::NameOrOrdinal::Name(symbol) = symbol.name() else { continue };
            self.versions.entry(version).or_default().insert(text(symbol));
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn this_program_needs_libc_and_says_which_symbols() {
        let needs = Needs::of(&this_program()).unwrap();
        assert!(needs.libraries.contains("libc.so.6"), "{:?}", needs.libraries);
        let (version, _) = needs.versions.iter().find(|(_, symbols)| symbols.contains("malloc")).unwrap();
        assert!(version.name.starts_with("GLIBC_2."), "{version:?}");
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused() {
        let whole = this_program();
        for parts in 0..64 {
            let cut = &whole[..whole.len() / 64 * parts];
            assert!(Needs::of(cut).is_err(), "{} of {} bytes", cut.len(), whole.len());
        }
        for length in 0..256 {
            assert!(Needs::of(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_is_no_elf_file_is_refused() {
        for data in [&b""[..], b"\x7fELF", b"#!/bin/sh\nexec law fs \"$@\"\n", &[0xff; 4096]] {
            assert!(Needs::of(data).is_err(), "{data:?}");
        }
    }

    #[test]
    fn a_file_without_its_section_table_does_not_pass_for_one_that_needs_nothing() {
        let mut data = this_program();
        data[40..48].fill(0); // e_shoff
        data[58..64].fill(0); // the sizes and the number of its entries
        let error = Needs::of(&data).unwrap_err();
        assert!(error.to_string().contains("no library at all"), "{error:#}");
    }

    /// An answer or an error, but never a panic or a loop that does not end.
    #[test]
    fn hostile_tables_end_in_an_answer() {
        let whole = this_program();
        let elf = Elf::parse(&*whole).unwrap();
        let names = [".dynamic", ".dynstr", ".dynsym", ".gnu.version", ".gnu.version_r"];
        for name in names {
            let section = object::Object::section_by_name(&elf, name).unwrap();
            let (from, size) = object::ObjectSection::file_range(&section).unwrap();
            for fill in [0x00, 0x01, 0x7f, 0xff] {
                for step in [1, 3, 16] {
                    let mut data = whole.clone();
                    for place in (from..from + size).step_by(step) {
                        data[usize::try_from(place).unwrap()] = fill;
                    }
                    let _ = Needs::of(&data);
                }
            }
        }
    }
}
