//! Signatures of requests (Signature Version 4), and whose they are.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use law_storage::{Call, Credential, EndpointSettings, Error, ErrorKind, Location, Path, Result, Url};
use reqsign_aws_v4::{Credential as Key, DefaultCredentialProvider, RequestSigner};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Env, FileRead, HttpSend, OsEnv, ProvideCredential, SignRequest,
};
use tokio::sync::Mutex;

use crate::auth::read_small;
use crate::http::{Address, Client, Origin, Request};

/// The longest file with keys or a token.
const LONGEST: u64 = 1024 * 1024;

/// Signs requests with the key of the settings, or with the one that Amazon's own tools would use.
pub(super) struct Signer {
    context: Context,
    keys: Keys,
    /// The profile that was named.
    profile: Option<String>,
    /// The key that was used last; none of none if there is none.
    last: Mutex<Option<Option<Key>>>,
}

enum Keys {
    /// Requests are anonymous.
    None,
    Named(Key),
    Found(DefaultCredentialProvider),
}

impl Signer {
    pub(super) fn new(settings: &EndpointSettings) -> Self {
        let keys = match &settings.credential {
            Credential::AccessKey { id, secret, token } => Keys::Named(Key {
                access_key_id: id.clone(),
                secret_access_key: secret.expose().to_owned(),
                session_token: token.as_ref().map(|token| token.expose().to_owned()),
                expires_in: None,
            }),
            Credential::Aws { profile } => Keys::Found(match profile {
                // Nobody else's key, whatever there is.
                Some(profile) => {
                    DefaultCredentialProvider::builder().with_profile(profile).no_env().no_ecs().no_imds().build()
                }
                None => DefaultCredentialProvider::new(),
            }),
            _ => Keys::None,
        };
        let context = Context::new()
            .with_env(Variables)
            .with_file_read(Files)
            .with_http_send(Services(settings.ca.clone()))
            .with_command_execute(Programs);
        let profile = match &settings.credential {
            Credential::Aws { profile } => profile.clone(),
            _ => None,
        };
        Self { context, keys, profile, last: Mutex::default() }
    }

    /// The headers that say who asks: none for nobody in particular.
    ///
    /// # Errors
    /// `Unauthenticated` if a key that is wanted cannot be had.
    pub(super) async fn sign(
        &self,
        region: &str,
        (method, address): (&Method, &Address),
        headers: &HeaderMap,
    ) -> Result<HeaderMap> {
        let Some(key) = self.key().await? else { return Ok(headers.clone()) };
        let mut parts = http::Request::builder()
            .method(method.clone())
            .uri(address.with_ticket().expose())
            .body(())
            .map_err(|error| Error::new(ErrorKind::Internal, "a request that cannot be signed").because(error))?
            .into_parts()
            .0;
        parts.headers = headers.clone();
        let signer = RequestSigner::new("s3", region);
        signer.sign_request(&self.context, &mut parts, Some(&key), None).await.map_err(unsigned)?;
        // It is sent for every request, and never twice.
        parts.headers.remove(header::HOST);
        Ok(parts.headers)
    }

    /// Whether it is known that requests are anonymous.
    pub(super) async fn is_anonymous(&self) -> bool {
        matches!(&*self.last.lock().await, Some(None))
    }

    /// A key that is wanted, or was there, is not there.
    fn no_key(&self) -> Error {
        match &self.profile {
            Some(profile) => {
                let error = Error::new(ErrorKind::Unauthenticated, format!("there is no key of the profile {profile}"));
                error.hint(format!("aws configure --profile {profile} makes it, or name another profile in [fs.NAME]"))
            }
            None => {
                let error = Error::new(ErrorKind::Unauthenticated, "there is no key any more");
                error.hint("law fs token show PLACE tells where it is looked for")
            }
        }
    }

    /// The key of now: one that ends soon is asked for again.
    async fn key(&self) -> Result<Option<Key>> {
        let mut last = self.last.lock().await;
        match &*last {
            Some(Some(key)) if is_good(key) => return Ok(Some(key.clone())),
            Some(None) => return Ok(None),
            _ => {}
        }
        let key = match &self.keys {
            Keys::None => None,
            Keys::Named(key) => Some(key.clone()),
            Keys::Found(provider) => {
                let found = provider.provide_credential(&self.context).await.map_err(unsigned)?;
                if found.is_none() && (self.profile.is_some() || last.is_some()) {
                    return Err(self.no_key());
                }
                found
            }
        };
        *last = Some(key.clone());
        Ok(key)
    }
}

/// Whether it lasts for longer than a request takes.
fn is_good(key: &Key) -> bool {
    use reqsign_core::SigningCredential as _;
    key.is_valid()
}

fn unsigned(error: reqsign_core::Error) -> Error {
    Error::new(ErrorKind::Unauthenticated, "there is no usable key")
        .because(error)
        .hint("law fs token show PLACE tells where it is looked for")
}

/// The environment, where a variable that is empty is not set.
#[derive(Debug)]
struct Variables;

impl Env for Variables {
    fn var(&self, key: &str) -> Option<String> {
        OsEnv.var(key).filter(|value| !value.is_empty())
    }

    fn vars(&self) -> HashMap<String, String> {
        OsEnv.vars().into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        OsEnv.home_dir()
    }
}

/// Files with keys.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || read_small(path.as_ref(), LONGEST));
        let bytes = read.await.map_err(|error| failed("a file cannot be read", error))?;
        bytes.map_err(|error| failed("a file cannot be read", error))
    }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> reqsign_core::Error {
    reqsign_core::Error::unexpected(what).with_source(error)
}

/// Services that hand out keys: of the machine (IMDS), of the job (ECS), of a web identity (STS).
struct Services(Option<PathBuf>);

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

impl Services {
    async fn ask(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        const LONGEST: usize = 1024 * 1024;
        let (parts, body) = request.into_parts();
        let (origin, address) = address(&parts.uri.to_string())?;
        let mut settings = EndpointSettings::default();
        settings.ca = self.0.clone();
        // On a machine that has no such service nobody answers.
        settings.timeouts.connect = Duration::from_secs(1);
        settings.timeouts.first_byte = Duration::from_secs(5);
        let client = Client::new(origin, &settings)?;
        let mut request = Request::new(parts.method, address).staying().bytes(body);
        for (name, value) in parts.headers.iter().filter(|(name, _)| **name != header::HOST) {
            request = request.header(name.clone(), value.clone());
        }
        let answer = client.send(&Call::new(), &request, Duration::ZERO).await?;
        let mut response = http::Response::new(Bytes::new());
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers.clone());
        *response.body_mut() = answer.body.collect(LONGEST).await?;
        Ok(response)
    }
}

fn address(url: &str) -> Result<(Origin, Address)> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match Url::parse(plain)?.location() {
        Location::Remote(remote) => {
            let origin = Origin::of(remote);
            let address = origin.path(&Path::root()).redirected(url)?;
            Ok((origin, address))
        }
        _ => Err(Error::new(ErrorKind::InvalidInput, "an address of no service")),
    }
}

impl HttpSend for Services {
    async fn http_send(&self, request: http::Request<Bytes>) -> reqsign_core::Result<http::Response<Bytes>> {
        self.ask(request).await.map_err(|error| failed("a service does not answer", error))
    }
}

/// Programs that print keys (`credential_process` of a profile).
#[derive(Debug)]
struct Programs;

impl CommandExecute for Programs {
    async fn command_execute(&self, program: &str, arguments: &[&str]) -> reqsign_core::Result<CommandOutput> {
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(std::process::Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.map_err(|error| failed("a program cannot be run", error))?;
        let output = output.map_err(|error| failed("a program cannot be run", error))?;
        Ok(CommandOutput { status: output.status.code().unwrap_or(1), stdout: output.stdout, stderr: output.stderr })
    }
}
