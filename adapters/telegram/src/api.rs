//! One call of the Bot API: its URL, with a reference to the token in the path, and what its answer says.

use byway_adapter::http::{Ending, HttpError, Request, Response, Url};
use byway_adapter::{Failure, FailureKind, secrets, status};
use serde_json::Value;

use crate::config::{Config, TOKEN};
use crate::judge;

/// The most of an answer that is read: ten updates, each with the message it replies to, are far less.
const ANSWER_BYTES_MAX: usize = 3 << 20;

/// What a call brought.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Brought {
    /// `result` of the answer.
    Result(Value),
    /// Telegram said 200, and the rest of its answer was lost.
    CutOff,
}

/// Asks for something, which changes nothing. `query` is percent-encoded already.
///
/// # Errors
/// What the answer, or its absence, means.
pub(crate) fn get(config: &Config, method: &str, query: &str) -> Result<Brought, Failure> {
    call(config, method, query, Request::get)
}

/// Posts a JSON body.
///
/// # Errors
/// What the answer, or its absence, means.
pub(crate) fn post(config: &Config, method: &str, body: &Value) -> Result<Brought, Failure> {
    call(config, method, "", |url| {
        Request::post(url)
            .header("content-type", "application/json")
            .body(body.to_string())
    })
}

fn call(
    config: &Config,
    method: &str,
    query: &str,
    request: impl FnOnce(Url) -> Request,
) -> Result<Brought, Failure> {
    let reference = secrets::reference(TOKEN)?;
    let url = Url::parse(&format!("{}/bot{reference}/{method}{query}", config.root()))
        .map_err(|error| Failure::unavailable("config", error.message).with_fix(error.fix))?;
    let response = request(url)
        .header(
            "user-agent",
            concat!("byway-telegram/", env!("CARGO_PKG_VERSION")),
        )
        .answer_bytes_max(ANSWER_BYTES_MAX)
        .send()
        .map_err(HttpError::into_failure)
        .map_err(|failure| Failure {
            // A reference is worth nothing, but it is nothing to read either.
            message: failure.message.replace(&reference, "…"),
            ..failure
        })?;
    read(&response)
}

/// What an answer says. Telegram's own word for an error stands in the body, and its status is the same.
fn read(response: &Response) -> Result<Brought, Failure> {
    if response.status == 200 && response.ending != Ending::Whole {
        return Ok(Brought::CutOff);
    }
    let answer = response.json().unwrap_or_default();
    match (answer.get("ok"), response.is_success()) {
        (Some(Value::Bool(true)), true) => {
            Ok(Brought::Result(answer.get("result").cloned().unwrap_or_default()))
        }
        (Some(Value::Bool(false)), _) => Err(judge::failure(response, &answer)),
        _ => Err(status::failure(response, false).unwrap_or_else(not_the_bot_api)),
    }
}

/// Something said 2xx, and it was not the Bot API. What became of the request nobody knows.
fn not_the_bot_api() -> Failure {
    Failure::new(
        FailureKind::Unknown,
        "not-the-bot-api",
        "What answered is not Telegram's Bot API.",
    )
    .with_fix("Look whether `api_root` is right, and whether something stands between byway and Telegram.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body: body.as_bytes().to_vec(),
            ending: Ending::Whole,
        }
    }

    #[test]
    fn a_result_is_what_telegram_says_it_is() {
        let sent = read(&response(200, r#"{"ok": true, "result": {"message_id": 5}}"#)).unwrap();
        assert_eq!(sent, Brought::Result(serde_json::json!({"message_id": 5})));
        let refused = read(&response(
            200,
            r#"{"ok": false, "error_code": 403, "description": "Forbidden"}"#,
        ));
        assert_eq!(refused.unwrap_err().kind, FailureKind::Refused);
    }

    #[test]
    fn after_200_a_lost_answer_is_no_lost_message() {
        let mut cut = response(200, r#"{"ok": true, "resu"#);
        cut.ending = Ending::CutOff;
        assert_eq!(read(&cut), Ok(Brought::CutOff));
    }

    #[test]
    fn another_ones_success_proves_nothing() {
        for body in ["<html>log in</html>", "{}", r#"{"ok": "yes"}"#, ""] {
            let failure = read(&response(200, body)).unwrap_err();
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (FailureKind::Unknown, "not-the-bot-api")
            );
        }
        assert_eq!(
            read(&response(503, "busy")).unwrap_err().kind,
            FailureKind::Retryable
        );
        assert_eq!(
            read(&response(502, "busy")).unwrap_err().kind,
            FailureKind::Unknown
        );
        assert_eq!(
            read(&response(301, "")).unwrap_err().kind,
            FailureKind::Unavailable
        );
    }
}
