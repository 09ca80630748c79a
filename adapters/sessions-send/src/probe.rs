//! Whether the gateway would let byway in, seen without sending a message.

use byway_adapter::{Finding, Readiness, secrets};
use openclaw_gateway::{Clock, Gateway};

use crate::check;
use crate::config::{Config, GatewayUrl};
use crate::question::SCOPES;

/// How long a probe waits for the gateway, in milliseconds.
const WAIT_MS: u64 = 10_000;

pub(crate) fn probe(config: &Config) -> Readiness {
    let mut findings: Vec<Finding> = match check::check(config) {
        Ok(_) => vec![secrets::finding(&config.token)],
        Err(problems) => problems.iter().map(Finding::from).collect(),
    };
    findings.push(match &config.url {
        GatewayUrl::Invoke(url) => Finding::good(
            format!("gateway {url}"),
            "Not asked: every tool is called with POST, which could deliver.",
        ),
        GatewayUrl::Socket(url) => {
            let line = format!("gateway {url}");
            match Gateway::enter(url, &config.token, &SCOPES, Clock::lasting(WAIT_MS)) {
                Ok(_) => Finding::good(line, "It lets byway in."),
                Err(failure) => Finding::bad(line, failure.message, failure.fix.unwrap_or_else(look)),
            }
        }
    });
    Readiness::from_findings(findings)
}

fn look() -> String {
    "Look whether the gateway is well.".to_owned()
}
