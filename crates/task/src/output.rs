//! What a task writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use law_target::collection::Key;
use law_target::{
    DirectoryTarget, FileTarget, NestedSiblingFileCollection, SiblingFileCollection, Target, TargetCollection,
};

/// One target of a task, and what it is called among others. The name is empty if it is the only one.
#[derive(Clone)]
pub struct NamedTarget {
    /// `plots`, `0`, or `plots.0` for one within others.
    pub name: String,
    /// The target.
    pub target: Arc<dyn Target>,
}

/// What a task gives as its output: one target, some with names, none.
pub trait Output: Send + Sync + 'static {
    /// All of its targets.
    fn targets(&self) -> Vec<NamedTarget>;

    /// The output of a task that writes nothing; none for the others, which must say where they write.
    fn nothing() -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

fn alone(target: impl Target + 'static) -> Vec<NamedTarget> {
    vec![NamedTarget { name: String::new(), target: Arc::new(target) }]
}

/// The targets of what has a name of its own.
fn below(name: &str, output: &impl Output) -> Vec<NamedTarget> {
    let joined = |inner: String| if inner.is_empty() { name.to_owned() } else { format!("{name}.{inner}") };
    output.targets().into_iter().map(|named| NamedTarget { name: joined(named.name), ..named }).collect()
}

macro_rules! targets {
    ($($target:ty),*) => {$(
        impl Output for $target {
            fn targets(&self) -> Vec<NamedTarget> {
                alone(self.clone())
            }
        }
    )*};
}

targets!(FileTarget, DirectoryTarget);

impl<T: Target + Clone + 'static, K: Key> Output for TargetCollection<T, K> {
    fn targets(&self) -> Vec<NamedTarget> {
        alone(self.clone())
    }
}

impl<K: Key> Output for SiblingFileCollection<K> {
    fn targets(&self) -> Vec<NamedTarget> {
        (**self).targets()
    }
}

impl<K: Key> Output for NestedSiblingFileCollection<K> {
    fn targets(&self) -> Vec<NamedTarget> {
        (**self).targets()
    }
}

/// A task without outputs is never complete, and so is run once whenever it is asked for: see [`Task::complete`](crate::Task::complete).
impl Output for () {
    fn targets(&self) -> Vec<NamedTarget> {
        Vec::new()
    }

    fn nothing() -> Option<Self> {
        Some(())
    }
}

impl<T: Output> Output for Option<T> {
    fn targets(&self) -> Vec<NamedTarget> {
        self.as_ref().map(T::targets).unwrap_or_default()
    }
}

impl<T: Output> Output for Vec<T> {
    fn targets(&self) -> Vec<NamedTarget> {
        self.iter().enumerate().flat_map(|(index, output)| below(&index.to_string(), output)).collect()
    }
}

impl<T: Output> Output for BTreeMap<String, T> {
    fn targets(&self) -> Vec<NamedTarget> {
        self.iter().flat_map(|(name, output)| below(name, output)).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Output),*> Output for ($($name,)*) {
            fn targets(&self) -> Vec<NamedTarget> {
                [$(below(stringify!($index), &self.$index)),*].concat()
            }
        }
    };
}

tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
