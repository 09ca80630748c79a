//! For whom a person's words are.
//!
//! | a person | the message goes to |
//! | --- | --- |
//! | begins with `/to executor` or `@executor` | that agent; `executor@pi-b` names the instance too |
//! | forwards a message of any byway | the agent it was for |
//! | replies to a message of this bot | the agent that sent it |
//! | does none of these | the `agent` of the configuration |

use crate::address::{is_name, parts};
use crate::config::Config;
use crate::mark::Mark;
use crate::text;
use crate::update::Message;

/// For whom, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) whom: Whom,
    pub(crate) words: String,
}

/// For whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// An agent of this instance.
    Agent(String),
    /// An address that was written out.
    Address(String),
    /// Whoever sent the message that was replied to.
    Sender(Mark),
    /// Whoever the message was for that was forwarded.
    Recipient(Mark),
    /// It names nobody.
    Nobody,
}

/// Whether it must be known which bot this is, to say for whom a message is.
pub(crate) fn needs_own_id(message: &Message) -> bool {
    answered(message).is_some_and(|(_, bot)| bot.is_some())
}

/// For whom a message is. `own_id` is the number of this bot: only what it wrote itself is believed about whom
/// a reply is for, since everybody can write a line that looks like a mark.
pub(crate) fn said(config: &Config, message: &Message, own_id: Option<i64>) -> Said {
    let words = message.words().trim();
    if let Some((whom, words)) = named(words) {
        return Said { whom, words };
    }
    if message.is_forwarded()
        && let Some(mark) = Mark::read(words).filter(|mark| mark.recipient.is_some())
    {
        return Said {
            whom: Whom::Recipient(mark),
            words: text::words(words).to_owned(),
        };
    }
    let whom = match answered(message) {
        Some((mark, bot)) if bot.is_some() && bot == own_id && mark.sender.is_some() => Whom::Sender(mark),
        _ => match &config.agent {
            Some(agent) => Whom::Agent(agent.clone()),
            None => Whom::Nobody,
        },
    };
    Said {
        whom,
        words: words.to_owned(),
    }
}

/// The mark of the message that was replied to, and the bot that wrote it.
fn answered(message: &Message) -> Option<(Mark, Option<i64>)> {
    let original = message.reply_to_message.as_deref()?;
    let bot = original
        .from
        .as_ref()
        .filter(|user| user.is_bot)
        .map(|user| user.id);
    Some((Mark::read(original.words())?, bot))
}

/// `/to executor words`, `/to@the_bot executor words`, `@executor words`. Telephones write the first letter
/// large, and names of agents have none.
fn named(words: &str) -> Option<(Whom, String)> {
    let rest = match words.strip_prefix("/to") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
        Some(rest) => rest
            .strip_prefix('@')?
            .split_once(char::is_whitespace)?
            .1
            .trim_start(),
        None => words.strip_prefix('@')?,
    };
    let (name, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = name.trim_end_matches([':', ',']).to_ascii_lowercase();
    let whom = if is_name(&name) {
        Whom::Agent(name)
    } else {
        parts(&name).map(|_| Whom::Address(name.clone()))?
    };
    Some((whom, words.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use byway_adapter::configuration;
    use serde_json::{Value, json};

    use super::*;

    const BOT: i64 = 4242;

    fn with(config: &str, message: &Value) -> Said {
        let config: Config = configuration::read(config).unwrap();
        let mut message = message.clone();
        message["message_id"] = 1.into();
        message["chat"] = json!({"id": 7, "type": "private"});
        said(&config, &serde_json::from_value(message).unwrap(), Some(BOT))
    }

    fn of(message: &Value) -> Said {
        with(r#"{"people": {"anna": 7}}"#, message)
    }

    fn reply_to(bot: &Value, text: &str) -> Value {
        json!({"text": "Yes.", "reply_to_message": {"message_id": 1, "from": bot, "text": text, "chat": {"id": 7}}})
    }

    const SENT: &str = "planner@a → executor@b\n\nShip it?\n\nReply …\n#byway planner@a executor@b 0193-abc";

    #[test]
    fn a_person_can_name_the_agent() {
        for (text, whom, words) in [
            (
                "/to executor Ship it.",
                Whom::Agent("executor".into()),
                "Ship it.",
            ),
            (
                "/to@by_bot Executor@b\nShip it.",
                Whom::Address("executor@b".into()),
                "Ship it.",
            ),
            ("@Executor: Ship it.", Whom::Agent("executor".into()), "Ship it."),
            ("@executor@b", Whom::Address("executor@b".into()), ""),
            ("/tomorrow we ship", Whom::Nobody, "/tomorrow we ship"),
            ("@_all hi", Whom::Nobody, "@_all hi"),
            ("Ship it.", Whom::Nobody, "Ship it."),
        ] {
            let expected = Said {
                whom,
                words: words.into(),
            };
            assert_eq!(of(&json!({ "text": text })), expected, "{text}");
        }
    }

    #[test]
    fn words_for_nobody_go_to_the_agent_of_the_configuration() {
        let said = with(
            r#"{"people": {"anna": 7}, "agent": "planner"}"#,
            &json!({"caption": "Look."}),
        );
        assert_eq!(said.whom, Whom::Agent("planner".into()));
        assert_eq!(said.words, "Look.");
    }

    #[test]
    fn a_reply_goes_to_whoever_sent_the_message() {
        let said = of(&reply_to(&json!({"id": BOT, "is_bot": true}), SENT));
        let Whom::Sender(mark) = said.whom else {
            panic!("{said:?}");
        };
        assert_eq!(mark.sender.as_deref(), Some("planner@a"));
        assert_eq!(mark.id.as_deref(), Some("0193-abc"));
        assert_eq!(said.words, "Yes.");
    }

    #[test]
    fn nobody_else_can_say_whom_a_reply_is_for() {
        for bot in [
            json!({"id": 5, "is_bot": true}),
            json!({"id": BOT, "is_bot": false}),
            Value::Null,
        ] {
            assert_eq!(of(&reply_to(&bot, SENT)).whom, Whom::Nobody, "{bot}");
        }
        let ours = json!({"id": BOT, "is_bot": true});
        assert_eq!(of(&reply_to(&ours, "#byway - executor@b 1")).whom, Whom::Nobody);
        assert_eq!(of(&reply_to(&ours, "hello")).whom, Whom::Nobody);
    }

    #[test]
    fn a_reply_may_name_another_agent() {
        let mut message = reply_to(&json!({"id": BOT, "is_bot": true}), SENT);
        message["text"] = "@tester look at this".into();
        assert_eq!(of(&message).whom, Whom::Agent("tester".into()));
    }

    #[test]
    fn a_forwarded_message_goes_to_whom_it_was_for() {
        for sign in [
            json!({"forward_origin": {"type": "user"}}),
            json!({"forward_date": 1}),
        ] {
            let mut message = json!({ "text": SENT });
            message
                .as_object_mut()
                .unwrap()
                .extend(sign.as_object().unwrap().clone());
            let said = of(&message);
            assert!(
                matches!(&said.whom, Whom::Recipient(mark) if mark.recipient.as_deref() == Some("executor@b"))
            );
            assert_eq!(said.words, "Ship it?");
        }
        assert_eq!(of(&json!({ "text": SENT })).whom, Whom::Nobody);
    }
}
