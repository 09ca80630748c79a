//! What `getUpdates` brings, as far as it is used.

use serde::Deserialize;
use serde_json::Value;

/// A message somebody wrote.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    /// When, in seconds since 1970.
    #[serde(default)]
    pub(crate) date: i64,
    /// Who wrote it. Channels have no such person.
    pub(crate) from: Option<User>,
    /// Set where somebody speaks in the name of a group or a channel; `from` is a stand-in then.
    pub(crate) sender_chat: Option<Value>,
    pub(crate) chat: ChatSeen,
    /// The topic, or a thread of replies.
    pub(crate) message_thread_id: Option<i64>,
    /// Whether `message_thread_id` is a topic.
    #[serde(default)]
    pub(crate) is_topic_message: bool,
    pub(crate) text: Option<String>,
    /// The words under a picture or a file.
    pub(crate) caption: Option<String>,
    pub(crate) reply_to_message: Option<Box<Message>>,
    pub(crate) forward_origin: Option<Value>,
    /// As Telegram said it before Bot API 7.0.
    pub(crate) forward_date: Option<i64>,
}

/// Who wrote a message.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) is_bot: bool,
}

/// Where it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatSeen {
    pub(crate) id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    /// Its public name.
    pub(crate) username: Option<String>,
}

impl Message {
    /// Its words; a caption counts. Empty where it has none.
    pub(crate) fn words(&self) -> &str {
        self.text
            .as_deref()
            .or(self.caption.as_deref())
            .unwrap_or_default()
    }

    /// Whether it was written elsewhere and passed on.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.forward_origin.is_some() || self.forward_date.is_some()
    }

    /// An id that no other message to any bot has: numbers begin anew in each chat, and in private chats with
    /// each bot.
    pub(crate) fn id(&self) -> String {
        format!("telegram-{}-{}-{}", self.chat.id, self.message_id, self.date)
    }

    /// The conversation: `telegram:-1001234567890`, with the topic after a slash.
    pub(crate) fn subject(&self) -> String {
        match self.message_thread_id.filter(|_| self.is_topic_message) {
            Some(topic) => format!("telegram:{}/{topic}", self.chat.id),
            None => format!("telegram:{}", self.chat.id),
        }
    }
}
