//! A model that gives fixed answers, in the form of OpenAI's chat completions, and remembers what it was asked.
//!
//! Words in the last message steer it: `[[say:TEXT]]` answers that, `[[wait:N]]` waits N seconds first,
//! `[[status:N]]` answers with that HTTP status.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::{Doing, Result};

use super::wire;

/// What the gateway adds behind the message that a turn is about.
const CONTEXT_OF_THE_GATEWAY: &str = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT";
const WAIT_MAX: u64 = 60;

/// The running model. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Model {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the model was asked in one turn.
#[derive(Debug)]
struct Asked {
    /// The message that it was about.
    message: String,
    /// Everything else that it was told with it.
    whole: String,
}

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    is_over: AtomicBool,
}

impl Model {
    /// Starts it on a free port of loopback.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").doing("listen on loopback")?;
        let address = listener.local_addr().doing("listen on loopback")?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if for_thread.is_over.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                // A caller that breaks off gets no answer.
                thread::spawn(move || drop(serve(&connection, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// In how many turns the message with this word in it was what the model was asked.
    pub(crate) fn turns(&self, word: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|asked| asked.message.contains(word)).count()
    }

    /// Whether in the turn about the message with this word the model was also told this.
    pub(crate) fn was_told(&self, word: &str, words: &str) -> bool {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turns = asked.iter().filter(|asked| asked.message.contains(word));
        turns.any(|asked| asked.whole.contains(words))
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        // Wakes it from waiting for a connection.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(connection: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = wire::read(connection)?;
    if request.method != "POST" || !request.path.ends_with("/chat/completions") {
        let models = json!({ "object": "list", "data": [{ "id": "fixed", "object": "model" }] });
        let status = if request.path.ends_with("/models") {
            200
        } else {
            404
        };
        return wire::answer(connection, status, "application/json", &models.to_string());
    }
    let message = message(&request.body);
    let asked = Asked {
        message: message.clone(),
        whole: request.body.to_string(),
    };
    let mut all = shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(asked);
    drop(all);
    if let Some(seconds) = steering(&message, "wait").and_then(|text| text.parse::<u64>().ok()) {
        thread::sleep(Duration::from_secs(seconds.min(WAIT_MAX)));
    }
    if let Some(status) = steering(&message, "status").and_then(|text| text.parse().ok()) {
        let error = json!({ "error": { "message": "told to fail", "type": "fixed" } });
        return wire::answer(connection, status, "application/json", &error.to_string());
    }
    let text = steering(&message, "say").unwrap_or("Noted.");
    let chunk = |delta: &Value, finish: Value| {
        json!({ "id": "fixed", "object": "chat.completion.chunk", "created": 0, "model": "fixed",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    let body = format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        chunk(&json!({ "role": "assistant", "content": text }), Value::Null),
        chunk(&json!({}), "stop".into())
    );
    wire::answer(connection, 200, "text/event-stream", &body)
}

/// The message that a turn is about: the last of a user that is not the gateway's own.
fn message(body: &Value) -> String {
    let messages = body.get("messages").and_then(Value::as_array);
    let of_users = messages
        .into_iter()
        .flatten()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    let mut texts = of_users.map(|message| plain(message.get("content").unwrap_or(&Value::Null)));
    texts
        .rfind(|text| !text.starts_with(CONTEXT_OF_THE_GATEWAY))
        .unwrap_or_default()
}

fn plain(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str))
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// What stands in the last `[[word:…]]`.
fn steering<'a>(message: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = message.rsplit_once(&format!("[[{word}:"))?;
    rest.split("]]").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_about_the_last_message_that_is_not_the_gateways() {
        let body = json!({"messages": [
            {"role": "system", "content": "be good"},
            {"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "second"}]},
            {"role": "user", "content": "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> third"},
        ]});
        assert_eq!(message(&body), "second");
        assert_eq!(message(&json!({})), "");
    }

    #[test]
    fn the_last_word_steers() {
        assert_eq!(steering("a [[say:x]] b [[say:y z]]", "say"), Some("y z"));
        assert_eq!(steering("a [[say:x]]", "wait"), None);
    }
}
