//! The command line of law: one command, one file.
//!
//! `exit` is the only place that turns errors into exit codes; commands hold no logic that a library could hold.

mod arguments;
mod commands;
mod completion;
mod context;
mod datasets;
mod demo;
mod exit;
mod output;
mod progress;
pub mod serve;
mod show;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{ConfigProgram, FsProgram, LawCommand, LawProgram};
use context::Context;

/// The program `law`; under the name of `law-fs`, that one: packages have one file for both, and a link to it.
pub fn law() -> ExitCode {
    if called("law-fs") {
        return law_fs();
    }
    let program = LawProgram::try_parse().unwrap_or_else(|error| exit::usage(error, "law"));
    match program.command {
        LawCommand::Fs(program) => run(program, "law fs"),
        LawCommand::Config(program) => configure(program),
        LawCommand::Demo(options) => demo::run(&options),
        LawCommand::Completion(completion) => completion.run(),
        LawCommand::Complete(complete) => complete.run(),
    }
}

/// The program `law-fs`, which is `law fs`.
pub fn law_fs() -> ExitCode {
    run(FsProgram::try_parse().unwrap_or_else(|error| exit::usage(error, "law-fs")), "law-fs")
}

/// What can be typed after `law`: of this, man pages and completions are made.
pub fn law_command() -> clap::Command {
    LawProgram::command()
}

/// What can be typed after `law-fs`.
pub fn law_fs_command() -> clap::Command {
    FsProgram::command()
}

/// Whether this process was started by that name.
fn called(name: &str) -> bool {
    let by = std::env::args_os().next();
    by.is_some_and(|path| Path::new(&path).file_name().is_some_and(|file| file == name))
}

fn configure(program: ConfigProgram) -> ExitCode {
    let (command, as_json) = (format!("law config {}", program.command.name()), program.global.json);
    output::start_log(program.global.verbose, program.global.log_format);
    exit::finish(program.command.run(program.global, command.clone()), &command, as_json)
}

fn run(program: FsProgram, name: &str) -> ExitCode {
    let command = format!("{name} {}", program.command.name());
    let as_json = program.global.json;
    output::start_log(program.global.verbose, program.global.log_format);
    let result = Context::new(program.global, command.clone())
        .map_err(exit::Failure::from)
        .and_then(|context| context::run(context, program.command));
    exit::finish(result, &command, as_json)
}
