//! To whom a message goes: one recipient, several, or a group of this instance.
//!
//! One message has one id; each recipient has it for itself, with a state of its own. All of them are accepted, or
//! none. Groups are for local senders only: what comes from outside names one recipient, and is told of a group's
//! name what it is told of an agent that is not there.

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use super::submit::Submitted;
use super::take_in::Arrival;
use super::{Intake, Refusal};
use crate::config::RECIPIENTS_MAX;
use crate::envelope::{Address, Envelope};
use crate::error_code::ErrorCode;
use crate::hexadecimal::hex;
use crate::principal::Principal;
use crate::store::{AcceptedAll, Kind, NewOutgoing, NewPart};

/// The recipients of a short form: one address, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients(pub Vec<String>);

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an address `agent@instance`, or a list of them")]
        enum OneOrMore {
            One(String),
            More(Vec<String>),
        }
        Ok(Self(match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(address) => vec![address],
            OneOrMore::More(addresses) => addresses,
        }))
    }
}

impl From<&str> for Recipients {
    fn from(address: &str) -> Self {
        Self(vec![address.to_owned()])
    }
}

/// Under which key a far side knows a message for one of several recipients again: two of them may be behind one far side,
/// which would take the second message for the first one.
fn key_of(envelope: &Envelope, recipient: &Address) -> String {
    let mut digest = Sha256::new();
    digest.update(envelope.effective_idempotency_key());
    digest.update([0]);
    digest.update(recipient.to_string());
    hex(&digest.finalize())
}

impl Intake {
    /// Everybody who is meant, each once: a group of this instance stands for its members.
    pub(super) fn everybody(&self, asked: &[Address]) -> Result<Vec<Address>, Refusal> {
        let mut everybody: Vec<Address> = Vec::new();
        for address in asked {
            let group = self.config.groups.get(address.agent());
            let members = group.filter(|_| address.instance() == self.me());
            for one in members.map_or(std::slice::from_ref(address), Vec::as_slice) {
                if !everybody.contains(one) {
                    everybody.push(one.clone());
                }
            }
            if everybody.len() > RECIPIENTS_MAX {
                return Err(Refusal::new(
                    ErrorCode::Usage,
                    format!("the message has more than {RECIPIENTS_MAX} recipients"),
                )
                .with_fix("Send it in several parts."));
            }
        }
        if everybody.is_empty() {
            return Err(Refusal::new(
                ErrorCode::InvalidAddress,
                "the message has no recipient",
            ));
        }
        Ok(everybody)
    }

    /// Stores a message for several recipients. When this returns, it is stored for all of them.
    pub(super) async fn submit_to_all(
        &self,
        principal: &Principal,
        envelope: &Envelope,
        recipients: &[Address],
        idempotency: Option<(String, [u8; 32])>,
    ) -> Result<Submitted, Refusal> {
        let mut parts = Vec::with_capacity(recipients.len());
        let mut key = idempotency;
        for recipient in recipients {
            let one = Envelope {
                recipient: recipient.clone(),
                idempotency_key: Some(key_of(envelope, recipient)),
                ..envelope.clone()
            };
            parts.push(self.part(principal, one, key.take())?);
        }
        let all_here = parts.iter().all(|part| matches!(part, NewPart::In(_)));
        let status = if all_here { "delivered" } else { "waiting" };
        match self.store.accept_all(parts).await? {
            AcceptedAll::New => Ok(Submitted {
                id: envelope.id.clone(),
                source: envelope.source.clone(),
                status: status.into(),
                again: false,
            }),
            AcceptedAll::Same(earlier) => Ok(Submitted {
                id: earlier.id,
                source: earlier.source,
                status: earlier.status,
                again: true,
            }),
            AcceptedAll::IdConflict => Err(Refusal::new(
                ErrorCode::IdConflict,
                format!(
                    "a message with the id `{}` and other content was sent before",
                    envelope.id
                ),
            )),
            AcceptedAll::KeyConflict => Err(Refusal::new(
                ErrorCode::IdempotencyConflict,
                "this Idempotency-Key was used before, with another message",
            )),
        }
    }

    /// What is stored of a message for one of its recipients.
    fn part(
        &self,
        principal: &Principal,
        envelope: Envelope,
        key: Option<(String, [u8; 32])>,
    ) -> Result<NewPart, Refusal> {
        if envelope.recipient.instance() == self.me() {
            self.check_here(&envelope)?;
            let arrival = Arrival::local(principal, key);
            return Ok(NewPart::In(Box::new(self.incoming(&envelope, arrival))));
        }
        Ok(NewPart::Out(Box::new(
            self.outgoing_of_ours(principal, envelope, key)?,
        )))
    }

    /// A message of a local agent to another instance, stamped and signed.
    pub(super) fn outgoing_of_ours(
        &self,
        principal: &Principal,
        mut envelope: Envelope,
        idempotency: Option<(String, [u8; 32])>,
    ) -> Result<NewOutgoing, Refusal> {
        let now = (self.clock)();
        // As the caller sent it: what byway stamps differs when the same message comes again, and a
        // deadline that nobody but the route asked for ends in a dead letter, not in `expired`.
        let (digest, expires) = (envelope.content_digest(), envelope.expiry_time);
        self.stamp_route_deadline(&mut envelope, now)?;
        self.identity.sign(&mut envelope);
        let new = self
            .outgoing(&envelope, Kind::Message, &principal.to_string(), false, digest)
            .ok_or_else(|| self.no_route(&envelope))?;
        Ok(NewOutgoing {
            idempotency,
            expires,
            ..new
        })
    }
}
