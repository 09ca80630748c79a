//! Chains a journal that was written before there was a chain, and says how each message stands, since its
//! rows did not name the messages well enough to replay them.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::chain::{RowBytes, RowHash};
use super::{About, append};
use crate::hexadecimal::hex;

const UNCHAINED: &str = "SELECT seq, at, event, id, source, recipient, detail FROM journal ORDER BY seq";
const SET_HASH: &str = "UPDATE journal SET hash = ?2 WHERE seq = ?1";
const OUTGOING: &str = "SELECT key FROM outgoing ORDER BY key";
const INCOMING: &str = "SELECT key FROM incoming ORDER BY key";
const STANDING_OUT: &str = "SELECT id, source, recipient, kind, digest, status, receipt, \
                            (SELECT count(*) FROM attempt WHERE attempt.key = outgoing.key AND number IS NOT NULL), \
                            (SELECT count(*) FROM attempt WHERE attempt.key = outgoing.key AND number IS NULL) \
                            FROM outgoing WHERE key = ?1";
const STANDING_IN: &str = "SELECT id, source, recipient, status, \
                           (SELECT digest FROM taken_in WHERE taken_in.id = incoming.id AND taken_in.source = incoming.source \
                           AND taken_in.authority = incoming.authority AND taken_in.recipient = incoming.recipient \
                           AND taken_in.key = incoming.key) FROM incoming WHERE key = ?1";

/// The step that follows the second schema's statements, in their transaction.
pub(in crate::store) fn chain_what_is_there(connection: &Connection) -> rusqlite::Result<()> {
    let mut before = RowHash::START;
    let mut at = 0;
    let mut rows = connection.prepare(UNCHAINED)?;
    let mut set = connection.prepare(SET_HASH)?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_bytes_or_null()?);
        let seq = row.get(0)?;
        at = row.get(1)?;
        let bytes = RowBytes {
            seq,
            at,
            event: text(2)?.unwrap_or_default(),
            id: text(3)?,
            source: text(4)?,
            recipient: text(5)?,
            detail: text(6)?.unwrap_or_default(),
        };
        before = bytes.hash(&before);
        set.execute(params![seq, before.0.as_slice()])?;
    }
    for key in keys(connection, OUTGOING)? {
        tell_standing_out(connection, at, key)?;
    }
    for key in keys(connection, INCOMING)? {
        tell_standing_in(connection, at, key)?;
    }
    Ok(())
}

fn keys(connection: &Connection, query: &str) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare(query)?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Repeats how an outgoing message stands, if it is there.
pub(in crate::store) fn tell_standing_out(
    connection: &Connection,
    at: i64,
    key: i64,
) -> rusqlite::Result<()> {
    let found = connection
        .prepare_cached(STANDING_OUT)?
        .query_row([key], |row| {
            let digest: Vec<u8> = row.get(4)?;
            let detail = json!({
                "out": key, "kind": row.get::<_, String>(3)?, "digest": hex(&digest),
                "stands": row.get::<_, String>(5)?, "receipt": row.get::<_, Option<String>>(6)?,
                "attempts": row.get::<_, i64>(7)?, "skipped": row.get::<_, i64>(8)?,
            });
            Ok(([row.get(0)?, row.get(1)?, row.get(2)?], detail))
        })
        .optional()?;
    let Some((about, detail)) = found else {
        return Ok(());
    };
    standing(connection, at, &about, &detail.to_string())
}

/// Repeats how a message in an inbox stands, if it is there.
pub(in crate::store) fn tell_standing_in(connection: &Connection, at: i64, key: i64) -> rusqlite::Result<()> {
    let found = connection
        .prepare_cached(STANDING_IN)?
        .query_row([key], |row| {
            let digest: Option<Vec<u8>> = row.get(4)?;
            let digest = digest.as_deref().map(hex);
            let detail = json!({ "in": key, "digest": digest, "stands": row.get::<_, String>(3)? });
            Ok(([row.get(0)?, row.get(1)?, row.get(2)?], detail))
        })
        .optional()?;
    let Some((about, detail)) = found else {
        return Ok(());
    };
    standing(connection, at, &about, &detail.to_string())
}

fn standing(
    connection: &Connection,
    at: i64,
    [id, source, recipient]: &[String; 3],
    detail: &str,
) -> rusqlite::Result<()> {
    let About {
        source,
        id,
        recipient,
    } = About {
        source,
        id,
        recipient,
    };
    append(
        connection,
        at,
        "standing",
        [Some(id), Some(source), Some(recipient)],
        detail,
    )
}
