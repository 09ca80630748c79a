//! The Rust side of `wit/transport.wit`, generated, so that the contract is written down once.
//!
//! Generated over the world with every ability: what an adapter exports beyond `adapter` is
//! optional, and looked for through the generated indices when a component is loaded. Imports and
//! exports are asynchronous on this side, so that a waiting guest holds no thread.

#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unused_qualifications,
    unreachable_pub,
    reason = "generated code; its documentation is in wit/transport.wit"
)]

wasmtime::component::bindgen!({
    path: "../wit/transport.wit",
    world: "full-adapter",
    imports: { default: async },
    exports: { default: async },
});
