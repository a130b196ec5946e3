//! A connection: a process `ssh`, which knows keys, agents, jump hosts and known hosts, and SFTP spoken through it.
//!
//! The process ends with its connection, which ends with this one: it sees the end of its input, also after `kill -9`.

use std::ffi::OsString;
use std::process::Stdio;
use std::sync::{Arc, Mutex as Guarded, PoisonError};
use std::time::{Duration, Instant};

use law_storage::{Credential, EndpointSettings, Error, ErrorKind, RemoteUrl, Result};
use openssh_sftp_client::{Sftp, SftpOptions};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::status::refused_by_ssh;

/// How much of what `ssh` says is kept: its last words tell why it ended.
const WORDS: usize = 4096;
/// How long `ssh` may take to say why it ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the server can do beyond version 3 of the protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// A rename replaces a file in one step.
    pub(super) replaces: bool,
    pub(super) links: bool,
    pub(super) copies: bool,
    pub(super) space: bool,
}

pub(super) struct Connection {
    pub(super) sftp: Sftp,
    pub(super) abilities: Abilities,
    /// Killed when this is dropped, should it not have ended.
    ssh: Mutex<Child>,
    answered: Guarded<Instant>,
}

impl Connection {
    /// Something came.
    pub(super) fn answers(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nothing has come.
    pub(super) fn silence(&self) -> Duration {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    pub(super) async fn open(program: &OsString, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments(url, settings)?).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C is for this program, which still has to tidy up.
        let mut ssh = command.process_group(0).kill_on_drop(true).spawn().map_err(|error| no_ssh(program, error))?;
        let missing = || Error::new(ErrorKind::Internal, "a process without pipes");
        let (input, output) = (ssh.stdin.take().ok_or_else(missing)?, ssh.stdout.take().ok_or_else(missing)?);
        let words = Words::of(ssh.stderr.take().ok_or_else(missing)?);
        let limit = settings.timeouts.connect + settings.timeouts.tls;
        match tokio::time::timeout(limit, Sftp::new(input, output, SftpOptions::new())).await {
            Ok(Ok(sftp)) => Ok(Self {
                abilities: Abilities::of(&sftp),
                sftp,
                ssh: Mutex::new(ssh),
                answered: Guarded::new(Instant::now()),
            }),
            Ok(Err(_)) => Err(refused_by_ssh(&words.last().await, &typed(url, settings))),
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no connection within {} s", limit.as_secs()))),
        }
    }
}

impl Connection {
    /// Whether it is this side that has given up, as it cannot read what the server says: then `ssh` ends in peace.
    pub(super) async fn was_given_up(&self) -> bool {
        let mut ssh = self.ssh.lock().await;
        let ended = tokio::time::timeout(LAST_WORDS, ssh.wait()).await;
        matches!(ended, Ok(Ok(status)) if status.success())
    }
}

impl Abilities {
    fn of(sftp: &Sftp) -> Self {
        Self {
            replaces: sftp.support_posix_rename(),
            links: sftp.support_hardlink(),
            copies: sftp.support_copy(),
            space: sftp.support_statvfs(),
        }
    }
}

fn no_ssh(program: &OsString, error: std::io::Error) -> Error {
    let message = format!("the program {} cannot be run", program.to_string_lossy());
    let error = Error::new(ErrorKind::Unsupported, message).because(error);
    error.hint(
        "sftp:// is spoken through OpenSSH's client: install openssh-client (Debian) or openssh-clients (Red Hat)",
    )
}

/// No prompts, no forwarding, nothing that outlives the connection; all else is the user's own configuration of `ssh`.
fn arguments(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Vec<OsString>> {
    const ALWAYS: [&str; 8] = [
        "BatchMode=yes",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        "ControlMaster=no",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=3",
    ];
    let mut arguments: Vec<OsString> = ALWAYS.iter().flat_map(|option| ["-o", option]).map(Into::into).collect();
    let seconds = settings.timeouts.connect.as_secs().max(1);
    arguments.extend(["-o".into(), format!("ConnectTimeout={seconds}").into()]);
    let (mut user, mut key) = (url.user().map(str::to_owned), None);
    if let Credential::Ssh { user: set, key: file } = &settings.credential {
        (user, key) = (user.or(set.clone()), file.clone());
    }
    if let Some(user) = user {
        check_user(&user)?;
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(key) = key {
        arguments.extend(["-o".into(), "IdentitiesOnly=yes".into(), "-i".into(), key.into()]);
    }
    if let Some(port) = url.port() {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    arguments.extend(["-T", "-s", "--"].map(Into::into));
    arguments.extend([url.host().into(), "sftp".into()]);
    Ok(arguments)
}

/// What somebody types after `ssh` to come to the same host.
fn typed(url: &RemoteUrl, settings: &EndpointSettings) -> String {
    let (mut user, mut key) = (url.user(), None);
    if let Credential::Ssh { user: set, key: file } = &settings.credential {
        (user, key) = (user.or(set.as_deref()), file.as_ref());
    }
    let port = url.port().map(|port| format!("-p {port} ")).unwrap_or_default();
    let key = key.map(|key| format!("-i {} ", key.display())).unwrap_or_default();
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    format!("{port}{key}{user}{}", url.host())
}

/// The name goes into commands of the user's configuration, such as `ProxyCommand`.
fn check_user(user: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || "-_.@+\\".contains(c);
    match !user.is_empty() && !user.starts_with('-') && user.chars().all(plain) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::InvalidInput, "a name that no user of SSH has")),
    }
}

/// What a process says, of which the end is kept.
struct Words {
    said: Arc<Guarded<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Words {
    fn of(mut stream: ChildStderr) -> Self {
        let said: Arc<Guarded<Vec<u8>>> = Arc::default();
        let kept = said.clone();
        let reading = tokio::spawn(async move {
            let mut chunk = [0; 1024];
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..length]);
                let surplus = kept.len().saturating_sub(WORDS);
                kept.drain(..surplus);
            }
        });
        Self { said, reading }
    }

    /// What it said until its end.
    async fn last(self) -> String {
        let _ = tokio::time::timeout(LAST_WORDS, self.reading).await;
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::{Location, Url};

    fn command(url: &str, credential: Credential) -> Result<String> {
        let mut settings = EndpointSettings::default();
        settings.credential = credential;
        let Location::Remote(url) = Url::parse(url).unwrap().location().clone() else { panic!() };
        let words = arguments(&url, &settings)?;
        Ok(words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_url_says_who_and_where() {
        let plain = command("sftp://host.example/x", Credential::None).unwrap();
        assert!(plain.ends_with("-T -s -- host.example sftp") && !plain.contains("-l") && !plain.contains("-p "));
        assert!(plain.contains("-o BatchMode=yes"), "{plain}");
        let who = Credential::Ssh { user: Some("me".into()), key: Some("/keys/lab".into()) };
        let full = command("sftp://host.example:2222/x", who.clone()).unwrap();
        assert!(full.contains("-l me ") && full.contains("-i /keys/lab") && full.contains("-p 2222"), "{full}");
        assert!(command("sftp://you@host.example/x", who).unwrap().contains("-l you "));
    }

    #[test]
    fn no_name_of_a_user_becomes_an_option_or_a_command() {
        for bad in ["-oProxyCommand=x", "a b", "a;b", "$(id)", "a`b`", "a%68b\n"] {
            let who = Credential::Ssh { user: Some(bad.into()), key: None };
            assert_eq!(command("sftp://host/x", who).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_machine_without_ssh_is_told_what_to_install() {
        let Location::Remote(url) = Url::parse("sftp://host/x").unwrap().location().clone() else { panic!() };
        let opened = Connection::open(&"/nowhere/ssh".into(), &url, &EndpointSettings::default()).await;
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.hint_text().unwrap().contains("openssh-client"));
    }
}
