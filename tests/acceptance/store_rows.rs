//! What a byway's journal says of what it refused, read from its store as it lies on the disk.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

/// The refusals of the journal, in their order; none where the byway has never opened its store.
pub fn refusals(data: &Path) -> Result<Vec<Value>, String> {
    let path = data.join("byway.sqlite3");
    let is_opened = data.join("lock").exists();
    if !is_opened && !path.exists() {
        return Ok(Vec::new());
    }
    read(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> rusqlite::Result<Vec<Value>> {
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    store.busy_timeout(std::time::Duration::from_secs(5))?;
    let mut statement = store.prepare(
        "SELECT event, id, source, recipient, detail FROM journal \
         WHERE event IN ('refused', 'conflict') ORDER BY seq",
    )?;
    let rows = statement.query_map([], |row| {
        let detail: String = row.get(4)?;
        let detail: Value = serde_json::from_str(&detail).unwrap_or_default();
        Ok(json!({
            "event": row.get::<_, String>(0)?,
            "id": row.get::<_, Option<String>>(1)?,
            "source": row.get::<_, Option<String>>(2)?,
            "recipient": row.get::<_, Option<String>>(3)?,
            "detail": detail,
        }))
    })?;
    rows.collect()
}
