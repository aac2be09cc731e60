//! Things of which each is used by one thread at a time, and which are kept for the next one.

use std::sync::{Mutex, PoisonError};

/// As many as were ever needed at once.
pub(super) struct Idle<T>(Mutex<Vec<T>>);

impl<T> Idle<T> {
    pub(super) fn new(first: T) -> Self {
        Self(Mutex::new(vec![first]))
    }

    /// Lends one, made anew where all are lent.
    pub(super) fn with<R, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut one = match free {
            Some(one) => one,
            None => make()?,
        };
        let done = work(&mut one);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        done
    }
}
