//! One attempt: look for the node, and ask the gateway once to run the command there.
//!
//! The list of nodes is a preparation, `node.invoke` is the effect. The node ends the command a little before the
//! gateway gives up, and the gateway a little before the attempt is over, so that the nearest one tells what happened.

use byway_adapter::template::Values;
use byway_adapter::{Attempt, Envelope, Failure, Finding, Readiness, Receipt, secrets};
use openclaw_gateway::{Clock, Gateway};
use serde_json::{Value, json};

use crate::config::Config;
use crate::node::{self, SYSTEM_RUN};
use crate::{check, fill, judge, refusal};

/// What byway may do there: see the nodes, and run a command on one.
const SCOPES: [&str; 2] = ["operator.read", "operator.write"];
/// How much earlier each further one gives up, in milliseconds.
const EARLIER_MS: u64 = 1_000;
/// The shortest time that is worth a command, in milliseconds.
const WORTH_MS: u64 = 3_000;
/// How long a probe waits for the gateway, in milliseconds.
const PROBE_MS: u64 = 10_000;

pub(crate) fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
    let clock = Clock::of(attempt);
    let argv = fill::fill(config, &Values::of_attempt(envelope, attempt))?;
    let gateway = Gateway::enter(&config.url.0, &config.token, &SCOPES, clock)?;
    let nodes = list(&gateway)?;
    let node = node::find(&nodes, &config.node)?;
    let left_ms = gateway.left_ms();
    if left_ms < WORTH_MS {
        return Err(
            Failure::retryable("too-late", "There was no time left to run a command.")
                .with_fix("Give the transport a longer `timeout`: five seconds and what the command takes."),
        );
    }
    let params = params(config, node, &argv, &attempt.idempotency_key, left_ms);
    match gateway.send("run", "node.invoke", params, gateway.left_ms())? {
        Some(Ok(answer)) => judge::judge(config, &answer),
        Some(Err(refused)) => Err(refusal::of_command(&refused)),
        None => Err(Failure::unknown(
            "gateway-silent",
            "The command was sent, and the gateway did not answer in time.",
        )),
    }
}

/// Whether a command would run there now, seen without running one.
pub(crate) fn probe(config: &Config) -> Readiness {
    let mut findings: Vec<Finding> = match check::check(config) {
        Ok(_) => vec![secrets::finding(&config.token)],
        Err(problems) => problems.iter().map(Finding::from).collect(),
    };
    let line = format!("gateway {}", config.url.0);
    match Gateway::enter(&config.url.0, &config.token, &SCOPES, Clock::lasting(PROBE_MS)) {
        Err(failure) => findings.push(bad(line, failure)),
        Ok(gateway) => {
            findings.push(Finding::good(line, "It lets byway in."));
            let line = format!("node {}", config.node);
            let found = list(&gateway).and_then(|nodes| node::find(&nodes, &config.node).map(str::to_owned));
            findings.push(match found {
                Ok(id) => Finding::good(line, format!("It is connected, and runs commands ({id}).")),
                Err(failure) => bad(line, failure),
            });
        }
    }
    Readiness::from_findings(findings)
}

fn bad(line: String, failure: Failure) -> Finding {
    let fix = failure
        .fix
        .unwrap_or_else(|| "Look whether the gateway is well.".to_owned());
    Finding::bad(line, failure.message, fix)
}

fn list(gateway: &Gateway) -> Result<Value, Failure> {
    gateway
        .prepare("nodes", "node.list", json!({}))?
        .map_err(|refused| openclaw_gateway::refusal::at_login(&refused))
}

/// The gateway refuses members that it does not know, so a request has exactly what is needed.
fn params(config: &Config, node: &str, argv: &[String], key: &str, left_ms: u64) -> Value {
    let gateway_ms = left_ms.saturating_sub(EARLIER_MS);
    let mut run = json!({
        "command": argv,
        "timeoutMs": gateway_ms.saturating_sub(EARLIER_MS).max(1),
        // Else the gateway tells its own agent of every command that ended, which is a turn of the model.
        "suppressNotifyOnExit": true,
    });
    if let Some(run) = run.as_object_mut() {
        let given = [("cwd", &config.cwd), ("agentId", &config.agent)];
        for (name, value) in given {
            if let Some(value) = value {
                run.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
    json!({
        "nodeId": node,
        "command": SYSTEM_RUN,
        "params": run,
        "timeoutMs": gateway_ms.max(1),
        // The gateway wants one, and does not know a repetition by it.
        "idempotencyKey": key,
    })
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    #[test]
    fn a_request_has_what_was_configured_and_the_nearest_gives_up_first() {
        let config = r#"{"url": "ws://127.0.0.1/", "node": "n", "argv": ["a"]}"#;
        let argv = ["a".to_owned(), "--b=c".to_owned()];
        let params = |config: &str| params(&configuration::read(config).unwrap(), "80ab", &argv, "k", 10_000);
        assert_eq!(
            params(config),
            json!({"nodeId": "80ab", "command": "system.run", "timeoutMs": 9_000, "idempotencyKey": "k",
                "params": {"command": ["a", "--b=c"], "timeoutMs": 8_000, "suppressNotifyOnExit": true}})
        );
        let more = config.replacen('{', r#"{"cwd": "/srv", "agent": "ops", "#, 1);
        assert_eq!(params(&more)["params"]["cwd"], "/srv");
        assert_eq!(params(&more)["params"]["agentId"], "ops");
    }
}
