//! The way over the gateway's WebSocket: a turn that it recognises when it is repeated, and that it can be
//! asked about afterwards.
//!
//! A turn's key is the message's idempotency key. Where the gateway was stopped, or gave the turn up, after it
//! took it and before the agent heard it, it never makes a turn of that key again; `Turns` then counts one on,
//! and the message gets a new key. That, and the session that the message went to, is kept with `progress`.

use byway_adapter::template::Values;
use byway_adapter::websocket::SocketUrl;
use byway_adapter::{Attempt, Envelope, Failure, Receipt, ReceiptStatus, Verdict, log, progress};
use openclaw_gateway::{Clock, Gateway};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::Config;
use crate::history::{Found, Next, Search};
use crate::question::{Page, SCOPES, Turn};
use crate::refusal;
use crate::session::Session;
use crate::turn::{self, Ended, Progress};
use crate::words;

/// The longest key of a turn that the gateway can be asked about, less room for a count.
const KEY_BYTES_MAX: usize = 240;
/// Messages on one page of a history, and characters of each: together well below `answer_max`.
const PAGE_MESSAGES: u64 = 100;
/// See [`PAGE_MESSAGES`].
const PAGE_CHARS: u64 = 4_096;
/// Pages that are looked through; a connection has only sixteen messages that prepare. What waits stands on the
/// first, so a second search after it has its room.
const PAGES_MAX: usize = 12;

/// What is kept of a message between attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Turns {
    /// The session that it went to, whatever the configuration says later.
    session: String,
    /// The number of its turn, from 1.
    turn: u32,
    /// The turn's key: the gateway's own name for the run.
    run: String,
}

impl Turns {
    fn first(session: &Session, attempt: &Attempt) -> Self {
        Self::numbered(session, attempt, 1)
    }

    fn numbered(session: &Session, attempt: &Attempt, turn: u32) -> Self {
        let key = &attempt.idempotency_key;
        Self {
            session: session.key.clone(),
            turn,
            run: if turn == 1 {
                key.clone()
            } else {
                format!("{key}~{turn}")
            },
        }
    }

    fn next(&self) -> Self {
        let turn = self.turn.saturating_add(1);
        let key = self
            .run
            .rsplit_once('~')
            .filter(|_| self.turn > 1)
            .map_or(self.run.as_str(), |(key, _)| key);
        Self {
            turn,
            run: format!("{key}~{turn}"),
            session: self.session.clone(),
        }
    }

    fn page(&self, offset: u64) -> Page<'_> {
        Page {
            session: &self.session,
            key: &self.run,
            offset,
            limit: PAGE_MESSAGES,
            chars_max: PAGE_CHARS,
        }
    }
}

/// Carries a message.
pub(crate) fn send(
    config: &Config,
    url: &SocketUrl,
    envelope: &Envelope,
    attempt: &Attempt,
) -> Result<Receipt, Failure> {
    let clock = Clock::of(attempt);
    let turns = turns(config, envelope, attempt)?;
    let message = words::of(config, envelope, &Values::of_attempt(envelope, attempt))?;
    words::no_command(&message)?;
    let gateway = Gateway::enter(url, &config.token, &SCOPES, clock)?;
    progress::save(&turns)?;
    let turn = Turn {
        session: &turns.session,
        message: &message,
        key: &turns.run,
        sender: &envelope.sender(),
    };
    let taken = match gateway.send("agent", "agent", turn.params(), gateway.left_ms())? {
        Some(Ok(payload)) => Progress::of(&payload),
        Some(Err(refused)) => return Err(refusal::of_message(&refused)),
        None => {
            return Err(Failure::unknown(
                "gateway-silent",
                "The message was sent, and the gateway did not answer in time.",
            ));
        }
    };
    let reached = match taken {
        Progress::Running if config.waits_for_answer() => {
            let wait_ms = gateway.left_ms();
            let params = json!({ "runId": turns.run, "timeoutMs": wait_ms });
            match gateway.send("wait", "agent.wait", params, wait_ms)? {
                Some(Ok(payload)) => Progress::of(&payload),
                // It has the message; that it cannot say more changes nothing.
                Some(Err(_)) | None => Progress::Running,
            }
        }
        taken => taken,
    };
    if let Progress::Failed(why) = &reached {
        let why = why.as_deref();
        match turn::ended(newest(&gateway, &turns)?.as_ref(), why) {
            Ended::Heard => log::warn(&turn::failed(why)),
            Ended::Unheard => {
                progress::save(&turns.next())?;
                return Err(turn::not_begun(why));
            }
            Ended::Cancelled => return Err(cancelled()),
            Ended::Unclear => return Err(turn::unclear(why)),
        }
    }
    Ok(reached.receipt(&turns.run))
}

/// Finds out what became of a message.
pub(crate) fn reconcile(
    config: &Config,
    url: &SocketUrl,
    envelope: &Envelope,
    attempt: &Attempt,
) -> Result<Verdict, Failure> {
    let clock = Clock::of(attempt);
    let turns = turns(config, envelope, attempt)?;
    let gateway = Gateway::enter(url, &config.token, &SCOPES, clock)?;
    let Some(found) = find(&gateway, &turns, "history")? else {
        return Ok(Verdict::Unknown);
    };
    let reached = match found {
        Found::Nowhere => return Ok(Verdict::NotArrived),
        Found::Interrupted => return anew(&turns),
        Found::Cancelled => return Ok(Verdict::Failed(cancelled())),
        Found::Answered(text) => Progress::Answered(text),
        Found::Failed(why) => Progress::Failed(why),
        Found::Waiting | Found::InSession => match answer(config, &gateway, &turns)? {
            Progress::Running if found == Found::InSession => {
                let receipt = Receipt::new(ReceiptStatus::Delivered).with_reference(Some(turns.run));
                return Ok(Verdict::Arrived(receipt));
            }
            // It waited when it was looked for, so whether the agent heard it before the end is to be looked for again.
            Progress::Failed(why) if found == Found::Waiting => {
                let found = find(&gateway, &turns, "again")?;
                match turn::ended(found.as_ref(), why.as_deref()) {
                    Ended::Heard => Progress::Failed(why),
                    Ended::Unheard => return anew(&turns),
                    Ended::Cancelled => return Ok(Verdict::Failed(cancelled())),
                    Ended::Unclear => return Ok(Verdict::Unknown),
                }
            }
            reached => reached,
        },
    };
    Ok(match reached {
        Progress::Answered(Some(text)) => {
            Verdict::Answered((Progress::Answered(Some(text.clone())).receipt(&turns.run), text))
        }
        reached => Verdict::Arrived(reached.receipt(&turns.run)),
    })
}

/// The agent has not heard it, and never will under this key.
fn anew(turns: &Turns) -> Result<Verdict, Failure> {
    log::warn("The gateway was stopped before the agent heard the message; it gets a new turn.");
    progress::save(&turns.next())?;
    Ok(Verdict::NotArrived)
}

fn cancelled() -> Failure {
    Failure::refused("cancelled", "Somebody at the gateway called the message off.")
}

/// Looks through the history. `None`: it is too long, and the turn is not in the newer part of it.
fn find(gateway: &Gateway, turns: &Turns, id: &str) -> Result<Option<Found>, Failure> {
    let mut search = Search::new(&turns.run);
    let mut offset = 0;
    for number in 0..PAGES_MAX {
        let params = turns.page(offset).params();
        let page = match gateway.prepare(&format!("{id}-{number}"), "chat.history", params)? {
            Ok(page) => page,
            Err(refused) => return Err(openclaw_gateway::refusal::at_login(&refused)),
        };
        match search.look(&page) {
            Next::Done(found) => return Ok(Some(found)),
            Next::Older(older) => offset = older,
        }
    }
    Ok(None)
}

/// Looks through the newest page of the history, after the message was sent. `None`: the turn is not on it, or the
/// gateway does not say.
fn newest(gateway: &Gateway, turns: &Turns) -> Result<Option<Found>, Failure> {
    let params = turns.page(0).params();
    let answer = gateway.send("history", "chat.history", params, gateway.left_ms())?;
    Ok(match answer {
        Some(Ok(page)) => match Search::new(&turns.run).look(&page) {
            Next::Done(found) => Some(found),
            Next::Older(_) => None,
        },
        Some(Err(_)) | None => None,
    })
}

/// Waits for the end of a turn that is there, where that is asked for.
fn answer(config: &Config, gateway: &Gateway, turns: &Turns) -> Result<Progress, Failure> {
    if !config.waits_for_answer() {
        return Ok(Progress::Running);
    }
    let wait_ms = gateway.left_ms();
    let params = json!({ "runId": turns.run, "timeoutMs": wait_ms });
    Ok(
        match gateway.prepare_and_wait("wait", "agent.wait", params, wait_ms) {
            Ok(Some(Ok(payload))) => Progress::of(&payload),
            // It arrived; that it cannot say more changes nothing.
            Ok(_) | Err(_) => Progress::Running,
        },
    )
}

/// What an earlier attempt kept, or the beginning.
fn turns(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Turns, Failure> {
    if attempt.idempotency_key.len() > KEY_BYTES_MAX {
        return Err(Failure::refused(
            "key-too-long",
            format!("The gateway takes idempotency keys of at most {KEY_BYTES_MAX} bytes."),
        ));
    }
    if let Some(turns) = progress::saved::<Turns>(attempt) {
        return Ok(turns);
    }
    let session = Session::of(config, envelope, &Values::of_attempt(envelope, attempt))?;
    Ok(Turns::first(&session, attempt))
}

#[cfg(test)]
mod tests {
    use byway_adapter::sample;

    use super::*;

    #[test]
    fn a_turn_that_was_cut_off_gets_a_key_of_its_own() {
        let session = Session::from_key("agent:a:main").unwrap();
        let attempt = Attempt {
            idempotency_key: "a~b".to_owned(),
            ..sample::first_attempt()
        };
        let first = Turns::first(&session, &attempt);
        let runs = [first.run.clone(), first.next().run, first.next().next().run];
        assert_eq!(runs, ["a~b", "a~b~2", "a~b~3"]);
        assert_eq!(first.next().next(), Turns::numbered(&session, &attempt, 3));
    }
}
