//! Which branches a workflow has.

/// One branch: its number, and what it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch<T> {
    /// Its number, from 0.
    pub index: usize,
    /// What tells it from the others: a letter, a file, the values of some parameters.
    pub data: T,
}

/// What each branch works on, by number. The branches of a workflow have the numbers from 0 on without a gap.
///
/// ```
/// use law_workflow::BranchMap;
///
/// let letters: BranchMap<char> = ('a'..='z').collect();
/// assert_eq!((letters.len(), letters.get(25)), (26, Some(&'z')));
/// let chunks = BranchMap::chunked('a'..='z', 10);
/// assert_eq!(chunks.get(2), Some(&vec!['u', 'v', 'w', 'x', 'y', 'z']));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchMap<T>(Vec<T>);

impl BranchMap<()> {
    /// So many branches that differ by their numbers alone.
    pub fn numbered(count: usize) -> Self {
        Self(vec![(); count])
    }
}

impl<T> BranchMap<Vec<T>> {
    /// Branches that work on so many things each; the last one on what is left. A size of 0 is taken for 1.
    pub fn chunked(things: impl IntoIterator<Item = T>, size: usize) -> Self {
        let mut things = things.into_iter();
        let chunks = std::iter::from_fn(|| Some(things.by_ref().take(size.max(1)).collect::<Vec<T>>()));
        Self(chunks.take_while(|chunk| !chunk.is_empty()).collect())
    }
}

impl<T> BranchMap<T> {
    /// How many branches there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a branch works on.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)
    }

    /// What the branches work on, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl<T> FromIterator<T> for BranchMap<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        Self(things.into_iter().collect())
    }
}

impl<T> From<Vec<T>> for BranchMap<T> {
    fn from(things: Vec<T>) -> Self {
        Self(things)
    }
}
