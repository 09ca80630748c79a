//! A request that got no answer: what is known of it.
//!
//! Everything hangs on one question: can the far side have read the request? Before a connection stood,
//! it cannot. After that, silence proves nothing.

use std::fmt;

use crate::{Denial, Failure, FailureKind};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    kind: FailureKind,
    code: &'static str,
    message: String,
    fix: Option<&'static str>,
}

impl HttpError {
    /// The failure that this is for the attempt.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(self.kind, self.code, self.message);
        match self.fix {
            Some(fix) => failure.with_fix(fix),
            None => failure,
        }
    }

    /// Whether it is certain that the far side did not read the request.
    #[must_use]
    pub fn is_before_sending(&self) -> bool {
        self.kind != FailureKind::Unknown
    }

    /// What the host's denial means for a request to this URL.
    #[must_use]
    pub fn of(denial: &Denial, to: &str) -> Self {
        let Class {
            kind,
            code,
            what,
            fix,
        } = classify(&denial.code);
        // What is wrong with a request as it was put together only the host can say.
        let what = what.unwrap_or(&denial.message);
        Self {
            kind,
            code,
            message: format!("{to}: {what}."),
            fix,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HttpError {}

struct Class {
    kind: FailureKind,
    code: &'static str,
    what: Option<&'static str>,
    fix: Option<&'static str>,
}

impl Class {
    fn new(kind: FailureKind, code: &'static str, what: &'static str, fix: &'static str) -> Self {
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        Self {
            kind,
            code,
            what: given(what),
            fix: given(fix),
        }
    }
}

/// The codes are those that the contract's `http` lists.
fn classify(code: &str) -> Class {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    match code {
        "dns" => Class::new(
            Retryable,
            "dns",
            "the name could not be resolved",
            "Look whether the host's name is right.",
        ),
        "connection-refused" => Class::new(
            Retryable,
            "connection-refused",
            "the connection was refused",
            "Look whether the far side is running, and on this port.",
        ),
        "not-connected" => Class::new(Retryable, "not-connected", "no connection could be made", ""),
        "tls" => Class::new(
            Retryable,
            "tls",
            "no TLS connection could be made",
            "Look whether the far side's certificate is valid for this name, and whether this is its TLS port.",
        ),
        "not-granted" => Class::new(
            Unavailable,
            "not-granted",
            "the host does not let the request out",
            "Grant this request to the transport; byway's log says what was refused.",
        ),
        "invalid" => Class::new(Refused, "http-malformed", "", ""),
        "too-large" => Class::new(
            Refused,
            "too-large",
            "the request is larger than the host lets out",
            "",
        ),
        // What follows can come after the far side read the request.
        "http-timeout" => Class::new(Unknown, "http-timeout", "the answer did not come in time", ""),
        "connection-lost" => Class::new(
            Unknown,
            "connection-lost",
            "the connection was lost before the answer came",
            "",
        ),
        "http-bad-answer" => Class::new(Unknown, "http-bad-answer", "the answer could not be read", ""),
        _ => Class::new(
            Unknown,
            "http-failed",
            "the request failed, and it is not known when",
            "",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str) -> Failure {
        let denial = Denial {
            code: code.to_owned(),
            message: "the host's own words".to_owned(),
        };
        HttpError::of(&denial, "POST https://x/").into_failure()
    }

    #[test]
    fn nothing_was_sent_before_a_connection_stood() {
        for code in ["dns", "connection-refused", "not-connected", "tls"] {
            assert_eq!(failure(code).kind, FailureKind::Retryable, "{code}");
        }
    }

    #[test]
    fn a_lost_answer_is_unknown_and_so_is_what_nobody_knows() {
        for code in [
            "connection-lost",
            "http-timeout",
            "http-bad-answer",
            "http-failed",
            "a-word-of-tomorrow",
        ] {
            assert_eq!(failure(code).kind, FailureKind::Unknown, "{code}");
        }
    }

    #[test]
    fn a_missing_grant_stops_the_transport_and_says_what_to_do() {
        let failure = failure("not-granted");
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.fix.unwrap().contains("Grant"));
    }

    #[test]
    fn what_is_wrong_with_a_request_is_said_in_the_hosts_words() {
        let failure = failure("invalid");
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(failure.message, "POST https://x/: the host's own words.");
    }
}
