//! A model that gives fixed answers, in the form of OpenAI's chat completions, and remembers what it was asked.
//!
//! Words in the last message steer it: `[[say:TEXT]]` answers that, `[[wait:N]]` waits N seconds first,
//! `[[status:N]]` answers with that HTTP status. And where it was told to ([`Model::runs`]), it runs a command with the
//! gateway's own tool, as an agent does who writes to another.

mod reply;

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
/// How a wake of `examples/openclaw/note-and-wake.toml` names a note. The model does what it is told, and reads it.
const NOTED: &str = "is noted in memory/";
const WAIT_MAX: u64 = 60;
/// So long the gateway's tool waits for a command before it would let it run on behind the agent's back.
const COMMAND_MAY_TAKE: Duration = Duration::from_secs(60);

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
    /// What the gateway added for this turn alone: events, such as a wake.
    context: String,
    /// Whether it is the turn's first question: later ones bring what its tools said.
    is_first: bool,
    /// What its tools said so far.
    read: String,
}

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    /// What people were told in a chat.
    chats: Mutex<Vec<String>>,
    /// A word, and the command that it runs when it is asked about a message with it.
    orders: Mutex<Vec<(String, String)>>,
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

    /// From now on, asked about a message with this word, it first runs this command with the gateway's tool.
    pub(crate) fn runs(&self, word: &str, command: &str) {
        let mut orders = self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.push((word.to_owned(), command.to_owned()));
    }

    /// In how many turns the message with this word in it was what the model was asked.
    pub(crate) fn turns(&self, word: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .iter()
            .filter(|asked| asked.is_first && asked.message.contains(word))
            .count()
    }

    /// In how many turns a wake had these words in it.
    pub(crate) fn wakes(&self, words: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .iter()
            .filter(|asked| asked.is_first && asked.context.contains(words))
            .count()
    }

    /// How often people were told something with this word in a chat: it stands in for Telegram's Bot API as well.
    pub(crate) fn chats(&self, word: &str) -> usize {
        let chats = self.shared.chats.lock().unwrap_or_else(PoisonError::into_inner);
        chats.iter().filter(|text| text.contains(word)).count()
    }

    /// Whether a tool brought it a text with this word.
    pub(crate) fn has_read(&self, word: &str) -> bool {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|asked| asked.read.contains(word))
    }

    /// Whether this word was in anything at all that it was ever shown.
    pub(crate) fn was_shown(&self, word: &str) -> bool {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|asked| asked.whole.contains(word))
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
    if request.path.ends_with("/sendMessage") {
        let mut chats = shared.chats.lock().unwrap_or_else(PoisonError::into_inner);
        chats.push(request.body.to_string());
        let sent = json!({ "ok": true, "result": { "message_id": 1, "date": 0, "chat": { "id": 1 } } });
        return wire::answer(connection, 200, "application/json", &sent.to_string());
    }
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
        context: context(&request.body),
        is_first: is_first(&request.body),
        read: texts(&request.body, "tool").join("\n"),
    };
    let call = noted(&asked)
        .map(|path| reply::calls("read", &json!({ "path": format!("memory/{path}") })))
        .or_else(|| ordered(&asked, shared));
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
    let body = call.unwrap_or_else(|| reply::says(steering(&message, "say").unwrap_or("Noted.")));
    wire::answer(connection, 200, reply::MEDIA_TYPE, &body)
}

/// The message that a turn is about: the last of a user that is not the gateway's own.
fn message(body: &Value) -> String {
    let mut texts = texts(body, "user").into_iter();
    texts
        .rfind(|text| !text.starts_with(CONTEXT_OF_THE_GATEWAY))
        .unwrap_or_default()
}

/// What the gateway itself says of a turn.
fn context(body: &Value) -> String {
    let mut texts = texts(body, "user").into_iter();
    texts
        .rfind(|text| text.starts_with(CONTEXT_OF_THE_GATEWAY))
        .unwrap_or_default()
}

fn messages(body: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    body.get("messages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// Whether no tool has said anything since the message that the turn is about. What the gateway itself says
/// of a turn stands behind everything, and is not counted.
fn is_first(body: &Value) -> bool {
    let is_of_the_turn = |message: &&Value| {
        let text = plain(message.get("content").unwrap_or(&Value::Null));
        role(message) == "tool" || (role(message) == "user" && !text.starts_with(CONTEXT_OF_THE_GATEWAY))
    };
    messages(body)
        .rfind(is_of_the_turn)
        .is_none_or(|message| role(message) == "user")
}

fn texts(body: &Value, of: &str) -> Vec<String> {
    messages(body)
        .filter(|message| role(message) == of)
        .map(|message| plain(message.get("content").unwrap_or(&Value::Null)))
        .collect()
}

/// The note that a wake speaks of, where the model has not read it yet.
fn noted(asked: &Asked) -> Option<&str> {
    let (_, rest) = asked.context.rsplit_once(NOTED)?;
    let end = rest.find(".md")?;
    asked.is_first.then_some(rest.get(..end + 3)?)
}

/// The call of the command that it was told to run, at the beginning of a turn.
fn ordered(asked: &Asked, shared: &Shared) -> Option<String> {
    let orders = shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let is_meant = |(word, _): &&(String, String)| asked.is_first && asked.message.contains(word);
    let (_, command) = orders.iter().find(is_meant)?;
    let waits = u64::try_from(COMMAND_MAY_TAKE.as_millis()).unwrap_or(u64::MAX);
    Some(reply::calls(
        "exec",
        &json!({ "command": command, "yieldMs": waits }),
    ))
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
    fn a_wake_that_names_a_note_is_read_once() {
        let asked = |is_first| Asked {
            message: String::new(),
            whole: String::new(),
            context: "System: [t] A message from p@a is noted in memory/2026-11-21.md. Read it there."
                .to_owned(),
            is_first,
            read: String::new(),
        };
        assert_eq!(noted(&asked(true)), Some("2026-11-21.md"));
        assert_eq!(noted(&asked(false)), None);
    }

    #[test]
    fn a_command_is_run_once_a_turn() {
        let shared = Shared::default();
        shared
            .orders
            .lock()
            .unwrap()
            .push(("errand".into(), "byway send".into()));
        let asked = |message: &str, is_first| Asked {
            message: message.to_owned(),
            whole: String::new(),
            context: String::new(),
            is_first,
            read: String::new(),
        };
        let call = ordered(&asked("an errand for you", true), &shared).unwrap();
        assert!(call.contains("byway send"), "{call}");
        assert!(ordered(&asked("an errand for you", false), &shared).is_none());
        assert!(ordered(&asked("something else", true), &shared).is_none());
    }

    #[test]
    fn what_a_tool_said_belongs_to_the_same_turn() {
        let asked = json!({"role": "user", "content": "read it"});
        let context = json!({"role": "user", "content": "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> now"});
        let tool = json!({"role": "tool", "content": "the note"});
        assert!(is_first(&json!({"messages": [tool, asked, context]})));
        assert!(!is_first(&json!({"messages": [asked, context, tool, context]})));
    }

    #[test]
    fn the_last_word_steers() {
        assert_eq!(steering("a [[say:x]] b [[say:y z]]", "say"), Some("y z"));
        assert_eq!(steering("a [[say:x]]", "wait"), None);
    }
}
