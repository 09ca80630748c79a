//! What chaining takes of writing the journal: the same rows into the same table, with its index and its triggers, once each
//! with the hash of the row before it and of itself, and once with a constant in its place. Nothing else is written.

use std::path::Path;
use std::time::Instant;

use byway::store::{Durability, RowBytes, RowHash, Store};
use rusqlite::{Connection, params};

use crate::stage;

/// Rows a round.
const ROWS: i64 = 100 * GROUP;
/// Rows a transaction.
const GROUP: i64 = 256;
/// As long as one usually is.
const DETAIL: &str = r#"{"due_at":1767225601000,"fallback":false,"out":4711,"reason":null,"receipt":null,"stands":"waiting","tried":[{"began":1767225600000,"code":"http-503","effect":"POST https://example.org/hook","mode":"deliver","number":1,"outcome":"retryable","took_ms":12,"transport":"hook"}]}"#;
/// As byway adds them.
const ADD: &str = "INSERT OR FAIL INTO journal (at, event, id, source, recipient, detail, hash) \
                   VALUES (?1, 'waiting', ?2, 'byway://a/planner', 'executor@b', ?3, ?4)";
const HEAD: &str = "SELECT seq, hash, at FROM journal ORDER BY seq DESC LIMIT 1";

pub fn run(folder: &Path) {
    // Makes the table.
    for name in ["chained", "plain"] {
        drop(Store::open(&folder.join(name), Durability::Process).unwrap());
    }
    let [mut chained, mut plain] = ["chained", "plain"].map(|name| Journal::open(&folder.join(name)));
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=stage::ROUNDS {
        let figures = (chained.round(true), plain.round(false));
        if round > 0 {
            with.push(figures.0);
            without.push(figures.1);
            ratios.push(figures.0 / figures.1);
        }
    }
    println!(
        "journal       {:.0} rows/s chained, {:.0} rows/s with a constant for the hash: {:.2} of it",
        stage::median(with),
        stage::median(without),
        stage::median(ratios)
    );
}

struct Journal {
    connection: Connection,
    rows: i64,
}

impl Journal {
    fn open(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("byway.sqlite3")).unwrap();
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_mode = WAL;")
            .unwrap();
        Self { connection, rows: 0 }
    }

    /// Rows a second.
    fn round(&mut self, chained: bool) -> f64 {
        let began = Instant::now();
        for _ in 0..ROWS / GROUP {
            let transaction = self.connection.transaction().unwrap();
            for _ in 0..GROUP {
                self.rows += 1;
                add(&transaction, self.rows, chained);
            }
            transaction.commit().unwrap();
        }
        ROWS as f64 / began.elapsed().as_secs_f64()
    }
}

fn add(connection: &Connection, seq: i64, chained: bool) {
    let id = format!("01990000-0000-7000-8000-{seq:012}");
    let at = 1_767_225_600_000 + seq;
    let hash = if chained {
        // Asked of the database each time, as byway does.
        let before = connection
            .prepare_cached(HEAD)
            .unwrap()
            .query_row([], |row| row.get(1))
            .map_or(RowHash::START, RowHash);
        let row = RowBytes {
            seq,
            at,
            event: b"waiting",
            id: Some(id.as_bytes()),
            source: Some(b"byway://a/planner"),
            recipient: Some(b"executor@b"),
            detail: DETAIL.as_bytes(),
        };
        row.hash(&before)
    } else {
        RowHash([7; 32])
    };
    connection
        .prepare_cached(ADD)
        .unwrap()
        .execute(params![at, id, DETAIL, hash.0.as_slice()])
        .unwrap();
}
