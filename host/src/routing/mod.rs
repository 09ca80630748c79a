//! Which route and which chain a message takes.
//!
//! The first route of the file that matches is taken; there is no second guess. Pure: a router is
//! built once from a checked configuration and only read afterwards, and the same question gets
//! the same answer. What it decides it can also explain, so that a person finds out before
//! sending and not after.
//!
//! It does not decide whether a message may be sent at all; that was decided where it came in.

mod explain;
mod group;
mod router;
mod show;

pub use explain::{Explanation, RouteReport, StepReport, UntrustedVerdict, Verdict};
pub use group::GroupExplanation;
pub use router::{RouteIndex, Router};
