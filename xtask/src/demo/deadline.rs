//! The time that a whole demo may take. Every wait inside it takes its limit from here, so that no
//! sum of waits can be longer than the whole.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// When everything has to be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// From now.
    pub(crate) fn in_time(limit: Duration) -> Self {
        Self {
            started: Instant::now(),
            limit,
        }
    }

    /// How long one wait may take: `at_most`, or what is left.
    pub(crate) fn left(&self, at_most: Duration) -> Duration {
        self.limit.saturating_sub(self.started.elapsed()).min(at_most)
    }

    /// How long it has been.
    pub(crate) fn so_far(&self) -> Duration {
        self.started.elapsed()
    }

    /// Asks again and again until there is an answer, for at most `at_most`.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        at_most: Duration,
        mut ask: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let (since, limit) = (Instant::now(), self.left(at_most));
        loop {
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
            if since.elapsed() >= limit {
                return Err(Failure::new(format!(
                    "{what} did not happen within {} ms",
                    limit.as_millis()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_gets_no_more_than_is_left() {
        let deadline = Deadline::in_time(Duration::from_secs(60));
        assert_eq!(deadline.left(Duration::from_secs(1)), Duration::from_secs(1));
        assert_eq!(
            Deadline::in_time(Duration::ZERO).left(Duration::from_secs(1)),
            Duration::ZERO
        );
    }

    #[test]
    fn what_never_happens_ends_the_wait() {
        let told = Deadline::in_time(Duration::ZERO)
            .wait_for("the arrival", Duration::from_secs(9), || Ok(None::<()>))
            .unwrap_err();
        assert!(told.to_string().contains("the arrival did not happen"), "{told}");
    }
}
