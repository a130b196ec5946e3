//! The WLCG Tape REST API, version 1: <https://wlcg-tape-rest-api.web.cern.ch>.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use law_storage::{
    Call, Error, ErrorKind, NameRules, Operation, Path, Result, TapeAnswer, TapeFile, TapeOrder, TapeState,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Endpoint;
use crate::http::status::refused;
use crate::http::{Address, Request};

/// Where a site tells its endpoints.
const WELL_KNOWN: &str = "/.well-known/wlcg-tape-rest-api";

/// Bytes of an answer that are read: enough for some 100,000 files.
const LONGEST: usize = 64 << 20;

#[derive(Deserialize)]
struct Discovery {
    endpoints: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    uri: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Staging {
    request_id: String,
}

#[derive(Deserialize)]
struct Progress {
    files: Vec<OnItsWay>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnItsWay {
    path: String,
    state: Option<String>,
    on_disk: Option<bool>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Where {
    path: String,
    locality: Option<String>,
    error: Option<String>,
}

impl Endpoint {
    pub(super) async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        for path in order.files() {
            self.check_rules(path, NameRules::TEXT)?;
        }
        let api = self.tape_api(call).await?;
        match order {
            TapeOrder::Stage { files, lifetime } => {
                let lifetime = lifetime.map(|time| format!("PT{}S", time.as_secs()));
                let file = |path: &Path| match &lifetime {
                    Some(lifetime) => json!({ "path": named(path), "diskLifetime": lifetime }),
                    None => json!({ "path": named(path) }),
                };
                let body = json!({ "files": files.iter().map(file).collect::<Vec<_>>() });
                let staging: Staging = self.told_by(call, &api, "stage", Some(body)).await?;
                Ok(TapeAnswer::Request(staging.request_id))
            }
            TapeOrder::Progress { request } => {
                let progress: Progress = self.told_by(call, &api, &format!("stage/{}", segment(request)), None).await?;
                progress.files.into_iter().map(OnItsWay::file).collect::<Result<_>>().map(TapeAnswer::Files)
            }
            TapeOrder::Cancel { request, files } => {
                self.order_tape(call, &api, &format!("stage/{}/cancel", segment(request)), files).await
            }
            TapeOrder::Release { request, files } => {
                self.order_tape(call, &api, &format!("release/{}", segment(request)), files).await
            }
            TapeOrder::Where { files } => {
                let all: Vec<Where> = self.told_by(call, &api, "archiveinfo", Some(paths(files))).await?;
                all.into_iter().map(Where::file).collect::<Result<_>>().map(TapeAnswer::Files)
            }
        }
    }

    /// Where this site takes orders.
    async fn tape_api(&self, call: &Call) -> Result<Address> {
        let place = self.client.home().path(&Path::root()).redirected(WELL_KNOWN)?;
        let request = Request::new(Method::GET, self.with_ticket(place.clone()));
        let answer = self.send(call, request, Operation::Tape).await?;
        if !answer.status.is_success() && !matches!(answer.status.as_u16(), 404 | 405 | 410 | 501) {
            return Err(refused(answer, Operation::Tape).await);
        }
        let unknown = || {
            let error = Error::new(ErrorKind::Unsupported, "the site tells of no tape (WLCG Tape REST API, version 1)");
            error.at(self.client.home()).during(Operation::Tape)
        };
        if !answer.status.is_success() {
            answer.body.discard().await;
            return Err(unknown());
        }
        let body = call.bound(answer.body.collect(LONGEST)).await?;
        let found: Discovery = serde_json::from_slice(&body).map_err(|_| unknown())?;
        let version = found.endpoints.into_iter().find(|endpoint| endpoint.version == "v1").ok_or_else(unknown)?;
        place.redirected(version.uri.trim_end_matches('/'))
    }

    async fn order_tape(&self, call: &Call, api: &Address, what: &str, files: &[Path]) -> Result<TapeAnswer> {
        self.ask_tape(call, api, what, Some(paths(files))).await.map(|_| TapeAnswer::Done)
    }

    async fn told_by<T: for<'a> Deserialize<'a>>(
        &self,
        call: &Call,
        api: &Address,
        what: &str,
        body: Option<Value>,
    ) -> Result<T> {
        let answer = self.ask_tape(call, api, what, body).await?;
        serde_json::from_slice(&answer).map_err(|error| malformed("what the site says of its tapes").because(error))
    }

    async fn ask_tape(&self, call: &Call, api: &Address, what: &str, body: Option<Value>) -> Result<Bytes> {
        let place = api.below(what);
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(method, place).at_any_port();
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(header::CONTENT_TYPE, json).bytes(body.to_string());
        }
        let answer = self.send(call, request, Operation::Tape).await?;
        if !answer.status.is_success() {
            return Err(refused(answer, Operation::Tape).await);
        }
        call.bound(answer.body.collect(LONGEST)).await
    }
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("{what} makes no sense")).during(Operation::Tape)
}

/// A path as the interface wants it.
fn named(path: &Path) -> String {
    format!("/{}", String::from_utf8_lossy(path.as_bytes()))
}

fn paths(files: &[Path]) -> Value {
    json!({ "paths": files.iter().map(named).collect::<Vec<_>>() })
}

/// A request's name as one segment of a URL, whatever somebody typed.
fn segment(request: &str) -> String {
    percent_encoding::utf8_percent_encode(request, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%2D", "-")
}

/// Sites answer with more slashes than they were asked with.
fn path_of(text: &str) -> Result<Path> {
    let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
    Path::parse(segments.join("/")).map_err(|error| malformed("a path from the site").because(error))
}

impl OnItsWay {
    fn file(self) -> Result<TapeFile> {
        let failed = self.error.as_ref().is_some_and(|error| !error.is_empty());
        let state = match self.state.as_deref() {
            Some("SUBMITTED") => TapeState::Submitted,
            Some("STARTED") => TapeState::Started,
            Some("COMPLETED") => TapeState::Completed,
            Some("CANCELLED") => TapeState::Cancelled,
            Some("FAILED") => TapeState::Failed,
            // Older sites tell only these.
            _ if failed => TapeState::Failed,
            _ if self.on_disk == Some(true) => TapeState::Completed,
            _ => TapeState::Started,
        };
        Ok(TapeFile { path: path_of(&self.path)?, state, error: self.error.filter(|error| !error.is_empty()) })
    }
}

impl Where {
    fn file(self) -> Result<TapeFile> {
        let state = match self.locality.as_deref() {
            Some("DISK") => TapeState::Disk,
            Some("TAPE") => TapeState::Tape,
            Some("DISK_AND_TAPE") => TapeState::DiskAndTape,
            Some("LOST") => TapeState::Lost,
            Some("NONE") => TapeState::Nowhere,
            _ => TapeState::Unavailable,
        };
        Ok(TapeFile { path: path_of(&self.path)?, state, error: self.error.filter(|error| !error.is_empty()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sites_say() {
        let told = r#"{"id":"x","files":[{"path":"//a//b","state":"STARTED"},{"path":"/c","onDisk":true},
            {"path":"/d","error":"no such file"},{"path":"/e","state":"NEW","error":null}]}"#;
        let progress: Progress = serde_json::from_str(told).unwrap();
        let files: Vec<TapeFile> = progress.files.into_iter().map(|file| file.file().unwrap()).collect();
        let states: Vec<(String, TapeState)> = files.iter().map(|file| (file.path.to_string(), file.state)).collect();
        let expected = [
            ("a/b", TapeState::Started),
            ("c", TapeState::Completed),
            ("d", TapeState::Failed),
            ("e", TapeState::Started),
        ];
        assert_eq!(states, expected.map(|(path, state)| (path.to_owned(), state)));
        assert_eq!(files[2].error.as_deref(), Some("no such file"));
        let told =
            r#"[{"path":"/a","locality":"DISK_AND_TAPE"},{"path":"/b","error":"gone"},{"path":"/c","locality":"NEW"}]"#;
        let all: Vec<Where> = serde_json::from_str(told).unwrap();
        let states: Vec<TapeState> = all.into_iter().map(|file| file.file().unwrap().state).collect();
        assert_eq!(states, [TapeState::DiskAndTape, TapeState::Unavailable, TapeState::Unavailable]);
    }

    #[test]
    fn paths_from_elsewhere_are_refused() {
        for bad in ["/a/../b", "a\0b"] {
            assert!(path_of(bad).is_err(), "{bad:?}");
        }
        assert_eq!(segment("../x y/1-2"), "%2E%2E%2Fx%20y%2F1-2");
    }
}
