//! What it means for a message that the gateway refuses it. Pure.
//!
//! A word that is not known here is unknown: the gateway can have taken the message before it said it.

use byway_adapter::{Failure, FailureKind};
use openclaw_gateway::Refusal;
use openclaw_gateway::refusal::{known, said};

use crate::words;

/// The message was refused.
pub(crate) fn of_message(refusal: &Refusal) -> Failure {
    if refusal.detail == "MISSING_SCOPE" && refusal.message.contains("operator.admin") {
        // Giving an agent a turn never wants it; only a command in the message's words does.
        return words::command("The gateway takes the message as a command that is not for everybody.");
    }
    if let Some(failure) = known(refusal) {
        return failure;
    }
    let says = |words: &str| refusal.message.contains(words);
    if is_about_an_unknown_agent(&refusal.message) {
        return unknown_agent(&refusal.message);
    }
    if says("Pending input") {
        // An earlier attempt was taken; what became of it stands in the session's history.
        return said(FailureKind::Unknown, "taken-before", refusal);
    }
    match refusal.code.as_str() {
        "INVALID_REQUEST" => said(FailureKind::Refused, "gateway-refused", refusal),
        "UNAVAILABLE" => said(FailureKind::Retryable, "gateway-unavailable", refusal)
            .with_retry_after_ms(refusal.retry_after_ms),
        _ => said(FailureKind::Unknown, "gateway-error", refusal),
    }
}

/// No agent of this name is there. It is the message that names it.
pub(crate) fn unknown_agent(message: &str) -> Failure {
    Failure::refused("unknown-agent", format!("The gateway has no such agent: {message}."))
        .with_fix("Look whether the recipient's name is one of the gateway's agents, and whether `session` names the right one.")
}

/// Whether a sentence of the gateway says that it has no such agent.
pub(crate) fn is_about_an_unknown_agent(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("unknown agent id") || message.contains("no longer exists in configuration")
}

#[cfg(test)]
mod tests {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};

    use super::*;

    fn refusal(code: &str, detail: &str, message: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            detail: detail.to_owned(),
            message: message.to_owned(),
            ..Refusal::default()
        }
    }

    #[test]
    fn the_message_is_judged_as_the_page_says() {
        for (code, detail, message, kind, told) in [
            (
                "INVALID_REQUEST",
                "",
                "invalid agent params: unknown agent id \"ghost\"",
                Refused,
                "unknown-agent",
            ),
            (
                "INVALID_REQUEST",
                "",
                "Agent \"ghost\" no longer exists in configuration",
                Refused,
                "unknown-agent",
            ),
            (
                "INVALID_REQUEST",
                "",
                "invalid agent params: at /message",
                Refused,
                "gateway-refused",
            ),
            (
                "FORBIDDEN",
                "MISSING_SCOPE",
                "missing scope: operator.write",
                Unavailable,
                "missing-scope",
            ),
            (
                "FORBIDDEN",
                "MISSING_SCOPE",
                "missing scope: operator.admin",
                Refused,
                "gateway-command",
            ),
            ("FORBIDDEN", "", "no", Unavailable, "forbidden"),
            (
                "UNAVAILABLE",
                "",
                "Pending input ownership ended; submit a new turn",
                Unknown,
                "taken-before",
            ),
            (
                "UNAVAILABLE",
                "gateway-restarting",
                "agent unavailable during gateway restart",
                Retryable,
                "gateway-restarting",
            ),
            ("UNAVAILABLE", "", "busy", Retryable, "gateway-unavailable"),
            ("SOMETHING_NEW", "", "no", Unknown, "gateway-error"),
        ] {
            let failure = of_message(&refusal(code, detail, message));
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, told),
                "{code} {message}"
            );
        }
    }
}
