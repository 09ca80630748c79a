//! A row is deleted or changed though an index does not lead to it any more.
//!
//! Where the disk damaged a column that an index is of, the index still has what was written. SQLite refuses to touch
//! such a row, since it would leave an entry behind, and so whoever must take it out could not, for ever. Here it goes all
//! the same, and then the indexes are made anew from the rows that are left, in the same transaction. Not the other way round: a
//! damaged name may be another row's, and no unique index can be made of both.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_CORRUPT_INDEX;

/// Does `change`; where an index keeps it from that, does it without, and makes the indexes of `tables` anew, which
/// takes seconds with a million rows.
pub(super) fn despite_indexes<T>(
    connection: &Connection,
    tables: &[&str],
    mut change: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    match change() {
        Err(error) if is_of_an_index(&error) => {}
        done => return done,
    }
    // What SQLite compares with the index before it deletes, it passes over in this mode. Nobody writes the schema here.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    let done = change();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false)?;
    let done = done?;
    index_anew(connection, tables)?;
    Ok(done)
}

/// Makes the indexes of tables anew from their rows.
pub(super) fn index_anew(connection: &Connection, tables: &[&str]) -> rusqlite::Result<()> {
    tracing::warn!(
        ?tables,
        "an index does not lead to a damaged row; the indexes are made anew"
    );
    for table in tables {
        connection.execute_batch(&format!("REINDEX {table}"))?;
    }
    Ok(())
}

fn is_of_an_index(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == SQLITE_CORRUPT_INDEX)
}
