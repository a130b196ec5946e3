//! One base: a URL, or a directory on this machine.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::Kind;
use crate::braces;
use crate::doors::check_url;

/// A door, and where the storage begins behind it.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    /// Scheme, host, port.
    pub(super) door: String,
    /// An absolute path.
    pub(super) root: String,
    /// Both, as a URL.
    pub(super) url: String,
}

/// A Dropbox has no host.
const DROPBOX: &str = "dropbox:///";

/// What would mean something else in a URL of a door.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'{').add(b'}');

impl Place {
    /// A door that ends in a slash, and a path behind it.
    fn beyond(door: &str, root: String) -> Self {
        let url = format!("{}//{}", door.trim_end_matches('/'), utf8_percent_encode(&root, ENCODED));
        Self { door: door.to_owned(), root, url }
    }

    /// That a law.toml can say it.
    fn checked(self) -> Parsed<Self> {
        check_url(&self.door)?;
        check_url(&self.url)?;
        let is_plain = |url: &str| braces::expand(url).is_ok_and(|urls| urls == [url]);
        match is_plain(&self.door) && is_plain(&self.url) && !self.root.contains("://") {
            true => Ok(self),
            false => Err("it is too long, or has braces or another URL in it".to_owned()),
        }
    }
}

type Parsed<T> = Result<T, String>;

/// The places of a list with commas or line breaks, of which those within braces separate nothing. A directory of this machine
/// stands alone, and has whatever characters it likes.
pub(super) fn places(text: &str, kind: Kind) -> Parsed<Vec<Place>> {
    if let Some(path) = local_path(text, kind) {
        return Ok(vec![local(path)?.checked()?]);
    }
    let mut places = Vec::new();
    for part in parts(text) {
        // What is said of a URL with credentials must not show it.
        check(part, kind)?;
        for url in braces::expand(part)? {
            places.push(place(&url, kind)?.checked()?);
        }
    }
    Ok(places)
}

/// The first of a list, in which braces mean nothing.
pub(super) fn first_place(text: &str, kind: Kind) -> Parsed<Place> {
    match local_path(text, kind) {
        Some(path) => local(path),
        None => place(parts(text).next().unwrap_or_default(), kind),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let separates = move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c == ',' || c == '\n')
    };
    text.split(separates).map(str::trim).filter(|part| !part.is_empty() && !part.eq_ignore_ascii_case("none"))
}

fn local_path(text: &str, kind: Kind) -> Option<&str> {
    let path = text.strip_prefix("file://").unwrap_or(text);
    let is_local = kind == Kind::Local || (kind == Kind::Wlcg && path.starts_with(['/', '$']));
    (is_local && !path.contains("://")).then_some(path)
}

fn local(path: &str) -> Parsed<Place> {
    if path.contains(['\0', '\n']) || !path.starts_with('/') && !path.starts_with('$') {
        return Err(format!("{path:?} is no absolute path of one directory: write it in full"));
    }
    Ok(Place::beyond("file:///", absolute(path)))
}

fn check(url: &str, kind: Kind) -> Parsed<()> {
    if is_path_of_dropbox(url, kind) {
        return Ok(());
    }
    let url = url.split_once("?SFN=").filter(|_| url.starts_with("srm://")).map_or(url, |(before, _)| before);
    check_url(&url.replace(' ', "%20"))
}

fn is_path_of_dropbox(text: &str, kind: Kind) -> bool {
    kind == Kind::Dropbox && text.starts_with('/')
}

fn place(text: &str, kind: Kind) -> Parsed<Place> {
    if is_path_of_dropbox(text, kind) {
        return Ok(Place::beyond(DROPBOX, absolute(text)));
    }
    let (door, path) = split(text).ok_or_else(|| format!("{text:?} is no URL: write scheme://host:port/path"))?;
    let decoded = percent_decode_str(path).decode_utf8().ok().filter(|path| !path.contains('\0'));
    let decoded = decoded.ok_or_else(|| format!("the path of {text:?} is not UTF-8, or has a NUL"))?;
    if door.starts_with("dropbox://") {
        return Ok(Place::beyond(DROPBOX, absolute(&decoded)));
    }
    // The long form of a site's address, which says where its service is: door and path are all that counts.
    let path = path.split_once("?SFN=").filter(|_| door.starts_with("srm://")).map_or(path, |(_, path)| path);
    let root = absolute(&percent_decode_str(path).decode_utf8_lossy());
    Ok(Place { door: door.to_owned(), url: format!("{door}{}", path.replace(' ', "%20")), root })
}

/// `scheme://authority` and the rest.
fn split(url: &str) -> Option<(&str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    Some(url.split_at(end))
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, kind: Kind) -> Vec<String> {
        places(text, kind).unwrap().into_iter().map(|place| format!("{} {}", place.door, place.root)).collect()
    }

    #[test]
    fn lists_of_urls() {
        assert_eq!(
            shown("davs://d{1,2}:80/x y, root://r//eos/me/\nnone", Kind::Wlcg),
            ["davs://d1:80 /x y", "davs://d2:80 /x y", "root://r /eos/me"]
        );
        assert_eq!(shown("davs://h/{a,b}%20c", Kind::Wlcg), ["davs://h /a c", "davs://h /b c"]);
        assert_eq!(shown("srm://h:8443/srm/managerv2?SFN=/pnfs/x", Kind::Wlcg), ["srm://h:8443 /pnfs/x"]);
        assert_eq!(shown("", Kind::Wlcg), [""; 0]);
    }

    #[test]
    fn directories_of_this_machine() {
        for kind in [Kind::Wlcg, Kind::Local] {
            assert_eq!(shown("/data/my, {dir}", kind), ["file:/// /data/my, {dir}"]);
            assert_eq!(shown("file:///data%20x", kind), ["file:/// /data%20x"]);
        }
        assert!(places("data", Kind::Local).unwrap_err().contains("write it in full"));
        assert_eq!(places("/a b%", Kind::Local).unwrap()[0].url, "file:///a%20b%25");
    }

    #[test]
    fn a_dropbox_has_no_host() {
        assert_eq!(shown("dropbox://dropbox.com/my_dir", Kind::Dropbox), ["dropbox:/// /my_dir"]);
        assert_eq!(shown("/my_dir", Kind::Dropbox), ["dropbox:/// /my_dir"]);
        assert_eq!(shown("dropbox:///", Kind::Dropbox), ["dropbox:/// /"]);
    }

    #[test]
    fn what_no_door_can_be_is_refused_without_a_secret() {
        for text in [
            "davs://me:hunter2@h/x",
            "davs://h/x?authz=hunter2",
            "davs://h/%ff",
            "davs://h/%00",
            "davs://h davs://i",
            "nonsense",
        ] {
            let problem = places(text, Kind::Wlcg).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
