//! What was typed behind `law run`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};
use law_task::{Family, Parameter, Presence, Value as _, Values};

use super::Refused;
use super::asked::{Asked, wrong};

/// Options that stand before the name of the task as well, and have a value.
const WITH_VALUE: [&str; 7] =
    ["--module", "--log-level", "--workers", "--retries", "--retry-delay", "--resources", "--log-file"];

/// What no parameter can be called.
const OF_ALL_TASKS: [&str; 18] = [
    "no-records",
    "help",
    "json",
    "log-file",
    "workflow",
    "workers",
    "retries",
    "retry-delay",
    "resources",
    "local-scheduler",
    "module",
    "log-level",
    "print-deps",
    "print-status",
    "print-output",
    "print-command",
    "remove-output",
    "fetch-output",
];

pub(super) struct Typed {
    pub(super) values: Values,
    pub(super) asked: Option<Asked>,
    pub(super) workers: usize,
    pub(super) retries: u32,
    pub(super) retry_delay: Duration,
    pub(super) limits: BTreeMap<String, u64>,
    /// What happens, and what is asked, as JSON lines.
    pub(super) as_json: bool,
    /// How outputs were made is not written beside them.
    pub(super) no_records: bool,
    /// What is said goes there, too.
    pub(super) log_file: Option<PathBuf>,
}

/// The name of the task: the first word that is no option.
pub(super) fn name(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Some(word.into_owned());
        }
        if WITH_VALUE.contains(&&*word) {
            words.next();
        }
    }
    None
}

impl Typed {
    /// # Errors
    /// An option that there is not, or a value that is none; help, which is printed.
    pub(super) fn read(family: &dyn Family, words: &[OsString]) -> Result<Self, Refused> {
        let parameters = family.parameters();
        if let Some(taken) = parameters.iter().find(|known| OF_ALL_TASKS.contains(&known.name.as_str())) {
            let (name, parameter) = (family.name(), &taken.name);
            return Err(Refused::Usage(format!(
                "{name} has a parameter {parameter}, which is an option of all tasks: rename it"
            )));
        }
        let command = command(family, &parameters);
        let matches = command.try_get_matches_from(words_behind(family, words)).map_err(|error| {
            if error.use_stderr() {
                return Refused::Usage(error.render().to_string().trim_start_matches("error: ").trim_end().into());
            }
            // Help that nobody reads is no failure.
            let _ = error.print();
            Refused::Done
        })?;
        let given = parameters
            .iter()
            .filter_map(|known| Some((known.name.clone(), matches.get_one::<String>(&id(known))?.clone())));
        let limits = matches
            .get_many::<String>("resources")
            .into_iter()
            .flatten()
            .map(|text| limit(text))
            .collect::<Result<_, _>>()?;
        let delay = matches.get_one::<String>("retry-delay").map(|text| duration(text)).transpose()?;
        Ok(Self {
            values: given.collect(),
            asked: Asked::read(&matches)?,
            as_json: matches.get_flag("json"),
            no_records: matches.get_flag("no-records"),
            log_file: matches.get_one::<String>("log-file").map(Into::into),
            workers: matches.get_one::<u16>("workers").copied().unwrap_or(1).into(),
            retries: matches.get_one::<u32>("retries").copied().unwrap_or(0),
            retry_delay: delay.unwrap_or_default(),
            limits,
        })
    }
}

/// The words without the name of the task, which clap gets as that of the program.
fn words_behind(family: &dyn Family, words: &[OsString]) -> Vec<OsString> {
    let mut left = words.to_vec();
    if let Some(place) = left.iter().position(|word| word.to_str() == Some(family.name())) {
        left.remove(place);
    }
    left.insert(0, family.name().into());
    left
}

/// What can be typed for a task.
fn command(family: &dyn Family, parameters: &[Parameter]) -> Command {
    let name = family.name().to_owned();
    let about = family.about().to_owned();
    let command = Command::new(name.clone()).bin_name(format!("law run {name}")).about(about).max_term_width(100);
    let command = parameters.iter().fold(command, |command, known| command.arg(parameter(known)));
    let with = |command: Command, name: &'static str, value: &'static str, help: &'static str| {
        command
            .arg(Arg::new(name).long(name).value_name(value).help(help).allow_hyphen_values(true).help_heading(HEADING))
    };
    let command = command
        .arg(
            Arg::new("workers")
                .long("workers")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help("Tasks at once")
                .help_heading(HEADING),
        )
        .arg(
            Arg::new("retries")
                .long("retries")
                .value_name("N")
                .value_parser(value_parser!(u32))
                .help("How often a task that failed is tried again")
                .help_heading(HEADING),
        )
        .arg(
            Arg::new("resources")
                .long("resources")
                .value_name("NAME=N")
                .action(ArgAction::Append)
                .help("How much there is of what tasks use up")
                .help_heading(HEADING),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("What happens, and what is asked, as JSON lines")
                .help_heading(HEADING),
        )
        .arg(
            Arg::new("no-records")
                .long("no-records")
                .action(ArgAction::SetTrue)
                .help("How outputs were made is not written beside them, into .law")
                .help_heading(HEADING),
        )
        .arg(Arg::new("workflow").long("workflow").value_parser(["local"]).hide(true))
        .arg(Arg::new("local-scheduler").long("local-scheduler").action(ArgAction::SetTrue).hide(true));
    let command = with(command, "retry-delay", "TIME", "How long it waits before");
    let command = with(command, "log-file", "FILE", "What is said goes to this file, too");
    let command = with(command, "print-deps", "DEPTH", "Show what it requires; -1 is everything");
    let command = with(command, "print-status", "DEPTH[,TARGETS]", "Show what is complete");
    let command = with(command, "print-output", "DEPTH", "Show where it writes");
    let command = with(command, "print-command", "DEPTH", "Show what could be typed to run each task");
    let command = with(
        command,
        "remove-output",
        "DEPTH[,MODE[,RUN]]",
        "Remove outputs: i asks for each, d only names them, a removes all; RUN is y to run the task then",
    );
    let command = with(
        command,
        "fetch-output",
        "DEPTH[,MODE[,DIR]]",
        "Copy outputs to a directory, this one if none is said; modes as above",
    );
    ["module", "log-level"].into_iter().fold(command, |command, name| command.arg(Arg::new(name).long(name).hide(true)))
}

/// The options of a task, as a shell offers them: those of its parameters with their choices.
pub(super) fn options(family: &dyn Family) -> Vec<(String, String)> {
    let command = command(family, &family.parameters());
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let about = |argument: &Arg| argument.get_help().map(ToString::to_string).unwrap_or_default();
    shown.filter_map(|argument| Some((format!("--{}", argument.get_long()?), about(argument)))).collect()
}

const HEADING: &str = "Options of all tasks";

/// A name for clap, which no option of all tasks has.
fn id(known: &Parameter) -> String {
    format!("parameter {}", known.name)
}

fn parameter(known: &Parameter) -> Arg {
    let default = match &known.presence {
        Presence::Required => "; needed".into(),
        Presence::Default(text) if text.is_empty() => String::new(),
        Presence::Default(text) => format!("; {text} where nothing is said"),
    };
    let kind = if known.choices.is_some() { String::new() } else { known.kind.clone() };
    let help = [known.help.trim_end_matches('.').to_owned(), kind].into_iter().filter(|text| !text.is_empty());
    let help = help.collect::<Vec<_>>().join(": ") + &default;
    let arg = Arg::new(id(known))
        .long(known.name.clone())
        .value_name("VALUE")
        .help(help)
        // A flag takes no option for its value.
        .allow_hyphen_values(known.implied.is_none())
        .overrides_with(id(known));
    let arg = match &known.implied {
        Some(implied) => arg.num_args(0..=1).default_missing_value(implied.clone()),
        None => arg,
    };
    match &known.choices {
        Some(choices) => arg.value_parser(PossibleValuesParser::new(choices.clone())),
        None => arg,
    }
}

fn limit(text: &str) -> Result<(String, u64), Refused> {
    let parsed = text.split_once('=').and_then(|(name, amount)| Some((name.to_owned(), amount.parse().ok()?)));
    parsed.ok_or_else(|| wrong("resources", "a name and a number, such as disk=4"))
}

fn duration(text: &str) -> Result<Duration, Refused> {
    Duration::parse(text).ok_or_else(|| wrong("retry-delay", "a duration, such as 30s"))
}
