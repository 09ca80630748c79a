//! The local door: an agent of this instance, or the operator, sends a message.

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::take_in::Arrival;
use super::{Intake, KEYS_KEPT, Recipients, Refusal, lifetime};
use crate::envelope::{Address, Draft, Envelope, Priority, RECEIPT_TYPE};
use crate::error_code::ErrorCode;
use crate::principal::Principal;
use crate::store::{Accepted, NewOutgoing};

/// What a local caller sends.
#[derive(Clone, Debug)]
pub enum Submission {
    /// `{to, text}` and friends, with the bytes it was read from.
    Short(Box<ShortForm>),
    /// A whole CloudEvent, structured.
    Event(Box<Envelope>),
}

/// The short form; byway fills in the rest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortForm {
    /// The recipient, `agent@instance`, or several.
    pub to: Recipients,
    /// What to say; this or `data`.
    pub text: Option<String>,
    /// A JSON value to send.
    pub data: Option<serde_json::Value>,
    /// Which local agent sends; for the admin only.
    pub from: Option<String>,
    /// The event's type; default `dev.byway.message`.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// The conversation it belongs to.
    pub subject: Option<String>,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: Option<String>,
    /// The address an answer should go to.
    pub replyto: Option<String>,
    /// The conversation's correlation id.
    pub correlationid: Option<String>,
    /// The id of the message that this one follows from.
    pub causationid: Option<String>,
    /// Messages of one key belong in order. Kept and passed on; byway does not order by it yet.
    pub partitionkey: Option<String>,
    /// Not delivered after this.
    pub expirytime: Option<Timestamp>,
    /// Not attempted before this.
    pub deliverafter: Option<Timestamp>,
}

/// The answer to a submission that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The message's id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// How it stands.
    pub status: String,
    /// Whether it was here before.
    pub again: bool,
}

impl Intake {
    /// Takes a message from a local caller. When this returns, the message is stored.
    ///
    /// # Errors
    /// Where it is refused; nothing was stored.
    pub async fn submit(
        &self,
        principal: &Principal,
        submission: Submission,
        idempotency_key: Option<String>,
    ) -> Result<Submitted, Refusal> {
        if idempotency_key
            .as_ref()
            .is_some_and(|key| key.is_empty() || key.len() > 255)
        {
            return Err(Refusal::new(
                ErrorCode::Usage,
                "the Idempotency-Key must have 1 to 255 bytes",
            ));
        }
        let idempotency = idempotency_key
            .as_ref()
            .map(|key| (key.clone(), digest_of(&submission)));
        let now = (self.clock)();
        let (mut envelope, recipients) = match submission {
            Submission::Short(mut short) => {
                let recipients = self.everybody(&addresses(std::mem::take(&mut short.to))?)?;
                (self.fill_in(principal, *short, &recipients, now)?, recipients)
            }
            Submission::Event(event) => {
                let recipients = self.everybody(std::slice::from_ref(&event.recipient))?;
                (self.claim(principal, *event)?, recipients)
            }
        };
        self.check_size(&envelope)?;
        check_times(&envelope, now)?;
        if envelope.event_type == RECEIPT_TYPE {
            let sentence = "receipts are byway's own to send";
            return Err(Refusal::new(ErrorCode::Forbidden, sentence)
                .with_fix("Mark the message in the inbox instead: `byway inbox read` or `ack`."));
        }
        if envelope.sender().is_some_and(|sender| self.is_byway(&sender)) {
            let sentence = "nobody speaks as byway itself";
            return Err(Refusal::new(ErrorCode::Forbidden, sentence)
                .with_fix("Name the agent that sends; people answer to what byway says."));
        }
        envelope.hops = None;
        if envelope.idempotency_key.is_none() {
            envelope.idempotency_key = idempotency_key;
        }
        if let [only] = recipients.as_slice() {
            envelope.recipient.clone_from(only);
        } else {
            return self
                .submit_to_all(principal, &envelope, &recipients, idempotency)
                .await;
        }
        if envelope.recipient.instance() == self.me() {
            return self.submit_here(principal, envelope, idempotency).await;
        }
        self.accept(self.outgoing_of_ours(principal, envelope, idempotency)?)
            .await
    }

    async fn accept(&self, new: NewOutgoing) -> Result<Submitted, Refusal> {
        let (id, source) = (new.id.clone(), new.source.clone());
        match self.store.accept(new).await? {
            Accepted::New(_) => Ok(Submitted {
                id,
                source,
                status: "waiting".into(),
                again: false,
            }),
            Accepted::Same(earlier) => Ok(Submitted {
                id: earlier.id,
                source: earlier.source,
                status: earlier.status.to_string(),
                again: true,
            }),
            Accepted::IdConflict => Err(Refusal::new(
                ErrorCode::IdConflict,
                format!("a message with the id `{id}` and other content was sent before"),
            )),
            Accepted::KeyConflict => Err(Refusal::new(
                ErrorCode::IdempotencyConflict,
                "this Idempotency-Key was used before, with another message",
            )),
        }
    }

    /// A message from one local agent to another, or to itself: its inbox is the delivery.
    async fn submit_here(
        &self,
        principal: &Principal,
        envelope: Envelope,
        idempotency: Option<(String, [u8; 32])>,
    ) -> Result<Submitted, Refusal> {
        self.check_here(&envelope)?;
        let arrival = Arrival::local(principal, idempotency);
        let taken = self.store_arrival(&envelope, arrival).await?;
        Ok(Submitted {
            id: taken.id,
            source: taken.source,
            status: "delivered".into(),
            again: taken.again,
        })
    }

    /// Refuses a message to an agent that is not here.
    pub(super) fn check_here(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let agent = envelope.recipient.agent();
        if self.is_local_agent(agent) {
            return Ok(());
        }
        let names: Vec<&str> = self.config.agents.iter().flatten().map(String::as_str).collect();
        Err(Refusal::new(
            ErrorCode::UnknownAgent,
            format!("there is no agent `{agent}` here"),
        )
        .with_fix(format!("The agents of {} are: {}.", self.me(), names.join(", "))))
    }

    fn fill_in(
        &self,
        principal: &Principal,
        short: ShortForm,
        recipients: &[Address],
        now: Timestamp,
    ) -> Result<Envelope, Refusal> {
        let sender = match (principal, &short.from) {
            (Principal::Agent(name), None) => name.clone(),
            (Principal::Agent(name), Some(from)) if name == from => name.clone(),
            (Principal::Admin, from) => from.clone().unwrap_or_else(|| "admin".to_owned()),
            (principal, Some(from)) => return Err(not_yours(principal, from)),
            (principal, None) => return Err(not_yours(principal, "a local agent")),
        };
        let sender = Address::new(&sender, self.me()).map_err(|error| invalid("from", &error))?;
        let recipient = recipients.first().cloned().unwrap_or_else(|| sender.clone());
        let mut draft = Draft {
            subject: short.subject,
            priority: short.priority.as_deref().map(priority).transpose()?,
            reply_to: short
                .replyto
                .map(|address| address.parse().map_err(|error| invalid("replyto", &error)))
                .transpose()?,
            partition_key: short.partitionkey,
            expiry_time: short.expirytime,
            deliver_after: short.deliverafter,
            ..Draft::new(sender.as_source(), recipient)
        };
        match (short.text, short.data) {
            (Some(text), None) => draft = draft.text(text),
            (None, Some(data)) => draft = draft.json(data),
            (None, None) => {}
            (Some(_), Some(_)) => {
                return Err(Refusal::new(
                    ErrorCode::MalformedMessage,
                    "a message has `text` or `data`, not both",
                ));
            }
        }
        if let Some(event_type) = short.event_type {
            draft = draft.event_type(event_type);
        }
        for (name, value) in [
            ("correlationid", short.correlationid),
            ("causationid", short.causationid),
        ] {
            if let Some(value) = value {
                draft = draft.extension(name, value);
            }
        }
        Ok(draft.finish(Uuid::now_v7().to_string(), now)?)
    }

    /// A whole event keeps its id; its source must be the caller's own.
    fn claim(&self, principal: &Principal, envelope: Envelope) -> Result<Envelope, Refusal> {
        let sender = envelope.sender().filter(|sender| sender.instance() == self.me());
        let allowed = match (principal, &sender) {
            (Principal::Agent(name), Some(sender)) => sender.agent() == name,
            (Principal::Admin, Some(_)) => true,
            _ => false,
        };
        if allowed {
            return Ok(envelope);
        }
        let right = match principal {
            Principal::Agent(name) => format!("byway://{}/{name}", self.me()),
            _ => format!("byway://{}/<agent>", self.me()),
        };
        Err(Refusal::new(
            ErrorCode::SenderNotAllowed,
            format!("the source `{}` is not yours to use", envelope.source),
        )
        .with_fix(format!(
            "Use the source {right}, or the short form, which fills it in."
        )))
    }

    /// The receiving side keeps ids for so long, so no message may live longer.
    pub(super) fn stamp_route_deadline(
        &self,
        envelope: &mut Envelope,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let sender = envelope.sender();
        let route = self
            .router
            .route(sender.as_ref(), &envelope.recipient)
            .ok_or_else(|| self.no_route(envelope))?;
        let longest = lifetime(route);
        let start = envelope.deliver_after.map_or(now, |after| after.max(now));
        let latest = now.saturating_add(KEYS_KEPT).unwrap_or(now);
        let stamped = start.saturating_add(longest).unwrap_or(latest).min(latest);
        envelope.expiry_time = envelope.expiry_time.or(Some(stamped));
        Ok(())
    }

    pub(super) fn no_route(&self, envelope: &Envelope) -> Refusal {
        let destinations = self.router.destinations();
        let fix = if destinations.is_empty() {
            "No route is configured; add a [[routes]] entry.".to_owned()
        } else {
            format!(
                "There are routes to {}; add a [[routes]] entry for this one.",
                destinations.join(", ")
            )
        };
        Refusal::new(
            ErrorCode::NoRoute,
            format!("no route leads to {}", envelope.recipient),
        )
        .with_fix(fix)
    }
}

/// A message's times must leave it some time to go, and end before its id is forgotten.
pub(super) fn check_times(envelope: &Envelope, now: Timestamp) -> Result<(), Refusal> {
    let latest = now.saturating_add(KEYS_KEPT).unwrap_or(now);
    let end = envelope.expiry_time.unwrap_or(latest).min(latest);
    if envelope.deliver_after.is_some_and(|after| after >= end) {
        return Err(Refusal::new(
            ErrorCode::Expired,
            "the message's deliverafter is not before its end (its expirytime, or 30 days from now)",
        ));
    }
    match envelope.expiry_time {
        Some(expiry) if expiry <= now => Err(Refusal::new(
            ErrorCode::Expired,
            "the message's expirytime has passed",
        )),
        Some(expiry) if expiry.duration_since(now) > KEYS_KEPT => Err(Refusal::new(
            ErrorCode::Expired,
            "the message's expirytime lies more than 30 days ahead, for which ids are kept",
        )),
        _ => Ok(()),
    }
}

fn addresses(recipients: Recipients) -> Result<Vec<Address>, Refusal> {
    let each = recipients.0.iter();
    each.map(|text| text.parse().map_err(|error| invalid("to", &error)))
        .collect()
}

fn priority(word: &str) -> Result<Priority, Refusal> {
    let known = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
    known
        .into_iter()
        .find(|priority| priority.as_str() == word)
        .ok_or_else(|| {
            Refusal::new(
                ErrorCode::MalformedMessage,
                format!("`{word}` is no priority: use low, normal, high or urgent"),
            )
        })
}

fn invalid(what: &str, error: &crate::envelope::AddressError) -> Refusal {
    Refusal::new(ErrorCode::InvalidAddress, format!("{what}: {error}"))
}

fn not_yours(principal: &Principal, from: &str) -> Refusal {
    Refusal::new(
        ErrorCode::Forbidden,
        format!("{principal} may not send as {from}"),
    )
}

/// What makes two submissions the same under one Idempotency-Key: what the caller sent, not what
/// byway fills in.
fn digest_of(submission: &Submission) -> [u8; 32] {
    match submission {
        Submission::Short(short) => Sha256::digest(format!("{short:?}").as_bytes()).into(),
        Submission::Event(event) => event.content_digest(),
    }
}
