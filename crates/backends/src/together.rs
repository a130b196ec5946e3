//! What many ask for at the same moment, in one request.
//!
//! Those who ask while a group gathers are in it. Who came first sends the request, and tells the others what became of theirs.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// A gathering group of those who want the same of different things.
pub(crate) struct Together<Answer> {
    most: usize,
    group: Mutex<Members<Answer>>,
}

type Members<Answer> = Arc<Mutex<Vec<Member<Answer>>>>;

struct Member<Answer> {
    item: String,
    tell: oneshot::Sender<Answer>,
}

/// A place in a group.
pub(crate) struct Joined<'a, Answer> {
    /// What became of the item; an error if who came first could not ask, or was stopped.
    pub(crate) told: oneshot::Receiver<Answer>,
    /// Whoever has this must ask for all.
    pub(crate) lead: Option<Lead<'a, Answer>>,
}

/// The duty to ask for a group. Dropped, it ends the group, and its members ask for themselves.
pub(crate) struct Lead<'a, Answer> {
    together: &'a Together<Answer>,
    members: Members<Answer>,
}

/// A group that has gathered.
pub(crate) struct Gathered<Answer> {
    /// What is asked for.
    pub(crate) items: Vec<String>,
    tells: Vec<oneshot::Sender<Answer>>,
}

impl<Answer> Together<Answer> {
    /// For groups of at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, group: Mutex::default() }
    }

    /// Joins the group that gathers, or begins one.
    pub(crate) fn join(&self, item: String) -> Joined<'_, Answer> {
        let (tell, told) = oneshot::channel();
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        let mut members = group.lock().unwrap_or_else(PoisonError::into_inner);
        let first = members.is_empty();
        members.push(Member { item, tell });
        let full = members.len() >= self.most;
        drop(members);
        let lead = first.then(|| Lead { together: self, members: group.clone() });
        if full {
            *group = Arc::default();
        }
        Joined { told, lead }
    }
}

impl<Answer> Lead<'_, Answer> {
    /// Lets all who are ready now join, and ends the group.
    pub(crate) async fn gather(self) -> Gathered<Answer> {
        tokio::task::yield_now().await;
        let (items, tells) = self.close().into_iter().map(|member| (member.item, member.tell)).unzip();
        Gathered { items, tells }
    }

    /// Whoever comes now begins another one.
    fn close(&self) -> Vec<Member<Answer>> {
        let mut group = self.together.group.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&group, &self.members) {
            *group = Arc::default();
        }
        mem::take(&mut *self.members.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<Answer> Drop for Lead<'_, Answer> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl<Answer> Gathered<Answer> {
    /// Tells each what became of its item.
    pub(crate) fn tell(self, answers: impl IntoIterator<Item = Answer>) {
        for (tell, answer) in self.tells.into_iter().zip(answers) {
            // Who is not there any more has stopped to care.
            drop(tell.send(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    /// Asks for an item, in groups of at most three; the answer is how many were in the group.
    async fn ask(together: &Together<usize>, item: usize) -> Option<usize> {
        let Joined { told, lead } = together.join(item.to_string());
        if let Some(lead) = lead {
            let group = lead.gather().await;
            let size = group.items.len();
            group.tell(vec![size; size]);
        }
        told.await.ok()
    }

    #[tokio::test]
    async fn those_who_ask_at_once_are_asked_for_at_once() {
        let together = Together::new(3);
        let sizes = join_all((0..7).map(|item| ask(&together, item))).await;
        assert_eq!(sizes, [3, 3, 3, 3, 3, 3, 1].map(Some));
        assert_eq!(ask(&together, 8).await, Some(1));
    }

    #[tokio::test]
    async fn a_group_whose_first_is_stopped_asks_for_itself() {
        let together: Together<usize> = Together::new(3);
        let (first, second) = (together.join("a".into()), together.join("b".into()));
        assert!(second.lead.is_none());
        drop(first);
        assert!(second.told.await.is_err());
        assert!(together.join("c".into()).lead.is_some());
    }
}
