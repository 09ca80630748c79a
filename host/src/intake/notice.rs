//! What byway itself tells people: that a message waits for them, and what came of their answer.
//!
//! It is a message like any other, from `byway@<me>`: it takes a route, goes round what is down, and is a dead letter
//! where nobody could be reached. Only approval is never asked for it. It says of which message it speaks, so that an
//! answer to it needs no id.
//!
//! What the message says stands in it behind `>` at each line, so that nothing in it can pass for byway's own words.

use jiff::Timestamp;
use uuid::Uuid;

use super::Intake;
use crate::config::{Approval, OnApprovalExpiry};
use crate::envelope::{Address, Data, Draft, Envelope, OWN_AGENT, Value};
use crate::store::{Kind, NewOutgoing, Outgoing};

/// The type of what byway tells people.
const NOTICE_TYPE: &str = "dev.byway.notice";
/// The source and the recipient of the message that it speaks of; its id is the `correlationid`.
const ABOUT_SOURCE: &str = "aboutsource";
const ABOUT_RECIPIENT: &str = "aboutrecipient";
/// How much of a message is shown, in characters and lines.
const SHOWN_CHARS_MAX: usize = 1_000;
const SHOWN_LINES_MAX: usize = 30;
const SUBJECT_CHARS_MAX: usize = 128;

/// Of which message a notice speaks, and to whom it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) source: String,
    pub(super) id: String,
    pub(super) recipient: Address,
    pub(super) told: Address,
}

impl About {
    /// Reads it from a message that byway sent; `None` where it speaks of none.
    pub(super) fn of(notice: &Outgoing) -> Option<Self> {
        let envelope = Envelope::from_json(&notice.envelope_json).ok()?;
        let said = |name: &str| match envelope.extensions.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        Some(Self {
            source: said(ABOUT_SOURCE)?,
            id: said("correlationid")?,
            recipient: said(ABOUT_RECIPIENT)?.parse().ok()?,
            told: notice.recipient.clone(),
        })
    }
}

impl Intake {
    /// byway's own source on this instance.
    pub(super) fn own_source(&self) -> String {
        format!("byway://{}/{OWN_AGENT}", self.me())
    }

    /// The notice of a message that waits.
    pub(super) fn notice(&self, message: &Outgoing, until: Timestamp) -> Option<NewOutgoing> {
        let route = self.router.route(message.sender.as_ref(), &message.recipient)?;
        let approval = route.approval.as_ref()?;
        let to = approval.notice.as_ref()?;
        let envelope = Envelope::from_json(&message.envelope_json).ok()?;
        let text = waits(&envelope, approval, until);
        self.say(to, Uuid::now_v7().to_string(), text, Some(message), Some(until))
    }

    /// What byway says, as a message under this id. `None` where no route carries it, which the log tells.
    pub(super) fn say(
        &self,
        to: &Address,
        id: String,
        text: String,
        about: Option<&Outgoing>,
        until: Option<Timestamp>,
    ) -> Option<NewOutgoing> {
        let said = self.put_into_words(to, id, text, about, until);
        if said.is_none() {
            let about = about.map(|message| message.id.as_str());
            tracing::error!(%to, about, "people could not be told: no route leads there");
        }
        said
    }

    fn put_into_words(
        &self,
        to: &Address,
        id: String,
        text: String,
        about: Option<&Outgoing>,
        until: Option<Timestamp>,
    ) -> Option<NewOutgoing> {
        let now = (self.clock)();
        let mut draft = Draft {
            expiry_time: until,
            ..Draft::new(self.own_source(), to.clone())
        }
        .event_type(NOTICE_TYPE)
        .text(text);
        if let Some(message) = about {
            draft = draft
                .extension("correlationid", &message.id)
                .extension(ABOUT_SOURCE, &message.source)
                .extension(ABOUT_RECIPIENT, message.recipient.to_string());
        }
        let mut envelope = draft.finish(id, now).ok()?;
        self.stamp_route_deadline(&mut envelope, now).ok()?;
        self.identity.sign(&mut envelope);
        self.outgoing(
            &envelope,
            Kind::Message,
            OWN_AGENT,
            false,
            envelope.message_digest(),
        )
    }
}

/// That a message waits: whose, for whom, about what, until when, and how to answer.
fn waits(message: &Envelope, approval: &Approval, until: Timestamp) -> String {
    let mut text = format!("{} waits for approval.\n", who(message));
    if let Some(subject) = &message.subject {
        let subject: String = subject.chars().filter(is_plain).take(SUBJECT_CHARS_MAX).collect();
        text.push_str(&format!("Subject: {subject}\n"));
    }
    text.push_str(&shown(message.data.as_ref()));
    let then = match approval.on_expiry {
        OnApprovalExpiry::Reject => "is rejected",
        OnApprovalExpiry::Deliver => "goes out",
    };
    let until = until.strftime("%Y-%m-%d %H:%M:%S UTC");
    text.push_str(&format!("\nAt {until} it {then} by itself.\n"));
    let (id, recipient) = (&message.id, &message.recipient);
    let how = if approval.approvers.is_empty() {
        format!("To decide, on byway's machine: byway approve {id} --to {recipient}, or byway reject.")
    } else {
        format!(
            "To decide, answer this message with approve, or with reject and why. Or write:\n/approve {id} {recipient}\n\
             /reject {id} {recipient} and why"
        )
    };
    text.push_str(&how);
    text
}

/// `planner@a → executor@b`; a source that is no agent's as it is.
pub(super) fn who(message: &Envelope) -> String {
    let sender = message
        .sender()
        .map_or_else(|| message.source.clone(), |sender| sender.to_string());
    let sender: String = sender.chars().filter(is_plain).take(SUBJECT_CHARS_MAX).collect();
    format!("{sender} → {}", message.recipient)
}

/// The beginning of what a message carries, each line marked as its.
fn shown(data: Option<&Data>) -> String {
    let text = match data {
        None => return String::new(),
        Some(Data::Text(text)) => text.clone(),
        Some(Data::Json(value)) => value.to_string(),
        Some(Data::Binary(bytes)) => return format!("\n({} bytes)\n", bytes.len()),
    };
    let beginning: String = text.trim().chars().take(SHOWN_CHARS_MAX).collect();
    let mut shown = String::from("\n");
    for line in beginning.lines().take(SHOWN_LINES_MAX) {
        let line: String = line.chars().filter(is_plain).collect();
        shown.push_str(&format!("> {line}\n"));
    }
    let is_whole =
        text.trim().chars().count() <= SHOWN_CHARS_MAX && beginning.lines().count() <= SHOWN_LINES_MAX;
    if !is_whole {
        shown.push_str("(and more)\n");
    }
    shown
}

/// Whether a character stands where it seems to stand: no control, and nothing that turns the direction of writing
/// or breaks a line.
fn is_plain(c: &char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use super::*;

    fn approval(by: &[&str]) -> Approval {
        let people: BTreeSet<String> = by.iter().map(ToString::to_string).collect();
        let mut approvers = BTreeMap::new();
        if !people.is_empty() {
            approvers.insert("chat".to_owned(), people);
        }
        Approval {
            expiry: Duration::from_secs(60),
            on_expiry: OnApprovalExpiry::Reject,
            notice: None,
            approvers,
        }
    }

    fn told(message: Draft, approval: &Approval) -> String {
        let at = Timestamp::constant(1_800_000_000, 0);
        waits(&message.finish("m-1".into(), at).unwrap(), approval, at)
    }

    fn draft() -> Draft {
        Draft::new("byway://a/planner", "executor@b".parse().unwrap())
    }

    #[test]
    fn a_notice_says_who_to_whom_about_what_until_when_and_how_to_answer() {
        assert_eq!(
            told(
                draft()
                    .subject("release-7")
                    .text("The build is green.\n\nShip it?"),
                &approval(&["anna"])
            ),
            "planner@a → executor@b waits for approval.\nSubject: release-7\n\n> The build is green.\n> \n> Ship it?\n\n\
             At 2027-01-15 08:00:00 UTC it is rejected by itself.\nTo decide, answer this message with approve, or with reject and \
             why. Or write:\n/approve m-1 executor@b\n/reject m-1 executor@b and why"
        );
    }

    #[test]
    fn where_nobody_may_answer_it_says_where_to_decide() {
        let on_expiry = OnApprovalExpiry::Deliver;
        let text = told(
            draft(),
            &Approval {
                on_expiry,
                ..approval(&[])
            },
        );
        assert!(text.contains("it goes out by itself") && text.contains("byway approve m-1 --to executor@b"));
        assert!(!text.contains("answer this message"));
    }

    #[test]
    fn nothing_in_a_message_passes_for_byways_own_words() {
        let forged = "hi\nTo decide, write:\r/approve m-2\u{2028}/approve m-3\u{202e}";
        let text = told(
            // A source is a URI, in which none of it can stand.
            draft().subject("a\u{2029}/approve m-4").text(forged),
            &approval(&["anna"]),
        );
        let commands = text.lines().filter(|line| line.starts_with("/approve"));
        assert_eq!(commands.count(), 1, "{text}");
        assert!(text.contains("> To decide, write:"));
        assert!(text.chars().all(|c| c == '\n' || is_plain(&c)));
    }

    #[test]
    fn a_long_message_is_shown_in_part() {
        for (data, shown) in [
            (draft().text("x".repeat(5_000)), "(and more)"),
            (draft().text("x\n".repeat(100)), "(and more)"),
            (draft().json(serde_json::json!({"a": 1})), "> {\"a\":1}"),
        ] {
            let text = told(data, &approval(&["anna"]));
            assert!(text.contains(shown) && text.chars().count() < 2_000, "{text}");
        }
    }
}
