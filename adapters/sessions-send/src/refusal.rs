//! What it means for a message, and for the transport, that the gateway refuses. Pure.
//!
//! At the login nothing has been sent yet, so nothing is ever unknown there. Afterwards a word that is not
//! known here is: the gateway can have taken the message before it said it.

use byway_adapter::{Failure, FailureKind};

use crate::protocol::Refusal;
use crate::words;

/// The login was refused.
pub(crate) fn at_login(refusal: &Refusal) -> Failure {
    known(refusal).unwrap_or_else(|| {
        let kind = match refusal.is_retryable || refusal.code == "UNAVAILABLE" {
            true => FailureKind::Retryable,
            false => FailureKind::Unavailable,
        };
        said(kind, "gateway-login", refusal).with_fix("Look what the gateway's log says of the connection.")
    })
}

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

/// The gateway does not know the token, in either of its doors.
pub(crate) fn wrong_token() -> Failure {
    Failure::unavailable("wrong-token", "The gateway does not know this token.")
        .with_fix("Give the transport's secret the value of the gateway's gateway.auth.token.")
}

fn known(refusal: &Refusal) -> Option<Failure> {
    let unavailable = |code: &str, fix: &str| said(FailureKind::Unavailable, code, refusal).with_fix(fix);
    Some(match refusal.detail.as_str() {
        "startup-sidecars" => said(FailureKind::Retryable, "gateway-starting", refusal)
            .with_retry_after_ms(refusal.retry_after_ms),
        "gateway-restarting" => said(FailureKind::Retryable, "gateway-restarting", refusal)
            .with_retry_after_ms(refusal.retry_after_ms),
        "DEVICE_IDENTITY_REQUIRED" | "PAIRING_REQUIRED" => pairing(refusal),
        "PROTOCOL_MISMATCH" => unavailable(
            "gateway-protocol",
            "This adapter speaks version 4 of the protocol: use a gateway, or a byway, of a version that does too.",
        ),
        "MISSING_SCOPE" => unavailable(
            "missing-scope",
            "Use a token of the gateway that may operator.read and operator.write.",
        ),
        "AUTH_RATE_LIMITED" => said(FailureKind::Retryable, "auth-rate-limited", refusal)
            .with_retry_after_ms(refusal.retry_after_ms)
            .with_fix("Look whether the token is right: the gateway rests after several wrong ones."),
        auth if auth.starts_with("AUTH_") => wrong_token(),
        _ if refusal.code == "NOT_PAIRED" => pairing(refusal),
        _ if refusal.code == "FORBIDDEN" => {
            unavailable("forbidden", "Look what this token may do on the gateway.")
        }
        _ => return None,
    })
}

fn pairing(refusal: &Refusal) -> Failure {
    said(FailureKind::Unavailable, "pairing-required", refusal).with_fix(
        "byway is no paired device: use the WebSocket of your own gateway on loopback with its token, or the gateway's https://…/tools/invoke.",
    )
}

fn said(kind: FailureKind, code: &str, refusal: &Refusal) -> Failure {
    let Refusal {
        code: word, message, ..
    } = refusal;
    let words: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    Failure::new(kind, code, format!("The gateway says {word}: {words}."))
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
    fn the_login_is_judged_as_the_page_says() {
        for (code, detail, kind, told) in [
            (
                "INVALID_REQUEST",
                "AUTH_TOKEN_MISMATCH",
                Unavailable,
                "wrong-token",
            ),
            (
                "INVALID_REQUEST",
                "AUTH_TOKEN_MISSING",
                Unavailable,
                "wrong-token",
            ),
            (
                "INVALID_REQUEST",
                "AUTH_RATE_LIMITED",
                Retryable,
                "auth-rate-limited",
            ),
            (
                "NOT_PAIRED",
                "DEVICE_IDENTITY_REQUIRED",
                Unavailable,
                "pairing-required",
            ),
            ("NOT_PAIRED", "", Unavailable, "pairing-required"),
            (
                "INVALID_REQUEST",
                "PROTOCOL_MISMATCH",
                Unavailable,
                "gateway-protocol",
            ),
            ("UNAVAILABLE", "startup-sidecars", Retryable, "gateway-starting"),
            ("UNAVAILABLE", "", Retryable, "gateway-login"),
            ("INVALID_REQUEST", "", Unavailable, "gateway-login"),
            ("SOMETHING_NEW", "", Unavailable, "gateway-login"),
        ] {
            let failure = at_login(&refusal(code, detail, "no"));
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, told),
                "{code} {detail}"
            );
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

    #[test]
    fn when_to_come_back_is_kept() {
        let starting = Refusal {
            retry_after_ms: Some(500),
            ..refusal("UNAVAILABLE", "startup-sidecars", "gateway starting")
        };
        assert_eq!(at_login(&starting).retry_after_ms, Some(500));
    }
}
