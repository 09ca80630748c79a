//! People answer byway: they approve or reject what waits for them, through a door that does not sign.
//!
//! Nobody may by default. A route names who may, by the name that the door gives a person, and whoever that is can
//! decide about messages of that route alone. What is not clear changes nothing. Whatever came of an answer is told where
//! the notice went, in the same moment in which it counts; and an answer that comes again is known by what was said to it.
//!
//! A peer decides nothing here: what it signs is the word of an instance, not of a person.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use super::answer::{Answer, Meant, Unclear, first_word};
use super::approve::{approval, is_open};
use super::notice::{About, who};
use super::take_in::{Door, TakenIn};
use super::{Intake, Refusal};
use crate::config::Approval;
use crate::envelope::{Address, Data, Envelope, OWN_AGENT, Value};
use crate::error_code::ErrorCode;
use crate::hexadecimal::hex;
use crate::store::{Intervention, Outgoing};

const HOW: &str = "Answer the notice of a message with approve, or with reject and why; or write /approve and its whole id.";

/// Who answers, as the door says.
struct Person {
    door: String,
    name: String,
    /// The far side's own name for them, such as `telegram:123456789`.
    number: Option<String>,
}

impl Person {
    fn of(door: &str, envelope: &Envelope) -> Self {
        let said = |name: &str| text(envelope, name).map(|text| super::cut(text).to_owned());
        Self {
            door: door.to_owned(),
            name: said("sender").unwrap_or_default(),
            number: said("senderid"),
        }
    }

    fn may_decide(&self, approval: &Approval) -> bool {
        let people = approval.approvers.get(&self.door);
        !self.name.is_empty() && people.is_some_and(|people| people.contains(&self.name))
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.number {
            Some(number) => write!(f, "{} ({number}, through {})", self.name, self.door),
            None => write!(f, "{} (through {})", self.name, self.door),
        }
    }
}

/// A message that is decided about.
struct Case {
    message: Outgoing,
    meant: Meant,
    tell: Option<Address>,
}

/// Why nothing is decided, and whom to tell.
struct Refused {
    refusal: Refusal,
    tell: Option<Address>,
    about: Option<Box<Outgoing>>,
}

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            refusal: error.into(),
            tell: None,
            about: None,
        }
    }
}

impl Intake {
    /// Whether it is byway's own address on this instance.
    pub(super) fn is_byway(&self, address: &Address) -> bool {
        address.agent() == OWN_AGENT && address.instance() == self.me()
    }

    /// Takes a person's answer. What was decided is stored when this returns, and so is what the person is told.
    pub(super) async fn take_answer(&self, door: &Door, envelope: Envelope) -> Result<TakenIn, Refusal> {
        let person = Person::of(door.inbound.as_deref().unwrap_or_default(), &envelope);
        let reply = reply_id(&person.door, &envelope.id);
        let own = self.own_source();
        let taken = |again| TakenIn {
            id: envelope.id.clone(),
            source: envelope.source.clone(),
            recipient: envelope.recipient.clone(),
            status: "processed".into(),
            again,
        };
        if !self.store.find_all_outgoing(Some(&own), &reply).await?.is_empty() {
            return Ok(taken(true));
        }
        let refused = match self.what_is_meant(&person, &envelope).await {
            Ok(case) => match self.settle(&person, case, &reply).await {
                Ok(()) => return Ok(taken(false)),
                Err(refused) => refused,
            },
            Err(refused) => refused,
        };
        if refused.refusal.is_ours() {
            return Err(refused.refusal);
        }
        self.tell_refusal(&person, &refused, reply).await?;
        self.note_refusal(Some(&envelope), &door.name, &refused.refusal)
            .await;
        Err(refused.refusal)
    }

    /// Decides, and stores with the decision what is said of it.
    async fn settle(&self, person: &Person, case: Case, reply: &str) -> Result<(), Refused> {
        let Case { message, meant, tell } = case;
        let by = person.to_string();
        let about = message.clone();
        let decided = self.decide(message, |message, now| {
            let decided = approval(message, &by, meant.approve, meant.reason.as_deref(), now)
                .map_err(|refusal| with_reason(refusal, message))?;
            let text = decided_text(message, &decided);
            let said = tell
                .as_ref()
                .and_then(|tell| self.say(tell, reply.to_owned(), text, Some(message), None));
            Ok(Intervention {
                beside: said.map(Box::new),
                ..decided
            })
        });
        match decided.await {
            Ok(()) => {
                tracing::info!(id = about.id, to = %about.recipient, by, approve = meant.approve, "a person decided");
                Ok(())
            }
            Err(refusal) => Err(Refused {
                refusal,
                tell: tell.clone(),
                about: Some(Box::new(about)),
            }),
        }
    }

    /// Finds the one message that an answer is about, and that this person may decide about it.
    async fn what_is_meant(&self, person: &Person, envelope: &Envelope) -> Result<Case, Refused> {
        let notice = self.answered(envelope).await?;
        let told = notice.as_ref().map(|about| about.told.clone());
        let unclear = |unclear: Unclear| {
            let tell = told.clone().or_else(|| self.tells_of(person));
            refused(not_clear(unclear.to_string()), tell, None)
        };
        let words = match &envelope.data {
            Some(Data::Text(words)) => words.as_str(),
            _ => "",
        };
        let answer = Answer::read(words).map_err(unclear)?;
        let meant = match &notice {
            Some(about) => answer.about(&about.id, &about.recipient),
            None => answer.by_id(),
        };
        let meant = meant.map_err(unclear)?;
        let source = notice.as_ref().map(|about| about.source.as_str());
        let mut rows = self.store.find_all_outgoing(source, &meant.id).await?;
        // What byway itself says waits for nobody.
        rows.retain(|row| {
            meant.to.as_ref().is_none_or(|to| row.recipient == *to) && row.source != self.own_source()
        });
        let tell = told
            .or_else(|| rows.iter().find_map(|row| self.approval_of(row)?.notice.clone()))
            .or_else(|| self.tells_of(person));
        if rows.is_empty() {
            let sentence = format!("there is no message `{}` that could wait for anybody", meant.id);
            return Err(refused(
                Refusal::new(ErrorCode::NoSuchMessage, sentence),
                tell,
                None,
            ));
        }
        let mut allowed = rows;
        let first = allowed.first().cloned();
        allowed.retain(|row| self.approval_of(row).is_some_and(|it| person.may_decide(it)));
        if allowed.is_empty() {
            let sentence = format!("{person} may not decide about the message `{}`", meant.id);
            let refusal = Refusal::new(ErrorCode::SenderNotAllowed, sentence)
                .with_fix("If they should, add them to the route's `approvers`.");
            return Err(refused(refusal, tell, first));
        }
        let decided = allowed.first().cloned();
        allowed.retain(is_open);
        let names = allowed.iter().map(|row| row.recipient.to_string());
        let names: Vec<String> = names.collect();
        let mut open = allowed.into_iter();
        match (open.next(), open.next(), decided) {
            (Some(message), None, _) => {
                self.names_no_other(&meant, &notice)
                    .await
                    .map_err(|refusal| refused(refusal, tell.clone(), Some(message.clone())))?;
                Ok(Case { message, meant, tell })
            }
            (Some(_), Some(_), _) => {
                let sentence = format!(
                    "{} messages `{}` wait, to {}, and it does not say which",
                    names.len(),
                    meant.id,
                    names.join(" and ")
                );
                Err(refused(not_clear(sentence), tell, None))
            }
            // That it waits for nobody is for the ruling to say, of the message as it stands then.
            (None, _, Some(message)) => Ok(Case { message, meant, tell }),
            (None, _, None) => Err(refused(
                Refusal::new(ErrorCode::NoSuchMessage, "the message is gone"),
                tell,
                None,
            )),
        }
    }

    /// The message of byway's that an answer answers, where it speaks of one that is carried.
    async fn answered(&self, envelope: &Envelope) -> Result<Option<About>, Refusal> {
        let Some(id) = text(envelope, "causationid") else {
            return Ok(None);
        };
        let own = self.own_source();
        let said = self.store.find_all_outgoing(Some(&own), id).await?;
        Ok(said.first().and_then(About::of))
    }

    /// A rejection in answer to one message that begins with the id of another could mean either.
    async fn names_no_other(&self, meant: &Meant, notice: &Option<About>) -> Result<(), Refusal> {
        let (Some(reason), Some(_)) = (&meant.reason, notice) else {
            return Ok(());
        };
        let (word, _) = first_word(reason);
        if self.store.find_all_outgoing(None, word).await?.is_empty() {
            return Ok(());
        }
        Err(not_clear(format!(
            "it answers the notice of `{}`, and names the message `{word}`",
            meant.id
        )))
    }

    /// What the route of a message says of approval now.
    fn approval_of(&self, message: &Outgoing) -> Option<&Approval> {
        let route = self.router.route(message.sender.as_ref(), &message.recipient)?;
        route.approval.as_ref()
    }

    /// Where a person is told something that is of no message: where what they decide about is told.
    fn tells_of(&self, person: &Person) -> Option<Address> {
        let mut approvals = self
            .config
            .routes
            .iter()
            .filter_map(|route| route.approval.as_ref());
        approvals
            .find(|approval| person.may_decide(approval))?
            .notice
            .clone()
    }

    /// Tells a person why nothing was done. Nobody floods a chat this way: as many are told as are written down.
    async fn tell_refusal(&self, person: &Person, refused: &Refused, reply: String) -> Result<(), Refusal> {
        let Some(tell) = &refused.tell else {
            return Ok(());
        };
        if self.store.check_room().is_err() || !self.refusals.may_be_written((self.clock)()) {
            return Ok(());
        }
        let mut words = format!(
            "{}: nothing was done. {}.",
            person.name,
            sentence(&refused.refusal)
        );
        if refused.refusal.code == ErrorCode::NotADecision {
            let _ = write!(words, " {HOW}");
        }
        if let Some(new) = self.say(tell, reply, words, refused.about.as_deref(), None) {
            self.store.accept(new).await?;
        }
        Ok(())
    }
}

fn refused(refusal: Refusal, tell: Option<Address>, about: Option<Outgoing>) -> Refused {
    let about = about.map(Box::new);
    Refused { refusal, tell, about }
}

fn not_clear(sentence: String) -> Refusal {
    Refusal::new(ErrorCode::NotADecision, sentence).with_fix(HOW)
}

/// That it is too late says who was quicker.
fn with_reason(refusal: Refusal, message: &Outgoing) -> Refusal {
    match &message.reason {
        Some(reason) if refusal.code == ErrorCode::TooLate => Refusal {
            message: format!("{} ({reason})", refusal.message),
            ..refusal
        },
        _ => refusal,
    }
}

/// What people read of a decision: who decided what, and about which message.
fn decided_text(message: &Outgoing, decided: &Intervention) -> String {
    let reason = decided.reason.as_deref().unwrap_or(decided.event);
    let mut characters = reason.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string());
    let reason = format!("{}{}", first.unwrap_or_default(), characters.as_str());
    let envelope = Envelope::from_json(&message.envelope_json).ok();
    let who = envelope.map_or_else(|| message.recipient.to_string(), |envelope| who(&envelope));
    let what = if decided.status.is_end() {
        "is not sent"
    } else {
        "goes out"
    };
    format!("{reason}.\n{who} {what}: {}", message.id)
}

/// A refusal's sentence, with a large letter.
fn sentence(refusal: &Refusal) -> String {
    let mut characters = refusal.message.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), characters.as_str())
}

fn text<'a>(envelope: &'a Envelope, name: &str) -> Option<&'a str> {
    match envelope.extensions.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The id of what is said to an answer: the same whenever that comes, and of no other one.
fn reply_id(door: &str, id: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(door);
    digest.update([0]);
    digest.update(id);
    let half = digest.finalize();
    format!("reply-{}", hex(half.get(..16).unwrap_or_default()))
}
