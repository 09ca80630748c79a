//! A far side that speaks WebSocket by a script: frames as they were recorded from a real one.
//!
//! A script is a list of connections, each a list of steps; the last connection stays. `say` sends a frame,
//! `hear` waits for one that has at least these members, `close` closes with a code and a reason, `reset` drops
//! the connection, `hang` says nothing more. A text `$name` that is heard is remembered over all connections: said
//! it stands for what was heard, heard again it has to be the same. Whatever was heard, rightly or not,
//! belongs to what is expected of the case.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, accept};

/// The script of a far side.
pub type Script = Vec<Vec<Step>>;

/// What `$name` stands for.
pub type Names = BTreeMap<String, String>;

/// One step of a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Sends this frame.
    Say(Value),
    /// Waits for a frame with at least this in it.
    Hear(Value),
    /// Closes with this code and reason.
    Close(u16, String),
    /// Drops the connection.
    Reset,
    /// Says nothing more, and waits until it is left.
    Hang,
}

/// Reads a script.
pub fn read(path: &Path) -> Result<Script, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Plays one connection to its end, and tells `heard` of every frame, and whether it is the expected one.
pub fn play(
    stream: TcpStream,
    steps: &[Step],
    names: &Mutex<Names>,
    heard: &dyn Fn(&Value, bool),
    is_over: &dyn Fn() -> bool,
) {
    let Ok(mut socket) = accept(stream) else {
        return;
    };
    for step in steps {
        let goes_on = match step {
            Step::Say(frame) => {
                let mut said = frame.clone();
                fill_in(&mut said, &locked(names));
                socket.send(Message::text(said.to_string())).is_ok()
            }
            Step::Hear(wanted) => match next(&mut socket, is_over) {
                Some(frame) => {
                    let is_right = fits(&frame, wanted, &mut locked(names));
                    heard(&frame, is_right);
                    is_right
                }
                None => false,
            },
            Step::Close(code, reason) => {
                let frame = CloseFrame {
                    code: (*code).into(),
                    reason: reason.clone().into(),
                };
                drop(socket.close(Some(frame)));
                while next(&mut socket, is_over).is_some() {}
                false
            }
            Step::Reset => false,
            Step::Hang => {
                while next(&mut socket, is_over).is_some() {}
                false
            }
        };
        if !goes_on {
            break;
        }
    }
    drop(socket.get_ref().shutdown(std::net::Shutdown::Both));
}

fn locked(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next frame that is JSON; nothing where the connection, or the case, is over.
fn next(socket: &mut WebSocket<TcpStream>, is_over: &dyn Fn() -> bool) -> Option<Value> {
    let looks = socket
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(100)));
    looks.ok()?;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => return serde_json::from_str(text.as_str()).ok(),
            Ok(Message::Close(_)) | Ok(Message::Binary(_)) => return None,
            Ok(_) => {}
            Err(Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) && !is_over() => {}
            Err(_) => return None,
        }
    }
}

/// Whether a value has at least what is wanted. A new name is remembered.
fn fits(value: &Value, wanted: &Value, names: &mut Names) -> bool {
    match (value, wanted) {
        (Value::Object(has), Value::Object(wants)) => wants
            .iter()
            .all(|(name, wanted)| has.get(name).is_some_and(|value| fits(value, wanted, names))),
        (Value::Array(has), Value::Array(wants)) => {
            has.len() == wants.len()
                && has
                    .iter()
                    .zip(wants)
                    .all(|(value, wanted)| fits(value, wanted, names))
        }
        (Value::String(text), Value::String(wanted)) if wanted.starts_with('$') => {
            // As many names as are known by now, the longest first: `$key~2` is `$key` and more.
            let expected = filled_in(wanted, names);
            if expected.starts_with('$') {
                names.insert(wanted.clone(), text.clone());
                return true;
            }
            expected == *text
        }
        _ => value == wanted,
    }
}

fn fill_in(value: &mut Value, names: &Names) {
    match value {
        Value::String(text) => *text = filled_in(text, names),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, names)),
        Value::Object(members) => members.iter_mut().for_each(|(_, item)| fill_in(item, names)),
        _ => {}
    }
}

fn filled_in(text: &str, names: &Names) -> String {
    names
        .iter()
        .rev()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}
