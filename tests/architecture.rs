//! The rules of ARCHITECTURE.md that a machine can hold: who may use whom, and how sources are kept.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which packages of ours a package may use; one that is missing here may not exist. Some are still to come.
const MAY_USE: &[(&str, &[&str])] = &[
    ("law-storage", &[]),
    ("law-backends", &["law-storage"]),
    ("law-transfer", &["law-storage"]),
    ("law-cache", &["law-storage", "law-transfer"]),
    ("law-formatters", &[]),
    ("law-config", &[]),
    ("law-jobs", &[]),
    ("law-sandbox", &[]),
    ("law-task-derive", &[]),
    ("law-faults", &[]),
    // The one place that stacks makes the backends, too.
    ("law-target", &["law-storage", "law-backends", "law-cache", "law-transfer", "law-formatters", "law-config"]),
    ("law-fuse", &["law-storage", "law-transfer", "law-cache"]),
    // Errors of storage are the language between layers.
    ("law-task", &["law-storage", "law-target", "law-config", "law-task-derive"]),
    (
        "law-workflow",
        &[
            "law-storage",
            "law-transfer",
            "law-formatters",
            "law-target",
            "law-task",
            "law-task-derive",
            "law-jobs",
            "law-sandbox",
        ],
    ),
    ("law-cli", EVERYTHING_BELOW),
    ("law", EVERYTHING),
    ("xtask", &["law-faults"]),
];

const EVERYTHING_BELOW: &[&str] = &[
    "law-storage",
    "law-backends",
    "law-transfer",
    "law-cache",
    "law-formatters",
    "law-config",
    "law-jobs",
    "law-sandbox",
    "law-faults",
    "law-target",
    "law-fuse",
    "law-task",
    "law-workflow",
];

/// What the library offers without the command line, and the command line, which is optional.
const EVERYTHING: &[&str] = &[
    "law-storage",
    "law-transfer",
    "law-cache",
    "law-formatters",
    "law-config",
    "law-target",
    "law-fuse",
    "law-task",
    "law-workflow",
    "law-cli",
];

/// Whoever uses one of these speaks HTTP.
const HTTP: [&str; 9] =
    ["hyper", "hyper-util", "http", "http-body", "http-body-util", "httparse", "reqwest", "ureq", "dav-server"];

/// Lines of a source file.
const LONGEST: usize = 500;

/// Source files that may be longer, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// Source files that may say `unsafe`, each with its reason.
const UNSAFE: [(&str, &str); 3] = [
    ("crates/backends/src/gfal2/library.rs", "calls a C library that is loaded when it is needed"),
    ("crates/backends/src/http/socket.rs", "tells tokio's buffer how much the system call has written to it"),
    ("crates/cli/src/output/descriptor.rs", "looks at standard output before Rust opens /dev/null in its place"),
];

/// Files that make a wrapper a `Backend` or a `Source`: each of these `impl`s forwards every method on purpose.
const WRAPPERS: [&str; 10] = [
    "crates/cache/src/backend.rs",
    "crates/storage/src/pass_through.rs",
    "crates/storage/src/faulty.rs",
    "crates/storage/src/doors/backend.rs",
    "crates/storage/src/final_source.rs",
    "crates/storage/src/mirrored.rs",
    "crates/storage/src/retry/backend.rs",
    "crates/storage/src/rooted.rs",
    "crates/storage/src/traced.rs",
    "crates/transfer/src/counted.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".into()])
        .exec()
        .unwrap()
}

/// The names of a package's normal dependencies.
fn used_by(package: &Package) -> BTreeSet<String> {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.clone()).collect()
}

/// What the workspace uses, package by package; only packages of ours if `ours`.
fn uses(metadata: &Metadata, ours: bool) -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let used = |package: &Package| used_by(package).into_iter().filter(|name| !ours || names.contains(name)).collect();
    metadata.packages.iter().map(|package| (package.name.to_string(), used(package))).collect()
}

#[test]
fn who_may_use_whom() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let uses = uses(&metadata(), true);
    assert!(uses.len() >= 10 && uses["law-target"].contains("law-transfer"), "{uses:?}");
    for (package, used) in uses {
        let may = allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} is not in the table"));
        let wrong: Vec<&String> = used.iter().filter(|name| !may.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{package} must not use {wrong:?}");
    }
}

#[test]
fn only_backends_and_the_command_line_speak_http() {
    for (package, used) in uses(&metadata(), false) {
        let speaks = HTTP.iter().any(|name| used.contains(*name));
        let may = ["law-backends", "law-cli", "law-faults"].contains(&package.as_str());
        assert!(may || !speaks, "{package} uses an HTTP library: {used:?}");
    }
}

#[test]
fn the_library_has_no_command_line_unless_asked() {
    let metadata = metadata();
    let law = metadata.packages.iter().find(|package| package.name == "law").unwrap();
    let cli = law.dependencies.iter().find(|dependency| dependency.name == "law-cli").unwrap();
    assert!(cli.optional, "cargo add law --no-default-features has no clap");
    assert!(!used_by(law).contains("clap"));
    for binary in law.targets.iter().filter(|target| target.is_bin()) {
        assert_eq!(binary.required_features, ["cli"], "{}", binary.name);
    }
}

/// A source file of the workspace.
struct Source {
    /// Below the root of the workspace.
    path: String,
    text: String,
}

impl Source {
    /// The folder that holds the package: what stands before `src`, `tests` or `benches`.
    fn package(&self) -> &str {
        let end =
            ["/src/", "/tests/", "/benches/", "/examples/"].iter().filter_map(|folder| self.path.find(folder)).min();
        end.map_or("", |end| &self.path[..end])
    }

    /// The lines without comments; the word of a rule may stand in the words about it.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//"))
    }
}

/// All Rust sources, but this file, which has every forbidden word.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut directories: Vec<PathBuf> =
        ["src", "tests", "crates", "config", "formatters"].map(|top| root().join(top)).into();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.retain(|source| source.path != "tests/architecture.rs");
    assert!(sources.len() > 150, "only {} sources", sources.len());
    sources
}

/// The paths of the sources for which something holds.
fn paths_where(holds: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut paths: Vec<String> = sources().into_iter().filter(holds).map(|source| source.path).collect();
    paths.sort();
    paths
}

fn exceptions(list: &[(&str, &str)]) -> Vec<String> {
    list.iter().map(|(path, _reason)| (*path).to_owned()).collect()
}

#[test]
fn no_source_is_too_long() {
    assert_eq!(paths_where(|source| source.text.lines().count() > LONGEST), exceptions(&LONGER));
}

#[test]
fn unsafe_stands_only_where_it_is_listed() {
    let is_unsafe = |line: &str| {
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe(", "allow(unsafe_code"]
            .iter()
            .any(|word| line.contains(word))
    };
    assert_eq!(paths_where(|source| source.code().any(is_unsafe)), exceptions(&UNSAFE));
}

#[test]
fn modules_say_what_they_are() {
    let names_nothing = |source: &Source| {
        Path::new(&source.path).components().any(|part| {
            let part = part.as_os_str().to_str().unwrap().trim_end_matches(".rs");
            ["util", "utils", "helper", "helpers", "common", "misc", "engine", "manager"].contains(&part)
        })
    };
    assert_eq!(paths_where(names_nothing), [""; 0]);
}

#[test]
fn a_feature_is_switched_in_one_file_of_a_package() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        if source.path.contains("/src/") && source.code().any(|line| line.contains("cfg(feature")) {
            files.entry(source.package().to_owned()).or_default().push(source.path);
        }
    }
    files.values().for_each(|files| assert_eq!(files.len(), 1, "{files:?}"));
}

/// Every `impl` of a wrapper has the lint on the lines above it, so that a method of the trait cannot be forgotten.
#[test]
fn wrappers_forward_every_method_on_purpose() {
    let sources = sources();
    for path in WRAPPERS {
        let source = sources.iter().find(|source| source.path == path).unwrap_or_else(|| panic!("no {path}"));
        let lines: Vec<&str> = source.text.lines().collect();
        let implement =
            |line: &str| line.starts_with("impl") && (line.contains(" Backend for ") || line.contains(" Source for "));
        let places: Vec<usize> = (0..lines.len()).filter(|&i| implement(lines[i])).collect();
        assert!(!places.is_empty(), "{path} wraps nothing");
        for place in places {
            let attributes = lines[..place].iter().rev().take_while(|line| line.starts_with("#["));
            let denies = attributes.into_iter().any(|line| line.contains("deny(clippy::missing_trait_methods)"));
            assert!(denies, "{path}, line {}: {}", place + 1, lines[place]);
        }
    }
}

/// A `Backend` that holds another one is a wrapper, and has to be in the list of these.
#[test]
fn every_wrapper_is_known() {
    let wraps = |source: &Source| {
        let is_backend = source.code().any(|line| line.starts_with("impl") && line.contains(" Backend for "));
        let has_one = ["inner: Arc<dyn Backend>", "inner: B,", "Vec<Arc<dyn Backend>>"];
        source.path.contains("/src/")
            && is_backend
            && source.code().any(|line| has_one.iter().any(|text| line.contains(text)))
    };
    let unknown: Vec<String> =
        paths_where(wraps).into_iter().filter(|path| !WRAPPERS.contains(&path.as_str())).collect();
    assert_eq!(unknown, [""; 0]);
}

/// What was fetched or made by a program is not kept here.
#[test]
fn no_file_is_large() {
    let listed = std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let files = String::from_utf8(listed.stdout).unwrap();
    let size = |file: &str| fs::metadata(root().join(file)).map_or(0, |found| found.len());
    let large: Vec<&str> = files.split_terminator('\0').filter(|file| size(file) > 1 << 20).collect();
    assert_eq!(large, Vec::<&str>::new());
    assert!(files.split_terminator('\0').all(|file| !file.ends_with(".whl")));
}
