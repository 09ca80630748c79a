//! A dead letter is sent on its way again.
//!
//! It keeps its id and its idempotency key, so whoever has it already takes it for the same message. That holds for
//! as long as ids are remembered; an older one goes under a new id only, and only if somebody says so. Our own
//! message gets a new end of its life and is signed anew; what another signed cannot be changed, and goes as
//! long as it lives.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Intake, KEYS_KEPT, Refusal, earliest, lifetime};
use crate::delivery::{Flight, ruling};
use crate::envelope::Envelope;
use crate::error_code::ErrorCode;
use crate::store::{Intervention, Kind, Outgoing, Status};

/// How a dead letter is to be redriven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redrive {
    /// As a new message with the same content.
    pub new_id: bool,
    /// Also where it may have arrived, and could be delivered twice.
    pub even_twice: bool,
}

/// What is to be done in the store for that.
#[derive(Clone, Debug)]
pub struct Redriven {
    /// The decision.
    pub decision: Intervention,
    /// The id under which it goes on.
    pub id: String,
}

impl Intake {
    /// Works out how a dead letter goes on. Stores nothing.
    ///
    /// # Errors
    /// Where it cannot: it is not dead, no route leads to its recipient, it is too old for its id, or its life
    /// is over.
    pub(crate) fn redrive(&self, message: &Outgoing, how: Redrive, by: &str) -> Result<Redriven, Refusal> {
        let now = (self.clock)();
        if message.status != Status::Dead {
            let sentence = format!("the message is {}, not a dead letter", message.status);
            return Err(Refusal::new(ErrorCode::TooLate, sentence));
        }
        let envelope = Envelope::from_json(&message.envelope_json)?;
        let route = self
            .router
            .route(message.sender.as_ref(), &message.recipient)
            .ok_or_else(|| self.no_route(&envelope))?;
        let flight: Flight = serde_json::from_str(&message.flight).unwrap_or_else(|_| Flight {
            // Whatever was tried may have arrived.
            under_way: Some("(lost)".into()),
            ..Flight::new(true)
        });
        if how.new_id {
            let perhaps = ruling::perhaps_by(&flight);
            if !perhaps.is_empty() && !how.even_twice {
                return Err(Refusal::new(
                    ErrorCode::MayHaveArrived,
                    format!(
                        "the message {} may have arrived through {}",
                        message.id,
                        perhaps.join(" and ")
                    ),
                ));
            }
            return self.send_anew(message, envelope, &flight, by, now);
        }
        let forgotten_at = message.accepted_at.saturating_add(KEYS_KEPT).unwrap_or(now);
        if forgotten_at <= now {
            return Err(Refusal::new(
                ErrorCode::NeedsNewId,
                format!("the message {} was accepted more than 30 days ago", message.id),
            ));
        }
        let until = earliest(
            now.saturating_add(lifetime(route)).unwrap_or(now),
            Some(forgotten_at),
        );
        let (deadline, envelope_json) = if self.is_own(message) {
            let deadline = earliest(until, message.expires);
            let mut envelope = Envelope {
                expiry_time: Some(message.expires.unwrap_or(until)),
                ..envelope
            };
            self.identity.sign(&mut envelope);
            (deadline, Some(envelope.to_json()))
        } else {
            (earliest(until, envelope.expiry_time), None)
        };
        if deadline <= now {
            return Err(Refusal::new(
                ErrorCode::Expired,
                format!("the expirytime of the message {} has passed", message.id),
            ));
        }
        let asking = self.asks(route, message.kind, &message.source);
        let asking = asking.map(|approval| approval.until(now));
        let fresh = ruling::asking(ruling::redriven(&flight, how.even_twice), asking);
        Ok(Redriven {
            id: message.id.clone(),
            decision: Intervention {
                status: Status::Waiting,
                reason: None,
                flight: serde_json::to_string(&fresh).unwrap_or_default(),
                due_at: now,
                deadline,
                envelope_json,
                forgets_progress: how.even_twice,
                ..Intervention::about(message, "redriven", by, now)
            },
        })
    }

    /// The same content as a new message; the dead letter is put away in the same moment.
    fn send_anew(
        &self,
        message: &Outgoing,
        envelope: Envelope,
        flight: &Flight,
        by: &str,
        now: Timestamp,
    ) -> Result<Redriven, Refusal> {
        if !self.is_own(message) {
            let sentence = "only a message of this instance can go under a new id";
            return Err(Refusal::new(ErrorCode::Forbidden, sentence)
                .with_fix("Have its sender send it anew; drop this one with `byway dead drop`."));
        }
        let id = Uuid::now_v7().to_string();
        let mut envelope = Envelope {
            id: id.clone(),
            idempotency_key: None,
            deliver_after: None,
            expiry_time: message.expires.filter(|expires| *expires > now),
            ..envelope
        };
        let (digest, expires) = (envelope.content_digest(), envelope.expiry_time);
        self.stamp_route_deadline(&mut envelope, now)?;
        self.identity.sign(&mut envelope);
        let new = self
            .outgoing(&envelope, Kind::Message, by, flight.untrusted, digest)
            .ok_or_else(|| self.no_route(&envelope))?;
        Ok(Redriven {
            id: id.clone(),
            decision: Intervention {
                status: Status::Dropped,
                reason: Some(format!("redriven as {id}")),
                instead: Some(Box::new(crate::store::NewOutgoing { expires, ..new })),
                ..Intervention::about(message, "redriven", by, now)
            },
        })
    }

    /// Whether this instance wrote and signed it.
    fn is_own(&self, message: &Outgoing) -> bool {
        let sender = message.sender.as_ref();
        message.kind == Kind::Message && sender.is_some_and(|sender| sender.instance() == self.me())
    }
}
