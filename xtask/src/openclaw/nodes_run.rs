//! The rows of `nodes-run`: what `docs/adapters/nodes-run.md` says, provoked with a real node.
//!
//! On the node a second byway has its inbox, and every command leaves a line behind, so that what ran is counted
//! where it ran. The agent's turn goes over the node, too: OpenClaw's own program there speaks to the gateway.

mod far;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::demo::instance::Instance;
use crate::failure::{Doing, Result};

use super::node::Node;
use super::runtime::Runtime;
use super::world::{Standing, World};
use far::{Far, configure, inbox, inbox_of, ran, read, until_ran};

/// A command on a node takes two seconds on an idle machine, a turn ten.
const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(120);

pub(crate) fn prove(world: &mut World, program: &Path, runtime: &Runtime, folder: &Path) -> Result<()> {
    world.table.part("nodes-run");
    world.gateway.start()?;
    world.gateway.ready()?;
    let folder = folder.join("nodes-run");
    fs::create_dir_all(&folder).doing("make a folder")?;
    let mut far = Far {
        node: Node::new("pi-nxp", runtime, &folder, &world.gateway, world.deadline)?,
        byway: Instance::new("accept", program, &folder, world.deadline)?,
        program: program.display().to_string(),
    };
    configure(world, &mut far, runtime, &folder)?;
    world.byway.start()?;
    not_yet(world, &mut far)?;
    works(world, &far)?;
    fails(world)?;
    denied(world, &far)?;
    lost(world, &mut far)?;
    far.byway.kill()?;
    world.byway.kill()?;
    world.gateway.stop()
}

/// A message that is there before the node, and then waits for a person to approve it.
fn not_yet(world: &mut World, far: &mut Far) -> Result<()> {
    let id = world.send("beta@accept", "early-node", &[])?;
    seen(world, &id, "node-not-paired")?;
    far.node.start()?;
    seen(world, &id, "node-not-approved")?;
    far.node.approve()?;
    let mut standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    // For a moment the gateway's list is ahead of what it lets through.
    standing
        .attempts
        .retain(|attempt| !attempt.ends_with(" command-not-allowed"));
    row(
        world,
        "the message is there before the node, which is then paired, and then approved",
        "unavailable node-not-paired, unavailable node-not-approved, delivered delivered → delivered; ran 1, in the inbox 1",
        &format!(
            "{}; ran {}, in the inbox {}",
            standing.told(),
            ran(far, "accept"),
            inbox(far, &id)?
        ),
    )
}

fn works(world: &mut World, far: &Far) -> Result<()> {
    let id = world.send("beta@accept", "plain-node", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "a message from an agent at a is in the inbox of a byway over the node",
        "delivered delivered → delivered; in the inbox 1",
        &format!("{}; in the inbox {}", standing.told(), inbox(far, &id)?),
    )?;
    let hard = "hard-node --x $(id) `id` '\"\\ 漢\nsecond line";
    let id = world.send("beta@accept", hard, &[])?;
    world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "what a shell would read comes through as it is",
        "the same",
        if read(far, &id)? == hard {
            "the same"
        } else {
            "another"
        },
    )?;
    let id = world.send("beta@note", "noted-node", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let note = fs::read_to_string(far.node.work().join("note.md")).unwrap_or_default();
    row(
        world,
        "a line in a note on the node",
        "delivered delivered → delivered; the note has it 1",
        &format!(
            "{}; the note has it {}",
            standing.told(),
            note.matches("noted-node").count()
        ),
    )?;
    let id = world.send("beta@agent", "agent-node [[say:Heard.]]", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let turns = world.model.turns("agent-node");
    row(
        world,
        "the agent's own program on the node: the model sees it",
        "delivered delivered → delivered; 1 turns",
        &format!("{}; {turns} turns", standing.told()),
    )?;
    let told = match world.model.was_told("", "Exec finished") {
        true => "told",
        false => "not told",
    };
    row(
        world,
        "the gateway's own agent is not told of the commands, which would be turns",
        "not told",
        told,
    )?;
    let id = large(world, 140_000)?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "a message that is larger than an argument can be",
        "refused too-large → dead",
        &standing.told(),
    )?;
    let id = large(world, 110_000)?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "a message that is too large as base64",
        "refused argument-too-long → dead",
        &standing.told(),
    )?;
    let id = large(world, 96_000)?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "a message of 96,000 bytes",
        "delivered delivered → delivered",
        &standing.told(),
    )
}

fn fails(world: &mut World) -> Result<()> {
    for (provoked, name, expected) in [
        (
            "the command exits with a code that nobody gave a meaning",
            "fails",
            "unknown exit-3 → held",
        ),
        (
            "the command refuses the message by its code",
            "refuses",
            "refused exit-65 → dead",
        ),
        (
            "the program is not there",
            "missing",
            "unavailable not-started → waiting",
        ),
        (
            "the command is ended by a signal",
            "killed",
            "unknown command-ended → held",
        ),
        (
            "the command is not done in time",
            "slow",
            "unknown command-timeout → held",
        ),
        ("no such node", "other", "unavailable node-not-paired → waiting"),
    ] {
        let id = world.send(&format!("beta@{name}"), "failing-node", &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, tried)?;
        // Who tells of the time first, the node, the gateway or byway, is chance on a busy machine.
        let told = match standing.told().as_str() {
            "unknown node-timeout → held" | "unknown gateway-silent → held" if name == "slow" => {
                expected.to_owned()
            }
            told => told.to_owned(),
        };
        row(world, provoked, expected, &told)?;
    }
    Ok(())
}

fn denied(world: &mut World, far: &Far) -> Result<()> {
    let mut before = ran(far, "fails");
    for (provoked, security, ask) in [
        ("the node runs nothing", "deny", "off"),
        ("the program is not listed on the node", "allowlist", "off"),
        ("the node would ask a person", "full", "always"),
    ] {
        far.node.may_run(security, ask)?;
        let id = world.send("beta@fails", "denied-node", &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, tried)?;
        let after = ran(far, "fails");
        row(
            world,
            provoked,
            "unavailable node-denied → waiting; ran 0",
            &format!("{}; ran {}", standing.told(), after - before),
        )?;
        before = after;
    }
    far.node.may_run("full", "off")
}

/// The node, or byway, is lost while a command runs; then the node is away, and then no more.
fn lost(world: &mut World, far: &mut Far) -> Result<()> {
    let id = world.send("beta@cut", "cut-node", &[])?;
    until_ran(world, far, "cut")?;
    far.node.cut_off()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, tried)?;
    row(
        world,
        "the node is killed while the command runs",
        "unknown node-disconnected → held",
        &standing.told(),
    )?;
    far.node.kill()?;
    let before = ran(far, "accept");
    let id = world.send("beta@accept", "offline-node", &[])?;
    seen(world, &id, "node-offline")?;
    far.node.start()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "the node is away, and comes back",
        "unavailable node-offline, delivered delivered → delivered; ran 1, in the inbox 1",
        &format!(
            "{}; ran {}, in the inbox {}",
            standing.told(),
            ran(far, "accept") - before,
            inbox(far, &id)?
        ),
    )?;
    let id = world.send("twice@accept", "twice-node", &[])?;
    until_ran(world, far, "slowly")?;
    world.byway.kill()?;
    world.byway.start()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    row(
        world,
        "byway is killed while the command runs: it runs again, and is taken in once",
        "unknown interrupted, delivered delivered → delivered; ran 2, in the inbox 1",
        &format!(
            "{}; ran {}, in the inbox {}",
            standing.told(),
            ran(far, "slowly"),
            inbox_of(far, "twice", &id)?
        ),
    )?;
    far.node.remove()?;
    let id = world.send("beta@fails", "removed-node", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, tried)?;
    row(
        world,
        "the node's pairing is taken away",
        "unavailable node-not-paired → waiting",
        &standing.told(),
    )?;
    far.node.cut_off()
}

/// Sends a message of so many bytes: more than this machine would take as an argument, too.
fn large(world: &World, bytes: usize) -> Result<String> {
    let data = "x".repeat(bytes);
    world.send_event(&format!(
        r#"{{"specversion":"1.0","id":"proof-large-{bytes}","source":"byway://a/planner","type":"dev.byway.message","recipient":"beta@accept","datacontenttype":"text/plain","data":"{data}"}}"#
    ))
}

fn row(world: &mut World, provoked: &str, expected: &str, seen: &str) -> Result<()> {
    world.table.row(provoked, expected, seen);
    Ok(())
}

fn tried(standing: &Standing) -> bool {
    !standing.attempts.is_empty() && standing.status != "delivering"
}

fn seen(world: &World, id: &str, code: &str) -> Result<()> {
    world
        .wait(id, DELIVERY_MAY_TAKE, |standing| {
            standing.attempts.iter().any(|attempt| attempt.ends_with(code))
        })
        .map(drop)
}
