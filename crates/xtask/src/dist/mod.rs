//! `cargo xtask dist`: one program for the machines of this field, and the packages that bring it there.
//!
//! Everything ends up in `dist` of cargo's target directory.

mod build;
mod check;
mod elf;
mod licences;
mod package;
mod pages;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result, ensure};

use crate::workspace;
use check::Checked;
use package::Release;

/// How often the program is started to see how long that takes; the best of these is told.
const STARTS: u32 = 20;

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build nothing: only check that this program starts on old machines
    #[arg(long, value_name = "PROGRAM")]
    check: Option<PathBuf>,
}

/// Builds, checks and packs; or checks only.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(program) = &arguments.check {
        print_figures(program, &check::check(program)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "packages are made on Linux on x86_64 only");
    let dist = workspace::target_dir()?.join("dist");
    let release = Release::of_checkout()?;
    let program = build::build(&dist)?;
    // Before anything is packed: what does not start there is not to be installed there.
    let checked = check::check(&program)?;
    let packages = pack(&release, &program, &checked, &dist)?;
    print_figures(&program, &checked)?;
    packages.iter().try_for_each(|package| print_size(package))?;
    Ok(ExitCode::SUCCESS)
}

fn pack(release: &Release, program: &Path, checked: &Checked, dist: &Path) -> Result<Vec<PathBuf>> {
    let root = dist.join("tree");
    match fs::remove_dir_all(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("dist/tree"),
        _gone => release.plant(program, &root)?,
    }
    let archive = release.pack_archive(&root, dist)?;
    if Command::new("dpkg-deb").arg("--version").stdout(Stdio::null()).status().is_err() {
        ensure!(!workspace::unattended(), "dpkg-deb is missing");
        eprintln!("no Debian package is made: dpkg-deb is missing");
        return Ok(vec![archive]);
    }
    Ok(vec![archive, release.pack_debian(&checked.needs, &root, dist)?])
}

fn print_figures(program: &Path, checked: &Checked) -> Result<()> {
    let libraries: Vec<&str> = checked.needs.libraries.iter().map(String::as_str).collect();
    println!("{}: {} bytes", program.display(), checked.bytes);
    println!("needs {}", libraries.join(" "));
    println!("newest symbol: GLIBC_{}, of {} at most", checked.newest_glibc(), check::FLOOR.glibc());
    println!("start-up: {:.1} ms, the best of {STARTS}", start_up(program)?.as_secs_f64() * 1000.0);
    Ok(())
}

fn print_size(file: &Path) -> Result<()> {
    println!("{}: {} bytes", file.display(), fs::metadata(file).with_context(|| file.display().to_string())?.len());
    Ok(())
}

/// The shortest of several starts. Told and never judged: what else the machine does is in it.
fn start_up(program: &Path) -> Result<Duration> {
    let start = |_| {
        let begin = Instant::now();
        workspace::output(Command::new(program).arg("--version"))?;
        Ok(begin.elapsed())
    };
    let starts = (0..STARTS).map(start).collect::<Result<Vec<Duration>>>()?;
    starts.into_iter().min().context("the program was not started")
}
