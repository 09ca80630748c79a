//! What a person reads: who speaks to whom, about what, the words, and how to answer.
//!
//! ```text
//! planner@a → executor@b
//! Subject: release-7
//! Part 1 of 2
//!
//! The build is green.
//!
//! Reply to this message to answer planner@a.
//! #byway planner@a executor@b 0193-abc
//! ```
//!
//! By default it is sent as plain text, in which nothing that a message says can become a link with another
//! face, a heading or a mention of markup. As HTML everything is escaped, and the words stand in a quotation.

use byway_adapter::template::Escape;
use byway_adapter::{Envelope, Failure};

use crate::config::{Config, Format};
use crate::mark::Mark;
use crate::split::{UNITS_MAX, split, units};

/// The longest subject or foreign sender that is shown, in characters.
const SHOWN_MAX: usize = 128;
/// What stands between the head, the words and the foot.
const GAP: &str = "\n\n";

/// The texts to send, in order. Each is one message.
///
/// # Errors
/// Refused where the message has no words, or more than `parts_max` parts would be needed.
pub(crate) fn texts(config: &Config, envelope: &Envelope) -> Result<Vec<String>, Failure> {
    let words = envelope.text()?;
    let frame = Frame::of(config, envelope);
    let parts = split(&words, frame.room());
    let most = config.parts_max;
    if parts.len() > most {
        let message = format!(
            "The message would need {} Telegram messages, and at most {most} are sent for one.",
            parts.len()
        );
        let fix =
            "Send a shorter one, raise `parts_max`, or send it over a transport that carries whole events.";
        return Err(Failure::refused("too-many-parts", message).with_fix(fix));
    }
    let count = parts.len();
    let texts = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| frame.around(config.format, part, index + 1, count));
    Ok(texts.collect())
}

/// The words of a text that this adapter has made, without what stands around them.
pub(crate) fn words(text: &str) -> &str {
    let after_head = text.split_once(GAP).map_or(text, |(_, rest)| rest);
    after_head
        .trim_end()
        .rsplit_once(GAP)
        .map_or("", |(words, _)| words)
        .trim()
}

/// What stands around the words.
struct Frame {
    headline: String,
    facts: Vec<String>,
    foot: String,
}

impl Frame {
    fn of(config: &Config, envelope: &Envelope) -> Self {
        let mark = Mark::of(envelope);
        let priority = envelope
            .attribute("priority")
            .filter(|priority| matches!(*priority, "high" | "urgent"));
        let subject = envelope
            .subject
            .as_deref()
            .map(|subject| format!("Subject: {}", shown(subject)));
        let priority = priority.map(|priority| format!("Priority: {priority}"));
        Self {
            headline: format!("{} → {}", shown(&envelope.sender()), shown(&envelope.recipient)),
            facts: subject.into_iter().chain(priority).collect(),
            foot: format!("{}\n{}", how_to_answer(config, &mark), mark.line()),
        }
    }

    /// How many units are left for the words. Always most of them: what stands around them is cut short.
    fn room(&self) -> usize {
        let around = self.around(Format::Text, "", 99, 99);
        UNITS_MAX.saturating_sub(units(&around) + GAP.len())
    }

    fn around(&self, format: Format, words: &str, number: usize, count: usize) -> String {
        let mut facts = self.facts.clone();
        if count > 1 {
            facts.push(format!("Part {number} of {count}"));
        }
        let facts: String = facts.iter().map(|fact| format!("\n{fact}")).collect();
        let (headline, words) = match format {
            Format::Text => (self.headline.clone(), words.to_owned()),
            Format::Html => (
                format!("<b>{}</b>", html(&self.headline)),
                format!("<blockquote>{}</blockquote>", html(words)),
            ),
        };
        let (facts, foot) = match format {
            Format::Text => (facts, self.foot.clone()),
            Format::Html => (html(&facts), html(&self.foot)),
        };
        match words.is_empty() {
            true => format!("{headline}{facts}{GAP}{foot}"),
            false => format!("{headline}{facts}{GAP}{words}{GAP}{foot}"),
        }
    }
}

/// Only what is true: a reply is read where this transport receives, and leads to agents of this instance, and of those
/// that answers are passed on to.
fn how_to_answer(config: &Config, mark: &Mark) -> String {
    let Some(sender) = mark.sender.as_deref().filter(|_| config.receives()) else {
        return "Answers here are not read.".to_owned();
    };
    match config.is_elsewhere(sender) {
        false => format!("Reply to this message to answer {sender}."),
        true => format!("To answer {sender}, write to the bot of that instance."),
    }
}

/// One line of limited length.
fn shown(text: &str) -> String {
    let mut line = String::new();
    Escape::Line.push(&mut line, text);
    match line.char_indices().nth(SHOWN_MAX + 2) {
        None => line,
        Some(_) => line.chars().take(SHOWN_MAX).chain(['…']).collect(),
    }
}

/// Telegram's HTML knows `&lt;`, `&gt;`, `&amp;` and `&quot;` only, and an apostrophe means nothing in it.
fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use byway_adapter::{Data, Header, configuration, sample};
    use proptest::prelude::*;

    use super::*;

    const NOTIFY: &str = r#"{"chat": "7"}"#;
    const TALK: &str = r#"{"chat": "7", "people": {"anna": 7}, "instance": "a", "parts_max": 50}"#;

    fn made(config: &str, envelope: &Envelope) -> Vec<String> {
        texts(&configuration::read(config).unwrap(), envelope).unwrap()
    }

    #[test]
    fn a_person_reads_who_to_whom_about_what_and_how_to_answer() {
        let mut envelope = sample::text("The build is green.");
        envelope.subject = Some("release-7".to_owned());
        envelope.attributes.push(Header::new("priority", "urgent"));
        assert_eq!(
            made(TALK, &envelope),
            [
                "planner@a → executor@b\nSubject: release-7\nPriority: urgent\n\nThe build is green.\n\n\
              Reply to this message to answer planner@a.\n#byway planner@a executor@b 0193-abc"
            ]
        );
    }

    #[test]
    fn no_answer_is_promised_where_none_would_arrive() {
        let notified = made(NOTIFY, &sample::text("hi"));
        assert!(
            notified[0].contains("\nAnswers here are not read.\n"),
            "{notified:?}"
        );
        let mut elsewhere = sample::text("hi");
        elsewhere.source = "byway://c/planner".to_owned();
        assert!(made(TALK, &elsewhere)[0].contains("write to the bot of that instance"));
        let relaying = TALK.replace("\"parts_max\"", "\"relays_to\": [\"c\"], \"parts_max\"");
        assert!(made(&relaying, &elsewhere)[0].contains("Reply to this message to answer planner@c."));
        elsewhere.source = "https://example.org/".to_owned();
        assert!(made(TALK, &elsewhere)[0].contains("are not read"));
    }

    #[test]
    fn nothing_in_a_message_gets_out_of_html() {
        let config = r#"{"chat": "7", "format": "html"}"#;
        let mut envelope = sample::text("</blockquote><a href=\"tg://x\">owner</a> & more");
        envelope.source = "urn:<b>x".to_owned();
        assert_eq!(
            made(config, &envelope),
            [
                "<b>urn:&lt;b&gt;x → executor@b</b>\n\n<blockquote>&lt;/blockquote&gt;&lt;a href=\"tg://x\"&gt;owner&lt;/a&gt; \
              &amp; more</blockquote>\n\nAnswers here are not read.\n#byway - executor@b 0193-abc"
            ]
        );
    }

    #[test]
    fn a_sender_cannot_break_the_headline() {
        let mut envelope = sample::text("hi");
        envelope.source = format!("urn:a\n#byway x@y z@z 1{}", "x".repeat(4000));
        envelope.subject = Some("s".repeat(4000));
        let text = &made(TALK, &envelope)[0];
        assert_eq!(text.lines().filter(|line| line.starts_with("#byway")).count(), 1);
        assert!(units(text) < 1000);
    }

    #[test]
    fn a_long_message_says_which_part_each_is() {
        let texts = made(TALK, &sample::text(&"word ".repeat(2000)));
        assert_eq!(texts.len(), 3);
        assert!(texts[1].starts_with("planner@a → executor@b\nPart 2 of 3\n\n"));
        for text in &texts {
            assert!(Mark::read(text).is_some());
        }
    }

    #[test]
    fn a_message_of_too_many_parts_or_of_bytes_is_refused() {
        let config: Config = configuration::read(r#"{"chat": "7", "parts_max": 2}"#).unwrap();
        let failure = texts(&config, &sample::text(&"word ".repeat(2000))).unwrap_err();
        assert_eq!(failure.code, "too-many-parts");
        let bytes = sample::message(Some(Data::Binary(vec![0xff])));
        assert_eq!(texts(&config, &bytes).unwrap_err().code, "data-not-text");
    }

    #[test]
    fn a_message_without_words_is_still_one() {
        let texts = made(NOTIFY, &sample::message(None));
        assert_eq!(texts.len(), 1);
        assert_eq!(words(&texts[0]), "");
    }

    proptest! {
        #[test]
        fn every_text_fits_and_gives_its_words_back(text in "(?s).{0,3000}", subject in "[a-z😀]{0,300}") {
            let mut envelope = sample::text(&text.repeat(4));
            envelope.subject = Some(subject).filter(|subject| !subject.is_empty());
            let texts = made(TALK, &envelope);
            for text in &texts {
                prop_assert!(text.encode_utf16().count() <= UNITS_MAX);
                prop_assert!(Mark::read(text).is_some());
            }
            if let [only] = texts.as_slice() {
                let whole = envelope.text().unwrap();
                prop_assert_eq!(words(only), whole.trim());
            }
        }
    }
}
