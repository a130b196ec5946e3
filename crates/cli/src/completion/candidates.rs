//! What can stand at the end of some words, as the definition of the command line has it.

use clap::{Arg, Command};

use super::{Candidate, places};

/// Everything that can be the last of `words`, of which the first is the program.
pub(super) fn of(words: &[String]) -> Vec<Candidate> {
    let Some(((program, before), last)) = words.split_last().and_then(|(last, rest)| Some((rest.split_first()?, last)))
    else {
        return Vec::new();
    };
    if let Some(words) = behind_run(program, before) {
        return tasks(words, last);
    }
    let mut command = if program.ends_with("law-fs") { crate::law_fs_command() } else { crate::law_command() };
    command.build();
    let seen = Seen::of(&command, before);
    let mut found = seen.next(last);
    found.retain(|candidate| candidate.word.starts_with(last.as_str()));
    found.sort();
    found
}

/// The words behind `law run`.
fn behind_run<'w>(program: &str, words: &'w [String]) -> Option<&'w [String]> {
    let (first, rest) = words.split_first()?;
    (first == "run" && !program.ends_with("law-fs")).then_some(rest)
}

/// Tasks by their names, and the options of one; where a value or a file is wanted, files.
fn tasks(words: &[String], last: &str) -> Vec<Candidate> {
    let found = crate::run::completions(words).into_iter();
    let mut found: Vec<Candidate> = found.map(|(word, about)| Candidate::new(word, about)).collect();
    found
        .retain(|candidate| candidate.word.starts_with(last) && (!last.is_empty() || !candidate.word.starts_with('-')));
    found.sort();
    found
}

/// What the words before the last one say.
struct Seen<'a> {
    command: &'a Command,
    /// An option whose value comes next.
    pending: Option<&'a Arg>,
    /// Behind `--` there are no options.
    only_operands: bool,
}

impl<'a> Seen<'a> {
    fn of(command: &'a Command, words: &[String]) -> Self {
        let mut seen = Self { command, pending: None, only_operands: false };
        for word in words {
            seen.take(word);
        }
        seen
    }

    fn take(&mut self, word: &str) {
        if self.pending.take().is_some() {
            return;
        }
        match word {
            "--" => self.only_operands = true,
            _ if word.starts_with('-') && !self.only_operands => {
                self.pending = self.option(word).filter(|_| !word.contains('='))
            }
            _ => self.command = self.command.find_subcommand(word).unwrap_or(self.command),
        }
    }

    /// The option of that name which takes a value.
    fn option(&self, word: &str) -> Option<&'a Arg> {
        let name = word.split('=').next().unwrap_or(word);
        let is_it = |argument: &&Arg| match name.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            // Of letters that stand together, the last one takes the value.
            None => argument.get_short().is_some_and(|short| name.ends_with(short)),
        };
        self.command.get_arguments().find(is_it).filter(|argument| argument.get_action().takes_values())
    }

    fn next(&self, last: &str) -> Vec<Candidate> {
        if let Some(option) = self.pending {
            return values(option, last, "");
        }
        if last.starts_with('-') && !self.only_operands {
            if let (Some((name, value)), Some(option)) = (last.split_once('='), self.option(last)) {
                return values(option, value, &format!("{name}="));
            }
            return self.options();
        }
        let commands: Vec<Candidate> =
            self.command.get_subcommands().filter(|it| !it.is_hide_set()).map(described).collect();
        if !commands.is_empty() {
            return commands;
        }
        // All operands of a command are of one kind.
        self.command.get_positionals().last().map(|operand| values(operand, last, "")).unwrap_or_default()
    }

    fn options(&self) -> Vec<Candidate> {
        let shown = self.command.get_arguments().filter(|argument| !argument.is_hide_set());
        shown
            .filter_map(|argument| {
                Some(Candidate::new(format!("--{}", argument.get_long()?), about(argument.get_help())))
            })
            .collect()
    }
}

fn described(command: &Command) -> Candidate {
    Candidate::new(command.get_name(), about(command.get_about()))
}

/// The first line.
fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(|text| text.to_string().lines().next().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// What an option or operand can be; `before` stands in front of it in the same word.
fn values(argument: &Arg, last: &str, before: &str) -> Vec<Candidate> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        return shown
            .map(|value| Candidate::new(format!("{before}{}", value.get_name()), about(value.get_help())))
            .collect();
    }
    let name = argument.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
    let found = match name {
        Some("PLACE") => places::anywhere(last),
        Some("PATH" | "FILE") => places::local(last),
        Some("NAME") => places::names().into_iter().map(|name| Candidate::new(name, "")).collect(),
        _ => Vec::new(),
    };
    found.into_iter().map(|found| Candidate::new(format!("{before}{}", found.word), found.about)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let found = of(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        found.into_iter().map(|candidate| candidate.word).collect()
    }

    #[test]
    fn commands_and_options() {
        assert_eq!(words("law f"), ["fs"]);
        assert_eq!(words("law fs ch"), ["check", "checksum", "chmod"]);
        assert_eq!(words("/usr/bin/law-fs checks"), ["checksum"]);
        assert!(words("law ").contains(&"completion".into()) && !words("law ").contains(&"complete".into()));
        assert_eq!(words("law fs cp --over"), ["--overwrite"]);
        assert_eq!(words("law fs cp -rf --verify re"), ["require"]);
        assert_eq!(words("law fs cp --verify=s"), ["--verify=size"]);
        assert_eq!(words("law fs cp -- --verify=s"), [""; 0]);
        assert_eq!(words("law config t"), ["test", "trust"]);
        for nothing in ["law", "law nonsense ", "law fs cp --deadline ", "law fs cp --nonsense "] {
            drop(words(nothing));
        }
    }
}
