//! `law login`

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use law_storage::{Error, ErrorKind};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;

/// Make a service know this program.
#[derive(Args)]
pub(crate) struct Login {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand)]
enum Service {
    Dropbox(Dropbox),
}

/// Log in at Dropbox: prints a page to open in a browser, and reads the code that the page tells.
///
/// What comes of it is kept in ~/.config/law/dropbox.json, for you alone, beside the logins of other apps.
#[derive(Args)]
struct Dropbox {
    /// The file system whose app_key and app_secret are used; the first that has them if none is named.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The key of the app.
    #[arg(long, value_name = "KEY")]
    app_key: Option<String>,
}

impl Login {
    pub(crate) fn name(&self) -> &'static str {
        match self.service {
            Service::Dropbox(_) => "dropbox",
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Service::Dropbox(service) = self.service;
        service.run(context).await
    }
}

impl Dropbox {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.name.as_deref().map(|name| name.trim_end_matches(':'));
        let login = context.file_systems().dropbox_login(name, self.app_key.as_deref())?;
        let mut out = Out::new();
        out.line(login.address())?;
        out.flush()?;
        if std::io::stdin().is_terminal() {
            crate::output::note("open this page in a browser, allow access, and type the code that it tells");
        }
        let read =
            async { tokio::task::spawn_blocking(read_code).await.map_err(|e| Error::from(std::io::Error::other(e)))? };
        let code = context.call.bound(read).await?;
        let file = login.end(&context.call, &code).await?;
        crate::output::note(format!("logged in; kept in {}", file.display()));
        Ok(())
    }
}

/// The first line that is not empty.
fn read_code() -> Result<String, Error> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if !line.trim().is_empty() {
            return Ok(line.trim().to_owned());
        }
    }
    Err(Error::new(ErrorKind::InvalidInput, "no code was typed"))
}
