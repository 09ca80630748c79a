//! Gives an agent of an OpenClaw gateway a turn: the message is heard in one of its sessions, as data from
//! another agent and not as its owner's words.
//!
//! Over the gateway's own WebSocket (`ws://…`, for one's own gateway on loopback) a message is one turn
//! however often it is tried, and after a lost connection the gateway is asked before anything is sent
//! again. Over HTTP (`…/tools/invoke`) neither holds. `docs/adapters/sessions-send.md` is its manual.

mod check;
mod config;
mod history;
mod invoke;
mod probe;
mod question;
mod refusal;
mod session;
mod socket;
mod turn;
mod words;

use byway_adapter::{
    Adapter, Attempt, Description, Envelope, Failure, Needs, Problems, Readiness, Receipt, Reconciler,
    Verdict,
};

use config::{Config, GatewayUrl};

struct SessionsSend;

impl Adapter for SessionsSend {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "sessions-send".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "A turn in a session of an OpenClaw gateway.".to_owned(),
            config_schema: include_str!("../config-schema.json").to_owned(),
            max_data_bytes: None,
            idempotent: false,
            owner: false,
        }
    }

    fn check(config: &Config) -> Result<Needs, Problems> {
        check::check(config)
    }

    fn probe(config: &Config) -> Readiness {
        probe::probe(config)
    }

    fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
        match &config.url {
            GatewayUrl::Socket(url) => socket::send(config, url, envelope, attempt),
            GatewayUrl::Invoke(url) => invoke::send(config, url, envelope, attempt),
        }
    }
}

impl Reconciler for SessionsSend {
    fn reconcile(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Verdict, Failure> {
        match &config.url {
            GatewayUrl::Socket(url) => socket::reconcile(config, url, envelope, attempt),
            // Every tool is called with POST, which could deliver. What the route says of unknown holds at once.
            GatewayUrl::Invoke(_) => Err(Failure::refused(
                "nobody-to-ask",
                "Over HTTP a gateway does not say what became of a message.",
            )),
        }
    }
}

byway_adapter::export!(SessionsSend, reconciler);
