//! The far side of the rows: a byway with its inbox, the node beside it, and the transports that lead there.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::demo::identity;
use crate::demo::instance::Instance;
use crate::failure::Result;

use super::super::node::Node;
use super::super::runtime::Runtime;
use super::super::world::World;
use super::DELIVERY_MAY_TAKE;

/// The far side: a byway, and the node beside it.
pub(super) struct Far {
    pub(super) node: Node,
    pub(super) byway: Instance,
    pub(super) program: String,
}

/// Each transport has its instance in the addresses: `beta@accept` runs `byway accept`.
pub(super) fn configure(world: &World, far: &mut Far, runtime: &Runtime, folder: &Path) -> Result<()> {
    let bare = |name: &str, data: &Path| {
        format!(
            "[instance]\nname = \"{name}\"\ndata_dir = \"{}\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n",
            data.display()
        )
    };
    let data = folder.join("data");
    let ours = bare("a", Path::new(&world.data()));
    world.byway.configure(&ours)?;
    let of_inbox = format!(
        "{}\n[peers.a]\nkey = \"{}\"\n",
        bare("accept", &data),
        identity(&world.byway)?
    );
    far.byway.configure(&of_inbox)?;
    far.byway.start()?;

    let work = far.node.work();
    let counted = |name: &str, rest: &str| {
        let file = work.join(name);
        format!(
            r#"["sh", "-c", "echo ran >> {}; {rest}", "--", "{{event_base64}}"]"#,
            file.display()
        )
    };
    let accept = format!(
        r#"["sh", "-c", "echo ran >> {}; exec {} --config {} accept --base64=$1", "--", "{{event_base64}}"]"#,
        work.join("accept").display(),
        far.program,
        far.byway.config().display()
    );
    // The message is in the inbox, and its receipt takes its time.
    let slowly = format!(
        r#"["sh", "-c", "receipt=$({} --config {} accept --base64=$1); code=$?; echo ran >> {}; sleep 4; echo $receipt; exit $code", "--", "{{event_base64}}"]"#,
        far.program,
        far.byway.config().display(),
        work.join("slowly").display(),
    );
    let note = format!(
        r#"["sh", "-c", "echo \"$1\" | base64 -d >> {}", "--", "{{event_base64}}"]"#,
        work.join("note.md").display()
    );
    let [node, openclaw] = runtime.argv();
    let agent = format!(
        r#"["{node}", "{openclaw}", "agent", "--session-key=agent:beta:over-the-node", "--json", "--message={{words}}"]"#
    );
    let token = world.secret("node-token", world.gateway.token())?;
    let gateway = world.gateway.address();
    let mut toml = ours;
    for (name, argv, more) in [
        ("slowly", slowly.as_str(), "idempotent = true"),
        ("accept", &accept, "idempotent = true"),
        ("note", &note, "owner = false"),
        ("agent", &agent, "owner = true"),
        ("fails", &counted("fails", "exit 3"), ""),
        ("refuses", &counted("refuses", "echo no >&2; exit 65"), ""),
        ("missing", r#"["/no/such/program"]"#, ""),
        ("killed", &counted("killed", "kill -9 $$"), ""),
        ("slow", &counted("slow", "exec sleep 60"), ""),
        ("cut", &counted("cut", "sleep 20"), ""),
        ("other", r#"["true"]"#, ""),
    ] {
        let (named, value) = match name {
            "note" => ("event_base64", "{text}\\n"),
            "agent" => ("words", "{text}"),
            "missing" | "other" => ("", ""),
            _ => ("event_base64", "{envelope}"),
        };
        let parameters = match named {
            "" => String::new(),
            named => format!("parameters = {{ {named} = \"{value}\" }}\n"),
        };
        // It leads into the same inbox.
        let to = match name {
            "slowly" => "twice@accept".to_owned(),
            name => format!("*@{name}"),
        };
        let on = if name == "other" { "nobody" } else { "pi-nxp" };
        let timeout = if name == "slow" { "12s" } else { "60s" };
        // A failure is looked at before the next try; what is to get through is tried again soon.
        let backoff = match name {
            "slowly" | "accept" | "note" | "agent" => r#"{ first = "500ms", max = "2s" }"#,
            _ => r#"{ first = "1h", max = "1h" }"#,
        };
        toml.push_str(&format!(
            r#"
[transports.{name}]
adapter = "builtin:nodes-run"
grants = {{ http = ["ws://{gateway}/"] }}
secrets = {{ token = {{ file = "{token}", in = ["ws-json:/params/auth/token"] }} }}
timeout = "{timeout}"
breaker = {{ failures = 1000, pause = "1s" }}

[transports.{name}.config]
url = "ws://{gateway}/"
node = "{on}"
argv = {argv}
{parameters}{more}

[[routes]]
to = "{to}"
chain = ["{name}"]
deadline = "10m"
backoff = {backoff}
"#
        ));
    }
    world.byway.configure(&toml)
}

/// How often a command began on the node.
pub(super) fn ran(far: &Far, name: &str) -> usize {
    let lines = fs::read_to_string(far.node.work().join(name)).unwrap_or_default();
    lines.lines().count()
}

pub(super) fn until_ran(world: &World, far: &Far, name: &str) -> Result<()> {
    world
        .deadline
        .wait_for("the command beginning on the node", DELIVERY_MAY_TAKE, || {
            Ok((ran(far, name) > 0).then_some(()))
        })
}

/// How often a message lies in the inbox over there.
pub(super) fn inbox(far: &Far, id: &str) -> Result<usize> {
    inbox_of(far, "beta", id)
}

pub(super) fn inbox_of(far: &Far, agent: &str, id: &str) -> Result<usize> {
    let listed = far
        .byway
        .ask(&["inbox", "list", "--agent", agent, "--limit", "200", "--json"])?;
    let items = listed
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_it = |item: &&Value| item.get("id").and_then(Value::as_str) == Some(id);
    Ok(items.iter().filter(is_it).count())
}

/// A message's words, as they lie there.
pub(super) fn read(far: &Far, id: &str) -> Result<String> {
    let told = "`byway inbox read` over there";
    far.byway
        .call(&["inbox", "read", "--agent", "beta", "--peek", id])?
        .success(told)
}
