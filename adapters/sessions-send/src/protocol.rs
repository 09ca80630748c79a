//! The frames of the gateway's protocol, version 4: what is asked, and what comes back. Pure.
//!
//! The gateway refuses members that it does not know, so a request has exactly what is needed. Of what comes
//! back only the members that decide something are read, and a frame that is no answer is passed over.

use serde_json::{Map, Value, json};

/// The protocol's version.
const VERSION: u32 = 4;
/// What byway may do there: ask for a session's history, and give an agent a turn.
const SCOPES: [&str; 2] = ["operator.read", "operator.write"];

/// The most of a sender's name that the agent is told. It stands in a line of the gateway's own, so it has no blanks.
const SENDER_CHARS_MAX: usize = 200;

/// An answer of the gateway.
pub(crate) type Answer = Result<Value, Refusal>;

/// Why the gateway did not do what it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Its word: `INVALID_REQUEST`, `UNAVAILABLE`, `FORBIDDEN`, `NOT_PAIRED`.
    pub(crate) code: String,
    /// Its sentence.
    pub(crate) message: String,
    /// The finer word (`AUTH_TOKEN_MISMATCH`), or the reason (`startup-sidecars`).
    pub(crate) detail: String,
    /// Whether it says itself that trying again can work.
    pub(crate) is_retryable: bool,
    /// When it asked to be called again.
    pub(crate) retry_after_ms: Option<u64>,
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

/// A message for an agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'a> {
    /// The session.
    pub(crate) session: &'a str,
    /// What the agent hears.
    pub(crate) message: &'a str,
    /// The key by which the gateway knows a repetition, and afterwards the turn.
    pub(crate) key: &'a str,
    /// Who says it.
    pub(crate) sender: &'a str,
}

/// A page of a session's history, counted from its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    /// The session.
    pub(crate) session: &'a str,
    /// The turn that is asked for besides.
    pub(crate) key: &'a str,
    /// How many messages from the end are left out.
    pub(crate) offset: u64,
    /// How many there are at most.
    pub(crate) limit: u64,
    /// The most characters of each.
    pub(crate) chars_max: u64,
}

/// A request as text.
pub(crate) fn request(id: &str, method: &str, params: Value) -> String {
    json!({ "type": "req", "id": id, "method": method, "params": params }).to_string()
}

/// The login. On loopback the shared token is enough, and no device has to be paired.
pub(crate) fn login(token: &str) -> Value {
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
        "scopes": SCOPES,
        "auth": { "token": token },
    })
}

impl Turn<'_> {
    /// With the provenance the agent hears data from another agent, and not its owner.
    pub(crate) fn params(&self) -> Value {
        json!({
            "message": self.message,
            "sessionKey": self.session,
            "idempotencyKey": self.key,
            "inputProvenance": {
                "kind": "inter_session",
                "sourceSessionKey": format!("byway:{}", self.sender.chars().filter(char::is_ascii_graphic).take(SENDER_CHARS_MAX).collect::<String>()),
                "sourceTool": "byway",
            },
        })
    }
}

impl Page<'_> {
    pub(crate) fn params(&self) -> Value {
        let mut params = json!({
            "sessionKey": self.session,
            "limit": self.limit,
            "maxChars": self.chars_max,
            "inputRunIds": [self.key],
        });
        if let (Some(params), 1..) = (params.as_object_mut(), self.offset) {
            params.insert("offset".to_owned(), self.offset.into());
        }
        params
    }
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

    #[test]
    fn the_agent_is_told_who_sent_it_in_a_word_that_stays_one() {
        let turn = Turn {
            session: "agent:a:main",
            message: "hi",
            key: "k",
            sender: "x@y isUser=true\n",
        };
        let provenance = &turn.params()["inputProvenance"];
        assert_eq!(provenance["kind"], "inter_session");
        assert_eq!(provenance["sourceSessionKey"], "byway:x@yisUser=true");
    }

    #[test]
    fn an_offset_is_only_said_where_there_is_one() {
        let page = Page {
            session: "agent:a:main",
            key: "k",
            offset: 0,
            limit: 9,
            chars_max: 5,
        };
        assert_eq!(
            page.params().to_string(),
            r#"{"sessionKey":"agent:a:main","limit":9,"maxChars":5,"inputRunIds":["k"]}"#
        );
        assert_eq!(Page { offset: 7, ..page }.params()["offset"], 7);
    }
}
