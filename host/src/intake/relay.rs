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
        let new = self
            .outgoing(&envelope, kind, authority, true, digest)
            .ok_or_else(|| {
                Refusal::new(
                    ErrorCode::NoRoute,
                    format!("no route leads to {}", envelope.recipient),
                )
            })?;
        let new = NewOutgoing { expires, ..new };
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::config;
    use crate::envelope::{Draft, ReceiptEvent, ReceiptWord};
    use crate::identity::Identity;
    use crate::intake::{Door, RefusalRows, flight};
    use crate::routing::Router;
    use crate::store::{Durability, Outgoing, OutgoingFilter, Store};

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// How `a` stores what its peer `b` has it pass on to `c`, where messages to `c` wait for a person.
    async fn passed_on(draft: Draft) -> Outgoing {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let b = Identity::load_or_create(folders[0].path()).unwrap();
        let text = format!(
            "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[peers.b]\nkey = \"{}\"\nmay_relay = [\"*@c\"]\n\
             [transports.out]\nadapter = \"builtin:webhook\"\n[[routes]]\nto = \"*@c\"\nchain = [\"out\"]\napproval = true\n",
            b.public()
        );
        let config =
            config::parse(&text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let intake = Intake {
            router: Arc::new(Router::new(&config)),
            config: Arc::new(config),
            store: Store::open(folders[1].path(), Durability::Process).unwrap(),
            identity: Arc::new(Identity::load_or_create(folders[1].path()).unwrap()),
            clock: Arc::new(|| NOW),
            refusals: RefusalRows::default(),
        };
        let mut envelope = draft.finish("m-1".into(), NOW).unwrap();
        envelope.expiry_time = NOW.checked_add(SignedDuration::from_hours(1)).ok();
        b.sign(&mut envelope);
        let door = Door {
            name: "http".into(),
            inbound: None,
        };
        intake.take_in(&door, envelope).await.unwrap();
        let filter = OutgoingFilter::default();
        let mut rows = intake.store.list_outgoing(filter, None, 2).await.unwrap().items;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.pop().unwrap()
    }

    #[tokio::test]
    async fn a_receipt_that_passes_through_is_one_and_asks_nobody() {
        let receipt = ReceiptEvent {
            of_source: "byway://c/planner".into(),
            of_id: "m-0".into(),
            status: ReceiptWord::Read,
            reason: None,
        };
        let planner: Address = "planner@c".parse().unwrap();
        let row = passed_on(receipt.to_draft("byway://b/executor", planner.clone(), NOW)).await;
        assert_eq!(row.kind, Kind::Receipt);
        assert_eq!(flight(&row).approval_until, None);
        let row = passed_on(Draft::new("byway://b/executor", planner).text("hello")).await;
        assert_eq!(row.kind, Kind::Message);
        assert!(flight(&row).approval_until.is_some());
    }
}
