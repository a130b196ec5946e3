//! `law demo`: a tour on a storage of its own, in acts.
//!
//! An act shows what somebody would type and what comes of it, which is made by the same code as the real command. It
//! fails unless it showed what it should, so that the demo is a test as well.

mod bucket;
mod cached;
mod stores;
mod tasks;
mod trust;

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser as _};
use law_faults::{Fault, FaultProxy, Match, Script};
use law_formatters::{Json, Numpy};
use law_storage::{Error, ErrorKind, Result};
use law_target::{DirectoryTarget, FileSystems, FileTarget, runtime};
use ndarray::Array2;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::arguments::FsProgram;
use crate::context::{self, Context};
use crate::exit::{self, Failure};
use crate::output::Out;
use crate::serve::{ServeOptions, Server};

/// What `law demo` can be told: nothing yet.
#[derive(Args)]
pub(crate) struct DemoOptions {}

/// One thing that is shown.
struct Act {
    title: &'static str,
    play: fn(&Stage) -> Result<()>,
}

const ACTS: [Act; 11] = [
    Act { title: "A storage to play with, served by WebDAV", play: serve },
    Act { title: "Write an array and a note: whole and proven, or not at all", play: write },
    Act { title: "List it", play: list },
    Act { title: "Look into the files, without fetching them", play: show },
    Act { title: "Load them again", play: load },
    Act { title: "Copy a file, with proof that both ends have the same bytes", play: copy },
    Act { title: "Stores: the same lines on a bucket of S3 and on WebDAV", play: stores::both },
    Act { title: "Trust: a new version, and a network that flips one byte of it on the way", play: flip },
    Act {
        title: "Trust: three doors, and the one that is used dies in the middle of a large file",
        play: trust::dying_door,
    },
    Act { title: "Cache: a file is fetched once, whoever reads it, unless its copy is damaged", play: cached::once },
    Act {
        title: "Tasks: what is missing is made, by command lines, and is published on the storage",
        play: tasks::alphabet,
    },
];

const NEXT: &str = "\
What to try next
    law fs serve .                    serve a directory of yours
    law fs cp -r URL/ ./copy          copy a tree, with proof
    law fs ls davs://HOST/PATH        a storage of the grid
    law new analysis                  tasks of your own, to begin with
    law fs --help                     all commands, and the exit codes";

/// The whole tour. Exit code 1 if an act did not show what it should.
pub(crate) fn run(_options: &DemoOptions) -> ExitCode {
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            exit::tell(&error, "law demo", false);
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<()> {
    let stage = Stage::build()?;
    for (number, act) in ACTS.iter().enumerate() {
        say(format!("\n{}. {}", number + 1, act.title))?;
        (act.play)(&stage)?;
    }
    say(format!("\n{NEXT}"))?;
    stage.clear()
}

/// A directory with a storage and a place for copies, and the server; all of it is gone at the end.
struct Stage {
    directory: TempDir,
    server: Server,
}

impl Stage {
    fn build() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("law-demo-").tempdir()?;
        let storage = directory.path().join("storage");
        std::fs::create_dir(&storage)?;
        let place = FileSystems::shared()?.place(&storage)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime::wait(Server::start(place, address, ServeOptions::default()))?;
        Ok(Self { directory, server })
    }

    fn clear(self) -> Result<()> {
        let server = self.server;
        runtime::wait(async move {
            server.stop().await;
            Ok(())
        })?;
        Ok(self.directory.close()?)
    }

    fn address(&self) -> Result<SocketAddr> {
        let address = self.server.url().trim_start_matches("http://").trim_end_matches('/');
        address.parse().map_err(|error| unexpected(format!("the server's address: {error}")))
    }

    fn url(&self, name: &str) -> String {
        format!("{}{name}", self.server.url())
    }

    fn target(&self, name: &str) -> Result<FileTarget> {
        FileTarget::at(self.url(name))
    }

    /// Where copies go.
    fn copy(&self) -> PathBuf {
        self.directory.path().join("hits.npz")
    }
}

fn serve(stage: &Stage) -> Result<()> {
    say(format!("$ law fs serve {}", stage.directory.path().join("storage").display()))?;
    say(stage.server.url())
}

/// Large enough that a byte can flip far from both ends.
fn hits(version: f64) -> Array2<f64> {
    Array2::from_shape_fn((1000, 3), |(row, column)| version + row as f64 + column as f64 / 10.0)
}

fn note() -> Value {
    json!({"detector": "pixel", "run": 362_104, "rows": 1000})
}

fn write(stage: &Stage) -> Result<()> {
    say("> DirectoryTarget::at(url)?.child(\"hits.npz\").dump(&hits, Numpy)?;")?;
    let receipt = stage.target("hits.npz")?.dump(hits(0.0), Numpy)?;
    let digest = receipt.storage_digest().ok_or_else(|| unexpected("the storage computed no checksum"))?;
    say(format!("{} bytes, {digest} by the storage, the same as here", receipt.size))?;
    say("> DirectoryTarget::at(url)?.child(\"note.json\").dump(&note, Json)?;")?;
    let receipt = stage.target("note.json")?.dump(note(), Json)?;
    say(format!("{} bytes", receipt.size))
}

fn list(stage: &Stage) -> Result<()> {
    law_fs(&["ls", "-l", stage.server.url()], exit::OK)?;
    let names = DirectoryTarget::at(stage.server.url())?.listdir(None, None)?;
    expect(names == ["hits.npz", "note.json"], "both files are there, and nothing else")
}

fn show(stage: &Stage) -> Result<()> {
    law_fs(&["show", &stage.url("hits.npz"), &stage.url("note.json")], exit::OK)
}

fn load(stage: &Stage) -> Result<()> {
    say("> let back: Array2<f64> = file.load(Numpy)?;")?;
    let back: Array2<f64> = stage.target("hits.npz")?.load(Numpy)?;
    let told: Value = stage.target("note.json")?.load(Json)?;
    expect(back == hits(0.0) && told == note(), "what was loaded is what was written")?;
    say(format!("an array of {:?}, every number the same; a note about run {}", back.shape(), told["run"]))
}

fn copy(stage: &Stage) -> Result<()> {
    let copy = stage.copy();
    law_fs(&["cp", &stage.url("hits.npz"), &copy.to_string_lossy()], exit::OK)?;
    say("Once more: nothing travels, as both storages tell the same checksum.")?;
    law_fs(&["cp", &stage.url("hits.npz"), &copy.to_string_lossy()], exit::OK)
}

fn flip(stage: &Stage) -> Result<()> {
    stage.target("hits.npz")?.dump(hits(1.0), Numpy)?;
    let copy = stage.copy();
    let (path, before) = (copy.to_string_lossy(), std::fs::read(&copy)?);
    let proxy = flipping_proxy(stage)?;
    let right = std::fs::read(stage.directory.path().join("storage/hits.npz"))?;
    trust::others(stage, &format!("{}hits.npz", proxy_url(&proxy)), &right)?;
    say("And now law:")?;
    law_fs(&["cp", &format!("{}hits.npz", proxy_url(&proxy)), &path], exit::code(ErrorKind::Integrity))?;
    expect(proxy.requests().iter().any(|request| request.fired), "a byte was flipped")?;
    expect(std::fs::read(&copy)? == before, "the old copy is untouched")?;
    expect(std::fs::read_dir(stage.directory.path())?.count() == 2, "nothing was left behind")?;
    say("The old copy is untouched, and nothing was left behind. Without the broken network:")?;
    law_fs(&["cp", &stage.url("hits.npz"), &path], exit::OK)?;
    expect(std::fs::read(&copy)? != before, "the copy is the new version")
}

/// The way to the server on which one byte is inverted, in the middle of the numbers.
fn flipping_proxy(stage: &Stage) -> Result<FaultProxy> {
    let script = Script::new().on(Match::get("/hits.npz"), Fault::FlipByte { at: 12_345 });
    Ok(FaultProxy::start_blocking(stage.address()?, script)?)
}

fn proxy_url(proxy: &FaultProxy) -> String {
    format!("{}/", proxy.url().trim_end_matches('/'))
}

/// Runs a command as the program would, and shows it, what it prints, and its exit code unless that is 0.
fn law_fs(arguments: &[&str], expected: u8) -> Result<()> {
    say(format!("$ law fs {}", arguments.join(" ")))?;
    let program = FsProgram::try_parse_from(["law-fs"].iter().chain(arguments));
    let program = program.map_err(|error| unexpected(error.to_string()))?;
    let command = format!("law fs {}", program.command.name());
    let context = Context::new(program.global, command.clone())?;
    let result = context::run(context, program.command);
    let code = result.as_ref().err().map_or(exit::OK, Failure::code);
    if let Err(failure) = result {
        failure.tell(&command, false);
        say(format!("$ echo $?\n{code}"))?;
    }
    expect(code == expected, format!("the exit code is {expected}, not {code}"))
}

fn say(text: impl Display) -> Result<()> {
    let mut out = Out::new();
    out.line(text)?;
    Ok(out.flush()?)
}

fn expect(holds: bool, what: impl Display) -> Result<()> {
    if holds { Ok(()) } else { Err(unexpected(format!("this should be so, and is not: {what}"))) }
}

fn unexpected(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_shows_what_it_should() {
        assert_eq!(play().map_err(|error| error.to_string()), Ok(()));
    }
}
