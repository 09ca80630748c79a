//! Receipts on their way back to a sender.
//!
//! Of several for one message only the last is worth anything, since it says all that the earlier ones said. So a
//! later one takes the place of every earlier one that has not been delivered yet. It is stored in the transaction of
//! what it tells of: an agent's mark, or the end of a wake.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::accept::accept_anew;
use super::advance::advance;
use super::inbox::{self, mark};
use super::journal::{About, tell};
use super::outbox;
use super::rows::{Accepted, Advance, Advanced, Incoming, MessageKey, NewOutgoing};
use super::set_aside::set_aside;
use super::stray::despite_indexes;
use super::sum;
use super::words::InboxStatus;
use super::{Store, StoreError};

pub(super) const UNSENT: &str = "SELECT key, id FROM outgoing WHERE about = ?1 AND source = ?2 AND recipient = ?3 \
                                 AND ended_at IS NULL";
const REPLACE: &str =
    "UPDATE outgoing SET status = 'expired', reason = ?2, due_at = NULL, ended_at = ?3 WHERE key = ?1";
const SPEAKS_OF: &str = "UPDATE outgoing SET about = ?2 WHERE key = ?1";
pub(super) const WOKEN_FOR: &str = "SELECT source, id, recipient FROM outgoing WHERE key = ?1";

/// A receipt to be stored for delivery.
#[derive(Clone, Debug)]
pub struct NewReceipt {
    /// The receipt.
    pub message: NewOutgoing,
    /// The source of the message that it speaks of.
    pub of_source: String,
    /// The id of the message that it speaks of.
    pub of_id: String,
}

/// Makes the receipt for a message as it stands in an inbox, where its sender gets one.
pub type MakeReceipt = Box<dyn Fn(&Incoming) -> Option<NewReceipt> + Send + Sync>;

impl Store {
    /// Notes that an agent has read or processed a message, as [`Store::mark`] does, and stores the receipt for
    /// it, if that is news.
    ///
    /// # Errors
    /// Where it could not be stored; then neither is.
    pub async fn mark_and_tell(
        &self,
        agent: &str,
        source: Option<&str>,
        id: &str,
        status: InboxStatus,
        now: Timestamp,
        receipt: MakeReceipt,
    ) -> Result<Option<Incoming>, StoreError> {
        let (agent, source, id) = (agent.to_owned(), source.map(str::to_owned), id.to_owned());
        self.write_sound(move |tx| {
            let named = (agent.as_str(), source.as_deref(), id.as_str());
            let before = inbox::find(tx, named)?;
            let marked = mark(tx, named, status, now)?;
            let is_news = before.is_some_and(|before| before.status < status);
            if let Some(message) = marked.as_ref().filter(|_| is_news)
                && let Some(new) = receipt(message)
            {
                accept_receipt(tx, &new, now)?;
            }
            Ok(marked)
        })
        .await
    }

    /// Writes down one step of a message's delivery, as [`Store::advance`] does, and stores a receipt with it, if
    /// nobody has read the message meanwhile.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing of it is.
    pub async fn advance_and_tell(
        &self,
        key: MessageKey,
        step: impl Into<Arc<Advance>>,
        receipt: NewReceipt,
    ) -> Result<Advanced, StoreError> {
        let step = step.into();
        self.write_sound(move |tx| {
            let advanced = advance(tx, key, &step)?;
            if advanced.status == step.status && is_unread(tx, key)? {
                accept_receipt(tx, &receipt, step.at)?;
            }
            Ok(advanced)
        })
        .await
    }
}

/// Stores a receipt in the place of every earlier one for the same message that was not delivered yet.
pub(super) fn accept_receipt(
    connection: &Connection,
    new: &NewReceipt,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // A line break stands in no source.
    let of = format!("{}\n{}", new.of_source, new.of_id);
    let recipient = new.message.recipient.to_string();
    let earlier = connection
        .prepare_cached(UNSENT)?
        .query_map(params![of, new.message.source, recipient], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    for (key, id) in earlier {
        // A new sum would make damage look sound.
        if let Err(error) = outbox::by_key(connection, MessageKey(key)) {
            let damage = sum::damage_in(&error).ok_or(error)?;
            set_aside(connection, damage)?;
            continue;
        }
        let reason = "a later receipt went in its place";
        despite_indexes(connection, &["outgoing"], || {
            let values = params![key, reason, now.as_millisecond()];
            connection.prepare_cached(REPLACE)?.execute(values)
        })?;
        sum::renew_state(connection, key)?;
        let about = About {
            source: &new.message.source,
            id: &id,
            recipient: &recipient,
        };
        let detail = json!({ "out": key, "stands": "expired", "reason": reason, "by": new.message.id });
        tell(connection, now, "expired", about, &detail)?;
    }
    if let Accepted::New(MessageKey(key)) = accept_anew(connection, &new.message)? {
        connection.prepare_cached(SPEAKS_OF)?.execute(params![key, of])?;
    }
    Ok(())
}

/// Whether the message that a wake is for was not read yet.
fn is_unread(connection: &Connection, key: MessageKey) -> rusqlite::Result<bool> {
    let (source, id, recipient): (String, String, String) = connection
        .prepare_cached(WOKEN_FOR)?
        .query_row([key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let agent = recipient.split('@').next().unwrap_or_default();
    let found = inbox::find(connection, (agent, Some(&source), &id))?;
    Ok(found.is_some_and(|message| message.status == InboxStatus::Unread))
}
