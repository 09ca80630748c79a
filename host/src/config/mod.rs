//! One TOML file to a checked model.
//!
//! Everything the other rooms read from here is already right: names are names, every transport a
//! route speaks of exists, every grant parses. What is wrong is told all at once, each with its
//! file, line and column, the nearest right word, and a fix; and a wrong file changes nothing.

mod approval;
mod command;
mod defaults;
mod disk;
mod duration;
mod grants;
mod group;
mod http_grant;
mod inbound;
mod instance;
mod item;
mod json;
mod keys;
mod known;
mod locate;
mod model;
pub(crate) mod nearest;
mod peer;
mod problem;
mod proxy;
mod rate;
mod read;
mod reader;
mod render;
mod rights;
mod route;
mod secret;
mod shell;
mod size;
mod source;
mod template;
mod transport;

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

pub use duration::{DurationError, parse_duration, show_duration};
pub(crate) use group::RECIPIENTS_MAX;
pub use http_grant::HttpGrantError;
pub use locate::locate;
pub use model::{
    AdapterRef, Api, Approval, Authority, Backoff, Breaker, Config, DiskBudget, DoneAt, Durability, Inbound,
    Instance, Limits, Mode, OnApprovalExpiry, OnBlock, OnUnknown, Peer, Place, Position, Proxy, Rate,
    Receive, Reload, Retention, Route, Secret, SecretSource, SignerKeys, Step, Strategy, Transport,
    TransportLimits,
};
pub use problem::{ConfigError, ConfigErrors, Problem};
pub use read::{load, parse, sketch};
pub use rights::{
    ArgumentTemplate, CommandGrant, CommandInput, FolderAccess, FolderGrant, Grants, HostPattern, HttpGrant,
    PathPattern,
};
pub use size::{SizeError, parse_size, show_size};
pub use source::SourceText;
