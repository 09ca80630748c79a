//! The two sides of the rows: what each byway knows of the other, and of the gateway beside it.

use crate::demo::identity;
use crate::demo::instance::Instance;
use crate::failure::Result;

use super::super::example::{Places, only, transports};
use super::super::gateway::{Gateway, free_address};
use super::super::model::Model;
use super::super::sshd::Sshd;
use super::super::world::World;
use super::LAST_MILES;

/// The node of a's gateway, on b's machine.
pub(super) const NODE_OF_A: &str = "pi-b";
/// The node of b's gateway, as `examples/openclaw/chain.toml` names it.
pub(super) const NODE_OF_B: &str = "pi-nxp";

/// A byway, the gateway beside it, and what that thinks with.
pub(super) struct Side {
    // The byway first: it ends before what it talks to.
    pub(super) byway: Instance,
    pub(super) gateway: Gateway,
    pub(super) model: Model,
}

impl Side {
    pub(super) fn new(name: &'static str, world: &World) -> Result<Self> {
        let model = Model::start()?;
        Ok(Self {
            byway: world.another_byway(name)?,
            gateway: world.another_gateway(&format!("gateway-of-{name}"), &model)?,
            model,
        })
    }
}

/// Makes the two known to each other, and each gateway's agent `beta` at its byway.
pub(super) fn configure(world: &mut World, b: &mut Side, sshd: Option<&Sshd>) -> Result<()> {
    // Known before they start, and the same after a kill.
    let (at_a, at_b) = (free_address()?.to_string(), free_address()?.to_string());
    let (bare_a, bare_b) = (
        bare("a", &world.data(), &at_a),
        bare("b", &world.folder("data-of-b")?.display().to_string(), &at_b),
    );
    world.byway.configure(&bare_a)?;
    b.byway.configure(&bare_b)?;
    let (key_of_a, key_of_b) = (identity(&world.byway)?, identity(&b.byway)?);
    let folder = world.folder("drop")?.display().to_string();

    let mut of_a = format!("{bare_a}{}", peer("b", &key_of_b, &at_b));
    // The narrower routes first.
    if let Some(sshd) = sshd {
        of_a.push_str(&by_ssh(world, b, sshd));
    }
    of_a.push_str(&by_node(world, b)?);
    of_a.push_str(&by_folder(&folder));
    of_a.push_str(&by_a2a(world, b)?);
    of_a.push_str("\n[[routes]]\nto = \"*@b\"\nchain = [\"peer\"]\n");
    let gateway = transports(world, "chain.toml", "", &Places::right(world)?)?;
    of_a.push_str(&only(&gateway, &["gateway"]));
    of_a.push_str("\n[[routes]]\nto = \"*@a\"\nchain = [\"gateway\"]\n");
    world.byway.configure(&of_a)?;

    let of_b = format!("{bare_b}{}", peer("a", &key_of_a, &at_a));
    b.byway
        .configure(&format!("{of_b}{}", last_miles(world, b, &folder)?))?;
    lend(&world.byway, &mut world.gateway)?;
    lend(&b.byway, &mut b.gateway)
}

/// The agents of a gateway find their byway, and speak to it as `beta`, as README tells.
fn lend(byway: &Instance, gateway: &mut Gateway) -> Result<()> {
    let told = "`byway token beta`";
    let token = byway.call(&["token", "beta"])?.success(told)?;
    gateway.lend(vec![
        ("BYWAY_CONFIG", byway.config().display().to_string()),
        ("BYWAY_TOKEN", token.trim().to_owned()),
    ]);
    Ok(())
}

fn bare(name: &str, data: &str, listen: &str) -> String {
    format!("[instance]\nname = \"{name}\"\ndata_dir = \"{data}\"\n\n[api]\nlisten = \"{listen}\"\n\n")
}

/// The other byway, over HTTP.
fn peer(name: &str, key: &str, address: &str) -> String {
    format!(
        r#"
[peers.{name}]
key = "{key}"

[transports.peer]
adapter = "builtin:webhook"
config = {{ url = "http://{address}/v1/inbound", format = "cloudevents" }}
grants = {{ http = ["POST http://{address}/v1/inbound"] }}
dedupe = "inbox:{name}"
"#
    )
}

fn by_folder(folder: &str) -> String {
    format!(
        r#"
[transports.folder]
adapter = "builtin:file"
config = {{ mode = "drop", folder = "{folder}" }}
grants = {{ folders = [{{ path = "{folder}", access = "drop" }}] }}
dedupe = "inbox:b"

[[routes]]
to = "*@b"
from = "by-folder@a"
chain = ["folder"]
"#
    )
}

fn by_ssh(world: &World, b: &Side, sshd: &Sshd) -> String {
    let mut argv = sshd.argv();
    argv.extend(world.program().map(str::to_owned));
    argv.extend(["accept", "--config"].map(str::to_owned));
    argv.extend([b.byway.config().display().to_string(), "-".to_owned()]);
    format!(
        r#"
[transports.ssh]
adapter = "builtin:cli"
config = {{ command = "accept", idempotent = true }}
dedupe = "inbox:b"

[transports.ssh.grants.commands.accept]
argv = {argv:?}
stdin = "envelope"
env_pass = ["PATH", "HOME"]

[[routes]]
to = "*@b"
from = "by-ssh@a"
chain = ["ssh"]
"#
    )
}

/// The way over the node, as `docs/adapters/nodes-run.md` shows it.
fn by_node(world: &World, b: &Side) -> Result<String> {
    let Places { gateway, token, .. } = Places::right(world)?;
    let argv = [
        world.program().unwrap_or_default(),
        "--config",
        &b.byway.config().display().to_string(),
        "accept",
        "--base64={envelope_base64}",
    ];
    Ok(format!(
        r#"
[transports.node]
adapter = "builtin:nodes-run"
dedupe = "inbox:b"
grants = {{ http = ["ws://{gateway}/"] }}
secrets = {{ token = {{ file = "{token}", in = ["ws-json:/params/auth/token"] }} }}

[transports.node.config]
url = "ws://{gateway}/"
node = "{NODE_OF_A}"
argv = {argv:?}
parameters = {{ envelope_base64 = "{{envelope}}" }}
idempotent = true

[[routes]]
to = "*@b"
from = "by-node@a"
chain = ["node"]
"#
    ))
}

/// From a's byway straight into b's gateway: no byway takes it in over there.
fn by_a2a(world: &World, b: &Side) -> Result<String> {
    let all = transports(world, "webhooks.toml", "", &Places::of(&b.gateway, world)?)?;
    let a2a = only(&all, &["a2a"]);
    Ok(format!(
        "\n{a2a}\n[[routes]]\nto = \"*@b\"\nfrom = \"by-a2a@a\"\nchain = [\"a2a\"]\n"
    ))
}

/// b takes in what a signed, and wakes its agent by the way that the sender is named for.
fn last_miles(world: &World, b: &Side, folder: &str) -> Result<String> {
    let mut toml = format!(
        r#"
[transports.folder]
adapter = "builtin:file"
config = {{ mode = "drop", folder = "{folder}", receive = true }}
grants = {{ folders = [{{ path = "{folder}", access = "receive" }}] }}
receive = "1s"

[[routes]]
to = "*@a"
chain = ["peer"]

"#
    );
    let all = transports(world, "chain.toml", "", &Places::of(&b.gateway, world)?)?;
    let steps = ["gateway", "node", "agent-cli", "note", "wake", "hook"];
    toml.push_str(&only(&all, &steps));
    for (sender, step, chain) in LAST_MILES {
        // Both speak as the owner: a route that lets a stranger's message through them must say so.
        let more = match step {
            "node" | "agent-cli" => "allow_owner = true\n",
            _ => "",
        };
        toml.push_str(&format!(
            "\n[[routes]]\nto = \"beta@b\"\nfrom = \"{sender}@a\"\nchain = {chain}\n{more}"
        ));
    }
    toml.push_str("\n[[routes]]\nto = \"beta@b\"\nchain = [\"gateway\"]\n");
    Ok(toml)
}
