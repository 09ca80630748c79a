//! What the policies promise, told as stories.

use std::time::Duration;

use jiff::SignedDuration;

use super::story::{Story, delivered, failure, into_inbox, notify, plan, step};
use crate::config::{DoneAt, OnUnknown, Strategy as Order};
use crate::contract::{Failure, Outcome, ReceiptStatus, Verdict};
use crate::delivery::{
    Decision, Ending, Gate, Plan, PlannedStep, SkipReason, interrupted, receipt, reconciled,
};

#[test]
fn the_first_choice_is_tried_first_and_is_no_fallback() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    assert_eq!(
        story.tries("a", delivered(ReceiptStatus::Accepted)),
        Ending::Delivered
    );
    assert!(!story.flight.fallback);
}

#[test]
fn falls_through_in_order_then_waits_and_starts_at_the_top() {
    let mut story = Story::of(plan(vec![step("a"), step("b"), step("c")]));
    story.tries("a", Outcome::Retryable(failure()));
    story.tries("b", Outcome::Unavailable(failure()));
    story.tries("c", Outcome::Retryable(failure()));
    assert_eq!(story.waits().as_secs(), 2);
    story.tries("a", Outcome::Retryable(failure()));
    assert_eq!(
        story.tries("b", delivered(ReceiptStatus::Accepted)),
        Ending::Delivered
    );
    assert!(story.flight.fallback);
    assert_eq!(story.flight.delivered_by.as_deref(), Some("b"));
}

#[test]
fn a_refusal_is_final_for_this_message_until_the_transport_changes() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    story.tries("a", Outcome::Refused(failure()));
    story.tries("b", Outcome::Retryable(failure()));
    story.waits();
    story.tries("b", Outcome::Retryable(failure()));
    assert_eq!(story.skips, [("a".into(), SkipReason::RefusedBefore)]);
    story.waits();
    story.plan.steps[0].fingerprint = 2;
    story.tries("a", Outcome::Retryable(failure()));
}

#[test]
fn refused_everywhere_is_dead_with_every_reason() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    story.tries(
        "a",
        Outcome::Refused(Failure::new("too-large", "it is too large")),
    );
    story.tries(
        "b",
        Outcome::Refused(Failure::new("blocked", "the recipient blocked us")),
    );
    let Decision::Dead(reason) = story.decide() else {
        panic!("not dead")
    };
    assert!(reason.contains("a: it is too large (too-large)"), "{reason}");
    assert!(
        reason.contains("b: the recipient blocked us (blocked)"),
        "{reason}"
    );
}

#[test]
fn after_unknown_nothing_that_could_deliver_twice_is_done() {
    let mut story = Story::of(plan(vec![step("a"), step("b"), notify("human")]));
    story.tries("a", Outcome::Unknown(failure()));
    story.tries("human", delivered(ReceiptStatus::Delivered));
    assert!(matches!(story.decide(), Decision::Hold(_)));
    assert_eq!(
        story.skips,
        [("a", SkipReason::Unsettled), ("b", SkipReason::Unsettled)].map(|(t, r)| (t.into(), r))[1..]
    );
    assert_eq!(
        receipt(&story.plan, &mut story.flight, ReceiptStatus::Delivered),
        Ending::Delivered
    );
    assert_eq!(story.flight.delivered_by.as_deref(), Some("a"));
}

#[test]
fn a_second_way_into_the_same_inbox_is_taken_at_once() {
    let mut story = Story::of(plan(vec![
        into_inbox("http"),
        step("telegram"),
        into_inbox("ssh"),
    ]));
    story.tries("http", Outcome::Unknown(failure()));
    assert_eq!(
        story.tries("ssh", delivered(ReceiptStatus::Delivered)),
        Ending::Delivered
    );
    assert!(story.flight.unsettled.is_empty());
}

#[test]
fn an_idempotent_transport_is_tried_again_in_a_later_round() {
    let mut story = Story::of(plan(vec![
        PlannedStep {
            idempotent: true,
            ..step("a")
        },
        step("b"),
    ]));
    story.tries("a", Outcome::Unknown(failure()));
    story.waits();
    assert_eq!(
        story.tries("a", delivered(ReceiptStatus::Accepted)),
        Ending::Delivered
    );
}

#[test]
fn continue_goes_on_down_the_chain_but_takes_the_safe_ways_first() {
    let mut story = Story::of(Plan {
        on_unknown: OnUnknown::Continue,
        ..plan(vec![into_inbox("http"), step("telegram"), into_inbox("ssh")])
    });
    story.tries("http", Outcome::Unknown(failure()));
    story.tries("ssh", Outcome::Retryable(failure()));
    story.tries("telegram", delivered(ReceiptStatus::Accepted));
}

#[test]
fn whoever_can_find_out_is_asked_before_anything_is_sent_again() {
    let gateway = PlannedStep {
        reconciles: true,
        ..step("gateway")
    };
    let mut story = Story::of(plan(vec![gateway.clone(), step("b")]));
    story.tries("gateway", Outcome::Unknown(failure()));
    assert_eq!(story.decide(), Decision::Reconcile(0));
    reconciled(
        &story.plan,
        &mut story.flight,
        &gateway,
        &Verdict::Unknown,
        story.now,
    );
    assert_eq!(story.waits().as_secs(), 2);
    assert_eq!(story.decide(), Decision::Reconcile(0));
    reconciled(
        &story.plan,
        &mut story.flight,
        &gateway,
        &Verdict::NotArrived,
        story.now,
    );
    story.tries("gateway", delivered(ReceiptStatus::Accepted));
}

#[test]
fn nobody_is_asked_again_who_said_that_it_can_never_tell() {
    let gateway = PlannedStep {
        reconciles: true,
        ..step("gateway")
    };
    let told = |on_unknown| {
        let mut story = Story::of(Plan {
            on_unknown,
            ..plan(vec![gateway.clone(), step("b")])
        });
        story.tries("gateway", Outcome::Unknown(failure()));
        assert_eq!(story.decide(), Decision::Reconcile(0));
        let (plan, now) = (story.plan.clone(), story.now);
        reconciled(&plan, &mut story.flight, &gateway, &Verdict::NeverKnown, now);
        story
    };
    assert!(matches!(told(OnUnknown::Hold).decide(), Decision::Hold(_)));
    told(OnUnknown::Continue).tries("b", delivered(ReceiptStatus::Accepted));
    // Another configuration may be able to.
    let mut corrected = told(OnUnknown::Hold);
    corrected.plan.steps[0].fingerprint = 2;
    corrected.flight.end_round();
    assert_eq!(corrected.decide(), Decision::Reconcile(0));
}

#[test]
fn retry_after_is_honoured_and_clamped() {
    let mut story = Story::of(plan(vec![step("a")]));
    story.tries(
        "a",
        Outcome::Retryable(Failure {
            retry_after: Some(Duration::from_secs(30)),
            ..failure()
        }),
    );
    assert_eq!(story.waits().as_secs(), 30);
    story.tries(
        "a",
        Outcome::Retryable(Failure {
            retry_after: Some(Duration::from_secs(86_400)),
            ..failure()
        }),
    );
    assert_eq!(story.waits().as_secs(), 3_600);
}

#[test]
fn a_round_of_skips_waits_for_the_first_that_reopens() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    let opens = |second| Gate::Breaker(story.now + SignedDuration::from_secs(second));
    let (far, near) = (opens(90), opens(40));
    story.plan.steps[0].gate = far;
    story.plan.steps[1].gate = near;
    assert_eq!(story.waits().as_secs(), 40);
    assert_eq!(story.flight.rounds, 0);
}

#[test]
fn a_quarantined_step_is_passed_over_with_the_reason_and_costs_no_round() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    let opens = story.now + SignedDuration::from_secs(40);
    story.plan.steps[0].gate = Gate::Quarantined(opens, "send breaks".into());
    story.tries("b", Outcome::Retryable(failure()));
    let reason = SkipReason::Quarantined("send breaks".into());
    assert!(reason.sentence().contains("send breaks"));
    assert_eq!(story.skips, [("a".into(), reason)]);

    let mut alone = Story::of(plan(vec![step("a")]));
    alone.plan.steps[0].gate = Gate::Quarantined(alone.now + SignedDuration::from_secs(40), String::new());
    assert_eq!(alone.waits().as_secs(), 40);
    assert_eq!((alone.flight.rounds, alone.flight.step("a").attempts), (0, 0));
}

#[test]
fn an_untrusted_message_never_goes_through_an_owner_transport() {
    let cli = PlannedStep {
        owner: true,
        ..step("cli")
    };
    let mut story = Story::of(plan(vec![cli.clone(), step("b")]));
    story.flight.untrusted = true;
    story.tries("b", Outcome::Retryable(failure()));
    assert_eq!(story.skips, [("cli".into(), SkipReason::Authority)]);

    let mut alone = Story::of(plan(vec![cli.clone()]));
    alone.flight.untrusted = true;
    assert!(matches!(alone.decide(), Decision::Dead(reason) if reason.contains("owner")));

    let mut allowed = Story::of(Plan {
        allow_owner: true,
        ..plan(vec![cli])
    });
    allowed.flight.untrusted = true;
    allowed.tries("cli", delivered(ReceiptStatus::Accepted));
}

#[test]
fn exhaust_keeps_to_a_step_until_its_tries_are_used_up() {
    let mut story = Story::of(Plan {
        strategy: Order::Exhaust,
        ..plan(vec![step("a"), step("b")])
    });
    story.tries("a", Outcome::Retryable(failure()));
    assert_eq!(story.waits().as_secs(), 2);
    story.tries("a", Outcome::Retryable(failure()));
    assert_eq!(story.waits().as_secs(), 4);
    story.tries("a", Outcome::Retryable(failure()));
    story.tries("b", delivered(ReceiptStatus::Accepted));
}

#[test]
fn a_notify_step_runs_once_and_completes_nothing() {
    let mut story = Story::of(plan(vec![step("a"), notify("human"), step("b")]));
    for round in 0..3 {
        story.tries("a", Outcome::Retryable(failure()));
        if round == 0 {
            assert_eq!(story.tries("human", delivered(ReceiptStatus::Read)), Ending::Open);
        }
        story.tries("b", Outcome::Retryable(failure()));
        story.waits();
    }
}

#[test]
fn what_is_less_than_the_route_asks_for_is_awaited() {
    let mut story = Story::of(Plan {
        done_at: DoneAt::Delivered,
        ..plan(vec![step("drop"), step("b")])
    });
    assert_eq!(
        story.tries("drop", delivered(ReceiptStatus::Accepted)),
        Ending::Open
    );
    assert!(matches!(story.decide(), Decision::Hold(reason) if reason.contains("drop")));
    assert_eq!(
        receipt(&story.plan, &mut story.flight, ReceiptStatus::Accepted),
        Ending::Open
    );
    assert_eq!(
        receipt(&story.plan, &mut story.flight, ReceiptStatus::Delivered),
        Ending::Delivered
    );
}

#[test]
fn only_the_peers_own_word_completes_a_route_that_asks_for_it() {
    let mut story = Story::of(Plan {
        done_at: DoneAt::PeerReceipt,
        ..plan(vec![step("http")])
    });
    assert_eq!(
        story.tries("http", delivered(ReceiptStatus::Delivered)),
        Ending::Open
    );
    assert!(matches!(story.decide(), Decision::Hold(_)));
    // The peer's word is greater than what is known, so that it is noticed.
    assert_eq!(story.flight.receipt, Some(ReceiptStatus::Accepted));
    assert_eq!(
        receipt(&story.plan, &mut story.flight, ReceiptStatus::Delivered),
        Ending::Delivered
    );
}

#[test]
fn an_attempt_cut_off_by_a_crash_is_unknown_not_unmade() {
    let mut story = Story::of(plan(vec![step("a"), step("b")]));
    story.flight.begin(&step("a"));
    assert_eq!(interrupted(&story.plan, &mut story.flight).as_deref(), Some("a"));
    assert!(matches!(story.decide(), Decision::Hold(_)));

    let mut idempotent = Story::of(plan(vec![step("b"), into_inbox("a")]));
    idempotent.flight.begin(&step("a"));
    interrupted(&idempotent.plan, &mut idempotent.flight);
    idempotent.tries("a", delivered(ReceiptStatus::Delivered));
}

#[test]
fn what_may_have_arrived_is_not_repeated_or_asked_for_at_another_place() {
    let idempotent = PlannedStep {
        idempotent: true,
        reconciles: true,
        ..step("a")
    };
    let mut story = Story::of(plan(vec![idempotent]));
    story.tries("a", Outcome::Unknown(failure()));
    let before = (story.plan.clone(), story.flight.clone());
    story.plan.steps[0].leads_to = 2;
    assert!(matches!(story.decide(), Decision::Hold(_)));
    // Where it leads to the same place again, in whatever version, both are allowed.
    (story.plan, story.flight) = before;
    story.plan.steps[0].fingerprint = 2;
    assert_eq!(story.decide(), Decision::Reconcile(0));
    // An inbox that takes a message in once may be reached in another way.
    let inbox = into_inbox("a");
    let mut story = Story::of(plan(vec![inbox]));
    story.tries("a", Outcome::Unknown(failure()));
    story.plan.steps[0].leads_to = 2;
    story.waits();
    story.tries("a", delivered(ReceiptStatus::Delivered));
}
