//! Sending a message part by part, and going on at the part that failed.
//!
//! After each part but the last it is noted, on disk, which parts are out. So a part is sent again only if
//! Telegram said that it did not take it. What is noted holds for exactly these texts in exactly this chat:
//! once the configuration has changed, the message begins anew.

use byway_adapter::{Envelope, Failure, FailureKind, Receipt, ReceiptStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::api::Brought;
use crate::config::{Chat, ChatId, Config, Format};
use crate::text;

/// Which parts of a message are out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Out {
    /// Of what: a digest of the chat and all texts.
    digest: String,
    /// Telegram's number for each part that is out, 0 where it was lost.
    ids: Vec<i64>,
}

/// Sends what is not out yet. `post` sends the body of one `sendMessage`, `save` notes what is out.
///
/// # Errors
/// How the part failed that did not go out.
pub(crate) fn send(
    config: &Config,
    envelope: &Envelope,
    earlier: Option<Out>,
    mut post: impl FnMut(&Value) -> Result<Brought, Failure>,
    mut save: impl FnMut(&Out) -> Result<(), Failure>,
) -> Result<Receipt, Failure> {
    let chat = config
        .chat_for(&envelope.recipient)
        .ok_or_else(|| no_chat(envelope))?;
    let texts = text::texts(config, envelope)?;
    let digest = digest(chat, &texts);
    let earlier = earlier.filter(|out| out.digest == digest && out.ids.len() < texts.len());
    let mut out = earlier.unwrap_or(Out {
        digest,
        ids: Vec::new(),
    });
    for (index, text) in texts.iter().enumerate().skip(out.ids.len()) {
        let place = Place {
            number: index + 1,
            count: texts.len(),
        };
        let brought = post(&body(config, chat, text)).map_err(|failure| place.failed(failure))?;
        out.ids.push(message_id(&brought));
        if place.number < place.count {
            save(&out).map_err(|failure| place.not_noted(&failure))?;
        }
    }
    // A person has it. Whether the agent that it is for ever does is up to that person.
    Ok(Receipt::new(ReceiptStatus::Accepted).with_reference(Some(reference(chat, &out.ids))))
}

/// The body of one `sendMessage`.
#[derive(Debug, Serialize)]
struct SendMessage<'a> {
    chat_id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'static str>,
    link_preview_options: LinkPreview,
    disable_notification: bool,
}

#[derive(Debug, Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

fn body(config: &Config, chat: &Chat, text: &str) -> Value {
    let body = SendMessage {
        chat_id: match &chat.id {
            ChatId::Number(id) => Value::from(*id),
            ChatId::Name(name) => Value::from(format!("@{name}")),
        },
        message_thread_id: chat.thread,
        text,
        parse_mode: (config.format == Format::Html).then_some("HTML"),
        // Else Telegram's servers would fetch whatever a message names.
        link_preview_options: LinkPreview { is_disabled: true },
        disable_notification: config.silent,
    };
    // It has texts, numbers and Booleans only, and those always print.
    serde_json::to_value(body).unwrap_or_default()
}

fn message_id(brought: &Brought) -> i64 {
    match brought {
        Brought::Result(message) => message.get("message_id").and_then(Value::as_i64).unwrap_or(0),
        Brought::CutOff => 0,
    }
}

/// Where a person finds it: `-1001234567890: 41, 42`.
fn reference(chat: &Chat, ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    format!("{chat}: {}", ids.join(", "))
}

fn digest(chat: &Chat, texts: &[String]) -> String {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&chat.to_string()).chain(texts) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn no_chat(envelope: &Envelope) -> Failure {
    Failure::refused("no-chat", format!("There is no chat for {}.", envelope.recipient))
        .with_fix("Name one in `chats`, or one for all in `chat`.")
}

/// Which part of how many.
#[derive(Clone, Copy)]
struct Place {
    number: usize,
    count: usize,
}

impl Place {
    /// The failure of this part, which is that of the whole.
    fn failed(self, failure: Failure) -> Failure {
        let Self { number, count } = self;
        if count == 1 {
            return failure;
        }
        let before = match number {
            1 => String::new(),
            2 => " Part 1 is out.".to_owned(),
            _ => format!(" Parts 1 to {} are out.", number - 1),
        };
        let after = match failure.kind {
            FailureKind::Retryable | FailureKind::Unavailable if number > 1 => {
                " The next try goes on after them."
            }
            _ => "",
        };
        let message = format!("Part {number} of {count}: {}{before}{after}", failure.message);
        Failure { message, ..failure }
    }

    /// This part is out, and nothing would keep the next try from sending it again.
    fn not_noted(self, failure: &Failure) -> Failure {
        let Self { number, count } = self;
        Failure::unknown(
            "progress",
            format!(
                "Part {number} of {count} is out, and that could not be noted: {}",
                failure.message
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::{configuration, sample};
    use serde_json::json;

    use super::*;

    const CONFIG: &str = r#"{"chats": {"executor": "-100/42"}, "silent": true}"#;

    /// Telegram, with answers that are laid out beforehand, and the disk.
    struct Stage {
        config: Config,
        answers: Vec<Result<Brought, Failure>>,
        posted: Vec<Value>,
        saved: Option<Out>,
        disk: Result<(), Failure>,
    }

    impl Stage {
        fn new(config: &str) -> Self {
            Self {
                config: configuration::read(config).unwrap(),
                answers: Vec::new(),
                posted: Vec::new(),
                saved: None,
                disk: Ok(()),
            }
        }

        fn try_once(
            &mut self,
            text: &str,
            answers: Vec<Result<Brought, Failure>>,
        ) -> Result<Receipt, Failure> {
            self.answers = answers;
            self.answers.reverse();
            self.posted.clear();
            let earlier = self.saved.clone();
            send(
                &self.config,
                &sample::text(text),
                earlier,
                |body| {
                    self.posted.push(body.clone());
                    self.answers.pop().expect("no more than this is sent")
                },
                |out| {
                    self.saved = Some(out.clone());
                    self.disk.clone()
                },
            )
        }

        /// The parts that were sent in the last try, as they number themselves.
        fn parts(&self) -> Vec<&str> {
            let text = |body: &Value| body["text"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
            self.posted
                .iter()
                .map(|body| match text(body).as_str() {
                    "Part 1 of 3" => "1",
                    "Part 2 of 3" => "2",
                    "Part 3 of 3" => "3",
                    other => panic!("{other}"),
                })
                .collect()
        }
    }

    fn out(id: i64) -> Result<Brought, Failure> {
        Ok(Brought::Result(json!({ "message_id": id })))
    }

    fn long() -> String {
        "word ".repeat(2000)
    }

    #[test]
    fn a_message_goes_to_its_chat_without_markup_or_preview() {
        let mut stage = Stage::new(CONFIG);
        let receipt = stage.try_once("hi", vec![out(5)]).unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Accepted);
        assert_eq!(receipt.reference.as_deref(), Some("-100/42: 5"));
        let body = &stage.posted[0];
        assert_eq!(
            (&body["chat_id"], &body["message_thread_id"]),
            (&json!(-100), &json!(42))
        );
        assert_eq!(body["disable_notification"], true);
        assert_eq!(body["link_preview_options"]["is_disabled"], true);
        assert!(body.get("parse_mode").is_none());
    }

    #[test]
    fn a_try_goes_on_at_the_part_that_failed() {
        let mut stage = Stage::new(CONFIG);
        let busy = Failure::retryable("http-429", "busy.");
        let failure = stage.try_once(&long(), vec![out(1), Err(busy)]).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Retryable);
        assert_eq!(
            failure.message,
            "Part 2 of 3: busy. Part 1 is out. The next try goes on after them."
        );
        assert_eq!(stage.parts(), ["1", "2"]);
        let receipt = stage.try_once(&long(), vec![out(2), out(3)]).unwrap();
        assert_eq!(stage.parts(), ["2", "3"]);
        assert_eq!(receipt.reference.as_deref(), Some("-100/42: 1, 2, 3"));
    }

    #[test]
    fn another_chat_or_text_begins_anew() {
        let mut stage = Stage::new(CONFIG);
        let busy = || Err(Failure::retryable("http-429", "busy"));
        stage.try_once(&long(), vec![out(1), busy()]).unwrap_err();
        stage.config = configuration::read(r#"{"chat": "7"}"#).unwrap();
        stage.try_once(&long(), vec![out(1), out(2), out(3)]).unwrap();
        assert_eq!(stage.parts(), ["1", "2", "3"]);
    }

    #[test]
    fn a_part_whose_answer_was_lost_leaves_the_whole_unknown() {
        let mut stage = Stage::new(CONFIG);
        let lost = Failure::unknown("http-no-answer", "lost.");
        let failure = stage
            .try_once(&long(), vec![out(1), out(2), Err(lost)])
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unknown);
        assert_eq!(failure.message, "Part 3 of 3: lost. Parts 1 to 2 are out.");
    }

    #[test]
    fn what_cannot_be_noted_is_not_tried_again() {
        let mut stage = Stage::new(CONFIG);
        stage.disk = Err(Failure::retryable("io", "the disk is full"));
        let failure = stage.try_once(&long(), vec![out(1)]).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::Unknown, "progress")
        );
    }

    #[test]
    fn a_message_that_telegram_has_is_sent_though_its_number_was_lost() {
        let mut stage = Stage::new(CONFIG);
        let receipt = stage.try_once("hi", vec![Ok(Brought::CutOff)]).unwrap();
        assert_eq!(receipt.reference.as_deref(), Some("-100/42: 0"));
    }

    #[test]
    fn a_recipient_without_a_chat_is_refused() {
        let mut stage = Stage::new(r#"{"chats": {"other": 7}}"#);
        assert_eq!(stage.try_once("hi", vec![]).unwrap_err().code, "no-chat");
        assert!(stage.posted.is_empty());
    }

    #[test]
    fn what_is_noted_stays_within_its_limit() {
        let out = Out {
            digest: "0".repeat(32),
            ids: vec![i64::MAX; 50],
        };
        assert!(serde_json::to_vec(&out).unwrap().len() <= 4096);
    }
}
