//! The oracle under SIGKILL.
//!
//! Two real byways, A and B. Clients send to agents of B through A, and note every number that was accepted. In between is
//! a proxy that cuts, delays and swallows, and a second way, a command, into the same inbox. An agent of B reads and
//! acknowledges. All the while either byway is killed at random moments, also while it starts, or stopped in order, or
//! reloaded. Then peace is made, everything is delivered, and counted:
//!
//! - lost: accepted, and not in B's inbox. Must be none.
//! - twice: in B's inbox more than once, over its whole life. Must be none.
//! - forgotten: an acknowledgement that B had confirmed and does not know any more. Must be none.
//!
//! Both journals must verify, and say what the tables hold.
//!
//! `BYWAY_TORTURE_KILLS` and `BYWAY_TORTURE_SEED` make it longer, and repeat it as far as two machines' processes can
//! be repeated: what is killed when, and what the proxy does, is the seed's.

mod clients;
mod killer;
mod ledger;
mod proxy;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::byway_process::BINARY;
use crate::dice::{Dice, number_from};
use crate::site::Site;
use ledger::Ledger;
use proxy::Proxy;

/// Kills in the short run: about half a minute.
const KILLS: u64 = 40;
/// How many clients send at once.
const CLIENTS: u64 = 4;
/// Messages that may be sent for each kill: what a slow machine delivers between two.
const MESSAGES_PER_KILL: u64 = 12;
/// How long nothing at all may arrive, once nothing is killed any more, before it counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[test]
fn nothing_is_lost_and_nothing_taken_in_twice_under_sigkill() {
    let kills = number_from("BYWAY_TORTURE_KILLS").unwrap_or(KILLS);
    let seed = Dice::seed_from("BYWAY_TORTURE_SEED");
    println!("oracle: {kills} kills, seed {seed}");
    let mut dir = TempDir::with_prefix("byway-oracle-").unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(dir.path(), kills, seed)));
    if let Err(panic) = outcome {
        dir.disable_cleanup(true);
        println!(
            "seed {seed}; everything is kept in {}; again: cargo xtask torture --kills {kills} --seed {seed}",
            dir.path().display()
        );
        std::panic::resume_unwind(panic);
    }
}

fn run(dir: &Path, kills: u64, seed: u64) {
    let mut dice = Dice::of(seed);
    let (a, b) = (
        Arc::new(Site::prepare("a", dir)),
        Arc::new(Site::prepare("b", dir)),
    );
    let keys = (a.key(), b.key());
    let proxy = Proxy::start(&b.authority(), dice.apart());
    configure_a(&a, &b, &proxy, &keys.1, false);
    configure_b(&b, &a, &keys.0);
    let ledger = Arc::new(Ledger::default());
    let stop = Arc::new(AtomicBool::new(false));
    ledger.allow(4 * MESSAGES_PER_KILL);
    let began = Instant::now();

    let mut killer = killer::Killer::start([Arc::clone(&a), Arc::clone(&b)], dice.apart());
    let mut workers = Vec::new();
    for client in 0..CLIENTS {
        let (a, ledger, stop, dice) = (
            Arc::clone(&a),
            Arc::clone(&ledger),
            Arc::clone(&stop),
            dice.apart(),
        );
        workers.push(std::thread::spawn(move || {
            clients::send(client, &a, &ledger, &stop, dice)
        }));
    }
    let all_is_there = Arc::new(AtomicBool::new(false));
    let reader = {
        let (b, ledger, stop) = (Arc::clone(&b), Arc::clone(&ledger), Arc::clone(&all_is_there));
        std::thread::spawn(move || clients::read(&b, &ledger, &stop))
    };
    let mut turned = false;
    killer.strike(
        kills,
        |more| ledger.allow(more * MESSAGES_PER_KILL),
        || {
            turned = !turned;
            configure_a(&a, &b, &proxy, &keys.1, turned);
        },
    );
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().expect("a client has found something wrong");
    }
    let fought = began.elapsed();
    proxy.behave();
    killer.make_peace();
    let sent = arrived(&a, &ledger);
    all_is_there.store(true, Ordering::Relaxed);
    reader.join().expect("the reader has found something wrong");
    judge(&a, &b, &ledger, &sent);
    println!(
        "oracle: {} (seed {seed}); {} messages accepted, {} of unclear fate, {} repetitions under one key; the proxy \
         harmed {} of {} connections; {} delivered, {} by another than the first choice; {} acknowledgements; \
         lost 0, taken in twice 0, forgotten 0; {} s, and {} s until everything had arrived",
        killer.report(),
        ledger.accepted().len(),
        ledger.unclear().len(),
        ledger.repeated(),
        proxy.harmed(),
        proxy.connections(),
        sent.len(),
        sent.values()
            .filter(|message| message["fallback"] == true)
            .count(),
        ledger.acknowledged().len(),
        fought.as_secs(),
        (began.elapsed() - fought).as_secs(),
    );
    killer.end();
}

/// A's two ways into B's inbox. `turned`: the other way first, for the reloads.
fn configure_a(a: &Site, b: &Site, proxy: &Proxy, key: &str, turned: bool) {
    let url = proxy.url();
    let chain = if turned {
        "[\"command\", \"http\"]"
    } else {
        "[\"http\", \"command\"]"
    };
    let route = |to: &str, done_at: &str| {
        format!(
            "[[routes]]\nto = \"{to}@b\"\nchain = {chain}\ndone_at = \"{done_at}\"\ndeadline = \"24h\"\n\
             backoff = {{ first = \"50ms\", max = \"300ms\" }}\n"
        )
    };
    a.configure(&format!(
        "[reload]\nwatch = false\n\
         [agents]\nnames = [\"planner\"]\n\
         [peers.b]\nkey = \"{key}\"\n\
         [transports.http]\nadapter = \"builtin:webhook\"\n\
         config = {{ url = \"{url}/v1/inbound\", format = \"cloudevents\" }}\n\
         grants.http = [\"POST {url}/v1/inbound\"]\ndedupe = \"inbox:b\"\ntimeout = \"2s\"\n\
         breaker = {{ failures = 5, pause = \"200ms\" }}\n\
         [transports.command]\nadapter = \"builtin:cli\"\nconfig = {{ command = \"accept\" }}\ndedupe = \"inbox:b\"\n\
         timeout = \"5s\"\nat_once_max = 2\nbreaker = {{ failures = 5, pause = \"200ms\" }}\n\
         [transports.command.grants.commands.accept]\n\
         argv = [\"{BINARY}\", \"accept\", \"--config\", \"{}\", \"-\"]\nstdin = \"envelope\"\n{}{}",
        b.config.display(),
        route("executor", "accepted"),
        route("archivist", "peer-receipt"),
    ));
}

fn configure_b(b: &Site, a: &Site, key: &str) {
    let url = a.url();
    b.configure(&format!(
        "[reload]\nwatch = false\n\
         [agents]\nnames = [\"executor\", \"archivist\"]\n\
         [peers.a]\nkey = \"{key}\"\n\
         [transports.back]\nadapter = \"builtin:webhook\"\n\
         config = {{ url = \"{url}/v1/inbound\", format = \"cloudevents\" }}\n\
         grants.http = [\"POST {url}/v1/inbound\"]\ntimeout = \"2s\"\nbreaker = {{ failures = 5, pause = \"200ms\" }}\n\
         [[routes]]\nto = \"*@a\"\nchain = [\"back\"]\nbackoff = {{ first = \"50ms\", max = \"300ms\" }}\n"
    ));
}

/// Every message of A by its id, once none of them waits any more.
fn arrived(a: &Site, ledger: &Ledger) -> BTreeMap<String, Value> {
    let mut least = usize::MAX;
    let mut moved = Instant::now();
    loop {
        let open: usize = ["waiting", "held"]
            .iter()
            .map(|status| a.list(&format!("/v1/messages?status={status}")).len())
            .sum();
        if open == 0 {
            break;
        }
        if open < least {
            (least, moved) = (open, Instant::now());
        }
        assert!(
            moved.elapsed() < SILENCE_MAX,
            "{open} of {} accepted messages do not arrive, and none has for {} s of peace",
            ledger.accepted().len(),
            SILENCE_MAX.as_secs()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    a.list("/v1/messages?")
        .into_iter()
        .map(|message| (message["id"].as_str().unwrap().to_owned(), message))
        .collect()
}

fn judge(a: &Site, b: &Site, ledger: &Ledger, sent: &BTreeMap<String, Value>) {
    let mut inbox = b.list("/v1/agents/executor/inbox?all=true");
    inbox.extend(b.list("/v1/agents/archivist/inbox?all=true"));
    let mut by_number: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for item in &inbox {
        let text = item["text"].as_str().unwrap();
        let number = text.split(' ').next().unwrap().to_owned();
        by_number.entry(number).or_default().push(item);
    }
    let twice: Vec<&String> = by_number
        .iter()
        .filter(|(_, items)| items.len() > 1)
        .map(|(it, _)| it)
        .collect();
    assert!(twice.is_empty(), "{} taken in twice: {twice:?}", twice.len());
    let accepted = ledger.accepted();
    let lost: Vec<&String> = accepted
        .keys()
        .filter(|number| !by_number.contains_key(*number))
        .collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    let unclear = ledger.unclear();
    for (number, items) in &by_number {
        let id = items[0]["id"].as_str().unwrap();
        match accepted.get(number) {
            Some(noted) => assert_eq!(noted, id, "{number} has another id than was answered"),
            None => assert!(unclear.contains(number), "{number} was never sent"),
        }
        assert_eq!(sent[id]["status"], "delivered", "{}", sent[id]);
    }
    let status: BTreeMap<&str, &str> = inbox
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["status"].as_str().unwrap()))
        .collect();
    for id in ledger.acknowledged() {
        assert_eq!(
            status[id.as_str()],
            "processed",
            "the acknowledgement of {id} was forgotten"
        );
    }
    for site in [a, b] {
        site.verify_journal();
        let log = site.log();
        assert!(!log.contains("panicked"), "{}: a panic in {}", site.name, log);
    }
}
