//! Reads a journal as it lies in a data folder, whether a byway runs there or not, and tells all that is
//! wrong with it.
//!
//! It only reads: no lock is taken and nothing is made, so it can be run on a copy, too. One transaction
//! sees the database as it was at one moment.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::anchor::Anchor;
use super::chain::RowBytes;
use super::replay::{Replay, StandingIn, StandingOut};
use super::seal::{self, EVERY_ROWS};
use super::walk::{Fault, Place, Report, Walk};
use crate::envelope::PublicKey;
use crate::hexadecimal::hex;
use crate::store::rows::JournalRow;
use crate::store::{FILE, StoreError, schema};

const ROWS: &str = "SELECT seq, at, event, id, source, recipient, detail, hash FROM journal ORDER BY seq";
const OUTGOING: &str = "SELECT key, id, kind, digest, status, receipt, \
                        (SELECT count(*) FROM attempt WHERE attempt.key = outgoing.key AND number IS NOT NULL), \
                        (SELECT count(*) FROM attempt WHERE attempt.key = outgoing.key AND number IS NULL) \
                        FROM outgoing ORDER BY key";
const INCOMING: &str = "SELECT key, id, status FROM incoming ORDER BY key";

/// A journal in a data folder, to be read only.
pub struct JournalFile {
    connection: Connection,
    anchor: Anchor,
    folder: std::path::PathBuf,
}

/// Looks at the journal of a data folder: its chain, its checkpoints against this byway's key, and with `replay` also
/// whether the tables hold what the journal says.
///
/// # Errors
/// Where there is none, it is older than the chain, or SQLite cannot read it.
pub fn verify(folder: &Path, key: &PublicKey, replay: bool) -> Result<Report, StoreError> {
    JournalFile::open(folder)?.verify(key, replay)
}

impl JournalFile {
    /// Opens the journal of a data folder.
    ///
    /// # Errors
    /// Where there is none, it is older than the chain, or SQLite cannot read it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let unusable = |why: String| StoreError::Folder {
            folder: folder.display().to_string(),
            why,
        };
        if !file.is_file() {
            return Err(unusable("it has no database, and so no journal".into()));
        }
        // Before the database: what the file says was committed before it was written.
        let anchor = Anchor::read(folder).map_err(|error| unusable(error.to_string()))?;
        let sql = |error: rusqlite::Error| StoreError::of(&error, &file);
        let connection = schema::open_to_read(&file).map_err(sql)?;
        schema::refuse_what_is_not_ours(&connection, &file)?;
        let schema: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(sql)?;
        if schema < schema::CHAINED {
            return Err(StoreError::Failed {
                file: file.display().to_string(),
                why: "its journal is older than the chain, and is chained when byway is next started".into(),
            });
        }
        connection.execute_batch("BEGIN").map_err(sql)?;
        Ok(Self {
            connection,
            anchor,
            folder: folder.to_owned(),
        })
    }

    /// The rows after a number, at most so many, in order.
    ///
    /// # Errors
    /// Where they could not be read.
    pub fn rows(&self, after: i64, limit: usize) -> Result<Vec<JournalRow>, StoreError> {
        super::read(&self.connection, after, limit).map_err(|error| self.error(&error))
    }

    /// The newest checkpoint, as the file beside the database has it.
    #[must_use]
    pub fn checkpoint(&self) -> Option<super::Checkpoint> {
        self.anchor.newest
    }

    /// Tells all that is wrong.
    ///
    /// # Errors
    /// Where it could not be read at all.
    pub fn verify(&self, key: &PublicKey, replay: bool) -> Result<Report, StoreError> {
        self.look(key, replay).map_err(|error| self.error(&error))
    }

    fn look(&self, key: &PublicKey, replay: bool) -> rusqlite::Result<Report> {
        let pruned = self.connection.query_row(seal::PRUNED, [], |row| row.get(0))?;
        let in_table: Vec<_> = self
            .connection
            .prepare(seal::ALL)?
            .query_map([], seal::checkpoint)?
            .collect::<rusqlite::Result<_>>()?;
        let has_checkpoints = !in_table.is_empty();
        let checkpoints = in_table
            .into_iter()
            .map(|checkpoint| (Place::Table, checkpoint))
            .chain(self.anchor.newest.map(|checkpoint| (Place::File, checkpoint)))
            .chain(
                self.anchor
                    .unmet
                    .iter()
                    .map(|checkpoint| (Place::Unmet, *checkpoint)),
            );
        let mut walk = Walk::new(pruned, checkpoints, key);
        let mut state = replay.then(Replay::default);
        let mut statement = self.connection.prepare(ROWS)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            step(&mut walk, state.as_mut(), row);
        }
        let mut report = walk.end();
        self.look_at_the_file(&mut report, has_checkpoints);
        if let Some(state) = state {
            compare_outgoing(&self.connection, state.outgoing, &mut report)?;
            compare_incoming(&self.connection, state.incoming, &mut report)?;
        }
        Ok(report)
    }

    fn look_at_the_file(&self, report: &mut Report, has_checkpoints: bool) {
        let unsigned = report.last - report.signed_through.max(report.pruned_through);
        if unsigned > 4 * EVERY_ROWS {
            let message =
                format!("the last {unsigned} rows have no checkpoint, and byway signs every {EVERY_ROWS}");
            report.find(Fault::NoCheckpoint, report.last, message);
        }
        if self.anchor.unreadable > 0 {
            let message = "the file journal.checkpoint is damaged".to_owned();
            report.find(Fault::NoCheckpoint, report.last, message);
        }
        // A byway that has just begun writes the database first; so the file is looked for once more.
        let is_missing = has_checkpoints
            && self.anchor == Anchor::default()
            && Anchor::read(&self.folder).is_ok_and(|anchor| anchor == Anchor::default());
        if is_missing {
            let message = "the file journal.checkpoint is gone, so nothing outside of the database says where the journal ends";
            report.find(Fault::NoCheckpoint, report.last, message.to_owned());
        }
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of(error, &self.folder.join(FILE))
    }
}

fn step(walk: &mut Walk, state: Option<&mut Replay>, row: &Row<'_>) {
    let seq = row.get(0).unwrap_or_default();
    let read = || -> rusqlite::Result<(RowBytes<'_>, &[u8])> {
        let bytes = RowBytes {
            seq,
            at: row.get(1)?,
            event: text(row, 2)?.unwrap_or_default(),
            id: text(row, 3)?,
            source: text(row, 4)?,
            recipient: text(row, 5)?,
            detail: text(row, 6)?.unwrap_or_default(),
        };
        Ok((bytes, row.get_ref(7)?.as_blob()?))
    };
    match read() {
        Ok((bytes, hash)) => {
            walk.row(&bytes, hash);
            if let (Some(state), Ok(event), Ok(detail)) = (
                state,
                std::str::from_utf8(bytes.event),
                std::str::from_utf8(bytes.detail),
            ) {
                state.row(event, detail);
            }
        }
        Err(error) => walk.unreadable(seq, &error.to_string()),
    }
}

/// A text column as its bytes, which need not be UTF-8 where they are damaged.
fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a [u8]>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        value => Ok(Some(value.as_bytes()?)),
    }
}

fn compare_outgoing(
    connection: &Connection,
    mut told: std::collections::BTreeMap<i64, StandingOut>,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(OUTGOING)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, id): (i64, String) = (row.get(0)?, row.get(1)?);
        let digest: Vec<u8> = row.get(3)?;
        let stands = StandingOut {
            kind: row.get(2)?,
            digest: hex(&digest),
            stands: row.get(4)?,
            receipt: row.get(5)?,
            attempts: row.get::<_, i64>(6)?.unsigned_abs(),
            skipped: row.get::<_, i64>(7)?.unsigned_abs(),
        };
        differ(report, "outgoing", key, &id, told.remove(&key).as_ref(), &stands);
    }
    for (key, stands) in told {
        gone(report, "outgoing", key, &stands.stands);
    }
    Ok(())
}

fn compare_incoming(
    connection: &Connection,
    mut told: std::collections::BTreeMap<i64, StandingIn>,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(INCOMING)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, id): (i64, String) = (row.get(0)?, row.get(1)?);
        let stands: String = row.get(2)?;
        let told = told.remove(&key).map(|message| message.stands);
        differ(report, "incoming", key, &id, told.as_ref(), &stands);
    }
    for (key, message) in told {
        gone(report, "incoming", key, &message.stands);
    }
    Ok(())
}

fn differ<T: std::fmt::Debug + PartialEq>(
    report: &mut Report,
    table: &str,
    key: i64,
    id: &str,
    told: Option<&T>,
    stands: &T,
) {
    let message = match told {
        Some(told) if told == stands => return,
        Some(told) => format!(
            "message {id}: the journal says {told:?}, and the table {table} has {stands:?} (key {key})"
        ),
        None => format!(
            "message {id}: the table {table} has it (key {key}), and no row of the journal says where it came from"
        ),
    };
    report.find(Fault::Differs, report.last, message);
}

fn gone(report: &mut Report, table: &str, key: i64, stands: &str) {
    let message = format!(
        "the journal has a message that stands `{stands}`, and the table {table} has none of its key {key}"
    );
    report.find(Fault::Differs, report.last, message);
}
