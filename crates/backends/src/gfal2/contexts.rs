//! Contexts of the library: one for each call that is under way, as what cancels a call cancels all of its context.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use law_storage::{Error, ErrorKind, Result};

use super::Endpoint;
use super::address::options;
use super::library::{Context, Failure, Library};
use super::status::{is_broken, what_to_install, words};

/// What a context is made for: the library, and the options.
type Made = (String, Vec<(&'static str, &'static str, CString)>);

/// The contexts of this process that nobody uses just now. There are as many as were needed at once, as they are not freed.
static IDLE: Mutex<BTreeMap<Made, Vec<Arc<Context>>>> = Mutex::new(BTreeMap::new());

fn idle() -> MutexGuard<'static, BTreeMap<Made, Vec<Arc<Context>>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Endpoint {
    /// A context that nobody else uses. Blocks.
    pub(super) fn context(&self) -> Result<Arc<Context>> {
        let made = self.made()?;
        let used = idle().get_mut(&made).and_then(Vec::pop);
        let context = match used {
            Some(context) => context,
            None => self.new_context(&made)?,
        };
        let plugin = self.rules.plugin;
        let is_it =
            |name: &String| name.strip_prefix(plugin).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        if context.plugins().iter().any(is_it) {
            return Ok(context);
        }
        self.give_back(context);
        Err(self.not_installed(&format!("the plugin {plugin} of gfal2"), "gfal2 does not have it"))
    }

    fn new_context(&self, (library, options): &Made) -> Result<Arc<Context>> {
        let library = Library::load(library).map_err(|reason| self.not_installed("gfal2", &reason))?;
        let context = Context::new(library, options);
        context.map(Arc::new).map_err(|failure| {
            Error::new(ErrorKind::Unavailable, format!("gfal2 does not start ({})", words(&failure.message, &[])))
        })
    }

    fn made(&self) -> Result<Made> {
        Ok((self.library.clone(), options(&self.settings.credential)?))
    }

    /// Whether a context can be used again after such an outcome.
    pub(super) fn leaves_sound<T>(&self, outcome: &Result<T, Failure>) -> bool {
        !self.rules.fragile || outcome.as_ref().err().is_none_or(|failure| !is_broken(failure))
    }

    /// For the next call.
    pub(super) fn give_back(&self, context: Arc<Context>) {
        if let Ok(made) = self.made() {
            idle().entry(made).or_default().push(context);
        }
    }

    fn not_installed(&self, what: &str, reason: &str) -> Error {
        let scheme = self.shown.scheme();
        let message = format!("{scheme}:// needs {what}, which is not installed ({reason})");
        Error::new(ErrorKind::Unsupported, message).hint(what_to_install(self.rules, &self.shown))
    }
}

/// The context of a call that is under way. Whoever gives the call up takes it, and it is not used again: what cancels one call
/// must not meet the next.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Waiting,
    Under(Arc<Context>),
    GivenUp,
}

impl Running {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// `Cancelled` if it was given up before it began.
    pub(super) fn begins(&self, context: &Arc<Context>) -> Result<()> {
        let mut state = self.state();
        if matches!(*state, State::GivenUp) {
            return Err(Error::new(ErrorKind::Cancelled, "nobody waits for it any more"));
        }
        *state = State::Under(context.clone());
        Ok(())
    }

    /// Whether nobody has given it up, and its context can be used again.
    pub(super) fn ends(&self) -> bool {
        let before = std::mem::take(&mut *self.state());
        matches!(before, State::Under(_))
    }

    /// Gives it up, and asks it to end if that is of any use. Blocks.
    pub(super) fn give_up(&self, cancels: bool) {
        let before = std::mem::replace(&mut *self.state(), State::GivenUp);
        match before {
            State::Under(context) if cancels => context.cancel(),
            _ => {}
        }
    }
}
