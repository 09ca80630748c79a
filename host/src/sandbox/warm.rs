//! Attempts on one lane keep to few instances, as long as nobody is held up by that.
//!
//! What one attempt touches (the guest's memory and stack, and what the host keeps of them) is some hundred kilobytes. Where a commit lets
//! dozens of them go at once on one lane, each finds what it touched thrown out of the processor's cache by the others when its answer comes;
//! where few are under way, the next one gets a slot that is still there (measured, 5 of 84 µs: docs/performance.md).
//! So one that comes while many are under way waits for one of them to end, for a moment: behind a far side that takes long it is made
//! beside them all the same.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// As many are under way on one lane without a wait.
const AT_ONCE: usize = 24;
/// The longest wait. A far side that answers in less is waited for with profit; against others it is nothing.
const PATIENCE: Duration = Duration::from_millis(2);

/// See the module.
pub(super) struct Warm(Semaphore);

impl Warm {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }

    /// Waits until few are under way, or for a moment. To be held as long as the attempt lasts; `None` where it is one
    /// beside many.
    pub(super) async fn seat(&self) -> Option<SemaphorePermit<'_>> {
        match self.0.try_acquire() {
            Ok(seat) => Some(seat),
            Err(_) => tokio::time::timeout(PATIENCE, self.0.acquire()).await.ok()?.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_next_goes_when_one_has_ended_and_after_a_moment_in_any_case() {
        let warm = Warm::new();
        let mut seats = Vec::new();
        for _ in 0..AT_ONCE {
            seats.push(warm.seat().await.unwrap());
        }
        assert!(warm.seat().await.is_none(), "beside the others, which last");
        let (seat, ()) = tokio::join!(warm.seat(), async { drop(seats.pop()) });
        assert!(seat.is_some(), "after one of the others");
    }
}
