//! What may come in, from whom, and once.
//!
//! Everything that enters byway passes here, whichever door it came through: a local agent's
//! message by [`Intake::submit`], anything from outside by [`Intake::take_in`]. Both check who
//! speaks, for whom it is and whether it was here before, and answer only after the message is
//! stored. What is refused changes nothing, and is written into the journal.
//!
//! A refusal has two faces: the local caller is told everything that helps, a caller from outside
//! only what it may know, never a route, an agent or a transport.

mod answer;
mod answering;
#[cfg(test)]
mod answering_tests;
mod approve;
mod cursor;
mod fetch;
mod notice;
mod receipts;
mod recipients;
mod redrive;
mod refusal;
mod refusal_rows;
mod refused;
mod relay;
mod submit;
mod take_in;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub(crate) use approve::{approval, flight};
pub use fetch::fetch;
pub use recipients::Recipients;
pub use redrive::{Redrive, Redriven};
pub use refusal::Refusal;
pub use refusal_rows::RefusalRows;
pub use submit::{ShortForm, Submission, Submitted};
pub use take_in::{Door, TakenIn};

use crate::config::{Approval, Config, Route};
use crate::delivery::{Clock, Flight, ruling};
use crate::envelope::{Envelope, OWN_AGENT};
use crate::error_code::ErrorCode;
use crate::identity::Identity;
use crate::routing::Router;
use crate::store::{Kind, NewOutgoing, Note, Store};

/// How long the keys of taken-in messages are kept, and so how long a message may live at most.
pub const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most byways a message may pass.
pub const HOPS_MAX: u32 = 8;
/// How long an id, a source or another attribute may be, in bytes.
const ATTRIBUTE_BYTES_MAX: usize = 4096;
/// How many characters of a refused message's id and source are written down.
const NAME_KEPT: usize = 80;
/// How long a receipt travels at most.
const RECEIPT_LIVES: SignedDuration = SignedDuration::from_hours(1);

/// The doors of one instance.
pub struct Intake {
    /// The configuration.
    pub config: Arc<Config>,
    /// Which route a message takes.
    pub router: Arc<Router>,
    /// Where messages are stored.
    pub store: Store,
    /// Who this instance is.
    pub identity: Arc<Identity>,
    /// The time.
    pub clock: Clock,
    /// How many refusals the journal gets.
    pub refusals: RefusalRows,
}

impl Intake {
    fn me(&self) -> &str {
        &self.config.instance.name
    }

    fn is_local_agent(&self, agent: &str) -> bool {
        let agents = self.config.agents.as_ref();
        let may_be_one = agent != OWN_AGENT && !self.config.groups.contains_key(agent);
        may_be_one && agents.is_none_or(|agents| agents.contains(agent))
    }

    fn check_size(&self, envelope: &Envelope) -> Result<(), Refusal> {
        if let Some((name, size)) = envelope.attribute_beyond(ATTRIBUTE_BYTES_MAX) {
            let sentence =
                format!("`{name}` has {size} bytes, and an attribute may have {ATTRIBUTE_BYTES_MAX}");
            return Err(Refusal::new(ErrorCode::MalformedMessage, sentence));
        }
        let (size, most) = (envelope.data_bytes().len(), self.config.limits.data_bytes_max);
        if size <= most {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::TooLarge,
            format!("the data has {size} bytes, and at most {most} are taken"),
        ))
    }

    /// What a route says of approval for a message of its. Receipts wait for nobody, and neither does what byway itself
    /// says: else people would have to approve that they are asked.
    fn asks<'a>(&self, route: &'a Route, kind: Kind, source: &str) -> Option<&'a Approval> {
        let approval = route.approval.as_ref();
        approval.filter(|_| kind != Kind::Receipt && source != self.own_source())
    }

    /// An outgoing row for a message, if a route leads to its recipient. By the digest it is known again.
    fn outgoing(
        &self,
        envelope: &Envelope,
        kind: Kind,
        principal: &str,
        untrusted: bool,
        digest: [u8; 32],
    ) -> Option<NewOutgoing> {
        let now = (self.clock)();
        let sender = envelope.sender();
        let route = self.router.route(sender.as_ref(), &envelope.recipient)?;
        let longest = match kind {
            Kind::Receipt => RECEIPT_LIVES,
            Kind::Message | Kind::Wake => lifetime(route),
        };
        // A message that is not to go before tomorrow has its whole time from tomorrow on.
        let start = envelope.deliver_after.map_or(now, |after| after.max(now));
        let deadline = earliest(
            start.saturating_add(longest).unwrap_or(start),
            envelope.expiry_time,
        );
        let asks = self.asks(route, kind, &envelope.source);
        let flight = ruling::asking(Flight::new(untrusted), asks.map(|approval| approval.until(start)));
        Some(NewOutgoing {
            kind,
            envelope_json: envelope.to_json(),
            id: envelope.id.clone(),
            source: envelope.source.clone(),
            sender,
            recipient: envelope.recipient.clone(),
            digest,
            principal: principal.to_owned(),
            idempotency: None,
            priority: envelope.priority() as u8,
            partition_key: envelope.partition_key.clone(),
            flight: serde_json::to_string(&flight).unwrap_or_default(),
            due_at: start.min(deadline),
            deadline,
            expires: envelope.expiry_time,
            accepted_at: now,
        })
    }

    /// Writes a refusal into the journal. That this can fail changes nothing for the caller: the
    /// message was not taken in.
    async fn note_refusal(&self, envelope: Option<&Envelope>, door: &str, refusal: &Refusal) {
        tracing::warn!(
            id = envelope.map(|envelope| cut(&envelope.id)),
            source = envelope.map(|envelope| cut(&envelope.source)),
            door,
            code = refusal.code.code(),
            "refused: {refusal}"
        );
        let note = Note {
            at: (self.clock)(),
            event: "refused".into(),
            id: envelope.map(|envelope| cut(&envelope.id).to_owned()),
            source: envelope.map(|envelope| cut(&envelope.source).to_owned()),
            recipient: envelope.map(|envelope| envelope.recipient.to_string()),
            detail: serde_json::json!({ "door": door, "code": refusal.code.code(), "message": refusal.to_string() })
                .to_string(),
        };
        // Strangers must not fill the disk with what byway refuses: the log has told it.
        if self.store.check_room().is_err() || !self.refusals.may_be_written(note.at) {
            return;
        }
        if let Err(error) = self.store.note(note).await {
            tracing::error!(%error, "the refusal could not be written into the journal");
        }
    }
}

/// As much of a stranger's name as the log and the journal keep: nobody fills them from outside.
fn cut(name: &str) -> &str {
    let end = name
        .char_indices()
        .nth(NAME_KEPT)
        .map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

/// How long a message of a route lives: while it waits for approval, and then while it is tried.
fn lifetime(route: &Route) -> SignedDuration {
    let asks = route
        .approval
        .as_ref()
        .map_or(Duration::ZERO, |approval| approval.expiry);
    let whole = asks.saturating_add(route.deadline);
    SignedDuration::try_from(whole)
        .unwrap_or(KEYS_KEPT)
        .min(KEYS_KEPT)
}

fn earliest(first: Timestamp, second: Option<Timestamp>) -> Timestamp {
    second.map_or(first, |second| first.min(second))
}
