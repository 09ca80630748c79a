//! What an operator can say about Telegram.

use std::collections::BTreeMap;
use std::fmt;

use byway_adapter::http::Url;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use crate::address;

/// The name of the secret that is the bot's token.
pub(crate) const TOKEN: &str = "token";

/// A transport's `config` table. `docs/adapters/telegram.md` says what each key means.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) api_root: Option<Url>,
    pub(crate) chat: Option<Chat>,
    #[serde(default)]
    pub(crate) chats: BTreeMap<String, Chat>,
    #[serde(default)]
    pub(crate) format: Format,
    #[serde(default)]
    pub(crate) silent: bool,
    #[serde(default = "parts_max")]
    pub(crate) parts_max: usize,
    #[serde(default)]
    pub(crate) people: BTreeMap<String, i64>,
    #[serde(default)]
    pub(crate) groups: Vec<Chat>,
    pub(crate) agent: Option<String>,
    pub(crate) instance: Option<String>,
    #[serde(default)]
    pub(crate) relays_to: Vec<String>,
}

/// How a message is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Without any markup.
    #[default]
    Text,
    /// Telegram's HTML, everything escaped.
    Html,
}

/// A chat, or a topic in one: `-1001234567890/42`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    /// The chat.
    pub(crate) id: ChatId,
    /// The topic in it.
    pub(crate) thread: Option<i64>,
}

/// How a chat is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChatId {
    /// A person (positive) or a group (negative).
    Number(i64),
    /// A public group or channel, without the `@`.
    Name(String),
}

impl Config {
    /// Where the Bot API is, without a slash at the end.
    pub(crate) fn root(&self) -> String {
        match &self.api_root {
            Some(url) => url.to_string().trim_end_matches('/').to_owned(),
            None => "https://api.telegram.org".to_owned(),
        }
    }

    /// The chat for a recipient: that of the address, else of the agent, else the one for all.
    pub(crate) fn chat_for(&self, recipient: &str) -> Option<&Chat> {
        let agent = recipient.split('@').next().unwrap_or_default();
        self.chats
            .get(recipient)
            .or_else(|| self.chats.get(agent))
            .or(self.chat.as_ref())
    }

    /// All chats that are written to.
    pub(crate) fn all_chats(&self) -> impl Iterator<Item = &Chat> {
        self.chat.iter().chain(self.chats.values())
    }

    /// Whether people are heard.
    pub(crate) fn receives(&self) -> bool {
        !self.people.is_empty()
    }

    /// Whether an address is known to be of another instance, to which no answer is passed on.
    pub(crate) fn is_elsewhere(&self, whom: &str) -> bool {
        let instance = address::parts(whom).map(|(_, instance)| instance);
        let is_relayed = instance.is_some_and(|name| self.relays_to.iter().any(|other| other == name));
        self.instance.is_some() && self.instance.as_deref() != instance && !is_relayed
    }

    /// What the operator calls the person with this number.
    pub(crate) fn person(&self, id: i64) -> Option<&str> {
        let (name, _) = self.people.iter().find(|(_, known)| **known == id)?;
        Some(name)
    }
}

fn parts_max() -> usize {
    8
}

impl Chat {
    /// Reads a number or `@name`, perhaps with a topic.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, thread) = match text.split_once('/') {
            Some((id, thread)) => (id, Some(thread.parse().ok().filter(|thread| *thread > 0)?)),
            None => (text, None),
        };
        let id = match id.strip_prefix('@') {
            Some(name) => ChatId::Name(Some(name).filter(|name| is_public_name(name))?.to_owned()),
            None => ChatId::Number(id.parse().ok().filter(|id| *id != 0)?),
        };
        Some(Self { id, thread })
    }
}

fn is_public_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

impl fmt::Display for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            ChatId::Number(id) => write!(f, "{id}")?,
            ChatId::Name(name) => write!(f, "@{name}")?,
        }
        match self.thread {
            Some(thread) => write!(f, "/{thread}"),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Chat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// A chat's number may be written as a number too.
struct Reading;

impl Visitor<'_> for Reading {
    type Value = Chat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_i64<E: serde::de::Error>(self, id: i64) -> Result<Chat, E> {
        self.visit_str(&id.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<Chat, E> {
        self.visit_str(&id.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Chat, E> {
        let wrong = || {
            format!(
                "`{text}` names no chat.\nWrite the chat's number or its public name, and a topic after a slash: \
                 \"-1001234567890\", \"@our_team\", \"-1001234567890/42\"."
            )
        };
        Chat::parse(text).ok_or_else(|| E::custom(wrong()))
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;

    use super::*;

    #[test]
    fn a_chat_is_a_number_or_a_name_and_perhaps_a_topic() {
        for text in [
            "777",
            "-1001234567890",
            "@our_team",
            "-1001234567890/42",
            "@our_team/7",
        ] {
            assert_eq!(Chat::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "", "0", "team", "@", "@a-b", "-100/", "-100/0", "-100/x", "1/2/3", "1 2",
        ] {
            assert_eq!(Chat::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_nearest_chat_is_taken() {
        let config: Config =
            configuration::read(r#"{"chat": -1, "chats": {"executor": "2", "executor@c": "3"}}"#).unwrap();
        let chat = |recipient| config.chat_for(recipient).unwrap().to_string();
        assert_eq!(chat("executor@b"), "2");
        assert_eq!(chat("executor@c"), "3");
        assert_eq!(chat("planner@b"), "-1");
    }

    #[test]
    fn the_root_has_no_slash_at_its_end() {
        let root = |config| configuration::read::<Config>(config).unwrap().root();
        assert_eq!(root("{}"), "https://api.telegram.org");
        assert_eq!(
            root(r#"{"api_root": "http://127.0.0.1:8081/"}"#),
            "http://127.0.0.1:8081"
        );
        assert_eq!(root(r#"{"api_root": "http://x/tg/"}"#), "http://x/tg");
    }
}
