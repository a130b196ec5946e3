//! What is told on standard error beside the output.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people; with --json, objects of `level` and `message`.
    #[default]
    Text,
    /// An object a line, with time and spans.
    Json,
}

/// Whether whoever reads standard error is a program.
static JSON: AtomicBool = AtomicBool::new(false);

pub(super) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// A line of the log for programs.
pub(super) fn object(level: &str, message: &str) -> Value {
    serde_json::json!({"level": level, "message": message})
}

/// Starts the log on standard error: warnings, with `-v` what passes each layer, with `-vv` every request. With `as_json`, all
/// that is told there is objects.
pub(crate) fn start_log(verbose: u8, format: LogFormat, as_json: bool) {
    JSON.store(as_json, Ordering::Relaxed);
    let level = match verbose {
        0 => "warn",
        1 => "law=info,law_storage=info,law_backends=info,law_transfer=info,warn",
        _ => "law=debug,law_storage=debug,law_backends=debug,law_transfer=debug,info",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAW_LOG").unwrap_or_else(|_| level.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    // A log that was started already stays.
    drop(match (format, as_json) {
        (LogFormat::Json, _) => log.json().try_init(),
        (LogFormat::Text, true) => log.with_ansi(false).event_format(Objects).try_init(),
        (LogFormat::Text, false) => log.with_ansi(may_colour(&io::stderr())).without_time().try_init(),
    });
}

/// Colours are for terminals that have them and people who want them (<https://no-color.org>).
pub(crate) fn may_colour(stream: &impl io::IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}

/// `{"level":"warn","message":...}` and the fields of the event.
struct Objects;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Objects {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields(Map::new());
        fields.0.insert("level".into(), event.metadata().level().as_str().to_ascii_lowercase().into());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}
