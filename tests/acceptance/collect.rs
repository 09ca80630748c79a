//! Everything that can be observed when the steps are done: how each message stands, what was tried,
//! what lies in the inboxes, what the far sides saw, what was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use byway::identity::Identity;
use serde_json::{Map, Value, json};

use crate::case::{Case, FarSide};
use crate::exchange::{inbox, picked};
use crate::http::Request;
use crate::normal;
use crate::store_rows;
use crate::world::{Sent, World};

/// The observations, with everything taken out that differs from run to run.
pub fn everything(world: &mut World, case: &Case) -> Result<Value, String> {
    let running = world.running()?;
    let mut messages = Map::new();
    for (name, sent) in &world.messages {
        messages.insert(
            name.clone(),
            message(world, sent, &running, case.collapse_repeats)?,
        );
    }
    let mut inboxes = Map::new();
    for address in addresses(world, case, &running) {
        let items: Result<Vec<Value>, String> = inbox(world, &address)?
            .iter()
            .map(|item| inbox_item(world, item))
            .collect();
        inboxes.insert(address, Value::Array(items?));
    }
    let mut far = Map::new();
    for (name, script) in &case.far {
        far.insert(
            name.clone(),
            requests(world, name, script, case.collapse_repeats)?,
        );
    }
    let mut refused = Map::new();
    for name in world.names() {
        refused.insert(
            name.clone(),
            Value::Array(store_rows::refusals(world.data(&name)?)?),
        );
    }
    nothing_leaked_and_nothing_panicked(world)?;
    the_journals_hold(world, &case.broken_journals)?;
    let observed = json!({
        "steps": world.noted,
        "messages": messages,
        "inboxes": inboxes,
        "far": far,
        "refused": refused,
    });
    Ok(normal::value(observed, &world.words))
}

/// How a message stands on each running byway that carries it.
fn message(world: &World, sent: &Sent, running: &[String], collapse: bool) -> Result<Value, String> {
    let mut stands = Map::new();
    for byway in running {
        let response = world.get(byway, &format!("/v1/messages/{}", sent.id))?;
        let view = response.json();
        let is_carried = view.pointer("/kind").is_some_and(|kind| kind != "inbox");
        if response.status == 404 || !is_carried {
            continue;
        }
        let attempts: Vec<String> = view["attempts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(attempt)
            .collect();
        let attempts = if collapse {
            without_repeats(attempts)
        } else {
            attempts
        };
        let mut shown = picked(
            &view,
            &["/kind", "/status", "/reason", "/fallback", "/receipt"].map(str::to_owned),
        );
        shown["attempts"] = attempts.into();
        stands.insert(byway.clone(), shown);
    }
    Ok(Value::Object(stands))
}

/// `transport outcome code`, with what makes it special.
fn attempt(attempt: &Value) -> String {
    let word = |name: &str| attempt[name].as_str().unwrap_or("-").to_owned();
    let mut line = format!("{} {} {}", word("transport"), word("outcome"), word("code"));
    if word("mode") == "notify" {
        line.push_str(" (notify)");
    }
    line
}

/// Rounds that repeat the one before count once; a round has up to four attempts.
fn without_repeats(attempts: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for line in attempts {
        kept.push(line);
        for size in 1..=4 {
            let end = kept.len();
            if end >= 2 * size && kept[end - size..] == kept[end - 2 * size..end - size] {
                kept.truncate(end - size);
                break;
            }
        }
    }
    kept
}

/// The inboxes to look at: of all recipients on running byways, and those that the case names.
fn addresses(world: &World, case: &Case, running: &[String]) -> BTreeSet<String> {
    let named = case.inboxes.iter().cloned();
    let recipients = world.messages.values().filter_map(|sent| sent.to.clone());
    let here = |address: &String| {
        address
            .split_once('@')
            .is_some_and(|(_, instance)| running.iter().any(|name| name == instance))
    };
    named.chain(recipients).filter(here).collect()
}

fn inbox_item(world: &World, item: &Value) -> Result<Value, String> {
    let fields = [
        "/id",
        "/source",
        "/type",
        "/status",
        "/via",
        "/authority",
        "/subject",
        "/replyto",
        "/data",
    ];
    let mut shown = picked(item, &fields.map(str::to_owned));
    let text = item["text"].as_str().unwrap_or_default();
    let id = item["id"].as_str().unwrap_or_default();
    let sent = world
        .messages
        .values()
        .find(|sent| sent.id == id)
        .and_then(|sent| sent.text.as_deref());
    if sent.is_some_and(|sent| sent != text) {
        return Err(format!(
            "the text of {id} is not what was sent:\n--- sent\n{}\n--- has\n{text}",
            sent.unwrap_or_default()
        ));
    }
    shown["text"] = normal::in_short(text).into();
    Ok(shown)
}

/// What a far side was sent. One that asked for a pause and did not get it is an error.
fn requests(world: &World, name: &str, script: &FarSide, collapse: bool) -> Result<Value, String> {
    let far = world.far(name)?;
    if let (Some(wanted), Some(was)) = (script.apart, far.shortest_pause())
        && was < wanted
    {
        return Err(format!(
            "{name} was called again after {was:?}, and {wanted:?} were asked for"
        ));
    }
    let mut seen: Vec<Value> = far
        .seen()
        .iter()
        .map(|request| seen_request(request, script))
        .collect();
    if collapse {
        seen.dedup();
    }
    Ok(Value::Array(seen))
}

/// One request with the headers and the places of its body that the case asks for.
fn seen_request(request: &Request, script: &FarSide) -> Value {
    let headers: BTreeMap<&String, Option<&str>> = script
        .headers
        .iter()
        .map(|name| (name, request.header(name)))
        .collect();
    let body: Value = serde_json::from_slice(&request.body)
        .unwrap_or_else(|_| String::from_utf8_lossy(&request.body).into_owned().into());
    let mut shown = json!({ "request": format!("{} {}", request.method, request.path) });
    if !headers.is_empty() {
        shown["headers"] = json!(headers);
    }
    if !script.body.is_empty() {
        shown["body"] = picked(&body, &script.body);
    }
    shown
}

/// What holds for every case: no panic, and no secret in a log or in a store.
fn nothing_leaked_and_nothing_panicked(world: &World) -> Result<(), String> {
    for name in world.names() {
        let log = world.log(&name)?;
        if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
            return Err(format!("byway {name} panicked: {line}"));
        }
        for secret in &world.secrets {
            if log.contains(secret) {
                return Err(format!("a secret is in byway {name}'s log"));
            }
            if let Some(path) = file_with(world.data(&name)?, secret.as_bytes()) {
                return Err(format!("a secret is in {path}"));
            }
        }
    }
    Ok(())
}

/// Every journal is whole and signed, and told again it gives what the tables hold; but for those that the case broke, and
/// these do not.
fn the_journals_hold(world: &World, broken: &[String]) -> Result<(), String> {
    for name in world.names() {
        let data = world.data(&name)?;
        let identity = Identity::existing(data).map_err(|error| error.to_string())?;
        let Some(identity) = identity.filter(|_| data.join("byway.sqlite3").exists()) else {
            continue;
        };
        let report = byway::store::verify(data, &identity.public(), true)
            .map_err(|error| format!("byway {name}'s journal: {error}"))?;
        if broken.contains(&name) {
            if report.is_sound() {
                return Err(format!("nobody notices what was done to byway {name}'s journal"));
            }
        } else if !report.is_sound() {
            return Err(format!(
                "byway {name}'s journal does not hold: {:#?}",
                report.findings
            ));
        }
    }
    Ok(())
}

fn file_with(folder: &Path, secret: &[u8]) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .find_map(|path| {
            let bytes = std::fs::read(&path).ok()?;
            bytes
                .windows(secret.len())
                .any(|window| window == secret)
                .then(|| path.display().to_string())
        })
}
