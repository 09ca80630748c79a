//! The check-list: the token, this bot, the chats it writes to, and whether it can be heard. Only questions are
//! asked; nothing is sent.

use byway_adapter::template::Escape;
use byway_adapter::{Failure, Finding, Readiness, secrets};
use serde_json::Value;

use crate::api::{self, Brought};
use crate::check;
use crate::config::{ChatId, Config, TOKEN};

/// The most chats that one probe asks about.
const CHATS_MAX: usize = 8;

pub(crate) fn probe(config: &Config) -> Readiness {
    let mut findings: Vec<Finding> = match check::check(config) {
        Ok(_) => vec![secrets::finding(TOKEN)],
        Err(problems) => problems.iter().map(Finding::from).collect(),
    };
    let me = api::get(config, "getMe", "");
    let is_there = me.is_ok();
    findings.push(finding("bot", me, bot));
    if is_there {
        findings.extend(config.all_chats().take(CHATS_MAX).map(|chat| {
            let id = match &chat.id {
                ChatId::Number(id) => id.to_string(),
                ChatId::Name(name) => format!("%40{name}"),
            };
            let answer = api::get(config, "getChat", &format!("?chat_id={id}"));
            finding(&format!("chat {chat}"), answer, |_| {
                Ok("The bot knows it.".to_owned())
            })
        }));
        if config.receives() {
            findings.push(finding(
                "hearing",
                api::get(config, "getWebhookInfo", ""),
                hearing,
            ));
        }
    }
    Readiness::from_findings(findings)
}

/// What was found, or what is wrong and what to do.
fn finding(
    name: &str,
    answer: Result<Brought, Failure>,
    seen: impl FnOnce(&Value) -> Result<String, (String, String)>,
) -> Finding {
    match answer {
        Ok(Brought::Result(result)) => match seen(&result) {
            Ok(message) => Finding::good(name, message),
            Err((message, fix)) => Finding::bad(name, message, fix),
        },
        Ok(Brought::CutOff) => Finding::good(name, "It answered, and the answer was cut off."),
        Err(failure) => Finding::bad(
            name,
            failure.message,
            failure
                .fix
                .unwrap_or_else(|| "Look whether Telegram can be reached from here.".to_owned()),
        ),
    }
}

fn bot(me: &Value) -> Result<String, (String, String)> {
    let mut message = "This is @".to_owned();
    Escape::Line.push(
        &mut message,
        me.get("username").and_then(Value::as_str).unwrap_or("?"),
    );
    message.push('.');
    Ok(message)
}

fn hearing(webhook: &Value) -> Result<String, (String, String)> {
    match webhook.get("url").and_then(Value::as_str) {
        None | Some("") => Ok("No webhook is set, so messages can be fetched.".to_owned()),
        Some(_) => Err((
            "Telegram sends this bot's messages to a webhook, so none can be fetched.".to_owned(),
            "Take it away (deleteWebhook), or use a bot of byway's own.".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_that_is_set_keeps_messages_away() {
        let finding = |url: &str| finding("hearing", Ok(Brought::Result(json!({ "url": url }))), hearing);
        assert!(finding("").ok);
        assert!(!finding("https://example.org/").ok);
    }

    #[test]
    fn a_bot_says_its_name_and_a_wrong_token_what_to_do() {
        let good = finding("bot", Ok(Brought::Result(json!({"username": "by_bot"}))), bot);
        assert_eq!((good.ok, good.message.as_str()), (true, "This is @by_bot."));
        let wrong = finding(
            "bot",
            Err(Failure::unavailable("http-401", "no").with_fix("Look.")),
            bot,
        );
        assert_eq!((wrong.ok, wrong.fix.as_deref()), (false, Some("Look.")));
    }
}
