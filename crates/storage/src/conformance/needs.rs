//! What a case needs of an endpoint.

use crate::{Capabilities, Overwrite, Publish, Support};

type Needed = Result<(), String>;

fn need(condition: bool, reason: &str) -> Needed {
    if condition { Ok(()) } else { Err(reason.into()) }
}

pub(super) fn nothing(_: &Capabilities) -> Needed {
    Ok(())
}

pub(super) fn writes(c: &Capabilities) -> Needed {
    need(c.write.possible(), "read-only")
}

pub(super) fn ranges(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.ranges.possible(), "no reads of a part of a file")
}

pub(super) fn lists(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.list.possible(), "no listings")
}

pub(super) fn hidden_names(c: &Capabilities) -> Needed {
    lists(c)?;
    need(c.names.hidden, "no names that begin with a dot")
}

/// The other way round: what such an endpoint must say.
pub(super) fn no_lists(c: &Capabilities) -> Needed {
    need(c.list == Support::No, "it lists")
}

pub(super) fn renames(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.rename.possible(), "no renames")
}

pub(super) fn copies(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.copy.possible(), "no copies within the storage")
}

pub(super) fn links(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.symlinks.possible(), "no symbolic links")
}

pub(super) fn listed_links(c: &Capabilities) -> Needed {
    links(c)?;
    lists(c)
}

pub(super) fn renamed_links(c: &Capabilities) -> Needed {
    links(c)?;
    renames(c)
}

pub(super) fn copied_links(c: &Capabilities) -> Needed {
    links(c)?;
    copies(c)
}

pub(super) fn modes(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.modes.possible(), "no permission bits")
}

pub(super) fn set_modified(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.set_modified.possible(), "the time of modification cannot be set")
}

pub(super) fn keeps_modified(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.keeps_modified.possible(), "the time of modification of a source is not kept")
}

pub(super) fn times(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.modified_resolution.is_some(), "it tells no time of modification")
}

pub(super) fn space(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.space.possible(), "it does not tell its space")
}

pub(super) fn local_files(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.local_files.possible(), "no local files")
}

pub(super) fn digests(c: &Capabilities) -> Needed {
    writes(c)?;
    need(!c.digests.is_empty(), "no checksums by the storage")
}

pub(super) fn two_digests(c: &Capabilities) -> Needed {
    digests(c)?;
    need(c.digests.len() > 1, "only one kind of checksum by the storage")
}

pub(super) fn no_digests(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.digests.is_empty(), "it has checksums")
}

/// What is being written cannot be seen under its final name.
pub(super) fn hidden_writes(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.publish == Publish::Rename, "files are written under their final names")
}

/// An interruption cannot destroy the old content.
pub(super) fn safe_overwrites(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.overwrite != Overwrite::Unsafe, "overwrites are declared unsafe")
}

pub(super) fn case_sensitive(c: &Capabilities) -> Needed {
    writes(c)?;
    need(c.names.case_sensitive, "names that differ in their case are the same")
}
