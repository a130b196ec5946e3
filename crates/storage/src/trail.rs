//! Where the bytes of a call came from.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The doors that gave bytes during a call, and whether these were found to be damaged: who reads again can then ask
/// others. Clones are the same trail.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Steps>>);

#[derive(Debug, Default)]
struct Steps {
    doors: Vec<String>,
    damaged: bool,
}

impl Trail {
    /// A door gave bytes.
    pub fn passed(&self, door: &str) {
        let mut steps = self.steps();
        if !steps.doors.iter().any(|known| known == door) {
            steps.doors.push(door.to_owned());
        }
    }

    /// The bytes that came are not those that the storage has.
    pub fn found_damage(&self) {
        self.steps().damaged = true;
    }

    /// The doors that gave bytes, the first one first, without secrets.
    pub fn doors(&self) -> Vec<String> {
        self.steps().doors.clone()
    }

    /// Whether bytes were damaged.
    pub fn is_damaged(&self) -> bool {
        self.steps().damaged
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        // A list of names is right whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
