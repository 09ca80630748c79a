//! From an agent on one machine to an agent on another: byway to byway, and from there the last mile.
//!
//! A gateway with a model of its own stands beside each byway: a's is the one of the other parts, b's begins here. On
//! both there is an agent `beta`, so that a message that took the wrong turn would be heard, and counted.
//!
//! First the agents themselves write to each other ([`agents`]). Then every way across and every last mile is taken: which
//! way is the sender's name at a, and which last mile the same at b.

mod agents;
mod sides;

use std::time::Duration;

use crate::failure::Result;
use crate::terminal::say;

use super::node::Node;
use super::sshd::Sshd;
use super::world::{Standing, World};
use sides::Side;

const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(180);

/// The sender on `a`, the step on `b` that hears of it, and its chain.
const LAST_MILES: [(&str, &str, &str); 5] = [
    ("via-gateway", "gateway", r#"["gateway"]"#),
    ("via-node", "node", r#"["node"]"#),
    ("via-cli", "agent-cli", r#"["agent-cli"]"#),
    (
        "via-note",
        "wake",
        r#"[{ notify = "note" }, { deliver = "wake", after = "note" }]"#,
    ),
    ("via-hook", "hook", r#"["hook"]"#),
];

pub(crate) fn prove(world: &mut World) -> Result<()> {
    let mut b = Side::new("b", world)?;
    let sshd = Sshd::start(world)?;
    sides::configure(world, &mut b, sshd.as_ref())?;
    // Both at once: each takes a core for half a minute.
    world.gateway.start()?;
    b.gateway.start()?;
    world.gateway.ready()?;
    b.gateway.ready()?;
    b.byway.start()?;
    world.byway.start()?;

    agents::prove(world, &mut b)?;

    world.table.part("across: from an agent on a to an agent on b");
    // A node belongs to one gateway. a's is on b's machine, and runs `byway accept` there; b's runs OpenClaw's own program.
    let mut nodes = [
        Node::approved(sides::NODE_OF_A, "across", world, &world.gateway)?,
        Node::approved(sides::NODE_OF_B, "across-b", world, &b.gateway)?,
    ];
    for (sender, step, _) in LAST_MILES {
        let to = format!("a's agent to b's agent, last mile by {step}");
        delivers(world, &b, &to, sender, "beta@b")?;
    }
    let mut others = vec![
        ("by-folder", "a drop folder"),
        ("by-node", "`byway accept` on a node of a's gateway"),
    ];
    match sshd {
        Some(_) => others.push(("by-ssh", "`byway accept` through a real sshd")),
        None => say("   no sshd is installed: the row of `byway accept` over ssh is left out"),
    }
    for (sender, way) in &others {
        let across = format!("across by {way}, last mile by gateway");
        delivers(world, &b, &across, sender, "beta@b")?;
    }
    let a2a = "across by OpenClaw A2A, straight into b's gateway";
    delivers(world, &b, a2a, "by-a2a", "main@b")?;

    let senders = LAST_MILES.iter().map(|(sender, ..)| *sender);
    let strayed: Vec<String> = senders
        .chain(others.iter().map(|(sender, _)| *sender))
        .chain(["by-a2a"])
        .map(word)
        .filter(|word| world.model.was_shown(word))
        .collect();
    world.table.row(
        "what is for b's agents, a's model never saw",
        "nothing of it",
        &if strayed.is_empty() {
            "nothing of it".to_owned()
        } else {
            strayed.join(", ")
        },
    );
    world.byway.kill()?;
    for node in &mut nodes {
        node.cut_off()?;
    }
    b.byway.kill()?;
    b.gateway.stop()?;
    world.gateway.stop()
}

/// What a sender says.
fn word(sender: &str) -> String {
    format!("{sender}-word")
}

fn delivers(world: &mut World, b: &Side, provoked: &str, sender: &str, to: &str) -> Result<()> {
    let word = word(sender);
    let id = world.send_as(sender, to, &word)?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let heard = world
        .deadline
        .wait_for("b's model hearing the message", DELIVERY_MAY_TAKE, || {
            let heard = b.model.turns(&word) > 0 || b.model.has_read(&word);
            Ok(heard.then_some(()))
        });
    let heard = if heard.is_ok() {
        "seen by b's model"
    } else {
        "not seen"
    };
    world.table.row(
        provoked,
        "delivered → seen by b's model",
        &format!("{} → {heard}", standing.status),
    );
    Ok(())
}
