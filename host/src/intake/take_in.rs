//! The outer door: something comes from another byway, or from somebody who does not sign.

use jiff::{SignedDuration, Timestamp};

use super::relay::Voucher;
use super::{HOPS_MAX, Intake, KEYS_KEPT, Refusal};
use crate::config::Peer;
use crate::envelope::{Address, Envelope, RECEIPT_TYPE, ReceiptEvent, ReceiptWord, signature_key_id, verify};
use crate::error_code::ErrorCode;
use crate::principal::Principal;
use crate::store::{InboxStatus, Kind, NewIncoming, TakenIn as Stored};

/// By how much the sender's clock may be ahead of ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(1);

/// How much of a peer's reason is kept.
const REASON_CHARS_MAX: usize = 500;

/// The door that something came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// `http` (which `byway accept` uses, too), or the name of the receiving transport.
    pub name: String,
    /// The `[inbound]` table whose token came with it, where one did.
    pub inbound: Option<String>,
}

/// The answer for what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// The message's id.
    pub id: String,
    /// Its source, as it is stored.
    pub source: String,
    /// Its recipient.
    pub recipient: Address,
    /// `delivered` where it lies in the inbox (or `read`, `processed`), `accepted` where
    /// byway passes it on.
    pub status: String,
    /// Whether it was here before.
    pub again: bool,
}

/// How something arrived, for the store.
pub(super) struct Arrival {
    pub(super) authority: String,
    pub(super) via: String,
    pub(super) untrusted: bool,
    pub(super) wants_receipt: bool,
    pub(super) idempotency: Option<(String, String, [u8; 32])>,
}

impl Arrival {
    /// From a caller of this instance, who knows that it is there.
    pub(super) fn local(principal: &Principal, idempotency: Option<(String, [u8; 32])>) -> Self {
        Self {
            authority: "local".into(),
            via: principal.to_string(),
            untrusted: false,
            wants_receipt: false,
            idempotency: idempotency.map(|(key, digest)| (principal.to_string(), key, digest)),
        }
    }
}

impl Intake {
    /// Takes in an event from outside. When this returns, it is stored, once.
    ///
    /// # Errors
    /// Where it is refused; nothing was stored but a line in the journal.
    pub async fn take_in(&self, door: &Door, envelope: Envelope) -> Result<TakenIn, Refusal> {
        match self.examine(door, &envelope) {
            Ok(examined) => self.take(door, examined).await,
            Err(refusal) => {
                self.note_refusal(Some(&envelope), &door.name, &refusal).await;
                Err(refusal)
            }
        }
    }

    /// Writes down that something came which is no message at all.
    pub async fn refuse_malformed(&self, door: &Door, refusal: &Refusal) {
        self.note_refusal(None, &door.name, refusal).await;
    }

    /// Who speaks, and may they say this to whom they say it. Pure but for the clock.
    fn examine(&self, door: &Door, envelope: &Envelope) -> Result<Examined, Refusal> {
        self.check_size(envelope)?;
        let now = (self.clock)();
        if envelope.expiry_time.is_some_and(|expiry| expiry <= now) {
            return Err(Refusal::new(
                ErrorCode::Expired,
                "the message's expirytime has passed",
            ));
        }
        if envelope.hops() > HOPS_MAX {
            return Err(Refusal::new(
                ErrorCode::TooManyHops,
                format!(
                    "the message has passed {} byways, and may pass {HOPS_MAX}",
                    envelope.hops()
                ),
            ));
        }
        match (&envelope.signature, &door.inbound) {
            (Some(_), _) => self.examine_signed(envelope),
            (None, Some(inbound)) => self.examine_unsigned(inbound, envelope),
            (None, None) => Err(Refusal::new(
                ErrorCode::UnknownPeer,
                "the message is not signed, and did not come through an allowed [inbound] sender",
            )),
        }
    }

    fn examine_signed(&self, envelope: &Envelope) -> Result<Examined, Refusal> {
        let key_id = signature_key_id(envelope).unwrap_or_default();
        let (name, peer) = self
            .config
            .peers
            .iter()
            .find(|(_, peer)| peer.key.id() == key_id)
            .ok_or_else(|| Refusal::new(ErrorCode::UnknownPeer, format!("no peer has the key {key_id}")))?;
        verify(envelope, &peer.key).map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        check_lifetime(envelope, (self.clock)())?;
        let sender = envelope.sender();
        let mut patterns = peer.senders.iter();
        let may_speak = match (&sender, envelope.door_instance()) {
            (Some(sender), _) => patterns.any(|pattern| pattern.matches(sender)),
            // What came in at a door of its has no address, so only `*@instance` covers it.
            (None, Some(instance)) => patterns.any(|pattern| pattern.matches_all_of(instance)),
            (None, None) => false,
        };
        if !may_speak {
            return Err(Refusal::new(
                ErrorCode::SenderNotAllowed,
                format!("the peer {name} may not speak for {}", envelope.source),
            )
            .with_fix(format!("If it should, add the sender to peers.{name}.senders.")));
        }
        self.check_recipient(name, peer, envelope)?;
        Ok(Examined {
            authority: format!("peer:{name}"),
            voucher: Voucher::Sender,
            sender,
            envelope: envelope.clone(),
        })
    }

    fn check_recipient(&self, name: &str, peer: &Peer, envelope: &Envelope) -> Result<(), Refusal> {
        let recipient = &envelope.recipient;
        if recipient.instance() != self.me() {
            if peer.may_relay.iter().any(|pattern| pattern.matches(recipient)) {
                return self.check_next_hop(envelope);
            }
            return Err(Refusal::new(
                ErrorCode::WrongInstance,
                format!(
                    "the message is for {recipient}, this is {}, and peer {name} may not relay",
                    self.me()
                ),
            ));
        }
        // What it may not send to it does not learn about either, so this comes first.
        if !peer.recipients.iter().any(|pattern| pattern.matches(recipient)) {
            return Err(Refusal::new(
                ErrorCode::SenderNotAllowed,
                format!("the peer {name} may not send to {recipient}"),
            )
            .with_fix(format!(
                "If it should, add the recipient to peers.{name}.recipients."
            )));
        }
        // byway hears what became of its own messages, and nothing else from another byway.
        let is_receipt = self.is_byway(recipient) && envelope.event_type == RECEIPT_TYPE;
        if !is_receipt && !self.is_local_agent(recipient.agent()) {
            return Err(Refusal::new(
                ErrorCode::UnknownAgent,
                format!("there is no agent `{}` here", recipient.agent()),
            ));
        }
        Ok(())
    }

    fn examine_unsigned(&self, inbound: &str, envelope: &Envelope) -> Result<Examined, Refusal> {
        let recipient = &envelope.recipient;
        if recipient.instance() != self.me() {
            self.check_vouched(inbound, recipient, envelope)?;
        } else if !self.is_byway(recipient) || envelope.event_type == RECEIPT_TYPE {
            let table = self.config.inbound.get(inbound);
            let allowed =
                table.is_some_and(|table| table.recipients.iter().any(|pattern| pattern.matches(recipient)));
            if !allowed || !self.is_local_agent(recipient.agent()) {
                return Err(Refusal::new(
                    ErrorCode::SenderNotAllowed,
                    format!("the sender `{inbound}` may not send to {recipient}"),
                ));
            }
        }
        // Whatever it calls itself: nobody has vouched for more than the door it came through.
        let envelope = Envelope {
            source: format!("byway://{}/via/{inbound}", self.me()),
            ..envelope.clone()
        };
        Ok(Examined {
            authority: format!("inbound:{inbound}"),
            voucher: Voucher::Us,
            sender: None,
            envelope,
        })
    }

    async fn take(&self, door: &Door, examined: Examined) -> Result<TakenIn, Refusal> {
        let Examined {
            authority,
            voucher,
            sender,
            envelope,
        } = examined;
        if envelope.recipient.instance() != self.me() {
            return self.relay(envelope, &authority, voucher).await;
        }
        if self.is_byway(&envelope.recipient) && envelope.event_type != RECEIPT_TYPE {
            return self.take_answer(door, envelope).await;
        }
        if envelope.event_type == RECEIPT_TYPE {
            return self.take_receipt(door, sender, envelope).await;
        }
        let arrival = Arrival {
            authority,
            via: door.name.clone(),
            untrusted: true,
            wants_receipt: sender.is_some(),
            idempotency: None,
        };
        self.store_arrival(&envelope, arrival).await
    }

    /// A receipt settles the message it speaks of. Only the instance addressed can issue one.
    async fn take_receipt(
        &self,
        door: &Door,
        sender: Option<Address>,
        envelope: Envelope,
    ) -> Result<TakenIn, Refusal> {
        let refuse = async |refusal: Refusal| {
            self.note_refusal(Some(&envelope), &door.name, &refusal).await;
            refusal
        };
        let Some(sender) = sender else {
            return Err(refuse(Refusal::new(
                ErrorCode::SenderNotAllowed,
                "a receipt must be signed by a peer",
            ))
            .await);
        };
        let receipt = match ReceiptEvent::from_envelope(&envelope) {
            Ok(receipt) => receipt,
            Err(error) => return Err(refuse(error.into()).await),
        };
        let now = (self.clock)();
        let status = receipt.status.as_str();
        let known = self
            .store
            .record_failure(
                &receipt.of_source,
                &receipt.of_id,
                &sender.to_string(),
                status,
                failure(&receipt),
                now,
            )
            .await?;
        if !known {
            tracing::info!(of = receipt.of_id, from = %sender, "a receipt for no message of ours");
        }
        Ok(TakenIn {
            id: envelope.id,
            source: envelope.source,
            recipient: envelope.recipient,
            status: "processed".into(),
            again: false,
        })
    }

    /// What is stored of something that arrived.
    pub(super) fn incoming(&self, envelope: &Envelope, arrival: Arrival) -> NewIncoming {
        let now = (self.clock)();
        let digest = envelope.message_digest();
        let receipt = if arrival.wants_receipt {
            self.receipt_for(envelope, ReceiptWord::Delivered, None)
        } else {
            None
        };
        NewIncoming {
            envelope_json: envelope.to_json(),
            id: envelope.id.clone(),
            source: envelope.source.clone(),
            recipient: envelope.recipient.clone(),
            subject: envelope.subject.clone(),
            digest,
            authority: arrival.authority.clone(),
            via: arrival.via,
            received_at: now,
            keep_key_until: now
                .saturating_add(KEYS_KEPT.saturating_add(CLOCKS_DIFFER))
                .unwrap_or(now),
            idempotency: arrival.idempotency,
            wake: self.outgoing(
                envelope,
                Kind::Wake,
                &arrival.authority,
                arrival.untrusted,
                digest,
            ),
            receipt,
        }
    }

    /// Stores what arrived, together with waking the agent and telling the sender.
    pub(super) async fn store_arrival(
        &self,
        envelope: &Envelope,
        arrival: Arrival,
    ) -> Result<TakenIn, Refusal> {
        let new = self.incoming(envelope, arrival);
        let (status, again, stored) = match self.store.take_in(new).await? {
            Stored::New => ("delivered".to_owned(), false, None),
            Stored::Again { id, source, status } => (receipt_word(status), true, Some((id, source))),
            Stored::Conflict => return Err(id_conflict(envelope)),
            Stored::KeyConflict => {
                return Err(Refusal::new(
                    ErrorCode::IdempotencyConflict,
                    "this Idempotency-Key was used before, with another message",
                ));
            }
        };
        let (id, source) = stored.unwrap_or_else(|| (envelope.id.clone(), envelope.source.clone()));
        Ok(TakenIn {
            id,
            source,
            recipient: envelope.recipient.clone(),
            status,
            again,
        })
    }
}

/// What has been found out about something from outside.
struct Examined {
    authority: String,
    voucher: Voucher,
    sender: Option<Address>,
    envelope: Envelope,
}

/// A signed message can be brought again by anybody who saw it, so it must not outlive the time for which
/// byway remembers that it took it in.
fn check_lifetime(envelope: &Envelope, now: Timestamp) -> Result<(), Refusal> {
    let longest = KEYS_KEPT.saturating_add(CLOCKS_DIFFER);
    match envelope.expiry_time {
        Some(expiry) if expiry.duration_since(now) <= longest => Ok(()),
        Some(_) => Err(Refusal::new(
            ErrorCode::Expired,
            "the message's expirytime lies more than 30 days ahead",
        )),
        None => Err(Refusal::new(
            ErrorCode::Expired,
            "a signed message needs an expirytime, at most 30 days ahead",
        )),
    }
}

/// What a message's sender reads of a receipt that says it failed over there.
fn failure(receipt: &ReceiptEvent) -> Option<String> {
    let why = receipt.reason.as_deref().unwrap_or("no reason was given");
    let why: String = why.chars().take(REASON_CHARS_MAX).collect();
    (receipt.status == ReceiptWord::Failed)
        .then(|| format!("the receiving byway has it and says that it failed: {why}"))
}

/// What a sender is told of a message that lies in an inbox.
fn receipt_word(status: InboxStatus) -> String {
    match status {
        InboxStatus::Unread => "delivered".to_owned(),
        status => status.to_string(),
    }
}

pub(super) fn id_conflict(envelope: &Envelope) -> Refusal {
    Refusal::new(
        ErrorCode::IdConflict,
        format!(
            "a message with the id `{}` of this source was taken in before, with other content",
            envelope.id
        ),
    )
}
