//! A step that waits for another: "note, then wake".

use super::story::{Story, after, delivered, failure, notify, plan, step};
use crate::contract::{Outcome, ReceiptStatus};
use crate::delivery::ruling::redriven;
use crate::delivery::{Decision, Ending, SkipReason};

const DONE: ReceiptStatus = ReceiptStatus::Delivered;

fn note_then_wake() -> Story {
    Story::of(plan(vec![notify("note"), after("note", "wake"), step("other")]))
}

fn skipped(story: &Story, name: &str) -> bool {
    let reason = SkipReason::After("note".into());
    story.skips.contains(&(name.to_owned(), reason))
}

#[test]
fn after_the_note_the_wake_delivers() {
    let mut story = note_then_wake();
    assert_eq!(story.tries("note", delivered(DONE)), Ending::Open);
    assert_eq!(story.tries("wake", delivered(DONE)), Ending::Delivered);
}

#[test]
fn without_the_note_nobody_is_woken() {
    for outcome in [Outcome::Refused(failure()), Outcome::Unknown(failure())] {
        let mut story = note_then_wake();
        story.tries("note", outcome);
        assert_eq!(story.tries("other", delivered(DONE)), Ending::Delivered);
        assert!(skipped(&story, "wake"));
    }
}

#[test]
fn a_refused_note_is_made_after_the_message_was_redriven_and_lets_the_wake_go() {
    let mut story = Story::of(plan(vec![notify("note"), after("note", "wake")]));
    story.tries("note", Outcome::Refused(failure()));
    assert!(matches!(story.decide(), Decision::Dead(_)));
    story.flight = redriven(&story.flight, false);
    story.tries("note", delivered(DONE));
    assert_eq!(story.tries("wake", delivered(DONE)), Ending::Delivered);
}

#[test]
fn a_refused_note_is_made_under_another_configuration() {
    let mut story = note_then_wake();
    story.tries("note", Outcome::Refused(failure()));
    story.tries("other", Outcome::Retryable(failure()));
    story.waits();
    story.plan.steps[0].fingerprint += 1;
    story.tries("note", delivered(DONE));
    assert_eq!(story.tries("wake", delivered(DONE)), Ending::Delivered);
}

#[test]
fn a_note_that_can_still_be_made_is_tried_again() {
    for outcome in [Outcome::Retryable, Outcome::Unavailable] {
        let mut story = note_then_wake();
        story.tries("note", outcome(failure()));
        story.tries("other", Outcome::Retryable(failure()));
        assert!(story.waits().is_positive());
        story.tries("note", delivered(DONE));
        assert_eq!(story.tries("wake", delivered(DONE)), Ending::Delivered);
    }
}

#[test]
fn a_note_is_made_once_however_often_the_wake_is_tried() {
    let mut story = note_then_wake();
    story.tries("note", delivered(DONE));
    for _ in 0..3 {
        story.tries("wake", Outcome::Retryable(failure()));
        story.tries("other", Outcome::Retryable(failure()));
        story.waits();
    }
    assert_eq!(story.flight.step("note").attempts, 1);
}

#[test]
fn a_note_that_nobody_waits_for_runs_once() {
    let mut story = Story::of(plan(vec![notify("note"), step("other")]));
    story.tries("note", Outcome::Retryable(failure()));
    story.tries("other", Outcome::Retryable(failure()));
    story.waits();
    story.tries("other", delivered(DONE));
}

#[test]
fn where_nothing_is_left_the_reason_names_the_note() {
    let mut story = Story::of(plan(vec![notify("note"), after("note", "wake")]));
    story.tries("note", Outcome::Refused(failure()));
    let Decision::Dead(reason) = story.decide() else {
        panic!("it should be dead");
    };
    assert!(
        reason.contains("wake: never tried; it waits for note: it failed (test)"),
        "{reason}"
    );
}

#[test]
fn what_waits_opens_no_earlier_than_what_it_waits_for() {
    use crate::delivery::Gate;
    let mut story = Story::of(plan(vec![notify("note"), after("note", "wake")]));
    let later = story.now + jiff::SignedDuration::from_secs(40);
    story.plan.steps[0].gate = Gate::Breaker(later);
    assert_eq!(story.decide(), Decision::Wait(later));
}
