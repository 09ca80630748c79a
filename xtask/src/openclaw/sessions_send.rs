//! The rows of `sessions-send`: what `docs/adapters/sessions-send.md` says, provoked.
//!
//! Every message over the WebSocket goes to a session of its own, named by its subject, so that turns can
//! be counted: a gateway that has two messages of a session unanswered shows the model both at once.

use std::time::Duration;

use crate::failure::Result;

use super::gateway::{free_address, random_token};
use super::world::{Standing, World};

/// The first turn after a start takes ten seconds on an idle machine.
const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(120);

pub(crate) fn prove(world: &mut World) -> Result<()> {
    world.table.part("sessions-send");
    configure(world)?;
    world.byway.start()?;
    starting(world)?;
    over_the_socket(world)?;
    refused(world)?;
    byway_killed(world)?;
    over_http(world)?;
    session_reset(world)?;
    gateway_killed(world)?;
    world.byway.kill()?;
    world.gateway.stop()
}

/// Each transport has its instance in the addresses: `beta@ws` goes over the WebSocket.
fn configure(world: &World) -> Result<()> {
    let (gateway, model, closed) = (world.gateway.address(), world.model.address(), free_address()?);
    let right = world.secret("token", world.gateway.token())?;
    let wrong = world.secret("wrong-token", &random_token()?)?;
    let mut toml = format!(
        "[instance]\nname = \"a\"\ndata_dir = \"{}\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n",
        world.data()
    );
    for (name, url, token) in [
        ("ws", format!("ws://{gateway}/"), &right),
        ("stranger", format!("ws://{gateway}/"), &wrong),
        ("nobody", format!("ws://{closed}/"), &right),
        ("another", format!("ws://{model}/"), &right),
        ("http", format!("http://{gateway}/tools/invoke"), &right),
        ("http-stranger", format!("http://{gateway}/tools/invoke"), &wrong),
    ] {
        let (more, grant, position) = match url.starts_with("ws") {
            true => (
                ", session = \"agent:{agent}:{subject}\", subjects = [\"proof-*\"]",
                url.clone(),
                "ws-json:/params/auth/token",
            ),
            false => ("", format!("POST {url}"), "header:authorization"),
        };
        // What cannot work is not to be tried again and again: the gateway counts wrong tokens.
        let backoff = match name {
            "ws" | "http" => r#"{ first = "200ms", max = "500ms" }"#,
            _ => r#"{ first = "1h", max = "1h" }"#,
        };
        toml.push_str(&format!(
            r#"
[transports.{name}]
adapter = "builtin:sessions-send"
config = {{ url = "{url}"{more} }}
grants = {{ http = ["{grant}"] }}
secrets = {{ token = {{ file = "{token}", in = ["{position}"] }} }}
timeout = "60s"
breaker = {{ failures = 1000, pause = "1s" }}

[[routes]]
to = "*@{name}"
chain = ["{name}"]
deadline = "10m"
backoff = {backoff}
"#
        ));
    }
    world.byway.configure(&toml)
}

/// A message that is there before its gateway.
fn starting(world: &mut World) -> Result<()> {
    let id = world.send(
        "beta@ws",
        "early-bird [[say:Good morning.]]",
        &["--subject", "proof-early"],
    )?;
    world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
    world.gateway.start()?;
    world.gateway.ready()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    world.table.row(
        "the message is there before the gateway, which then starts",
        "retryable connection-refused, retryable gateway-starting, delivered processed → delivered, 1 turn",
        &format!("{}, {}", standing.told(), turns(world, "early-bird")),
    );
    Ok(())
}

fn over_the_socket(world: &mut World) -> Result<()> {
    delivers(
        world,
        "a message",
        "beta@ws",
        "plain-one",
        "delivered processed → delivered, 1 turn",
    )?;
    let as_data = "sourceSession=byway:planner@a sourceTool=byway isUser=false";
    let seen = match world.model.was_told("plain-one", as_data) {
        true => "data",
        false => "its owner",
    };
    world
        .table
        .row("the agent hears data from another agent", "data", seen);
    delivers(
        world,
        "the agent has nothing to say",
        "beta@ws",
        "silent-one [[say:NO_REPLY]]",
        "delivered processed → delivered, 1 turn",
    )?;
    // Two messages for byway, one key for the gateway.
    let event = |id: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"byway://a/planner","type":"dev.byway.message","recipient":"beta@ws","subject":"proof-twin","idempotencykey":"proof-twin-key","datacontenttype":"text/plain","data":"twin-one"}}"#
        )
    };
    let mut told = Vec::new();
    for number in ["1", "2"] {
        let id = world.send_event(&event(&format!("proof-twin-{number}")))?;
        told.push(world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?.told());
    }
    world.table.row(
        "the same key is sent twice",
        "delivered processed → delivered; delivered processed → delivered; 1 turn",
        &format!("{}; {}", told.join("; "), turns(world, "twin-one")),
    );
    // A turn that fails is tried by the gateway itself as often as it likes; the message arrived.
    let id = world.send(
        "beta@ws",
        "failing-one [[status:400]]",
        &["--subject", "proof-fails"],
    )?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    world.table.row(
        "the model's provider refuses",
        "delivered delivered → delivered",
        &standing.told(),
    );
    Ok(())
}

fn refused(world: &mut World) -> Result<()> {
    for (provoked, to, word, expected) in [
        (
            "no such agent",
            "ghost@ws",
            "ghost-one",
            "refused unknown-agent → dead, 0 turns",
        ),
        (
            "wrong token",
            "beta@stranger",
            "stranger-one",
            "unavailable wrong-token → waiting, 0 turns",
        ),
        (
            "nobody listens",
            "beta@nobody",
            "nobody-one",
            "retryable connection-refused → waiting, 0 turns",
        ),
        (
            "something else listens",
            "beta@another",
            "another-one",
            "unavailable http-404 → waiting, 0 turns",
        ),
    ] {
        let id = world.send(to, word, &["--subject", "proof-refused"])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
        let seen = format!("{}, {}", standing.told(), turns(world, word));
        world.table.row(provoked, expected, &seen);
    }
    let id = world.send("beta@ws", "/reset command-one", &["--subject", "proof-command"])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let seen = format!("{}, {}", standing.told(), turns(world, "command-one"));
    world.table.row(
        "the message is a command to the gateway's session",
        "refused gateway-command → dead, 0 turns",
        &seen,
    );
    let id = world.send("beta@ws", "unlisted-one", &["--subject", "other"])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let seen = format!("{}, {}", standing.told(), turns(world, "unlisted-one"));
    world.table.row(
        "the subject is not listed",
        "refused subject-not-listed → dead, 0 turns",
        &seen,
    );
    Ok(())
}

/// byway is killed between the message and its answer.
fn byway_killed(world: &mut World) -> Result<()> {
    let id = world.send("beta@ws", "killed-one [[wait:6]]", &["--subject", "proof-killed"])?;
    until_seen(world, "killed-one")?;
    world.byway.kill()?;
    world.byway.start()?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    world.table.row(
        "byway is killed between the message and its answer",
        "unknown interrupted → delivered, 1 turn",
        &format!("{}, {}", standing.told(), turns(world, "killed-one")),
    );
    Ok(())
}

fn over_http(world: &mut World) -> Result<()> {
    let id = world.send("main@http", "invoked-one", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    until_seen(world, "invoked-one")?;
    // Whatever the gateway would let the agents answer each other comes within seconds.
    std::thread::sleep(Duration::from_secs(10));
    world.table.row(
        "over HTTP, a message",
        "delivered accepted → delivered, 1 turn",
        &format!("{}, {}", standing.told(), turns(world, "invoked-one")),
    );
    for (provoked, to, word, expected) in [
        (
            "over HTTP, no such agent",
            "ghost@http",
            "ghost-two",
            "refused unknown-agent → dead, 0 turns",
        ),
        (
            "over HTTP, wrong token",
            "main@http-stranger",
            "stranger-two",
            "unavailable wrong-token → waiting, 0 turns",
        ),
    ] {
        let id = world.send(to, word, &[])?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
        let seen = format!("{}, {}", standing.told(), turns(world, word));
        world.table.row(provoked, expected, &seen);
    }
    world.gateway.allow_tools(&[])?;
    let id = world.send("main@http", "disallowed-one", &[])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, |standing| !standing.attempts.is_empty())?;
    let seen = format!("{}, {}", standing.told(), turns(world, "disallowed-one"));
    world.table.row(
        "over HTTP, the tool is not allowed",
        "unavailable tool-not-allowed → waiting, 0 turns",
        &seen,
    );
    world.gateway.allow_tools(&["sessions_send"])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    until_seen(world, "disallowed-one")?;
    world.table.row(
        "… and then it is, with the gateway running on",
        "unavailable tool-not-allowed, delivered accepted → delivered, 1 turn",
        &format!("{}, {}", standing.told(), turns(world, "disallowed-one")),
    );
    Ok(())
}

/// A person resets the session while the message waits behind another.
fn session_reset(world: &mut World) -> Result<()> {
    world.send("beta@ws", "before-one [[wait:30]]", &["--subject", "proof-reset"])?;
    until_seen(world, "before-one")?;
    let behind = ["--subject", "proof-reset", "--idempotency-key", "behind-key"];
    let id = world.send("beta@ws", "behind-one", &behind)?;
    until_taken(world, "agent:beta:proof-reset", "behind-key")?;
    world.gateway.reset("agent:beta:proof-reset")?;
    let mut standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    // The gateway may tell the end before it has written down what became of the message; then byway asks once more.
    for attempt in &mut standing.attempts {
        if attempt == "unknown turn-failed" {
            "retryable turn-not-begun".clone_into(attempt);
        }
    }
    world.table.row(
        "the session is reset while the message waits for its turn",
        "retryable turn-not-begun, delivered processed → delivered, 1 turn",
        &format!("{}, {}", standing.told(), turns(world, "behind-one")),
    );
    Ok(())
}

/// The gateway is killed with one message before the model and another that waits behind it.
fn gateway_killed(world: &mut World) -> Result<()> {
    let first = world.send("beta@ws", "heard-one [[wait:40]]", &["--subject", "proof-cut"])?;
    until_seen(world, "heard-one")?;
    let waiting = ["--subject", "proof-cut", "--idempotency-key", "waiting-key"];
    let second = world.send("beta@ws", "waiting-one", &waiting)?;
    until_taken(world, "agent:beta:proof-cut", "waiting-key")?;
    world.gateway.kill()?;
    world.gateway.start()?;
    world.gateway.ready()?;
    let standing = world.wait(&first, DELIVERY_MAY_TAKE, Standing::is_over)?;
    // How it was lost is chance: a reset, or an end in order.
    let seen = match standing.attempts.as_slice() {
        [lost] if lost.starts_with("unknown ") => format!("unknown → {}", standing.status),
        _ => standing.told(),
    };
    world.table.row(
        "the gateway is killed while the model has the message: it is not sent again",
        "unknown → delivered",
        &seen,
    );
    let standing = world.wait(&second, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let last = standing.attempts.last().cloned().unwrap_or_default();
    // A gateway that is still busy with its start gives up several turns; each has a key of its own.
    let key = match standing.reference.strip_prefix("waiting-key~") {
        Some(_) => "a new key",
        None => "the same key",
    };
    world.table.row(
        "the gateway is killed while the message waits for its turn",
        "delivered processed with a new key → delivered, 1 turn",
        &format!(
            "{last} with {key} → {}, {}",
            standing.status,
            turns(world, "waiting-one")
        ),
    );
    Ok(())
}

fn delivers(world: &mut World, provoked: &str, to: &str, text: &str, expected: &str) -> Result<()> {
    let word = text.split(' ').next().unwrap_or_default();
    let id = world.send(to, text, &["--subject", &format!("proof-{word}")])?;
    let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
    let seen = format!("{}, {}", standing.told(), turns(world, word));
    world.table.row(provoked, expected, &seen);
    Ok(())
}

fn until_seen(world: &World, word: &str) -> Result<()> {
    world
        .deadline
        .wait_for("the model hearing the message", DELIVERY_MAY_TAKE, || {
            Ok((world.model.turns(word) > 0).then_some(()))
        })
}

/// Waits until the gateway has written down that it has a message, which nobody but it can tell.
fn until_taken(world: &World, session: &str, key: &str) -> Result<()> {
    world
        .deadline
        .wait_for("the gateway taking the message", DELIVERY_MAY_TAKE, || {
            Ok(world.gateway.has_taken(session, key)?.then_some(()))
        })
}

fn turns(world: &World, word: &str) -> String {
    match world.model.turns(word) {
        1 => "1 turn".to_owned(),
        turns => format!("{turns} turns"),
    }
}
