//! Runs adapters without trusting them.
//!
//! An adapter is a component that anybody may have written. It runs in a fresh instance for each
//! attempt, under one deadline, with bounded memory, and reaches nothing but what its transport was
//! granted: requests, commands and folders that the operator named, secrets of which it only ever
//! sees references. Whatever it does (loop, crash, lie, eat memory), it hurts its own attempt alone,
//! and the attempt's outcome says truthfully whether something may have left.

mod adapter_file;
mod answers;
mod breakage;
mod call;
mod command;
mod compile;
mod compiled;
mod component;
mod deadline;
mod denial;
mod effect;
mod egress;
mod engine;
mod files;
mod fix;
mod imports;
mod inspect;
mod keep;
mod known;
mod lane;
mod limits;
mod load;
mod log_lines;
mod message;
mod outcome;
mod places;
mod preflight;
mod quarantine;
mod reach;
mod scrub;
mod secret_command;
mod secret_source;
mod secrets;
mod signer;
mod state;
mod supervision;
mod text;
mod ticker;
mod translate;
mod transport;
mod warm;
mod websocket;
mod world;

pub use answers::{Batch, Description, Finding, Item, Needs, Readiness, ReadyState, ReceiveFault, Words};
pub use compile::{CompileJob, CompileLimits, Compiling, compile_component};
pub use egress::covers;
pub use inspect::{Configured, Inspection};
pub use keep::KeepProgress;
pub use load::{Sandbox, SandboxError, SandboxSettings};
pub use message::Call;
pub use places::Place;
pub use preflight::PreflightProblem;
pub use secret_source::read as read_secret;
pub use supervision::Quarantined;
pub use transport::LoadedTransport;
