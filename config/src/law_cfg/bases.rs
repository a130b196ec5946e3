//! `base` and `base_<operation>` as the doors and the base of a `[fs.NAME]`.

use super::Kind;
use super::place::{Place, first_place, places};
use super::values::{Resolved, Values};
use crate::error::Result;
use crate::expansion::expand_variables;
use crate::origin::Origin;

/// What a door can be kept for, in the words of law.toml.
const OPERATIONS: [&str; 9] = ["read", "write", "list", "stat", "mkdir", "remove", "rename", "copy", "checksum"];

/// The options that name other bases for some operations. Of two that mean one operation here, the first counts.
const KEPT: [(&[&str], &[&str]); 5] = [
    (&["base_filecopy"], &["read", "write", "copy"]),
    (&["base_listdir"], &["list"]),
    (&["base_stat", "base_exists"], &["stat"]),
    (&["base_mkdir_rec", "base_mkdir"], &["mkdir"]),
    (&["base_unlink", "base_rmdir"], &["remove"]),
];

struct Door {
    place: Place,
    operations: Vec<&'static str>,
}

/// Everything that says where a file system is.
pub(super) struct Bases {
    /// URLs, and what each is kept for unless that is everything.
    pub(super) doors: Vec<(String, Option<Vec<&'static str>>)>,
    /// As law.toml says it, with its variables.
    pub(super) base: String,
    /// Where the base stands; if any of them is of somebody else, where that one does.
    pub(super) origin: Origin,
    /// Options that another one makes void here.
    pub(super) void: Vec<&'static str>,
}

/// Whether an option names bases.
pub(super) fn is_base(option: &str) -> bool {
    option == "base" || KEPT.iter().any(|(options, _)| options.contains(&option))
}

/// The bases of a section; none if it has no `base`, and is no file system.
///
/// # Errors
/// `InvalidValue` for what is no URL, or one that no door can have.
pub(super) fn bases(values: &Values<'_>, section: &str) -> Result<Option<Bases>> {
    let Some((mut from, main)) = named(values, section, "base")? else { return Ok(None) };
    let (mut kept, mut void) = (Vec::new(), Vec::new());
    for (options, operations) in KEPT {
        let Some((origin, places)) = counting(values, section, options, &mut void)? else { continue };
        if !origin.is_trusted() {
            from.origin = origin;
        }
        kept.push((places, operations));
    }
    let has_own = |operation: &&str| kept.iter().any(|(_, operations)| operations.contains(operation));
    let rest: Vec<_> = OPERATIONS.into_iter().filter(|operation| !has_own(operation)).collect();
    let mut doors = Vec::new();
    add(&mut doors, main, &rest);
    kept.into_iter().for_each(|(places, operations)| add(&mut doors, places, operations));
    Ok(Some(together(doors, from, void, values, section)))
}

fn named(values: &Values<'_>, section: &str, option: &str) -> Result<Option<(Resolved, Vec<Place>)>> {
    let Some(value) = values.of(section, option).transpose()? else { return Ok(None) };
    let invalid = |problem: String| values.invalid(section, option, &problem);
    let places = places(&value.text, Kind::of(section)).map_err(invalid)?;
    Ok(Some((value, places)).filter(|(_, places)| !places.is_empty()))
}

/// The first of these options that is set, and which of the others say something else.
fn counting(
    values: &Values<'_>,
    section: &str,
    options: &[&'static str],
    void: &mut Vec<&'static str>,
) -> Result<Option<(Origin, Vec<Place>)>> {
    let mut counting: Option<(Origin, Vec<Place>)> = None;
    for option in options {
        match (&counting, named(values, section, option)?) {
            (None, Some((found, places))) => counting = Some((found.origin, places)),
            (Some((_, first)), Some((_, places))) if *first != places => void.push(*option),
            _ => {}
        }
    }
    Ok(counting)
}

fn add(doors: &mut Vec<Door>, places: Vec<Place>, operations: &[&'static str]) {
    for place in places {
        match doors.iter_mut().find(|door| door.place == place) {
            Some(door) => door.operations.extend_from_slice(operations),
            None => doors.push(Door { place, operations: operations.to_vec() }),
        }
    }
}

/// Where the storage begins at the same path everywhere, that is the base; else each door has its own.
fn together(doors: Vec<Door>, from: Resolved, void: Vec<&'static str>, values: &Values<'_>, section: &str) -> Bases {
    let root = doors.first().map(|door| door.place.root.clone()).unwrap_or_default();
    let shared = doors.iter().all(|door| door.place.root == root);
    let base = if shared { with_variables(&root, &from, values, section) } else { "/".to_owned() };
    let shown = |door: Door| {
        let in_order: Vec<_> = OPERATIONS.into_iter().filter(|word| door.operations.contains(word)).collect();
        let url = if shared { door.place.door } else { door.place.url };
        (url, Some(in_order).filter(|words| words.len() < OPERATIONS.len()))
    };
    Bases { doors: doors.into_iter().map(shown).collect(), base, origin: from.origin, void }
}

/// The directory with the variables that the file has in it, where they come to the same.
fn with_variables(root: &str, from: &Resolved, values: &Values<'_>, section: &str) -> String {
    let place = first_place(&from.unexpanded, Kind::of(section)).ok();
    let same = place.filter(|place| expand_variables(&place.root, values.environment).is_ok_and(|path| path == root));
    same.map_or_else(|| root.replace('$', "$$"), |place| place.root)
}
