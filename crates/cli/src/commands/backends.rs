//! `law fs backends`

use clap::Args;
use law_storage::{Capabilities, NoClobber, Overwrite, Support};
use law_target::backends::{BackendReport, backends};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// List the kinds of storage that this build can speak to, and what they can do.
///
/// Nobody is asked: what a server tells later may be more, and `?` is not known before. When a file is replaced, its readers see a whole one, none for
/// a moment (window), or parts of it (unsafe). A file that must not be replaced is kept exactly, or it is looked at before. None of them appends.
#[derive(Args)]
pub(crate) struct Backends {}

/// The columns behind scheme and backend.
const COLUMNS: [&str; 11] =
    ["list", "ranges", "rename", "copy", "links", "modes", "times", "space", "replaces", "no-clobber", "checksums"];

impl Backends {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let all = backends();
        let mut out = Out::new();
        match context.json {
            true => all.iter().try_for_each(|report| out.line(object(report)))?,
            false => table(&all).iter().try_for_each(|line| out.line(line))?,
        }
        Ok(out.flush()?)
    }
}

fn word(support: Support) -> &'static str {
    match support {
        Support::Yes => "yes",
        Support::No => "no",
        Support::Unknown => "?",
    }
}

fn no_clobber(kept: NoClobber) -> &'static str {
    match kept {
        NoClobber::Atomic => "exact",
        NoClobber::CheckThenAct => "looks",
    }
}

fn replaces(overwrite: Overwrite) -> &'static str {
    match overwrite {
        Overwrite::Atomic => "whole",
        other => other.word(),
    }
}

fn checksums(can: &Capabilities) -> Vec<&'static str> {
    can.digests.iter().map(|digest| digest.name()).collect()
}

fn cells(can: &Capabilities) -> [String; 11] {
    let checksums = checksums(can).join(",");
    let yes_or_no =
        [can.list, can.ranges, can.rename, can.copy, can.symlinks, can.modes, can.keeps_modified, can.space];
    let [list, ranges, rename, copy, links, modes, times, space] = yes_or_no.map(|support| word(support).to_owned());
    let (replaces, no_clobber) = (replaces(can.overwrite).into(), no_clobber(can.no_clobber).into());
    let checksums = if checksums.is_empty() { "-".into() } else { checksums };
    [list, ranges, rename, copy, links, modes, times, space, replaces, no_clobber, checksums]
}

/// The rows, and below them what is missing.
fn table(all: &[BackendReport]) -> Vec<String> {
    let head = ["scheme", "backend"].into_iter().chain(COLUMNS).map(str::to_owned).collect();
    let row = |report: &BackendReport| {
        let can = report.capabilities.as_ref()?;
        Some([report.scheme.to_owned(), report.backend.to_owned()].into_iter().chain(cells(can)).collect())
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.iter().filter_map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS.len() + 2).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    rows.iter().map(line).chain(needs(all)).collect()
}

/// What some of them need, said once for all that need the same.
fn needs(all: &[BackendReport]) -> Vec<String> {
    let mut needs: Vec<(String, &str)> = Vec::new();
    for report in all {
        let Some(need) = report.needs.as_deref() else { continue };
        match needs.iter_mut().find(|(_, same)| *same == need) {
            Some((schemes, _)) => *schemes += &format!(", {}", report.scheme),
            None => needs.push((report.scheme.to_owned(), need)),
        }
    }
    needs.into_iter().map(|(schemes, need)| format!("{schemes}: {need}")).collect()
}

fn object(report: &BackendReport) -> Value {
    let mut object = json!({
        "scheme": report.scheme,
        "backend": report.backend,
        "in_build": report.capabilities.is_some(),
        "ready": report.ready,
        "needs": report.needs,
    });
    if let (Some(can), Some(object)) = (&report.capabilities, object.as_object_mut()) {
        for (column, cell) in COLUMNS.iter().zip(cells(can)) {
            let value = match *column {
                "checksums" => json!(checksums(can)),
                _ if cell == "?" => Value::Null,
                _ if cell == "yes" || cell == "no" => json!(cell == "yes"),
                _ => json!(cell),
            };
            object.insert(column.replace('-', "_"), value);
        }
    }
    object
}
