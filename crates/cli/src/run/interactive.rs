//! What is asked of a task instead of running it.

use std::collections::HashSet;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use law_target::{DirectoryTarget, FileTarget, Target, runtime};
use law_task::tree::{self, Details, Leaf, Row, Tone};
use law_task::{Presence, Role, Work};
use law_workflow::{command, record};
use serde_json::{Value, json};

use super::Refused;
use super::asked::{Asked, Mode};
use crate::output::{Out, may_colour};

/// Answers, and tells whether the task is to be run then.
pub(super) fn answer(asked: &Asked, task: Arc<dyn Work>, as_json: bool) -> Result<bool, Refused> {
    let mut out = Out::new();
    match asked {
        Asked::Dependencies { depth } => draw(task, *depth, Details::Names, as_json, &mut out)?,
        Asked::Status { depth, targets } => {
            draw(task, *depth, Details::Status { depth: *targets }, as_json, &mut out)?;
        }
        Asked::Outputs { depth } => {
            each_output(task, *depth, |leaf, name, target| each_place(leaf, (name, target), as_json, &mut out))?
        }
        Asked::Command { depth } => {
            for leaf in once(task, *depth)? {
                let line = command(&*leaf.work);
                if as_json {
                    out.line(json!({ "task": leaf.work.id().as_str(), "command": line }))?
                } else {
                    out.line(line)?
                }
            }
        }
        Asked::Remove { depth, mode, runs } => {
            remove(task, *depth, chosen("remove-output", *mode)?, as_json, &mut out)?;
            out.flush()?;
            return Ok(*runs);
        }
        Asked::Fetch { depth, mode, directory } => {
            let mode = chosen("fetch-output", *mode)?;
            fetch(task, *depth, mode, directory, &mut Fetched { as_json, out: &mut out, names: HashSet::new() })?;
        }
    }
    out.flush()?;
    Ok(false)
}

fn draw(
    task: Arc<dyn Work>,
    depth: Option<usize>,
    details: Details,
    as_json: bool,
    out: &mut Out,
) -> Result<(), Refused> {
    let rows = tree::look(tree::leaves(task, depth)?, details)?;
    if as_json {
        return Ok(rows.iter().try_for_each(|row| out.line(object(row, details)))?);
    }
    let colours = may_colour(&std::io::stdout());
    for line in rows.iter().flat_map(Row::lines) {
        match (colours, line.tone) {
            (true, Tone::Task) => out.line(format_args!("{}\x1b[1m{}\x1b[0m", line.before, line.text))?,
            (true, Tone::Existent) => out.line(format_args!("{}\x1b[32m{}\x1b[0m", line.before, line.text))?,
            (true, Tone::Absent) => out.line(format_args!("{}\x1b[31m{}\x1b[0m", line.before, line.text))?,
            _ => out.line(line.before + &line.text)?,
        }
    }
    Ok(())
}

/// A task in a tree as JSON.
fn object(row: &Row, details: Details) -> Value {
    let Leaf { depth, work, seen, .. } = &row.leaf;
    let mut object = super::events::task(&**work);
    object.insert("depth".into(), (*depth).into());
    object.insert("seen".into(), (*seen).into());
    if details != Details::Names && !seen {
        let output = |seen: &tree::Seen| {
            let (named, exists) = (&seen.named, seen.status.exists());
            let mut output = json!({ "name": named.name, "target": named.target.to_string(), "exists": exists });
            if let (tree::Status::Members(text), Some(output)) = (&seen.status, output.as_object_mut()) {
                output.insert("status".into(), text.as_str().into());
            }
            output
        };
        object.insert("outputs".into(), row.outputs.iter().map(output).collect());
    }
    Value::Object(object)
}

/// Each task once.
fn once(task: Arc<dyn Work>, depth: Option<usize>) -> Result<impl Iterator<Item = Leaf>, Refused> {
    Ok(tree::leaves(task, depth)?.into_iter().filter(|leaf| !leaf.seen))
}

fn each_output(
    task: Arc<dyn Work>,
    depth: Option<usize>,
    mut each: impl FnMut(&Leaf, &str, &Arc<dyn Target>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    for leaf in once(task, depth)? {
        leaf.work.targets()?.iter().try_for_each(|named| each(&leaf, &named.name, &named.target))?;
    }
    Ok(())
}

/// Each file of a target; what has none has a name.
fn each_place(
    leaf: &Leaf,
    (name, target): (&str, &Arc<dyn Target>),
    as_json: bool,
    out: &mut Out,
) -> Result<(), Refused> {
    let places: Vec<String> = target.places().into_iter().map(|(_, place)| place.to_string()).collect();
    let places = if places.is_empty() { vec![target.to_string()] } else { places };
    let id = leaf.work.id();
    let mut each = |place: String| match as_json {
        true => out.line(json!({ "task": id.as_str(), "name": name, "target": place })),
        false => out.line(place),
    };
    Ok(places.into_iter().try_for_each(&mut each)?)
}

/// What could be typed for a task.
fn command(work: &dyn Work) -> String {
    let values = work.values();
    let mut line = format!("law run {}", work.family());
    for known in work.parameters() {
        let Some(text) = values.get(&known.name) else { continue };
        if known.presence != Presence::Default(text.into()) {
            line += &format!(" --{} {}", known.name, command::quoted(text));
        }
    }
    line
}

/// The mode that was said, or asking where somebody can be asked.
fn chosen(option: &str, mode: Option<Mode>) -> Result<Mode, Refused> {
    match mode {
        Some(mode) => Ok(mode),
        None if std::io::stdin().is_terminal() => Ok(Mode::Interactive),
        None => Err(Refused::Usage(format!(
            "--{option} wants a mode where nobody can be asked: 0,d names what is meant, 0,a does it"
        ))),
    }
}

fn remove(task: Arc<dyn Work>, depth: Option<usize>, mode: Mode, as_json: bool, out: &mut Out) -> Result<(), Refused> {
    each_output(task, depth, |leaf, _, target| {
        if leaf.work.role() == Role::External {
            // Nobody here could make it again.
            let line = format!("left {target}, which is external");
            let object = json!({ "target": target.to_string(), "removed": false, "external": true });
            if as_json {
                out.line(object)?
            } else {
                out.line(line)?
            }
            return Ok(());
        }
        if !wanted(mode, "remove", target, as_json, out)? {
            return Ok(());
        }
        let work = target.clone();
        let was_there = runtime::wait(async move { work.remove_async().await }).map_err(anyhow::Error::new)?;
        // They would tell of what is made there next.
        record::forget(&target.places().into_iter().map(|(_, place)| place).collect::<Vec<_>>())?;
        let word = if was_there { "removed" } else { "was not there:" };
        if as_json {
            out.line(json!({ "target": target.to_string(), "removed": was_there }))?;
        } else {
            out.line(format_args!("{word} {target}"))?;
        }
        Ok(())
    })
}

/// Whether something is to be done with a target; if not, it is said.
fn wanted(
    mode: Mode,
    verb: &str,
    target: &dyn std::fmt::Display,
    as_json: bool,
    out: &mut Out,
) -> Result<bool, Refused> {
    match mode {
        Mode::All => Ok(true),
        Mode::Dry if as_json => {
            out.line(json!({ "target": target.to_string(), "would": verb }))?;
            Ok(false)
        }
        Mode::Dry => {
            out.line(format_args!("would {verb} {target}"))?;
            Ok(false)
        }
        Mode::Interactive => {
            out.line(format_args!("{verb} {target}? [y/N]"))?;
            out.flush()?;
            let yes = asks_for_yes()?;
            if !yes {
                out.line(format_args!("left {target}"))?;
            }
            Ok(yes)
        }
    }
}

fn asks_for_yes() -> Result<bool, Refused> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

struct Fetched<'a> {
    as_json: bool,
    out: &'a mut Out,
    /// Those that are taken.
    names: HashSet<PathBuf>,
}

/// Copies files to a directory, each under the name of its task and its own, as law does.
fn fetch(
    task: Arc<dyn Work>,
    depth: Option<usize>,
    mode: Mode,
    directory: &Path,
    fetched: &mut Fetched<'_>,
) -> Result<(), Refused> {
    each_output(task, depth, |leaf, _, target| {
        let places = target.places();
        if places.is_empty() {
            return Err(Refused::Usage(format!(
                "{target} is no file: only files are fetched; law fs cp -r copies directories"
            )));
        }
        for (_, place) in places {
            let file = FileTarget::new(place.clone());
            let name = format!("{}__{}", leaf.work.id(), file.basename());
            let to = fetched.free(directory, &name);
            if mode != Mode::Dry && !file.exists().map_err(anyhow::Error::new)? {
                fetched.missing(&file)?;
            } else if wanted(mode, "fetch", &file, fetched.as_json, fetched.out)? {
                fetched.copy(&file, &to)?;
            }
        }
        Ok(())
    })
}

impl Fetched<'_> {
    /// A path that nothing of this task was copied to: several branches may have files of one name.
    fn free(&mut self, directory: &Path, name: &str) -> PathBuf {
        let numbered =
            |number: usize| directory.join(if number == 0 { name.into() } else { format!("{number}__{name}") });
        let mut paths = (0..).map(numbered);
        // There are more numbers than names.
        let free = paths.find(|path| !self.names.contains(path)).unwrap_or_else(|| directory.join(name));
        self.names.insert(free.clone());
        free
    }

    fn missing(&mut self, file: &FileTarget) -> Result<(), Refused> {
        if self.as_json {
            self.out.line(json!({ "target": file.to_string(), "fetched": null }))?;
        } else {
            self.out.line(format_args!("{file} is not there"))?;
        }
        Ok(())
    }

    fn copy(&mut self, from: &FileTarget, to: &Path) -> Result<(), Refused> {
        let (directory, name) = (to.parent().unwrap_or(Path::new(".")), to.file_name().unwrap_or_default());
        let here = DirectoryTarget::at(directory).map_err(anyhow::Error::new)?;
        from.copy_to(&here.child(name.as_encoded_bytes())).map_err(anyhow::Error::new)?;
        if self.as_json {
            self.out.line(json!({ "target": from.to_string(), "fetched": to.display().to_string() }))?;
        } else {
            self.out.line(format_args!("{from} -> {}", to.display()))?;
        }
        Ok(())
    }
}
