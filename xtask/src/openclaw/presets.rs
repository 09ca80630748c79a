//! The rows of `examples/openclaw`: the gateway's other doors, each as an ordinary adapter with a configuration.
//!
//! The transports run beside each other in one byway, three times: as they should be, with a wrong token
//! (`-stranger`) and with a gateway that is off (`-nobody`). `main@a2a` goes through the transport `a2a`.

mod agent_cli;
mod note_and_wake;
mod webhooks;

use std::time::Duration;

use crate::failure::Result;

use super::example::{Places, instance, route, transports};
use super::relay::Relay;
use super::world::{Standing, World};

/// The first turn after a start takes ten seconds on an idle machine, and the program takes some more.
const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(150);
/// Whatever a gateway would do about a message a second time comes within seconds.
const SECOND_TURN_MAY_TAKE: Duration = Duration::from_secs(8);

/// The transports of the examples. A2A is not the first: a gateway that has just begun with an empty state folder may
/// take charge of a task, and fail it before the model hears of it.
const WEBHOOKS: [&str; 4] = ["hook", "hook-main", "a2a", "chat"];

pub(crate) fn prove(world: &mut World) -> Result<()> {
    world.gateway.start()?;
    world.gateway.ready()?;
    let relay = Relay::start(world.gateway.address())?;
    configure(world, &relay)?;
    world.byway.start()?;
    webhooks::prove(world, &relay)?;
    agent_cli::prove(world)?;
    note_and_wake::prove(world)?;
    world.byway.kill()?;
    world.gateway.stop()
}

fn configure(world: &World, relay: &Relay) -> Result<()> {
    let mut toml = instance(world);
    let right = Places {
        gateway: relay.address().to_string(),
        ..Places::right(world)?
    };
    for (ending, places) in [
        ("", &right),
        ("-stranger", &Places::stranger(world)?),
        ("-nobody", &Places::nobody(world)?),
    ] {
        for example in ["webhooks.toml", "agent-cli.toml", "note-and-wake.toml"] {
            toml.push_str(&transports(world, example, ending, places)?);
        }
        // What cannot work is not to be tried again and again: the gateway counts wrong tokens.
        let backoff = if ending.is_empty() { "500ms" } else { "1h" };
        for name in WEBHOOKS.iter().chain(&["agent-cli"]) {
            let name = format!("{name}{ending}");
            toml.push_str(&route(&name, &format!("\"{name}\""), backoff, "10m"));
        }
        let chain = format!(
            "{{ notify = \"beta-note{ending}\" }}, {{ deliver = \"wake{ending}\", after = \"beta-note{ending}\" }}"
        );
        // This one is tried again, but not for long.
        toml.push_str(&route(&format!("note{ending}"), &chain, "2s", "20s"));
    }
    world.byway.configure(&toml)
}

/// Waits until the model was asked about a message.
fn until_seen(world: &World, word: &str) -> Result<()> {
    world
        .deadline
        .wait_for("the model hearing the message", DELIVERY_MAY_TAKE, || {
            Ok((world.model.turns(word) > 0).then_some(()))
        })
}

fn turns(turns: usize) -> String {
    match turns {
        1 => "1 turn".to_owned(),
        turns => format!("{turns} turns"),
    }
}

/// Sends two messages with one key, and says how they ended.
fn twice(world: &World, to: &str, word: &str) -> Result<String> {
    let mut told = Vec::new();
    for number in ["1", "2"] {
        let id = world.send_event(&format!(
            r#"{{"specversion":"1.0","id":"{word}-{number}","source":"byway://a/planner","type":"dev.byway.message","recipient":"{to}","idempotencykey":"{word}-key","datacontenttype":"text/plain","data":"{word}"}}"#
        ))?;
        told.push(world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?.told());
    }
    Ok(told.join("; "))
}
