//! The delivery of one message, from accepted to an end that a person can read.
//!
//! The policies are pure: a [`Flight`] (what has happened to a message so far), a [`Plan`] (what its
//! route asks for now), the time and a random number go in, and a [`Decision`] comes out. The
//! [`Engine`] is the thin driver around them: it writes down what is about to happen, lets it happen,
//! and writes down what happened.
//!
//! What it promises:
//!
//! - Nothing that could deliver a message twice is done while it is unknown whether it
//!   arrived, unless the route says `on_unknown = "continue"`.
//! - That an attempt has begun is on disk before it begins; one that a crash cut off comes back as
//!   unknown, never as not made.
//! - byway's own faults are recorded as skipped, and cost the message nothing but time.
//! - Every end has a reason.

mod backoff;
mod breaker;
mod crowd;
mod decide;
mod driver;
mod flight;
mod in_force;
mod journey;
mod keep;
mod overdue;
mod plan;
mod planning;
mod record;
mod settle;
#[cfg(test)]
mod tests;
mod transports;

pub use breaker::BreakerState;
pub use decide::{Decision, Skip, SkipReason, decide};
pub use driver::{Clock, Engine, EngineSettings};
pub use flight::{Flight, StepState};
pub use in_force::{Current, InForce};
pub use plan::{Gate, Plan, PlannedStep};
pub use settle::{Ending, attempted, interrupted, receipt, reconciled};
pub use transports::{Fleet, TransportView, Transports};
