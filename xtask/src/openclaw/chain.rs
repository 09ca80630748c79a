//! A chain whose first steps are off: the next one delivers, for every number of them; and a person hears of it.
//!
//! The chain is `examples/openclaw/chain.toml`. A new transport of it is a line in [`STEPS`].

use std::fs;
use std::time::Duration;

use crate::failure::{Doing, Result};

use super::example::{Places, instance, tables, transport, transports};
use super::node::Node;
use super::world::{Standing, World};

const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(180);

/// The steps that deliver, in order, and the transport that has to be off for each to be.
const STEPS: [(&str, &str); 5] = [
    ("gateway", "gateway"),
    ("node", "node"),
    ("agent-cli", "agent-cli"),
    ("wake", "note"),
    ("hook", "hook"),
];

pub(crate) fn prove(world: &mut World) -> Result<()> {
    world.gateway.start()?;
    world.gateway.ready()?;
    let mut node = Node::approved("pi-nxp", "chain", world, &world.gateway)?;
    world
        .table
        .part("a chain: each transport takes over from those before it");
    for off in 0..=STEPS.len() {
        configure(world, off)?;
        world.byway.start()?;
        let word = format!("chain-{off}");
        let id = world.send("beta@chain", &word, &[])?;
        match STEPS.get(off) {
            Some((expected, _)) => {
                let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
                let heard = heard(world, &word);
                world.table.row(
                    &format!("the first {off} are off"),
                    &format!("{expected} → delivered, seen by the model"),
                    &format!("{} → {}, {heard}", standing.by, standing.status),
                );
            }
            None => {
                let chat = world
                    .deadline
                    .wait_for("word to a person", DELIVERY_MAY_TAKE, || {
                        Ok((world.model.chats(&word) > 0).then_some(()))
                    });
                let standing = world.standing(&id)?;
                world.table.row(
                    "all are off: a person is told, and the message waits",
                    "waiting, a person was told",
                    &format!(
                        "{}, {}",
                        standing.status,
                        if chat.is_ok() {
                            "a person was told"
                        } else {
                            "nobody was told"
                        }
                    ),
                );
            }
        }
        world.byway.kill()?;
    }
    node.cut_off()?;
    world.gateway.stop()
}

/// The example with its first steps leading nowhere.
fn configure(world: &World, off: usize) -> Result<()> {
    let (right, nobody) = (Places::right(world)?, Places::nobody(world)?);
    let nobody = Places {
        memory: format!("{}/gone", right.memory),
        ..nobody
    };
    let (on, dead) = (
        transports(world, "chain.toml", "", &right)?,
        transports(world, "chain.toml", "", &nobody)?,
    );
    let is_off = |name: &str| STEPS.iter().take(off).any(|(_, switch)| *switch == name);
    let mut toml = instance(world);
    for (on, dead) in tables(&on).zip(tables(&dead)) {
        toml.push_str(if is_off(transport(on)) { dead } else { on });
    }
    let bot = world.secret("bot-token", "4242:fixed")?;
    let toml = toml
        .replace("env = \"TELEGRAM_TOKEN\"", &format!("file = \"{bot}\""))
        .replace(
            "https://api.telegram.org",
            &format!("http://{}", world.model.address()),
        )
        .replace(
            "chat = \"-1001234567890\"",
            &format!(
                "chat = \"-1001234567890\", api_root = \"http://{}\"",
                world.model.address()
            ),
        );
    let whole = world.example("chain.toml")?;
    let route = whole
        .find("[[routes]]")
        .and_then(|at| whole.get(at..))
        .unwrap_or_default();
    let route = route.replace("beta@here", "beta@chain");
    fs::create_dir_all(&right.memory).doing("make the agent's memory")?;
    world.byway.configure(&format!(
        "{toml}{route}backoff = {{ first = \"300ms\", max = \"2s\" }}\n"
    ))
}

/// By message, or in the note that it reads.
fn heard(world: &World, word: &str) -> &'static str {
    let waited = world
        .deadline
        .wait_for("the model hearing the message", DELIVERY_MAY_TAKE, || {
            let heard = world.model.turns(word) > 0 || world.model.has_read(word);
            Ok(heard.then_some(()))
        });
    if waited.is_ok() {
        "seen by the model"
    } else {
        "not seen"
    }
}
