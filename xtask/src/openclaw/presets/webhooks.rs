//! The rows of `examples/openclaw/webhooks.toml`.

use std::thread;
use std::time::Duration;

use crate::failure::Result;

use super::{
    DELIVERY_MAY_TAKE, Relay, SECOND_TURN_MAY_TAKE, Standing, WEBHOOKS, World, turns, twice, until_seen,
};

pub(super) fn prove(world: &mut World, relay: &Relay) -> Result<()> {
    world
        .table
        .part("webhook: /a2a/v1, /hooks/agent, /v1/chat/completions");
    delivered(world)?;
    sent_twice(world)?;
    refused(world)?;
    for name in ["a2a", "hook"] {
        answer_lost(world, relay, name)?;
    }
    chat_cut_off(world)
}

/// A2A speaks to the default agent; the others to the one that is addressed.
fn agent(transport: &str) -> &'static str {
    if transport.starts_with("a2a") {
        "main"
    } else {
        "beta"
    }
}

fn delivered(world: &mut World) -> Result<()> {
    let mut rows = Vec::new();
    for (name, receipt) in WEBHOOKS
        .iter()
        .zip(["accepted", "accepted", "accepted", "processed"])
    {
        let word = format!("{name}-plain");
        let id = world.send(&format!("{}@{name}", agent(name)), &word, &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
        until_seen(world, &word)?;
        rows.push((name, word, receipt, standing));
    }
    thread::sleep(SECOND_TURN_MAY_TAKE);
    for (name, word, receipt, standing) in rows {
        let seen = format!("{}, {}", standing.told(), turns(world.model.turns(&word)));
        let expected = format!("delivered {receipt} → delivered, 1 turn");
        world.table.row(&format!("{name}: a message"), &expected, &seen);
    }
    let marked = world.model.was_told("hook-plain", "EXTERNAL_UNTRUSTED_CONTENT");
    world.table.row(
        "hook: the words are marked as untrusted",
        "true",
        &marked.to_string(),
    );
    let named = world.model.was_told("a2a-plain", "a2a:default:direct:byway");
    world
        .table
        .row("a2a: they come from the peer `byway`", "true", &named.to_string());
    Ok(())
}

fn sent_twice(world: &mut World) -> Result<()> {
    let mut rows = Vec::new();
    for (name, receipt, expected) in [
        ("a2a", "accepted", "1 turn"),
        ("hook", "accepted", "1 turn"),
        ("chat", "processed", "2 turns"),
    ] {
        let word = format!("{name}-twin");
        let told = twice(world, &format!("{}@{name}", agent(name)), &word)?;
        until_seen(world, &word)?;
        rows.push((
            name,
            word,
            told,
            format!("delivered {receipt} → delivered; delivered {receipt} → delivered; {expected}"),
        ));
    }
    thread::sleep(SECOND_TURN_MAY_TAKE);
    for (name, word, told, expected) in rows {
        let seen = format!("{told}; {}", turns(world.model.turns(&word)));
        world
            .table
            .row(&format!("{name}: the same key is sent twice"), &expected, &seen);
    }
    Ok(())
}

fn refused(world: &mut World) -> Result<()> {
    let mut cases = vec![
        (
            "a2a: a slash command",
            "main@a2a".to_owned(),
            "/reset a2a-command",
            "refused answer-status → dead",
        ),
        (
            "hook: no such agent",
            "ghost@hook".to_owned(),
            "hook-ghost",
            "refused http-400 → dead",
        ),
        (
            "chat: no such agent",
            "ghost@chat".to_owned(),
            "chat-ghost",
            "refused http-400 → dead",
        ),
    ];
    for name in ["a2a", "hook", "chat"] {
        cases.push((
            "wrong token",
            format!("{}@{name}-stranger", agent(name)),
            "a-stranger",
            "unavailable http-401 → waiting",
        ));
        cases.push((
            "the gateway is off",
            format!("{}@{name}-nobody", agent(name)),
            "to-nobody",
            "retryable connection-refused → waiting",
        ));
    }
    for (provoked, to, text, expected) in cases {
        let id = world.send(&to, text, &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
        let word = text.rsplit(' ').next().unwrap_or_default();
        let seen = format!("{}, {}", standing.told(), turns(world.model.turns(word)));
        let provoked = match provoked.contains(':') {
            true => provoked.to_owned(),
            false => format!("{}: {provoked}", to.split('@').next_back().unwrap_or_default()),
        };
        world.table.row(&provoked, &format!("{expected}, 0 turns"), &seen);
    }
    Ok(())
}

/// The gateway has the message, its answer is lost, and byway is killed.
fn answer_lost(world: &mut World, relay: &Relay, name: &str) -> Result<()> {
    let word = format!("{name}-cut");
    relay.hold(true);
    let id = world.send(&format!("{}@{name}", agent(name)), &word, &[])?;
    until_seen(world, &word)?;
    world.byway.kill()?;
    relay.hold(false);
    world.byway.start()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    thread::sleep(SECOND_TURN_MAY_TAKE);
    // On a busy machine the gateway has closed the connection by then, and byway is at it again.
    let seen = match standing.attempts.split_last() {
        Some((last, lost)) if !lost.is_empty() && lost.iter().all(|one| one.starts_with("unknown ")) => {
            format!("unknown, {last} → {}", standing.status)
        }
        _ => standing.told(),
    };
    world.table.row(
        &format!("{name}: the answer is lost, and byway is killed"),
        "unknown, delivered accepted → delivered, 1 turn",
        &format!("{seen}, {}", turns(world.model.turns(&word))),
    );
    Ok(())
}

fn chat_cut_off(world: &mut World) -> Result<()> {
    let id = world.send("beta@chat", "chat-cut [[wait:5]]", &[])?;
    until_seen(world, "chat-cut")?;
    world.byway.kill()?;
    world.byway.start()?;
    let standing = world.wait(&id, Duration::from_secs(20), |standing| standing.status == "held")?;
    world.table.row(
        "chat: byway is killed between the message and its answer: held, never sent again",
        "unknown interrupted → held, 1 turn",
        &format!("{}, {}", standing.told(), turns(world.model.turns("chat-cut"))),
    );
    Ok(())
}
