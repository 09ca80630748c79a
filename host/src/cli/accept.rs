//! `byway accept`: another byway brings a message over a command, such as ssh.
//!
//! It does what `POST /v1/inbound` does, and answers in a form that the command's far end can
//! read: the receipt as one line of JSON on standard output, or a problem as one line of JSON on
//! standard error and an exit code that tells whether to try again. A message that was brought
//! twice is taken in once, so trying again does no harm.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::client::Content;
use super::failure::Failure;
use super::reach::{Caller, reach};
use super::{Session, input};
use crate::api::{TakenInView, event_bytes_max};
use crate::error_code::ErrorCode;

/// Take in a message that another byway brings
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("event").required(true),
    after_help = "\
Prints the receipt as one line of JSON. Exit codes for the bringing side: 65 refused for good,
77 the sender is unknown or may not do this, 75 try again, 78 the configuration here is wrong.

Examples:
  byway accept - < event.json
  ssh b byway accept - < event.json
  byway accept --base64 \"$(base64 -w0 event.json)\""
)]
pub(super) struct Accept {
    /// `-`: read one CloudEvent from standard input
    #[arg(value_name = "-", value_parser = ["-"], group = "event")]
    stdin: Option<String>,
    /// The CloudEvent as an argument, in base64
    #[arg(long, value_name = "ARG", group = "event")]
    base64: Option<String>,
}

impl Accept {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let config = session.config_to_call().await?;
        let bytes = self.event(event_bytes_max(&config))?;
        let client = reach(&config, Caller::Outside).await?;
        let content = Content {
            media_type: "application/cloudevents+json",
            bytes,
            idempotency_key: None,
        };
        let receipt: TakenInView = client.post("/v1/inbound", Some(content)).await?;
        session.terminal.json(&receipt)
    }

    fn event(&self, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let bytes = match &self.base64 {
            Some(text) => decode(text)?,
            None => input::read(Path::new("-"), bytes_max)?,
        };
        if bytes.is_empty() {
            return Err(malformed("there is no event: the input is empty"));
        }
        Ok(bytes)
    }
}

/// Decodes either alphabet of RFC 4648, with padding or without; white space around it counts for nothing.
fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.trim();
    let alphabet = if text.contains(['-', '_']) {
        &alphabet::URL_SAFE
    } else {
        &alphabet::STANDARD
    };
    GeneralPurpose::new(alphabet, LENIENT)
        .decode(text)
        .map_err(|error| malformed(format!("--base64: {error}")))
}

fn malformed(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::MalformedMessage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_base64_as_anybody_writes_it() {
        for text in [
            "eyJhIjoiPz8_In0=",
            "eyJhIjoiPz8/In0=",
            "eyJhIjoiPz8/In0",
            " eyJhIjoiPz8_In0\n",
        ] {
            assert_eq!(decode(text).unwrap(), br#"{"a":"???"}"#, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_base64() {
        let failure = decode("{\"id\":1}").unwrap_err();
        assert_eq!(failure.code(), Some(ErrorCode::MalformedMessage));
    }
}
