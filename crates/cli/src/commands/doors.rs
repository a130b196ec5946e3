//! `law fs doors`

use std::time::{Duration, Instant};

use clap::Args;
use law_storage::{DoorReport, Error, ErrorKind, Operation, Path, Result, Standing};
use law_transfer::Place;
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Show the doors of configured file systems, and what processes on this node know of them.
///
/// With --probe, the exit code is 0 if every door has answered, and 6 if one did not: also where others are well.
#[derive(Args)]
pub(crate) struct Doors {
    /// The configured file systems; all of them if there is none.
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Ask every door first.
    #[arg(long, conflicts_with = "reset")]
    probe: bool,

    /// Forget what is known, so that doors that are left alone are asked again.
    #[arg(long)]
    reset: bool,
}

/// How long the only door has to answer a person who waits for it, as each of several has.
const PATIENCE: Duration = Duration::from_secs(10);

/// A door, and how it answered.
struct Row {
    file_system: String,
    report: DoorReport,
    asked: Option<Result<()>>,
}

impl Doors {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for name in self.names(context)? {
            rows.extend(self.rows(context, &name).await?);
        }
        if !self.reset {
            show(&rows, context.json)?;
        }
        // The table has told them.
        let failed: Vec<ErrorKind> =
            rows.iter().filter_map(|row| Some(row.asked.as_ref()?.as_ref().err()?.kind())).collect();
        if failed.is_empty() { Ok(()) } else { Err(Failure::Several(failed)) }
    }

    fn names(&self, context: &Context) -> Result<Vec<String>> {
        let configured = context.file_systems().config().file_systems.keys();
        let names: Vec<String> = match self.names.is_empty() {
            true => configured.map(|name| name.as_str().to_owned()).collect(),
            false => self.names.iter().map(|name| name.trim_end_matches(':').to_owned()).collect(),
        };
        if let Some(url) = names.iter().find(|name| name.contains("://")) {
            let message = "a name from the configuration is wanted, not a URL:";
            let error = Error::new(ErrorKind::InvalidInput, message).at(Context::typed(url.as_ref()));
            return Err(error.hint("of a URL there is one door: law fs doctor asks it"));
        }
        if names.is_empty() {
            let error = Error::new(ErrorKind::InvalidInput, "no file system is configured, so that there are no doors");
            return Err(error.hint("`law config add NAME URL URL ...` configures one"));
        }
        Ok(names)
    }

    async fn rows(&self, context: &Context, name: &str) -> Result<Vec<Row>> {
        let place = context.place_only(format!("{name}:").as_ref())?;
        let Some(doors) = place.fs.doors() else {
            return Ok(vec![self.only_door(context, name, &place).await]);
        };
        if self.reset {
            doors.reset();
        }
        let mut asked: Vec<Option<Result<()>>> = doors.doors().iter().map(|_| None).collect();
        if self.probe {
            asked = doors.ask_each(&context.call, &place.resolved()).await.into_iter().map(Some).collect();
        }
        let row = |(report, asked)| Row { file_system: name.to_owned(), report, asked };
        Ok(doors.report().into_iter().zip(asked).map(row).collect())
    }

    /// Nothing is known of a door that is the only one: there is no choice.
    async fn only_door(&self, context: &Context, name: &str, place: &Place) -> Row {
        let mut report = DoorReport::unknown(place.backend().url(&Path::root()).trim_end_matches('/'));
        let mut asked = None;
        if self.probe {
            let begin = Instant::now();
            let answer = ask(context, place).await;
            report.standing = if answer.is_ok() { Standing::Warm } else { Standing::Failing };
            report.latency = answer.is_ok().then(|| begin.elapsed());
            report.success = answer.is_ok().then_some(Duration::ZERO);
            report.failure = answer.is_err().then_some(Duration::ZERO);
            report.failures = u32::from(answer.is_err());
            asked = Some(answer);
        }
        Row { file_system: name.to_owned(), report, asked }
    }
}

/// Asks the only door. The end of its time is its failure.
async fn ask(context: &Context, place: &Place) -> Result<()> {
    let patience = context.call.remaining().map_or(PATIENCE, |left| left.min(PATIENCE));
    let path = place.resolved();
    match tokio::time::timeout(patience, place.backend().stat(&context.call, &path)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::Timeout && context.call.check().is_err() => {
            Err(silent(patience, place))
        }
        Ok(answer) => answer.map(drop),
        Err(_) => Err(silent(patience, place)),
    }
}

fn silent(patience: Duration, place: &Place) -> Error {
    Error::new(ErrorKind::Timeout, format!("no answer within {}", brief(patience))).at(place)
}

/// The words of `ops`, which are those of the configuration, and what they imply.
fn words(operations: &[Operation]) -> Vec<&'static str> {
    let mut words = Vec::new();
    for word in operations.iter().map(|operation| operation.word()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn show(rows: &[Row], as_json: bool) -> Result<(), Failure> {
    let mut out = Out::new();
    if as_json {
        rows.iter().try_for_each(|row| out.line(object(row)))?;
        return Ok(out.flush()?);
    }
    let table: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let head = ["file system", "door", "state", "answers in", "last answer", "failures"].map(str::to_owned);
    let width = |column: usize| table.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in [&head].into_iter().chain(&table) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(out.flush()?)
}

fn cells(row: &Row) -> [String; 6] {
    let report = &row.report;
    let state = match (&row.asked, report.pause) {
        (Some(Err(error)), _) => format!("{}: {}", report.standing.word(), error.reason()),
        (_, Some(pause)) => format!("{} for {}", report.standing.word(), brief(pause)),
        _ => report.standing.word().to_owned(),
    };
    let ago = |time: Option<Duration>| time.map_or("-".into(), |time| format!("{} ago", brief(time)));
    [
        row.file_system.clone(),
        report.door.clone(),
        state,
        report.latency.map_or("-".into(), brief),
        ago(report.success),
        report.failures.to_string(),
    ]
}

fn object(row: &Row) -> serde_json::Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let report = &row.report;
    json!({
        "file_system": row.file_system,
        "door": report.door,
        "operations": report.operations.as_deref().map(words),
        "weight": report.weight,
        "state": report.standing.word(),
        "latency_seconds": seconds(report.latency),
        "success_seconds_ago": seconds(report.success),
        "failure_seconds_ago": seconds(report.failure),
        "failures": report.failures,
        "pause_seconds": seconds(report.pause),
        "error": row.asked.as_ref().and_then(|asked| asked.as_ref().err()).map(ToString::to_string),
    })
}

/// `3 ms`, `1.4 s`, `2 min`.
fn brief(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 100.0 => format!("{seconds:.1} s"),
        seconds => format!("{:.0} min", seconds / 60.0),
    }
}
