//! The only way out of the sandbox over the network.
//!
//! A request leaves if a grant names its method, scheme, host, port and path, if the address that the
//! name leads to may be reached, and if no reference to a secret is where it may not be. Names are
//! resolved once and the address that was looked at is the one that is dialled. No redirect is
//! followed. The guest learns that a request was denied and nothing else; the operator's log has
//! the line that would allow it.

mod address;
mod admission;
mod answer;
mod client;
mod dial;
pub(super) mod fault;
mod grant_match;
mod hook;
mod names;
pub(super) mod outgoing;
mod proxy;
mod whole;

pub(super) use client::{Client, Tls};
pub(super) use dial::{Dial, DialError};
pub use grant_match::covers;
pub(super) use grant_match::{Target, find, host_matches};
pub(super) use hook::Egress;
