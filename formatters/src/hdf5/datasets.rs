//! Several datasets, with groups and attributes.

use super::attributes::{Attribute, Attributes};
use super::trimmed;
use super::values::Values;

/// An array with attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its values.
    pub values: Values,
    /// What is said of them.
    pub attributes: Attributes,
}

impl Dataset {
    /// Values without attributes.
    pub fn new(values: impl Into<Values>) -> Self {
        Self { values: values.into(), attributes: Attributes::new() }
    }

    /// The same with one more attribute; one that had the name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Attribute>) -> Self {
        self.attributes.insert(name, value);
        self
    }
}

impl<V: Into<Values>> From<V> for Dataset {
    fn from(values: V) -> Self {
        Self::new(values)
    }
}

/// Datasets by their paths, in an order, and the attributes of groups: what an HDF5 file holds.
///
/// Groups are made as the paths say. Links to a dataset become datasets; links that lead nowhere are left out.
///
/// ```
/// use law_formatters::hdf5::{Attributes, Datasets};
/// use ndarray::array;
///
/// let datasets = Datasets::new()
///     .with("events/pt", array![20.5, 31.0])
///     .with_group("events", Attributes::new().with("run", 42));
/// assert_eq!(datasets.names().collect::<Vec<_>>(), ["events/pt"]);
/// assert_eq!(datasets.get("events/pt").unwrap().values.shape(), [2]);
/// assert_eq!(datasets.group("events").unwrap().number("run"), Some(42.0));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Datasets {
    datasets: Vec<(String, Dataset)>,
    groups: Vec<(String, Attributes)>,
}

impl Datasets {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more; a dataset that had the path is replaced.
    #[must_use]
    pub fn with(mut self, path: impl AsRef<str>, dataset: impl Into<Dataset>) -> Self {
        self.insert(path, dataset);
        self
    }

    /// The same with a group of these attributes; those that it had are replaced. The file itself is the group "".
    #[must_use]
    pub fn with_group(mut self, path: impl AsRef<str>, attributes: Attributes) -> Self {
        self.insert_group(path, attributes);
        self
    }

    /// Adds a dataset at the end; one that had the path is replaced where it stands.
    pub fn insert(&mut self, path: impl AsRef<str>, dataset: impl Into<Dataset>) {
        put(&mut self.datasets, trimmed(path.as_ref()), dataset.into());
    }

    /// Adds a group of these attributes; those that it had are replaced.
    pub fn insert_group(&mut self, path: impl AsRef<str>, attributes: Attributes) {
        put(&mut self.groups, trimmed(path.as_ref()), attributes);
    }

    /// Adds a dataset that is known to be new.
    pub(super) fn push(&mut self, path: &str, dataset: Dataset) {
        self.datasets.push((path.to_owned(), dataset));
    }

    /// Adds a group that is known to be new.
    pub(super) fn push_group(&mut self, path: &str, attributes: Attributes) {
        self.groups.push((path.to_owned(), attributes));
    }

    /// The dataset of that path.
    pub fn get(&self, path: &str) -> Option<&Dataset> {
        self.iter().find(|(other, _)| *other == trimmed(path)).map(|(_, dataset)| dataset)
    }

    /// The attributes of the group of that path; those of the file for "".
    pub fn group(&self, path: &str) -> Option<&Attributes> {
        self.groups().find(|(other, _)| *other == trimmed(path)).map(|(_, attributes)| attributes)
    }

    /// Takes the dataset of that path out.
    pub fn remove(&mut self, path: &str) -> Option<Dataset> {
        let place = self.datasets.iter().position(|(other, _)| other == trimmed(path))?;
        Some(self.datasets.remove(place).1)
    }

    /// The paths of the datasets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(path, _)| path)
    }

    /// Paths and datasets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Dataset)> {
        self.datasets.iter().map(|(path, dataset)| (path.as_str(), dataset))
    }

    /// Paths and attributes of the groups that were named, in order.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Attributes)> {
        self.groups.iter().map(|(path, attributes)| (path.as_str(), attributes))
    }

    /// How many datasets there are.
    pub fn len(&self) -> usize {
        self.datasets.len()
    }

    /// Whether there is no dataset.
    pub fn is_empty(&self) -> bool {
        self.datasets.is_empty()
    }
}

fn put<T>(list: &mut Vec<(String, T)>, path: &str, value: T) {
    match list.iter_mut().find(|(other, _)| other == path) {
        Some((_, old)) => *old = value,
        None => list.push((path.to_owned(), value)),
    }
}

impl IntoIterator for Datasets {
    type Item = (String, Dataset);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.datasets.into_iter()
    }
}
