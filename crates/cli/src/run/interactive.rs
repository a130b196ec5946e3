//! What is asked of a task instead of running it.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use law_target::runtime;
use law_task::tree::{self, Details, Leaf};
use law_task::{Presence, Work};
use law_workflow::command;

use super::Refused;
use super::words::{Asked, Mode};
use crate::output::Out;

pub(super) fn answer(asked: &Asked, task: Arc<dyn Work>) -> Result<u8, Refused> {
    let mut out = Out::new();
    match *asked {
        Asked::Dependencies { depth } => {
            out.line(tree::draw(&tree::leaves(task, depth)?, Details::Names)?.trim_end())?
        }
        Asked::Status { depth, targets } => {
            let details = Details::Status { depth: targets };
            out.line(tree::draw(&tree::leaves(task, depth)?, details)?.trim_end())?;
        }
        Asked::Outputs { depth } => each_output(task, depth, |target| Ok(each_place(&**target, &mut out)?))?,
        Asked::Command { depth } => {
            for leaf in once(task, depth)? {
                out.line(command(&*leaf.work))?;
            }
        }
        Asked::Remove { depth, mode } => return remove(task, depth, mode, out),
    }
    out.flush()?;
    Ok(0)
}

/// Each task once.
fn once(task: Arc<dyn Work>, depth: Option<usize>) -> Result<impl Iterator<Item = Leaf>, Refused> {
    Ok(tree::leaves(task, depth)?.into_iter().filter(|leaf| !leaf.seen))
}

fn each_output(
    task: Arc<dyn Work>,
    depth: Option<usize>,
    mut each: impl FnMut(&Arc<dyn law_target::Target>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    for leaf in once(task, depth)? {
        leaf.work.targets()?.iter().try_for_each(|named| each(&named.target))?;
    }
    Ok(())
}

/// Each file of a target; what has none has a name.
fn each_place(target: &dyn law_target::Target, out: &mut Out) -> std::io::Result<()> {
    let places = target.places();
    if places.is_empty() {
        return out.line(target);
    }
    places.into_iter().try_for_each(|(_, place)| out.line(place))
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

fn remove(task: Arc<dyn Work>, depth: Option<usize>, mode: Option<Mode>, mut out: Out) -> Result<u8, Refused> {
    let mode = match mode {
        Some(mode) => mode,
        None if std::io::stdin().is_terminal() => Mode::Interactive,
        None => {
            return Err(Refused::Usage(
                "--remove-output wants a mode where nobody can be asked: 0,d names them, 0,a removes them".into(),
            ));
        }
    };
    each_output(task, depth, |target| {
        let wanted = match mode {
            Mode::Dry => return Ok(out.line(format_args!("would remove {target}"))?),
            Mode::All => true,
            Mode::Interactive => {
                out.line(format_args!("remove {target}? [y/N]"))?;
                out.flush()?;
                asks_for_yes()?
            }
        };
        let work = target.clone();
        let word =
            match wanted && runtime::wait(async move { work.remove_async().await }).map_err(anyhow::Error::new)? {
                true => "removed",
                false if wanted => "was not there:",
                false => "kept",
            };
        Ok(out.line(format_args!("{word} {target}"))?)
    })?;
    out.flush()?;
    Ok(0)
}

fn asks_for_yes() -> Result<bool, Refused> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
