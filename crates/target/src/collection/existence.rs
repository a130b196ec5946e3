//! Whether many targets of any kind exist, with an answer for each.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use law_storage::Result;

use super::survey::{AT_ONCE, Group, grouped};
use crate::target::Target;

/// Fewer files of one directory are asked for one by one: its listing may be long.
const LISTED_FROM: usize = 4;

/// Whether each of these exists, in their order. Files of one directory are told by one listing of it; an error is "cannot tell", for one target alone.
pub async fn existence(targets: &[Arc<dyn Target>]) -> Vec<Result<bool>> {
    let mut answers: Vec<Option<Result<bool>>> = targets.iter().map(|_| None).collect();
    let (groups, others) = grouped(targets.iter().map(|target| &**target).enumerate());
    let (many, few): (Vec<_>, Vec<_>) = groups.partition(|group| group.members.len() >= LISTED_FROM);
    let mut alone: Vec<usize> = others.iter().map(|(place, _)| *place).chain(few.iter().flat_map(places)).collect();
    let mut listed = stream::iter(many).map(told).buffer_unordered(AT_ONCE);
    while let Some((places, told)) = listed.next().await {
        match told {
            Ok(told) => told.into_iter().for_each(|(place, exists)| answers[place] = Some(Ok(exists))),
            // Who may not list a directory may still look at what is in it.
            Err(error) => {
                tracing::debug!("files are asked for one by one: {error}");
                alone.extend(places);
            }
        }
    }
    let ask = |place: usize| async move { (place, targets[place].exists_async().await) };
    let mut asked = stream::iter(alone).map(ask).buffer_unordered(AT_ONCE);
    while let Some((place, exists)) = asked.next().await {
        answers[place] = Some(exists);
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Ok(false))).collect()
}

fn places<'a>(group: &'a Group<'_>) -> impl Iterator<Item = usize> + 'a {
    group.members.iter().map(|(place, _)| *place)
}

async fn told(group: Group<'_>) -> (Vec<usize>, Result<Vec<(usize, bool)>>) {
    (places(&group).collect(), group.answers().await)
}
