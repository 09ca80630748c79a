//! How a message comes to a transport: to a place there, or into a line, or away from what does not work.

use std::time::Duration;

use tokio::sync::oneshot;

use super::crowd::{Entry, Present};
use super::in_force::InForce;
use super::journey::Journey;
use super::plan::PlannedStep;
use crate::envelope::Envelope;
use crate::store::{KeptBreaker, Status, WaitsFor};

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
                // What was passed over is told before it waits; where that is nothing, nothing is written.
                if !self.unwritten.is_empty() && !self.write(Status::Waiting, self.message.due_at, None).await
                {
                    return Err(false);
                }
                self.present = self.wait_for(place).await;
                Err(true)
            }
            Entry::Full => {
                let place = WaitsFor::Place(transport.clone());
                self.write_waiting(Status::Waiting, self.message.due_at, None, place)
                    .await;
                Err(false)
            }
        }
    }

    /// Waits in memory for a place. None where there is a reason to look again before it comes.
    async fn wait_for(&self, mut place: oneshot::Receiver<Present>) -> Option<Present> {
        let _aside = self.engine.step_aside();
        let in_force = self.engine.in_force();
        loop {
            tokio::select! {
                present = &mut place => return present.ok(),
                () = tokio::time::sleep(LOOK_UP_EVERY) => {
                    let is_over = self.engine.now() >= self.message.deadline;
                    if is_over || self.engine.is_stopping() || self.engine.has_moved_on_from(&in_force) {
                        return None;
                    }
                }
            }
        }
    }

    /// Keeps how the transport's breaker stands. One that has opened sends on who waits for a place there.
    pub(super) async fn note_breaker(&self, changed: Option<KeptBreaker>) {
        let Some(breaker) = changed else {
            return;
        };
        if breaker.opened_at.is_some() {
            self.engine.crowd().dissolve(&breaker.transport);
        }
        if let Err(error) = self.engine.inner.settings.store.keep_breaker(breaker).await {
            tracing::error!(%error, "how a breaker stands could not be stored; a restart would not know it");
        }
    }
}
