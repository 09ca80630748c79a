//! `byway send --wait`: until the message is decided.
//!
//! That the server stops in between decides nothing; it is asked again until the time is up. The three
//! ends are delivered, given up (dead, expired or cancelled), and undecided, which means that byway goes on.

use std::time::{Duration, Instant};

use super::client::{CallError, Client, segment};
use super::failure::{Failure, UNAVAILABLE};
use super::page;
use super::reach::{Caller, running};
use super::terminal::Terminal;
use crate::api::{MessageView, SubmittedView};
use crate::config::{Config, show_duration};
use crate::error_code::ErrorCode;

/// A message on a working chain is through within milliseconds, one on a broken chain takes long.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How a message stands, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Delivered,
    GivenUp,
    Undecided,
}

/// Waits, tells what happens meanwhile, and ends as the message does.
pub(super) async fn until_decided(
    config: &Config,
    client: Client,
    submitted: SubmittedView,
    within: Duration,
    terminal: Terminal,
) -> Result<(), Failure> {
    // A local agent has it already.
    if submitted.status == "delivered" && !submitted.duplicate {
        return if terminal.json {
            terminal.json(&submitted)
        } else {
            Ok(())
        };
    }
    if !client.is_server() {
        if terminal.json {
            terminal.json(&submitted)?;
        }
        return Err(nobody_delivers(&submitted.id));
    }
    let view = watch(config, client, &submitted.id, within, terminal).await?;
    let standing = view
        .as_ref()
        .map_or(Standing::Undecided, |view| standing(&view.status));
    if terminal.json {
        match &view {
            Some(view) => terminal.json(view)?,
            None => terminal.json(&submitted)?,
        }
    }
    match (standing, view) {
        (Standing::Delivered, Some(_)) if terminal.json => Ok(()),
        (Standing::Delivered, Some(view)) => {
            terminal.result(&format!("{} {}{}", view.status, view.id, page::by_whom(&view)))
        }
        (Standing::GivenUp, Some(view)) => Err(given_up(&view)),
        (_, view) => Err(undecided(&submitted.id, view.as_ref(), within)),
    }
}

/// The last that was seen of the message; `None` where it could not be seen.
async fn watch(
    config: &Config,
    client: Client,
    id: &str,
    within: Duration,
    terminal: Terminal,
) -> Result<Option<MessageView>, Failure> {
    let until = Instant::now() + within;
    let mut client = Some(client);
    let mut seen: Option<MessageView> = None;
    let mut pause = PAUSE_FIRST;
    loop {
        let answer = match &client {
            Some(client) => client.get::<MessageView>(&path(id)).await,
            None => Err(CallError::NoAnswer(String::new())),
        };
        match answer {
            Ok(view) => {
                tell_new(&view, seen.as_ref(), terminal);
                let is_decided = standing(&view.status) != Standing::Undecided;
                seen = Some(view);
                if is_decided {
                    return Ok(seen);
                }
            }
            Err(CallError::Refused(failure)) => return Err(failure),
            Err(CallError::NoAnswer(why)) => {
                tracing::debug!(why, "the server does not answer");
                // It may have been started again, on another port.
                client = running(config, Caller::Local).await.ok().flatten();
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(seen);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn tell_new(view: &MessageView, before: Option<&MessageView>, terminal: Terminal) {
    if !terminal.is_watched() {
        return;
    }
    let known = before.map_or(0, |before| before.attempts.len());
    for attempt in view.attempts.iter().skip(known) {
        terminal.note(&page::attempt(attempt));
    }
}

fn standing(status: &str) -> Standing {
    match status {
        "delivered" | "read" | "processed" => Standing::Delivered,
        "dead" | "expired" | "cancelled" | "dropped" => Standing::GivenUp,
        _ => Standing::Undecided,
    }
}

fn given_up(view: &MessageView) -> Failure {
    let code = if view.status == "expired" {
        ErrorCode::Expired
    } else {
        ErrorCode::DeadLetter
    };
    let reason = view
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let message = format!(
        "the message {} to {} is {}{reason}",
        view.id, view.recipient, view.status
    );
    Failure::new(code, message)
        .with_more(page::attempts(page::last_of_each(&view.attempts).into_iter()))
        .with_fix(format!(
            "Put right what the transports complain of, and send it anew; byway show {} tells all.",
            view.id
        ))
        .with_exit(UNAVAILABLE)
}

fn undecided(id: &str, view: Option<&MessageView>, within: Duration) -> Failure {
    let reason = view
        .and_then(|view| view.reason.as_ref())
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let message = format!(
        "after {} the message {id} is accepted and still undecided{reason}",
        show_duration(within)
    );
    let attempts = view
        .map(|view| page::attempts(page::last_of_each(&view.attempts).into_iter()))
        .unwrap_or_default();
    Failure::new(ErrorCode::Undecided, message)
        .with_more(attempts)
        .with_fix(format!(
            "Accepted; do not send again. byway goes on; byway show {id} tells how it stands."
        ))
}

fn nobody_delivers(id: &str) -> Failure {
    Failure::new(
        ErrorCode::Undecided,
        format!("the message {id} is accepted, but `byway serve` is not running"),
    )
    .with_fix("Accepted; do not send again. Start `byway serve`: then it goes out.")
}

fn path(id: &str) -> String {
    format!("/v1/messages/{}", segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_decides() {
        for status in ["waiting", "pending", "held", "something new"] {
            assert_eq!(standing(status), Standing::Undecided, "{status}");
        }
        for status in ["dead", "expired", "cancelled", "dropped"] {
            assert_eq!(standing(status), Standing::GivenUp, "{status}");
        }
        for status in ["delivered", "read", "processed"] {
            assert_eq!(standing(status), Standing::Delivered, "{status}");
        }
    }
}
