//! Passing on what is for another instance.
//!
//! What a peer signed goes on as it is: its signature tells the end who sent it. What came in unsigned, such as a person's
//! answer in a chat, goes on as a message of this instance's own: byway stamps it with an end, and signs that it came
//! in at its door (`byway://<me>/via/<door>`). Neither is ever an owner's word.

use super::take_in::{TakenIn, id_conflict};
use super::{HOPS_MAX, Intake, Refusal};
use crate::envelope::{Address, Envelope, RECEIPT_TYPE};
use crate::error_code::ErrorCode;
use crate::store::{Accepted, Kind, NewOutgoing};

/// Who answers for a message that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voucher {
    /// The peer that signed it.
    Sender,
    /// This instance.
    Us,
}

impl Intake {
    /// Whether a message may take one more hop.
    pub(super) fn check_next_hop(&self, envelope: &Envelope) -> Result<(), Refusal> {
        if envelope.hops() < HOPS_MAX {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::TooManyHops,
            format!(
                "passing the message on would be hop {}, and {HOPS_MAX} are allowed",
                envelope.hops() + 1
            ),
        ))
    }

    /// Whether what a door brought may be passed on: only words, on their way to somebody whom its table names.
    pub(super) fn check_vouched(
        &self,
        inbound: &str,
        recipient: &Address,
        envelope: &Envelope,
    ) -> Result<(), Refusal> {
        let table = self.config.inbound.get(inbound);
        let allowed =
            table.is_some_and(|table| table.may_relay.iter().any(|pattern| pattern.matches(recipient)));
        if !allowed || envelope.event_type == RECEIPT_TYPE {
            return Err(Refusal::new(
                ErrorCode::SenderNotAllowed,
                format!("the sender `{inbound}` may not send to {recipient}"),
            )
            .with_fix(format!(
                "If it should, add the recipient to inbound.{inbound}.may_relay."
            )));
        }
        self.check_next_hop(envelope)
    }

    pub(super) async fn relay(
        &self,
        envelope: Envelope,
        authority: &str,
        voucher: Voucher,
    ) -> Result<TakenIn, Refusal> {
        let mut envelope = Envelope {
            hops: Some(envelope.hops().saturating_add(1)),
            ..envelope
        };
        // As it came: what byway stamps differs when the same message comes again.
        let (digest, expires) = (envelope.message_digest(), envelope.expiry_time);
        if voucher == Voucher::Us {
            let now = (self.clock)();
            super::submit::check_times(&envelope, now)?;
            self.stamp_route_deadline(&mut envelope, now)?;
            self.identity.sign(&mut envelope);
        }
        // A receipt that passes through is one: it asks nobody, and nobody redrives it.
        let kind = if envelope.event_type == RECEIPT_TYPE {
            Kind::Receipt
        } else {
            Kind::Message
        };
        let new = self.outgoing(&envelope, kind, authority, true).ok_or_else(|| {
            Refusal::new(
                ErrorCode::NoRoute,
                format!("no route leads to {}", envelope.recipient),
            )
        })?;
        let new = NewOutgoing {
            digest,
            expires,
            ..new
        };
        let again = match self.store.accept(new).await? {
            Accepted::New(_) => false,
            Accepted::Same(_) => true,
            Accepted::IdConflict | Accepted::KeyConflict => return Err(id_conflict(&envelope)),
        };
        Ok(TakenIn {
            id: envelope.id,
            source: envelope.source,
            recipient: envelope.recipient,
            status: "accepted".into(),
            again,
        })
    }
}
