//! What it means for a message that the gateway, or the node, did not run the command. Pure.
//!
//! The gateway says whether the command had left for the node (`nodeCommandDispatched`). Before that nothing
//! can have arrived. Afterwards only a node's own word that it ran nothing counts; all else is unknown.

use byway_adapter::{Failure, FailureKind};
use openclaw_gateway::Refusal;
use openclaw_gateway::refusal::{known, said};
use serde_json::Value;

use crate::fill;
use crate::node::{SYSTEM_RUN, offline};

/// What a refused `node.invoke` means.
pub(crate) fn of_command(refusal: &Refusal) -> Failure {
    let node = |name: &str| {
        let word = refusal.details.pointer(&format!("/nodeError/{name}"));
        word.and_then(Value::as_str).unwrap_or_default()
    };
    let dispatched = refusal
        .details
        .get("nodeCommandDispatched")
        .and_then(Value::as_bool);
    match (dispatched, node("code")) {
        (Some(true), code) => after(refusal, code, node("message")),
        (Some(false), code) => before(refusal, code),
        (None, _) => by_the_gateway(refusal),
    }
}

/// The command had not left.
fn before(refusal: &Refusal, code: &str) -> Failure {
    match code {
        "NOT_CONNECTED" => offline("The node is not connected to its gateway."),
        "TIMEOUT" => said(FailureKind::Retryable, "node-timeout", refusal),
        _ => said(FailureKind::Retryable, "node-not-asked", refusal),
    }
}

/// The command had left.
fn after(refusal: &Refusal, code: &str, message: &str) -> Failure {
    match code {
        "SYSTEM_RUN_DENIED" => denied(refusal),
        "INVALID_REQUEST" => said(FailureKind::Refused, "node-refused", refusal),
        "NODE_NOT_READY" => said(FailureKind::Retryable, "node-not-ready", refusal),
        // The gateway found the connection closed when it was to write to it.
        "UNAVAILABLE" if message == "failed to send invoke to node" => {
            offline("The node has just left its gateway.")
        }
        "TIMEOUT" => said(FailureKind::Unknown, "node-timeout", refusal),
        "DISCONNECTED" => said(FailureKind::Unknown, "node-disconnected", refusal),
        _ => said(FailureKind::Unknown, "node-error", refusal),
    }
}

/// The gateway says nothing of the node.
fn by_the_gateway(refusal: &Refusal) -> Failure {
    if let Some(failure) = known(refusal) {
        // Nobody has seen that a gateway says this only before the command leaves.
        if failure.code == "gateway-restarting" {
            return said(FailureKind::Unknown, "gateway-restarting", refusal);
        }
        return failure;
    }
    let is_about_the_command = refusal.details.get("command").and_then(Value::as_str) == Some(SYSTEM_RUN);
    match refusal.code.as_str() {
        "INVALID_REQUEST" if is_about_the_command => {
            said(FailureKind::Unavailable, "command-not-allowed", refusal).with_fix(
                "Look at gateway.nodes.commands in the gateway's configuration: system.run must not be denied there.",
            )
        }
        "INVALID_REQUEST" => said(FailureKind::Refused, "gateway-refused", refusal),
        // The list said a moment ago that the node was there and approved. The gateway says this before
        // the command leaves, and after.
        "UNAVAILABLE" if refusal.detail == "PAIRING_CHANGED" => {
            said(FailureKind::Unknown, "pairing-changed", refusal)
        }
        _ => said(FailureKind::Unknown, "gateway-error", refusal),
    }
}

fn denied(refusal: &Refusal) -> Failure {
    let fix = if refusal.message.contains("security=deny") {
        "The node runs nothing at all: change its approvals (`openclaw approvals get --node <node>`)."
    } else if refusal.message.contains("approval required") {
        "The node would ask a person, and nobody waits: set ask = off and list the program (`openclaw approvals allowlist add --node <node> <path>`)."
    } else {
        "List the program on the node: `openclaw approvals allowlist add --node <node> <path>`."
    };
    said(FailureKind::Unavailable, "node-denied", refusal).with_fix(fix)
}

/// The node took the command, and could not start it.
pub(crate) fn not_started(error: &str) -> Failure {
    let words: String = error
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    let has = |word: &str| error.contains(word);
    if has("(E2BIG)") || has("(ENAMETOOLONG)") {
        return fill::too_long(format!("The node says: {words}."));
    }
    if has("null bytes") {
        return fill::nul(format!("The node says: {words}."));
    }
    let never_began = ["(ENOENT)", "(EACCES)", "(ENOTDIR)", "(ENOEXEC)", "(EISDIR)"];
    if never_began.iter().any(|word| has(word)) {
        return Failure::unavailable("not-started", format!("The node says: {words}."))
            .with_fix("Look whether the program and `cwd` are there on the node, by their whole paths.");
    }
    Failure::unknown("node-error", format!("The node says: {words}."))
}

#[cfg(test)]
mod tests {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    use serde_json::json;

    use super::*;

    fn refusal(code: &str, message: &str, details: Value) -> Refusal {
        let word = |name: &str| {
            details
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Refusal {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: match word("code") {
                code if code.is_empty() => word("reason"),
                code => code,
            },
            details,
            ..Refusal::default()
        }
    }

    fn node(code: &str, message: &str, dispatched: bool) -> Refusal {
        let details =
            json!({"nodeError": {"code": code, "message": message}, "nodeCommandDispatched": dispatched});
        refusal("UNAVAILABLE", &format!("{code}: {message}"), details)
    }

    #[test]
    fn before_it_left_nothing_arrived_and_afterwards_only_the_node_can_say_so() {
        for (refusal, kind, told) in [
            (
                node("NOT_CONNECTED", "node not connected", false),
                Unavailable,
                "node-offline",
            ),
            (
                node("TIMEOUT", "node invoke timed out", false),
                Retryable,
                "node-timeout",
            ),
            (node("SOMETHING_NEW", "", false), Retryable, "node-not-asked"),
            (
                node("TIMEOUT", "node invoke timed out", true),
                Unknown,
                "node-timeout",
            ),
            (
                node("DISCONNECTED", "node disconnected (system.run)", true),
                Unknown,
                "node-disconnected",
            ),
            (node("SOMETHING_NEW", "", true), Unknown, "node-error"),
            (node("UNAVAILABLE", "busy", true), Unknown, "node-error"),
            (
                node("UNAVAILABLE", "failed to send invoke to node", true),
                Unavailable,
                "node-offline",
            ),
            (node("NODE_NOT_READY", "", true), Retryable, "node-not-ready"),
            (
                node("INVALID_REQUEST", "command required", true),
                Refused,
                "node-refused",
            ),
            (
                node("SYSTEM_RUN_DENIED", "SYSTEM_RUN_DISABLED: security=deny", true),
                Unavailable,
                "node-denied",
            ),
            (
                node("SYSTEM_RUN_DENIED", "SYSTEM_RUN_DENIED: allowlist miss", true),
                Unavailable,
                "node-denied",
            ),
            (
                node("SYSTEM_RUN_DENIED", "SYSTEM_RUN_DENIED: approval required", true),
                Unavailable,
                "node-denied",
            ),
        ] {
            let failure = of_command(&refusal);
            assert_eq!((failure.kind, failure.code.as_str()), (kind, told), "{refusal:?}");
        }
    }

    #[test]
    fn a_refusal_without_a_word_of_the_node_is_judged_as_the_page_says() {
        for (refusal, kind, told) in [
            (
                refusal(
                    "UNAVAILABLE",
                    "node pairing changed while invocation was active",
                    json!({"code": "PAIRING_CHANGED"}),
                ),
                Unknown,
                "pairing-changed",
            ),
            (
                refusal(
                    "FORBIDDEN",
                    "missing scope: operator.write",
                    json!({"code": "MISSING_SCOPE"}),
                ),
                Unavailable,
                "missing-scope",
            ),
            (
                refusal(
                    "INVALID_REQUEST",
                    "denied",
                    json!({"reason": "command not allowlisted", "command": "system.run"}),
                ),
                Unavailable,
                "command-not-allowed",
            ),
            (
                refusal("INVALID_REQUEST", "at /params", Value::Null),
                Refused,
                "gateway-refused",
            ),
            (
                refusal("UNAVAILABLE", "something", Value::Null),
                Unknown,
                "gateway-error",
            ),
            (
                refusal("UNAVAILABLE", "stopping", json!({"reason": "gateway-restarting"})),
                Unknown,
                "gateway-restarting",
            ),
        ] {
            let failure = of_command(&refusal);
            assert_eq!((failure.kind, failure.code.as_str()), (kind, told), "{refusal:?}");
        }
    }

    #[test]
    fn a_program_that_was_not_started_delivered_nothing() {
        for (error, kind, told) in [
            (
                "Command failed during launch or output capture (ENOENT)",
                Unavailable,
                "not-started",
            ),
            (
                "Command failed during launch or output capture (EACCES)",
                Unavailable,
                "not-started",
            ),
            (
                "Command failed during launch or output capture (E2BIG)",
                Refused,
                "argument-too-long",
            ),
            (
                "Arguments cannot contain null bytes (\"\\0\"): a\0b",
                Refused,
                "nul-in-argument",
            ),
            (
                "Command failed during launch or output capture (EIO)",
                Unknown,
                "node-error",
            ),
        ] {
            let failure = not_started(error);
            assert_eq!((failure.kind, failure.code.as_str()), (kind, told), "{error}");
            assert!(!failure.message.contains('\0'));
        }
    }
}
