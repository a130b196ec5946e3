//! What is asked of a task instead of running it, as law writes it: `--print-status 1,1`.

use std::path::PathBuf;

use clap::ArgMatches;

use super::Refused;

/// What is asked of a task instead of running it. A depth of none is everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Dependencies { depth: Option<usize> },
    Status { depth: Option<usize>, targets: usize },
    Outputs { depth: Option<usize> },
    Command { depth: Option<usize> },
    Remove { depth: Option<usize>, mode: Option<Mode>, runs: bool },
    Fetch { depth: Option<usize>, mode: Option<Mode>, directory: PathBuf },
}

/// How outputs are removed or fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Each is asked for.
    Interactive,
    /// They are only named.
    Dry,
    All,
}

/// The parts of what stands behind an option.
struct Parts<'a> {
    option: &'static str,
    texts: Vec<&'a str>,
}

impl Asked {
    /// What was typed of it; nothing if the task is to be run.
    ///
    /// # Errors
    /// What is none of its forms.
    pub(super) fn read(matches: &ArgMatches) -> Result<Option<Self>, Refused> {
        let of = |option: &'static str| {
            let text = matches.get_one::<String>(option)?;
            Some(Parts { option, texts: text.split(',').map(str::trim).collect() })
        };
        let asked = if let Some(parts) = of("print-deps") {
            Self::Dependencies { depth: parts.only_depth()? }
        } else if let Some(parts) = of("print-status") {
            parts.status()?
        } else if let Some(parts) = of("print-output") {
            Self::Outputs { depth: parts.only_depth()? }
        } else if let Some(parts) = of("print-command") {
            Self::Command { depth: parts.only_depth()? }
        } else if let Some(parts) = of("remove-output") {
            parts.remove()?
        } else if let Some(parts) = of("fetch-output") {
            parts.fetch()?
        } else {
            return Ok(None);
        };
        Ok(Some(asked))
    }
}

impl Parts<'_> {
    fn only_depth(&self) -> Result<Option<usize>, Refused> {
        if self.texts.len() > 1 {
            return Err(self.wrong("a depth alone, such as 1"));
        }
        self.depth()
    }

    fn depth(&self) -> Result<Option<usize>, Refused> {
        match self.texts.first() {
            Some(&"-1") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.wrong("a depth: 0 is the task alone, -1 everything")),
            None => Err(self.wrong("a depth")),
        }
    }

    /// The flag `missing` of law names missing branches, which are always named here.
    fn status(&self) -> Result<Asked, Refused> {
        let refuse = || self.wrong("a depth, and how deep collections are opened, such as 1,1");
        let targets = match &self.texts[1..] {
            [] => 0,
            [targets] | [targets, "missing"] => targets.parse().map_err(|_| refuse())?,
            _ => return Err(refuse()),
        };
        Ok(Asked::Status { depth: self.depth()?, targets })
    }

    fn remove(&self) -> Result<Asked, Refused> {
        let (depth, mode) = (self.depth()?, self.mode()?);
        let runs = match self.texts.get(2).map(|text| text.to_lowercase()).as_deref() {
            None | Some("n" | "no" | "false" | "0") => false,
            Some("y" | "yes" | "true" | "1") => true,
            Some(_) => return Err(self.wrong("y or n behind the mode: whether the task runs then")),
        };
        if self.texts.len() > 3 {
            return Err(self.wrong("a depth, a mode and y, such as 0,a,y"));
        }
        Ok(Asked::Remove { depth, mode, runs })
    }

    fn fetch(&self) -> Result<Asked, Refused> {
        let directory = match self.texts.get(2..) {
            None | Some([]) => PathBuf::from("."),
            Some([directory]) => directory.into(),
            Some(_) => return Err(self.wrong("a depth, a mode and a directory, such as 0,a,plots")),
        };
        Ok(Asked::Fetch { depth: self.depth()?, mode: self.mode()?, directory })
    }

    fn mode(&self) -> Result<Option<Mode>, Refused> {
        match self.texts.get(1) {
            None => Ok(None),
            Some(&"i") => Ok(Some(Mode::Interactive)),
            Some(&"d") => Ok(Some(Mode::Dry)),
            Some(&"a") => Ok(Some(Mode::All)),
            Some(_) => Err(self.wrong("i, d or a behind the depth, such as 0,a")),
        }
    }

    fn wrong(&self, wanted: &str) -> Refused {
        wrong(self.option, wanted)
    }
}

/// What an option wants that has something else.
pub(super) fn wrong(option: &str, wanted: &str) -> Refused {
    Refused::Usage(format!("--{option} wants {wanted}"))
}
