//! From an agent on one machine to an agent on another: byway to byway, and from there the last mile.
//!
//! `a` and `b` are two byways; the gateway is beside `b`, and has the node that `a` runs `byway accept` on. Which way is taken between them is the recipient's
//! instance at `a`, and which last mile the sender's name at `b`.

use std::time::Duration;

use crate::demo::identity;
use crate::demo::instance::Instance;
use crate::failure::Result;
use crate::terminal::say;

use super::example::{Places, instance, transports};
use super::node::Node;
use super::sshd::Sshd;
use super::world::{Standing, World};

const DELIVERY_MAY_TAKE: Duration = Duration::from_secs(180);

/// The sender on `a`, the step on `b` that hears of it, and its chain.
const LAST_MILES: [(&str, &str, &str); 4] = [
    ("via-gateway", "gateway", r#"["gateway"]"#),
    ("via-cli", "agent-cli", r#"["agent-cli"]"#),
    (
        "via-note",
        "wake",
        r#"[{ notify = "note" }, { deliver = "wake", after = "note" }]"#,
    ),
    ("via-hook", "hook", r#"["hook"]"#),
];

pub(crate) fn prove(world: &mut World) -> Result<()> {
    world.table.part("across: from an agent on a to an agent on b");
    world.gateway.start()?;
    world.gateway.ready()?;
    let mut b = world.another("b")?;
    world.byway.configure(&instance(world))?;
    let b_instance = instance_of_b(world)?;
    b.configure(&b_instance)?;
    let (key_of_a, key_of_b) = (identity(&world.byway)?, identity(&b)?);
    let drop_folder = world.folder("drop")?.display().to_string();

    b.configure(&of_b(world, &b_instance, &key_of_a, &drop_folder)?)?;
    let address = b.start()?;
    let ways = format!(
        r#"
[peers.b]
key = "{key_of_b}"

[transports.peer]
adapter = "builtin:webhook"
config = {{ url = "http://{address}/v1/inbound", format = "cloudevents" }}
grants = {{ http = ["POST http://{address}/v1/inbound"] }}
dedupe = "inbox:b"

[transports.folder]
adapter = "builtin:file"
config = {{ mode = "drop", folder = "{drop_folder}" }}
grants = {{ folders = [{{ path = "{drop_folder}", access = "drop" }}] }}
dedupe = "inbox:b"

[[routes]]
to = "*@b"
from = "by-folder@a"
chain = ["folder"]

[[routes]]
to = "*@b"
chain = ["peer"]
"#
    );
    let sshd = Sshd::start(world)?;
    let by_ssh = sshd.as_ref().map_or_else(String::new, |sshd| {
        let mut argv = sshd.argv();
        argv.extend(world.program().map(str::to_owned));
        argv.extend(["accept", "--config"].map(str::to_owned));
        argv.extend([b.config().display().to_string(), "-".to_owned()]);
        format!(
            "\n[[routes]]\nto = \"*@b\"\nfrom = \"by-ssh@a\"\nchain = [\"ssh\"]\n\n[transports.ssh]\nadapter = \"builtin:cli\"\n\
             config = {{ command = \"accept\", idempotent = true }}\ndedupe = \"inbox:b\"\n\n\
             [transports.ssh.grants.commands.accept]\nargv = {argv:?}\nstdin = \"envelope\"\nenv_pass = [\"PATH\", \"HOME\"]\n"
        )
    });
    let mut node = Node::approved("pi-across", "across", world)?;
    let by_node = by_node(world, &b)?;
    // The narrower routes first.
    world
        .byway
        .configure(&format!("{}{by_ssh}{by_node}{ways}", instance(world)))?;
    world.byway.start()?;
    for (sender, step, _) in LAST_MILES {
        let id = world.send_as(sender, "beta@b", &format!("{sender}-word"))?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
        world.table.row(
            &format!("a's agent to b's agent, last mile by {step}"),
            "delivered → seen by b's model",
            &format!(
                "{} → {}",
                standing.status,
                heard(world, &format!("{sender}-word"))
            ),
        );
    }
    let mut others = vec![
        ("by-folder", "a drop folder"),
        ("by-node", "`byway accept` on a node of the gateway"),
    ];
    match sshd {
        Some(_) => others.push(("by-ssh", "`byway accept` through a real sshd")),
        None => say("   no sshd is installed: the row of `byway accept` over ssh is left out"),
    }
    for (sender, way) in others {
        let word = format!("{sender}-word");
        let id = world.send_as(sender, "beta@b", &word)?;
        let standing = world.wait(&id, DELIVERY_MAY_TAKE, Standing::is_over)?;
        world.table.row(
            &format!("across by {way}, last mile by gateway"),
            "delivered → seen by b's model",
            &format!("{} → {}", standing.status, heard(world, &word)),
        );
    }
    world.byway.kill()?;
    node.cut_off()?;
    b.kill()?;
    world.gateway.stop()
}

fn instance_of_b(world: &World) -> Result<String> {
    let data = world.folder("data-of-b")?.display().to_string();
    Ok(format!(
        "[instance]\nname = \"b\"\ndata_dir = \"{data}\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n"
    ))
}

/// The way over the node, as `docs/adapters/nodes-run.md` shows it.
fn by_node(world: &World, b: &Instance) -> Result<String> {
    let (gateway, token) = (
        world.gateway.address(),
        world.secret("token", world.gateway.token())?,
    );
    let argv = [
        world.program().unwrap_or_default(),
        "--config",
        &b.config().display().to_string(),
        "accept",
        "--base64={envelope_base64}",
    ];
    Ok(format!(
        r#"
[[routes]]
to = "*@b"
from = "by-node@a"
chain = ["node"]

[transports.node]
adapter = "builtin:nodes-run"
dedupe = "inbox:b"
grants = {{ http = ["ws://{gateway}/"] }}
secrets = {{ token = {{ file = "{token}", in = ["ws-json:/params/auth/token"] }} }}

[transports.node.config]
url = "ws://{gateway}/"
node = "pi-across"
argv = {argv:?}
parameters = {{ envelope_base64 = "{{envelope}}" }}
idempotent = true
"#
    ))
}

/// b takes in what a signed, and wakes its agent by the way that the sender is named for.
fn of_b(world: &World, instance: &str, key_of_a: &str, drop_folder: &str) -> Result<String> {
    let mut toml = format!(
        "{instance}[peers.a]\nkey = \"{key_of_a}\"\n\n[transports.folder]\nadapter = \"builtin:file\"\n\
         config = {{ mode = \"drop\", folder = \"{drop_folder}\", receive = true }}\n\
         grants = {{ folders = [{{ path = \"{drop_folder}\", access = \"receive\" }}] }}\nreceive = \"1s\"\n\n"
    );
    let all = transports(world, "chain.toml", "", &Places::right(world)?)?;
    let people = all.find("[transports.ops]").unwrap_or(all.len());
    toml.push_str(all.get(..people).unwrap_or_default());
    for (sender, step, chain) in LAST_MILES {
        // The program speaks as the owner: a route that lets a stranger's message through it must say so.
        let more = if step == "agent-cli" {
            "allow_owner = true\n"
        } else {
            ""
        };
        toml.push_str(&format!(
            "\n[[routes]]\nto = \"beta@b\"\nfrom = \"{sender}@a\"\nchain = {chain}\n{more}"
        ));
    }
    toml.push_str("\n[[routes]]\nto = \"beta@b\"\nchain = [\"gateway\"]\n");
    Ok(toml)
}

fn heard(world: &World, word: &str) -> &'static str {
    let waited = world
        .deadline
        .wait_for("b's model hearing the message", DELIVERY_MAY_TAKE, || {
            let heard = world.model.turns(word) > 0 || world.model.has_read(word);
            Ok(heard.then_some(()))
        });
    if waited.is_ok() {
        "seen by b's model"
    } else {
        "not seen"
    }
}
