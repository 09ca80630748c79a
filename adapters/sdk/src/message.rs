//! What adapters ask of a message: who sent it, for which agent, and its words.

use crate::{Data, Envelope, Failure, Header};

impl Envelope {
    /// Who sent it, for a person: `agent@instance` where the source is a byway's
    /// (`byway://instance/agent`), else the source as it is.
    #[must_use]
    pub fn sender(&self) -> String {
        let agent = self
            .source
            .strip_prefix("byway://")
            .and_then(|rest| rest.split_once('/'));
        match agent {
            Some((instance, agent)) if !instance.is_empty() && !agent.is_empty() && !agent.contains('/') => {
                format!("{agent}@{instance}")
            }
            _ => self.source.clone(),
        }
    }

    /// The agent part of the recipient.
    #[must_use]
    pub fn agent(&self) -> &str {
        self.recipient
            .split_once('@')
            .map_or(self.recipient.as_str(), |(agent, _)| agent)
    }

    /// The instance part of the recipient.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.recipient
            .split_once('@')
            .map_or("", |(_, instance)| instance)
    }

    /// An attribute of the event in its canonical string form, by its name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|Header { name: known, .. }| known == name)
            .map(|header| header.value.as_str())
    }

    /// The message in words: text as it is, a JSON string as what it says, `{"text": …}` as that text,
    /// and any other JSON as JSON. Empty where the message carries nothing.
    ///
    /// # Errors
    /// Refused where the message carries bytes: they have no words, and a person would get noise.
    pub fn text(&self) -> Result<String, Failure> {
        match &self.data {
            None => Ok(String::new()),
            Some(Data::Text(text)) => Ok(text.clone()),
            Some(Data::Json(json)) => Ok(words_of_json(json)),
            Some(Data::Binary(_)) => Err(Failure::refused(
                "data-not-text",
                "The message carries bytes, and this transport carries words.",
            )
            .with_fix("Send it as text, or over a transport that carries whole events.")),
        }
    }

    /// The data exactly as it stands: the JSON's text, the text, or the bytes.
    #[must_use]
    pub fn data_bytes(&self) -> &[u8] {
        match &self.data {
            None => &[],
            Some(Data::Text(text) | Data::Json(text)) => text.as_bytes(),
            Some(Data::Binary(bytes)) => bytes,
        }
    }
}

fn words_of_json(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Object(members)) if members.len() == 1 => match members.get("text") {
            Some(serde_json::Value::String(text)) => text.clone(),
            _ => json.to_owned(),
        },
        _ => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::message as sample;

    #[test]
    fn the_sender_is_an_address_where_the_source_is_a_byways() {
        let mut envelope = sample(None);
        assert_eq!(envelope.sender(), "planner@a");
        for source in ["byway://a/via/telegram", "https://example.org/x", "byway://a/"] {
            envelope.source = source.to_owned();
            assert_eq!(envelope.sender(), source);
        }
    }

    #[test]
    fn words_come_out_of_every_form_that_has_them() {
        let text = |data| sample(Some(data)).text();
        assert_eq!(text(Data::Text("hi".to_owned())).unwrap(), "hi");
        assert_eq!(text(Data::Json("\"hi\"".to_owned())).unwrap(), "hi");
        assert_eq!(text(Data::Json(r#"{"text":"hi"}"#.to_owned())).unwrap(), "hi");
        assert_eq!(sample(None).text().unwrap(), "");
    }

    #[test]
    fn no_member_is_lost_beside_the_text() {
        let json = r#"{"text":"hi","urgent":true}"#;
        assert_eq!(sample(Some(Data::Json(json.to_owned()))).text().unwrap(), json);
    }

    #[test]
    fn bytes_are_refused_as_words() {
        let failure = sample(Some(Data::Binary(vec![0xff]))).text().unwrap_err();
        assert_eq!(failure.code, "data-not-text");
    }
}
