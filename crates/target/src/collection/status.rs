//! What a collection says of itself.

use std::collections::HashSet;
use std::fmt::Write as _;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::Result;

use super::{Key, Survey, TargetCollection};
use crate::runtime::wait;
use crate::target::Target;

/// Collections within a collection that are asked at once.
const AT_ONCE: usize = 8;

impl<T: Target + 'static, K: Key> TargetCollection<T, K> {
    /// One line as law prints it: `existent (3/4)`, `absent (1/4), missing branches: 0,2,3`.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn status_text(&self) -> Result<String> {
        self.status_text_with_members(0, usize::MAX)
    }

    /// As [`status_text`](Self::status_text), within a runtime.
    ///
    /// # Errors
    /// As [`status_text`](Self::status_text).
    pub async fn status_text_async(&self) -> Result<String> {
        self.status_text_with_members_async(0, usize::MAX).await
    }

    /// The line of [`status_text`](Self::status_text), and one for each member: what law prints for a depth above 0.
    ///
    /// ```text
    /// absent (1/3), missing branches: 1,2
    /// 0: existent (davs://door.example/out/0.root)
    /// 1: absent (davs://door.example/out/1.root, optional)
    /// ... and 1 more
    /// ```
    ///
    /// With `depth` 2 and more, members that are collections show their members too, indented by two spaces. No more than
    /// `most` members of a collection are shown, and of those that are not shown no more is asked than the first line takes.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn status_text_with_members(&self, depth: usize, most: usize) -> Result<String> {
        let this = self.clone();
        wait(async move { this.status_text_with_members_async(depth, most).await })
    }

    /// As [`status_text_with_members`](Self::status_text_with_members), within a runtime.
    ///
    /// # Errors
    /// "Cannot tell".
    pub async fn status_text_with_members_async(&self, depth: usize, most: usize) -> Result<String> {
        let survey = self.survey_async().await?;
        let mut text = survey.headline(self.needed(), most);
        if depth > 0 {
            let shown = self.iter().take(most).map(|(_, member)| member.members_status(depth - 1, most));
            let shown: Vec<_> = shown.collect();
            let nested: Vec<Option<String>> = stream::iter(shown).buffered(AT_ONCE).try_collect().await?;
            let missing: HashSet<&K> = survey.missing.iter().collect();
            for ((key, member), nested) in self.iter().zip(nested) {
                text += &member_line(key, member, !missing.contains(key), nested);
            }
            text += &more(self.len(), most);
        }
        Ok(text)
    }
}

impl<K: Key> Survey<K> {
    /// One line as law prints it: `existent (3/4)`, or `absent (1/4), missing branches: 0,2,3`, with at most so many of them.
    pub fn headline(&self, needed: usize, most: usize) -> String {
        let existing = self.existing.len();
        let all = existing + self.missing.len();
        let mut line = format!("{} ({existing}/{all})", word(existing >= needed));
        if !self.missing.is_empty() {
            let missing: Vec<String> = self.missing.iter().take(most).map(ToString::to_string).collect();
            let cut = if self.missing.len() > most { ",..." } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(line, ", missing branches: {}{cut}", missing.join(","));
        }
        line
    }
}

/// One member, or a collection with its own lines, indented.
fn member_line<T: Target>(key: &impl Key, member: &T, exists: bool, nested: Option<String>) -> String {
    if let Some(nested) = nested {
        return format!("\n{key}: {}", nested.replace('\n', "\n  "));
    }
    let optional = if member.is_optional() { ", optional" } else { "" };
    let external = if member.is_external() { ", external" } else { "" };
    format!("\n{key}: {} ({member}{optional}{external})", word(exists))
}

fn more(members: usize, most: usize) -> String {
    match members.saturating_sub(most) {
        0 => String::new(),
        hidden => format!("\n... and {hidden} more"),
    }
}

fn word(exists: bool) -> &'static str {
    if exists { "existent" } else { "absent" }
}
