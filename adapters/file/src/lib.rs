//! Carries a message as a file: a section in an agent's Markdown notes, or a whole event in a drop folder
//! that another byway empties.
//!
//! It promises that a section is there whole or not at all, that a dropped event is there once however
//! often it is tried, and that an event is deleted only after the host has it safe.
//! `docs/adapters/file.md` is its manual.

mod check;
mod config;
mod drop;
mod note;
mod receive;

use byway_adapter::template::Values;
use byway_adapter::{
    Adapter, Attempt, Batch, Description, Envelope, Failure, Finding, Needs, Problems, Readiness, Receipt,
    ReceiptStatus, Receiver, files,
};

use config::{Config, Mode};

struct File;

impl Adapter for File {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "file".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "A section in a Markdown file, or a whole message in a drop folder.".to_owned(),
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
        let line = format!("folder {}", config.folder);
        Readiness::from_findings(vec![match files::list(&config.folder, config.suffix(), 1) {
            Ok(_) => Finding::good(line, "It is there, and granted."),
            Err(failure) => Finding::bad(
                line,
                failure.message,
                failure.fix.unwrap_or_else(|| {
                    "Look whether the folder is there, and byway's user may write in it.".to_owned()
                }),
            ),
        }])
    }

    fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
        match config.mode {
            Mode::Note => send_note(config, envelope, attempt),
            Mode::Drop => send_drop(config, envelope),
        }
    }
}

impl Receiver for File {
    fn receive(config: &Config, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
        receive::receive(config, cursor, max)
    }
}

fn send_note(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
    let values = Values::of_attempt(envelope, attempt).at_offset(config.timezone_offset.0);
    let name = note::file_name(config, &values)?;
    let section = note::section(config, &values)?;
    files::append_record(&config.folder, &name, section.as_bytes())?;
    Ok(Receipt::new(ReceiptStatus::Delivered).with_reference(Some(name)))
}

fn send_drop(config: &Config, envelope: &Envelope) -> Result<Receipt, Failure> {
    let name = drop::file_name(envelope);
    let detail = match files::put(&config.folder, &name, &envelope.structured)? {
        files::Dropped::There => None,
        // The name is made of the message and its data, so it is an earlier attempt's: attributes that
        // change between attempts, such as `fallback`, make the bytes differ.
        files::Dropped::OtherThere => Some("It was there already, from an earlier attempt.".to_owned()),
    };
    Ok(Receipt::new(ReceiptStatus::Accepted)
        .with_reference(Some(name))
        .with_detail(detail))
}

byway_adapter::export!(File, receiver);
