//! The rows of `examples/openclaw/note-and-wake.toml`. The model does what the wake says: it reads the note.

use std::thread;

use crate::failure::Result;

use super::super::example::notes;
use super::{DELIVERY_MAY_TAKE, SECOND_TURN_MAY_TAKE, Standing, World, twice};

const WAKE: &str = "is noted in memory/";

pub(super) fn prove(world: &mut World) -> Result<()> {
    world.table.part("file and wake: memory, then /hooks/wake");
    let (before, id) = (
        world.model.wakes(WAKE),
        world.send("beta@note", "note-plain", &[])?,
    );
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let read = until_read(world, "note-plain");
    world.table.row(
        "a message: noted, and then woken",
        "delivered delivered → delivered, 1 note, 1 wake, read by the agent",
        &format!(
            "{}, {}, {read}",
            standing.told(),
            counted(world, "note-plain", before)
        ),
    );

    let before = world.model.wakes(WAKE);
    let id = world.send("beta@note-stranger", "note-stranger", &[])?;
    // Several rounds.
    thread::sleep(SECOND_TURN_MAY_TAKE);
    let standing = world.standing(&id)?;
    let wakes = counted(world, "note-stranger", before);
    let last = standing.attempts.last().cloned().unwrap_or_default();
    world.table.row(
        "wrong token: the note is made once, however often the wake is tried",
        "unavailable http-401 → waiting, 1 note, 0 wakes",
        &format!("{last} → {}, {wakes}", standing.status),
    );

    let before = world.model.wakes(WAKE);
    let told = twice(world, "beta@note", "note-twin")?;
    let read = until_read(world, "note-twin");
    thread::sleep(SECOND_TURN_MAY_TAKE);
    let wakes = world.model.wakes(WAKE) - before;
    world.table.row(
        "the same key is sent twice: two notes, since a file knows no keys",
        "delivered delivered → delivered; delivered delivered → delivered; 2 notes, read by the agent, woken",
        &format!(
            "{told}; {} notes, {read}, {}",
            notes(&world.gateway.memory("beta"), "note-twin"),
            if (1..=2).contains(&wakes) {
                "woken"
            } else {
                "not woken once or twice"
            }
        ),
    );
    Ok(())
}

fn counted(world: &World, word: &str, before: usize) -> String {
    let count = |n: usize, what: &str| {
        if n == 1 {
            format!("1 {what}")
        } else {
            format!("{n} {what}s")
        }
    };
    format!(
        "{}, {}",
        count(notes(&world.gateway.memory("beta"), word), "note"),
        count(world.model.wakes(WAKE) - before, "wake")
    )
}

fn until_read(world: &World, word: &str) -> &'static str {
    let waited = world
        .deadline
        .wait_for("the agent reading its note", DELIVERY_MAY_TAKE, || {
            Ok(world.model.has_read(word).then_some(()))
        });
    if waited.is_ok() {
        "read by the agent"
    } else {
        "not read"
    }
}
