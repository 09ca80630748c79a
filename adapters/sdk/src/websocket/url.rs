//! The URL of a WebSocket, as a configuration has it. It has no places: who is talked to is the
//! operator's decision, and what is said comes afterwards.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::http::Url;
use crate::template::TemplateError;

/// An absolute `ws` or `wss` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketUrl(Url);

impl SocketUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("ws", rest)) => ("http", rest),
            Some(("wss", rest)) => ("https", rest),
            _ => {
                return Err(TemplateError {
                    message: "This is not a ws or wss URL.".to_owned(),
                    fix: "Write it whole: ws://127.0.0.1:18789/.".to_owned(),
                });
            }
        };
        // A WebSocket's URL is read as that of the request which opens it.
        Url::parse(&format!("{scheme}://{rest}")).map(Self)
    }

    /// The connection as a grant names it: `ws://127.0.0.1:18789/`. A query is never part of a grant.
    #[must_use]
    pub fn grant(&self) -> String {
        let text = self.to_string();
        text.split('?').next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for SocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.0.is_https { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.0.authority, self.0.path_and_query)
    }
}

impl<'de> Deserialize<'de> for SocketUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_has_the_path_and_no_query() {
        for (text, shown, grant) in [
            (
                "ws://127.0.0.1:18789",
                "ws://127.0.0.1:18789/",
                "ws://127.0.0.1:18789/",
            ),
            (
                "wss://a.test/chat?v=4",
                "wss://a.test/chat?v=4",
                "wss://a.test/chat",
            ),
            ("ws://a.test?v=4", "ws://a.test/?v=4", "ws://a.test/"),
        ] {
            let url = SocketUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.grant().as_str()), (shown, grant));
        }
    }

    #[test]
    fn refuses_what_is_no_websocket() {
        for text in [
            "",
            "127.0.0.1:18789",
            "http://a.test/",
            "WS://a.test/",
            "ws://",
            "ws://a@b/",
            "ws://a/#x",
        ] {
            assert!(SocketUrl::parse(text).is_err(), "{text}");
        }
    }
}
