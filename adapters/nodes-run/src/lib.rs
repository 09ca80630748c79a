//! Runs a command on a node of one's own OpenClaw gateway: `byway accept` over there, a note, an agent's program.
//!
//! The gateway's `node.invoke` with `system.run`, over its WebSocket. It promises to look for the node before
//! anything is sent, to put a message only where the operator said, and to call an attempt failed only where
//! the gateway or the node says that nothing ran, or the exit code does. `docs/adapters/nodes-run.md` is its manual.

mod argument;
mod check;
mod config;
mod far_shell;
mod fill;
mod judge;
mod node;
mod refusal;
mod run;

use byway_adapter::{Adapter, Attempt, Description, Envelope, Failure, Needs, Problems, Readiness, Receipt};

use config::Config;

struct NodesRun;

impl Adapter for NodesRun {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "nodes-run".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "A command on a node of an OpenClaw gateway.".to_owned(),
            config_schema: include_str!("../config-schema.json").to_owned(),
            max_data_bytes: Some(fill::DATA_BYTES_MAX),
            idempotent: false,
            owner: false,
        }
    }

    fn check(config: &Config) -> Result<Needs, Problems> {
        check::check(config)
    }

    fn probe(config: &Config) -> Readiness {
        run::probe(config)
    }

    fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
        run::send(config, envelope, attempt)
    }
}

byway_adapter::export!(NodesRun);
