//! Texts with places in them: `Message from {sender}: {text}`.
//!
//! A template is read once, strictly: a name that does not exist is a mistake of the configuration and
//! not an empty text in somebody's chat. What is put into a place is escaped for where the text
//! goes, so a message can never become markup, a header or a path.
//!
//! | place | what stands there |
//! | --- | --- |
//! | `{id}` `{source}` `{type}` `{subject}` `{time}` | the event's attribute; empty where it has none |
//! | `{recipient}` `{agent}` `{instance}` | `agent@instance`, and its two parts (also `{recipient.agent}`, `{recipient.instance}`) |
//! | `{sender}` | who sent it: `agent@instance`, or the source |
//! | `{text}` | the message in words; a message of bytes is refused |
//! | `{data}` | the data: JSON as its text, text as it is, bytes as base64 |
//! | `{envelope}` | the whole event as JSON |
//! | `{key}` | the idempotency key: the same for every attempt of a message |
//! | `{date}` `{now}` | the day, and the time, of the attempt |
//! | `{attr.NAME}` | any other attribute; empty where it has none |
//! | `{secret.NAME}` | a reference to a secret, only where one may stand |
//!
//! `{{` and `}}` stand for a brace.

mod body;
mod escape;
mod place;

pub use body::{Body, JsonTemplate};
pub use escape::Escape;
pub use place::{Place, Values};

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::Failure;

/// A text with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Place(Place),
}

/// A text is no template: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub fix: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Where a brace is not closed, or a name is none that [`Place`] has.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut fixed = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            fixed.push_str(before);
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                fixed.push_str(from.get(..1).unwrap_or_default());
                rest = after;
                continue;
            }
            let Some((name, after)) = from.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
                return Err(lone_brace(from));
            };
            if !fixed.is_empty() {
                parts.push(Part::Fixed(std::mem::take(&mut fixed)));
            }
            parts.push(Part::Place(Place::parse(name)?));
            rest = after;
        }
        fixed.push_str(rest);
        if !fixed.is_empty() {
            parts.push(Part::Fixed(fixed));
        }
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its places, in order.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fixed(_) => None,
            Part::Place(place) => Some(place),
        })
    }

    /// The names of the secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.places().filter_map(|place| match place {
            Place::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it is nothing but this place.
    #[must_use]
    pub fn is_only(&self, place: &Place) -> bool {
        matches!(self.parts.as_slice(), [Part::Place(only)] if only == place)
    }

    /// What stands before its first place.
    #[must_use]
    pub fn fixed_start(&self) -> &str {
        match self.parts.first() {
            Some(Part::Fixed(text)) => text,
            _ => "",
        }
    }

    /// The text for one message, with each place escaped for where it goes. References to secrets are put
    /// in as they are.
    ///
    /// # Errors
    /// Where a place cannot be filled: bytes where words are asked for, a secret that is not there.
    pub fn render(&self, values: &Values<'_>, escape: Escape) -> Result<String, Failure> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Place(Place::Secret(name)) => text.push_str(&values.secret(name)?),
                Part::Place(place) => escape.push(&mut text, &values.of(place)?),
            }
        }
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.fix)
    }
}

impl std::error::Error for TemplateError {}

fn lone_brace(from: &str) -> TemplateError {
    let near: String = from.chars().take(20).collect();
    TemplateError {
        message: format!("The brace at `{near}` does not belong to a place."),
        fix: "Write {{ or }} for a brace, and {name} for a place.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;
    use crate::sample::message as sample;

    fn render(template: &str, escape: Escape) -> Result<String, Failure> {
        let envelope = sample(Some(Data::Text("a \"b\"\n/c".to_owned())));
        let secret = |name: &str| Ok(format!("ref:{name}"));
        let values = Values::new(&envelope, "key-1", 1_795_244_400, &secret);
        Template::parse(template).unwrap().render(&values, escape)
    }

    #[test]
    fn fills_every_place() {
        let all = "{id} {source} {type} {recipient} {agent} {recipient.agent} {instance} {sender} {subject}|{time} \
                   {key} {date} {now} {attr.specversion} {attr.nothing}|";
        assert_eq!(
            render(all, Escape::Plain).unwrap(),
            "0193-abc byway://a/planner dev.byway.message executor@b executor executor b planner@a \
             |2026-11-21T07:00:00Z key-1 2026-11-21 2026-11-21T07:00:00Z 1.0 |"
        );
        assert_eq!(
            render("{text}{data}", Escape::Plain).unwrap(),
            "a \"b\"\n/ca \"b\"\n/c"
        );
        assert!(
            render("{envelope}", Escape::Plain)
                .unwrap()
                .starts_with("{\"specversion\"")
        );
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(render("{{{id}}} }}{{", Escape::Plain).unwrap(), "{0193-abc} }{");
    }

    #[test]
    fn names_that_do_not_exist_are_refused_with_the_nearest() {
        let error = Template::parse("{sendr}").unwrap_err();
        assert_eq!(error.message, "There is no place `{sendr}`.");
        assert_eq!(error.fix, "Did you mean `{sender}`?");
        for text in [
            "{",
            "}",
            "{id",
            "{}",
            "{attr.}",
            "{attr.Foo}",
            "{secret.}",
            "{id }",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_put_in_unescaped() {
        assert_eq!(
            render("Bearer {secret.token}", Escape::UrlSegment).unwrap(),
            "Bearer ref:token"
        );
    }

    #[test]
    fn only_what_was_placed_is_escaped() {
        assert_eq!(
            render("\"{text}\"", Escape::JsonString).unwrap(),
            "\"a \\\"b\\\"\\n/c\""
        );
        assert_eq!(
            render("/x/{text}", Escape::UrlSegment).unwrap(),
            "/x/a%20%22b%22%0A%2Fc"
        );
        assert_eq!(render("{text}", Escape::Header).unwrap(), "a \"b\" /c");
    }
}
