//! What the command is given: its parameters and its standard input.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_adapter::command::Input;
use byway_adapter::template::{Escape, Values};
use byway_adapter::{Envelope, Failure, Header};

use crate::config::{Config, InputForm};

/// A parameter whose name ends so is base64, whatever its template says. The far end may join arguments
/// for a shell, and base64 has no character that a shell reads.
const BASE64_NAME: &str = "_base64";

/// The values of the parameters.
pub(crate) fn parameters(config: &Config, values: &Values<'_>) -> Result<Vec<Header>, Failure> {
    let mut parameters = Vec::new();
    for (name, template) in &config.parameters {
        let value = template.render(values, Escape::Plain)?;
        if name.ends_with(BASE64_NAME) {
            parameters.push(Header::new(name, STANDARD.encode(value)));
        } else if value.contains('\0') {
            return Err(Failure::refused(
                "nul-in-argument",
                format!(
                    "The parameter `{name}` would have a NUL character, and no argument of a command can."
                ),
            )
            .with_fix("Give the message by `input`, or as base64."));
        } else {
            parameters.push(Header::new(name, value));
        }
    }
    Ok(parameters)
}

/// What goes to standard input.
pub(crate) fn stdin(config: &Config, envelope: &Envelope) -> Result<Input, Failure> {
    Ok(match config.input {
        InputForm::None => Input::Nothing,
        InputForm::Envelope => Input::Bytes(envelope.structured.clone()),
        InputForm::Text => Input::Bytes(envelope.text()?.into_bytes()),
        InputForm::Base64 => {
            Input::Bytes(format!("{}\n", STANDARD.encode(&envelope.structured)).into_bytes())
        }
    })
}

#[cfg(test)]
mod tests {
    use byway_adapter::{Data, configuration, sample};

    use super::*;

    fn config(text: &str) -> Config {
        configuration::read(text).unwrap()
    }

    fn parameters_of(config_text: &str, envelope: &Envelope) -> Result<Vec<Header>, Failure> {
        let secret = |_: &str| Err(Failure::refused("none", "none"));
        parameters(&config(config_text), &Values::new(envelope, "key", 0, &secret))
    }

    fn stdin_of(config_text: &str) -> Input {
        stdin(&config(config_text), &sample::text("--x $(id) `id` '\"\n漢")).unwrap()
    }

    #[test]
    fn standard_input_is_what_was_said_and_nothing_by_itself() {
        assert!(matches!(stdin_of(r#"{"command": "a"}"#), Input::Nothing));
        assert!(matches!(stdin_of(r#"{"command": "a", "input": "text"}"#),
            Input::Bytes(bytes) if bytes == "--x $(id) `id` '\"\n漢".as_bytes()));
        assert!(matches!(stdin_of(r#"{"command": "a", "input": "envelope"}"#),
            Input::Bytes(bytes) if bytes == sample::text("").structured));
        assert!(matches!(stdin_of(r#"{"command": "a", "input": "base64"}"#),
            Input::Bytes(bytes) if bytes == b"eyJzcGVjdmVyc2lvbiI6IjEuMCIsImlkIjoiMDE5My1hYmMifQ==\n"));
    }

    #[test]
    fn parameters_are_filled_and_named_base64_is_base64() {
        let parameters = parameters_of(
            r#"{"command": "a", "parameters": {"to": "agent:{agent}:main", "text_base64": "{text}", "envelope_base64": "{envelope}"}}"#,
            &sample::text("$(id)"),
        )
        .unwrap();
        assert_eq!(
            parameters,
            [
                Header::new(
                    "envelope_base64",
                    "eyJzcGVjdmVyc2lvbiI6IjEuMCIsImlkIjoiMDE5My1hYmMifQ=="
                ),
                Header::new("text_base64", "JChpZCk="),
                Header::new("to", "agent:executor:main"),
            ]
        );
    }

    #[test]
    fn a_nul_is_refused_before_anything_runs() {
        let config = r#"{"command": "a", "parameters": {"m": "{text}"}}"#;
        assert_eq!(
            parameters_of(config, &sample::text("a\0b")).unwrap_err().code,
            "nul-in-argument"
        );
    }

    #[test]
    fn bytes_are_no_words() {
        let bytes = sample::message(Some(Data::Binary(vec![1])));
        let failure = stdin(&config(r#"{"command": "a", "input": "text"}"#), &bytes).unwrap_err();
        assert_eq!(failure.code, "data-not-text");
    }
}
