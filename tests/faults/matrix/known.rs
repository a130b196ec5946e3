//! The promises that are known to be broken, with the reason. The test fails when one of them is not true any more.

use super::cell::Cell;
use super::{Action, Doors};

const BELIEVES: &str = "law takes any status of success for done, also 200 with a page, and does not look";

const TWICE: &str = "law lists twice what the storage lists twice";

const AGAIN: &str = "where no checksum tells whether a lost MOVE happened, law publishes once more, and says after the last attempt that \
    nothing was published";

const FORGETS: &str =
    "a temporary file that an earlier attempt could not delete is not told, unless the last attempt fails with it";

/// Why the promise is broken in a cell, if it is known to be.
pub(super) fn known(cell: &Cell<'_>) -> Option<&'static str> {
    let Cell { row, doors, .. } = cell;
    match (row.action, row.rules[0].as_str()) {
        (Action::Upload | Action::Rename, "MOVE html" | "MOVE status 201") => Some(BELIEVES),
        (Action::Remove, "DELETE html" | "DELETE status 204") => Some(BELIEVES),
        (Action::List, "PROPFIND duplicate-entry") => Some(TWICE),
        (Action::Upload, "MOVE close-before-response") if !row.before.is_empty() => Some(AGAIN),
        // A DELETE that fails once is done again.
        (Action::Upload, "DELETE status 500") if *doors != Doors::Once => Some(FORGETS),
        _ => None,
    }
}
