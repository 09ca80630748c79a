//! What the agent hears of a message. Pure.
//!
//! Over its WebSocket the gateway takes a text that begins with `/new` or `/reset` as a command to the session. No
//! message may do that, so such a text is refused here, before a right that is missing over there could
//! count against the transport. Every other command of the gateway's chats is only text to an agent that hears it
//! this way.

use byway_adapter::template::{Escape, Values};
use byway_adapter::{Envelope, Failure};

use crate::config::Config;

/// The words that a turn must not begin with.
const COMMANDS: [&str; 2] = ["/new", "/reset"];

/// The words for a message.
///
/// # Errors
/// Refused where it has none.
pub(crate) fn of(config: &Config, envelope: &Envelope, values: &Values<'_>) -> Result<String, Failure> {
    let words = match &config.message {
        Some(template) => template.render(values, Escape::Plain)?,
        None => envelope.text()?,
    };
    if words.is_empty() {
        return Err(Failure::refused(
            "empty",
            "The message has no words, and the gateway takes none without.",
        ));
    }
    Ok(words)
}

/// Sees to it that the words of a turn are no command.
///
/// # Errors
/// Refused where they are.
pub(crate) fn no_command(words: &str) -> Result<(), Failure> {
    match is_command(words) {
        true => Err(command(
            "The gateway would take the message as a command to its session.",
        )),
        false => Ok(()),
    }
}

/// The message would be a command.
pub(crate) fn command(what: &str) -> Failure {
    Failure::refused("gateway-command", what)
        .with_fix("Say something before it; with message = \"{sender}: {text}\" the transport always does.")
}

fn is_command(words: &str) -> bool {
    // The gateway reads the first word as it stands; blanks before it only make us more careful.
    let first = words.split_whitespace().next().unwrap_or_default();
    COMMANDS.iter().any(|command| first.eq_ignore_ascii_case(command))
}

#[cfg(test)]
mod tests {
    use byway_adapter::{configuration, sample};

    use super::*;

    fn words(config: &str, text: &str) -> Result<String, String> {
        let config = configuration::read(config).unwrap();
        let envelope = sample::text(text);
        let secret = |_: &str| Ok(String::new());
        let values = Values::new(&envelope, "k", 0, &secret);
        of(&config, &envelope, &values).map_err(|failure| failure.code)
    }

    #[test]
    fn the_words_are_the_message_or_what_the_template_makes_of_it() {
        assert_eq!(words(r#"{"url": "ws://127.0.0.1/"}"#, "hi").unwrap(), "hi");
        let config = r#"{"url": "ws://127.0.0.1/", "message": "{sender}: {text}"}"#;
        assert_eq!(words(config, "/reset").unwrap(), "planner@a: /reset");
        assert_eq!(words(r#"{"url": "ws://127.0.0.1/"}"#, "").unwrap_err(), "empty");
    }

    #[test]
    fn no_message_is_a_command_to_the_session() {
        for text in ["/new", "/reset", "/RESET now", "/new\nplease", " /reset"] {
            assert_eq!(no_command(text).unwrap_err().code, "gateway-command", "{text}");
        }
        for text in ["/newer", "new", "please /reset", "/status", ""] {
            assert!(no_command(text).is_ok(), "{text}");
        }
    }
}
