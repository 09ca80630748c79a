//! Whether what happened is what the demo claims. The page is for people; this is what its exit code
//! stands for.

use crate::failure::{Failure, Result};

use super::answers::{Attempt, Received, Shown};

/// One attempt as it has to have been.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The transport.
    pub(crate) transport: &'static str,
    /// How it may have ended.
    pub(crate) outcomes: &'static [&'static str],
}

const GATEWAY: Expected = Expected {
    transport: "gateway",
    outcomes: &["retryable"],
};
const REMOTE_CLI: Expected = Expected {
    transport: "remote-cli",
    outcomes: &["unavailable"],
};
const RELAY: Expected = Expected {
    transport: "relay-hook",
    outcomes: &["retryable"],
};

/// While b is up: three fail, each in its own way, and b's API takes the message.
pub(crate) const B_UP: [Expected; 4] = [
    GATEWAY,
    REMOTE_CLI,
    RELAY,
    Expected {
        transport: "peer-webhook",
        outcomes: &["delivered"],
    },
];

/// While b is down: its API fails too, and the folder takes the message.
pub(crate) const B_DOWN: [Expected; 5] = [
    GATEWAY,
    REMOTE_CLI,
    RELAY,
    Expected {
        transport: "peer-webhook",
        outcomes: &["retryable"],
    },
    Expected {
        transport: "shared-folder",
        outcomes: &["delivered"],
    },
];

/// Compares a message's way with what it has to have been.
pub(crate) fn of_attempts(shown: &Shown, expected: &[Expected]) -> Result<()> {
    let way: Vec<String> = shown.attempts.iter().map(told).collect();
    let as_expected = shown.attempts.len() == expected.len()
        && shown.attempts.iter().zip(expected).all(|(attempt, expected)| {
            attempt.transport == expected.transport && expected.outcomes.contains(&attempt.outcome.as_str())
        });
    if !as_expected {
        let expected: Vec<String> = expected
            .iter()
            .map(|expected| format!("{} {}", expected.transport, expected.outcomes.join(" or ")))
            .collect();
        return Err(Failure::new(format!(
            "the message went: {}; expected: {}",
            way.join(", "),
            expected.join(", ")
        )));
    }
    if shown.status != "delivered" {
        return Err(Failure::new(format!(
            "the message's status is {}, not delivered",
            shown.status
        )));
    }
    if !shown.fallback {
        return Err(Failure::new(
            "the message does not say that another than the first choice delivered it",
        ));
    }
    Ok(())
}

/// Finds the message in the inbox, where it has to be once and unaltered, among `count` in all.
pub(crate) fn of_inbox<'a>(
    inbox: &'a [Received],
    id: &str,
    text: &str,
    count: usize,
) -> Result<&'a Received> {
    let of_that_id: Vec<&Received> = inbox.iter().filter(|received| received.id == id).collect();
    let [received] = of_that_id[..] else {
        return Err(Failure::new(format!(
            "b's inbox has message {id} {} times, not once",
            of_that_id.len()
        )));
    };
    if inbox.len() != count {
        return Err(Failure::new(format!(
            "b's inbox has {} messages, not {count}",
            inbox.len()
        )));
    }
    if received.text != text {
        return Err(Failure::new(format!(
            "the message arrived as {:?}, but was sent as {text:?}",
            received.text
        )));
    }
    if received.source != "byway://a/planner" {
        return Err(Failure::new(format!(
            "the message's source is {}, not byway://a/planner",
            received.source
        )));
    }
    Ok(received)
}

fn told(attempt: &Attempt) -> String {
    let Attempt {
        transport,
        outcome,
        code,
        ..
    } = attempt;
    code.as_ref().map_or_else(
        || format!("{transport} {outcome}"),
        |code| format!("{transport} {outcome} ({code})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(steps: &[(&str, &str)]) -> Shown {
        let attempts = steps
            .iter()
            .map(|(transport, outcome)| Attempt {
                transport: (*transport).to_owned(),
                outcome: (*outcome).to_owned(),
                code: None,
                message: None,
                took_ms: 1,
            })
            .collect();
        Shown {
            status: "delivered".to_owned(),
            fallback: true,
            attempts,
        }
    }

    const RIGHT: [(&str, &str); 4] = [
        ("gateway", "retryable"),
        ("remote-cli", "unavailable"),
        ("relay-hook", "retryable"),
        ("peer-webhook", "delivered"),
    ];

    #[test]
    fn the_expected_way_holds() {
        of_attempts(&way(&RIGHT), &B_UP).unwrap();
    }

    #[test]
    fn another_order_outcome_or_number_does_not() {
        let mut swapped = RIGHT;
        swapped.swap(0, 1);
        let mut unknown = RIGHT;
        unknown[2] = ("relay-hook", "unknown");
        let twice = [&RIGHT[..], &[("peer-webhook", "delivered")]].concat();
        for wrong in [&swapped[..], &unknown[..], &RIGHT[..3], &twice[..], &[]] {
            assert!(of_attempts(&way(wrong), &B_UP).is_err(), "{wrong:?} passed");
        }
    }

    #[test]
    fn delivered_has_to_be_said_and_the_fallback_too() {
        let undecided = Shown {
            status: "waiting".to_owned(),
            ..way(&RIGHT)
        };
        assert!(of_attempts(&undecided, &B_UP).is_err());
        let silent = Shown {
            fallback: false,
            ..way(&RIGHT)
        };
        assert!(of_attempts(&silent, &B_UP).is_err());
    }

    fn received(id: &str, text: &str) -> Received {
        Received {
            id: id.to_owned(),
            source: "byway://a/planner".to_owned(),
            time: String::new(),
            status: "delivered".to_owned(),
            via: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_message_has_to_be_there_once_and_unaltered() {
        let one = [received("1", "x")];
        assert!(of_inbox(&one, "1", "x", 1).is_ok());
        assert!(of_inbox(&one, "1", "y", 1).is_err());
        assert!(of_inbox(&one, "2", "x", 1).is_err());
        assert!(of_inbox(&one, "1", "x", 2).is_err());
        assert!(of_inbox(&[received("1", "x"), received("1", "x")], "1", "x", 2).is_err());
        assert!(of_inbox(&[received("1", "x"), received("3", "x")], "1", "x", 1).is_err());
        let forged = [Received {
            source: "byway://a/admin".to_owned(),
            ..received("1", "x")
        }];
        assert!(of_inbox(&forged, "1", "x", 1).is_err());
    }
}
