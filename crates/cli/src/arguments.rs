//! What can be typed: recorded here, and given a meaning elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands;
use crate::completion::{Complete, Completion};
use crate::demo::DemoOptions;
use crate::output::LogFormat;
use crate::run::{Graph, History, Index, New, Run};

/// Work with remote files as if they were local ones, and chain programs whose inputs and outputs are such files.
#[derive(Parser)]
#[command(name = "law", version, disable_help_flag = true, max_term_width = 100)]
pub(crate) struct LawProgram {
    #[command(subcommand)]
    pub(crate) command: LawCommand,

    /// Print help.
    #[arg(long, action = ArgAction::Help, global = true)]
    help: Option<bool>,
}

#[derive(Subcommand)]
pub(crate) enum LawCommand {
    /// Files on any storage: ls, cp, cat, ...
    Fs(FsProgram),
    Run(Run),
    Index(Index),
    Graph(Graph),
    History(History),
    New(New),
    /// The settings: shown, checked and extended.
    Config(ConfigProgram),
    /// Log in at a service: dropbox.
    Login(LoginProgram),
    /// A tour in under a minute, on a storage of its own.
    Demo(DemoOptions),
    Completion(Completion),
    #[command(hide = true)]
    Complete(Complete),
}

/// Files on any storage.
///
/// A place is a local path (./a), a URL (davs://host/path, http://host/path), or NAME:path of a configured file system.
#[derive(Parser)]
#[command(name = "law-fs", version, disable_help_flag = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct FsProgram {
    #[command(subcommand)]
    pub(crate) command: FsCommand,

    #[command(flatten)]
    pub(crate) global: Global,
}

/// The settings: shown, checked and extended.
#[derive(Parser)]
#[command(name = "law-config", disable_help_flag = true, max_term_width = 100)]
pub(crate) struct ConfigProgram {
    #[command(subcommand)]
    pub(crate) command: commands::config::ConfigCommand,

    #[command(flatten)]
    pub(crate) global: Global,
}

/// Log in at a service.
#[derive(Parser)]
#[command(name = "law-login", disable_help_flag = true, max_term_width = 100)]
pub(crate) struct LoginProgram {
    #[command(flatten)]
    pub(crate) login: commands::login::Login,

    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "\
Exit codes: 0 ok; 1 several failures of different kinds; 2 usage; 3 not found; 4 exists, changed, not empty, wrong kind; \
5 permission; 6 unavailable or timed out; 7 integrity; 8 no space or quota; 9 unsupported; 10 not online (tape); \
65 malformed content; 70 internal; 77 credential missing or expired; 130/143 signals";

#[derive(Args, Clone, Default)]
pub(crate) struct Global {
    /// Print one JSON object a line; errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show what each layer does; twice shows every request.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// The log on standard error: text, or json with times.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) log_format: LogFormat,

    /// Also believe this certificate authority: a PEM file or a directory of them.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) ca: Option<PathBuf>,

    /// Give up after this time, such as 30s or 10m.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,

    /// Override a setting, such as fs.wlcg.checksum=md5.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Print help.
    #[arg(long, action = ArgAction::Help, global = true)]
    help: Option<bool>,
}

#[derive(Subcommand)]
pub(crate) enum FsCommand {
    Ls(commands::ls::Ls),
    Cp(Box<commands::cp::Cp>),
    Mv(commands::mv::Mv),
    Sync(Box<commands::sync::Sync>),
    Check(Box<commands::check::Check>),
    Rm(commands::rm::Rm),
    Mkdir(commands::mkdir::Mkdir),
    Rmdir(commands::rmdir::Rmdir),
    Cat(commands::cat::Cat),
    Head(commands::head::Head),
    Tail(commands::tail::Tail),
    Stat(commands::stat::Stat),
    Exists(commands::exists::Exists),
    Find(Box<commands::find::Find>),
    Tree(commands::tree::Tree),
    Du(commands::du::Du),
    Df(commands::df::Df),
    Touch(commands::touch::Touch),
    Chmod(commands::chmod::Chmod),
    Xattr(commands::xattr::Xattr),
    Tape(commands::tape::Tape),
    Token(commands::token::Token),
    Checksum(commands::checksum::Checksum),
    Show(commands::show::Show),
    Formats(commands::formats::Formats),
    Transfers(commands::transfers::Transfers),
    Cache(commands::cache::Cache),
    Cleanup(commands::cleanup::Cleanup),
    Doctor(commands::doctor::Doctor),
    Doors(commands::doors::Doors),
    Serve(commands::serve::Serve),
    Backends(commands::backends::Backends),
}

impl FsCommand {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ls(_) => "ls",
            Self::Cp(_) => "cp",
            Self::Mv(_) => "mv",
            Self::Sync(_) => "sync",
            Self::Check(_) => "check",
            Self::Rm(_) => "rm",
            Self::Mkdir(_) => "mkdir",
            Self::Rmdir(_) => "rmdir",
            Self::Cat(_) => "cat",
            Self::Head(_) => "head",
            Self::Tail(_) => "tail",
            Self::Stat(_) => "stat",
            Self::Exists(_) => "exists",
            Self::Find(_) => "find",
            Self::Tree(_) => "tree",
            Self::Du(_) => "du",
            Self::Df(_) => "df",
            Self::Touch(_) => "touch",
            Self::Chmod(_) => "chmod",
            Self::Xattr(_) => "xattr",
            Self::Tape(_) => "tape",
            Self::Token(_) => "token",
            Self::Checksum(_) => "checksum",
            Self::Show(_) => "show",
            Self::Formats(_) => "formats",
            Self::Transfers(_) => "transfers",
            Self::Cache(_) => "cache",
            Self::Cleanup(_) => "cleanup",
            Self::Doctor(_) => "doctor",
            Self::Doors(_) => "doors",
            Self::Serve(_) => "serve",
            Self::Backends(_) => "backends",
        }
    }
}

/// `90`, `30s`, `10m`, `1h`: seconds without a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| "a time is a number and a unit, such as 30s".to_owned())?;
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        unit => return Err(format!("unknown unit `{unit}`: ms, s, m, h, d")),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| "a time that is too long or negative".to_owned())
}

/// `4096`, `10K`, `1.5GiB`: bytes, in powers of 1024; `10MB` in powers of 1000, as coreutils have it.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| "a size is a number and a unit, such as 10M".to_owned())?;
    let unit = &text[digits.len()..];
    let (letter, base) = match unit.strip_suffix("iB").or(unit.strip_suffix('i')) {
        Some(letter) if !letter.is_empty() => (letter, 1024f64),
        _ => {
            unit.strip_suffix('B').filter(|letter| !letter.is_empty()).map_or((unit, 1024.0), |letter| (letter, 1000.0))
        }
    };
    let power = match letter {
        "B" => 0,
        "" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        unit => return Err(format!("unknown unit `{unit}`: K, M, G, T, P")),
    };
    let bytes = number * base.powi(power);
    if (0.0..1e19).contains(&bytes) { Ok(bytes.round() as u64) } else { Err("a size that cannot be".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        LawProgram::command().debug_assert();
        FsProgram::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(
            [bytes("0"), bytes("7B"), bytes("1.5K"), bytes("2MiB"), bytes("1GB")],
            [Ok(0), Ok(7), Ok(1536), Ok(2 << 20), Ok(1_000_000_000)]
        );
        for bad in ["", "K", "iB", "1i", "-1", "1X", "1e40", "nan", "\u{e4}"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "s", "-1s", "1y", "1e99h", "\u{e4}"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
