//! How a message comes to a transport: to a place there, or into a line, or away from what does not work.

use std::time::Duration;

use tokio::sync::oneshot;

use super::crowd::{Entry, Present};
use super::in_force::InForce;
use super::journey::Journey;
use super::plan::PlannedStep;
use crate::envelope::Envelope;
use crate::store::{Attempt, KeptBreaker, Status, WaitsFor};

/// A message that has waited for a place for so long tells what it has passed over.
const TOLD_AFTER: Duration = Duration::from_secs(1);
/// How often a message that waits for a place looks whether it still should.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);

impl Journey {
    /// Comes to the step's transport, or waits there for a place; the error says whether to look again at once.
    pub(super) async fn come_to(
        &mut self,
        in_force: &InForce,
        step: &PlannedStep,
        envelope: &Envelope,
    ) -> Result<Present, bool> {
        let transport = &step.transport;
        if let Some(present) = self.present.take().filter(|it| it.transport() == transport) {
            return Ok(present);
        }
        let priority = envelope.priority() as u8;
        let crowd = self.engine.crowd();
        match crowd.enter(transport, in_force.at_once_max(transport), priority) {
            Entry::In(present) => Ok(present),
            Entry::Wait(place) => {
                let goes_on = self.wait_for(place).await;
                Err(goes_on)
            }
            Entry::Full => {
                let place = WaitsFor::Place(transport.clone());
                self.write_waiting(Status::Waiting, self.message.due_at, None, place)
                    .await;
                Err(false)
            }
        }
    }

    /// Waits in memory for a place, until that comes or there is another reason to look again. False where what it
    /// has to tell meanwhile could not be written.
    async fn wait_for(&mut self, mut place: oneshot::Receiver<Present>) -> bool {
        let _aside = self.engine.step_aside();
        let in_force = self.engine.in_force();
        let mut wait = told_after(&self.unwritten);
        loop {
            tokio::select! {
                present = &mut place => {
                    self.present = present.ok();
                    return true;
                }
                () = tokio::time::sleep(wait) => {}
            }
            wait = LOOK_UP_EVERY;
            let is_over = self.engine.now() >= self.message.deadline;
            if is_over || self.engine.is_stopping() || self.engine.has_moved_on_from(&in_force) {
                return true;
            }
            // Where that is nothing, nothing is written.
            if !self.unwritten.is_empty() && !self.write(Status::Waiting, self.message.due_at, None).await {
                return false;
            }
        }
    }

    /// Keeps how the transport's breaker stands. One that has opened sends on who waits for a place there.
    pub(super) async fn note_breaker(&self, changed: Option<KeptBreaker>) {
        let Some(breaker) = changed else {
            return;
        };
        if breaker.opened_at.is_some() {
            let (transport, failures) = (&breaker.transport, breaker.failures);
            let until = self.engine.rests_until(transport).map(tracing::field::display);
            tracing::info!(
                transport,
                failures,
                until,
                "it failed several times in a row and rests; then one message tries it"
            );
            self.engine.crowd().dissolve(transport);
        }
        if let Err(error) = self.engine.inner.settings.store.keep_breaker(breaker).await {
            tracing::error!(%error, "how a breaker stands could not be stored; a restart would not know it");
        }
    }
}

/// When what is not on disk yet is written by a message that waits for a place. What came of an attempt at once: killed
/// now, it would have to be taken for one that may have arrived. What was only passed over after a moment: a place
/// mostly comes before, and then it is written with what happens there.
fn told_after(unwritten: &[Attempt]) -> Duration {
    if unwritten.iter().any(Attempt::was_made) {
        Duration::ZERO
    } else {
        TOLD_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn an_attempt_is_told_before_a_wait_and_a_skip_after_a_moment() {
        let skipped = || Attempt {
            number: None,
            transport: "first".into(),
            mode: "deliver".into(),
            outcome: "skipped".into(),
            code: None,
            message: None,
            fix: None,
            effect: None,
            reference: None,
            began: jiff::Timestamp::UNIX_EPOCH,
            took_ms: 0,
        };
        let tried = || Attempt {
            number: Some(1),
            ..skipped()
        };
        assert_eq!(told_after(&[]), TOLD_AFTER);
        assert_eq!(told_after(&[skipped()]), TOLD_AFTER);
        assert_eq!(told_after(&[tried(), skipped()]), Duration::ZERO);
    }
}
