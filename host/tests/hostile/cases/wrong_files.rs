//! Files that are no adapter: of another world, damaged, or no component at all.

use byway::error_code::ErrorCode;

use crate::case::{Case, built, files};
use crate::written::{component, own};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = no_components();
    cases.extend(other_worlds());
    cases
}

fn no_components() -> Vec<Case> {
    let is_none = ErrorCode::NotAComponent;
    vec![
        files("core-module", || vec![own("(module (func (export \"send\")))")])
            .refused(is_none, "core module"),
        files("empty-file", || vec![vec![]]).refused(is_none, "empty"),
        files("text-file", || vec![b"#!/bin/sh\nexec rm -rf /\n".to_vec()])
            .refused(is_none, "no WebAssembly"),
        // Between two sections, what is left is a whole component that lacks something.
        files("cut-short", || {
            let whole = component(&[]);
            (9..whole.len())
                .step_by(whole.len() / 40)
                .map(|length| whole[..length].to_vec())
                .collect()
        })
        .refused_as(&[is_none, ErrorCode::WrongContract], ""),
        files("random-bytes", || {
            let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
            let mut byte = move || {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed.to_le_bytes()[3]
            };
            let head = b"\0asm\x0d\0\x01\0";
            (0..20)
                .map(|_| {
                    head.iter()
                        .copied()
                        .chain(std::iter::repeat_with(&mut byte).take(400))
                        .collect()
                })
                .collect()
        })
        .refused(is_none, "damaged"),
        files("larger-than-allowed", || {
            let mut bytes = component(&[]);
            bytes.resize((64 << 20) + 1, 0);
            vec![bytes]
        })
        .refused(is_none, "larger than 67108864 bytes"),
        files("unknown-version-of-the-format", || {
            vec![b"\0asm\x7f\0\x02\0".to_vec()]
        })
        .refused(is_none, "version"),
    ]
}

fn other_worlds() -> Vec<Case> {
    let other = ErrorCode::WrongContract;
    vec![
        built("another-world", "stranger").refused(other, "other:plugin/weather@1.2.0"),
        built("functions-of-other-types", "shape").refused(other, "`check` of `adapter`"),
        files("exports-nothing", || vec![own("(component)")]).refused(other, "it exports nothing"),
        files("another-version", || {
            let mut bytes = component(&[]);
            let found: Vec<usize> = (0..bytes.len() - 6)
                .filter(|at| &bytes[*at..at + 6] == b"@0.1.0")
                .collect();
            for at in found {
                bytes[at + 3] = b'9';
            }
            vec![bytes]
        })
        .refused(other, "0.9.0"),
        files("imports-sockets", || {
            vec![own(r#"(component (import "wasi:sockets/tcp@0.2.6" (instance)))"#)]
        })
        .refused(other, "byway gives no sockets"),
        files("imports-something-unknown", || {
            vec![own(r#"(component (import "evil:host/shell@1.0.0" (instance)))"#)]
        })
        .refused(other, "evil:host/shell@1.0.0"),
    ]
}
