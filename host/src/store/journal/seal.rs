//! Signs the journal as it grows: every so many rows, when asked to, before pruning and at the end.
//!
//! A checkpoint is written in the transaction of the rows it covers, and into the file beside the database
//! only after that is committed; so the file never speaks of a row that a power cut can still take away.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;

use super::anchor::Anchor;
use super::chain::RowHash;
use super::checkpoint::{Checkpoint, CheckpointSigner, Mark};
use super::{Head, head, tell_of_itself};
use crate::store::Durability;

/// After so many rows there is a checkpoint, whether anybody asks for one or not.
pub(in crate::store) const EVERY_ROWS: i64 = 4_096;

const NEWEST: &str = "SELECT seq, hash, count, at, signature FROM checkpoint ORDER BY seq DESC LIMIT 1";
pub(in crate::store) const ALL: &str = "SELECT seq, hash, count, at, signature FROM checkpoint ORDER BY seq";
const ADD: &str =
    "INSERT OR IGNORE INTO checkpoint (seq, hash, count, at, signature) VALUES (?1, ?2, ?3, ?4, ?5)";
const HASH_OF: &str = "SELECT hash FROM journal WHERE seq = ?1";
pub(in crate::store) const PRUNED: &str = "SELECT through FROM pruned";

/// Has the key, once byway has been given one.
pub(in crate::store) struct Seal {
    folder: PathBuf,
    durability: Durability,
    signer: OnceLock<Arc<dyn CheckpointSigner>>,
    /// A checkpoint was written into the database and not yet into the file.
    is_new: AtomicBool,
}

/// What the writer remembers between two commits.
#[derive(Default)]
pub(in crate::store) struct Sealed {
    /// Where the newest checkpoint stands; `None` before the first look.
    newest: Option<i64>,
    unmet: Anchor,
}

impl Seal {
    pub(in crate::store) fn new(folder: PathBuf, durability: Durability) -> Self {
        Self {
            folder,
            durability,
            signer: OnceLock::new(),
            is_new: AtomicBool::new(false),
        }
    }

    /// From now on checkpoints are signed. Only the first key counts.
    pub(in crate::store) fn set(&self, signer: Arc<dyn CheckpointSigner>) {
        let _ = self.signer.set(signer);
    }

    /// Whether a checkpoint is due, or what is there was not looked at yet.
    pub(in crate::store) fn is_due(
        &self,
        connection: &Connection,
        sealed: &Sealed,
    ) -> rusqlite::Result<bool> {
        if self.signer.get().is_none() {
            return Ok(false);
        }
        Ok(match sealed.newest {
            None => true,
            Some(newest) => head(connection)?.seq - newest >= EVERY_ROWS,
        })
    }

    /// Before a commit: a checkpoint, where one is due, or where `now` says so and there are new rows.
    pub(in crate::store) fn before_commit(
        &self,
        connection: &Connection,
        sealed: &mut Sealed,
        now: bool,
    ) -> rusqlite::Result<()> {
        let Some(signer) = self.signer.get() else {
            return Ok(());
        };
        let newest = match sealed.newest {
            Some(newest) => newest,
            None => self.begin(connection, sealed, signer.as_ref())?,
        };
        let head = head(connection)?;
        if head.seq - newest >= EVERY_ROWS || (now && head.seq > newest) {
            self.sign(connection, signer.as_ref(), head)?;
        }
        Ok(())
    }

    /// A checkpoint of the whole journal as it is, in the transaction that is open. `None` without a key.
    pub(in crate::store) fn mark(&self, connection: &Connection) -> rusqlite::Result<Option<Checkpoint>> {
        let Some(signer) = self.signer.get() else {
            return Ok(None);
        };
        let head = head(connection)?;
        match newest(connection)? {
            Some(newest) if newest.mark.seq == head.seq => Ok(Some(newest)),
            _ => self.sign(connection, signer.as_ref(), head).map(Some),
        }
    }

    /// A checkpoint of a row that is there, in the transaction that is open. `None` without a key.
    pub(in crate::store) fn mark_at(
        &self,
        connection: &Connection,
        head: Head,
    ) -> rusqlite::Result<Option<Checkpoint>> {
        let signer = self.signer.get();
        signer
            .map(|signer| self.sign(connection, signer.as_ref(), head))
            .transpose()
    }

    /// After a commit: the newest checkpoint goes into the file, if there is a new one. That this can fail
    /// loses nothing but time: the next one goes the same way.
    pub(in crate::store) fn after_commit(&self, connection: &Connection, sealed: &mut Sealed) {
        if !self.is_new.swap(false, Ordering::Relaxed) {
            return;
        }
        let written = newest(connection)
            .map_err(|error| error.to_string())
            .and_then(|newest| {
                sealed.newest = newest.map(|newest| newest.mark.seq).or(sealed.newest);
                let anchor = Anchor {
                    newest,
                    ..sealed.unmet.clone()
                };
                anchor
                    .write(&self.folder, self.durability)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = written {
            tracing::warn!(
                error,
                "the journal's checkpoint could not be written beside the database"
            );
            self.is_new.store(true, Ordering::Relaxed);
        }
    }

    /// The first time: does the file's checkpoint hold? Where it does not, the journal says so from here on.
    fn begin(
        &self,
        connection: &Connection,
        sealed: &mut Sealed,
        signer: &dyn CheckpointSigner,
    ) -> rusqlite::Result<i64> {
        let mut anchor = Anchor::read(&self.folder).unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal's checkpoint beside the database cannot be read");
            Anchor {
                unreadable: 1,
                ..Anchor::default()
            }
        });
        let in_table = newest(connection)?;
        let pruned: i64 = connection.query_row(PRUNED, [], |row| row.get(0))?;
        if let Some(checkpoint) = anchor.newest.take() {
            let Mark { seq, hash, .. } = checkpoint.mark;
            let stands: Option<Vec<u8>> = connection
                .prepare_cached(HASH_OF)?
                .query_row([seq], |row| row.get(0))
                .optional()?;
            // One that names a pruned row was written before the pruning, and byway died between the two.
            let holds = stands.map_or(seq <= pruned, |stands| stands == hash.0);
            if !holds && checkpoint.is_signed_by(&signer.key()) {
                tracing::error!(
                    seq,
                    "the journal is not the one that this byway signed: rows were taken out or altered while it did not run; \
                     `byway journal verify` tells which"
                );
                anchor.keep_as_unmet(checkpoint);
                let detail = json!({ "checkpoint": seq, "hash": hash.to_string() });
                tell_of_itself(connection, "journal-broken", &detail)?;
            }
        } else if in_table.is_some() {
            tracing::warn!("the journal's checkpoint beside the database is gone; it is written anew");
            tell_of_itself(connection, "checkpoint-file-missing", &json!({}))?;
        }
        sealed.unmet = Anchor {
            newest: None,
            unreadable: 0,
            ..anchor
        };
        let newest = in_table.map_or(0, |checkpoint| checkpoint.mark.seq);
        sealed.newest = Some(newest);
        if in_table.is_none() || !sealed.unmet.unmet.is_empty() {
            let head = head(connection)?;
            self.sign(connection, signer, head)?;
        }
        self.is_new.store(true, Ordering::Relaxed);
        Ok(newest)
    }

    fn sign(
        &self,
        connection: &Connection,
        signer: &dyn CheckpointSigner,
        head: Head,
    ) -> rusqlite::Result<Checkpoint> {
        let pruned: i64 = connection.query_row(PRUNED, [], |row| row.get(0))?;
        let mark = Mark {
            seq: head.seq,
            hash: head.hash,
            count: head.seq - pruned,
            at: head.at,
        };
        let checkpoint = mark.signed(signer);
        connection.prepare_cached(ADD)?.execute(params![
            mark.seq,
            mark.hash.0.as_slice(),
            mark.count,
            mark.at,
            checkpoint.signature.as_slice()
        ])?;
        self.is_new.store(true, Ordering::Relaxed);
        Ok(checkpoint)
    }
}

fn newest(connection: &Connection) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .prepare_cached(NEWEST)?
        .query_row([], checkpoint)
        .optional()
}

/// A checkpoint from its row. One whose bytes have the wrong length is one that no key has signed.
pub(in crate::store) fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let (hash, signature): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(4)?);
    Ok(Checkpoint {
        mark: Mark {
            seq: row.get(0)?,
            hash: RowHash::from_slice(&hash).unwrap_or(RowHash::START),
            count: row.get(2)?,
            at: row.get(3)?,
        },
        signature: signature.try_into().unwrap_or([0; 64]),
    })
}
