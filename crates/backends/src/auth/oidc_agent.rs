//! Bearer tokens of oidc-agent, which keeps what they are made of and renews them: <https://indigo-dc.gitbook.io/oidc-agent/>.
//!
//! It is asked at a socket of this machine, with a JSON object, and closes the connection behind its answer (API of version 4).

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use law_storage::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

/// How long a token must live when it is asked for.
const LEAST: Duration = Duration::from_secs(60);

/// The agent asks the provider, which may be far away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer.
const LONGEST: u64 = 128 * 1024;

/// An account that the agent has loaded, or loads when it is asked.
pub(super) struct OidcAgent {
    socket: Option<PathBuf>,
    account: String,
    held: Mutex<Option<Held>>,
    /// Whoever asks, so that many requests ask once.
    asking: tokio::sync::Mutex<()>,
}

/// How long a token lives of which the agent does not tell.
const UNTOLD: Duration = Duration::from_secs(300);

#[derive(Clone)]
struct Held {
    token: Secret,
    expires: Option<SystemTime>,
}

impl Held {
    fn lives(&self, time: Duration) -> bool {
        self.expires.is_none_or(|end| end > SystemTime::now() + time)
    }
}

impl OidcAgent {
    pub(super) fn new(socket: Option<PathBuf>, account: String) -> Self {
        Self { socket, account, held: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    /// Makes sure that there is a token which lives for a while.
    ///
    /// # Errors
    /// `Unauthenticated` if the agent is not there, or gives none.
    pub(super) async fn renew(&self) -> Result<()> {
        let _only = self.asking.lock().await;
        let held = self.held();
        if held.as_ref().is_some_and(|held| held.lives(LEAST)) {
            return Ok(());
        }
        let (socket, account) = (self.socket.clone(), self.account.clone());
        let asked = tokio::task::spawn_blocking(move || ask(socket.as_deref(), &account)).await;
        let asked =
            asked.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "asking oidc-agent").because(error)));
        match asked {
            Ok(new) => *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(new),
            // The storage decides how good it still is.
            Err(error) if held.is_some_and(|held| held.lives(Duration::ZERO)) => tracing::warn!("{error}"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn held(&self) -> Option<Held> {
        // It is replaced as a whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The token that was got last.
    pub(super) fn token(&self) -> Result<Secret> {
        let missing = || Error::new(ErrorKind::Unauthenticated, "oidc-agent was not asked for a token yet");
        self.held().map(|held| held.token).ok_or_else(missing)
    }
}

/// The token of an account, as the agent that listens at `socket` gives it. Waits up to half a minute.
///
/// # Errors
/// `Unauthenticated` if no agent is there, or it gives none.
pub fn oidc_token(socket: Option<&Path>, account: &str) -> Result<Secret> {
    ask(socket, account).map(|held| held.token)
}

fn ask(socket: Option<&Path>, account: &str) -> Result<Held> {
    let start = "eval `oidc-agent-service use` starts it, and sets $OIDC_SOCK";
    let Some(socket) = socket else {
        return Err(
            Error::new(ErrorKind::Unauthenticated, "oidc-agent does not run: $OIDC_SOCK is not set").hint(start)
        );
    };
    let answer = exchange(socket, account).map_err(|cause| {
        let error = Error::new(ErrorKind::Unauthenticated, "oidc-agent does not answer at").at(socket.display());
        error.because(cause).hint(start)
    })?;
    read(&answer, account)
}

fn exchange(socket: &Path, account: &str) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = serde_json::json!({
        "request": "access_token", "account": account, "min_valid_period": LEAST.as_secs(), "application_hint": "law",
    });
    stream.write_all(request.to_string().as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(answer)
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_at: Option<u64>,
    error: Option<String>,
    info: Option<String>,
}

fn read(answer: &[u8], account: &str) -> Result<Held> {
    let refused = |why: &str| {
        let error = Error::new(ErrorKind::Unauthenticated, format!("oidc-agent gives no token of `{account}`: {why}"));
        error.hint(format!("oidc-add {account} loads it, oidc-gen {account} makes it"))
    };
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| refused("its answer is none"))?;
    let token = answer.access_token.filter(|token| !token.trim().is_empty());
    let Some(token) = token else {
        let words = [answer.error, answer.info].into_iter().flatten().collect::<Vec<_>>().join("; ");
        return Err(refused(if words.is_empty() { "it does not say why" } else { words.trim() }));
    };
    let expires = answer.expires_at.filter(|seconds| *seconds > 0);
    let expires = expires.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    // One of which that is not told is asked for again soon.
    let expires = expires.or_else(|| SystemTime::now().checked_add(UNTOLD));
    Ok(Held { token: Secret::new(token.trim()), expires })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// An agent that gives these answers, one to each who asks.
    fn agent(answers: Vec<String>) -> (tempfile::TempDir, PathBuf, std::thread::JoinHandle<Vec<String>>) {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let serving = std::thread::spawn(move || {
            let answer = |answer: String| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                String::from_utf8_lossy(&request[..length]).into_owned()
            };
            answers.into_iter().map(answer).collect()
        });
        (directory, socket, serving)
    }

    fn token(name: &str, seconds: u64) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        format!("{{\"status\":\"success\",\"access_token\":\"{name}\",\"expires_at\":{}}}", now + seconds)
    }

    #[tokio::test]
    async fn a_token_is_asked_for_when_it_is_needed_and_again_when_it_ends() {
        let failure = "{\"status\":\"failure\",\"error\":\"no net\"}".to_owned();
        let (_directory, socket, serving) = agent(vec![token("one", 5), failure, token("two", 3600)]);
        let agent = OidcAgent::new(Some(socket), "lab".into());
        assert!(agent.token().is_err());
        let mut seen = Vec::new();
        for _ in 0..5 {
            agent.renew().await.unwrap();
            seen.push(agent.token().unwrap().expose().to_owned());
        }
        assert_eq!(seen, ["one", "one", "two", "two", "two"], "one that has not ended is better than none");
        let requests = serving.join().unwrap();
        assert!(requests[0].contains("\"account\":\"lab\"") && requests[0].contains("access_token"), "{requests:?}");
    }

    #[test]
    fn what_is_no_token_is_an_error_that_says_why() {
        let error = ask(None, "lab").err().unwrap();
        assert!(error.to_string().contains("$OIDC_SOCK"), "{error}");
        let error = ask(Some(Path::new("/no/such/socket")), "lab").err().unwrap();
        assert_eq!((error.kind(), error.to_string().contains("/no/such/socket")), (ErrorKind::Unauthenticated, true));
        let failure = r#"{"status":"failure","error":"No account configured with that short name"}"#;
        for (answer, why) in
            [(failure, "No account configured"), ("{}", "does not say why"), ("", "none"), ("[", "none")]
        {
            let error = read(answer.as_bytes(), "lab").err().unwrap();
            assert!(error.to_string().contains(why) && error.hint_text().unwrap().contains("oidc-add lab"), "{error}");
        }
    }
}
