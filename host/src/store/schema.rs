//! The database file: how it is opened, how it is looked at before it is trusted, and how an
//! older one is brought up to date.
//!
//! Nothing is written before it is certain that the file is byway's own and of a schema it knows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::journal::migrate::chain_what_is_there;
use super::owner::private_file;
use super::summing::{sum_more, sum_what_is_there};
use super::{Durability, StoreError, log, records};

/// One step of the schema: statements, and what statements cannot do.
struct Migration {
    statements: &'static str,
    then: fn(&Connection) -> rusqlite::Result<()>,
}

/// One migration a file, in order. A released one is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration {
        statements: include_str!("schema/0001.sql"),
        then: |_| Ok(()),
    },
    Migration {
        statements: include_str!("schema/0002.sql"),
        then: chain_what_is_there,
    },
    Migration {
        statements: include_str!("schema/0003.sql"),
        then: |_| Ok(()),
    },
    Migration {
        statements: include_str!("schema/0004.sql"),
        then: |_| Ok(()),
    },
    Migration {
        statements: include_str!("schema/0005.sql"),
        then: sum_what_is_there,
    },
    Migration {
        statements: include_str!("schema/0006.sql"),
        then: sum_more,
    },
    Migration {
        statements: include_str!("schema/0007.sql"),
        then: |_| Ok(()),
    },
    Migration {
        statements: include_str!("schema/0008.sql"),
        then: |_| Ok(()),
    },
];
/// The first schema whose journal is chained.
pub(super) const CHAINED: i64 = 2;
/// `PRAGMA application_id` of byway's databases.
const APPLICATION: i64 = 0x6279_7779;
/// How long a lock that another program holds (a shell, a backup) is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Up to this size the whole structure is checked at the start, which takes well under a second.
const CHECKED_BYTES_MAX: u64 = 64 << 20;
/// Up to this size its indexes are, too: a row that an index does not lead to would be a message that waits for ever.
const INDEXES_CHECKED_BYTES_MAX: u64 = 16 << 20;
/// More than all the statements there are, so that each is prepared once.
const STATEMENTS: usize = 128;
/// SQLite's page, in bytes.
const PAGE_BYTES: u64 = 4096;
/// `PRAGMA auto_vacuum` of a file that shrinks when it is told to.
const INCREMENTAL: i64 = 2;
/// Pages that the connection that writes keeps in memory, in KiB: with a million messages what one transaction of many
/// calls touches is more than SQLite's own 2 MiB hold, and would be read anew by the next.
const CACHE_KIB: i64 = 16_384;
/// The log is cut back to this after it grew larger, in bytes.
const LOG_BYTES: i64 = 64 << 20;

/// Opens the connection that writes, in a file that is sound and up to date afterwards.
pub(super) fn open(file: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let unusable = |error: std::io::Error| StoreError::Folder {
        folder: file.display().to_string(),
        why: error.to_string(),
    };
    // Made here and not by SQLite, so that the messages in it (and in its log, which gets the same
    // mode) are nobody else's to read.
    let size = private_file(file)
        .and_then(|file| file.metadata())
        .map_err(unusable)?
        .len();
    let log = log_of(file);
    refuse_what_was_cut(file, size, &log)?;
    log::look_at(&log, durability)?;
    let sql = |error: rusqlite::Error| StoreError::of(&error, file);
    let mut connection = connect(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(sql)?;
    refuse_what_is_not_ours(&connection, file)?;
    can_shrink(&connection, file, size)?;
    write_ahead(&connection, file, durability)?;
    if size <= CHECKED_BYTES_MAX {
        check(&connection, file, size)?;
    }
    migrate(&mut connection).map_err(sql)?;
    if size <= CHECKED_BYTES_MAX {
        look_through_records(&mut connection).map_err(sql)?;
    }
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    connect(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}

fn connect(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A statement's plan hangs on its text alone. Without this SQLite makes it anew, at many times the cost of the
    // statement, whenever a value bound to it differs from the one before.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

fn log_of(file: &Path) -> PathBuf {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Two losses that SQLite itself passes over: it deletes a log whose database is empty, though that log
/// may be all that is left of messages that were accepted; and it fills up a last page that is
/// not whole, which a crash leaves only together with a log that has the page.
fn refuse_what_was_cut(file: &Path, size: u64, log: &Path) -> Result<(), StoreError> {
    let logged = std::fs::metadata(log).map_or(0, |log| log.len());
    let why = if size == 0 && logged > 0 {
        format!("it is empty, and its log {} is not", log.display())
    } else if !size.is_multiple_of(PAGE_BYTES) && logged == 0 {
        format!("it ends in the middle of a page, after {size} bytes")
    } else {
        return Ok(());
    };
    Err(StoreError::Damaged {
        file: file.display().to_string(),
        why,
    })
}

pub(super) fn refuse_what_is_not_ours(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let number = |query: &str| {
        connection
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .map_err(|error| StoreError::of(&error, file))
    };
    let file = file.display().to_string();
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    if objects > 0 && number("PRAGMA application_id")? != APPLICATION {
        return Err(StoreError::Foreign { file });
    }
    let found = number("PRAGMA user_version")?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { file, found, known });
    }
    if found > 0 && objects == 0 {
        let why = format!("it says that it has schema {found}, and has no table");
        return Err(StoreError::Damaged { file, why });
    }
    Ok(())
}

/// Has the file give back pages that it no longer needs. Only a file without tables can be set so at once; an older
/// one is written anew for it, if it is small.
fn can_shrink(connection: &Connection, file: &Path, size: u64) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| StoreError::of(&error, file);
    let mode: i64 = connection
        .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
        .map_err(sql)?;
    if mode == INCREMENTAL {
        return Ok(());
    }
    connection
        .execute_batch("PRAGMA auto_vacuum = INCREMENTAL")
        .map_err(sql)?;
    if size == 0 {
        return Ok(());
    }
    if size > CHECKED_BYTES_MAX {
        tracing::info!(
            "{} does not shrink when messages go, since it is of an older byway: stop byway and run `VACUUM` in sqlite3 once",
            file.display()
        );
        return Ok(());
    }
    if let Err(error) = connection.execute_batch("VACUUM") {
        // It shrinks later, or not; nothing is lost.
        tracing::warn!(%error, "{} could not be made to shrink", file.display());
    }
    Ok(())
}

fn write_ahead(connection: &Connection, file: &Path, durability: Durability) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| StoreError::of(&error, file);
    // Before the change to the log, which is itself a write that must be on disk.
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            // fullfsync: on macOS a plain fsync does not reach the disk.
            "PRAGMA synchronous = {synchronous}; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; \
             PRAGMA journal_size_limit = {LOG_BYTES}; PRAGMA cache_size = -{CACHE_KIB};"
        ))
        .map_err(sql)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(sql)?;
    if mode == "wal" {
        return Ok(());
    }
    Err(StoreError::Failed {
        file: file.display().to_string(),
        why: format!("its file system allows no write-ahead log (journal mode {mode})"),
    })
}

fn check(connection: &Connection, file: &Path, size: u64) -> Result<(), StoreError> {
    let check = if size <= INDEXES_CHECKED_BYTES_MAX {
        "PRAGMA integrity_check(1)"
    } else {
        "PRAGMA quick_check(1)"
    };
    let found: String = connection
        .query_row(check, [], |row| row.get(0))
        .map_err(|error| StoreError::of(&error, file))?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        file: file.display().to_string(),
        why: found,
    })
}

/// Whether the records beside the messages are what was written. Writes only where one is not.
fn look_through_records(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    records::look_through(&transaction)?;
    transaction.commit()
}

/// A step goes through all rows; whoever waits for the start hears of it before.
fn say_what_takes_long(connection: &Connection, done: i64) -> rusqlite::Result<()> {
    if done == 0 {
        return Ok(());
    }
    let count = |table: &str| {
        let query = format!("SELECT count(*) FROM {table}");
        connection.query_row(&query, [], |row| row.get::<_, i64>(0))
    };
    tracing::info!(
        from = done,
        to = done + 1,
        outgoing = count("outgoing")?,
        incoming = count("incoming")?,
        journal = count("journal")?,
        "the database is brought up to date, which takes longer the more rows there are; stopped meanwhile, byway begins \
         again at its next start, and an older byway refuses the file afterwards"
    );
    Ok(())
}

/// Brings the schema up to date, each step whole or not at all.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let Some(migration) = usize::try_from(done).ok().and_then(|done| MIGRATIONS.get(done)) else {
            return Ok(());
        };
        say_what_takes_long(&transaction, done)?;
        transaction.execute_batch(migration.statements)?;
        (migration.then)(&transaction)?;
        transaction.pragma_update(None, "user_version", done + 1)?;
        transaction.commit()?;
    }
}
