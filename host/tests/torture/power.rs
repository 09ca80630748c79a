//! The power goes.
//!
//! A byway takes messages on a disk that writes down everything that is asked of it, and the test notes among that what was
//! answered. Then, for moments all over that record, the disk is put together as a power cut may have left it (what was
//! synced, and any part of the rest, down to single sectors), opened, and looked at:
//!
//! - everything that was accepted, taken in or acknowledged before is there;
//! - a message and its keys, its body and its line in the journal are there together or not at all;
//! - byway opens it without a word of complaint.
//!
//! The control has `durability = "process"`, which promises less: there the same moments must show losses, or the disk
//! loses nothing and the test proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byway::config;
use byway::envelope::{Draft, Envelope};
use byway::front::Byway;
use byway::identity::Identity;
use byway::intake::{Door, ShortForm, Submission};
use byway::principal::Principal;
use byway::store::{Durability, InboxStatus, Store};
use lossy_disk::{Event, Remains, Watch};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::dice::{Dice, number_from};

/// Moments that the short run looks at.
const MOMENTS: usize = 80;
/// Groups of calls, each of up to eight at once.
const GROUPS: usize = 60;
const FILE: &str = "byway.sqlite3";

#[test]
fn what_was_answered_outlives_a_power_cut() {
    let found = cut("full");
    assert_eq!(found.lost, 0, "{found:?}");
    println!("power: {found:?}");
}

#[test]
fn the_control_shows_that_the_disk_does_lose() {
    let found = cut("process");
    assert!(found.lost > 0, "{found:?}");
    println!("power, control: {found:?}");
}

/// What came of all the moments.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "printed")]
struct Found {
    seed: u64,
    events: usize,
    syncs: usize,
    answered: usize,
    moments: usize,
    disks: usize,
    lost: usize,
}

fn cut(durability: &str) -> Found {
    let seed = Dice::seed_from("BYWAY_TORTURE_SEED");
    println!("power: durability {durability}, seed {seed}");
    let mut dice = Dice::of(seed);
    lossy_disk::install();
    let folder = folder();
    let data = folder.path().join("data");
    let watch = lossy_disk::watch(&data);
    work(folder.path(), durability, GROUPS, 6_000, &watch, &mut dice);
    let events = watch.events();
    let answered = events
        .iter()
        .filter(|event| matches!(event, Event::Mark(_)))
        .count();
    let whole = std::env::var_os("BYWAY_TORTURE_WHOLE").is_some();
    let every = if whole { 1 } else { (events.len() / MOMENTS).max(1) };
    let mut found = Found {
        seed,
        events: events.len(),
        syncs: watch.syncs(),
        answered,
        ..Found::default()
    };
    let kept = if durability == "full" {
        Durability::Full
    } else {
        Durability::Process
    };
    let mut remains = Remains::default();
    let mut promised = Vec::new();
    let mut next = 0;
    for (place, event) in events.iter().enumerate() {
        remains.happen(event);
        if let Event::Mark(mark) = event {
            promised.push(mark.clone());
        }
        if place != next {
            continue;
        }
        next = place + 1 + usize::try_from(dice.below(2 * u64::try_from(every).unwrap() - 1)).unwrap();
        found.moments += 1;
        let disks = [
            remains.certain(),
            remains.some(&mut |end| dice.below(end)),
            remains.some(&mut |end| dice.below(end)),
        ];
        for disk in disks {
            found.disks += 1;
            found.lost += look(&disk, &promised, kept)
                .unwrap_or_else(|why| panic!("seed {seed}, after {place} of {} events: {why}", events.len()));
        }
    }
    found
}

/// Messages in and out, in groups, with the engine at work and a restart in the middle. What is answered is marked.
pub fn work(folder: &Path, durability: &str, groups: usize, bytes_max: u64, watch: &Watch, dice: &mut Dice) {
    let peer = Identity::load_or_create(&folder.join("peer")).unwrap();
    let text = format!(
        "[instance]\nname = \"a\"\ndata_dir = \"{}\"\ndurability = \"{durability}\"\n\
         [peers.b]\nkey = \"{}\"\n\
         [transports.hook]\nadapter = \"builtin:webhook\"\nconfig = {{ url = \"http://127.0.0.1:9/\" }}\n\
         grants.http = [\"POST http://127.0.0.1:9/\"]\n\
         [[routes]]\nto = \"*@far\"\nchain = [\"hook\"]\n",
        folder.join("data").display(),
        peer.public(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut number = 0;
    let mut taken = Vec::new();
    for _ in 0..2 {
        let config =
            config::parse(&text, &folder.join("byway.toml")).unwrap_or_else(|errors| panic!("{errors}"));
        let byway = Arc::new(Byway::open_without_transports(config).unwrap());
        let (stop, stopped) = watch::channel(false);
        runtime.block_on(async {
            let running = tokio::spawn(Arc::clone(&byway).run(stopped));
            for _ in 0..groups / 2 {
                let mut calls = Vec::new();
                for _ in 0..=dice.below(8) {
                    number += 1;
                    let size = usize::try_from(dice.below(bytes_max)).unwrap();
                    let text = format!("{number} {}", "x".repeat(size));
                    match dice.below(5) {
                        0 | 1 => calls.push(tokio::spawn(accept(Arc::clone(&byway), number, text))),
                        2 if !taken.is_empty() => {
                            let id =
                                taken.swap_remove(usize::try_from(dice.below(taken.len() as u64)).unwrap());
                            calls.push(tokio::spawn(acknowledge(Arc::clone(&byway), id)));
                        }
                        _ => {
                            let event = signed(&peer, number, &text);
                            calls.push(tokio::spawn(take_in(Arc::clone(&byway), event)));
                        }
                    }
                }
                for call in calls {
                    let answered = call.await.unwrap();
                    if let Some(id) = answered.strip_prefix("taken ") {
                        taken.push(id.to_owned());
                    }
                    watch.mark(answered);
                }
            }
            stop.send(true).unwrap();
            running.await.unwrap();
        });
        // Closes the file: the log goes into it, and is deleted.
        drop(byway);
    }
}

async fn accept(byway: Arc<Byway>, number: u64, text: String) -> String {
    let form = ShortForm {
        to: "executor@far".into(),
        text: Some(text),
        ..ShortForm::default()
    };
    let key = Some(number.to_string());
    let planner = Principal::Agent("planner".into());
    let submitted = byway.submit(&planner, Submission::Short(Box::new(form)), key);
    format!("accepted {}", submitted.await.unwrap().id)
}

fn signed(peer: &Identity, number: u64, text: &str) -> Envelope {
    let draft = Draft::new("byway://b/planner", "executor@a".parse().unwrap()).text(text);
    let now = jiff::Timestamp::now();
    let mut envelope = draft.finish(format!("in-{number}"), now).unwrap();
    envelope.expiry_time = Some(now + jiff::SignedDuration::from_hours(1));
    peer.sign(&mut envelope);
    envelope
}

async fn take_in(byway: Arc<Byway>, envelope: Envelope) -> String {
    let door = Door {
        name: "http".into(),
        inbound: None,
    };
    format!(
        "taken {}",
        byway
            .take_in(&door, envelope)
            .await
            .unwrap_or_else(|it| panic!("{it:?}"))
            .id
    )
}

async fn acknowledge(byway: Arc<Byway>, id: String) -> String {
    let marked = byway
        .mark("executor", None, &id, InboxStatus::Processed)
        .await
        .unwrap();
    assert!(marked.is_some(), "{id} is not in the inbox");
    format!("processed {id}")
}

/// Puts a disk's files into a folder, has byway open it, and counts what was promised and is not there. An error
/// where it does not open, or holds halves.
fn look(
    disk: &BTreeMap<PathBuf, Vec<u8>>,
    promised: &[String],
    durability: Durability,
) -> Result<usize, String> {
    let left = folder();
    for (path, bytes) in disk {
        std::fs::write(left.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    let store = Store::open(left.path(), durability).map_err(|error| error.to_string())?;
    let database = Connection::open(left.path().join(FILE)).unwrap();
    halves(&database)?;
    let ids = |query: &str| -> BTreeSet<String> {
        let mut query = database.prepare(query).unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let out = ids("SELECT id FROM outgoing");
    let taken = ids("SELECT id FROM incoming");
    let done = ids("SELECT id FROM incoming WHERE status = 'processed'");
    drop(store);
    let is_lost = |promise: &&String| match promise.split_once(' ') {
        Some(("accepted", id)) => !out.contains(id),
        Some(("taken", id)) => !taken.contains(id),
        Some(("processed", id)) => !done.contains(id),
        _ => panic!("{promise} is no promise"),
    };
    Ok(promised.iter().filter(is_lost).count())
}

/// What belongs together is there together.
pub fn halves(database: &Connection) -> Result<(), String> {
    const NONE: [(&str, &str); 7] = [
        (
            "a message out without its body",
            "SELECT id FROM outgoing WHERE key NOT IN (SELECT key FROM outgoing_body)",
        ),
        (
            "a message in without its body",
            "SELECT id FROM incoming WHERE key NOT IN (SELECT key FROM incoming_body)",
        ),
        (
            "a message in without its key",
            "SELECT id FROM incoming WHERE key NOT IN (SELECT key FROM taken_in)",
        ),
        (
            "a key without its message",
            "SELECT id FROM taken_in WHERE key NOT IN (SELECT key FROM incoming)",
        ),
        (
            "an idempotency key without its message",
            "SELECT id FROM idempotency WHERE id NOT IN (SELECT id FROM outgoing)",
        ),
        (
            "a message out without its line in the journal",
            "SELECT id FROM outgoing WHERE id NOT IN (SELECT id FROM journal WHERE event = 'accepted')",
        ),
        (
            "a message in without its line in the journal",
            "SELECT id FROM incoming WHERE id NOT IN (SELECT id FROM journal WHERE event = 'taken-in')",
        ),
    ];
    for (what, query) in NONE {
        let mut query = database.prepare(query).unwrap();
        if let Some(row) = query
            .query([])
            .unwrap()
            .next()
            .map_err(|error| error.to_string())?
        {
            return Err(format!("{what}: {}", row.get::<_, String>(0).unwrap_or_default()));
        }
    }
    let gaps: i64 = database
        .query_row(
            "SELECT coalesce(max(seq) - min(seq) + 1, 0) - count(*) FROM journal",
            [],
            |row| row.get(0),
        )
        .map_err(|error| error.to_string())?;
    if gaps != 0 {
        return Err(format!("{gaps} rows of the journal are missing"));
    }
    Ok(())
}

/// A folder in memory where there is one: what is looked at here has been synced in the record already.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() && number_from("BYWAY_TORTURE_ON_DISK").is_none() {
        TempDir::with_prefix_in("byway-power-", memory).unwrap()
    } else {
        TempDir::with_prefix("byway-power-").unwrap()
    }
}
