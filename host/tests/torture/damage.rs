//! The disk gives back something else than was written: a bit is another, or the end is gone.
//!
//! A small database of a real byway, once closed and once with its log beside it, is damaged in one place, opened, and
//! read to the end. What may come of it:
//!
//! - *identical*: nothing that byway keeps is different, since what was damaged was not in use;
//! - *refused*: byway does not open it, and says what to do;
//! - *noticed*: byway opens it and says in its log that the end is not whole; or the reading of what was damaged is an
//!   error; or `byway journal verify --replay` tells of it.
//!
//! A log that was cut at the very end of a commit cannot be told from one that never had more: it goes back to what was
//! written before, whole.
//!
//! Never a panic, and never other words than were written, taken for true in silence.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use byway::envelope::PublicKey;
use byway::identity::Identity;
use byway::store::{Durability, OutgoingFilter, Store, StoreError, verify};
use lossy_disk::{Event, Remains};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::dice::{Dice, number_from};
use crate::power::{folder, work};
use crate::records;

/// Places that the short run damages in each file.
const SAMPLE: u64 = 250;
/// How often a long run tells how far it is, in damages.
const TOLD_EVERY: usize = 1_000;
const FILE: &str = "byway.sqlite3";
const LOG: &str = "byway.sqlite3-wal";

type Files = BTreeMap<String, Vec<u8>>;
type Dump = BTreeMap<String, Vec<Vec<Value>>>;

/// One damage to one file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip { byte: usize, bit: u8 },
    Cut { length: usize },
}

/// What nobody reads: `incoming.subject` is in the body, too, and the readiness check only counts what it wrote. And what
/// SQLite alone reads: the greatest keys so far. It never gives the key of a row that is there.
const READ_BY_NOBODY: [(&str, &str); 5] = [
    ("incoming", "subject"),
    ("probe", "only"),
    ("probe", "writes"),
    ("sqlite_sequence", "name"),
    ("sqlite_sequence", "seq"),
];

/// What came of one damage.
#[derive(Debug, PartialEq)]
enum Came {
    Identical,
    Refused,
    Noticed,
    /// The end of a log is gone, and with it what only the log had.
    WentBack,
    /// Something else is taken for true: in these tables.
    Silent(Vec<String>),
}

#[test]
fn a_damaged_database_is_never_taken_for_true_in_silence() {
    let (closed, _, key) = samples();
    damage_all("the closed database", FILE, &closed, &key);
}

#[test]
fn a_damaged_log_is_never_taken_for_true_in_silence() {
    let (_, open, key) = samples();
    damage_all("the log", LOG, &open, &key);
}

#[test]
fn a_damaged_database_beside_its_log_is_never_taken_for_true_in_silence() {
    let (_, open, key) = samples();
    damage_all("the database beside its log", FILE, &open, &key);
}

/// A byway's files when it has stopped, and when it was running; and its key.
fn samples() -> (Files, Files, PublicKey) {
    let seed = Dice::seed_from("BYWAY_TORTURE_SEED");
    println!("damage: seed {seed}");
    lossy_disk::install();
    let folder = folder();
    let data = folder.path().join("data");
    let watch = lossy_disk::watch(&data);
    records::write(&data);
    work(folder.path(), "full", 12, 300, &watch, &mut Dice::of(seed));
    let mut closed = Files::new();
    for entry in std::fs::read_dir(&data)
        .unwrap()
        .map(Result::unwrap)
        .filter(|it| it.path().is_file())
    {
        closed.insert(
            entry.file_name().into_string().unwrap(),
            std::fs::read(entry.path()).unwrap(),
        );
    }
    let events = watch.events();
    // The last moment at which something had been answered and the log was not yet put away.
    let answered = events
        .iter()
        .rposition(|event| matches!(event, Event::Mark(_)))
        .unwrap();
    let mut remains = Remains::default();
    for event in &events[..=answered] {
        remains.happen(event);
    }
    let mut open: Files = remains
        .everything()
        .into_iter()
        .map(|(path, bytes)| (path.file_name().unwrap().to_string_lossy().into_owned(), bytes))
        .collect();
    assert!(
        open[LOG].len() > 20_000,
        "the log is too small to be worth damaging"
    );
    open.insert("identity".into(), closed["identity"].clone());
    let key = Identity::load_or_create(&data).unwrap().public();
    (closed, open, key)
}

fn damage_all(what: &str, name: &str, files: &Files, key: &PublicKey) {
    let seed = Dice::seed_from("BYWAY_TORTURE_SEED");
    println!("damage: {what}, seed {seed}");
    let mut dice = Dice::of(seed);
    let length = u64::try_from(files[name].len()).unwrap();
    let mut damages = Vec::new();
    if let Some(every) =
        number_from("BYWAY_TORTURE_EVERY").and_then(|every| usize::try_from(every.max(1)).ok())
    {
        // A bit of one byte in so many, another one in each run; and an eighth as many lengths.
        let first = dice.below(u64::try_from(every).unwrap());
        damages.extend((first..length).step_by(every).map(|byte| flip(byte, &mut dice)));
        damages.extend((first..length).step_by(8 * every).map(cut));
    } else {
        for _ in 0..SAMPLE {
            let byte = dice.below(length);
            damages.push(flip(byte, &mut dice));
        }
        for _ in 0..SAMPLE / 4 {
            damages.push(cut(dice.below(length)));
        }
        // Whole pages, where nothing looks torn.
        damages.extend((0..length / 4096).step_by(7).map(|page| cut(page * 4096)));
    }
    let undamaged = look(files, key).unwrap_or_else(|error| panic!("undamaged, it does not open: {error}"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut silent = Vec::new();
    for (place, damage) in damages.iter().enumerate() {
        if place > 0 && place % TOLD_EVERY == 0 {
            println!("damage: {what}, {place} of {}: {counts:?}", damages.len());
        }
        let word = match judge(name, *damage, files, &undamaged, key) {
            Came::Identical => "identical",
            Came::Refused => "refused",
            Came::Noticed => "noticed",
            Came::WentBack => "went back to before the damage",
            Came::Silent(tables) => {
                silent.push(format!("{damage:?}: {tables:?}"));
                "silent"
            }
        };
        *counts.entry(word).or_default() += 1;
    }
    println!(
        "damage: {what} of {length} bytes, {} damages: {counts:?}",
        damages.len()
    );
    assert!(
        silent.is_empty(),
        "seed {seed}: {} in silence:\n{}",
        silent.len(),
        silent.join("\n")
    );
}

fn flip(byte: u64, dice: &mut Dice) -> Damage {
    Damage::Flip {
        byte: usize::try_from(byte).unwrap(),
        bit: u8::try_from(dice.below(8)).unwrap(),
    }
}

fn cut(length: u64) -> Damage {
    Damage::Cut {
        length: usize::try_from(length).unwrap(),
    }
}

fn judge(
    name: &str,
    damage: Damage,
    files: &Files,
    (true_state, known): &(Dump, Vec<String>),
    key: &PublicKey,
) -> Came {
    let mut files = files.clone();
    let bytes = files.get_mut(name).unwrap();
    match damage {
        Damage::Flip { byte, bit } => bytes[byte] ^= 1 << bit,
        Damage::Cut { length } => bytes.truncate(length),
    }
    match look(&files, key) {
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains(';'), "{damage:?}: no fix in: {said}");
            Came::Refused
        }
        Ok((dump, _)) if dump == *true_state => Came::Identical,
        Ok((_, noticed)) if noticed.iter().any(|it| !known.contains(it)) => Came::Noticed,
        // Set aside and written down, while it was read.
        Ok((dump, _)) if set_aside(&dump) > set_aside(true_state) => Came::Noticed,
        // A log that ends with a commit looks like one that never had more.
        Ok((dump, _))
            if name == LOG && matches!(damage, Damage::Cut { .. }) && is_earlier(&dump, true_state) =>
        {
            Came::WentBack
        }
        Ok((dump, _)) => {
            let tables: Vec<String> = true_state
                .iter()
                .filter(|(table, rows)| dump.get(*table) != Some(*rows))
                .map(|(table, _)| table.clone())
                .collect();
            Came::Silent(tables)
        }
    }
}

/// How many rows byway does not trust any more.
fn set_aside(dump: &Dump) -> usize {
    dump.get("damaged").map_or(0, |rows| rows.len())
}

/// Whether this is how it stood before: its journal is the beginning of the other's.
fn is_earlier(dump: &Dump, later: &Dump) -> bool {
    let (rows, all) = (&dump["journal"], &later["journal"]);
    all.starts_with(rows)
}

/// Opens it as byway does, reads everything through the store, and verifies the journal. All that was noticed on the way,
/// and everything that is in it.
fn look(files: &Files, key: &PublicKey) -> Result<(Dump, Vec<String>), StoreError> {
    let left = folder();
    for (name, bytes) in files {
        std::fs::write(left.path().join(name), bytes).unwrap();
    }
    let said = Said::default();
    let log = tracing_subscriber::fmt()
        .with_writer(said.clone())
        .with_ansi(false)
        .finish();
    let store = tracing::subscriber::with_default(log, || Store::open(left.path(), Durability::Full))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut noticed = said.lines();
    let missing = runtime.block_on(read(&store)).unwrap_or_else(|error| {
        noticed.push(error.to_string());
        0
    });
    drop(store);
    match verify(left.path(), key, true) {
        Ok(report) => noticed.extend(report.findings.iter().map(|finding| finding.message.clone())),
        Err(error) => noticed.push(error.to_string()),
    }
    let dump = dump(&left.path().join(FILE)).unwrap_or_else(|error| {
        noticed.push(error.to_string());
        Dump::new()
    });
    assert!(
        missing <= set_aside(&dump),
        "{missing} listed messages are not there, and nothing says why"
    );
    Ok((dump, noticed))
}

/// What byway writes into its log.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Without the times.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        let words = text
            .lines()
            .map(|line| line.split_once(' ').map_or(line, |it| it.1).to_owned());
        words
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .collect()
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Said {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything, as byway reads it when it works. How many messages were listed and then not there.
async fn read(store: &Store) -> Result<usize, StoreError> {
    let (mut cursor, mut missing) = (None, 0);
    loop {
        let page = store.list_outgoing(OutgoingFilter::default(), cursor, 50).await?;
        for message in &page.items {
            let whole = store.outgoing(message.key).await?;
            if whole.is_none_or(|it| it.envelope_json.is_empty()) {
                missing += 1;
            }
            store.attempts(message.key).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = store.inbox("executor", false, cursor, 50).await?;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    store.counts().await?;
    store.journal(0, 100_000).await?;
    Ok(missing)
}

/// Every row of every table.
fn dump(file: &Path) -> rusqlite::Result<Dump> {
    let database = Connection::open(file)?;
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    // In SQLite a table is the same in capitals, so a bit that turns one letter of its name changes nothing.
    let names: Vec<String> = tables
        .query_map([], |row| row.get::<_, String>(0))?
        .map(|name| Ok(name?.to_ascii_lowercase()))
        .collect::<rusqlite::Result<_>>()?;
    let mut dump = Dump::new();
    // An index that leads elsewhere loses messages whose rows are as they were.
    let sound = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    dump.insert("integrity".into(), vec![vec![sound]]);
    for name in names {
        let mut query = database.prepare(&format!("SELECT * FROM \"{name}\""))?;
        // A column's name may be no UTF-8 any more.
        let columns: Vec<usize> = database
            .prepare("SELECT CAST(name AS BLOB) FROM pragma_table_info(?1)")?
            .query_map([&name], |row| row.get::<_, Vec<u8>>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?
            .iter()
            .enumerate()
            .filter(|(_, column)| {
                let is_it = |(table, unread): &(&str, &str)| *table == name && unread.as_bytes() == *column;
                !READ_BY_NOBODY.iter().any(is_it)
            })
            .map(|(place, _)| place)
            .collect();
        let rows = query.query_map([], |row| {
            columns
                .iter()
                .map(|place| row.get(*place))
                .collect::<rusqlite::Result<Vec<Value>>>()
        })?;
        let mut rows: Vec<Vec<Value>> = rows.collect::<rusqlite::Result<_>>()?;
        if name != "journal" {
            rows.sort_by_key(|row| format!("{row:?}"));
        }
        dump.insert(name, rows);
    }
    Ok(dump)
}
