//! Stanzas for `law config add` and for pasting.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::doors::check_url;
use crate::error::{Error, ErrorKind, Result};
use crate::law_cfg::Imported;
use crate::name::Name;
use crate::origin::Origin;
use crate::setting::quoted;
use crate::tree::{self, Table, Value};

/// The text of a `[fs.NAME]` for a URL: scheme and host are its door, the path is its base, and of `sftp://me@host` the user is an option. A token
/// file is written as it is.
///
/// # Errors
/// `InvalidValue` for a name or URL that cannot be one, or a URL with credentials or a query.
pub fn stanza(name: &str, url: &str, token_file: Option<&str>) -> Result<String> {
    let invalid = |problem: String| Error::new(ErrorKind::InvalidValue, "new file system", problem, "");
    let name: Name = name.parse().map_err(invalid)?;
    let (user, url) = user_of(url).map_or((String::new(), url.to_owned()), |(user, url)| (user_line(&user), url));
    check_url(&url).map_err(invalid)?;
    let (door, path) = split(&url);
    // The local disk has no host: its door is its root.
    let door = if door == "file://" { "file:///" } else { door };
    let path =
        percent_decode_str(path).decode_utf8().map_err(|_| invalid(format!("the path of {url} is not UTF-8")))?;
    if path.contains('\0') {
        return Err(invalid(format!("the path of {url} has a NUL")));
    }
    let base = path.trim_matches('/').replace('$', "$$");
    let base = if base.is_empty() { String::new() } else { format!("base = {}\n", quoted(&format!("/{base}"))) };
    let token_file = token_file.map(|path| format!("token_file = {}\n", quoted(path))).unwrap_or_default();
    Ok(format!("[fs.{name}]\ndoors = [{}]\n{base}{user}{token_file}", quoted(door)))
}

/// Who logs in by SSH, without a password, which is no secret; and the URL without that.
fn user_of(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("sftp://")?;
    let authority = rest.find('/').map_or(rest, |end| &rest[..end]);
    let (user, host) = authority.split_once('@')?;
    let user = percent_decode_str(user).decode_utf8().ok()?;
    let is_alone = !user.is_empty() && !user.contains([':', '@', '\0']) && !host.contains('@');
    is_alone.then(|| (user.into_owned(), format!("sftp://{}", &rest[authority.len() - host.len()..])))
}

fn user_line(user: &str) -> String {
    format!("user = {}\n", quoted(user))
}

/// `scheme://authority` and the rest.
fn split(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    url.split_at(end)
}

/// Appends a `[fs.NAME]` for a URL to a `law.toml`, which is made with mode 0600 if it is not there.
///
/// The file is replaced at once: whatever happens, it is the old one or the new one, and keeps its mode and its
/// comments. A symbolic link is followed, not replaced. Two of these at the same time do not lose a stanza where the
/// file system knows locks.
///
/// # Errors
/// `AlreadyExists` if the file has such a stanza, `Malformed` if it is no TOML or cannot be extended by a section,
/// `InvalidValue` as for [`stanza`], `Unwritable`.
pub fn add_stanza(path: &Path, name: &str, url: &str, token_file: Option<&str>) -> Result<()> {
    extend(path, &[name], &stanza(name, url, token_file)?)
}

/// Appends what was imported to a `law.toml`, as [`add_stanza`] does it.
///
/// # Errors
/// Those of [`add_stanza`]: nothing is added if the file has one of the file systems.
pub fn add_imported(path: &Path, imported: &Imported) -> Result<()> {
    let names: Vec<&str> = imported.names.iter().map(String::as_str).collect();
    extend(path, &names, &imported.text)
}

fn extend(path: &Path, names: &[&str], text: &str) -> Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let unwritable = |error: io::Error| Error::new(ErrorKind::Unwritable, path.display(), error, "nothing was changed");
    let directory = directory_of(&path).map_err(unwritable)?;
    let _lock = lock(&directory);
    let old = read(&path)?;
    let old_table = parse(&path, &old)?;
    if let Some(name) = names.iter().find(|name| has_stanza(&old_table, name)) {
        let problem = format!("there is a [fs.{name}] already");
        return Err(Error::new(ErrorKind::AlreadyExists, path.display(), problem, "choose another name, or edit it"));
    }
    let new = append(&old, text);
    parse(&path, &new)?;
    replace(&path, &directory, &new).map_err(unwritable)
}

fn directory_of(path: &Path) -> io::Result<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new(".")).to_owned();
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Held until it is dropped. Without locks it goes as well, only two writers at once might lose a stanza.
fn lock(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
    directory.lock().ok()?;
    Some(directory)
}

fn read(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::new(ErrorKind::Unreadable, path.display(), error, "nothing was changed")),
    }
}

fn parse(path: &Path, text: &str) -> Result<Table> {
    tree::parse(text, &|_| Origin::CommandLine).map_err(|error| {
        let line = text.get(..error.offset).unwrap_or(text).lines().count().max(1);
        let place = format!("{}:{line}", path.display());
        let problem = format!("a stanza cannot be added: {}", error.problem);
        Error::new(ErrorKind::Malformed, place, problem, "edit the file by hand; nothing was changed")
    })
}

fn has_stanza(table: &Table, name: &str) -> bool {
    match table.get("fs").map(|item| &item.node.value) {
        Some(Value::Table(file_systems)) => file_systems.contains_key(name),
        _ => false,
    }
}

fn append(old: &str, stanza: &str) -> String {
    let gap = match old {
        "" => "",
        old if old.ends_with("\n\n") => "",
        old if old.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{old}{gap}{stanza}")
}

fn replace(path: &Path, directory: &Path, text: &str) -> io::Result<()> {
    let mut temporary = tempfile::Builder::new().prefix(".law.toml.").tempfile_in(directory)?;
    temporary.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions(path)? {
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn permissions(path: &Path) -> io::Result<Option<Permissions>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
