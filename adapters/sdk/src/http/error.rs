//! A request that got no answer: what is known of it.
//!
//! Everything hangs on one question: can the far side have read the request? Before a connection stood,
//! it cannot. After that, silence proves nothing.

use std::fmt;

use wasip2::http::types::ErrorCode;

use crate::{Failure, FailureKind};

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

    /// A request that could not be put together, and so was never sent.
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Refused,
            code: "http-malformed",
            message: what.into(),
            fix: None,
        }
    }

    /// The answer did not come, and the host does not say why.
    pub(super) fn no_answer() -> Self {
        Self {
            kind: FailureKind::Unknown,
            code: "http-no-answer",
            message: "The request was sent, and no answer came.".to_owned(),
            fix: None,
        }
    }

    /// What the host's error means for a request to this URL.
    #[must_use]
    pub fn of(error: &ErrorCode, to: &str) -> Self {
        let Class {
            kind,
            code,
            what,
            fix,
        } = classify(error);
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
    what: &'static str,
    fix: Option<&'static str>,
}

impl Class {
    fn new(kind: FailureKind, code: &'static str, what: &'static str, fix: &'static str) -> Self {
        let fix = (!fix.is_empty()).then_some(fix);
        Self {
            kind,
            code,
            what,
            fix,
        }
    }
}

fn classify(error: &ErrorCode) -> Class {
    use ErrorCode as E;
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    match error {
        E::DnsTimeout | E::DnsError(_) | E::DestinationNotFound => Class::new(
            Retryable,
            "dns",
            "the name could not be resolved",
            "Look whether the host's name is right.",
        ),
        E::ConnectionRefused => Class::new(
            Retryable,
            "connection-refused",
            "the connection was refused",
            "Look whether the far side is running, and on this port.",
        ),
        E::DestinationUnavailable | E::DestinationIpUnroutable | E::ConnectionTimeout => {
            Class::new(Retryable, "not-connected", "no connection could be made", "")
        }
        E::ConnectionLimitReached => {
            Class::new(Retryable, "connection-limit", "too many connections are open", "")
        }
        E::TlsProtocolError | E::TlsCertificateError | E::TlsAlertReceived(_) => Class::new(
            Retryable,
            "tls",
            "no TLS connection could be made",
            "Look whether the far side's certificate is valid for this name, and whether this is its TLS port.",
        ),
        E::HttpRequestDenied => Class::new(
            Unavailable,
            "not-granted",
            "the host does not let the request out",
            "Grant this request to the transport; byway's log says what was refused.",
        ),
        E::DestinationIpProhibited => Class::new(
            Unavailable,
            "address-prohibited",
            "the name leads to a private, loopback or link-local address",
            "If it should, say `private = true` in the grant.",
        ),
        E::HttpRequestMethodInvalid | E::HttpRequestUriInvalid => Class::new(
            Unavailable,
            "http-malformed",
            "the host cannot make a request of this form",
            "",
        ),
        E::HttpRequestBodySize(_)
        | E::HttpRequestUriTooLong
        | E::HttpRequestHeaderSize(_)
        | E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestTrailerSize(_)
        | E::HttpRequestTrailerSectionSize(_) => Class::new(
            Refused,
            "too-large",
            "the request is larger than the host lets out",
            "",
        ),
        // What follows can come after the far side read the request.
        E::ConnectionReadTimeout | E::ConnectionWriteTimeout | E::HttpResponseTimeout => {
            Class::new(Unknown, "http-timeout", "the answer did not come in time", "")
        }
        E::ConnectionTerminated => Class::new(
            Unknown,
            "connection-lost",
            "the connection was lost before the answer came",
            "",
        ),
        E::HttpResponseIncomplete
        | E::HttpProtocolError
        | E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_)
        | E::HttpResponseBodySize(_)
        | E::HttpResponseTrailerSectionSize(_)
        | E::HttpResponseTrailerSize(_)
        | E::HttpResponseTransferCoding(_)
        | E::HttpResponseContentCoding(_) => {
            Class::new(Unknown, "http-bad-answer", "the answer could not be read", "")
        }
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
    use wasip2::http::types::DnsErrorPayload;

    use super::*;

    #[test]
    fn nothing_was_sent_before_a_connection_stood() {
        let dns = ErrorCode::DnsError(DnsErrorPayload {
            rcode: None,
            info_code: None,
        });
        for error in [
            dns,
            ErrorCode::ConnectionRefused,
            ErrorCode::ConnectionTimeout,
            ErrorCode::TlsCertificateError,
            ErrorCode::DestinationUnavailable,
        ] {
            assert_eq!(
                HttpError::of(&error, "x").into_failure().kind,
                FailureKind::Retryable,
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_lost_answer_is_unknown() {
        for error in [
            ErrorCode::ConnectionTerminated,
            ErrorCode::ConnectionReadTimeout,
            ErrorCode::HttpResponseTimeout,
            ErrorCode::HttpResponseIncomplete,
            ErrorCode::HttpProtocolError,
            ErrorCode::InternalError(None),
            ErrorCode::LoopDetected,
        ] {
            assert_eq!(
                HttpError::of(&error, "x").into_failure().kind,
                FailureKind::Unknown,
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_missing_grant_stops_the_transport_and_says_what_to_do() {
        let failure = HttpError::of(&ErrorCode::HttpRequestDenied, "POST https://x/").into_failure();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.fix.unwrap().contains("Grant"));
    }
}
