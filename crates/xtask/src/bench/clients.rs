//! The clients and their command lines.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One competitor.
pub(super) struct Client {
    /// What the table shows: the program and the options that tell two of its uses apart.
    pub(super) name: &'static str,
    pub(super) program: Program,
    arguments: Vec<OsString>,
}

/// What runs, or why it cannot.
pub(super) enum Program {
    Peer(PathBuf),
    Law(PathBuf),
    Absent(String),
}

impl Client {
    /// The command line is the program of `name`, the words of `leading`, the options of `name`, and the operands.
    pub(super) fn new(law: Option<&Path>, name: &'static str, leading: &str, operands: [&OsStr; 2]) -> Self {
        let (program, options) = name.split_once(' ').unwrap_or((name, ""));
        let words = leading.split_whitespace().chain(options.split_whitespace()).map(OsStr::new);
        let operands = operands.into_iter().filter(|operand| !operand.is_empty());
        let arguments = words.chain(operands).map(OsStr::to_owned).collect();
        Self { name, program: Program::find(program, law), arguments }
    }

    /// One whose command line is not made of its name.
    pub(super) fn of(name: &'static str, program: Program, arguments: Vec<OsString>) -> Self {
        Self { name, program, arguments }
    }

    /// The path of its program, if it can run, and what follows on the command line.
    pub(super) fn command_line(&self) -> Option<Vec<&OsStr>> {
        match &self.program {
            Program::Peer(path) | Program::Law(path) => {
                Some(std::iter::once(path.as_os_str()).chain(self.arguments.iter().map(OsString::as_os_str)).collect())
            }
            Program::Absent(_) => None,
        }
    }

    /// The first line of what it says of itself.
    pub(super) fn version(&self) -> Option<String> {
        let (Program::Peer(path) | Program::Law(path)) = &self.program else { return None };
        let output = Command::new(path).arg("--version").env("GFAL_PYTHONBIN", "/usr/bin/python3").output().ok()?;
        // Some say it where errors belong.
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).lines().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    }
}

impl Program {
    /// A peer that is started by way of another program.
    pub(super) fn peer(name: &str, by: &Path) -> Self {
        match Self::find(name, None) {
            Self::Peer(_) => Self::Peer(by.to_owned()),
            absent => absent,
        }
    }

    fn find(name: &str, law: Option<&Path>) -> Self {
        if name == "law" {
            return law.map_or_else(|| Self::Absent("not built".into()), |path| Self::Law(path.to_owned()));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        match std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file()) {
            Some(path) => Self::Peer(path),
            None => Self::Absent(format!("absent (apt-get install {})", package(name).unwrap_or(name))),
        }
    }
}

/// The Debian package of a peer.
fn package(program: &str) -> Option<&'static str> {
    Some(match program {
        "curl" => "curl",
        "cat" | "cp" | "du" | "ls" => "coreutils",
        "davix-get" | "davix-put" | "davix-ls" => "davix",
        "rclone" => "rclone",
        "xrdcp" | "xrdfs" => "xrootd-client",
        "aws" => "awscli",
        "ninja" => "ninja-build",
        "gfal-copy" => "gfal2-util-scripts gfal2-plugin-http gfal2-plugin-file",
        _ => return None,
    })
}

/// The clients of every contest, for one server.
pub(super) struct Clients {
    /// The release binary, if there is one.
    pub(super) law: Option<PathBuf>,
    /// Where it is reached over HTTP.
    pub(super) http: String,
    /// Where it speaks xrootd's own protocol, if it does.
    pub(super) root: Option<String>,
}

impl Clients {
    /// From the server's `name` to a local file.
    pub(super) fn download(&self, name: &str, local: &Path) -> Vec<Client> {
        let [http, dav, rclone] = self.addresses(name);
        let (path, file) = (local.as_os_str(), file_url(local));
        let mut clients = vec![
            self.client("curl", "-q -fsS -o", [path, &http]),
            self.client("davix-get", "", [&http, path]),
            self.client("rclone copyto", "", [&rclone, path]),
            self.client("gfal-copy", "", [&http, &file]),
            self.client("law fs cp --verify size", "", [&dav, path]),
            self.client("law fs cp --verify size --set fs.*.durability=none", "", [&dav, path]),
        ];
        clients.extend(self.root(name).map(|root| self.client("xrdcp", "-s", [&root, path])));
        clients
    }

    /// The same with a comparison of checksums. (`--cksum adler32:source` of xrdcp only prints.)
    pub(super) fn download_proven(&self, name: &str, local: &Path) -> Vec<Client> {
        let [http, dav, _] = self.addresses(name);
        let (path, file) = (local.as_os_str(), file_url(local));
        let mut clients = vec![
            self.client("gfal-copy -K adler32", "", [&http, &file]),
            self.client("law fs cp --verify require", "", [&dav, path]),
        ];
        clients.extend(self.root(name).map(|root| self.client("xrdcp --cksum adler32", "-s", [&root, path])));
        clients
    }

    /// From a local file to the server's `name`.
    pub(super) fn upload(&self, local: &Path, name: &str) -> Vec<Client> {
        let [http, dav, rclone] = self.addresses(name);
        let (path, file) = (local.as_os_str(), file_url(local));
        let mut clients = vec![
            self.client("curl", "-q -fsS -o /dev/null -T", [path, &http]),
            self.client("davix-put", "", [path, &http]),
            self.client("rclone copyto", "", [path, &rclone]),
            self.client("gfal-copy", "", [&file, &http]),
            self.client("law fs cp --verify size", "", [path, &dav]),
        ];
        clients.extend(self.root(name).map(|root| self.client("xrdcp", "-s", [path, &root])));
        clients
    }

    /// The same with a comparison of checksums.
    pub(super) fn upload_proven(&self, local: &Path, name: &str) -> Vec<Client> {
        let [http, dav, _] = self.addresses(name);
        let (path, file) = (local.as_os_str(), file_url(local));
        let mut clients = vec![
            self.client("gfal-copy -K adler32", "", [&file, &http]),
            self.client("law fs cp --verify require", "", [path, &dav]),
        ];
        clients.extend(self.root(name).map(|root| self.client("xrdcp --cksum adler32", "-s", [path, &root])));
        clients
    }

    /// From the server's directory `name` to a local one, with all that is in it; `list` tells curl each file.
    pub(super) fn download_tree(&self, name: &str, local: &Path, list: &Path) -> Vec<Client> {
        let [http, dav, rclone] = self.addresses(name);
        // xrdcp puts a directory of the same name into another one.
        let (path, above) = (local.as_os_str(), slashed(local.parent().unwrap_or(local)));
        let mut clients = vec![
            self.client("curl -Z", "-q -sS --create-dirs --parallel-max 16", [OsStr::new("-K"), list.as_os_str()]),
            self.client("rclone copy", "", [&rclone, path]),
            self.client("gfal-copy -r", "", [&http, &file_url(local)]),
            self.client("law fs cp -qr --verify size", "", [&slash(&dav), path]),
            self.client("law fs cp -qr --verify size --set fs.*.durability=none", "", [&slash(&dav), path]),
            self.client("law fs cp -qr", "", [&slash(&dav), path]),
        ];
        clients.extend(self.root(name).map(|root| self.client("xrdcp --parallel 4", "-s -r", [&root, &above])));
        clients
    }

    /// From a local directory to the server's `name`.
    pub(super) fn upload_tree(&self, local: &Path, name: &str, list: &Path) -> Vec<Client> {
        let [http, dav, rclone] = self.addresses(name);
        let (path, directory) = (local.as_os_str(), slashed(local));
        vec![
            self.client("curl -Z", "-q -sS --parallel-max 16", [OsStr::new("-K"), list.as_os_str()]),
            self.client("rclone copy", "", [path, &rclone]),
            self.client("gfal-copy -r", "", [&file_url(local), &http]),
            self.client("law fs cp -qr --verify size", "", [&directory, &dav]),
            self.client("law fs cp -qr", "", [&directory, &dav]),
        ]
    }

    /// What curl needs to know of files in the server's directory `name`, of which `local` has or gets the copies.
    pub(super) fn curl_list(&self, name: &str, local: &Path, files: &[String], up: bool) -> String {
        let word = if up { "upload-file" } else { "output" };
        let one = |file: &String| format!("url={}/{name}/{file}\n{word}={}/{file}\n", self.http, local.display());
        files.iter().map(one).collect()
    }

    /// The names in the server's directory `name`, one a line.
    pub(super) fn list(&self, name: &str) -> Vec<Client> {
        let [http, dav, rclone] = self.addresses(&format!("{name}/"));
        let path = OsString::from(format!("/{name}"));
        let none = OsStr::new("");
        let mut clients = vec![
            self.client("davix-ls", "", [&http, none]),
            self.client("rclone lsf", "", [&rclone, none]),
            self.client("law fs ls -U", "", [&dav, none]),
        ];
        clients.extend(self.root.as_ref().map(|root| self.client("xrdfs ls", root, [&path, none])));
        clients
    }

    /// How much the server's directory `name` holds.
    pub(super) fn usage(&self, name: &str) -> Vec<Client> {
        let [_, dav, rclone] = self.addresses(&format!("{name}/"));
        let none = OsStr::new("");
        vec![self.client("rclone size", "", [&rclone, none]), self.client("law fs du", "", [&dav, none])]
    }

    fn client(&self, name: &'static str, leading: &str, operands: [&OsStr; 2]) -> Client {
        Client::new(self.law.as_deref(), name, leading, operands)
    }

    /// `name` as http, as WebDAV in the words of `law`, and as a remote of rclone.
    fn addresses(&self, name: &str) -> [OsString; 3] {
        [
            format!("{}/{name}", self.http),
            format!("{}/{name}", self.http.replacen("http:", "dav:", 1)),
            format!(":webdav,url='{}',vendor=other:{name}", self.http),
        ]
        .map(OsString::from)
    }

    fn root(&self, name: &str) -> Option<OsString> {
        self.root.as_ref().map(|root| OsString::from(format!("{root}//{name}")))
    }
}

/// The clients that copy on one machine.
pub(super) struct LocalClients(pub(super) Option<PathBuf>);

impl LocalClients {
    /// One file.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Vec<Client> {
        let operands = [from.as_os_str(), to.as_os_str()];
        let urls = [file_url(from), file_url(to)];
        vec![
            self.client("cp", "", operands),
            self.client("curl", "-q -fsS -o", [operands[1], &urls[0]]),
            self.client("rclone copyto", "", operands),
            self.client("xrdcp", "-s", operands),
            self.client("gfal-copy", "", [&urls[0], &urls[1]]),
            self.client("law fs cp", "", operands),
        ]
    }

    /// From one directory to another.
    pub(super) fn copy_tree(&self, from: &Path, to: &Path) -> Vec<Client> {
        let (source, directory, path) = (from.as_os_str(), slashed(from), to.as_os_str());
        vec![
            self.client("cp -r", "", [source, path]),
            self.client("rclone copy", "", [source, path]),
            self.client("gfal-copy -r", "", [&file_url(from), &file_url(to)]),
            self.client("law fs cp -qr", "", [&directory, path]),
            self.client("law fs cp -qr --set fs.*.durability=none", "", [&directory, path]),
        ]
    }

    /// The names in a directory, one a line.
    pub(super) fn list(&self, directory: &Path) -> Vec<Client> {
        let operands = [directory.as_os_str(), OsStr::new("")];
        ["ls -U", "rclone lsf", "law fs ls -U"].map(|name| self.client(name, "", operands)).into()
    }

    /// How much a directory holds.
    pub(super) fn usage(&self, directory: &Path) -> Vec<Client> {
        let operands = [directory.as_os_str(), OsStr::new("")];
        ["du -s", "rclone size", "law fs du"].map(|name| self.client(name, "", operands)).into()
    }

    fn client(&self, name: &'static str, leading: &str, operands: [&OsStr; 2]) -> Client {
        Client::new(self.0.as_deref(), name, leading, operands)
    }
}

fn slashed(path: &Path) -> OsString {
    slash(path.as_os_str())
}

fn slash(text: &OsStr) -> OsString {
    let mut text = text.to_owned();
    text.push("/");
    text
}

fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file://");
    url.push(path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(clients: &[Client]) -> Vec<String> {
        let arguments = |client: &Client| client.arguments.join(OsStr::new(" ")).into_string().unwrap();
        clients.iter().map(|client| format!("{}: {}", client.name, arguments(client))).collect()
    }

    #[test]
    fn command_lines_are_those_of_the_manuals() {
        let law = Some(PathBuf::from("/release/law"));
        let clients = Clients { law: law.clone(), http: "http://h:1".into(), root: Some("root://h:1".into()) };
        assert_eq!(lines(&clients.download("a", Path::new("/b")))[0], "curl: -q -fsS -o /b http://h:1/a");
        assert_eq!(
            lines(&clients.upload_proven(Path::new("/b"), "a")),
            [
                "gfal-copy -K adler32: -K adler32 file:///b http://h:1/a",
                "law fs cp --verify require: fs cp --verify require /b dav://h:1/a",
                "xrdcp --cksum adler32: -s --cksum adler32 /b root://h:1//a",
            ]
        );
        let listing = clients.list("many");
        assert_eq!(lines(&listing)[3], "xrdfs ls: root://h:1 ls /many");
        assert_eq!(listing[2].command_line().unwrap().join(OsStr::new(" ")), "/release/law fs ls -U dav://h:1/many/");
        let without_root = Clients { root: None, ..clients };
        assert!(lines(&without_root.list("many")).iter().all(|line| !line.contains("xrd")));
        assert_eq!(lines(&LocalClients(law).usage(Path::new("/d")))[0], "du -s: -s /d");
    }

    #[test]
    fn what_cannot_run_says_why() {
        let law = Program::find("law", None);
        assert!(matches!(law, Program::Absent(reason) if reason == "not built"));
        assert!(matches!(Program::find("no-such-client", None), Program::Absent(_)));
        assert!(matches!(Program::find("sh", None), Program::Peer(_)));
    }
}
