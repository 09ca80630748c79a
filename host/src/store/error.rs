//! What can go wrong in the store, for the person who has to put it right.
//!
//! An error means that nothing of the call was done, with one exception that no database can avoid:
//! where the disk failed during the commit itself ([`StoreError::Failed`]) and the process dies right
//! after, the next start may find it done. Repeating the call under the same id is safe then.

use std::path::Path;

use super::records::DamagedRecord;
use super::sum::Damage;
use crate::error_code::ErrorCode;

/// The store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another byway has the data folder.
    #[error("another byway{} has the data folder {folder}; stop it, or give this one a data_dir of its own",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        folder: String,
        /// The other's process, where it can be told.
        pid: Option<u32>,
    },
    /// The data folder cannot be made, read or written.
    #[error(
        "the data folder {folder} cannot be used: {why}; look at its owner, its mode and the space on its disk"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        why: String,
    },
    /// The database was made by a newer byway.
    #[error(
        "{file} has schema {found}, and this byway knows up to {known}; nothing was changed: run the newer byway"
    )]
    Newer {
        /// The database.
        file: String,
        /// The schema in the file.
        found: i64,
        /// The newest this byway knows.
        known: i64,
    },
    /// The database is another program's.
    #[error(
        "{file} is the database of another program; nothing was changed: move it away, or choose another data_dir"
    )]
    Foreign {
        /// The database.
        file: String,
    },
    /// The database is damaged.
    #[error(
        "{file} is damaged: {why}; stop byway, keep a copy of the whole data folder, and restore a backup or repair it \
         with sqlite3's .recover"
    )]
    Damaged {
        /// The database.
        file: String,
        /// What was found.
        why: String,
    },
    /// The disk is full.
    #[error("the disk of {file} is full; nothing was stored: make room, and try again")]
    Full {
        /// The database.
        file: String,
    },
    /// There is no room for further messages within the limits that are set.
    #[error(
        "no room for further messages in {folder}: {why}; nothing was stored, and what was accepted is delivered all the \
         same: make room on the disk, keep messages for less long ([retention]), or change the limit"
    )]
    NoRoom {
        /// The data folder.
        folder: String,
        /// Which limit was met.
        why: String,
    },
    /// A message's row is damaged.
    #[error(
        "a message's row is damaged (table {table}, key {key}), and was set aside in the table `damaged` as it is; the other \
         messages go on: look at the disk, and send the message anew under a new id and key"
    )]
    RowDamaged {
        /// Its table.
        table: &'static str,
        /// Its key there.
        key: i64,
    },
    /// A record that would have decided something is damaged.
    #[error("{0}; look at the disk")]
    RecordDamaged(DamagedRecord),
    /// Another program holds the database's lock.
    #[error("another program has {file} locked; nothing was stored: end it, and try again")]
    Busy {
        /// The database.
        file: String,
    },
    /// Any other failure of the database.
    #[error(
        "{file} could not be read or written: {why}; nothing was stored: look at the disk and the system's log"
    )]
    Failed {
        /// The database.
        file: String,
        /// What SQLite says.
        why: String,
    },
    /// A call names a message that the store does not have.
    #[error("the store has no such message; nothing was changed")]
    NoSuchMessage,
    /// An adapter wants to keep more than it may.
    #[error("progress of {bytes} bytes is too long, at most {most} are kept; what was kept before still is")]
    ProgressTooLong {
        /// How much it was.
        bytes: usize,
        /// How much it may be.
        most: usize,
    },
    /// The store's writer has ended, so nothing can be stored any more.
    #[error(
        "the store has stopped writing; what was accepted is safe: start byway again, and report what its log says"
    )]
    Stopped,
}

impl StoreError {
    /// The code, for looking it up.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InUse { .. } => ErrorCode::DataFolderInUse,
            Self::Folder { .. } | Self::Foreign { .. } => ErrorCode::DataFolder,
            Self::Full { .. } | Self::NoRoom { .. } => ErrorCode::DiskFull,
            Self::RowDamaged { .. } | Self::RecordDamaged(_) => ErrorCode::RowDamaged,
            Self::Newer { .. }
            | Self::Damaged { .. }
            | Self::Busy { .. }
            | Self::Failed { .. }
            | Self::Stopped => ErrorCode::StoreFailed,
            Self::NoSuchMessage => ErrorCode::NoSuchMessage,
            Self::ProgressTooLong { .. } => ErrorCode::Usage,
        }
    }

    /// What SQLite says of a file, sorted by what a person can do about it.
    pub(super) fn of(error: &rusqlite::Error, file: &Path) -> Self {
        use rusqlite::Error as Sql;
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase};
        let file = file.display().to_string();
        let why = error.to_string();
        if let Sql::FromSqlConversionFailure(_, _, cause) = error
            && let Some(Damage { table, key }) = cause.downcast_ref()
        {
            return Self::RowDamaged { table, key: *key };
        }
        if let Sql::FromSqlConversionFailure(_, _, cause) = error
            && let Some(record) = cause.downcast_ref()
        {
            return Self::RecordDamaged(*record);
        }
        match error {
            Sql::QueryReturnedNoRows => return Self::NoSuchMessage,
            // A row that cannot be understood was not written by byway.
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::Utf8Error(..)
            | Sql::InvalidColumnType(..) => {
                return Self::Damaged { file, why };
            }
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(DiskFull) => Self::Full { file },
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged { file, why },
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy { file },
            _ => Self::Failed { file, why },
        }
    }
}
