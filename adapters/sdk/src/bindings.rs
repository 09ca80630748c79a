//! The contract as Rust, generated from `wit/transport.wit`.
//!
//! Adapters use the names that the crate's root re-exports; this module is public because the code
//! that [`export!`](crate::export) expands to names its parts.

#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code: its calls over the component boundary are raw, and its documentation is the WIT's"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "transport-adapter",
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    export_macro_name: "export_adapter",
    default_bindings_module: "byway_adapter::bindings",
    generate_all,
});

/// The optional interface `reconciler`. A world of its own, so that only components that have it
/// export it.
pub mod reconciling {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package byway:sdk; world reconciling { export byway:transport/reconciler@0.1.0; }",
        world: "byway:sdk/reconciling",
        additional_derives: [PartialEq, Eq],
        with: { "byway:transport/types@0.1.0": super::byway::transport::types },
        pub_export_macro: true,
        export_macro_name: "export_reconciler",
        default_bindings_module: "byway_adapter::bindings::reconciling",
    });
}

/// The optional interface `receiver`. A world of its own, for the same reason.
pub mod receiving {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package byway:sdk; world receiving { export byway:transport/receiver@0.1.0; }",
        world: "byway:sdk/receiving",
        additional_derives: [PartialEq, Eq],
        with: { "byway:transport/types@0.1.0": super::byway::transport::types },
        pub_export_macro: true,
        export_macro_name: "export_receiver",
        default_bindings_module: "byway_adapter::bindings::receiving",
    });
}
