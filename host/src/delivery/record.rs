//! What is written down of an attempt, and of a step that was passed over. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::decide::Skip;
use super::plan::{Plan, PlannedStep};
use crate::config::Mode;
use crate::contract::{Attempted, HostFault, Outcome, OutcomeKind};
use crate::store::Attempt;

/// The word of a step that was not tried.
const SKIPPED: &str = "skipped";

pub(super) fn of_attempt(
    step: &PlannedStep,
    number: u32,
    attempted: &Attempted,
    began: Timestamp,
) -> Attempt {
    let effect = attempted.effect.as_ref().map(|effect| effect.0.clone());
    let blank = Attempt {
        number: Some(number),
        effect,
        took_ms: millis(attempted.took),
        ..blank(
            &step.transport,
            step.mode,
            &attempted.outcome.kind().to_string(),
            began,
        )
    };
    match &attempted.outcome {
        Outcome::Delivered(receipt) => Attempt {
            code: Some(receipt.status.to_string()),
            message: receipt.detail.clone(),
            reference: receipt.reference.clone(),
            ..blank
        },
        Outcome::Retryable(failure)
        | Outcome::Unavailable(failure)
        | Outcome::Refused(failure)
        | Outcome::Unknown(failure) => Attempt {
            code: Some(failure.code.clone()),
            message: Some(failure.message.clone()),
            fix: failure.fix.clone(),
            ..blank
        },
    }
}

pub(super) fn of_skip(plan: &Plan, skip: &Skip, at: Timestamp) -> Attempt {
    Attempt {
        code: Some(skip.reason.code().to_owned()),
        message: Some(skip.reason.sentence()),
        ..blank(&skip.transport, mode_in(plan, &skip.transport), SKIPPED, at)
    }
}

pub(super) fn of_fault(step: &PlannedStep, fault: &HostFault, began: Timestamp) -> Attempt {
    Attempt {
        code: Some(fault.code.to_owned()),
        message: Some(format!("byway could not run it: {fault}")),
        ..blank(&step.transport, step.mode, SKIPPED, began)
    }
}

pub(super) fn of_interruption(plan: &Plan, transport: &str, number: u32, at: Timestamp) -> Attempt {
    let outcome = OutcomeKind::Unknown.to_string();
    Attempt {
        number: Some(number),
        code: Some("interrupted".to_owned()),
        message: Some("byway was stopped during the attempt, so the message may have arrived".to_owned()),
        ..blank(transport, mode_in(plan, transport), &outcome, at)
    }
}

/// Whole milliseconds, for people.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn blank(transport: &str, mode: Mode, outcome: &str, began: Timestamp) -> Attempt {
    let mode = match mode {
        Mode::Deliver => "deliver",
        Mode::Notify => "notify",
    };
    Attempt {
        number: None,
        transport: transport.to_owned(),
        mode: mode.to_owned(),
        outcome: outcome.to_owned(),
        code: None,
        message: None,
        fix: None,
        effect: None,
        reference: None,
        began,
        took_ms: 0,
    }
}

fn mode_in(plan: &Plan, transport: &str) -> Mode {
    let step = plan.steps.iter().find(|step| step.transport == transport);
    step.map_or(Mode::Deliver, |step| step.mode)
}
