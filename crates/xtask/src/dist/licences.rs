//! The licences of what is in the program: each of them wants its text and its notices to go along.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::build::TARGET;
use crate::workspace;

/// What is not a package of cargo: Rust's own library, and what Zig links.
const BESIDE: &str = "\
the standard library of Rust: MIT OR Apache-2.0, https://www.rust-lang.org
libunwind and compiler-rt of LLVM, as Zig brings them: Apache-2.0 WITH LLVM-exception, https://llvm.org
";

/// A package in the program.
struct Package {
    name: String,
    /// In words of SPDX.
    licence: String,
    /// The texts that lie in it.
    texts: Vec<String>,
}

/// All of them in one text: a list, and then each text once, with the packages that it is in.
///
/// # Errors
///
/// If cargo does not tell the packages, or a text cannot be read.
pub(super) fn of_everything() -> Result<String> {
    let metadata = workspace::metadata(&["--locked", "--filter-platform", TARGET])?;
    let ids = linked(&metadata).context("cargo metadata has no dependency graph")?;
    let packages = array(&metadata["packages"]).filter(|package| ids.contains(word(&package["id"])));
    let mut packages = packages.map(Package::read).collect::<Result<Vec<_>>>()?;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    told(&packages)
}

/// What `law` is linked with: packages below it, but not what only runs while it is compiled, nor its tests.
fn linked(metadata: &Value) -> Option<BTreeSet<&str>> {
    let macros: BTreeSet<&str> =
        array(&metadata["packages"]).filter(|package| is_macro(package)).map(|package| word(&package["id"])).collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).map(|node| (word(&node["id"]), node)).collect();
    let law = array(&metadata["packages"]).find(|package| package["name"] == "law")?;
    let (mut linked, mut open) = (BTreeSet::new(), vec![word(&law["id"])]);
    while let Some(id) = open.pop() {
        if !macros.contains(id) && linked.insert(id) {
            let used = array(&nodes.get(id)?["deps"]).filter(|used| is_normal(used));
            open.extend(used.map(|used| word(&used["pkg"])));
        }
    }
    Some(linked)
}

fn is_macro(package: &Value) -> bool {
    array(&package["targets"]).any(|target| array(&target["kind"]).any(|kind| kind == "proc-macro"))
}

fn is_normal(used: &Value) -> bool {
    array(&used["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Package {
    fn read(package: &Value) -> Result<Self> {
        let name = format!("{} {}", word(&package["name"]), word(&package["version"]));
        let manifest = Path::new(word(&package["manifest_path"]));
        // Packages of ours have no texts of their own: the two of the workspace count for them.
        let own = package["source"].is_null();
        let folder = if own { workspace::root() } else { manifest.parent().unwrap_or(manifest) };
        let texts = texts_in(folder).with_context(|| folder.display().to_string())?;
        let licence = package["license"].as_str().unwrap_or("see its text");
        Ok(Self { licence: format!("{licence}, {}", word(&package["repository"])), name, texts })
    }
}

fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_licence));
    paths.sort();
    // A few are in Latin-1; what differs in space only is the same.
    let read = |path| {
        Ok(String::from_utf8_lossy(&fs::read(path)?).lines().map(|line| line.trim_end().to_owned() + "\n").collect())
    };
    paths.iter().map(read).collect()
}

fn is_licence(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["license", "licence", "copying", "copyright", "notice", "unlicense"].iter().any(|word| name.starts_with(word))
}

fn told(packages: &[Package]) -> Result<String> {
    let mut all = String::from("The program law has these packages in it:\n\n");
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        writeln!(all, "{}: {}", package.name, package.licence)?;
        package.texts.iter().for_each(|text| texts.entry(text.trim()).or_default().push(&package.name));
    }
    all.push_str(BESIDE);
    for (text, of) in texts {
        write!(all, "\n{}\nThe text in: {}\n\n{text}\n", "=".repeat(80), of.join(", "))?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_linked_is_found_and_what_only_builds_is_not() {
        let package = |name: &str, kind| json!({"id": name, "name": name, "targets": [{"kind": [kind]}]});
        let node = |id: &str, deps: &[(&str, Value)]| {
            let deps: Vec<_> =
                deps.iter().map(|(id, kind)| json!({"pkg": id, "dep_kinds": [{"kind": kind}]})).collect();
            json!({"id": id, "deps": deps})
        };
        let normal = Value::Null;
        let metadata = json!({
            "packages": [package("law", "lib"), package("a", "lib"), package("derive", "proc-macro"), package("cc", "lib")],
            "resolve": {"nodes": [
                node("law", &[("a", normal.clone()), ("derive", normal.clone()), ("cc", json!("dev"))]),
                node("a", &[("cc", json!("build")), ("law", json!("dev"))]),
                node("derive", &[("cc", normal)]),
                node("cc", &[]),
            ]},
        });
        assert_eq!(linked(&metadata), Some(BTreeSet::from(["a", "law"])));
    }

    #[test]
    fn a_text_stands_once_with_all_that_have_it() {
        let package =
            |name: &str, text: &str| Package { name: name.into(), licence: "MIT".into(), texts: vec![text.to_owned()] };
        let told = told(&[package("a 1", "be free\n"), package("b 2", "be free"), package("c 3", "be kind")]).unwrap();
        assert_eq!(told.matches("be free").count(), 1, "{told}");
        assert!(told.contains("a 1: MIT\n") && told.contains("The text in: a 1, b 2\n\nbe free\n"), "{told}");
    }

    #[test]
    fn texts_are_known_by_their_names() {
        for name in ["LICENSE-MIT", "LICENCE.md", "COPYING", "NOTICE.txt", "license", "UNLICENSE"] {
            assert!(is_licence(name), "{name}");
        }
        assert!(!is_licence("README.md") && !is_licence("Cargo.toml"));
    }
}
