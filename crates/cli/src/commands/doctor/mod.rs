//! `law fs doctor`

mod finding;
mod network;
mod probe;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::SystemTime;

use clap::Args;
use futures_util::StreamExt as _;
use law_config::stanza;
use law_storage::{Capabilities, Doors, Error, ErrorKind, Location, Metadata, Overwrite, Path, Result, Support, Url};
use law_transfer::Place;

use crate::context::{Context, renewal};
use crate::exit::Failure;
use crate::output::{self, Out};
use finding::Findings;
use probe::Probe;

/// Find out what works with a storage, and say what to do about what does not.
///
/// Name, connection, credential, listing, space; then, if you agree, a file of 64 KiB is written, read back, compared and
/// removed, which shows checksums, permissions and the storage's clock. Ends with the settings to paste.
#[derive(Args)]
pub(crate) struct Doctor {
    /// A directory on the storage, best one that you may write to.
    #[arg(value_name = "PLACE")]
    place: OsString,

    /// Write the file without asking.
    #[arg(long, conflicts_with = "no_write")]
    write: bool,

    /// Write nothing, and do not ask.
    #[arg(long)]
    no_write: bool,
}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let url = Url::parse(&self.place)?;
        let mut findings = Findings::new(context.json);
        self.examine(context, &url, &mut findings).await?;
        findings.outcome()
    }

    async fn examine(&self, context: &Context, url: &Url, findings: &mut Findings) -> Result<(), Failure> {
        let door = context.file_systems().door(url)?;
        let server = context.file_systems().server(url)?;
        let place = context.place_only(&self.place)?;
        if let Some(doors) = place.fs.doors() {
            each_door(context, &place, doors, findings).await?;
        } else if let Some(server) = &server
            && !network::examine(context, server, findings).await?
        {
            return Ok(());
        }
        if door.is_some() {
            credential(context, url, findings)?;
        }
        let Some(metadata) = look(context, &place, findings).await? else { return Ok(()) };
        if server.is_some_and(|server| server.scheme().encrypted()) {
            findings.good("TLS", "the certificate of the server is trusted")?;
        }
        let directory = if metadata.is_directory() { place.clone() } else { above(&place) };
        list(context, &directory, findings).await?;
        space(context, &directory, findings).await?;
        if self.may_write(&directory)? {
            Probe::new(&directory)?.examine(context, findings).await?;
        } else {
            findings.note("write", "not tried; --write tries it without asking")?;
        }
        declared(&place.backend().capabilities(), findings)?;
        self.settings(context, url, findings)
    }

    /// Asks, if there is somebody to answer.
    fn may_write(&self, directory: &Place) -> io::Result<bool> {
        if self.write || self.no_write || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(self.write);
        }
        write!(io::stderr(), "Write a file of 64 KiB to {directory}, and remove it again? [y/N] ")?;
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// What to write into `law.toml`, or where it stands already.
    fn settings(&self, context: &Context, url: &Url, findings: &mut Findings) -> Result<(), Failure> {
        let systems = context.file_systems();
        match url.location() {
            Location::Named { name, .. } => findings.good("settings", format!("[fs.{name}]"))?,
            Location::Remote(remote) if remote.user().is_none() && remote.query().is_none() => {
                if let Some(name) = systems.configured_name(remote) {
                    return Ok(findings.good("settings", format!("[fs.{name}], of the same door"))?);
                }
                let name = name_for(remote.host());
                match stanza(&name, &remote.with_path(remote.path().clone()).to_string(), None) {
                    Ok(text) => findings.stanza(&name, &(text + &systems.endpoint_of(remote)))?,
                    Err(error) => findings.note("settings", error.to_string())?,
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Of several doors each is asked, as one that is down is no reason to stop.
async fn each_door(context: &Context, place: &Place, doors: &Doors, findings: &mut Findings) -> Result<(), Failure> {
    let answers = doors.ask_each(&context.call, &place.resolved()).await;
    for (report, answer) in doors.report().into_iter().zip(answers) {
        match answer {
            Ok(()) => {
                let within = report.latency.unwrap_or_default().as_secs_f64() * 1e3;
                findings.good("door", format!("{} answers within {within:.0} ms", report.door))?;
            }
            Err(error) => findings.failed("door", &error)?,
        }
    }
    Ok(())
}

/// A short name: `door1.site.example` is `site`, `localhost` itself.
fn name_for(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    let is_address = host.contains(':') || labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    match labels[..] {
        _ if is_address => "store".into(),
        [.., site, _] if labels.len() > 2 => site.into(),
        [first, ..] => first.into(),
        [] => "store".into(),
    }
}

fn above(place: &Place) -> Place {
    Place::new(place.fs.clone(), place.path.parent().unwrap_or_else(|| place.path.clone()))
}

fn credential(context: &Context, url: &Url, findings: &mut Findings) -> Result<(), Failure> {
    let report = match context.file_systems().credential_of(url) {
        Ok(report) => report,
        Err(error) => return Ok(findings.failed("credential", &error)?),
    };
    let Some(source) = report.source else {
        return Ok(findings.note("credential", "none; see law fs token show")?);
    };
    let Some(expires) = report.claims.expires else { return Ok(findings.good("credential", source)?) };
    let date =
        output::time(Some(law_storage::Modified { time: expires, resolution: std::time::Duration::from_secs(1) }));
    if expires > SystemTime::now() {
        return Ok(findings.good("credential", format!("{source}, until {date}"))?);
    }
    let error = Error::new(ErrorKind::Unauthenticated, format!("{source} has expired on {date}"));
    Ok(findings.failed("credential", &error.hint(renewal(&source)))?)
}

/// What is there; none if it cannot be told, or nothing is.
async fn look(context: &Context, place: &Place, findings: &mut Findings) -> Result<Option<Metadata>, Failure> {
    match context.stat(place).await {
        Ok(Some(metadata)) => {
            findings.good("place", format!("a {} is there", output::kind(metadata.kind)))?;
            return Ok(Some(metadata));
        }
        Ok(None) => {
            let error = Error::new(ErrorKind::NotFound, "nothing is there");
            let error = error.hint("the storage answers: is the path right, with all of its prefix?");
            findings.failed("place", &missing_container(context, place).await.unwrap_or(error))?;
        }
        Err(error) => findings.failed("place", &context.judged(error))?,
    }
    Ok(None)
}

/// That not even the bucket is there, of a storage that has such things.
pub(crate) async fn missing_container(context: &Context, place: &Place) -> Option<Error> {
    if !place.backend().capabilities().implied_directories {
        return None;
    }
    let listing = place.backend().list(&context.call, &Path::root(), &Default::default()).await;
    let first = match listing {
        Ok(mut listing) => listing.next().await?.err(),
        Err(error) => Some(error),
    };
    first.filter(|error| error.kind() == ErrorKind::NotFound)
}

async fn list(context: &Context, directory: &Place, findings: &mut Findings) -> Result<(), Failure> {
    let listing = directory.backend().list(&context.call, &directory.resolved(), &Default::default()).await;
    let first = match listing {
        Ok(mut listing) => listing.next().await.transpose(),
        Err(error) => Err(error),
    };
    match first {
        Ok(page) => {
            let entries = page.map_or(0, |page| page.entries.len());
            findings.good("list", format!("{entries} entries in the first page"))?;
        }
        Err(error) => findings.failed("list", &error)?,
    }
    Ok(())
}

async fn space(context: &Context, directory: &Place, findings: &mut Findings) -> Result<(), Failure> {
    match directory.backend().space(&context.call, &directory.resolved()).await {
        Ok(space) => match (space.available, space.used) {
            (Some(0), _) => {
                let full = Error::new(ErrorKind::NoSpace, "nothing is left of the space or quota");
                findings.failed("space", &full)?;
            }
            (Some(available), _) => findings.good("space", format!("{} available", output::amount(available)))?,
            (None, Some(used)) => {
                findings.note("space", format!("{} used; what is left is not told", output::amount(used)))?
            }
            (None, None) => findings.note("space", "not told by the storage")?,
        },
        Err(error) if error.kind() == ErrorKind::Unsupported => findings.note("space", "not told by the storage")?,
        Err(error) => findings.failed("space", &error)?,
    }
    Ok(())
}

/// What is known of the storage by now.
fn declared(capabilities: &Capabilities, findings: &mut Findings) -> io::Result<()> {
    match capabilities.overwrite {
        Overwrite::Atomic => findings.good("replacing", "readers see the old file or the new one")?,
        Overwrite::Window => findings.note("replacing", "while a file is replaced there is none for a moment")?,
        Overwrite::Unsafe => findings.note("replacing", "readers may see a part of the new file")?,
    }
    match capabilities.copy {
        Support::Yes => findings.good("copies", "within the storage"),
        _ => findings.note("copies", "pass through this machine"),
    }
}

impl Findings {
    fn stanza(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.note("settings", format!("for the name {name}: in a law.toml"))?;
        if !self.json() {
            let mut out = Out::new();
            text.lines().try_for_each(|line| out.line(format!("                 {line}")))?;
            out.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_hosts() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("door1.site.example", "site"),
            ("site.example", "site"),
            ("127.0.0.1", "store"),
            ("[::1]", "store"),
            ("", "store"),
        ] {
            assert_eq!(name_for(host), name, "{host}");
        }
    }
}
