//! Man pages and completions, made of the program's own commands.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// For each shell, where in `share` it looks, and what it calls the file for `law`.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash", "bash-completion/completions", "law"),
    ("zsh", "zsh/vendor-completions", "_law"),
    ("fish", "fish/vendor_completions.d", "law.fish"),
];

/// Writes them below `share`.
///
/// # Errors
///
/// If they cannot be made or written.
pub(super) fn write(law: &Path, share: &Path) -> Result<()> {
    let made = tempfile::tempdir().context("temporary directory")?;
    let mut example = workspace::cargo();
    example.args(["run", "--quiet", "--locked", "--package", "law-cli", "--example", "man", "--"]).arg(made.path());
    workspace::succeed(&mut example)?;
    copy_all(&made.path().join("man1"), &share.join("man/man1"))?;
    SHELLS.iter().try_for_each(|&(shell, folder, name)| {
        let script = workspace::output(Command::new(law).args(["completion", shell]))?;
        write_script(format!("{script}\n").as_bytes(), &share.join(folder), shell, name)
    })
}

/// One script is for both programs: bash and fish look for it under the name of each, zsh reads names in its first line.
fn write_script(script: &[u8], folder: &Path, shell: &str, name: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    fs::write(folder.join(name), script).with_context(|| folder.display().to_string())?;
    if shell != "zsh" {
        symlink(name, folder.join(name.replace("law", "law-fs"))).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// Copies the files of a folder.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name())).with_context(|| entry.path().display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_script_is_found_under_both_names() {
        let directory = tempfile::tempdir().unwrap();
        for (shell, folder, name) in SHELLS {
            write_script(b"x", &directory.path().join(folder), shell, name).unwrap();
        }
        let read = |path: &str| fs::read(directory.path().join(path));
        assert_eq!(read("bash-completion/completions/law-fs").unwrap(), b"x");
        assert_eq!(read("fish/vendor_completions.d/law-fs.fish").unwrap(), b"x");
        assert!(read("zsh/vendor-completions/_law-fs").is_err());
    }
}
