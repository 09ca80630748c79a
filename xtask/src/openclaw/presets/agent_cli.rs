//! The rows of `examples/openclaw/agent-cli.toml`.

use std::time::Duration;

use crate::failure::Result;

use super::{DELIVERY_MAY_TAKE, Standing, World, turns, twice, until_seen};

pub(super) fn prove(world: &mut World) -> Result<()> {
    world.table.part("cli: openclaw agent");
    for (provoked, to, text, expected) in [
        (
            "a message",
            "beta@agent-cli",
            "cli-plain",
            "delivered processed → delivered, 1 turn",
        ),
        (
            "no such agent",
            "ghost@agent-cli",
            "cli-ghost",
            "refused exit-1 → dead, 0 turns",
        ),
        (
            "the gateway is off",
            "beta@agent-cli-nobody",
            "cli-nobody",
            "retryable exit-1 → waiting, 0 turns",
        ),
    ] {
        let id = world.send(to, text, &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
        let word = text.split(' ').next().unwrap_or_default();
        let seen = format!("{}, {}", standing.told(), turns(world.model.turns(word)));
        world.table.row(provoked, expected, &seen);
    }
    let told = twice(world, "beta@agent-cli", "cli-twin")?;
    world.table.row(
        "the same key is sent twice: the program knows no keys",
        "delivered processed → delivered; delivered processed → delivered; 2 turns",
        &format!("{told}; {}", turns(world.model.turns("cli-twin"))),
    );
    let id = world.send("beta@agent-cli", "cli-cut [[wait:8]]", &[])?;
    until_seen(world, "cli-cut")?;
    world.byway.kill()?;
    world.byway.start()?;
    let standing = world.wait(&id, Duration::from_secs(30), |standing| standing.status == "held")?;
    world.table.row(
        "byway is killed between the message and its answer: held, never run again",
        "unknown interrupted → held, 1 turn",
        &format!("{}, {}", standing.told(), turns(world.model.turns("cli-cut"))),
    );
    let id = world.send("beta@agent-cli", "cli-after", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    world.table.row(
        "the next message",
        "delivered processed → delivered",
        &standing.told(),
    );
    // Last, and in another session: the gateway shows the agent a message that it did not answer together with the next one.
    let id = world.send("main@agent-cli", "cli-fails [[status:400]]", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
    world.table.row(
        "the model's provider refuses: the message stands in the session",
        "delivered delivered → delivered",
        &standing.told(),
    );
    // Over HTTP the gateway says so.
    let id = world.send("main@chat", "chat-fails [[status:400]]", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
    world.table.row(
        "chat: the model's provider refuses",
        "refused http-400 → dead",
        &standing.told(),
    );
    Ok(())
}
