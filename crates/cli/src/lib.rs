//! The command line of law: one command, one file.
//!
//! `exit` is the only place that turns errors into exit codes; commands hold no logic that a library could hold.

mod arguments;
mod commands;
mod completion;
mod context;
mod copy_arguments;
mod datasets;
mod demo;
mod exit;
mod filter_arguments;
mod output;
mod progress;
mod run;
pub mod serve;
mod show;
mod suggestion;
mod sums;
mod tree_job;

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;

use arguments::{ConfigProgram, FsProgram, LawCommand, LawProgram, LoginProgram};
use context::Context;

/// The program `law`; under the name of `law-fs`, that one: packages have one file for both, and a link to it.
pub fn law() -> ExitCode {
    if called("law-fs") {
        return law_fs();
    }
    let program = parsed::<LawProgram>().unwrap_or_else(|error| exit::usage(error, "law"));
    match program.command {
        LawCommand::Fs(program) => run(program, "law fs"),
        LawCommand::Run(run) => run.run(),
        LawCommand::Index(index) => index.run(),
        LawCommand::Graph(graph) => graph.run(),
        LawCommand::History(history) => history.run(),
        LawCommand::New(new) => new.run(),
        LawCommand::Config(program) => configure(program),
        LawCommand::Login(program) => log_in(program),
        LawCommand::Demo(options) => demo::run(&options),
        LawCommand::Completion(completion) => completion.run(),
        LawCommand::Complete(complete) => complete.run(),
    }
}

/// The program of somebody's own tasks: all of `law`, in which `NAME --param value` is `run NAME --param value`. Without a word it lists the tasks.
pub fn program_of_tasks() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let named = words.first().is_none_or(|word| run::is_linked(&word.to_string_lossy()));
    if named { run::Run::of(words).run() } else { law() }
}

/// The program `law-fs`, which is `law fs`.
pub fn law_fs() -> ExitCode {
    run(parsed::<FsProgram>().unwrap_or_else(|error| exit::usage(error, "law-fs")), "law-fs")
}

/// What was typed.
fn parsed<P: clap::Parser>() -> Result<P, clap::Error> {
    let mut matches = with_short_help(P::command()).try_get_matches()?;
    P::from_arg_matches_mut(&mut matches)
}

/// The same with `-h` for `--help`, where it has no meaning of its own, such as human sizes.
fn with_short_help(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(with_short_help);
    let is_taken = command.get_arguments().any(|argument| argument.get_short() == Some('h'));
    let has_help = command.get_arguments().any(|argument| argument.get_id() == "help");
    // What is global is not handed down to those that have one of their own; it stands behind what is.
    let own = || clap::Arg::new("help").long("help").help("Print help").display_order(10_000);
    let command = if has_help { command } else { command.arg(own()) };
    command.mut_arg("help", |help| {
        let help = help.action(clap::ArgAction::HelpLong);
        if is_taken { help } else { help.short('h') }
    })
}

/// What can be typed after `law`: of this, man pages and completions are made.
pub fn law_command() -> clap::Command {
    with_short_help(LawProgram::command())
}

/// What can be typed after `law-fs`.
pub fn law_fs_command() -> clap::Command {
    with_short_help(FsProgram::command())
}

/// Whether this process was started by that name.
fn called(name: &str) -> bool {
    let by = std::env::args_os().next();
    by.is_some_and(|path| Path::new(&path).file_name().is_some_and(|file| file == name))
}

fn configure(program: ConfigProgram) -> ExitCode {
    let (command, as_json) = (format!("law config {}", program.command.name()), program.global.json);
    output::start_log(program.global.verbose, program.global.log_format, as_json);
    exit::finish(program.command.run(program.global, command.clone()), &command, as_json)
}

fn log_in(program: LoginProgram) -> ExitCode {
    let (command, as_json) = (format!("law login {}", program.login.name()), program.global.json);
    output::start_log(program.global.verbose, program.global.log_format, as_json);
    let result = Context::new(program.global, command.clone())
        .map_err(exit::Failure::from)
        .and_then(|context| context::drive(context, async move |context| program.login.run(context).await));
    exit::finish(result, &command, as_json)
}

fn run(program: FsProgram, name: &str) -> ExitCode {
    let command = format!("{name} {}", program.command.name());
    let as_json = program.global.json;
    output::start_log(program.global.verbose, program.global.log_format, as_json);
    let result = Context::new(program.global, command.clone())
        .map_err(exit::Failure::from)
        .and_then(|context| context::run(context, program.command));
    exit::finish(result, &command, as_json)
}
