//! Writes man pages, made of the command line's definition, into a folder: `man1/*.1`.
//!
//! An example, as examples may use what the shipped program must not carry. `cargo xtask dist` runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::Command;
use clap_mangen::Man;

/// Files by their path in the folder.
type Files = BTreeMap<String, Vec<u8>>;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("man FOLDER: no folder was named"))?;
    write(&man_pages()?, &folder)
}

fn write(files: &Files, folder: &Path) -> io::Result<()> {
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// One page for every command and subcommand: `law`, `law-fs`, `law-fs-cp` and so on.
fn man_pages() -> io::Result<Files> {
    // The page of `law fs` is that of `law-fs`, which says what a place is.
    let long = law_cli::law_fs_command().get_long_about().cloned().unwrap_or_default();
    let mut law = law_cli::law_command().disable_help_subcommand(true).mut_subcommand("fs", |fs| fs.long_about(long));
    law.build();
    let mut pages = Files::new();
    page_of(&law, &mut pages)?;
    Ok(pages)
}

fn page_of(command: &Command, pages: &mut Files) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        page_of(command, pages)?;
    }
    // Without a date, so that the same sources make the same pages.
    let page = Man::new(command.clone()).source(concat!("law ", env!("CARGO_PKG_VERSION"))).manual("law");
    let mut content = Vec::new();
    page.render(&mut content)?;
    pages.insert(format!("man1/{}", page.get_filename()), content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_under_the_name_that_man_looks_for() {
        let pages = man_pages().unwrap();
        let fs = law_cli::law_fs_command();
        for command in fs.get_subcommands().map(Command::get_name) {
            assert!(pages.contains_key(&format!("man1/law-fs-{command}.1")), "{command}");
        }
        for name in ["law", "law-fs", "law-config", "law-config-list", "law-demo"] {
            assert!(pages.contains_key(&format!("man1/{name}.1")), "{name}");
        }
        assert!(!pages.keys().any(|path| path.ends_with("help.1")), "{:?}", pages.keys());
    }

    #[test]
    fn a_page_tells_synopsis_options_and_exit_codes() {
        let pages = man_pages().unwrap();
        let page = |name: &str| String::from_utf8(pages[&format!("man1/{name}.1")].clone()).unwrap().replace('\\', "");
        let cp = page("law-fs-cp");
        assert!(cp.starts_with(".ie") && cp.contains(".TH law-fs-cp 1"), "{cp}");
        for told in ["law fs cp", "--recursive", "--deadline", "Copy files, with proof"] {
            assert!(cp.contains(told), "{told} in\n{cp}");
        }
        let fs = page("law-fs");
        assert!(fs.contains("77 credential missing") && fs.contains("A place is a local path"), "{fs}");
    }
}
