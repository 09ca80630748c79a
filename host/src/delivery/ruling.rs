//! What a person's decision changes in a flight, and what it can still promise. Pure.

use jiff::Timestamp;

use super::flight::Flight;

/// The transports through which the message may have arrived, with no word that it did not.
#[must_use]
pub(crate) fn perhaps_by(flight: &Flight) -> Vec<&str> {
    let mut names: Vec<&str> = flight.unsettled.iter().map(String::as_str).collect();
    names.extend(flight.awaiting.as_deref());
    names.extend(flight.under_way.as_deref());
    names.sort_unstable();
    names.dedup();
    names
}

/// Why a message is cancelled, and whether that came in time, in words for a person.
#[must_use]
pub(crate) fn cancelled(flight: &Flight, by: &str) -> String {
    let names = perhaps_by(flight);
    if names.is_empty() {
        return format!("cancelled by {by} before anything could deliver it");
    }
    format!(
        "cancelled by {by}, and nothing more is tried; but it may have arrived through {}",
        names.join(" and ")
    )
}

/// The flight of a dead letter that is tried anew. What was refused and what had to be left alone may be tried
/// again, since a person has put something right. What may have arrived is kept in mind, so that nothing delivers
/// it twice; `even_twice` forgets that, too, and has a note made again that may have been made.
#[must_use]
pub(crate) fn redriven(flight: &Flight, even_twice: bool) -> Flight {
    let mut fresh = Flight {
        steps: flight.steps.clone(),
        unsettled: perhaps_by(flight).into_iter().map(str::to_owned).collect(),
        receipt: flight.receipt,
        ..Flight::new(flight.untrusted)
    };
    if even_twice {
        fresh.unsettled.clear();
    }
    for step in fresh.steps.values_mut() {
        step.tries_this_round = 0;
        step.notified &= step.told || !even_twice;
        step.refused_under = None;
        step.not_before = None;
        step.reconciled_this_round = false;
        step.last_failure = None;
    }
    fresh
}

/// The flight of a message that a person has approved.
#[must_use]
pub(crate) fn approved(flight: &Flight) -> Flight {
    Flight {
        approval_until: None,
        ..flight.clone()
    }
}

/// The flight of a message about which people were told by the message with this id.
#[must_use]
pub(crate) fn told(flight: &Flight, notice: &str) -> Flight {
    Flight {
        notice: Some(notice.to_owned()),
        ..flight.clone()
    }
}

/// The flight of a message that nobody may try before a person approves it, or `until` has come.
#[must_use]
pub(crate) fn asking(flight: Flight, until: Option<Timestamp>) -> Flight {
    Flight {
        approval_until: until,
        ..flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::StepState;

    fn flight(unsettled: &[&str], under_way: Option<&str>, awaiting: Option<&str>) -> Flight {
        Flight {
            unsettled: unsettled.iter().map(ToString::to_string).collect(),
            under_way: under_way.map(str::to_owned),
            awaiting: awaiting.map(str::to_owned),
            ..Flight::new(true)
        }
    }

    #[test]
    fn a_cancelled_message_may_have_arrived_only_after_an_attempt_that_nobody_settled() {
        let words = |flight: &Flight| cancelled(flight, "admin");
        assert!(words(&flight(&[], None, None)).contains("before anything could deliver it"));
        let mut failed = flight(&[], None, None);
        failed.steps.insert(
            "hook".into(),
            StepState {
                attempts: 3,
                ..StepState::default()
            },
        );
        assert!(words(&failed).contains("before anything could deliver it"));
        assert!(words(&flight(&[], Some("hook"), None)).ends_with("may have arrived through hook"));
        assert!(words(&flight(&["b", "a"], Some("a"), Some("c"))).ends_with("through a and b and c"));
    }

    #[test]
    fn a_redriven_message_starts_anew_and_knows_what_may_have_arrived() {
        let mut before = flight(&["hook"], None, Some("ssh"));
        before.rounds = 9;
        before.passed.insert("hook".into());
        before.steps.insert(
            "hook".into(),
            StepState {
                attempts: 4,
                refused_under: Some(1),
                not_before: Some(Timestamp::MAX),
                notified: true,
                led_to: Some(7),
                ..StepState::default()
            },
        );
        let after = redriven(&before, false);
        assert_eq!((after.rounds, after.passed.len(), after.untrusted), (0, 0, true));
        assert_eq!(after.unsettled.len(), 2, "and so nothing delivers it twice");
        let step = after.step("hook");
        assert_eq!((step.refused_under, step.not_before), (None, None));
        assert_eq!(
            (step.attempts, step.notified, step.led_to),
            (4, true, Some(7)),
            "its story stays"
        );
        assert!(redriven(&before, true).unsettled.is_empty());
    }

    #[test]
    fn a_note_that_may_have_been_made_is_made_again_only_where_twice_is_allowed() {
        for (told, even_twice, stays) in [(false, false, true), (false, true, false), (true, true, true)] {
            let mut before = flight(&[], None, None);
            before.steps.insert(
                "note".into(),
                StepState {
                    notified: true,
                    told,
                    ..StepState::default()
                },
            );
            let after = redriven(&before, even_twice);
            assert_eq!(after.step("note").notified, stays, "{told} {even_twice}");
        }
    }
}
