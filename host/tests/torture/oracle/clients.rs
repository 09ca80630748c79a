//! Those who send through A and read at B, and do not mind that either dies under their hands.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::byway_process;
use crate::dice::Dice;
use crate::site::Site;

/// How often a client repeats a call that got no answer before it gives up and leaves it unclear.
const CALLS_MAX: u64 = 40;
/// The longest a client rests between two messages.
const PACE_MILLIS: u64 = 150;
const PAUSE: Duration = Duration::from_millis(50);

/// Sends one message after the other until it is told to stop.
pub fn send(client: u64, a: &Site, ledger: &Ledger, stop: &AtomicBool, mut dice: Dice) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        if !ledger.may_send() {
            std::thread::sleep(PAUSE);
            continue;
        }
        number += 1;
        let name = format!("{client}-{number}");
        let agent = if dice.once_in(4) { "archivist" } else { "executor" };
        // Some of a few kilobytes, so that a write is more than a page.
        let text = format!(
            "{name} {}",
            "x".repeat(usize::try_from(dice.below(10) * dice.below(800)).unwrap())
        );
        let body = json!({ "to": format!("{agent}@b"), "from": "planner", "text": text }).to_string();
        if dice.once_in(30) {
            by_command(a, ledger, &name, &format!("{agent}@b"), &text);
        } else {
            by_call(a, ledger, &name, &body, &mut dice);
        }
        std::thread::sleep(dice.millis(PACE_MILLIS));
    }
}

fn by_call(a: &Site, ledger: &Ledger, name: &str, body: &str, dice: &mut Dice) {
    ledger.give_up(name);
    // Impatient ones do not come back after the first failure.
    let calls = if dice.once_in(10) { 1 } else { CALLS_MAX };
    for _ in 0..calls {
        match a.call("POST", "/v1/messages", &[("idempotency-key", name)], body) {
            Ok(answer) if answer.status == 202 => {
                ledger.accept(name, answer.json()["id"].as_str().unwrap());
                // Some had the answer, and did not notice.
                if !dice.once_in(8) {
                    return;
                }
            }
            Ok(answer) => assert!(
                answer.status == 503,
                "{name} was refused: {} {}",
                answer.status,
                answer.text()
            ),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn by_command(a: &Site, ledger: &Ledger, name: &str, to: &str, text: &str) {
    ledger.give_up(name);
    let args = [
        "send",
        "--json",
        "--from",
        "planner",
        "--idempotency-key",
        name,
        "--to",
        to,
        text,
    ];
    let args = args.map(str::to_owned);
    // A folder of its own: what it says must not be mistaken for what another says.
    let scratch = tempfile::TempDir::with_prefix("byway-send-").unwrap();
    let Ok(ran) = byway_process::run(&a.config, &args, None, scratch.path()) else {
        return;
    };
    if ran.code == Some(0) {
        let said: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ran.stdout));
        ledger.accept(name, said["id"].as_str().unwrap());
    }
}

/// Reads both inboxes of B, and acknowledges everything, until all is there and nothing is left.
pub fn read(b: &Site, ledger: &Ledger, all_is_there: &AtomicBool) {
    loop {
        let was_all_there = all_is_there.load(Ordering::Relaxed);
        let mut seen = 0;
        for agent in ["executor", "archivist"] {
            let Ok(page) = b.call("GET", &format!("/v1/agents/{agent}/inbox?limit=50"), &[], "") else {
                std::thread::sleep(PAUSE);
                continue;
            };
            let page = page.json();
            for item in page["items"].as_array().into_iter().flatten() {
                seen += 1;
                let id = item["id"].as_str().unwrap();
                assert!(!ledger.is_acknowledged(id), "{id} is unread again");
                let path = format!("/v1/agents/{agent}/inbox/{id}");
                let is_marked = |what: &str| {
                    b.call("POST", &format!("{path}/{what}"), &[], "")
                        .is_ok_and(|answer| answer.status < 300)
                };
                if is_marked("read") && is_marked("processed") {
                    ledger.acknowledge(id);
                }
            }
        }
        if was_all_there && seen == 0 {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}
