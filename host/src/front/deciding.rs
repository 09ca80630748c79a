//! What people decide about messages: cancel, approve, redrive and drop.
//!
//! The rules are elsewhere (what a flight promises in `delivery`, what may go again in `intake`); here the messages
//! are found, the caller's rights are looked at, and a decision is made anew for as long as the engine is quicker.

use jiff::Timestamp;

use super::Byway;
use crate::api::{MessageView, Page, RedrivenView};
use crate::delivery::ruling;
use crate::envelope::Address;
use crate::error_code::ErrorCode;
use crate::intake::{Redrive, Refusal, approval, flight};
use crate::principal::Principal;
use crate::store::{DeadFilter, Intervention, Outgoing, Status, StoreError};

/// How many dead letters one call looks through for a route.
const LOOKED_AT_MAX: usize = 2_000;
/// How many of them are read at once.
const PIECE: usize = 100;

/// Which dead letters are meant.
#[derive(Clone, Debug, Default)]
pub struct DeadQuery {
    /// What the store looks for.
    pub filter: DeadFilter,
    /// They would take the route with this `to` now.
    pub route: Option<String>,
}

/// What became of some dead letters that were to be redriven.
#[derive(Clone, Debug, Default)]
pub struct Redriving {
    /// Those that go on, and those that cannot, with the reason.
    pub items: Vec<RedrivenView>,
    /// Where the next part begins.
    pub next: Option<i64>,
}

/// What became of the messages of one id. One for which it is too late hinders no other; it is told where it is too
/// late for all of them.
struct Each<T> {
    done: Vec<T>,
    late: Option<Refusal>,
}

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            late: None,
        }
    }
}

impl<T> Each<T> {
    fn note(&mut self, decided: Result<T, Refusal>) -> Result<(), Refusal> {
        match decided {
            Ok(done) => self.done.push(done),
            Err(refusal) if refusal.code == ErrorCode::TooLate => self.late = Some(refusal),
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }

    fn end(self) -> Result<Vec<T>, Refusal> {
        match self.late {
            Some(refusal) if self.done.is_empty() => Err(refusal),
            _ => Ok(self.done),
        }
    }
}

impl Byway {
    /// Ends a message before its time: for one recipient, or for all. Says how it stands afterwards; what had begun
    /// before may still arrive, and the reason says so.
    ///
    /// # Errors
    /// Where it is not there, not the caller's, or has ended.
    pub async fn cancel(
        &self,
        principal: &Principal,
        id: &str,
        to: Option<&Address>,
    ) -> Result<MessageView, Refusal> {
        let by = principal.to_string();
        let mut each = Each::default();
        for message in self.meant(principal, id, to).await? {
            let cancelled = self.decide(message, |message, now| cancel(message, &by, now));
            each.note(cancelled.await)?;
        }
        each.end()?;
        self.shown(principal, id, to).await
    }

    /// Lets a message that waits for it go out, or ends it.
    ///
    /// # Errors
    /// Where it is not there, or does not wait for that.
    pub async fn settle_approval(
        &self,
        by: &str,
        id: &str,
        to: Option<&Address>,
        approve: bool,
        reason: Option<&str>,
    ) -> Result<MessageView, Refusal> {
        let mut each = Each::default();
        for message in self.meant(&Principal::Admin, id, to).await? {
            let decided = self.decide(message, |message, now| {
                approval(message, by, approve, reason, now)
            });
            each.note(decided.await)?;
        }
        self.engine.nudge();
        each.end()?;
        self.shown(&Principal::Admin, id, to).await
    }

    /// Sends a dead letter on its way again. Says under which id.
    ///
    /// # Errors
    /// Where it is not there, not dead, or cannot go on.
    pub async fn redrive(
        &self,
        by: &Principal,
        id: &str,
        to: Option<&Address>,
        how: Redrive,
    ) -> Result<Vec<RedrivenView>, Refusal> {
        let mut each = Each::default();
        for message in self.meant(&Principal::Admin, id, to).await? {
            each.note(self.redrive_one(message, how, by).await)?;
        }
        self.engine.nudge();
        each.end()
    }

    /// Redrives some of the dead letters that are meant, oldest first. Those that cannot go on are told with the
    /// reason and passed, so a repetition from `next` on, or from the start after a crash, comes to an end.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn redrive_some(
        &self,
        by: &Principal,
        query: &DeadQuery,
        how: Redrive,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Redriving, Refusal> {
        let (found, next) = self.find_dead(query, cursor, limit).await?;
        let mut done = Redriving {
            items: Vec::new(),
            next,
        };
        for header in found {
            let Some(message) = self.store().outgoing(header.key).await? else {
                continue;
            };
            match self.redrive_one(message, how, by).await {
                Ok(view) => done.items.push(view),
                Err(refusal) if refusal.code == ErrorCode::StoreFailed => return Err(refusal),
                Err(refusal) => done.items.push(RedrivenView::refused(&header, &refusal)),
            }
        }
        self.engine.nudge();
        Ok(done)
    }

    /// Puts a dead letter away, with a reason.
    ///
    /// # Errors
    /// Where it is not there, or not dead.
    pub async fn drop_dead(
        &self,
        by: &Principal,
        id: &str,
        to: Option<&Address>,
        reason: Option<&str>,
    ) -> Result<MessageView, Refusal> {
        let by = by.to_string();
        let mut each = Each::default();
        for message in self.meant(&Principal::Admin, id, to).await? {
            let dropped = self.decide(message, |message, now| put_away(message, &by, reason, now));
            each.note(dropped.await)?;
        }
        each.end()?;
        self.shown(&Principal::Admin, id, to).await
    }

    /// Dead letters, oldest first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn dead_letters(
        &self,
        query: &DeadQuery,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<Page<MessageView>, Refusal> {
        let (found, next) = self.find_dead(query, cursor, limit).await?;
        let items = found
            .iter()
            .map(|message| MessageView::outgoing(message, Vec::new()));
        Ok(Page {
            items: items.collect(),
            next,
        })
    }

    async fn find_dead(
        &self,
        query: &DeadQuery,
        cursor: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<Outgoing>, Option<i64>), StoreError> {
        let intake = self.intake();
        let (mut found, mut cursor, mut looked_at) = (Vec::new(), cursor, 0);
        loop {
            let places = limit.saturating_sub(found.len()).min(PIECE);
            let page = self
                .store()
                .dead_letters(query.filter.clone(), cursor, places)
                .await?;
            looked_at += page.items.len();
            cursor = page.next;
            found.extend(page.items.into_iter().filter(|message| {
                query.route.as_ref().is_none_or(|wanted| {
                    let route = intake.router.route(message.sender.as_ref(), &message.recipient);
                    route.is_some_and(|route| route.to.to_string() == *wanted)
                })
            }));
            if cursor.is_none() || found.len() >= limit || looked_at >= LOOKED_AT_MAX {
                return Ok((found, cursor));
            }
        }
    }

    async fn redrive_one(
        &self,
        message: Outgoing,
        how: Redrive,
        by: &Principal,
    ) -> Result<RedrivenView, Refusal> {
        let intake = self.intake();
        let by = by.to_string();
        let (recipient, mut id) = (message.recipient.to_string(), message.id.clone());
        let old = id.clone();
        self.decide(message, |message, _| {
            let redriven = intake.redrive(message, how, &by)?;
            id.clone_from(&redriven.id);
            Ok(redriven.decision)
        })
        .await?;
        Ok(RedrivenView::done(old, recipient, id))
    }

    /// The messages that a caller means by an id: one for each recipient, or the one for `to`.
    async fn meant(
        &self,
        principal: &Principal,
        id: &str,
        to: Option<&Address>,
    ) -> Result<Vec<Outgoing>, Refusal> {
        let source = match principal {
            Principal::Agent(name) => Some(self.source_of(name)),
            _ => None,
        };
        let mut found = self.store().find_all_outgoing(source.as_deref(), id).await?;
        found.retain(|message| to.is_none_or(|to| message.recipient == *to));
        if !found.is_empty() {
            return Ok(found);
        }
        let taken_in = self.show(principal, id).await?;
        if to.is_none() && taken_in.is_some() {
            let sentence = format!("the message `{id}` lies in an inbox here: it is delivered");
            return Err(Refusal::new(ErrorCode::TooLate, sentence));
        }
        let whom = to.map(|to| format!(" to {to}")).unwrap_or_default();
        Err(Refusal::new(
            ErrorCode::NoSuchMessage,
            format!("there is no message `{id}`{whom}"),
        ))
    }

    /// Decides about a message as it stands, and anew where it has moved on meanwhile.
    async fn decide(
        &self,
        message: Outgoing,
        ruling: impl FnMut(&Outgoing, Timestamp) -> Result<Intervention, Refusal>,
    ) -> Result<(), Refusal> {
        self.intake().decide(message, ruling).await
    }

    async fn shown(
        &self,
        principal: &Principal,
        id: &str,
        to: Option<&Address>,
    ) -> Result<MessageView, Refusal> {
        let view = self.show(principal, id).await?;
        let view = view.and_then(|view| match to {
            Some(to) => view.of_recipient(&to.to_string()),
            None => Some(view),
        });
        view.ok_or_else(|| Refusal::new(ErrorCode::NoSuchMessage, format!("there is no message `{id}`")))
    }
}

fn cancel(message: &Outgoing, by: &str, now: Timestamp) -> Result<Intervention, Refusal> {
    if message.status.is_end() {
        let sentence = format!(
            "the message to {} is {} already",
            message.recipient, message.status
        );
        return Err(Refusal::new(ErrorCode::TooLate, sentence));
    }
    Ok(Intervention {
        status: Status::Cancelled,
        reason: Some(ruling::cancelled(&flight(message), by)),
        ..Intervention::about(message, "cancelled", by, now)
    })
}

fn put_away(
    message: &Outgoing,
    by: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Intervention, Refusal> {
    if message.status != Status::Dead {
        let sentence = format!(
            "the message to {} is {}, not a dead letter",
            message.recipient, message.status
        );
        return Err(Refusal::new(ErrorCode::TooLate, sentence));
    }
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let was = message.reason.as_deref().unwrap_or("no reason");
    Ok(Intervention {
        status: Status::Dropped,
        reason: Some(format!("dropped by {by}{because} (it was dead: {was})")),
        ..Intervention::about(message, "dropped", by, now)
    })
}
