//! Carries a message to a person or a group on Telegram, and what they answer back.
//!
//! It promises that a part of a long message which Telegram took is not sent again, that nobody is heard who is
//! not named, and that what somebody wrote is confirmed to Telegram only after the host has it safe.
//! `docs/adapters/telegram.md` is its manual.

mod address;
mod api;
mod check;
mod config;
mod event;
mod judge;
mod mark;
mod probe;
mod receive;
mod send;
mod split;
mod text;
mod update;
mod whom;

use byway_adapter::{
    Adapter, Attempt, Batch, Description, Envelope, Failure, Needs, Problems, Readiness, Receipt, Receiver,
    progress,
};

use config::Config;

struct Telegram;

impl Adapter for Telegram {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "telegram".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "A chat on Telegram: people read messages there, and answer.".to_owned(),
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
        send::send(
            config,
            envelope,
            progress::saved(attempt),
            |body| api::post(config, "sendMessage", body),
            progress::save,
        )
    }
}

impl Receiver for Telegram {
    fn receive(config: &Config, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
        receive::receive(config, cursor, max)
    }
}

byway_adapter::export!(Telegram, receiver);
