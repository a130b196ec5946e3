//! The syntax: what Python's configparser takes for an INI file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::origin::{ConfigFile, Origin};

/// An option: its text as it stands there, and where it begins.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl Entry {
    pub(super) fn invalid(&self, problem: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidValue, &self.origin, problem, "correct it there")
    }
}

pub(super) type Options = BTreeMap<String, Entry>;
pub(super) type Sections = BTreeMap<String, Options>;

/// The sections of one file.
///
/// # Errors
/// `Malformed` for a line that is none of an INI file, for a section or an option that stands twice, and for what is not UTF-8.
pub(super) fn parse(file: &Arc<ConfigFile>, bytes: &[u8]) -> Result<Sections> {
    let mut reader = Reader { file, sections: Sections::new(), section: None, option: None, indent: 0, line: 0 };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        reader.line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        reader.malformed("it is not UTF-8")
    })?;
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        reader.line += 1;
        reader.read(line)?;
    }
    let mut sections = reader.sections;
    sections.values_mut().flat_map(BTreeMap::values_mut).for_each(|entry| {
        let length = entry.text.trim_end().len();
        entry.text.truncate(length);
    });
    Ok(sections)
}

struct Reader<'f> {
    file: &'f Arc<ConfigFile>,
    sections: Sections,
    section: Option<String>,
    option: Option<String>,
    /// How far the last section or option was indented: what stands further right goes on with it.
    indent: usize,
    line: usize,
}

impl Reader<'_> {
    fn read(&mut self, line: &str) -> Result<()> {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if trimmed.is_empty() || indent > self.indent {
            if let Some(entry) = self.entry() {
                entry.text.push('\n');
                entry.text.push_str(trimmed);
                return Ok(());
            }
            if trimmed.is_empty() {
                return Ok(());
            }
        }
        self.indent = indent;
        match section_name(trimmed) {
            Some(name) => self.begin_section(name),
            None => self.begin_option(trimmed),
        }
    }

    fn entry(&mut self) -> Option<&mut Entry> {
        self.sections.get_mut(self.section.as_ref()?)?.get_mut(self.option.as_ref()?)
    }

    fn begin_section(&mut self, name: &str) -> Result<()> {
        if self.sections.insert(name.to_owned(), Options::new()).is_some() {
            return Err(self.malformed("a section that stands there twice"));
        }
        (self.section, self.option) = (Some(name.to_owned()), None);
        Ok(())
    }

    fn begin_option(&mut self, line: &str) -> Result<()> {
        // An option without a value is one.
        let (name, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let origin = Origin::File { file: Arc::clone(self.file), line: self.line, column: 1 };
        let Some(options) = self.section.as_ref().and_then(|section| self.sections.get_mut(section)) else {
            return Err(self.malformed("a line before the first section"));
        };
        if name.is_empty() {
            return Err(self.malformed("a line that begins with = or :"));
        }
        if options.insert(name.clone(), Entry { text: value, origin }).is_some() {
            return Err(self.malformed("an option that stands twice in its section"));
        }
        self.option = Some(name);
        Ok(())
    }

    fn malformed(&self, what: &str) -> Error {
        let origin = Origin::File { file: Arc::clone(self.file), line: self.line, column: 1 };
        Error::new(ErrorKind::Malformed, origin, format!("this is no law.cfg: {what}"), "correct it there")
    }
}

/// Whatever stands behind the bracket is passed over.
fn section_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Arc<ConfigFile> {
        Arc::new(ConfigFile { path: "/law.cfg".into(), mode: 0o600, is_own: true })
    }

    fn parsed(text: &str) -> Sections {
        parse(&nowhere(), text.as_bytes()).unwrap()
    }

    #[test]
    fn an_ini_file() {
        let text = "# law\r\n[core] ; yes\r\nname: x\n[target]\nempty\n\n[wlcg_fs]\nbase = davs://a,\n    davs://b\n; more\n\n  davs://c\nother=1:2\n\n";
        let sections = parsed(text);
        assert_eq!(sections["wlcg_fs"]["base"].text, "davs://a,\ndavs://b\n\ndavs://c");
        assert_eq!(sections["wlcg_fs"]["base"].origin.to_string(), "/law.cfg:8:1");
        assert_eq!((sections["wlcg_fs"]["other"].text.as_str(), sections["wlcg_fs"].len()), ("1:2", 2));
        assert_eq!((sections["target"]["empty"].text.as_str(), sections["core"]["name"].text.as_str()), ("", "x"));
    }

    #[test]
    fn names_keep_their_case_and_sections_may_be_indented() {
        let sections = parsed("  [a]\n  Base = 1\n    2\n  base = 3\n");
        assert_eq!((sections["a"]["Base"].text.as_str(), sections["a"]["base"].text.as_str()), ("1\n2", "3"));
        assert_eq!(parsed("[a]\nx = 1\n[b]\n   y = 2\n")["b"]["y"].text, "2");
    }

    #[test]
    fn what_is_no_ini_file_is_refused_with_its_line() {
        for (text, place) in [
            (b"\na = 1\n".as_slice(), ":2:1: this is no law.cfg: a line before"),
            (b"[a]\n= 1\n", ":2:1: this is no law.cfg: a line that begins with"),
            (b"[a]\nb\nb = 1\n", ":3:1: this is no law.cfg: an option that stands twice"),
            (b"[a]\n[a]\n", ":2:1: this is no law.cfg: a section that stands"),
            (b"[a]\nb = \xff\n", ":2:1: this is no law.cfg: it is not UTF-8"),
        ] {
            let error = parse(&nowhere(), text).err().unwrap();
            assert!(error.kind() == ErrorKind::Malformed && error.to_string().contains(place), "{error}");
        }
    }
}
