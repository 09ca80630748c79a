//! A request's body as an operator writes it: a JSON value with templates in its strings, or a text.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Escape, Place, Template, Values};
use crate::problem::deeper;
use crate::{Data, Failure};

/// A body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A JSON value whose strings are templates.
    Json(JsonTemplate),
    /// A text with places, escaped for its media type.
    Text(Template),
}

/// A JSON value whose strings are templates. A string that is nothing but `{data}` is replaced by the data
/// itself: JSON as JSON, exactly as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonTemplate(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Fixed(Value),
    Text(Template),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Body {
    /// The body for one message.
    ///
    /// # Errors
    /// Where a place cannot be filled.
    pub fn render(&self, values: &Values<'_>, media_type: &str) -> Result<String, Failure> {
        match self {
            Self::Json(json) => json.render(values),
            Self::Text(template) => template.render(values, Escape::for_media_type(media_type)),
        }
    }

    /// The names of the secrets in it. None may stand in a body.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Json(JsonTemplate(node)) => node.secrets(),
            Self::Text(template) => template.secrets().collect(),
        }
    }
}

impl JsonTemplate {
    /// The JSON text for one message.
    ///
    /// # Errors
    /// Where a place cannot be filled.
    pub fn render(&self, values: &Values<'_>) -> Result<String, Failure> {
        let mut text = String::new();
        self.0.push(&mut text, values)?;
        Ok(text)
    }
}

impl Node {
    fn parse(value: Value, pointer: &str) -> Result<Self, String> {
        match value {
            Value::String(text) => Template::parse(&text)
                .map(Self::Text)
                .map_err(|error| match pointer {
                    "" => error.to_string(),
                    pointer => format!("At {pointer}: {error}"),
                }),
            Value::Array(elements) => (0..)
                .zip(elements)
                .map(|(index, element): (usize, Value)| {
                    Self::parse(element, &deeper(pointer, &index.to_string()))
                })
                .collect::<Result<_, _>>()
                .map(Self::Array),
            Value::Object(members) => members
                .into_iter()
                .map(|(key, member)| {
                    let node = Self::parse(member, &deeper(pointer, &key))?;
                    Ok((key, node))
                })
                .collect::<Result<_, _>>()
                .map(Self::Object),
            fixed => Ok(Self::Fixed(fixed)),
        }
    }

    fn push(&self, text: &mut String, values: &Values<'_>) -> Result<(), Failure> {
        match self {
            Self::Fixed(value) => text.push_str(&value.to_string()),
            Self::Text(template) if template.is_only(&Place::Data) => push_data(text, values),
            Self::Text(template) => push_string(text, &template.render(values, Escape::Plain)?),
            Self::Array(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    element.push(text, values)?;
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    push_string(text, key);
                    text.push(':');
                    member.push(text, values)?;
                }
                text.push('}');
            }
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => template.secrets().collect(),
            Self::Array(elements) => elements.iter().flat_map(Self::secrets).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.secrets()).collect(),
        }
    }
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    Escape::JsonString.push(text, value);
    text.push('"');
}

/// The data as JSON: its own text is put in untouched, so no number is rounded on the way.
fn push_data(text: &mut String, values: &Values<'_>) {
    match &values.envelope().data {
        None => text.push_str("null"),
        Some(Data::Json(json)) => text.push_str(json),
        Some(Data::Text(words)) => push_string(text, words),
        Some(Data::Binary(_)) => push_string(text, &values.of(&Place::Data).unwrap_or_default()),
    }
}

impl<'de> Deserialize<'de> for JsonTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Node::parse(value, "").map(Self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::parse(Value::deserialize(deserializer)?, "").map_err(serde::de::Error::custom)?;
        Ok(match node {
            Node::Text(template) => Self::Text(template),
            node => Self::Json(JsonTemplate(node)),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::message as sample;

    fn render(body: Value, data: Data, media_type: &str) -> String {
        let envelope = sample(Some(data));
        let secret = |_: &str| Err(Failure::refused("none", "none"));
        let values = Values::new(&envelope, "k", 0, &secret);
        let body: Body = serde_json::from_value(body).unwrap();
        body.render(&values, media_type).unwrap()
    }

    #[test]
    fn a_message_cannot_leave_its_string() {
        let body = json!({"text": "{sender}: {text}", "n": 1.50, "on": [true, null, "{agent}"]});
        let text = render(
            body,
            Data::Text("\"}, \"admin\": true".to_owned()),
            "application/json",
        );
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({"text": "planner@a: \"}, \"admin\": true", "n": 1.50, "on": [true, null, "executor"]})
        );
    }

    #[test]
    fn json_data_is_embedded_exactly() {
        let exact = r#"{"n": 12345678901234567890.10}"#;
        let text = render(
            json!({"data": "{data}"}),
            Data::Json(exact.to_owned()),
            "application/json",
        );
        assert_eq!(text, format!("{{\"data\":{exact}}}"));
    }

    #[test]
    fn data_that_is_no_json_becomes_a_string() {
        assert_eq!(
            render(json!(["{data}"]), Data::Text("a\"".to_owned()), ""),
            r#"["a\""]"#
        );
        assert_eq!(
            render(json!(["{data}"]), Data::Binary(vec![1, 2]), ""),
            r#"["AQI="]"#
        );
    }

    #[test]
    fn a_text_body_is_escaped_for_its_media_type() {
        let text = |media_type| render(json!("m={text}"), Data::Text("a&b".to_owned()), media_type);
        assert_eq!(text("application/x-www-form-urlencoded"), "m=a%26b");
        assert_eq!(text("text/html"), "m=a&amp;b");
        assert_eq!(text("text/plain"), "m=a&b");
    }

    #[test]
    fn a_wrong_name_deep_inside_is_found() {
        let error = serde_json::from_value::<Body>(json!({"a": [{"b/c": "{txt}"}]})).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("At /a/0/b~1c: There is no place `{txt}`."),
            "{error}"
        );
    }
}
