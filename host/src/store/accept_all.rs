//! One message for several recipients is stored for all of them, or for none.

use rusqlite::Connection;
use serde_json::json;

use super::accept::{self, accept};
use super::journal::{About, tell};
use super::rows::{Accepted, Earlier, NewIncoming, NewOutgoing, TakenIn};
use super::take_in::{self, take_in};
use super::{Store, StoreError};

/// What is stored for one recipient.
#[derive(Clone, Debug)]
pub enum NewPart {
    /// It goes out.
    Out(Box<NewOutgoing>),
    /// It lies in an inbox here.
    In(Box<NewIncoming>),
}

/// What became of all of them.
#[derive(Clone, Debug)]
pub enum AcceptedAll {
    /// They are stored; those that were here before are as they were.
    New,
    /// All of them were here before; the first stands so.
    Same(Earlier),
    /// One of them was here before with other content. Nothing is stored.
    IdConflict,
    /// The idempotency key stood for something else before. Nothing is stored.
    KeyConflict,
}

impl Store {
    /// Stores one message for several recipients. The caller's idempotency key belongs to the first part.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing of it is.
    pub async fn accept_all(&self, parts: Vec<NewPart>) -> Result<AcceptedAll, StoreError> {
        let bytes = parts.iter().map(NewPart::bytes).sum();
        let _room = match self.inner.budget.room_for(bytes) {
            Ok(room) => room,
            Err(full) => {
                let known = move |connection: &Connection| known(connection, &parts);
                return self.inner.readers.read(known).await?.ok_or(full);
            }
        };
        self.write_sound_with_others(move |tx| accept_all(tx, &parts))
            .await
    }
}

fn accept_all(connection: &Connection, parts: &[NewPart]) -> rusqlite::Result<AcceptedAll> {
    let mut standings = Vec::with_capacity(parts.len());
    for part in parts {
        let standing = standing(connection, part)?;
        if matches!(standing, AcceptedAll::IdConflict | AcceptedAll::KeyConflict) {
            tell_conflict(connection, part)?;
            return Ok(standing);
        }
        // Under a known key nothing else has to be looked at.
        if let (AcceptedAll::Same(earlier), true) = (&standing, part.has_key()) {
            return Ok(AcceptedAll::Same(earlier.clone()));
        }
        standings.push(standing);
    }
    for part in parts {
        match part {
            NewPart::Out(new) => accept(connection, new).map(drop)?,
            NewPart::In(new) => take_in(connection, new).map(drop)?,
        }
    }
    let all_known = standings.iter().all(|it| matches!(it, AcceptedAll::Same(_)));
    Ok(match standings.into_iter().next() {
        Some(same) if all_known => same,
        _ => AcceptedAll::New,
    })
}

/// How the whole stands where nothing can be stored; `None` where some of it is new.
fn known(connection: &Connection, parts: &[NewPart]) -> rusqlite::Result<Option<AcceptedAll>> {
    let mut first = None;
    for part in parts {
        let standing = standing(connection, part)?;
        let decides = !matches!(standing, AcceptedAll::New | AcceptedAll::Same(_)) || part.has_key();
        match standing {
            AcceptedAll::New => return Ok(None),
            standing if decides => return Ok(Some(standing)),
            standing => first = first.or(Some(standing)),
        }
    }
    Ok(first)
}

/// How a part stands before anything is stored.
fn standing(connection: &Connection, part: &NewPart) -> rusqlite::Result<AcceptedAll> {
    Ok(match part {
        NewPart::Out(new) => match accept::standing(connection, new)? {
            None | Some(Accepted::New(_)) => AcceptedAll::New,
            Some(Accepted::Same(earlier)) => AcceptedAll::Same(earlier),
            Some(Accepted::IdConflict) => AcceptedAll::IdConflict,
            Some(Accepted::KeyConflict) => AcceptedAll::KeyConflict,
        },
        NewPart::In(new) => match take_in::standing(connection, new)? {
            None | Some(TakenIn::New) => AcceptedAll::New,
            Some(TakenIn::Again { id, source, .. }) => AcceptedAll::Same(Earlier {
                id,
                source,
                status: "delivered".into(),
            }),
            Some(TakenIn::Conflict) => AcceptedAll::IdConflict,
            Some(TakenIn::KeyConflict) => AcceptedAll::KeyConflict,
        },
    })
}

fn tell_conflict(connection: &Connection, part: &NewPart) -> rusqlite::Result<()> {
    let (source, id, recipient, at) = match part {
        NewPart::Out(new) => (&new.source, &new.id, &new.recipient, new.accepted_at),
        NewPart::In(new) => (&new.source, &new.id, &new.recipient, new.received_at),
    };
    let recipient = recipient.to_string();
    let about = About {
        source,
        id,
        recipient: &recipient,
    };
    tell(
        connection,
        at,
        "conflict",
        about,
        &json!({ "stored": "for no recipient" }),
    )
}

impl NewPart {
    /// How much room its bodies take, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Out(new) => new.envelope_json.len(),
            Self::In(new) => new.bytes(),
        }
    }

    fn has_key(&self) -> bool {
        match self {
            Self::Out(new) => new.idempotency.is_some(),
            Self::In(new) => new.idempotency.is_some(),
        }
    }
}
