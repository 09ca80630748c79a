//! The WebSocket of an OpenClaw gateway, protocol 4: log in, ask, read the answer, and what a refusal means.
//!
//! Every adapter that speaks to a gateway does these in the same way and with the same words; what it asks
//! for is its own. `docs/adapters/sessions-send.md` and `docs/adapters/nodes-run.md` are the manuals.

mod conversation;
mod loopback;
mod protocol;
pub mod refusal;

pub use conversation::{Clock, Gateway};
pub use loopback::{NOT_ON_LOOPBACK, is_on_loopback};
pub use protocol::{Answer, Refusal};

/// Where the login has the token, as a secret's position is written.
pub const TOKEN_POSITION: &str = "ws-json:/params/auth/token";
