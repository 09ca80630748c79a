//! Whether an attempt has done something that could have delivered the message.
//!
//! What an attempt that breaks off is called depends on this alone: `retryable` before, `unknown`
//! after. So the answer must never be "no" when something may have left. Two rules make it so:
//! who is about to write asks first, and is refused once the attempt has been closed; and a
//! request in flight, whose task may still be running when the instance is gone, is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::contract::Effect;

/// How long a request that was called off may take to notice. Tasks notice when they are next
/// polled; one that does not is counted as an effect.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(2);

/// The attempt is over; what was about to begin must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// The effects of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct EffectLog(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    landed: Notify,
}

#[derive(Debug, Default)]
struct State {
    first: Option<Effect>,
    closed: bool,
    in_flight: Vec<(u64, Effect)>,
    next: u64,
}

impl EffectLog {
    /// Something begins now that could deliver the message.
    ///
    /// # Errors
    /// Where the attempt has ended: then it must not begin.
    pub(super) fn begin(&self, words: impl Into<String>) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        state.first.get_or_insert_with(|| Effect(words.into()));
        Ok(())
    }

    /// Something that will be known later to have been an effect or not.
    ///
    /// # Errors
    /// Where the attempt has ended.
    pub(super) fn fly(&self, words: impl Into<String>) -> Result<Flight, Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        let number = state.next;
        state.next += 1;
        state.in_flight.push((number, Effect(words.into())));
        drop(state);
        Ok(Flight {
            log: self.clone(),
            number,
        })
    }

    /// Ends the attempt: nothing more can begin, and what is in flight is waited for.
    pub(super) async fn close(&self) -> Option<Effect> {
        {
            let mut state = self.lock();
            state.closed = true;
            if state.in_flight.is_empty() {
                return state.first.clone();
            }
        }
        let all_landed = async {
            loop {
                let landed = self.0.landed.notified();
                if self.lock().in_flight.is_empty() {
                    return;
                }
                landed.await;
            }
        };
        let in_time = tokio::time::timeout(CLOSING_TIME_MAX, all_landed).await;
        let mut state = self.lock();
        if in_time.is_err()
            && state.first.is_none()
            && let Some((_, words)) = state.in_flight.first().cloned()
        {
            state.first = Some(words);
        }
        state.first.clone()
    }

    fn land(&self, number: u64, effect: bool) {
        let mut state = self.lock();
        if let Some(place) = state.in_flight.iter().position(|(it, _)| *it == number) {
            let (_, words) = state.in_flight.remove(place);
            if effect {
                state.first.get_or_insert(words);
            }
        }
        drop(state);
        self.0.landed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something under way. Its owner says how it ended; dropped without a word it counts as an effect.
#[derive(Debug)]
pub(super) struct Flight {
    log: EffectLog,
    number: u64,
}

impl Flight {
    /// It is known whether it was an effect.
    pub(super) fn land(self, effect: bool) {
        self.log.land(self.number, effect);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.log.land(self.number, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_first_effect() {
        let log = EffectLog::default();
        log.begin("one").unwrap();
        log.begin("two").unwrap();
        assert_eq!(log.close().await, Some(Effect("one".into())));
    }

    #[tokio::test]
    async fn nothing_begins_after_the_end() {
        let log = EffectLog::default();
        assert_eq!(log.close().await, None);
        assert_eq!(log.begin("late"), Err(Closed));
        assert!(log.fly("late").is_err());
    }

    #[tokio::test]
    async fn waits_for_what_is_in_flight() {
        let log = EffectLog::default();
        let flight = log.fly("POST").unwrap();
        let closing = tokio::spawn({
            let log = log.clone();
            async move { log.close().await }
        });
        tokio::task::yield_now().await;
        flight.land(false);
        assert_eq!(closing.await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_lands_counts_as_an_effect() {
        let log = EffectLog::default();
        let _flight = log.fly("POST").unwrap();
        assert_eq!(log.close().await, Some(Effect("POST".into())));
    }

    #[tokio::test]
    async fn what_is_dropped_without_a_word_counts_as_an_effect() {
        let log = EffectLog::default();
        drop(log.fly("POST").unwrap());
        assert_eq!(log.close().await, Some(Effect("POST".into())));
    }
}
