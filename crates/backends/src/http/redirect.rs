//! Redirects: every method keeps its method and its body.

use http::{HeaderMap, StatusCode, header};
use law_storage::{Error, ErrorKind, Result};

use super::Address;

const MOST: usize = 10;

/// The places that a request was sent to.
pub(super) struct Route {
    visited: Vec<Address>,
}

impl Route {
    pub(super) fn from(start: Address) -> Self {
        Self { visited: vec![start] }
    }

    pub(super) fn here(&self) -> &Address {
        // There is always a start.
        &self.visited[self.visited.len() - 1]
    }

    /// Goes where the answer points, if it points anywhere.
    pub(super) fn follow(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<bool> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(false);
        }
        let Some(location) = headers.get(header::LOCATION) else { return Ok(false) };
        let next = self.here().redirected(&String::from_utf8_lossy(location.as_bytes()))?;
        if self.visited.contains(&next) {
            return Err(self.endless("redirected in a circle"));
        }
        if self.visited.len() > MOST {
            return Err(self.endless("redirected too often"));
        }
        self.visited.push(next);
        Ok(true)
    }

    fn endless(&self, what: &str) -> Error {
        let hosts: Vec<String> = self.visited.iter().map(|address| address.origin().authority()).collect();
        Error::new(ErrorKind::Unavailable, format!("{what} ({})", hosts.join(" -> "))).at(&self.visited[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Origin;
    use law_storage::{Location, Path, Url};

    fn route() -> Route {
        let url = Url::parse("http://a/x").unwrap();
        let Location::Remote(remote) = url.location() else { panic!() };
        Route::from(Origin::of(remote).path(&Path::parse("x").unwrap()))
    }

    fn to(location: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())])
    }

    #[test]
    fn circles_end() {
        let mut route = route();
        assert!(route.follow(StatusCode::TEMPORARY_REDIRECT, &to("http://b/x")).unwrap());
        let error = route.follow(StatusCode::FOUND, &to("http://a/x")).unwrap_err();
        assert!(error.to_string().contains("circle (a -> b)"), "{error}");
    }

    #[test]
    fn long_ways_end() {
        let mut route = route();
        let last = (0..20).map(|i| route.follow(StatusCode::FOUND, &to(&format!("/{i}")))).find(|r| r.is_err());
        assert!(last.is_some());
    }

    #[test]
    fn an_answer_that_points_nowhere_is_an_answer() {
        assert!(!route().follow(StatusCode::FOUND, &HeaderMap::new()).unwrap());
        assert!(!route().follow(StatusCode::OK, &to("/y")).unwrap());
    }
}
