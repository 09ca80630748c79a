//! Guests that want out of the folders they were granted. In every case the file beside the granted folder keeps its
//! text and gets no neighbour; that is looked at after each case of the whole table.

use byway::config::FolderAccess;
use serde_json::{Value, json};

use crate::case::{Case, Grant, sends};

fn appends(name: &'static str, folder: &str, file: &str) -> Case {
    sends(
        name,
        json!([{ "append": { "folder": folder, "name": file, "bytes": "x" } }]),
    )
    .granted([Grant::Folder(FolderAccess::Append)])
}

/// Something done through WASI to a folder granted for reading. The guest passes on what it was told.
fn reads(name: &'static str, trick: Value) -> Case {
    sends(
        name,
        json!([{ "trick": trick }, { "http": { "url": "{far}/$last" } }]),
    )
    .granted([Grant::Folder(FolderAccess::Read), Grant::Far])
    .denied("trick")
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        appends("append-above", "{granted}", "../new").denied("invalid"),
        appends("append-through-a-link", "{granted}", "link/new").denied("invalid"),
        appends("append-to-a-linked-file", "{granted}", "linked").denied("invalid"),
        appends("append-to-an-absolute-path", "{granted}", "{place}/new").denied("invalid"),
        appends("append-with-a-nul", "{granted}", "a\0b").denied("invalid"),
        appends("append-to-a-hidden-file", "{granted}", ".claimed").denied("invalid"),
        appends("append-to-another-folder", "{place}", "new").denied("not-granted"),
        appends(
            "append-to-the-folder-by-another-spelling",
            "{granted}/../../{place}",
            "new",
        )
        .denied("not-granted"),
        sends(
            "drop-above",
            json!([{ "drop": { "folder": "{granted}", "name": "../new", "bytes": "x" } }]),
        )
        .granted([Grant::Folder(FolderAccess::Drop)])
        .denied("invalid"),
        // The name is taken by a link; dropping through it would overwrite what it leads to.
        sends(
            "drop-onto-a-link",
            json!([{ "drop": { "folder": "{granted}", "name": "linked", "bytes": "x" } }]),
        )
        .granted([Grant::Folder(FolderAccess::Drop)])
        .denied("invalid"),
        sends(
            "drop-where-only-append-is-granted",
            json!([{ "drop": { "folder": "{granted}", "name": "new", "bytes": "x" } }]),
        )
        .granted([Grant::Folder(FolderAccess::Append)])
        .denied("not-granted"),
        sends(
            "claim-a-linked-file",
            json!([{ "claim": { "folder": "{granted}", "name": "linked" } }, { "last": "$last" }]),
        )
        .granted([Grant::Folder(FolderAccess::Receive)])
        .denied("invalid"),
        sends(
            "claim-above",
            json!([{ "claim": { "folder": "{granted}", "name": "../outside" } }]),
        )
        .granted([Grant::Folder(FolderAccess::Receive)])
        .denied("invalid"),
        reads("read-above", json!({ "do": "read", "a": "{granted}/../outside" })),
        reads(
            "read-through-a-link",
            json!({ "do": "read", "a": "{granted}/linked" }),
        ),
        reads(
            "read-an-absolute-path",
            json!({ "do": "read", "a": "/etc/passwd" }),
        ),
        reads(
            "write-where-only-reading-is-granted",
            json!({ "do": "write", "a": "{granted}/new" }),
        ),
        reads(
            "rename-out",
            json!({ "do": "rename", "a": "{granted}/file", "b": "{granted}/../new" }),
        ),
        reads(
            "rename-within",
            json!({ "do": "rename", "a": "{granted}/file", "b": "{granted}/new" }),
        ),
        reads(
            "hard-link",
            json!({ "do": "link", "a": "{granted}/file", "b": "{granted}/new" }),
        ),
        reads("remove", json!({ "do": "remove", "a": "{granted}/file" })),
        reads("make-a-folder", json!({ "do": "folder", "a": "{granted}/new" })),
    ]
}
