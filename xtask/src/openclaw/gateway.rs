//! A real gateway: its folder, its configuration, its running process.

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::demo::deadline::Deadline;
use crate::demo::leash::Leash;
use crate::failure::{Doing, Failure, Result};
use crate::process;

use super::runtime::Runtime;
use super::wire;

/// The start takes 15 s on a machine that is idle, and minutes on one with fifteen at work.
const READY_WITHIN: Duration = Duration::from_secs(360);
const RELOAD_WITHIN: Duration = Duration::from_secs(40);
/// It takes four seconds, and waits for turns under way much longer than anybody here would.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// One call of its program takes two seconds on an idle machine and more than a minute on one with fifteen at work; the
/// first turn after a start ten more.
const CALL_MAY_TAKE: Duration = Duration::from_secs(180);
const TURN_MAY_TAKE: Duration = Duration::from_secs(240);

/// A gateway that may be running.
#[derive(Debug)]
pub(crate) struct Gateway {
    runtime: Runtime,
    folder: PathBuf,
    deadline: Deadline,
    address: SocketAddr,
    token: String,
    hook_token: String,
    a2a_token: String,
    lent: Vec<(&'static str, String)>,
    running: Option<Leash>,
}

impl Gateway {
    /// Prepares one that thinks with `model`, in a folder of its own, of this name.
    pub(crate) fn new(
        name: &str,
        runtime: &Runtime,
        folder: &Path,
        model: SocketAddr,
        deadline: Deadline,
    ) -> Result<Self> {
        let gateway = Self {
            runtime: runtime.clone(),
            folder: folder.join(name),
            deadline,
            address: free_address()?,
            token: random_token()?,
            hook_token: random_token()?,
            a2a_token: random_token()?,
            lent: Vec::new(),
            running: None,
        };
        for name in ["home", "state", "main", "beta/memory"] {
            fs::create_dir_all(gateway.folder.join(name)).doing("make the gateway's folders")?;
        }
        gateway.write(&gateway.first_configuration(model))?;
        Ok(gateway)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The token of its hooks.
    pub(crate) fn hook_token(&self) -> &str {
        &self.hook_token
    }

    /// The token of the one peer of its A2A channel.
    pub(crate) fn a2a_token(&self) -> &str {
        &self.a2a_token
    }

    /// The name of its folder, for files beside it.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The folder of an agent's memory.
    pub(crate) fn memory(&self, agent: &str) -> PathBuf {
        self.folder.join(agent).join("memory")
    }

    /// The environment of everything of its program that is to find this gateway, and nothing else.
    pub(crate) fn environment(&self) -> [(&'static str, String); 10] {
        let within = |name: &str| self.folder.join(name).display().to_string();
        [
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("HOME", within("home")),
            ("OPENCLAW_HOME", within("home")),
            ("OPENCLAW_STATE_DIR", within("state")),
            ("OPENCLAW_CONFIG_PATH", within("openclaw.json")),
            ("OPENCLAW_NO_RESPAWN", "1".to_owned()),
            ("OPENCLAW_DISABLE_BONJOUR", "1".to_owned()),
            ("OPENCLAW_NO_AUTO_UPDATE", "1".to_owned()),
            ("DO_NOT_TRACK", "1".to_owned()),
        ]
    }

    /// What the commands of its agents find in their environment from its next start on.
    pub(crate) fn lend(&mut self, environment: Vec<(&'static str, String)>) {
        self.lent = environment;
    }

    /// Its program as the first arguments of a command: Node, and what it is to run.
    pub(crate) fn program(&self) -> [String; 2] {
        self.runtime.argv()
    }

    /// A copy of its configuration in which its port is another, so that its program looks where nobody listens.
    pub(crate) fn configuration_of_nobody(&self) -> Result<PathBuf> {
        let path = self.folder.join("openclaw-nobody.json");
        let text = fs::read_to_string(self.folder.join("openclaw.json")).doing("read a configuration")?;
        let mut configuration: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("the gateway's configuration is not JSON: {error}")))?;
        if let Some(port) = configuration.pointer_mut("/gateway/port") {
            *port = free_address()?.port().into();
        }
        fs::write(&path, configuration.to_string()).doing("write a configuration")?;
        Ok(path)
    }

    /// Starts it, and does not wait until it is ready.
    pub(crate) fn start(&mut self) -> Result<()> {
        let mut environment = self.environment().to_vec();
        environment.extend(self.lent.iter().cloned());
        let port = self.address.port().to_string();
        let arguments = ["gateway", "run", "--port", port.as_str()].map(str::to_owned);
        let command = self.runtime.command(&environment, &arguments);
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.folder.join("log"))
            .doing("open the gateway's log")?;
        let (leash, mut stdout) = Leash::start(&command, log)?;
        std::thread::spawn(move || drop(stdout.read_to_end(&mut Vec::new())));
        self.running = Some(leash);
        Ok(())
    }

    /// Waits until it is ready.
    pub(crate) fn ready(&mut self) -> Result<()> {
        let (address, deadline) = (self.address, self.deadline);
        deadline.wait_for("the gateway getting ready", READY_WITHIN, || {
            if wire::ask(address, "GET", "/readyz", "", "") == Some(200) {
                return Ok(Some(()));
            }
            match self.running.as_mut().is_some_and(Leash::is_running) {
                true => Ok(None),
                false => Err(Failure::new("the gateway has ended instead of getting ready")
                    .fix(format!("look into {}", self.folder.join("log").display()))),
            }
        })
    }

    /// Ends it in good order. One that was killed three times within five minutes starts without its channels, A2A
    /// among them, so nothing but what is about a killed gateway kills it.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.running
            .take()
            .map_or(Ok(()), |mut leash| leash.stop(STOPPED_WITHIN))
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(mut leash) => leash.end(),
            None => Ok(()),
        }
    }

    /// Empties a session, as a person would with `/reset`.
    pub(crate) fn reset(&self, session: &str) -> Result<()> {
        let url = format!("ws://{}", self.address);
        let params = json!({ "key": session }).to_string();
        let method = ["gateway", "call", "sessions.reset", "--params", &params];
        let there = ["--url", &url, "--token", &self.token];
        self.call(&[&method[..], &there].concat(), CALL_MAY_TAKE)
            .map(drop)
    }

    /// Whether it has taken on the message with this key for a session: what it says yes to, it writes down first.
    pub(crate) fn has_taken(&self, session: &str, key: &str) -> Result<bool> {
        let url = format!("ws://{}", self.address);
        let params = json!({ "sessionKey": session, "limit": 50, "inputRunIds": [key] }).to_string();
        let method = ["gateway", "call", "chat.history", "--params", &params];
        let there = ["--url", &url, "--token", &self.token];
        let history = self.call(&[&method[..], &there].concat(), CALL_MAY_TAKE)?;
        Ok(history.contains(key))
    }

    /// Tells an agent something, as its owner would at a terminal, and waits until its turn is over.
    pub(crate) fn tell(&self, agent: &str, text: &str) -> Result<()> {
        self.call(&["agent", "--agent", agent, "--message", text], TURN_MAY_TAKE)
            .map(drop)
    }

    /// Runs one command of its program, which has to succeed, and gives what it said.
    fn call(&self, what: &[&str], may_take: Duration) -> Result<String> {
        let told = format!(
            "`openclaw {}`",
            what.iter().take(3).copied().collect::<Vec<_>>().join(" ")
        );
        let arguments: Vec<String> = what
            .iter()
            .chain(&["--json"])
            .map(|&word| word.to_owned())
            .collect();
        let mut command = self.runtime.command(&self.environment(), &arguments);
        process::output_within(&mut command, self.deadline.left(may_take), &told)?.success(&told)
    }

    /// Says which tools may be called over HTTP, and waits until the running gateway has read it.
    pub(crate) fn allow_tools(&self, names: &[&str]) -> Result<()> {
        let path = self.folder.join("openclaw.json");
        let text = fs::read_to_string(&path).doing("read the gateway's configuration")?;
        let mut configuration: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("the gateway's configuration is not JSON: {error}")))?;
        if let Some(gateway) = configuration
            .pointer_mut("/gateway")
            .and_then(Value::as_object_mut)
        {
            gateway.insert("tools".to_owned(), json!({ "allow": names }));
        }
        self.write(&configuration)?;
        // The tool without arguments is a bad request where it may be called.
        let wanted = if names.contains(&"sessions_send") {
            400
        } else {
            404
        };
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.token
        );
        self.deadline
            .wait_for("the gateway reading its configuration", RELOAD_WITHIN, || {
                let body = r#"{"tool":"sessions_send","args":{}}"#;
                let status = wire::ask(self.address, "POST", "/tools/invoke", &headers, body);
                Ok((status == Some(wanted)).then_some(()))
            })
    }

    fn first_configuration(&self, model: SocketAddr) -> Value {
        let within = |name: &str| self.folder.join(name).display().to_string();
        json!({
            "gateway": {
                "mode": "local", "bind": "loopback", "port": self.address.port(),
                "auth": { "mode": "token", "token": self.token },
                "controlUi": { "enabled": false },
                "tools": { "allow": ["sessions_send"] },
                "http": { "endpoints": { "chatCompletions": { "enabled": true } } },
            },
            "hooks": {
                "enabled": true, "token": self.hook_token, "path": "/hooks",
                "allowRequestSessionKey": true, "allowedSessionKeyPrefixes": ["hook:", "agent:"],
            },
            "channels": { "a2a": {
                "enabled": true, "rateLimitPerMinute": 0, "replyTimeoutMs": 30_000,
                "peers": { "byway": { "token": self.a2a_token } },
            } },
            // Else all gateways of a machine share one in /tmp.
            "logging": { "file": within("openclaw.log") },
            // Nothing is to leave this machine.
            "update": { "checkOnStart": false },
            "telemetry": { "enabled": false },
            "discovery": { "mdns": { "mode": "off" } },
            "browser": { "enabled": false },
            "plugins": { "allow": ["memory-core", "a2a"] },
            "models": { "mode": "replace", "providers": { "fixed": {
                "baseUrl": format!("http://{model}/v1"), "apiKey": "none", "api": "openai-completions",
                "models": [{
                    "id": "fixed", "name": "fixed", "reasoning": false, "input": ["text"],
                    "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 },
                    "contextWindow": 128_000, "maxTokens": 4096,
                }],
            } } },
            "agents": {
                "ownership": "explicit",
                "defaults": {
                    "model": { "primary": "fixed/fixed" }, "skipBootstrap": true,
                    "heartbeat": { "every": "0m" }, "systemAgent": { "agentId": "main" },
                },
                "entries": { "main": { "workspace": within("main") }, "beta": { "workspace": within("beta") } },
            },
        })
    }

    fn write(&self, configuration: &Value) -> Result<()> {
        fs::write(self.folder.join("openclaw.json"), configuration.to_string())
            .doing("write the gateway's configuration")
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .doing("find a free port")
}

/// A token that nobody knows.
pub(crate) fn random_token() -> Result<String> {
    let mut bytes = [0; 24];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .doing("read from /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
