//! What byway tells the byway that a message came from: that it is here, that its agent has read or processed it,
//! that nobody could wake the agent.
//!
//! Only a message from another instance has one, and only where a route leads back. It says nothing about this
//! instance but what became of the message.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Intake, RECEIPT_LIVES, earliest};
use crate::delivery::Tells;
use crate::envelope::{Envelope, ReceiptEvent, ReceiptWord};
use crate::store::{InboxStatus, Incoming, Kind, NewOutgoing, NewReceipt, Outgoing};

const PEER: &str = "peer:";
const NOT_WOKEN: &str = "its agent could not be woken; the message lies in its inbox";

impl Intake {
    /// The receipt for a message's sender, where it gets one.
    pub(super) fn receipt_for(
        &self,
        envelope: &Envelope,
        status: ReceiptWord,
        reason: Option<&str>,
    ) -> Option<NewReceipt> {
        let now = (self.clock)();
        let sender = envelope
            .sender()
            .filter(|sender| sender.instance() != self.me())?;
        let mut receipt = ReceiptEvent {
            of_source: envelope.source.clone(),
            of_id: envelope.id.clone(),
            status,
            reason: reason.map(str::to_owned),
        }
        .to_draft(envelope.recipient.as_source(), sender, now)
        .finish(Uuid::now_v7().to_string(), now)
        .ok()?;
        self.identity.sign(&mut receipt);
        let message = self.outgoing(&receipt, Kind::Receipt, "byway", false, receipt.message_digest())?;
        let latest = now.saturating_add(RECEIPT_LIVES).unwrap_or(now);
        Some(NewReceipt {
            message: NewOutgoing {
                deadline: earliest(message.deadline, Some(latest)),
                ..message
            },
            of_source: envelope.source.clone(),
            of_id: envelope.id.clone(),
        })
    }

    /// The receipt for a message that its agent has just marked.
    pub(crate) fn receipt_of_mark(&self, message: &Incoming) -> Option<NewReceipt> {
        if !message.authority.starts_with(PEER) {
            return None;
        }
        let envelope = Envelope::from_json(&message.envelope_json).ok()?;
        let status = match message.status {
            InboxStatus::Unread => return None,
            InboxStatus::Read => ReceiptWord::Read,
            InboxStatus::Processed => ReceiptWord::Processed,
        };
        self.receipt_for(&envelope, status, None)
    }
}

impl Tells for Intake {
    fn not_woken(&self, message: &Envelope) -> Option<NewReceipt> {
        // A source of ours stands for nobody who could be told, and an unsigned message has no address.
        message.signature.as_ref()?;
        self.receipt_for(message, ReceiptWord::Failed, Some(NOT_WOKEN))
    }

    fn waits_for_approval(&self, message: &Outgoing, until: Timestamp) -> Option<NewOutgoing> {
        self.notice(message, until)
    }
}
