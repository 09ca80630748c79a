//! What it means for a message, and for the transport, that the gateway refuses. Pure.
//!
//! At the login nothing has been sent yet, so nothing is ever unknown there. What a refusal of anything else
//! means is for the adapter that asked; what every refusal says of byway itself is [`known`].

use byway_adapter::{Failure, FailureKind};

use crate::protocol::Refusal;

/// The login was refused.
#[must_use]
pub fn at_login(refusal: &Refusal) -> Failure {
    known(refusal).unwrap_or_else(|| {
        let kind = match refusal.is_retryable || refusal.code == "UNAVAILABLE" {
            true => FailureKind::Retryable,
            false => FailureKind::Unavailable,
        };
        said(kind, "gateway-login", refusal).with_fix("Look what the gateway's log says of the connection.")
    })
}

/// The gateway does not know the token, in either of its doors.
#[must_use]
pub fn wrong_token() -> Failure {
    Failure::unavailable("wrong-token", "The gateway does not know this token.")
        .with_fix("Give the transport's secret the value of the gateway's gateway.auth.token.")
}

/// What is the same at the login and afterwards. `None`: it says nothing of byway itself.
#[must_use]
pub fn known(refusal: &Refusal) -> Option<Failure> {
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
        "byway is no paired device: use the WebSocket of your own gateway, on loopback, with its token.",
    )
}

/// A failure with the gateway's own words.
#[must_use]
pub fn said(kind: FailureKind, code: &str, refusal: &Refusal) -> Failure {
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
    use FailureKind::{Retryable, Unavailable};

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
    fn when_to_come_back_is_kept() {
        let starting = Refusal {
            retry_after_ms: Some(500),
            ..refusal("UNAVAILABLE", "startup-sidecars", "gateway starting")
        };
        assert_eq!(at_login(&starting).retry_after_ms, Some(500));
    }
}
