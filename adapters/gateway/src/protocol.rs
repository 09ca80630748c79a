//! The frames of the gateway's protocol, version 4: what is asked, and what comes back. Pure.
//!
//! The gateway refuses members that it does not know, so a request has exactly what is needed. Of what comes
//! back only the members that decide something are read, and a frame that is no answer is passed over.

use serde_json::{Map, Value, json};

/// The protocol's version.
const VERSION: u32 = 4;

/// An answer of the gateway.
pub type Answer = Result<Value, Refusal>;

/// Why the gateway did not do what it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Its word: `INVALID_REQUEST`, `UNAVAILABLE`, `FORBIDDEN`, `NOT_PAIRED`.
    pub code: String,
    /// Its sentence.
    pub message: String,
    /// The finer word (`AUTH_TOKEN_MISMATCH`), or the reason (`startup-sidecars`).
    pub detail: String,
    /// Whether it says itself that trying again can work.
    pub is_retryable: bool,
    /// When it asked to be called again.
    pub retry_after_ms: Option<u64>,
    /// What it says besides, as it came.
    pub details: Value,
}

/// Something that came from the gateway.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    /// The answer to the request of this id.
    Answer(String, Answer),
    /// Something happened over there.
    Event(String),
    /// Something that this version does not know.
    Other,
}

/// A request as text.
pub(crate) fn request(id: &str, method: &str, params: Value) -> String {
    json!({ "type": "req", "id": id, "method": method, "params": params }).to_string()
}

/// The login. On loopback the shared token is enough, and no device has to be paired.
pub(crate) fn login(token: &str, scopes: &[&str]) -> Value {
    json!({
        "minProtocol": VERSION,
        "maxProtocol": VERSION,
        // The gateway has a list of clients, and takes no other word.
        "client": {
            "id": "gateway-client",
            "version": env!("CARGO_PKG_VERSION"),
            "platform": "byway",
            "mode": "backend",
        },
        "role": "operator",
        "scopes": scopes,
        "auth": { "token": token },
    })
}

/// Reads a frame. `None` where it is not one of this protocol.
pub(crate) fn read(text: &str) -> Option<Frame> {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else {
        return None;
    };
    let word = |frame: &Map<String, Value>, name: &str| {
        frame
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Some(match word(&frame, "type").as_str() {
        "event" => Frame::Event(word(&frame, "event")),
        "res" => {
            let answer = match frame.get("ok") {
                Some(Value::Bool(true)) => Ok(frame.remove("payload").unwrap_or_default()),
                _ => Err(Refusal::of(frame.get("error").unwrap_or(&Value::Null))),
            };
            Frame::Answer(word(&frame, "id"), answer)
        }
        "" => return None,
        _ => Frame::Other,
    })
}

impl Refusal {
    fn of(error: &Value) -> Self {
        let word = |pointer: &str| {
            error
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let detail = match word("/details/code") {
            code if code.is_empty() => word("/details/reason"),
            code => code,
        };
        Self {
            code: word("/code"),
            message: word("/message"),
            detail,
            is_retryable: error.get("retryable") == Some(&Value::Bool(true)),
            retry_after_ms: error.get("retryAfterMs").and_then(Value::as_u64),
            details: error.get("details").cloned().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_answer_an_event_and_a_refusal() {
        assert_eq!(
            read(r#"{"type":"res","id":"a","ok":true,"payload":{"x":1}}"#),
            Some(Frame::Answer("a".to_owned(), Ok(json!({"x": 1}))))
        );
        assert_eq!(
            read(r#"{"type":"event","event":"tick","payload":{}}"#),
            Some(Frame::Event("tick".to_owned()))
        );
        let starting = r#"{"type":"res","id":"connect","ok":false,"error":{"code":"UNAVAILABLE","message":"gateway starting; retry shortly",
            "retryable":true,"retryAfterMs":500,"details":{"reason":"startup-sidecars"}}}"#;
        let refusal = Refusal {
            code: "UNAVAILABLE".to_owned(),
            message: "gateway starting; retry shortly".to_owned(),
            detail: "startup-sidecars".to_owned(),
            is_retryable: true,
            retry_after_ms: Some(500),
            details: json!({"reason": "startup-sidecars"}),
        };
        assert_eq!(
            read(starting),
            Some(Frame::Answer("connect".to_owned(), Err(refusal)))
        );
    }

    #[test]
    fn what_is_not_of_the_protocol_is_no_frame() {
        for text in ["", "hello", "[]", "{}", r#"{"type":7}"#] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(r#"{"type":"later"}"#), Some(Frame::Other));
        // An answer that says neither yes nor no is no success.
        assert!(matches!(
            read(r#"{"type":"res","id":"a"}"#),
            Some(Frame::Answer(_, Err(_)))
        ));
    }
}
