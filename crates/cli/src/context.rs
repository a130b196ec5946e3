//! What every command needs: places, the call, and an end that leaves nothing behind.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use law_storage::{Call, Error, ErrorKind, Location, Metadata, Path, Result, Url, cleanup, encode_path};
use law_target::{CredentialReport, FileSystems, runtime};
use law_transfer::{Place, is_of_one_directory};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{FsCommand, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Out};

/// The frame of one command.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) json: bool,
    pub(crate) call: Call,
    command: String,
    file_systems: FileSystems,
}

impl Context {
    pub(crate) fn new(global: Global, command: String) -> Result<Self> {
        // A file that is missing here must never read as "the storage has no such file".
        if let Some(Err(error)) = global.ca.as_ref().map(std::fs::metadata) {
            let ca = global.ca.iter().map(|path| path.display().to_string()).collect::<String>();
            let message = "cannot read the certificate authorities in";
            return Err(Error::new(ErrorKind::InvalidInput, message).at(ca).because(error));
        }
        let file_systems = FileSystems::load(&global.overrides)?.with_ca(global.ca);
        let call = global.deadline.map_or(Call::new(), |time| Call::new().within(time));
        Ok(Self { json: global.json, call, command, file_systems })
    }

    /// The place that somebody typed, and whether a `/` stood at its end.
    pub(crate) fn place(&self, text: &OsStr) -> Result<(Place, bool)> {
        let url = Url::parse(text)?;
        Ok((self.file_systems.place_of(&url)?, url.trailing_slash()))
    }

    /// The file systems of this command, with their settings.
    pub(crate) fn file_systems(&self) -> &FileSystems {
        &self.file_systems
    }

    /// As [`place`](Self::place), for those who do not care about the slash.
    pub(crate) fn place_only(&self, text: &OsStr) -> Result<Place> {
        Ok(self.place(text)?.0)
    }

    /// What somebody typed, as it may be shown: without its secrets.
    pub(crate) fn typed(text: &OsStr) -> String {
        Url::parse(text).map_or_else(|_| text.to_string_lossy().into_owned(), |url| url.to_string())
    }

    /// What somebody typed, and a path below it in the same spelling: what find(1) prints, and what can be typed again.
    pub(crate) fn below(text: &OsStr, below: &Path) -> Vec<u8> {
        let url = Url::parse(text).ok();
        let remote = url.as_ref().filter(|url| matches!(url.location(), Location::Remote(_)));
        let typed = text.as_encoded_bytes();
        let is_url = remote.is_some() || typed.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"file:"));
        // Only URLs of storages may have secrets.
        let top = remote.map_or_else(|| typed.to_vec(), |url| url.to_string().into_bytes());
        let below = if is_url { encode_path(below).into_bytes() } else { below.as_bytes().to_vec() };
        if below.is_empty() {
            return top;
        }
        let is_name = url.as_ref().is_some_and(|url| matches!(url.location(), Location::Named { .. }));
        let slash: &[u8] = if top.ends_with(b"/") || (is_name && top.ends_with(b":")) { b"" } else { b"/" };
        [&top, slash, &below].concat()
    }

    /// Of a walk, an error that ends it; one that says nothing about other directories is told, and kept for the end.
    pub(crate) fn walk_error(&self, error: Error, kinds: &mut Vec<ErrorKind>) -> Result<()> {
        if !is_of_one_directory(&error) {
            return Err(error);
        }
        let error = self.judged(error);
        self.tell(&error);
        kinds.push(error.kind());
        Ok(())
    }

    /// What is there.
    pub(crate) async fn stat(&self, place: &Place) -> Result<Option<Metadata>> {
        place.backend().stat(&self.call, &place.resolved()).await
    }

    /// What is there, or `NotFound`.
    pub(crate) async fn existing(&self, place: &Place) -> Result<Metadata> {
        let missing = || Error::new(ErrorKind::NotFound, "not found").at(place);
        self.stat(place).await?.ok_or_else(missing)
    }

    /// The same error with what is known beside it: what somebody may have meant, and how old the credential is.
    pub(crate) fn judged(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound if error.hint_text().is_none() => self.explained(error),
            ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => self.dated(error),
            _ => error,
        }
    }

    /// Of what was not found, what somebody may have meant instead.
    fn explained(&self, error: Error) -> Error {
        let path = error.url().map(path_of).unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        if self.file_systems.config().file_systems.keys().any(|known| known.as_str() == name) {
            let hint = format!("the storage of that name is {name}:");
            return error.hint(hint);
        }
        if !path.contains(['*', '?', '[', '{']) && !path.contains("%3F") {
            return error;
        }
        error.hint(
            "a name is taken as it is here; patterns are for law fs find --name, and for cp, sync and check --include",
        )
    }

    /// Of what the storage refused, that the token is too old by its own date: then no path and no right is wrong.
    fn dated(&self, error: Error) -> Error {
        let url = error.url().and_then(|url| Url::parse(url).ok());
        let storage = url.filter(|url| !matches!(url.location(), Location::Local(_)));
        let reports = storage.map(|url| self.file_systems.credentials_used_at(&url)).unwrap_or_default();
        let nobody = !reports.is_empty() && reports.iter().all(|report| report.source.is_none());
        match reports.into_iter().find_map(too_old) {
            Some(hint) => error.with_kind(ErrorKind::Unauthenticated).hint(hint),
            None if nobody && error.hint_text().is_none() && error.kind() == ErrorKind::PermissionDenied => {
                error.hint("nobody was named: law fs token show PLACE tells where a credential is looked for")
            }
            None => error,
        }
    }

    /// Says what a dry run would do.
    pub(crate) fn would(&self, act: &str, place: &Place) -> Result<(), Failure> {
        if self.json {
            return self.has(&format!("would {act}"), place);
        }
        let mut out = Out::new();
        out.line(format!("would {act} {place}"))?;
        Ok(out.flush()?)
    }

    /// Says what was done to whoever reads objects; to people, silence says it.
    pub(crate) fn has(&self, outcome: &str, place: &Place) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let mut out = Out::new();
        out.line(serde_json::json!({"place": output::reference(place), "outcome": outcome}))?;
        Ok(out.flush()?)
    }

    /// Tells an error and goes on.
    pub(crate) fn tell(&self, error: &Error) {
        exit::tell(error, &self.command, self.json);
    }

    /// Refuses sources that would replace each other in the directory `into`, before anything is done.
    pub(crate) fn refuse_same_names<'a>(&self, from: impl Iterator<Item = &'a OsString>, into: &Place) -> Result<()> {
        let mut names = HashSet::new();
        let folded = !into.backend().capabilities().names.case_sensitive;
        for text in from {
            let place = self.place_only(text)?;
            let Some(name) = place.path.name() else { continue };
            let key = match std::str::from_utf8(name) {
                Ok(text) if folded => text.to_lowercase().into_bytes(),
                _ => name.to_vec(),
            };
            if !names.insert(key) {
                let message = "two of the sources have this name, and one would replace the other:";
                return Err(Error::new(ErrorKind::InvalidInput, message).at(into.child(name)?));
            }
        }
        Ok(())
    }

    /// Does something for each of several arguments, goes on when one fails, and says so at the end.
    pub(crate) async fn for_each<T>(
        &self,
        items: &[T],
        mut work: impl AsyncFnMut(&T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut kinds = Vec::new();
        for item in items {
            match work(item).await {
                Ok(()) => {}
                Err(Failure::One(error)) if items.len() > 1 && error.kind() != ErrorKind::Cancelled => {
                    let error = self.judged(error);
                    self.tell(&error);
                    kinds.push(error.kind());
                }
                Err(Failure::Several(more)) => kinds.extend(more),
                Err(other) => return Err(other),
            }
        }
        Failure::of_all(kinds)
    }
}

/// That a credential has ended by its own date, if it has.
fn too_old(report: CredentialReport) -> Option<String> {
    let (expires, source) = (report.expires()?, report.source?);
    let passed = std::time::SystemTime::now().duration_since(expires).ok()?;
    Some(format!("the {source} expired {}: {}", output::ago(passed), renewal(&source)))
}

/// How one gets a new one of what a credential is.
pub(crate) fn renewal(source: &str) -> &'static str {
    match source.split(' ').next() {
        Some("proxy" | "certificate") => "voms-proxy-init makes a new proxy, or as your site says",
        Some("bearer") => "oidc-token or htgettoken gives a new one, or as your site says",
        _ => "get a new one, as your site or collaboration says",
    }
}

/// What a URL or path has behind its host, without what stands for a query.
fn path_of(url: &str) -> &str {
    let url = url.strip_suffix("?***").unwrap_or(url);
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => url,
    }
}

/// Runs a command of `law fs`: see [`drive`].
pub(crate) fn run(context: Context, command: FsCommand) -> Result<(), Failure> {
    drive(context, async move |context| dispatch(context, command).await)
}

/// Runs work to its end, or to the first signal; then waits for what must still be cleaned up.
pub(crate) fn drive(context: Context, work: impl AsyncFnOnce(&Context) -> Result<(), Failure>) -> Result<(), Failure> {
    let work = async move {
        let signalled = Arc::new(AtomicU8::new(0));
        let watch = tokio::spawn(watch_signals(context.call.clone(), Arc::clone(&signalled)));
        let result = work(&context).await.map_err(|failure| failure.judged(&context));
        cleanup::finish().await;
        watch.abort();
        match signalled.load(Ordering::Relaxed) {
            0 => result,
            code => result.map_err(|failure| failure.by_signal(code)),
        }
    };
    runtime::block_on(work)
}

/// The first signal cancels the call, so that everything is tidied; the second ends the process.
async fn watch_signals(call: Call, signalled: Arc<AtomicU8>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for first in [true, false] {
        let code = tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        };
        if !first {
            std::process::exit(code.into());
        }
        signalled.store(code, Ordering::Relaxed);
        call.cancellation().cancel();
    }
}

async fn dispatch(context: &Context, command: FsCommand) -> Result<(), Failure> {
    match command {
        FsCommand::Ls(command) => command.run(context).await,
        FsCommand::Cp(command) => command.run(context).await,
        FsCommand::Mv(command) => command.run(context).await,
        FsCommand::Sync(command) => command.run(context).await,
        FsCommand::Check(command) => command.run(context).await,
        FsCommand::Rm(command) => command.run(context).await,
        FsCommand::Mkdir(command) => command.run(context).await,
        FsCommand::Rmdir(command) => command.run(context).await,
        FsCommand::Cat(command) => command.run(context).await,
        FsCommand::Head(command) => command.run(context).await,
        FsCommand::Tail(command) => command.run(context).await,
        FsCommand::Stat(command) => command.run(context).await,
        FsCommand::Exists(command) => command.run(context).await,
        FsCommand::Find(command) => command.run(context).await,
        FsCommand::Tree(command) => command.run(context).await,
        FsCommand::Du(command) => command.run(context).await,
        FsCommand::Df(command) => command.run(context).await,
        FsCommand::Touch(command) => command.run(context).await,
        FsCommand::Chmod(command) => command.run(context).await,
        FsCommand::Xattr(command) => command.run(context).await,
        FsCommand::Tape(command) => command.run(context).await,
        FsCommand::Checksum(command) => command.run(context).await,
        FsCommand::Show(command) => command.run(context).await,
        FsCommand::Formats(command) => command.run(context).await,
        FsCommand::Transfers(command) => command.run(context).await,
        FsCommand::Cache(command) => command.run(context).await,
        FsCommand::Cleanup(command) => command.run(context).await,
        FsCommand::Doctor(command) => command.run(context).await,
        FsCommand::Doors(command) => command.run(context).await,
        FsCommand::Token(command) => command.run(context),
        FsCommand::Serve(command) => command.run(context).await,
        FsCommand::Backends(command) => command.run(context).await,
    }
}
