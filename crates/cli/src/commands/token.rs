//! `law fs token`

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use law_storage::{Error, ErrorKind, Modified, Url};
use law_target::CredentialReport;
use serde_json::{Value, json};

use crate::context::{Context, renewal};
use crate::exit::Failure;
use crate::output::{self, Out};

/// Where a credential may be.
const PLACES: &str = "a token is looked for in the settings, BEARER_TOKEN, BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_uID and \
    /tmp/bt_uID; a certificate in the settings, X509_USER_PROXY, /tmp/x509up_uID, X509_USER_CERT with X509_USER_KEY, and ~/.globus; a password in the \
    settings, NETRC and ~/.netrc; what nobody has named goes nowhere without encryption";

/// Which credential a storage gets, where it is from, and until when.
#[derive(Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Which credential would be used, where it is from, until when, and what it allows. Never the secret itself.
    ///
    /// What a token says of itself is not verified: the storage does that. Exit code 77 if there is none, or if it has expired.
    Show(Show),
}

#[derive(Args)]
struct Show {
    /// For this storage; without it, for any that has no settings of its own and is reached with encryption.
    #[arg(value_name = "PLACE")]
    place: Option<OsString>,
}

impl Token {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let TokenCommand::Show(show) = self.command;
        show.run(context)
    }
}

impl Show {
    /// Where a credential of that storage may be.
    fn places(&self, context: &Context) -> &'static str {
        let url = self.place.as_ref().and_then(|place| Url::parse(place).ok());
        let door = url.and_then(|url| context.file_systems().door(&url).ok().flatten());
        match door.as_ref().map(|door| door.scheme().name()) {
            Some("dropbox") => {
                "law login dropbox makes one; token, or refresh_token and app_key, in [fs.NAME] name one"
            }
            Some("gcs") => "token and token_file in [fs.NAME] name one; auth must not begin with none",
            Some("s3" | "azblob") => "access_key and secret_key in [fs.NAME] name one; auth must not begin with none",
            _ => PLACES,
        }
    }

    fn run(self, context: &Context) -> Result<(), Failure> {
        let report = match &self.place {
            Some(place) => context.file_systems().credential_of(&Url::parse(place)?)?,
            None => context.file_systems().usual_credential()?,
        };
        let Some(source) = report.source.clone() else {
            let error = Error::new(ErrorKind::Unauthenticated, "there is no credential");
            return Err(error.hint(self.places(context)).into());
        };
        let mut out = Out::new();
        match context.json {
            true => out.line(object(&source, &report))?,
            false => lines(&source, &report).iter().try_for_each(|line| out.line(line))?,
        }
        out.flush()?;
        match report.expires().is_some_and(|expires| expires <= SystemTime::now()) {
            true => {
                let error = Error::new(ErrorKind::Unauthenticated, format!("the {source} has expired"));
                Err(error.hint(renewal(&source)).into())
            }
            false => Ok(()),
        }
    }
}

fn lines(source: &str, report: &CredentialReport) -> Vec<String> {
    let claims = &report.claims;
    let several = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
    let time = |time| output::time(Some(Modified { time, resolution: Duration::from_secs(1) }));
    let all = [
        ("credential", Some(source.to_owned())),
        ("issuer", claims.issuer.clone()),
        ("subject", claims.subject.clone()),
        ("scopes", several(&claims.scopes)),
        ("audience", several(&claims.audience)),
        ("begins", claims.begins.map(time)),
        ("expires", claims.expires.map(time)),
    ];
    let shown = all.into_iter().filter_map(|(name, value)| Some(format!("{name:<12}{}", value?)));
    shown.collect()
}

fn object(source: &str, report: &CredentialReport) -> Value {
    let claims = &report.claims;
    let seconds = |time: Option<SystemTime>| {
        time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|since| since.as_secs())
    };
    json!({
        "credential": source, "found": report.found, "issuer": claims.issuer, "subject": claims.subject, "scopes": claims.scopes,
        "audience": claims.audience, "begins": seconds(claims.begins), "expires": seconds(claims.expires),
    })
}
