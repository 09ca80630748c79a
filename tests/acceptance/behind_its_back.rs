//! What happens to a byway's store while no byway has it open.

use std::path::Path;
use std::sync::Arc;

use byway::identity::Identity;
use byway::store::{Cutoffs, Durability, Store};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags};

/// Runs statements on the database, as somebody with a shell does.
pub fn tamper(data: &Path, sql: &str) -> Result<(), String> {
    let path = data.join("byway.sqlite3");
    let store = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    store
        .and_then(|store| store.execute_batch(sql))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Prunes the journal, and nothing else, as byway itself does when its rows are old enough; they are never so young in
/// earnest. Signed by the byway's own identity.
pub fn prune(data: &Path) -> Result<(), String> {
    let identity = Identity::load_or_create(data).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let pruned = runtime.map_err(|error| error.to_string())?.block_on(async {
        let store = Store::open(data, Durability::Full)?;
        store.sign_checkpoints_with(Arc::new(identity));
        // Whatever was written by now; not the rows that tell of the pruning itself.
        let before = Timestamp::now() + SignedDuration::from_millis(500);
        let cutoffs = Cutoffs {
            now: before + SignedDuration::from_millis(500),
            delivered: Timestamp::MIN,
            dead: Timestamp::MIN,
            processed: Timestamp::MIN,
            journal: before,
        };
        store.prune(cutoffs).await
    });
    match pruned {
        Ok(pruned) if pruned.journal > 0 => Ok(()),
        Ok(pruned) => Err(format!("nothing was pruned: {pruned:?}")),
        Err(error) => Err(error.to_string()),
    }
}
