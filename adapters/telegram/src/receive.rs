//! Taking in what people write.
//!
//! Telegram keeps an update until `getUpdates` is called with a larger offset, so the offset is the cursor: the
//! host stores it after the messages, and only then it comes back here and confirms them. Once a call with an
//! offset brought nothing, everything before it is confirmed, and no offset is kept any longer: after a quiet
//! week Telegram numbers anew, and an old offset would hide what comes.

use byway_adapter::{Batch, Failure, Item, Words, log};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::BYWAY;
use crate::api::{self, Brought};
use crate::config::{ChatId, Config};
use crate::event::Event;
use crate::update::Message;
use crate::whom::{self, Said, Whom};

/// The most updates that one call asks for, so that the answer stays far below what is read of one.
const UPDATES_MAX: u32 = 10;

/// Where the next call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    offset: i64,
}

pub(crate) fn receive(config: &Config, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
    if !config.receives() {
        return Err(Failure::unavailable("not-receiving", "This transport hears nobody.").with_fix(
            "Add `people` to its config, such as { anna = 123456789 }, or take `receive` out of the transport.",
        ));
    }
    let offset = read_cursor(cursor)?;
    let updates = fetch(config, offset, max.clamp(1, UPDATES_MAX))?;
    let own_id = match heard(config, &updates).any(|message| whom::needs_own_id(&message)) {
        true => Some(own_id(config)?),
        false => None,
    };
    let taken = take(config, &updates, own_id);
    for note in &taken.notes {
        log::warn(note);
    }
    Ok(Batch {
        items: taken.items,
        cursor: next_cursor(&updates)?,
    })
}

/// Asks without waiting. An answer that was cut off is asked for again in the smallest piece.
fn fetch(config: &Config, offset: Option<i64>, most: u32) -> Result<Vec<Value>, Failure> {
    let ask = |limit: u32| {
        let offset = offset
            .map(|offset| format!("&offset={offset}"))
            .unwrap_or_default();
        let query = format!("?timeout=0&limit={limit}&allowed_updates=%5B%22message%22%5D{offset}");
        api::get(config, "getUpdates", &query)
    };
    let brought = match ask(most)? {
        Brought::CutOff if most > 1 => ask(1)?,
        brought => brought,
    };
    match brought {
        Brought::Result(Value::Array(updates)) => Ok(updates),
        Brought::Result(_) => Err(Failure::unavailable(
            "not-the-bot-api",
            "What getUpdates answered is no list of updates.",
        )
        .with_fix("Look whether `api_root` is right.")),
        Brought::CutOff => Err(Failure::retryable(
            "answer-cut-off",
            "The answer with what people wrote was cut off.",
        )
        .with_fix("Look at the transport's `answer_max`: a single message may take 200 KiB.")),
    }
}

/// Which bot this is.
fn own_id(config: &Config) -> Result<i64, Failure> {
    let id = match api::get(config, "getMe", "")? {
        Brought::Result(me) => me.get("id").and_then(Value::as_i64),
        Brought::CutOff => None,
    };
    id.ok_or_else(|| Failure::retryable("not-the-bot-api", "What getMe answered names no bot."))
}

fn read_cursor(cursor: Option<&[u8]>) -> Result<Option<i64>, Failure> {
    let Some(bytes) = cursor.filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    let read: Option<Cursor> = serde_json::from_slice(bytes).ok();
    read.map(|cursor| Some(cursor.offset)).ok_or_else(|| {
        Failure::unavailable("cursor", "The stored cursor is not one of this adapter's.")
            .with_fix("If another adapter had this transport's name, give this one a new name.")
    })
}

/// The cursor behind the last of these updates.
///
/// # Errors
/// Where one has no number: taking in the others would lose it, or bring them for ever.
fn next_cursor(updates: &[Value]) -> Result<Option<Vec<u8>>, Failure> {
    let ids: Option<Vec<i64>> = updates
        .iter()
        .map(|update| update.get("update_id").and_then(Value::as_i64))
        .collect();
    let ids = ids.ok_or_else(|| Failure::unavailable("not-the-bot-api", "An update has no number."))?;
    let Some(last) = ids.into_iter().max() else {
        return Ok(None);
    };
    let cursor = Cursor {
        offset: last.saturating_add(1),
    };
    Ok(serde_json::to_vec(&cursor).ok())
}

/// What updates become, and what the operator is told of the others.
#[derive(Debug, Default)]
struct Taken {
    items: Vec<Item>,
    notes: Vec<String>,
}

fn messages(updates: &[Value]) -> impl Iterator<Item = Result<Message, String>> {
    updates.iter().filter_map(|update| {
        let message = update.get("message")?;
        Some(serde_json::from_value(message.clone()).map_err(|error| {
            format!(
                "update {} holds a message that cannot be read: {error}",
                update["update_id"]
            )
        }))
    })
}

fn heard(config: &Config, updates: &[Value]) -> impl Iterator<Item = Message> {
    messages(updates)
        .filter_map(Result::ok)
        .filter(|message| stranger(config, message).is_none())
}

fn take(config: &Config, updates: &[Value], own_id: Option<i64>) -> Taken {
    let mut taken = Taken::default();
    for message in messages(updates) {
        match message.and_then(|message| item(config, &message, own_id)) {
            Ok(Some(item)) => taken.items.push(item),
            Ok(None) => {}
            Err(note) => taken.notes.push(note),
        }
    }
    taken
}

/// What a message becomes. Nothing where it is only Telegram's own button for making a bot's acquaintance.
///
/// # Errors
/// Why it is not taken in, for the operator.
fn item(config: &Config, message: &Message, own_id: Option<i64>) -> Result<Option<Item>, String> {
    if let Some(why) = stranger(config, message) {
        return Err(why);
    }
    let sender = message
        .from
        .as_ref()
        .and_then(|user| config.person(user.id))
        .unwrap_or_default();
    let said = whom::said(config, message, own_id);
    if message.words().trim() == "/start" {
        return Ok(None);
    }
    if said.words.is_empty() {
        return Err(format!(
            "{sender} sent something without words ({}), which is not carried",
            message.id()
        ));
    }
    Ok(Some(hand_over(config, message, sender, &said)))
}

/// What the host gets.
fn hand_over(config: &Config, message: &Message, sender: &str, said: &Said) -> Item {
    let words = |agent: String| {
        Item::Words(Words {
            id: message.id(),
            sender: sender.to_owned(),
            agent,
            subject: Some(message.subject()),
            text: said.words.clone(),
        })
    };
    let event = |recipient| Event::new(message, sender, recipient, &said.words);
    match &said.whom {
        Whom::Byway => match &config.instance {
            Some(instance) => event(&format!("{BYWAY}@{instance}")).into_item(),
            None => words(BYWAY.to_owned()),
        },
        Whom::Agent(agent) => words(agent.clone()),
        Whom::Address(address) => event(address).into_item(),
        Whom::Sender(mark) => event(mark.sender.as_deref().unwrap_or_default())
            .about(mark)
            .into_item(),
        Whom::Recipient(mark) => event(mark.recipient.as_deref().unwrap_or_default())
            .about(mark)
            .answered_to(mark.sender.as_deref())
            .into_item(),
        // The host refuses it, writes it into its journal and keeps the words, so that nothing is lost in silence.
        Whom::Nobody => words(String::new()),
    }
}

/// Why a message is not listened to, if it is not.
fn stranger(config: &Config, message: &Message) -> Option<String> {
    let who = message.from.as_ref().map_or(0, |user| user.id);
    let known = config.person(who).is_some()
        && message.sender_chat.is_none()
        && message.from.as_ref().is_some_and(|user| !user.is_bot);
    if !known {
        return Some(format!(
            "{who} wrote in chat {}, and is not one of `people`",
            message.chat.id
        ));
    }
    let is_private = message.chat.kind == "private" && message.chat.id == who;
    let mut chats = config.all_chats().chain(&config.groups);
    let is_ours = is_private
        || chats.any(|chat| match &chat.id {
            ChatId::Number(id) => *id == message.chat.id,
            ChatId::Name(name) => message
                .chat
                .username
                .as_deref()
                .is_some_and(|username| username.eq_ignore_ascii_case(name)),
        });
    (!is_ours).then(|| {
        format!(
            "{} wrote in chat {}, which is neither written to nor one of `groups`",
            config.person(who).unwrap_or_default(),
            message.chat.id
        )
    })
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;
    use serde_json::json;

    use super::*;

    const BOT: i64 = 4242;
    const CONFIG: &str =
        r#"{"chat": "-100/42", "people": {"anna": 7}, "groups": ["@team"], "agent": "planner"}"#;

    fn config(text: &str) -> Config {
        configuration::read(text).unwrap()
    }

    fn update(mut message: Value) -> Value {
        let defaults = json!({"message_id": 3, "date": 1_795_244_400, "from": {"id": 7, "is_bot": false},
            "chat": {"id": 7, "type": "private"}, "text": "Ship it."});
        for (key, value) in defaults.as_object().unwrap() {
            if message.get(key).is_none() {
                message[key] = value.clone();
            }
        }
        json!({"update_id": 100, "message": message})
    }

    fn taken(message: Value) -> Taken {
        take(&config(CONFIG), &[update(message)], Some(BOT))
    }

    fn only_event(taken: Taken) -> Value {
        match taken.items.as_slice() {
            [Item::Event(bytes)] => serde_json::from_slice(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_persons_words_become_a_message_of_that_person() {
        let taken = taken(json!({}));
        let [Item::Words(words)] = taken.items.as_slice() else {
            panic!("{taken:?}");
        };
        assert_eq!((words.sender.as_str(), words.agent.as_str()), ("anna", "planner"));
        assert_eq!(words.id, "telegram-7-3-1795244400");
        assert_eq!(words.subject.as_deref(), Some("telegram:7"));
        assert_eq!(words.text, "Ship it.");
    }

    #[test]
    fn a_reply_becomes_an_event_that_says_what_it_answers() {
        let original = json!({"message_id": 2, "chat": {"id": -100}, "from": {"id": BOT, "is_bot": true},
            "text": "…\n#byway planner@a executor@b m-1 c-1"});
        let message = json!({"chat": {"id": -100, "type": "supergroup"}, "message_thread_id": 42, "is_topic_message": true,
            "reply_to_message": original});
        assert_eq!(
            only_event(taken(message)),
            json!({"specversion": "1.0", "id": "telegram--100-3-1795244400", "source": "urn:byway:telegram",
                "type": "dev.byway.message", "recipient": "planner@a", "time": "2026-11-21T07:00:00Z",
                "subject": "telegram:-100/42", "sender": "anna", "datacontenttype": "text/plain; charset=utf-8",
                "data": "Ship it.", "causationid": "m-1", "correlationid": "c-1"})
        );
    }

    #[test]
    fn whoever_decides_is_named_by_number_too() {
        let text = json!({"text": "/reject 0193-abc not now"});
        let here = config(r#"{"people": {"anna": 7}, "instance": "a"}"#);
        let event = only_event(take(&here, &[update(text.clone())], Some(BOT)));
        assert_eq!(
            (
                &event["recipient"],
                &event["sender"],
                &event["senderid"],
                &event["data"]
            ),
            (
                &json!("byway@a"),
                &json!("anna"),
                &json!("telegram:7"),
                &json!("/reject 0193-abc not now")
            )
        );
        let nowhere = take(&config(r#"{"people": {"anna": 7}}"#), &[update(text)], Some(BOT));
        assert!(matches!(nowhere.items.as_slice(), [Item::Words(words)] if words.agent == "byway"));
    }

    #[test]
    fn a_forwarded_message_says_where_an_answer_goes() {
        let text = "planner@c → executor@a\n\nShip it?\n\nReply …\n#byway planner@c executor@a m-1";
        let event = only_event(taken(json!({"text": text, "forward_origin": {}})));
        assert_eq!(
            (&event["recipient"], &event["replyto"]),
            (&json!("executor@a"), &json!("planner@c"))
        );
        assert_eq!(
            (&event["correlationid"], &event["data"]),
            (&json!("m-1"), &json!("Ship it?"))
        );
    }

    #[test]
    fn strangers_are_not_heard_wherever_they_write_and_people_only_where_they_may() {
        for message in [
            json!({"from": {"id": 8, "is_bot": false}}),
            json!({"from": {"id": 8}, "chat": {"id": -100, "type": "supergroup"}}),
            json!({"from": {"id": 7, "is_bot": true}}),
            json!({"from": null}),
            json!({"sender_chat": {"id": -100}, "chat": {"id": -100, "type": "supergroup"}}),
            json!({"chat": {"id": -200, "type": "supergroup"}}),
            json!({"chat": {"id": -200, "type": "supergroup", "username": "other"}}),
            json!({"chat": {"id": 9, "type": "private"}}),
        ] {
            let taken = taken(message.clone());
            assert!(taken.items.is_empty(), "{message}");
            assert_eq!(taken.notes.len(), 1, "{message}");
        }
        for message in [
            json!({"chat": {"id": -100, "type": "supergroup"}}),
            json!({"chat": {"id": -200, "type": "supergroup", "username": "Team"}}),
        ] {
            assert_eq!(taken(message.clone()).items.len(), 1, "{message}");
        }
    }

    #[test]
    fn words_for_nobody_are_handed_over_so_that_the_host_can_say_so() {
        let nobody = config(r#"{"people": {"anna": 7}}"#);
        let taken = take(&nobody, &[update(json!({}))], None);
        assert!(matches!(taken.items.as_slice(), [Item::Words(words)] if words.agent.is_empty()));
    }

    #[test]
    fn what_has_no_words_is_named_in_the_log() {
        assert!(taken(json!({"text": "/start"})).notes.is_empty());
        for message in [json!({"text": null, "photo": []}), json!({"text": "@planner"})] {
            let taken = taken(message);
            assert!(taken.items.is_empty() && taken.notes[0].contains("without words"));
        }
    }

    #[test]
    fn one_message_that_cannot_be_read_keeps_no_other_out() {
        let broken = json!({"update_id": 99, "message": {"message_id": "x"}});
        let edited = update(json!({"text": "/approve 0193-abc"}))["message"].clone();
        let other = json!({"update_id": 98, "edited_message": edited});
        let taken = take(&config(CONFIG), &[broken, other, update(json!({}))], None);
        assert_eq!((taken.items.len(), taken.notes.len()), (1, 1));
    }

    #[test]
    fn the_cursor_is_behind_the_last_update_and_goes_when_all_are_confirmed() {
        let cursor = next_cursor(&[json!({"update_id": 7}), json!({"update_id": 9})]).unwrap();
        assert_eq!(read_cursor(cursor.as_deref()).unwrap(), Some(10));
        assert_eq!(next_cursor(&[]).unwrap(), None);
        assert_eq!(read_cursor(None).unwrap(), None);
    }

    #[test]
    fn a_cursor_or_an_update_that_cannot_be_read_is_an_error_and_not_nothing() {
        assert_eq!(read_cursor(Some(b"12")).unwrap_err().code, "cursor");
        assert!(next_cursor(&[json!({"update_id": 7}), json!({})]).is_err());
    }
}
