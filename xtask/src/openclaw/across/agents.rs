//! The agents themselves write to each other: each runs `byway` with its gateway's own tool, and hears the other in a turn.

use std::time::Duration;

use serde_json::Value;

use crate::demo::instance::Instance;
use crate::failure::{Failure, Result};

use super::super::model::Model;
use super::super::world::World;
use super::DELIVERY_MAY_TAKE;
use super::sides::Side;

/// Whatever would be heard a second time, or by the wrong one, comes within seconds.
const SECOND_TURN_MAY_TAKE: Duration = Duration::from_secs(5);

pub(super) fn prove(world: &mut World, b: &mut Side) -> Result<()> {
    world
        .table
        .part("across: the agents write themselves, each from its own gateway");
    let program = world.program().unwrap_or_default().to_owned();
    let sends =
        |to: &str, text: &str| format!("{program} send --json --to {to} --idempotency-key {text} -- {text}");
    // b's agent does what one does: reads what lies there, marks it, and answers.
    b.model.runs(
        "question-word",
        &format!(
            "{program} inbox read --agent beta && {program} inbox ack --agent beta --all && {}",
            sends("beta@a", "answer-word")
        ),
    );
    for (errand, text) in [
        ("ask-errand", "question-word"),
        ("late-errand", "late-word"),
        ("cut-errand", "cut-word [[wait:6]]"),
    ] {
        let word = text.split(' ').next().unwrap_or_default();
        let command = sends("beta@b", word).replace(&format!("-- {word}"), &format!("-- '{text}'"));
        world.model.runs(errand, &command);
    }
    question_and_answer(world, b)?;
    repeated(world, b)?;
    b_is_off(world, b)?;
    b_is_killed(world, b)
}

fn question_and_answer(world: &mut World, b: &Side) -> Result<()> {
    world.gateway.tell("beta", "ask-errand")?;
    until_heard(world, &b.model, "question-word")?;
    until_heard(world, &world.model, "answer-word")?;
    let question = until_delivered(world, &world.byway, "beta@b")?;
    world.table.row(
        "told to by its owner, a's agent runs `byway send` with its gateway's tool",
        "byway://a/beta, delivered; b's model 1 turn, a's 0",
        &format!(
            "{}, {}; {}",
            word(&question, "source"),
            word(&question, "status"),
            heard(&b.model, "b", &world.model, "a", "question-word")
        ),
    );
    for (provoked, model, text, sender) in [
        ("b's agent hears it", &b.model, "question-word", "beta@a"),
        (
            "a's agent hears the answer",
            &world.model,
            "answer-word",
            "beta@b",
        ),
    ] {
        let as_data = format!("sourceSession=byway:{sender} sourceTool=byway isUser=false");
        let seen = match model.was_told(text, &as_data) {
            true => "data from the other agent",
            false => "something else",
        };
        world.table.row(provoked, "data from the other agent", seen);
    }
    let answer = until_delivered(world, &b.byway, "beta@a")?;
    world.table.row(
        "b's agent answers with `byway send`, and its gateway's tool",
        "byway://b/beta, delivered; a's model 1 turn, b's 0",
        &format!(
            "{}, {}; {}",
            word(&answer, "source"),
            word(&answer, "status"),
            heard(&world.model, "a", &b.model, "b", "answer-word")
        ),
    );
    let id = word(&question, "id");
    let told = world.deadline.wait_for("the receipt", DELIVERY_MAY_TAKE, || {
        let message = world.byway.ask(&["show", &id, "--json"])?;
        Ok((word(&message, "receipt") == "processed").then_some(()))
    });
    world.table.row(
        "b's agent marked the question with `byway inbox ack`: a has the receipt",
        "processed",
        if told.is_ok() { "processed" } else { "not told" },
    );
    Ok(())
}

/// An agent that is told twice, or is not sure, sends once more under its key.
fn repeated(world: &mut World, b: &Side) -> Result<()> {
    world.gateway.tell("beta", "ask-errand")?;
    std::thread::sleep(SECOND_TURN_MAY_TAKE);
    world.table.row(
        "a's agent runs the same command again, with the same key",
        "told that it is there already; b's model 1 turn, a's 0",
        &format!(
            "{}; {}",
            if world.model.has_read("\"duplicate\":true") {
                "told that it is there already"
            } else {
                "not told"
            },
            heard(&b.model, "b", &world.model, "a", "question-word")
        ),
    );
    Ok(())
}

fn b_is_off(world: &mut World, b: &mut Side) -> Result<()> {
    b.byway.kill()?;
    world.gateway.tell("beta", "late-errand")?;
    let message = newest(&world.byway, "beta@b")?;
    let before = word(&message, "status");
    b.byway.start()?;
    until_heard(world, &b.model, "late-word")?;
    let message = until_delivered(world, &world.byway, "beta@b")?;
    std::thread::sleep(SECOND_TURN_MAY_TAKE);
    world.table.row(
        "b's byway is off when a's agent writes, and comes back",
        "waiting, then delivered; b's model 1 turn, a's 0",
        &format!(
            "{before}, then {}; {}",
            word(&message, "status"),
            heard(&b.model, "b", &world.model, "a", "late-word")
        ),
    );
    Ok(())
}

fn b_is_killed(world: &mut World, b: &mut Side) -> Result<()> {
    world.gateway.tell("beta", "cut-errand")?;
    until_heard(world, &b.model, "cut-word")?;
    b.byway.kill()?;
    b.byway.start()?;
    let message = until_delivered(world, &world.byway, "beta@b")?;
    std::thread::sleep(SECOND_TURN_MAY_TAKE);
    world.table.row(
        "b's byway is killed while b's model thinks about it",
        "delivered; b's model 1 turn, a's 0",
        &format!(
            "{}; {}",
            word(&message, "status"),
            heard(&b.model, "b", &world.model, "a", "cut-word")
        ),
    );
    Ok(())
}

fn heard(right: &Model, name: &str, wrong: &Model, other: &str, text: &str) -> String {
    let turns = match right.turns(text) {
        1 => "1 turn".to_owned(),
        turns => format!("{turns} turns"),
    };
    format!("{name}'s model {turns}, {other}'s {}", wrong.turns(text))
}

/// Waits until a model was asked about a message; a row says what is wrong where it was not.
fn until_heard(world: &World, model: &Model, text: &str) -> Result<()> {
    drop(
        world
            .deadline
            .wait_for("a model hearing the message", DELIVERY_MAY_TAKE, || {
                Ok((model.turns(text) > 0).then_some(()))
            }),
    );
    Ok(())
}

/// The newest message to an agent as it stands when it is delivered, or when the time is over.
fn until_delivered(world: &World, byway: &Instance, to: &str) -> Result<Value> {
    let waited = world.deadline.wait_for("the message", DELIVERY_MAY_TAKE, || {
        let message = newest(byway, to)?;
        Ok((word(&message, "status") == "delivered").then_some(message))
    });
    waited.or_else(|_| newest(byway, to))
}

/// The newest message to an agent: its sender has just told its gateway that it is stored.
fn newest(byway: &Instance, to: &str) -> Result<Value> {
    let listed = byway.ask(&["list", "--json"])?;
    let items = listed.get("items").and_then(Value::as_array);
    let is_it = |item: &&Value| word(item, "recipient") == to && word(item, "kind") == "message";
    let newest = items.into_iter().flatten().find(is_it).cloned();
    newest.ok_or_else(|| Failure::new(format!("{} has no message to {to}", byway.name)))
}

fn word(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned()
}
