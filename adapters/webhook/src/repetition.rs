//! How long the far side recognises a repetition, where that is not for ever.
//!
//! A far side that keeps its keys for five minutes knows a message for five minutes. Sent again later it is a second one, so
//! after that time nothing is sent: what may have arrived stays unknown, as if the far side knew no
//! keys. The time counts from the first attempt whose end nobody knows, by this machine's clock. It is noted before anything
//! is sent, so a crash in between finds it.

use byway_adapter::{Attempt, Failure, FailureKind, Receipt, civil, progress};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Span};

/// What is noted about a message that may have arrived. `None` once it is known that it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    /// When it was first sent, in seconds since 1970.
    first: Option<i64>,
}

/// Runs an attempt, unless it would come too late to be recognised as a repetition.
pub(crate) fn guard(
    config: &Config,
    attempt: &Attempt,
    send: impl FnOnce() -> Result<Receipt, Failure>,
) -> Result<Receipt, Failure> {
    let Some(span) = config.idempotent_for else {
        return send();
    };
    let first = progress::saved::<Sent>(attempt).and_then(|sent| sent.first);
    let now = civil::now_unix();
    match first {
        Some(first) if is_over(span, first, now) => return Err(too_late()),
        Some(_) => {}
        None => progress::save(&Sent { first: Some(now) })?,
    }
    let outcome = send();
    if begins_anew(first, &outcome) {
        progress::save(&Sent { first: None })?;
    }
    outcome
}

/// Whether nothing can have arrived by now. What an earlier attempt may have brought over stays in mind, whatever this one
/// says of itself.
fn begins_anew(first: Option<i64>, outcome: &Result<Receipt, Failure>) -> bool {
    first.is_none() && outcome.as_ref().is_err_and(is_sure)
}

/// A clock that went back says nothing about how long it is ago: that is too late as well.
fn is_over(span: Span, first: i64, now: i64) -> bool {
    !(first..first.saturating_add(span.seconds)).contains(&now)
}

/// Whether the failure says for certain that nothing arrived.
fn is_sure(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Retryable | FailureKind::Unavailable | FailureKind::Refused
    )
}

fn too_late() -> Failure {
    Failure::unknown(
        "too-late-to-repeat",
        "It may have arrived earlier, and the far side no longer recognises a repetition. Nothing was sent.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_recognised_until_the_time_is_over() {
        let span = Span { seconds: 300 };
        assert!(!is_over(span, 1_000, 1_000));
        assert!(!is_over(span, 1_000, 1_299));
        assert!(is_over(span, 1_000, 1_300));
        assert!(is_over(span, 1_000, 999));
    }

    #[test]
    fn only_a_failure_that_is_sure_begins_the_time_anew() {
        assert!(is_sure(&Failure::retryable("http-503", "busy")));
        assert!(!is_sure(&Failure::unknown("io", "lost")));
    }

    #[test]
    fn an_earlier_attempt_of_unknown_end_is_not_forgotten() {
        let busy = || Err(Failure::retryable("http-503", "busy"));
        assert!(begins_anew(None, &busy()));
        assert!(!begins_anew(Some(1_000), &busy()));
        assert!(!begins_anew(None, &Err(Failure::unknown("io", "lost"))));
    }
}
