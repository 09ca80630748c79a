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
//! - Messages of one partition are attempted in the order of their acceptance, and no priority starves another.
//! - A far side that is down or hangs costs the messages for others nothing, however many wait for it.
//! - Every end has a reason.

mod approval;
mod arrival;
mod backoff;
mod begun;
mod breaker;
mod crowd;
mod decide;
mod driver;
mod flight;
mod in_force;
mod journey;
mod keep;
mod overdue;
mod pace;
mod pick;
mod plan;
mod planning;
mod rate;
mod record;
pub(crate) mod ruling;
mod settle;
mod tally;
#[cfg(test)]
mod tests;
mod transports;
mod turns;
mod writing;

pub use breaker::{BreakerState, Sign, Trial};
pub use decide::{Decision, Skip, SkipReason, decide};
pub use driver::{Clock, Engine, EngineSettings};
pub use flight::{Flight, StepState};
pub use in_force::{Current, InForce, Tells};
pub use plan::{Gate, Plan, PlannedStep};
pub use rate::RateState;
pub use settle::{Ending, attempted, interrupted, receipt, reconciled};
pub use tally::{Counted, Tally};
pub use transports::{Fleet, TransportView, Transports};
