//! What a task needs before it can run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::TaskResult;
use crate::parameters::Parameters;
use crate::task::Task;
use crate::work::Work;

/// Tasks that must be complete first: one, several, none. Their outputs are the task's [`input`](Task::input), in the same shape.
pub trait Requires: Sized + Send + Sync + 'static {
    /// The outputs of these tasks.
    type Input;

    /// Those that a task requires if it does not say more: with the parameters that they have in common.
    ///
    /// # Errors
    /// A parameter that has no default and is not common; what can be many or none must be said.
    fn of(task: &impl Parameters) -> TaskResult<Self> {
        anyhow::bail!("{} does not say which tasks it requires: requires() is missing", task.id())
    }

    /// Each of the tasks.
    fn works(self) -> Vec<Arc<dyn Work>>;

    /// Their outputs.
    ///
    /// # Errors
    /// What the tasks say.
    fn outputs(&self) -> TaskResult<Self::Input>;
}

impl Requires for () {
    type Input = ();

    fn of(_: &impl Parameters) -> TaskResult<()> {
        Ok(())
    }

    fn works(self) -> Vec<Arc<dyn Work>> {
        Vec::new()
    }

    fn outputs(&self) -> TaskResult<()> {
        Ok(())
    }
}

impl<T: Task> Requires for T {
    type Input = T::Output;

    fn of(task: &impl Parameters) -> TaskResult<Self> {
        Self::req(task)
    }

    fn works(self) -> Vec<Arc<dyn Work>> {
        vec![Arc::new(self)]
    }

    fn outputs(&self) -> TaskResult<T::Output> {
        self.output()
    }
}

/// A task of which nothing is known but that it can be run.
impl Requires for Arc<dyn Work> {
    type Input = Vec<crate::NamedTarget>;

    fn works(self) -> Vec<Self> {
        vec![self]
    }

    fn outputs(&self) -> TaskResult<Self::Input> {
        self.targets()
    }
}

impl<R: Requires> Requires for Option<R> {
    type Input = Option<R::Input>;

    fn works(self) -> Vec<Arc<dyn Work>> {
        self.map(R::works).unwrap_or_default()
    }

    fn outputs(&self) -> TaskResult<Self::Input> {
        self.as_ref().map(R::outputs).transpose()
    }
}

impl<R: Requires> Requires for Vec<R> {
    type Input = Vec<R::Input>;

    fn works(self) -> Vec<Arc<dyn Work>> {
        self.into_iter().flat_map(R::works).collect()
    }

    fn outputs(&self) -> TaskResult<Self::Input> {
        self.iter().map(R::outputs).collect()
    }
}

impl<R: Requires> Requires for BTreeMap<String, R> {
    type Input = BTreeMap<String, R::Input>;

    fn works(self) -> Vec<Arc<dyn Work>> {
        self.into_values().flat_map(R::works).collect()
    }

    fn outputs(&self) -> TaskResult<Self::Input> {
        self.iter().map(|(name, required)| Ok((name.clone(), required.outputs()?))).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Requires),*> Requires for ($($name,)*) {
            type Input = ($($name::Input,)*);

            fn of(task: &impl Parameters) -> TaskResult<Self> {
                Ok(($($name::of(task)?,)*))
            }

            fn works(self) -> Vec<Arc<dyn Work>> {
                [$(self.$index.works()),*].concat()
            }

            fn outputs(&self) -> TaskResult<Self::Input> {
                Ok(($(self.$index.outputs()?,)*))
            }
        }
    };
}

tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
