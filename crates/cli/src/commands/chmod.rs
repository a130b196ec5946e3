//! `law fs chmod`

use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{ErrorKind, Kind};
use law_transfer::{Place, walk_on};

use crate::context::Context;
use crate::exit::Failure;

/// Set the permissions of files and directories, where the storage has such.
#[derive(Args)]
pub(crate) struct Chmod {
    /// In octal digits such as 640, or in words such as u+rw,g-w,o=.
    #[arg(value_name = "MODE", value_parser = change, allow_hyphen_values = true)]
    mode: Change,

    /// Whose permissions.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,

    /// Directories, and everything below them; links are not followed.
    #[arg(short, long, visible_short_alias = 'R')]
    recursive: bool,

    /// Only say what would be changed.
    #[arg(long)]
    dry_run: bool,
}

/// What becomes of permissions: each clause takes some away and adds some.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change(Vec<Clause>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clause {
    kept: u32,
    added: u32,
    /// Execution of directories, and of files that somebody may execute already.
    searched: u32,
}

impl Change {
    fn of(&self, mode: u32, kind: Kind) -> u32 {
        self.0.iter().fold(mode & 0o7777, |mode, clause| {
            let searched = if kind == Kind::Directory || mode & 0o111 != 0 { clause.searched } else { 0 };
            (mode & clause.kept) | clause.added | searched
        })
    }
}

fn change(text: &str) -> Result<Change, String> {
    let octal = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if octal {
        let added = u32::from_str_radix(text, 8).map_err(|e| e.to_string())?;
        return Ok(Change(vec![Clause { kept: 0, added, searched: 0 }]));
    }
    text.split(',').map(clause).collect::<Option<_>>().map(Change).ok_or_else(|| "such as 640 or u+rw,g-w,o=".into())
}

fn clause(text: &str) -> Option<Clause> {
    let at = text.find(['+', '-', '='])?;
    let who = match &text[..at] {
        "" => 0o777,
        who => who.chars().try_fold(0, |all, one| Some(all | class(one)?))?,
    };
    let mut chars = text[at..].chars();
    let sign = chars.next()?;
    let (mut bits, mut search) = (0, false);
    for permission in chars {
        match permission {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' => search = true,
            _ => return None,
        }
    }
    let (bits, searched) = (bits & who, if search { who & 0o111 } else { 0 });
    Some(match sign {
        '+' => Clause { kept: 0o7777, added: bits, searched },
        '-' => Clause { kept: !(bits | searched), added: 0, searched: 0 },
        _ => Clause { kept: !who, added: bits, searched },
    })
}

fn class(who: char) -> Option<u32> {
    match who {
        'u' => Some(0o700),
        'g' => Some(0o070),
        'o' => Some(0o007),
        'a' => Some(0o777),
        _ => None,
    }
}

impl Chmod {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.change(context, text).await).await
    }

    async fn change(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let metadata = context.existing(&place).await?;
        let mut kinds: Vec<ErrorKind> = Vec::new();
        if self.recursive && metadata.is_directory() {
            let mut walked = walk_on(&context.call, &place, |_| true);
            while let Some(found) = walked.next().await {
                match found {
                    Err(error) => context.walk_error(error, &mut kinds)?,
                    Ok(found) if found.entry.metadata.kind == Kind::Symlink => {}
                    Ok(found) => {
                        let (mode, kind) = (found.entry.metadata.mode, found.entry.metadata.kind);
                        self.set(context, &place.join(&found.below), mode, kind).await?;
                    }
                }
            }
        }
        self.set(context, &place, metadata.mode, metadata.kind).await?;
        Failure::of_all(kinds)
    }

    async fn set(&self, context: &Context, place: &Place, mode: Option<u32>, kind: Kind) -> Result<(), Failure> {
        let mode = self.mode.of(mode.unwrap_or_default(), kind);
        if self.dry_run {
            return context.would("change", place);
        }
        place.backend().set_mode(&context.call, &place.resolved(), mode).await?;
        context.has("changed", place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        let of = |text: &str, mode: u32| change(text).unwrap().of(mode, Kind::File);
        assert_eq!(of("640", 0o777), 0o640);
        assert_eq!(of("u+rw,g-w,o=", 0o077), 0o650);
        assert_eq!(of("+x", 0o644), 0o755);
        assert_eq!(of("a=r", 0o777), 0o444);
        assert_eq!(of("go-rwx", 0o755), 0o700);
        assert_eq!((of("a+X", 0o644), of("a+X", 0o744)), (0o644, 0o755));
        assert_eq!(change("a+X").unwrap().of(0o644, Kind::Directory), 0o755);
        for bad in ["", "8", "77777", "u", "u+z", "z+r", "u+r,", "rw"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
