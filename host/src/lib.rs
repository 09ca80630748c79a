//! byway gets a message from an agent on one machine to an agent on another, over whichever
//! transport works.
//!
//! The rooms of the house, lower ones first; a lower room knows nothing of an upper one:
//!
//! | room | its one job |
//! | --- | --- |
//! | [`envelope`] | what a message is: parse, validate, print, sign, verify; addresses |
//! | [`contract`] | the words of an attempt's end, and the bindings to `wit/` |
//! | [`config`] | one TOML file to a checked model; every error with file, line and a fix |
//! | [`routing`] | which route and chain a message takes; pure |
//! | [`store`] | outbox, inbox and journal in SQLite |
//! | [`sandbox`] | runs adapters: engine, grants, egress, secrets, limits |
//! | [`delivery`] | the state machine of one message's delivery, pure; and the driver that runs it |
//! | [`intake`] | what may come in, from whom, and once |
//! | [`api`] | HTTP in front of it, and principals |
//! | [`cli`] | one file a verb |
//!
//! Beside them: [`identity`] (who this instance is), [`principal`] (who calls), [`private_file`] (files that
//! are nobody else's business), [`builtin`] (the adapters it carries), [`lanes`] (the threads of its deliveries), and [`front`], one running byway put together.
//!
//! [`error_code`] lists every error a person can meet, with its cause and its fix.

pub mod api;
pub mod builtin;
pub mod cli;
pub mod config;
pub mod contract;
pub mod delivery;
pub mod envelope;
pub mod error_code;
pub mod front;
mod hexadecimal;
pub mod identity;
pub mod intake;
pub mod lanes;
pub mod principal;
pub mod private_file;
pub mod routing;
pub mod sandbox;
pub mod store;
