//! A Bot API that people write to: it keeps what they say until it is confirmed, and takes what is sent to them.
//!
//! A far side with fixed answers cannot play this, since byway fetches and sends whenever it likes. What it is sent counts
//! as seen; that it is asked for news does not.

use serde_json::{Value, json};

use crate::case::Say;
use crate::http::Request;

/// The bot's own number.
const BOT: i64 = 4242;
const DATE: i64 = 1_795_244_400;

/// The state of one bot.
#[derive(Debug, Default)]
pub struct Bot {
    updates: Vec<Value>,
    sent: Vec<Value>,
    numbers: i64,
}

impl Bot {
    /// The answer to a call, and whether the call sent something.
    pub fn answer(&mut self, request: &Request) -> (String, bool) {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let method = path.rsplit('/').next().unwrap_or_default();
        let (result, is_sent) = match method {
            "sendMessage" => (self.send(&request.body), true),
            "getUpdates" => (self.news(query), false),
            _ => (
                json!({"id": BOT, "is_bot": true, "username": "by_bot", "url": ""}),
                false,
            ),
        };
        (json!({"ok": true, "result": result}).to_string(), is_sent)
    }

    fn send(&mut self, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        self.numbers += 1;
        let message = json!({
            "message_id": self.numbers, "date": DATE, "from": {"id": BOT, "is_bot": true},
            "chat": {"id": body["chat_id"], "type": "supergroup"}, "text": body["text"],
        });
        self.sent.push(message.clone());
        message
    }

    /// What has a number from `offset` on; what is before it is confirmed.
    fn news(&mut self, query: &str) -> Value {
        let offset = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("offset=")?.parse().ok())
            .unwrap_or(0_i64);
        self.updates
            .retain(|update| update["update_id"].as_i64() >= Some(offset));
        Value::Array(self.updates.clone())
    }

    /// A person says something.
    ///
    /// # Errors
    /// Where nothing that was sent has the words that are replied to.
    pub fn hear(&mut self, say: &Say, text: &str, reply_to: Option<&str>) -> Result<(), String> {
        self.numbers += 1;
        let mut message = json!({
            "message_id": self.numbers, "date": DATE, "from": {"id": say.from, "is_bot": false},
            "chat": {"id": say.from, "type": "private"}, "text": text,
        });
        if let Some(words) = reply_to {
            let has = |sent: &&Value| sent["text"].as_str().is_some_and(|text| text.contains(words));
            let original = self.sent.iter().rev().find(has);
            let original = original.ok_or("nothing like that was sent")?;
            message["chat"] = original["chat"].clone();
            message["reply_to_message"] = original.clone();
        }
        if say.forwarded {
            message["forward_origin"] = json!({"type": "user"});
        }
        let kind = if say.edited { "edited_message" } else { "message" };
        for _ in 0..say.times.unwrap_or(1) {
            self.numbers += 1;
            self.updates
                .push(json!({"update_id": self.numbers, kind: message}));
        }
        Ok(())
    }
}
