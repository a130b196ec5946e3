//! What somebody meant who typed a command that is none: words of other tools, then what looks like it.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _};

use crate::arguments::{FsProgram, LawProgram};

/// Commands of `law fs`, and what coreutils, DOS, rclone, gfal, ftp and others call them.
const WORDS: [(&str, &[&str]); 21] = [
    ("cp", &["copy", "copyto", "put", "get", "upload", "download", "fetch", "push", "pull", "scp"]),
    ("sync", &["rsync", "mirror"]),
    ("check", &["compare", "cryptcheck", "diff"]),
    ("ls", &["dir", "list", "lst", "lsd", "lsf", "lsl", "ll", "listdir"]),
    ("mv", &["move", "moveto", "rename", "ren"]),
    ("rm", &["delete", "del", "remove", "unlink", "erase", "deletefile"]),
    ("rm -r", &["purge", "rmtree", "deltree"]),
    ("mkdir", &["md", "makedir", "makedirs"]),
    ("rmdir", &["rd", "rmdirs"]),
    ("cat", &["type", "print", "more", "less", "read"]),
    ("stat", &["info", "lsjson"]),
    ("exists", &["test", "exist"]),
    ("find", &["search", "locate", "glob"]),
    ("tree", &["walk"]),
    ("du", &["size", "usage", "ncdu"]),
    ("df", &["about", "quota", "free", "space"]),
    ("touch", &["create"]),
    ("checksum", &["sum", "hash", "hashsum", "md5sum", "sha1sum", "sha256sum", "adler32", "xrdadler32", "cksum"]),
    ("show", &["view", "peek", "inspect", "open"]),
    ("doctor", &["ping", "diagnose"]),
    ("serve", &["server", "webdav"]),
];

/// Commands of `law config`, likewise.
const CONFIG_WORDS: [(&str, &[&str]); 4] = [
    ("list", &["show", "get", "ls", "print", "dump"]),
    ("add", &["new", "create", "set"]),
    ("test", &["check", "validate"]),
    ("edit", &["open"]),
];

/// Commands of `law` itself, likewise.
const LAW_WORDS: [(&str, &[&str]); 1] = [("config", &["cfg", "conf", "configure", "settings"])];

/// Replaces what the parser suggests for a command that is none; it would also suggest hidden ones.
pub(crate) fn improve(error: &mut clap::Error, arguments: &[OsString], program: &str) {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand).cloned() else { return };
    let before = arguments.iter().skip(1).take_while(|argument| **argument != *typed);
    let group = before.filter_map(|argument| argument.to_str()).find(|word| ["fs", "config"].contains(word));
    let found = match (program, group) {
        ("law", Some("config")) => command_like(&typed, &CONFIG_WORDS, &within("config")),
        ("law", None) => of_law(&typed),
        _ => command_like(&typed, &WORDS, &FsProgram::command()),
    };
    match found {
        Some(found) => drop(error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![found]))),
        None => drop(error.remove(ContextKind::SuggestedSubcommand)),
    }
}

fn within(group: &str) -> Command {
    LawProgram::command().find_subcommand(group).cloned().unwrap_or_default()
}

/// After `law` alone, most look for a command of `law fs`.
fn of_law(typed: &str) -> Option<String> {
    let fs = FsProgram::command();
    if visible(&fs).any(|name| name == typed) {
        return Some(format!("fs {typed}"));
    }
    let known = |words: &[(&str, &[&str])]| words.iter().any(|(_, others)| others.contains(&typed));
    if !known(&WORDS)
        && let Some(found) = command_like(typed, &LAW_WORDS, &LawProgram::command())
    {
        return Some(found);
    }
    command_like(typed, &WORDS, &fs).map(|found| format!("fs {found}"))
}

fn command_like(typed: &str, words: &[(&str, &[&str])], command: &Command) -> Option<String> {
    let word = words.iter().find(|(_, others)| others.contains(&typed.to_lowercase().as_str()));
    word.map(|(name, _)| (*name).to_owned()).or_else(|| near(typed, command))
}

/// The most similar command, if one is similar.
fn near(typed: &str, command: &Command) -> Option<String> {
    let scored = visible(command).map(|name| (strsim::jaro_winkler(typed, name), name));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 > 0.8).then(|| best.1.to_owned())
}

fn visible(command: &Command) -> impl Iterator<Item = &str> {
    command.get_subcommands().filter(|it| !it.is_hide_set()).map(Command::get_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_call_it() {
        let fs = FsProgram::command();
        for (typed, meant) in [
            ("lst", "ls"),
            ("copy", "cp"),
            ("dir", "ls"),
            ("put", "cp"),
            ("get", "cp"),
            ("delete", "rm"),
            ("rmtree", "rm -r"),
            ("checksun", "checksum"),
            ("Copy", "cp"),
        ] {
            assert_eq!(command_like(typed, &WORDS, &fs).as_deref(), Some(meant), "{typed}");
        }
        assert_eq!(command_like("zzz", &WORDS, &fs), None);
    }

    #[test]
    fn every_suggestion_is_a_command() {
        let all = [
            (&WORDS[..], FsProgram::command()),
            (&CONFIG_WORDS[..], within("config")),
            (&LAW_WORDS[..], LawProgram::command()),
        ];
        for (words, command) in all {
            for (name, others) in words {
                let name = name.split(' ').next().unwrap();
                assert!(command.find_subcommand(name).is_some(), "{name}");
                others.iter().for_each(|other| assert!(command.find_subcommand(other).is_none(), "{other}"));
            }
        }
    }

    #[test]
    fn behind_law_alone() {
        for (typed, meant) in [
            ("copy", "fs cp"),
            ("ls", "fs ls"),
            ("confg", "config"),
            ("completions", "completion"),
            ("compl", "completion"),
            ("complet", "completion"),
            ("cfg", "config"),
        ] {
            assert_eq!(of_law(typed).as_deref(), Some(meant), "{typed}");
        }
    }
}
