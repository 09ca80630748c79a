//! What an HTTP status means for a message and for a transport.
//!
//! The classes are a union of what Standard Webhooks, CloudEvents' web hook rules and the larger senders
//! do, sorted by byway's own question: is it this message, this transport, or only now?
//!
//! - **Accepted, delivered**: 202 says that the far side took charge (CloudEvents: not yet processed);
//!   every other 2xx that it has the message.
//! - **Unavailable**, because every message would meet it: a token or a right that is missing (401, 402, 403,
//!   407, 511), an endpoint that is not there (404, 405, 410, 421, 501), a redirection (3xx: none is
//!   followed, since a grant names one place), and a form of request that only the transport's configuration
//!   changes (406, 411, 412, 426, 428, 505, 506, 508, 510).
//! - **Refused**, because it is this message: its form (400, 415, 422), its size (413), and what was made
//!   of it in the URL or the headers (414, 431), what it says (451), a conflict with what is there (409),
//!   and any other 4xx.
//! - **Retryable**: 408, 423, 425, 429, and 5xx; 409 with a `Retry-After`, which says "still in flight".
//! - **Unknown**: 502 and 504 for a request that the far side does not recognise when it is repeated. A
//!   gateway says them also after it passed the request on, so the message may have arrived.

use crate::answer::Meaning;
use crate::http::Response;
use crate::{Failure, civil};

/// The longest a far side's `Retry-After` is believed: a day, in seconds.
const RETRY_AFTER_SECONDS_MAX: i64 = 86_400;

/// What a status means. `repeatable` says that the far side recognises a repetition of the request.
#[must_use]
pub fn meaning(status: u16, repeatable: bool) -> Meaning {
    match status {
        202 => Meaning::Accepted,
        200..=299 => Meaning::Delivered,
        300..=399 | 401..=407 | 410..=412 | 421 | 426 | 428 => Meaning::Unavailable,
        501 | 505 | 506 | 508 | 510 | 511 => Meaning::Unavailable,
        408 | 423 | 425 | 429 => Meaning::Retryable,
        400..=499 => Meaning::Refused,
        502 | 504 if !repeatable => Meaning::Unknown,
        500..=599 => Meaning::Retryable,
        // No HTTP status at all: something answered, and nobody can say what.
        _ => Meaning::Unknown,
    }
}

/// The failure that a response is, or `None` where it is a success.
#[must_use]
pub fn failure(response: &Response, repeatable: bool) -> Option<Failure> {
    let meant = match meaning(response.status, repeatable) {
        // With Retry-After a conflict is one with an earlier try that is still being worked on.
        Meaning::Refused if response.status == 409 && retry_after(response).is_some() => Meaning::Retryable,
        meant => meant,
    };
    failure_meaning(response, meant)
}

/// The failure that a response is where its meaning was decided elsewhere; `None` where that is a success.
#[must_use]
pub fn failure_meaning(response: &Response, meant: Meaning) -> Option<Failure> {
    let kind = meant.status().err()?;
    let status = response.status;
    let mut message = format!("The far side answered {status}{}", reason(status));
    match response.remark() {
        Some(remark) => message.push_str(&format!(": {remark}")),
        None => message.push('.'),
    }
    let failure =
        Failure::new(kind, format!("http-{status}"), message).with_retry_after_ms(retry_after(response));
    Some(match fix(response) {
        Some(fix) => failure.with_fix(fix),
        None => failure,
    })
}

fn retry_after(response: &Response) -> Option<u64> {
    retry_after_ms(response.header("retry-after")?, civil::now_unix())
}

/// A `Retry-After` header in milliseconds from now: seconds, or an HTTP date. At most a day; `None` where it
/// is neither.
#[must_use]
pub fn retry_after_ms(value: &str, now_unix: i64) -> Option<u64> {
    let value = value.trim();
    let seconds = match value.bytes().all(|c| c.is_ascii_digit()) && !value.is_empty() {
        // More digits than fit are more than a day.
        true => value.parse().unwrap_or(i64::MAX),
        false => civil::unix_of_http_date(value)?.saturating_sub(now_unix),
    };
    u64::try_from(seconds.clamp(0, RETRY_AFTER_SECONDS_MAX) * 1_000).ok()
}

fn reason(status: u16) -> &'static str {
    match status {
        300..=399 => " (a redirection)",
        400 => " (bad request)",
        401 => " (unauthorized)",
        403 => " (forbidden)",
        404 => " (not found)",
        405 => " (method not allowed)",
        408 => " (request timeout)",
        409 => " (conflict)",
        410 => " (gone)",
        413 => " (too large)",
        415 => " (unsupported media type)",
        422 => " (unprocessable)",
        429 => " (too many requests)",
        500 => " (internal error)",
        502 => " (bad gateway)",
        503 => " (unavailable)",
        504 => " (gateway timeout)",
        _ => "",
    }
}

fn fix(response: &Response) -> Option<String> {
    Some(match response.status {
        300..=399 => match response.header("location") {
            Some(location) => format!(
                "Redirections are not followed. If it is right, set `url` to {location} and grant it."
            ),
            None => "Redirections are not followed: set `url` to where the endpoint is.".to_owned(),
        },
        401 => {
            "Look whether the token is right, and whether it is sent in the header that the far side wants."
                .to_owned()
        }
        403 => "Look whether this token may send there.".to_owned(),
        404 | 410 | 501 => "Look whether `url` is right, and the endpoint enabled over there.".to_owned(),
        405 => "Look whether the far side wants another `method`.".to_owned(),
        413 => "Send less data, or raise the far side's limit.".to_owned(),
        415 => "Look whether the far side wants another `format` or `content_type`.".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FailureKind;
    use crate::http::Ending;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: Vec::new(),
            ending: Ending::Whole,
        }
    }

    #[test]
    fn every_status_has_the_meaning_that_the_page_says() {
        for (meant, statuses) in [
            (Meaning::Accepted, &[202][..]),
            (Meaning::Delivered, &[200, 201, 204, 207]),
            (
                Meaning::Unavailable,
                &[
                    301, 302, 307, 401, 402, 403, 404, 405, 406, 407, 410, 411, 412, 421, 426, 428, 501, 505,
                ],
            ),
            (
                Meaning::Refused,
                &[400, 409, 413, 414, 415, 418, 422, 424, 431, 451],
            ),
            (Meaning::Retryable, &[408, 423, 425, 429, 500, 503, 507, 520, 599]),
            (Meaning::Unknown, &[100, 502, 504, 600, 999]),
        ] {
            for status in statuses {
                assert_eq!(meaning(*status, false), meant, "{status}");
            }
        }
    }

    #[test]
    fn a_gateways_error_is_retryable_where_a_repetition_is_recognised() {
        assert_eq!(meaning(502, true), Meaning::Retryable);
        assert_eq!(meaning(504, true), Meaning::Retryable);
    }

    #[test]
    fn a_conflict_with_what_is_still_in_flight_is_retried() {
        assert_eq!(
            failure(&response(409, &[]), false).unwrap().kind,
            FailureKind::Refused
        );
        let in_flight = failure(&response(409, &[("retry-after", "2")]), false).unwrap();
        assert_eq!(
            (in_flight.kind, in_flight.retry_after_ms),
            (FailureKind::Retryable, Some(2_000))
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
        assert_eq!(retry_after_ms(" 7 ", 0), Some(7_000));
        assert_eq!(
            retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770),
            Some(7_000)
        );
        assert_eq!(
            retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_999),
            Some(0)
        );
        assert_eq!(retry_after_ms("99999999999999999999999", 0), Some(86_400_000));
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(retry_after_ms(text, 0), None, "{text}");
        }
    }

    #[test]
    fn a_failure_has_a_stable_code_and_says_what_to_do() {
        let failure = failure(&response(401, &[]), false).unwrap();
        assert_eq!(failure.code, "http-401");
        assert!(failure.message.contains("unauthorized") && failure.fix.unwrap().contains("token"));
    }

    #[test]
    fn a_success_is_no_failure() {
        assert_eq!(failure(&response(204, &[]), false), None);
    }
}
