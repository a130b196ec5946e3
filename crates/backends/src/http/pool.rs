//! Idle connections, kept for the next request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Origin;
use super::connection::Connection;

/// Servers of this field close idle connections after 5 to 60 s; an older one is more often dead than not.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// A request that must not be repeated takes only a connection that was alive a moment ago.
const FRESH: Duration = Duration::from_secs(1);

/// A connection that was looked at a moment ago is not looked at again for a request that can be repeated.
const JUST_SEEN: Duration = Duration::from_millis(50);

/// Which idle connections a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Any: if it turns out to be dead, the request is repeated.
    Any,
    /// One that was used a moment ago: the request cannot be repeated.
    Fresh,
    /// None: the last one that was used was dead.
    Never,
}

/// Idle connections by origin; a plain mutex, as it is never held while waiting.
#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<Origin, Known>>);

/// The connections of one origin.
#[derive(Default)]
struct Known {
    idle: Vec<Idle>,
    /// When the server closed one at the end of its answer.
    closed: Option<Instant>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// The connection that was used last of those that are alive. With `trusting`, one that was looked at a moment ago need not be looked at
    /// again: what is asked by it can be asked once more.
    pub(super) fn take(&self, origin: &Origin, reuse: Reuse, trusting: bool) -> Option<Connection> {
        loop {
            // Looked at without the lock: a look drives the connection.
            let Idle { mut connection, since } = self.newest(origin, reuse)?;
            let seen = trusting && reuse == Reuse::Any && since.elapsed() < JUST_SEEN;
            let alive = if seen { connection.was_ready() } else { connection.is_ready() };
            if alive {
                return Some(connection);
            }
        }
    }

    fn newest(&self, origin: &Origin, reuse: Reuse) -> Option<Idle> {
        let oldest = match reuse {
            Reuse::Any => LONGEST_IDLE,
            Reuse::Fresh => FRESH,
            Reuse::Never => return None,
        };
        let mut pool = self.lock();
        let idle = &mut pool.get_mut(origin)?.idle;
        idle.pop_if(|newest| newest.since.elapsed() < oldest)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn give(&self, origin: Origin, mut connection: Connection) {
        // Before the lock: a body that is still being sent may end in this, and give back a connection itself.
        let ready = connection.is_ready();
        let mut pool = self.lock();
        // No task looks after idle connections: what nobody came back for is closed here.
        pool.values_mut().for_each(|known| known.idle.retain(|idle| idle.since.elapsed() < LONGEST_IDLE));
        let known = pool.entry(origin).or_default();
        match ready {
            true => known.idle.push(Idle { connection, since: Instant::now() }),
            false => known.closed = Some(Instant::now()),
        }
    }

    /// How long ago the server closed a connection, if it ever did.
    pub(super) fn since_closed(&self, origin: &Origin) -> Option<Duration> {
        self.lock().get(origin)?.closed.map(|closed| closed.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Known>> {
        // A map of idle connections is right whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
