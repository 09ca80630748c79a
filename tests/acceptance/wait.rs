//! Waiting with an end.
//!
//! Nothing in a case sleeps for a fixed time where it can look instead, and nothing waits for ever.

use std::time::{Duration, Instant};

/// How long anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until `look` finds something, or until patience ends; then the error says what
/// was seen last.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() >= end => {
                return Err(format!(
                    "waited {} s for {what}; last seen: {seen}",
                    PATIENCE.as_secs()
                ));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
