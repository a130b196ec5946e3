//! What a shell offers when somebody presses the key for it: commands, options, and places on any storage.
//!
//! The script that a shell loads asks the program each time (`law complete`), as only the program knows what a storage has.

mod candidates;
mod places;
mod shells;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::exit;
use crate::output::Out;

/// Print the script that makes a shell complete commands, options and places.
///
/// Bash: `law completion bash > ~/.local/share/bash-completion/completions/law`, and the same as law-fs beside it. Zsh: `law
/// completion zsh` as _law in a directory of $fpath. Fish: `law completion fish > ~/.config/fish/completions/law.fish`.
#[derive(Args)]
pub(crate) struct Completion {
    /// The shell.
    shell: Shell,
}

/// A shell that can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// What the script of a shell asks.
#[derive(Args)]
pub(crate) struct Complete {
    shell: Shell,

    /// Bash: the line up to the cursor. Others: its words, the last one being completed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Something that can stand where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// The whole word.
    pub(crate) word: String,
    /// In few words, where there is something to say.
    pub(crate) about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }
}

impl Completion {
    pub(crate) fn run(&self) -> ExitCode {
        let printed = print([shells::script(self.shell).trim_end().to_owned()]);
        exit::finish(printed.map_err(exit::Failure::from), "law completion", false)
    }
}

impl Complete {
    /// Prints nothing at all where nothing can be told: an error would stand in the middle of what somebody types.
    pub(crate) fn run(&self) -> ExitCode {
        let words: Vec<String> = self.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let line = shells::Line::of(self.shell, &words);
        let candidates = candidates::of(&line.words);
        let printed = print(candidates.iter().filter_map(|candidate| line.answer(candidate)));
        ExitCode::from(if printed.is_ok() { exit::OK } else { 1 })
    }
}

fn print(lines: impl IntoIterator<Item = String>) -> std::io::Result<()> {
    let mut out = Out::new();
    lines.into_iter().try_for_each(|line| out.line(line)).and_then(|()| out.flush())
}
