//! Carries a message as one HTTP request: to another byway, or to whatever takes webhooks.
//!
//! It promises to send exactly one request for each attempt, to sign exactly the bytes that it sends,
//! and to say "delivered" only where the far side said so. `docs/adapters/webhook.md` is its manual.

mod check;
mod config;
mod headers;
mod judge;
mod probe;
mod repetition;
mod request;

use byway_adapter::template::Values;
use byway_adapter::{
    Adapter, Attempt, Description, Envelope, Failure, Needs, Problems, Readiness, Receipt, http, signer,
};

use config::Config;

struct Webhook;

impl Adapter for Webhook {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "webhook".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "One HTTP request: to another byway, or to whatever takes webhooks.".to_owned(),
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
        repetition::guard(config, attempt, || send(config, envelope, attempt))
    }
}

fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
    let values = Values::of_attempt(envelope, attempt);
    let request = request::build(config, envelope, attempt, &values)?;
    let mut request = request::authorize(config, request)?;
    if let Some(key) = &config.signing {
        let body = request.body.as_deref().unwrap_or_default();
        for header in signer::standard_webhook(key, &attempt.idempotency_key, body)? {
            request = request.header(&header.name, header.value);
        }
    }
    let response = request.send().map_err(http::HttpError::into_failure)?;
    judge::judge(config, &response)
}

byway_adapter::export!(Webhook);
