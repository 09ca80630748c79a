//! The sandbox from outside: real components, real connections, real files and commands.
//!
//! Each file is one concern; a test's name is the fact that it proves. The components are built from
//! `host/tests/guests` (or taken from the folder in `BYWAY_GUESTS`); where that fails, so do the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what only tests call may fail loudly; the panic is the report"
)]

mod capabilities;
mod commands;
mod compiling;
mod far_side;
mod guests;
mod house;
mod http;
mod javascript;
mod lanes;
mod limits;
mod loading;
mod proxy;
mod proxy_side;
mod reload;
mod secrets;
mod socket_side;
mod stage;
mod supervision;
mod telegram;
mod tls;
mod websocket;
mod websocket_opening;
mod whole_requests;
