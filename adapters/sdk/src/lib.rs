//! What a transport adapter for byway is written with.
//!
//! An adapter is a type that implements [`Adapter`] and is named in [`export!`]; everything else
//! in this crate is there so that the four functions of that trait stay short and truthful:
//!
//! | to | use |
//! | --- | --- |
//! | read a configuration and point at its mistakes | [`configuration`], [`Problems`] |
//! | put a message's parts into texts, escaped for where they go | [`template`] |
//! | make a request, and say what its answer means | [`http`], [`status`], [`answer`] |
//! | speak a protocol over WebSocket | [`websocket`] |
//! | run a granted command, write to a granted folder | [`command`], [`files`] |
//! | use a secret, sign a body, remember a step | [`secrets`], [`signer`], [`progress`] |
//! | say how an attempt ended | [`Receipt`], [`Failure`] |
//!
//! Parts that need no host (everything but the calls themselves) run in ordinary native tests.
//! `docs/adapters/writing-your-own.md` walks through a whole adapter.

pub mod adapter;
pub mod answer;
pub mod bindings;
pub mod civil;
pub mod command;
pub mod configuration;
mod export;
mod failure;
pub mod files;
pub mod http;
pub mod log;
mod message;
mod nearest;
mod needs;
mod problem;
pub mod progress;
mod receipt;
pub mod sample;
pub mod secrets;
pub mod signer;
pub mod status;
pub mod template;
pub mod websocket;

pub use adapter::{Adapter, Receiver, Reconciler};
pub use bindings::byway::transport::types::{
    Attempt, Data, Denial, Envelope, Failure, FailureKind, Header, Receipt, ReceiptStatus,
};
pub use bindings::exports::byway::transport::adapter::{
    Description, Finding, FolderNeed, Needs, Problem, Readiness, SecretNeed, State,
};
pub use bindings::receiving::exports::byway::transport::receiver::{Batch, Item, Words};
pub use bindings::reconciling::exports::byway::transport::reconciler::Verdict;
pub use problem::Problems;
