//! `law config`

mod import;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use law_config::{Config, Environment, Name, add_stanza, stanza};
use law_storage::{Error, ErrorKind};
use serde_json::json;

use super::doctor::missing_container;
use crate::arguments::Global;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// The settings: shown, checked and extended.
#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    List(List),
    Add(Add),
    Test(Test),
    Edit(Edit),
    Import(import::Import),
    Trust(Trust),
    Defaults(Defaults),
}

/// Show every setting that is set, merged from all layers.
#[derive(Args)]
pub(crate) struct List {
    /// Only keys that begin so, such as fs.wlcg.
    #[arg(value_name = "KEY", default_value = "")]
    prefix: String,

    /// Say where each comes from.
    #[arg(long)]
    origin: bool,
}

/// Add a file system for a URL: its host is the door, its path the base.
#[derive(Args)]
pub(crate) struct Add {
    /// The name, as in NAME:path.
    name: String,

    /// The URL, without credentials.
    url: String,

    /// The file that has the token for it.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,

    /// The file to extend; your own if none is named.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Only print what would be added.
    #[arg(long)]
    dry_run: bool,
}

/// Check all settings, and ask storages whether they can be reached.
#[derive(Args)]
pub(crate) struct Test {
    /// The file systems to ask; all that are configured if none is named.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Open your own law.toml in $VISUAL or $EDITOR, and check it afterwards.
#[derive(Args)]
pub(crate) struct Edit {}

/// Let a law.toml of somebody else count, as it is now: look at it first.
///
/// Its file systems get your credentials then. When its content changes it counts no more.
#[derive(Args)]
pub(crate) struct Trust {
    /// The file.
    file: PathBuf,

    /// Take the trust back.
    #[arg(long)]
    forget: bool,
}

/// Print all options with their defaults and what they mean.
#[derive(Args)]
pub(crate) struct Defaults {}

impl ConfigCommand {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Add(_) => "add",
            Self::Test(_) => "test",
            Self::Edit(_) => "edit",
            Self::Import(_) => "import",
            Self::Trust(_) => "trust",
            Self::Defaults(_) => "defaults",
        }
    }

    pub(crate) fn run(self, global: Global, command: String) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(&global),
            Self::Add(add) => add.run(&global),
            Self::Test(test) => test.run(global, command),
            Self::Edit(Edit {}) => edit(&global),
            Self::Import(import) => import.run(&global),
            Self::Trust(trust) => trust.run(&global),
            Self::Defaults(Defaults {}) => print(law_config::defaults()),
        }
    }
}

fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = Out::new();
    out.bytes(text.to_string().as_bytes())?;
    Ok(out.flush()?)
}

fn misconfigured(error: law_config::Error) -> Error {
    match error.kind() {
        law_config::ErrorKind::AlreadyExists => Error::new(ErrorKind::AlreadyExists, error.to_string()),
        law_config::ErrorKind::Unwritable => Error::new(ErrorKind::PermissionDenied, error.to_string()),
        _ => Error::new(ErrorKind::InvalidInput, error.to_string()),
    }
}

fn load(global: &Global) -> Result<Config, Error> {
    let overrides: Vec<&str> = global.overrides.iter().map(String::as_str).collect();
    Config::load(&Environment::of_process()?, &overrides).map_err(misconfigured)
}

fn warn(config: &Config, as_json: bool) {
    config.warnings.iter().for_each(output::warn);
    config.notes.iter().for_each(|note| remark(note, as_json));
}

/// People see that it is less than a warning.
fn remark(note: &str, as_json: bool) {
    if as_json { output::note(note) } else { output::note(format!("note: {note}")) }
}

impl List {
    fn run(&self, global: &Global) -> Result<(), Failure> {
        let config = load(global)?;
        warn(&config, global.json);
        let mut out = Out::new();
        if !self.prefix.is_empty() && !config.list().any(|setting| begins(&setting.key, &self.prefix)) {
            return Err(nothing_set(&config, &self.prefix).into());
        }
        for setting in config.list().filter(|setting| begins(&setting.key, &self.prefix)) {
            let (key, value, origin) = (&setting.key, &setting.value, setting.origin.to_string());
            match (global.json, self.origin) {
                (true, _) => out.line(json!({"key": key, "value": value, "origin": origin}))?,
                (false, true) => out.line(format!("{key} = {value}    # {origin}"))?,
                (false, false) => out.line(format!("{key} = {value}"))?,
            }
        }
        Ok(out.flush()?)
    }
}

/// Whether a key is `prefix`, or something in it: of `fs.x.token`, `fs.x.token_file` is none.
fn begins(key: &str, prefix: &str) -> bool {
    let rest = key.strip_prefix(prefix.trim_end_matches('.'));
    prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// No setting has this key: with the one that was meant, perhaps, of the keys that are set and the sections that they stand in.
fn nothing_set(config: &Config, prefix: &str) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("nothing is set for {}", output::escaped(prefix)));
    let keys = config.list().map(|setting| setting.key.as_str());
    let sections = keys.flat_map(|key| key.match_indices('.').map(|(at, _)| &key[..at]).chain([key]));
    let near = sections.max_by(|a, b| strsim::jaro(prefix, a).total_cmp(&strsim::jaro(prefix, b)));
    match near.filter(|near| strsim::jaro(prefix, near) > 0.8) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("law config list shows all that is set, law config defaults all that can be"),
    }
}

impl Add {
    fn run(&self, global: &Global) -> Result<(), Failure> {
        let token_file = self.token_file.as_deref().map(named_from_anywhere).transpose()?;
        let text = stanza(&self.name, &self.url, token_file.as_deref()).map_err(misconfigured)?;
        if self.dry_run {
            return print(text);
        }
        let file = self.file.clone().map_or_else(own_file, Ok)?;
        add_stanza(&file, &self.name, &self.url, token_file.as_deref()).map_err(misconfigured)?;
        let mut out = Out::new();
        match global.json {
            true => out.line(json!({"file": file.display().to_string(), "name": self.name, "outcome": "added"}))?,
            false => out.bytes(format!("{}:\n{text}", file.display()).as_bytes())?,
        }
        Ok(out.flush()?)
    }
}

impl Trust {
    fn run(&self, global: &Global) -> Result<(), Failure> {
        let environment = Environment::of_process().map_err(Error::from)?;
        let (file, outcome) = match self.forget {
            true if law_config::distrust(&environment, &self.file).map_err(misconfigured)? => {
                (self.file.clone(), "not trusted any more")
            }
            true => (self.file.clone(), "was not trusted"),
            false => (law_config::trust(&environment, &self.file).map_err(misconfigured)?, "trusted, as it is now"),
        };
        let mut out = Out::new();
        match global.json {
            true => out.line(json!({"file": file.display().to_string(), "outcome": outcome}))?,
            false => out.line(format!("{}: {outcome}", file.display()))?,
        }
        Ok(out.flush()?)
    }
}

/// A path as settings have it, where a relative one starts at the file that it stands in; `~` and `$NAME` mean something there.
fn named_from_anywhere(path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "settings cannot hold a name that is not UTF-8:").at(path.display())
    })?;
    if text.starts_with(['~', '$']) {
        return Ok(text.to_owned());
    }
    let absolute = std::path::absolute(path).map_err(|error| Error::from(error).at(path.display()))?;
    // Of two UTF-8 paths one was put together.
    Ok(absolute.to_string_lossy().into_owned())
}

fn own_file() -> Result<PathBuf, Error> {
    let nowhere = || {
        let error = Error::new(ErrorKind::InvalidInput, "you have no directory for settings, as HOME is not set");
        error.hint("--file names one")
    };
    Environment::of_process()?.user_file().ok_or_else(nowhere)
}

impl Test {
    fn run(self, global: Global, command: String) -> Result<(), Failure> {
        let config = load(&global)?;
        config.check_whole().map_err(misconfigured)?;
        config.notes.iter().for_each(|note| remark(note, global.json));
        let names: Vec<String> =
            if self.names.is_empty() { config.file_systems.keys().map(Name::to_string).collect() } else { self.names };
        let configured = config.file_systems.len();
        let systems = if configured == 1 { "file system" } else { "file systems" };
        let settings = format!("settings are well, {configured} {systems}");
        let json = global.json;
        if !json {
            print(format!("{settings}\n"))?;
        }
        crate::context::drive(Context::new(global, command)?, async move |context| {
            context.for_each(&names, async |name| ask(context, name.trim_end_matches(':')).await).await
        })
    }
}

/// Whether the base of a file system can be asked for, and what is there.
async fn ask(context: &Context, name: &str) -> Result<(), Failure> {
    let of = |error: Error| if error.to_string().contains(&format!("{name}:")) { error } else { error.of(name) };
    let place = context.place_only(&OsString::from(format!("{name}:"))).map_err(of)?;
    let found = context.stat(&place).await.map_err(of)?;
    if found.is_none()
        && let Some(error) = missing_container(context, &place).await
    {
        return Err(of(error).into());
    }
    let answer = found.as_ref().map_or("answers, but nothing is there yet", |metadata| match metadata.is_directory() {
        true => "reached",
        false => "reached; its base is a file",
    });
    let doors = place.fs.doors().map(|doors| format!("by one of its {} doors", doors.doors().len()));
    let mut out = Out::new();
    match context.json {
        true => out.line(json!({"name": name, "url": output::place_url(&place), "outcome": answer}))?,
        false => match doors {
            Some(doors) => out.line(format!("{name}: {answer}, {doors}"))?,
            None => out.line(format!("{name}: {place} {answer}"))?,
        },
    }
    Ok(out.flush()?)
}

fn edit(global: &Global) -> Result<(), Failure> {
    let file = own_file()?;
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(|error| Error::from(error).at(directory.display()))?;
    }
    let status = editor(&file).status();
    let failed = |why: String| Error::new(ErrorKind::InvalidInput, format!("the editor {why}"));
    let hint = "VISUAL or EDITOR name another";
    match status {
        Ok(status) if status.success() => {
            warn(&load(global)?, global.json);
            Ok(())
        }
        Ok(status) => Err(failed(format!("ended with {status}")).into()),
        Err(error) => Err(failed("cannot be started".into()).because(error).hint(hint).into()),
    }
}

/// As a shell would run it, as people put options into these variables.
fn editor(file: &Path) -> Command {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var_os(name).filter(|it| !it.is_empty()));
    let mut line = named.unwrap_or_else(|| "vi".into());
    line.push(" \"$1\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg("sh").arg(file);
    command
}
