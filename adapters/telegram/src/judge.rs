//! What an error of the Bot API means for the message and for the transport.
//!
//! Telegram has a code and a sentence; the sentences have stayed the same for years, and where the code does
//! not say enough, they decide. A sentence that is not known is judged by its code alone.

use byway_adapter::http::Response;
use byway_adapter::{Failure, FailureKind, status};
use serde_json::Value;

/// How much of Telegram's sentence is passed on, in characters.
const SENTENCE_MAX: usize = 300;
/// The longest `retry_after` that is believed: a day, in seconds.
const RETRY_AFTER_MAX: u64 = 86_400;

/// The failure that an answer `{ok: false, error_code, description, parameters}` is.
pub(crate) fn failure(response: &Response, answer: &Value) -> Failure {
    let code = answer
        .get("error_code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or(response.status);
    let sentence = sentence(answer);
    let parameter = |name: &str| answer.pointer(&format!("/parameters/{name}"));
    let new_id = parameter("migrate_to_chat_id").and_then(Value::as_i64);
    let case = case(code, &sentence, new_id);
    let sentence = match new_id {
        Some(id) => format!("{sentence}; it is {id} now"),
        None => sentence,
    };
    let retry_after = parameter("retry_after").and_then(Value::as_u64);
    let failure = Failure::new(
        case.kind,
        case.code,
        format!("Telegram answered {code}: {sentence}"),
    )
    .with_retry_after_ms(retry_after.map(|seconds| seconds.min(RETRY_AFTER_MAX) * 1_000));
    match case.fix {
        Some(fix) => failure.with_fix(fix),
        None => failure,
    }
}

/// Telegram's sentence, on one line.
fn sentence(answer: &Value) -> String {
    let said = answer
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let line: String = said
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SENTENCE_MAX)
        .collect();
    match line.trim() {
        "" => "it does not say why".to_owned(),
        line => line.to_owned(),
    }
}

struct Case {
    kind: FailureKind,
    code: String,
    fix: Option<String>,
}

impl Case {
    fn new(kind: FailureKind, code: &str, fix: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            fix: Some(fix.into()),
        }
    }
}

fn case(code: u16, sentence: &str, new_id: Option<i64>) -> Case {
    use FailureKind::{Refused, Retryable, Unavailable, Unknown};
    let sentence = sentence.to_ascii_lowercase();
    let says = |words: &str| sentence.contains(words);
    if let Some(id) = new_id {
        return Case::new(
            Refused,
            "chat-migrated",
            format!(
                "The group became a supergroup with another number: write {id} for it in `chat`, `chats` or `groups`."
            ),
        );
    }
    match code {
        400 if says("chat not found") => Case::new(
            Refused,
            "chat-not-found",
            "Look at the number in `chat` or `chats`. A person must have written to the bot first; of a group it must be a member.",
        ),
        400 if says("thread not found") || says("topic") => Case::new(
            Refused,
            "topic-not-found",
            "Look at the number after the slash in `chat` or `chats`.",
        ),
        403 if says("bots can't send") || says("to bots") || says("to the bot") => Case::new(
            Refused,
            "bot-to-bot",
            "Telegram carries nothing from one bot to another. Name a person or a group in `chat` or `chats`.",
        ),
        403 => Case::new(
            Refused,
            "forbidden",
            "The person has to start the bot or unblock it; in a group the bot has to be a member that may write.",
        ),
        401 | 404 => Case::new(
            Unavailable,
            &format!("http-{code}"),
            "Look whether the secret `token` is the token that @BotFather shows, and whether `api_root` is right.",
        ),
        409 if says("webhook") => Case::new(
            Unavailable,
            "webhook-is-set",
            "Telegram sends this bot's messages to a webhook. Take it away (deleteWebhook), or use a bot of byway's own.",
        ),
        409 => Case::new(
            Unavailable,
            "another-poller",
            "Another program fetches this bot's messages. Give byway a bot of its own.",
        ),
        429 => Case {
            kind: Retryable,
            code: "http-429".to_owned(),
            fix: None,
        },
        code => Case {
            // A success is none where Telegram says that it is not.
            kind: status::meaning(code, false).status().err().unwrap_or(Unknown),
            code: format!("http-{code}"),
            fix: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::http::Ending;

    use super::*;

    fn judged(status: u16, body: &str) -> Failure {
        let response = Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            ending: Ending::Whole,
        };
        failure(&response, &serde_json::from_str(body).unwrap())
    }

    fn of(code: u16, description: &str) -> (FailureKind, String) {
        let body = serde_json::json!({"ok": false, "error_code": code, "description": description});
        let failure = judged(code, &body.to_string());
        (failure.kind, failure.code)
    }

    #[test]
    fn every_error_has_the_outcome_that_the_page_says() {
        use FailureKind::{Refused, Retryable, Unavailable, Unknown};
        for (code, description, kind, word) in [
            (400, "Bad Request: chat not found", Refused, "chat-not-found"),
            (
                400,
                "Bad Request: message thread not found",
                Refused,
                "topic-not-found",
            ),
            (400, "Bad Request: TOPIC_CLOSED", Refused, "topic-not-found"),
            (400, "Bad Request: message is too long", Refused, "http-400"),
            (401, "Unauthorized", Unavailable, "http-401"),
            (
                403,
                "Forbidden: bot was blocked by the user",
                Refused,
                "forbidden",
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                Refused,
                "forbidden",
            ),
            (
                403,
                "Forbidden: bots can't send messages to bots",
                Refused,
                "bot-to-bot",
            ),
            (
                403,
                "Forbidden: bot can't send messages to bots",
                Refused,
                "bot-to-bot",
            ),
            (404, "Not Found", Unavailable, "http-404"),
            (
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                Unavailable,
                "another-poller",
            ),
            (
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                Unavailable,
                "webhook-is-set",
            ),
            (413, "Request Entity Too Large", Refused, "http-413"),
            (429, "Too Many Requests: retry after 7", Retryable, "http-429"),
            (500, "Internal Server Error", Retryable, "http-500"),
            (502, "Bad Gateway", Unknown, "http-502"),
            (200, "what", Unknown, "http-200"),
        ] {
            assert_eq!(of(code, description), (kind, word.to_owned()), "{description}");
        }
    }

    #[test]
    fn a_pause_that_was_asked_for_is_passed_on_and_no_longer_than_a_day() {
        let after = |seconds: u64| {
            let body =
                serde_json::json!({"ok": false, "error_code": 429, "parameters": {"retry_after": seconds}});
            judged(429, &body.to_string()).retry_after_ms
        };
        assert_eq!(after(7), Some(7_000));
        assert_eq!(after(u64::MAX), Some(86_400_000));
    }

    #[test]
    fn a_group_that_moved_is_named_by_its_new_number() {
        let body = r#"{"ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": {"migrate_to_chat_id": -1001234567890}}"#;
        let failure = judged(400, body);
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::Refused, "chat-migrated")
        );
        assert!(failure.fix.unwrap().contains("-1001234567890"));
    }

    #[test]
    fn an_error_that_says_nothing_is_still_one() {
        let failure = judged(400, r#"{"ok": false, "description": "\n"}"#);
        assert_eq!(failure.message, "Telegram answered 400: it does not say why");
        assert_eq!(failure.kind, FailureKind::Refused);
    }
}
