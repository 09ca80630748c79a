//! Pushes a message to a person's phone: plain text to a topic of an ntfy-like server, with a title.
//!
//! This is a whole adapter. `docs/adapters/writing-your-own.md` goes through it from top to bottom.

use byway_adapter::http::{HttpError, Request, UrlTemplate};
use byway_adapter::template::{Escape, Template, Values};
use byway_adapter::{
    Adapter, Attempt, Description, Envelope, Failure, Finding, Needs, Problems, Readiness, Receipt,
    ReceiptStatus, answer, secrets, status,
};
use serde::Deserialize;

/// The server turns a longer text into an attachment, which is not what a person wants to hold.
const TEXT_BYTES_MAX: usize = 4096;

/// The transport's `config` table.
#[derive(Deserialize)]
struct Config {
    /// Where to post: the server and the topic, such as `https://push.example.org/{agent}`.
    topic: UrlTemplate,
    /// The notification's title. Default: `{sender}`.
    title: Option<Template>,
    /// The name of the secret that is sent as a bearer token.
    token: Option<String>,
}

struct Push;

impl Adapter for Push {
    type Config = Config;

    fn describe() -> Description {
        Description {
            name: "push".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Plain text to a topic of an ntfy-like server.".to_owned(),
            config_schema: include_str!("../config-schema.json").to_owned(),
            max_data_bytes: None,
            idempotent: false,
            owner: false,
        }
    }

    fn check(config: &Config) -> Result<Needs, Problems> {
        let mut problems = Problems::new();
        if config
            .title
            .as_ref()
            .is_some_and(|title| title.secrets().next().is_some())
        {
            problems.add(
                "/title",
                "A title is for everyone to read.",
                "Take the secret out of it.",
            );
        }
        let mut needs = Needs::none();
        needs.http.push(config.topic.grant("POST"));
        for name in config.topic.secrets() {
            needs.add_secret(name, "url-path");
        }
        if let Some(name) = &config.token {
            needs.add_secret(name, "header:authorization");
        }
        problems.or(needs)
    }

    fn probe(config: &Config) -> Readiness {
        let mut findings = vec![Finding::good(
            "server",
            "Not asked: every request to a topic is a push.",
        )];
        findings.extend(config.token.as_deref().map(secrets::finding));
        Readiness::from_findings(findings)
    }

    fn send(config: &Config, envelope: &Envelope, attempt: &Attempt) -> Result<Receipt, Failure> {
        let values = Values::of_attempt(envelope, attempt);
        let mut request = push(config, envelope, &values)?;
        if let Some(name) = &config.token {
            request = request.header("authorization", format!("Bearer {}", secrets::reference(name)?));
        }
        let response = request.send().map_err(HttpError::into_failure)?;
        if let Some(failure) = status::failure(&response, false) {
            return Err(failure);
        }
        // The server has it; whether a phone showed it, it does not say.
        let id = response.json().and_then(|said| answer::text_at(&said, "/id"));
        Ok(Receipt::new(ReceiptStatus::Accepted).with_reference(id))
    }
}

/// The request, all but the token. Nothing in here calls the host, so tests reach it.
fn push(config: &Config, envelope: &Envelope, values: &Values<'_>) -> Result<Request, Failure> {
    let text = envelope.text()?;
    if text.len() > TEXT_BYTES_MAX {
        return Err(Failure::refused(
            "too-large",
            format!(
                "The text has {} bytes, and a push at most {TEXT_BYTES_MAX}.",
                text.len()
            ),
        )
        .with_fix("Send a shorter text, or put a transport before this one that carries long ones."));
    }
    let title = match &config.title {
        Some(title) => title.render(values, Escape::Header)?,
        None => envelope.sender(),
    };
    Ok(Request::post(config.topic.render(values)?)
        .header("content-type", "text/plain; charset=utf-8")
        .header("title", title)
        .body(text))
}

byway_adapter::export!(Push);

#[cfg(test)]
mod tests {
    use byway_adapter::{configuration, sample};

    use super::*;

    fn config(text: &str) -> Config {
        configuration::read(text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn pushed(config: &Config, envelope: &Envelope) -> Result<Request, Failure> {
        let secret = |name: &str| Ok(format!("reference-to-{name}"));
        push(config, envelope, &Values::new(envelope, "key", 0, &secret))
    }

    #[test]
    fn a_message_becomes_a_push_with_a_title() {
        let config =
            config(r#"{"topic": "https://push.example.org/{agent}", "title": "{sender} → {agent}"}"#);
        let request = pushed(&config, &sample::text("Build is green.")).unwrap();
        assert_eq!(request.url.to_string(), "https://push.example.org/executor");
        assert_eq!(
            request.headers[1],
            ("title".to_owned(), "planner@a → executor".to_owned())
        );
        assert_eq!(request.body.unwrap(), b"Build is green.");
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_and_not_cut() {
        let config = config(r#"{"topic": "https://push.example.org/x"}"#);
        let failure = pushed(&config, &sample::text(&"x".repeat(4097))).unwrap_err();
        assert_eq!(failure.code, "too-large");
    }

    #[test]
    fn check_says_what_to_grant() {
        let config = config(r#"{"topic": "https://push.example.org/{agent}", "token": "push"}"#);
        let needs = Push::check(&config).unwrap();
        assert_eq!(needs.http, ["POST https://push.example.org/*"]);
        assert_eq!(needs.secrets[0].positions, ["header:authorization"]);
    }

    #[test]
    fn a_mistyped_key_is_pointed_at() {
        let Err(problems) = configuration::read::<Config>(r#"{"topc": "https://push.example.org/x"}"#) else {
            panic!("a wrong key was read");
        };
        assert_eq!(problems[0].pointer, "/topc");
        assert_eq!(problems[0].fix, "Did you mean `topic`?");
    }
}
