//! Buckets: the same file, and many small ones, by the clients of S3.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::clients::Client;
use super::contest::{Contest, Destination, Task};
use super::measure::AWS_CONFIG;
use super::sites::Content;
use crate::servers::Endpoints;

/// A name in a bucket, as another way than S3 shows it.
pub(super) struct Bucket {
    url: String,
    pub(super) data: PathBuf,
}

impl Bucket {
    pub(super) fn remove(&self) -> Result<()> {
        let url = format!("{}?recursive=true&ignoreRecursiveError=true", self.url);
        curl(&["-o", "/dev/null", "-X", "DELETE", &url])
    }

    /// A copy of what has this name.
    pub(super) fn fetch(&self, place: &Path) -> Result<PathBuf> {
        let to = place.join("fetched");
        let names = self.names()?;
        if names.is_empty() {
            curl(&["-f", "-o", &to.to_string_lossy(), &self.url])?;
            return Ok(to);
        }
        fs::create_dir(&to).context("a directory for what is fetched")?;
        let one = |name: &String| format!("url={}/{name}\noutput={}/{name}\n", self.url, to.display());
        let list = place.join("fetched.curl");
        fs::write(&list, names.iter().map(one).collect::<String>())?;
        curl(&["-f", "-Z", "-K", &list.to_string_lossy()])?;
        Ok(to)
    }

    /// The names in a directory; none of a file.
    fn names(&self) -> Result<Vec<String>> {
        let url = format!("{}/?limit=1000000", self.url);
        let command = ["-q", "-sS", "--noproxy", "*", "-H", "Accept: application/json", &url];
        let output = Command::new("curl").args(command).output().context("curl")?;
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return Ok(Vec::new()) };
        let name = |entry: &serde_json::Value| Some(entry["FullPath"].as_str()?.rsplit('/').next()?.to_owned());
        Ok(answer["Entries"].as_array().into_iter().flatten().filter_map(name).collect())
    }
}

fn curl(arguments: &[&str]) -> Result<()> {
    let status = Command::new("curl").args(["-q", "-sS", "--noproxy", "*"]).args(arguments).status().context("curl")?;
    ensure!(status.success(), "curl {}: {status}", arguments.join(" "));
    Ok(())
}

/// The service, and its clients.
pub(super) struct Buckets {
    law: Option<PathBuf>,
    endpoint: String,
    filer: String,
    data: PathBuf,
}

impl Buckets {
    /// Writes what the clients must know to the working directory, and gives the service what they fetch.
    pub(super) fn prepare(endpoints: &Endpoints, law: Option<&Path>, content: &Content<'_>) -> Result<Self> {
        let endpoint = endpoints.get("S3_ENDPOINT")?.to_owned();
        let keys = format!(
            "region = us-east-1\nendpoint_url = {endpoint}\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            endpoints.get("S3_KEY")?,
            endpoints.get("S3_SECRET")?
        );
        let profiles =
            format!("[default]\n{keys}[profile crt]\n{keys}s3 =\n  preferred_transfer_client = crt\n[crt]\n{keys}");
        fs::write(content.place.join(AWS_CONFIG), profiles)?;
        let filer = format!("{}/lab", endpoints.get("S3_FILER")?);
        let buckets = Self { law: law.map(Path::to_owned), endpoint, filer, data: endpoints.get("S3_DATA")?.into() };
        let few = content.trees.iter().find(|tree| tree.name == "few").context("the tree of a few files")?;
        if let Some(law) = law {
            let config = content.place.join(AWS_CONFIG);
            for (from, to) in [(content.place.join("source"), "source"), (few.path().to_owned(), "few")] {
                let mut command = Command::new(law);
                command.args(["fs", "cp", "-qrT"]).arg(from).arg(format!("s3://lab/{to}"));
                command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &config);
                let status = command.env_remove("AWS_CA_BUNDLE").status().context("law")?;
                ensure!(status.success(), "the buckets cannot be filled: {status}");
            }
        }
        Ok(buckets)
    }

    pub(super) fn contests(&self, content: &Content<'_>) -> Vec<Contest> {
        let (source, down) = (content.place.join("source"), content.place.join("down"));
        let contest = |what: &str, task, clients| Contest {
            group: format!("s3 {what}"),
            task,
            clients,
            place: content.place.to_owned(),
        };
        let task = |destination: Destination| Task::Copy { source: source.clone(), destination };
        let mut all = vec![
            contest("down", task(down.clone().into()), self.copy(&self.urls("source"), &here(&down))),
            contest("up", task(self.bucket("up")), self.copy(&here(&source), &self.urls("up"))),
        ];
        if let Some(few) = content.trees.iter().find(|tree| tree.name == "few") {
            let copies = content.place.join("bucket-copies");
            all.push(contest("few down", few.task(copies.clone()), self.copy_tree(&self.urls("few"), &here(&copies))));
            let up = self.copy_tree(&here(few.path()), &self.urls("few-up"));
            all.push(contest("few up", few.task(self.bucket("few-up")), up));
        }
        all
    }

    fn bucket(&self, name: &str) -> Destination {
        Destination::Bucket(Bucket { url: format!("{}/{name}", self.filer), data: self.data.clone() })
    }

    /// A name in the bucket, as most write it, and as rclone does.
    fn urls(&self, name: &str) -> [OsString; 2] {
        [
            format!("s3://lab/{name}"),
            format!(":s3,provider=SeaweedFS,env_auth=true,region=us-east-1,endpoint='{}':lab/{name}", self.endpoint),
        ]
        .map(OsString::from)
    }

    fn copy(&self, from: &[OsString; 2], to: &[OsString; 2]) -> Vec<Client> {
        vec![
            self.client("aws s3 cp", "", [&from[0], &to[0]]),
            self.client("aws s3 cp --profile crt", "", [&from[0], &to[0]]),
            self.client("rclone copyto", "", [&from[1], &to[1]]),
            self.client("law fs cp", "", [&from[0], &to[0]]),
        ]
    }

    fn copy_tree(&self, from: &[OsString; 2], to: &[OsString; 2]) -> Vec<Client> {
        vec![
            self.client("aws s3 cp --recursive", "", [&from[0], &to[0]]),
            self.client("aws s3 cp --recursive --profile crt", "", [&from[0], &to[0]]),
            self.client("rclone copy", "", [&from[1], &to[1]]),
            self.client("law fs cp -qrT", "", [&from[0], &to[0]]),
        ]
    }

    fn client(&self, name: &'static str, leading: &str, operands: [&OsStr; 2]) -> Client {
        Client::new(self.law.as_deref(), name, leading, operands)
    }
}

fn here(path: &Path) -> [OsString; 2] {
    [path.as_os_str().to_owned(), path.as_os_str().to_owned()]
}
