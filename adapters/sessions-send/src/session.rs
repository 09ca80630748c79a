//! Which session of the gateway a message goes to. Pure.
//!
//! A session's key decides which agent hears the message and in which conversation, so it is never
//! made from a sender's words alone: `{subject}` stands only for what the operator has listed. Anything else
//! is refused and sent nowhere, since the gateway would make a new session of a key that it does not know.

use byway_adapter::template::{Escape, Template, Values};
use byway_adapter::{Envelope, Failure};

use crate::config::Config;

/// The longest key of a session, in bytes; the gateway's own are far shorter.
const KEY_BYTES_MAX: usize = 512;

/// A session of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its whole key: `agent:ops:telegram:group:-100123`.
    pub(crate) key: String,
}

impl Session {
    /// The session for a message.
    ///
    /// # Errors
    /// Refused where the subject is not listed, or the key is none.
    pub(crate) fn of(config: &Config, envelope: &Envelope, values: &Values<'_>) -> Result<Self, Failure> {
        if config.uses_subject() {
            let subject = envelope.subject.as_deref().unwrap_or_default();
            if !is_listed(&config.subjects, subject, values)? {
                return Err(not_listed(subject));
            }
        }
        match &config.session {
            Some(template) => Self::from_key(&template.render(values, Escape::Plain)?),
            None => Self::from_key(&format!("agent:{}:main", envelope.agent())),
        }
    }

    /// A session by its key.
    ///
    /// # Errors
    /// Refused where it is not of the form `agent:<agent>:<rest>`.
    pub(crate) fn from_key(key: &str) -> Result<Self, Failure> {
        let agent = agent_of(key);
        let is_clean = !key.chars().any(|c| c.is_control() || c.is_whitespace());
        if agent.is_empty() || !is_clean || key.len() > KEY_BYTES_MAX {
            return Err(Failure::refused(
                "session-key",
                format!("`{}` is not the key of a session.", shortened(key)),
            )
            .with_fix("Keys have the form agent:<agent>:<rest>; look at the transport's `session`."));
        }
        Ok(Self { key: key.to_owned() })
    }

    /// The agent whose session it is.
    pub(crate) fn agent(&self) -> &str {
        agent_of(&self.key)
    }
}

/// The agent of a key, or nothing where it has none, or nothing after it.
fn agent_of(key: &str) -> &str {
    match key.strip_prefix("agent:").and_then(|rest| rest.split_once(':')) {
        Some((agent, rest)) if !rest.is_empty() => agent,
        _ => "",
    }
}

fn is_listed(subjects: &[Template], subject: &str, values: &Values<'_>) -> Result<bool, Failure> {
    if subject.is_empty() {
        return Ok(false);
    }
    for pattern in subjects {
        if matches(&pattern.render(values, Escape::Plain)?, subject) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a text fits a pattern, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let end = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = text.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(end)
}

fn not_listed(subject: &str) -> Failure {
    let message = match subject {
        "" => "The message has no subject, and the session is named by it.".to_owned(),
        subject => format!("No message may go to the subject `{}`.", shortened(subject)),
    };
    Failure::refused("subject-not-listed", message)
        .with_fix("List it in the transport's `subjects` if it should be allowed, or let a transport with another `session` follow.")
}

fn shortened(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use byway_adapter::{configuration, sample};

    use super::*;

    fn session(config: &str, subject: Option<&str>) -> Result<String, String> {
        let config: Config =
            configuration::read(&config.replacen('{', r#"{"url": "ws://127.0.0.1/", "#, 1)).unwrap();
        let mut envelope = sample::text("hi");
        envelope.subject = subject.map(str::to_owned);
        let secret = |_: &str| Ok(String::new());
        let values = Values::new(&envelope, "k", 0, &secret);
        Session::of(&config, &envelope, &values)
            .map(|session| session.key)
            .map_err(|failure| failure.code)
    }

    #[test]
    fn without_a_word_it_is_the_agents_main_session() {
        assert_eq!(
            session(r#"{"subjects": []}"#, Some("x")).unwrap(),
            "agent:executor:main"
        );
    }

    #[test]
    fn a_listed_subject_names_the_session() {
        let config =
            r#"{"session": "{subject}", "subjects": ["agent:{agent}:telegram:group:*", "agent:ops:main"]}"#;
        for subject in ["agent:executor:telegram:group:-100123", "agent:ops:main"] {
            assert_eq!(session(config, Some(subject)).unwrap(), subject);
        }
        for subject in [
            "agent:other:telegram:group:-100123",
            "agent:executor:main",
            "agent:ops:main2",
            "xagent:ops:main",
            "",
        ] {
            assert_eq!(
                session(config, Some(subject)).unwrap_err(),
                "subject-not-listed",
                "{subject}"
            );
        }
        assert_eq!(session(config, None).unwrap_err(), "subject-not-listed");
    }

    #[test]
    fn a_subject_can_be_a_part_of_the_key() {
        let config = r#"{"session": "agent:{agent}:{subject}", "subjects": ["build-*"]}"#;
        assert_eq!(
            session(config, Some("build-7")).unwrap(),
            "agent:executor:build-7"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_though_its_subject_is_listed() {
        let config = r#"{"session": "{subject}", "subjects": ["*"]}"#;
        for subject in [
            "main",
            "agent:",
            "agent:x",
            "agent:x:",
            "agent::main",
            "agent:x:a b",
            "agent:x:a\nb",
        ] {
            assert_eq!(
                session(config, Some(subject)).unwrap_err(),
                "session-key",
                "{subject}"
            );
        }
        assert_eq!(
            session(config, Some(&format!("agent:x:{}", "y".repeat(600)))).unwrap_err(),
            "session-key"
        );
    }

    #[test]
    fn the_agent_of_a_key_is_its_second_part() {
        assert_eq!(
            Session::from_key("agent:ops:telegram:group:-1").unwrap().agent(),
            "ops"
        );
    }

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, text) in [
            ("*", ""),
            ("a*", "a"),
            ("a*c", "abc"),
            ("a*b*c", "a1b2bc"),
            ("*c", "abc"),
            ("a?c", "a?c"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a*", "ba"),
            ("a*c", "ab"),
            ("ab*bc", "abc"),
            ("a*b*c", "acb"),
            ("a.c", "abc"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
