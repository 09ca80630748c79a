//! From what a guest answered, and what the host saw it do, to the outcome of the attempt.
//!
//! Pure. The guest's word holds wherever the host knows no better. It knows better twice: a call
//! that broke off is `unknown` if something may have left and `retryable` if not; and a
//! receipt for which nothing was sent is no receipt.

use super::breakage::Breakage;
use super::secrets::SecretBook;
use super::translate;
use crate::contract::bindings::byway::transport::types as wit;
use crate::contract::{Effect, Failure, Outcome};

/// How the call ended: the guest's answer, or what stopped it.
pub(super) type Ended = Result<Result<wit::Receipt, wit::Failure>, Breakage>;

/// The outcome.
pub(super) fn outcome(ended: Ended, effect: Option<&Effect>, secrets: &SecretBook) -> Outcome {
    match ended {
        Err(breakage) => {
            let failure = breakage.failure(effect.map(|effect| effect.0.as_str()));
            if effect.is_some() {
                Outcome::Unknown(failure)
            } else {
                Outcome::Retryable(failure)
            }
        }
        Ok(Ok(_)) if effect.is_none() => Outcome::Retryable(
            Failure::new(
                "delivered-without-effect",
                "the adapter says that it delivered the message, but it has sent nothing",
            )
            .with_fix(
                "tell whoever wrote the adapter; or, if a grant says effect = false, correct the grant",
            ),
        ),
        Ok(Ok(receipt)) => Outcome::Delivered(translate::receipt(receipt, secrets)),
        Ok(Err(failure)) => {
            let kept = translate::failure(&failure, secrets);
            match failure.kind {
                wit::FailureKind::Retryable => Outcome::Retryable(kept),
                wit::FailureKind::Unavailable => Outcome::Unavailable(kept),
                wit::FailureKind::Refused => Outcome::Refused(kept),
                wit::FailureKind::Unknown => Outcome::Unknown(kept),
                wit::FailureKind::Other(_) if effect.is_some() => Outcome::Unknown(kept),
                wit::FailureKind::Other(_) => Outcome::Retryable(kept),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::OutcomeKind;

    fn receipt() -> wit::Receipt {
        wit::Receipt {
            status: wit::ReceiptStatus::Delivered,
            reference: None,
            detail: None,
            extra: vec![],
        }
    }

    fn failure(kind: wit::FailureKind) -> wit::Failure {
        wit::Failure {
            kind,
            code: "code".into(),
            message: "message".into(),
            fix: None,
            retry_after_ms: None,
        }
    }

    fn kind(ended: Ended, effect: bool) -> OutcomeKind {
        let effect = effect.then(|| Effect("POST".into()));
        outcome(ended, effect.as_ref(), &SecretBook::default()).kind()
    }

    #[test]
    fn the_table_of_outcomes() {
        use wit::FailureKind as Kind;
        let guest = |kind: Kind| Ok(Err(failure(kind)));
        for (ended, before, after) in [
            (Ok(Ok(receipt())), OutcomeKind::Retryable, OutcomeKind::Delivered),
            (
                guest(Kind::Retryable),
                OutcomeKind::Retryable,
                OutcomeKind::Retryable,
            ),
            (
                guest(Kind::Unavailable),
                OutcomeKind::Unavailable,
                OutcomeKind::Unavailable,
            ),
            (guest(Kind::Refused), OutcomeKind::Refused, OutcomeKind::Refused),
            (guest(Kind::Unknown), OutcomeKind::Unknown, OutcomeKind::Unknown),
            (
                guest(Kind::Other("new".into())),
                OutcomeKind::Retryable,
                OutcomeKind::Unknown,
            ),
            (Err(Breakage::Stack), OutcomeKind::Retryable, OutcomeKind::Unknown),
            (
                Err(Breakage::Trap("x".into())),
                OutcomeKind::Retryable,
                OutcomeKind::Unknown,
            ),
            (
                Err(Breakage::Deadline(std::time::Duration::ZERO)),
                OutcomeKind::Retryable,
                OutcomeKind::Unknown,
            ),
            (
                Err(Breakage::Memory(1)),
                OutcomeKind::Retryable,
                OutcomeKind::Unknown,
            ),
            (
                Err(Breakage::Exit(0)),
                OutcomeKind::Retryable,
                OutcomeKind::Unknown,
            ),
        ] {
            assert_eq!(kind(ended.clone(), false), before, "{ended:?} before an effect");
            assert_eq!(kind(ended.clone(), true), after, "{ended:?} after an effect");
        }
    }
}
