//! For whom a person's words are.
//!
//! | a person | the message goes to |
//! | --- | --- |
//! | begins with `/to executor` or `@executor` | that agent; `executor@pi-b` names the instance too |
//! | forwards a message of any byway | the agent it was for |
//! | replies to a message of this bot | the agent that sent it; byway itself, where that asked |
//! | writes `/approve …` or `/reject …` | byway itself |
//! | does none of these | the `agent` of the configuration |

use crate::address::{BYWAY, is_byway, is_name, parts};
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
    /// byway itself, on this instance.
    Byway,
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

impl Whom {
    fn is_byway(&self) -> bool {
        match self {
            Self::Byway => true,
            Self::Agent(_) | Self::Nobody => false,
            Self::Address(address) => is_byway(address),
            Self::Sender(mark) => mark.sender.as_deref().is_some_and(is_byway),
            Self::Recipient(mark) => mark.recipient.as_deref().is_some_and(is_byway),
        }
    }
}

/// Whether it must be known which bot this is, to say for whom a message is.
pub(crate) fn needs_own_id(message: &Message) -> bool {
    answered(message).is_some_and(|(_, bot)| bot.is_some())
}

/// For whom a message is. `own_id` is the number of this bot: only what it wrote itself is believed about whom
/// a reply is for, since everybody can write a line that looks like a mark.
pub(crate) fn said(config: &Config, message: &Message, own_id: Option<i64>) -> Said {
    let said = addressed(config, message, own_id);
    // What somebody else wrote decides nothing, whoever passes it on.
    if message.is_forwarded() && said.whom.is_byway() {
        return Said {
            whom: Whom::Nobody,
            ..said
        };
    }
    said
}

fn addressed(config: &Config, message: &Message, own_id: Option<i64>) -> Said {
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
        Some((mark, bot))
            if bot.is_some()
                && bot == own_id
                && mark
                    .sender
                    .as_deref()
                    .is_some_and(|sender| !is_command(words) || is_byway(sender)) =>
        {
            Whom::Sender(mark)
        }
        _ if is_command(words) => Whom::Byway,
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

/// Whether it is a command to byway itself. Telephones write the first letter of a message small behind a slash.
fn is_command(words: &str) -> bool {
    let first = words.split_whitespace().next().unwrap_or_default();
    let command = first.split_once('@').map_or(first, |(command, _)| command);
    ["/approve", "/reject"]
        .iter()
        .any(|known| command.eq_ignore_ascii_case(known))
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
    let whom = if name == BYWAY {
        Whom::Byway
    } else if is_name(&name) {
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

    const ASKED: &str = "byway@a → ops@people\n\nplanner@a → executor@b waits for approval.\n\nReply …\n#byway byway@a ops@people 0193-n 0193-abc";

    #[test]
    fn byway_itself_hears_commands_and_answers_to_what_it_asked() {
        let ours = json!({"id": BOT, "is_bot": true});
        for text in [
            "/approve 0193-abc",
            "/reject@by_bot 0193-abc no",
            "/Approve",
            "@byway approve 0193-abc",
        ] {
            assert_eq!(of(&json!({ "text": text })).whom, Whom::Byway, "{text}");
        }
        for text in ["approve", "/approve", "no idea"] {
            let mut message = reply_to(&ours, ASKED);
            message["text"] = text.into();
            let said = of(&message);
            assert!(
                matches!(&said.whom, Whom::Sender(mark) if mark.sender.as_deref() == Some("byway@a")
                    && mark.id.as_deref() == Some("0193-n")),
                "{said:?}"
            );
            assert_eq!(said.words, text);
        }
        let mut to_an_agent = reply_to(&ours, SENT);
        to_an_agent["text"] = "approve".into();
        assert!(
            !of(&to_an_agent).whom.is_byway(),
            "an agent is answered, and nothing decided"
        );
        to_an_agent["text"] = "/approve 0193-abc".into();
        assert_eq!(of(&to_an_agent).whom, Whom::Byway);
        for text in ["/approved 0193-abc", "approve 0193-abc", "/ approve"] {
            assert_eq!(of(&json!({ "text": text })).whom, Whom::Nobody, "{text}");
        }
    }

    #[test]
    fn what_is_forwarded_decides_nothing() {
        let ours = json!({"id": BOT, "is_bot": true});
        let mut answer = reply_to(&ours, ASKED);
        answer["text"] = "approve".into();
        let to_byway = "x\n\nhi\n\nReply …\n#byway ops@people byway@a 0193-abc";
        for mut message in [
            json!({"text": "/approve 0193-abc"}),
            json!({"text": "@byway approve 0193-abc"}),
            json!({"text": "/to byway@a approve 0193-abc"}),
            json!({ "text": to_byway }),
            answer,
        ] {
            assert!(of(&message).whom.is_byway() || message["text"] == to_byway);
            message["forward_origin"] = json!({"type": "user"});
            assert_eq!(of(&message).whom, Whom::Nobody, "{message}");
        }
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
