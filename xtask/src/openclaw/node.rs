//! A real node of a gateway, on this machine: its folder, its running process, and what it may do.
//!
//! What a person would do with it (approve it, list what it may run, take it away) goes through OpenClaw's own program.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::demo::deadline::Deadline;
use crate::demo::leash::Leash;
use crate::failure::{Doing, Failure, Result};
use crate::process;

use super::gateway::Gateway;
use super::runtime::Runtime;
use super::world::World;

/// It connects within 25 s on a machine that is busy, and takes minutes on one with thirty at work.
const CHANGES_WITHIN: Duration = Duration::from_secs(240);
/// One call of the program takes two seconds on an idle machine, and took more than a minute on one with fifteen at work.
const CALL_MAY_TAKE: Duration = Duration::from_secs(180);

/// A node that may be running.
#[derive(Debug)]
pub(crate) struct Node {
    name: &'static str,
    runtime: Runtime,
    folder: PathBuf,
    port: u16,
    token: String,
    deadline: Deadline,
    running: Option<Leash>,
}

impl Node {
    /// Prepares one of this gateway, in a folder of its own.
    pub(crate) fn new(
        name: &'static str,
        runtime: &Runtime,
        folder: &Path,
        gateway: &Gateway,
        deadline: Deadline,
    ) -> Result<Self> {
        let folder = folder.join(format!("node-{name}"));
        for name in ["home", "state", "work"] {
            fs::create_dir_all(folder.join(name)).doing("make the node's folders")?;
        }
        // Only for the program's own commands: `node run` is told where its gateway is.
        let configuration = json!({ "gateway": {
            "mode": "local", "port": gateway.address().port(), "auth": { "mode": "token", "token": gateway.token() },
        } });
        fs::write(folder.join("openclaw.json"), configuration.to_string())
            .doing("write the node's configuration")?;
        Ok(Self {
            name,
            runtime: runtime.clone(),
            folder,
            port: gateway.address().port(),
            token: gateway.token().to_owned(),
            deadline,
            running: None,
        })
    }

    /// One of this running gateway, connected and approved, with its folder below the one of this part.
    pub(crate) fn approved(name: &'static str, part: &str, world: &World, gateway: &Gateway) -> Result<Self> {
        let (_, runtime, _) = world.ground();
        let mut node = Self::new(name, &runtime, &world.folder(part)?, gateway, world.deadline)?;
        node.start()?;
        node.approve()?;
        Ok(node)
    }

    /// A folder for what its commands do.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Starts it, and waits until its gateway has it.
    pub(crate) fn start(&mut self) -> Result<()> {
        let port = self.port.to_string();
        let arguments = [
            "node",
            "run",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--display-name",
            self.name,
        ];
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.folder.join("log"))
            .doing("open the node's log")?;
        let (leash, mut stdout) = Leash::start(&self.command(&arguments), log)?;
        std::thread::spawn(move || drop(stdout.read_to_end(&mut Vec::new())));
        self.running = Some(leash);
        self.until("the node getting connected", |node| flag(node, "connected"))
    }

    /// Kills it, and waits until its gateway knows.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut leash) = self.running.take() {
            leash.end()?;
        }
        self.until("the gateway missing the node", |node| !flag(node, "connected"))
    }

    /// Kills it without another look: what it did is cut off.
    pub(crate) fn cut_off(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), |mut leash| leash.end())
    }

    /// Approves all that it offers.
    pub(crate) fn approve(&self) -> Result<()> {
        let pending = self.ask("node.pair.list")?;
        let requests = pending.get("pending").and_then(Value::as_array);
        let of_this = requests
            .into_iter()
            .flatten()
            .find(|request| request.get("displayName").and_then(Value::as_str) == Some(self.name));
        let request = of_this
            .and_then(|request| request.get("requestId")?.as_str())
            .ok_or_else(|| {
                Failure::new(format!(
                    "the gateway has no request of the node {}: {pending}",
                    self.name
                ))
            })?;
        self.tell(&["nodes", "approve", request])?;
        self.until("the node being approved", |node| {
            let commands = node.get("commands").and_then(Value::as_array);
            commands.is_some_and(|commands| commands.iter().any(|command| command == "system.run"))
        })
    }

    /// Says what it may run: `full`, `allowlist` (which is empty), `deny`; and whether it asks.
    pub(crate) fn may_run(&self, security: &str, ask: &str) -> Result<()> {
        let approvals =
            json!({ "version": 1, "defaults": { "security": security, "ask": ask }, "agents": {} });
        let file = self.folder.join("approvals.json");
        fs::write(&file, approvals.to_string()).doing("write what the node may run")?;
        let file = file.display().to_string();
        self.tell(&["approvals", "set", "--node", &self.id()?, "--file", &file])
            .map(drop)
    }

    /// Takes its pairing away.
    pub(crate) fn remove(&self) -> Result<()> {
        self.tell(&["nodes", "remove", "--node", &self.id()?]).map(drop)
    }

    /// Its id, as its gateway knows it.
    pub(crate) fn id(&self) -> Result<String> {
        let id = self
            .known()?
            .and_then(|node| Some(node.get("nodeId")?.as_str()?.to_owned()));
        id.ok_or_else(|| Failure::new(format!("the gateway does not know the node {}", self.name)))
    }

    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        self.deadline.wait_for(what, CHANGES_WITHIN, || {
            Ok(self.known()?.filter(|node| is_so(node)).map(drop))
        })
    }

    fn known(&self) -> Result<Option<Value>> {
        let list = self.ask("node.list")?;
        let nodes = list
            .get("nodes")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let of_this = |node: &Value| node.get("displayName").and_then(Value::as_str) == Some(self.name);
        Ok(nodes.into_iter().find(of_this))
    }

    fn ask(&self, method: &str) -> Result<Value> {
        self.tell(&["gateway", "call", method, "--params", "{}"])
    }

    /// Runs one command of OpenClaw's program that answers in JSON.
    fn tell(&self, what: &[&str]) -> Result<Value> {
        let told = format!("`openclaw {}`", what.join(" "));
        let url = format!("ws://127.0.0.1:{}", self.port);
        let mut arguments = what.to_vec();
        arguments.extend(["--url", &url, "--token", &self.token, "--json"]);
        let text = process::output_within(
            &mut self.command(&arguments),
            self.deadline.left(CALL_MAY_TAKE),
            &told,
        )?
        .success(&told)?;
        serde_json::from_str(text.trim())
            .map_err(|error| Failure::new(format!("{told} did not answer in JSON ({error}): {text}")))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let within = |name: &str| self.folder.join(name).display().to_string();
        let environment = [
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("HOME", within("home")),
            ("OPENCLAW_HOME", within("home")),
            ("OPENCLAW_STATE_DIR", within("state")),
            ("OPENCLAW_CONFIG_PATH", within("openclaw.json")),
            ("OPENCLAW_GATEWAY_TOKEN", self.token.clone()),
            ("OPENCLAW_NO_RESPAWN", "1".to_owned()),
            ("OPENCLAW_DISABLE_BONJOUR", "1".to_owned()),
            ("OPENCLAW_NO_AUTO_UPDATE", "1".to_owned()),
            ("DO_NOT_TRACK", "1".to_owned()),
        ];
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.runtime.command(&environment, &arguments)
    }
}

fn flag(node: &Value, name: &str) -> bool {
    node.get(name) == Some(&Value::Bool(true))
}
