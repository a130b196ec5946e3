//! `law fs tape`

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use law_storage::{Error, ErrorKind, Path, Result as Stored, TapeAnswer, TapeFile, TapeOrder, TapeState};
use law_transfer::Place;
use serde_json::json;

use crate::arguments::duration;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// The first and the longest pause between two questions.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// So often a site may forget to tell of a file before that is the answer.
const SILENT: u32 = 5;

/// Files on tape: bring them to a disk, ask where they are, let go of them (WLCG Tape REST API).
#[derive(Args)]
pub(crate) struct Tape {
    #[command(subcommand)]
    command: TapeCommand,
}

#[derive(Subcommand)]
enum TapeCommand {
    /// Bring files to a disk. Prints the name of the request, which the others want.
    Stage(Stage),
    /// Where files are, or with --request how far it is. Exit code 10 if one of them is not on a disk.
    Status(Status),
    /// The copies on disk are not needed any more.
    Release(Ended),
    /// These need not come any more.
    Cancel(Ended),
}

#[derive(Args)]
struct Stage {
    /// Which, all on one storage.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Wait until all of them are there. Exit code 10 if one cannot come.
    #[arg(short, long)]
    wait: bool,

    /// How long they are wanted, such as 7d.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lifetime: Option<Duration>,
}

#[derive(Args)]
struct Status {
    /// Which, all on one storage.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// The request, as `stage` has printed it.
    #[arg(short, long, value_name = "REQUEST")]
    request: Option<String>,
}

#[derive(Args)]
struct Ended {
    /// Which, all on one storage.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// The request, as `stage` has printed it.
    #[arg(short, long, value_name = "REQUEST")]
    request: String,
}

impl Tape {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            TapeCommand::Stage(stage) => stage.run(context).await,
            TapeCommand::Status(status) => {
                let files = Files::parse(context, &status.places)?;
                let told = match &status.request {
                    Some(request) => files.progress(context, request).await?,
                    None => files.told(context, &TapeOrder::Where { files: &files.paths }).await?,
                };
                files.print(context, &told)?;
                Ok(files.must_be_on_disk(&told)?)
            }
            TapeCommand::Release(ended) => {
                let files = Files::parse(context, &ended.places)?;
                let order = TapeOrder::Release { request: &ended.request, files: &files.paths };
                files.done(context, &order, "released").await
            }
            TapeCommand::Cancel(ended) => {
                let files = Files::parse(context, &ended.places)?;
                let order = TapeOrder::Cancel { request: &ended.request, files: &files.paths };
                files.done(context, &order, "cancelled").await
            }
        }
    }
}

impl Stage {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let files = Files::parse(context, &self.places)?;
        let order = TapeOrder::Stage { files: &files.paths, lifetime: self.lifetime };
        let TapeAnswer::Request(request) = files.ask(context, &order).await? else { return Err(odd().into()) };
        if request.is_empty() || request.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(odd().into());
        }
        let mut out = Out::new();
        match context.json {
            true => out.line(json!({ "request": request }))?,
            false => out.line(&request)?,
        }
        out.flush()?;
        if !self.wait {
            return Ok(());
        }
        let told = files.arrive(context, &request).await?;
        files.print(context, &told)?;
        Ok(files.must_be_on_disk(&told)?)
    }
}

/// Some files of one storage.
struct Files {
    places: Vec<Place>,
    paths: Vec<Path>,
}

impl Files {
    fn parse(context: &Context, texts: &[OsString]) -> Stored<Self> {
        let places: Vec<Place> = texts.iter().map(|text| context.place_only(text)).collect::<Stored<_>>()?;
        if let Some(other) = places.iter().find(|place| !Arc::ptr_eq(place.fs.backend(), places[0].fs.backend())) {
            let message = format!("{} and {other} are on two storages: give two commands", places[0]);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let paths = places.iter().map(Place::resolved).collect();
        Ok(Self { places, paths })
    }

    async fn ask(&self, context: &Context, order: &TapeOrder<'_>) -> Stored<TapeAnswer> {
        self.places[0].backend().tape(&context.call, order).await
    }

    async fn told(&self, context: &Context, order: &TapeOrder<'_>) -> Stored<Vec<TapeFile>> {
        match self.ask(context, order).await? {
            TapeAnswer::Files(files) => Ok(files),
            _ => Err(odd()),
        }
    }

    /// Of these files alone, whatever else was asked for with them.
    async fn progress(&self, context: &Context, request: &str) -> Stored<Vec<TapeFile>> {
        let mut told = self.told(context, &TapeOrder::Progress { request }).await?;
        told.retain(|file| self.paths.contains(&file.path));
        Ok(told)
    }

    /// Waits until none is on its way any more.
    async fn arrive(&self, context: &Context, request: &str) -> Stored<Vec<TapeFile>> {
        let (mut pause, mut silent) = (PAUSES.0, 0);
        loop {
            let told = self.progress(context, request).await?;
            let whole = self.paths.iter().all(|path| told.iter().any(|file| file.path == *path));
            silent = if whole { 0 } else { silent + 1 };
            if silent > SILENT || (whole && !told.iter().any(|file| file.state.is_on_its_way())) {
                return Ok(told);
            }
            context.call.pause(pause).await?;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn done(&self, context: &Context, order: &TapeOrder<'_>, outcome: &str) -> Result<(), Failure> {
        self.ask(context, order).await?;
        for place in &self.places {
            context.has(outcome, place)?;
        }
        Ok(())
    }

    fn print(&self, context: &Context, told: &[TapeFile]) -> std::io::Result<()> {
        let mut out = Out::new();
        for (place, path) in self.places.iter().zip(&self.paths) {
            let file = told.iter().find(|file| file.path == *path);
            let state = file.map_or("not told", |file| file.state.word());
            let error = file.and_then(|file| file.error.as_deref());
            match (context.json, error) {
                (true, _) => {
                    out.line(json!({ "url": output::place_url(place), "state": state, "error": error }))?;
                }
                (false, Some(error)) => out.line(format_args!("{place}: {state} ({})", output::escaped(error)))?,
                (false, None) => out.line(format_args!("{place}: {state}"))?,
            }
        }
        out.flush()
    }

    fn must_be_on_disk(&self, told: &[TapeFile]) -> Stored<()> {
        let there = |path: &Path| told.iter().any(|file| file.path == *path && file.state.is_on_disk());
        let missing = self.paths.iter().filter(|path| !there(path)).count();
        if missing == 0 {
            return Ok(());
        }
        let lost = told.iter().any(|file| matches!(file.state, TapeState::Lost | TapeState::Failed));
        let error =
            Error::new(ErrorKind::NotOnline, format!("{missing} of {} files are not on a disk", self.paths.len()));
        Err(if lost { error } else { error.hint("`law fs tape stage --wait` brings them there") })
    }
}

fn odd() -> Error {
    Error::new(ErrorKind::Malformed, "the storage gave another answer than was asked for")
}
