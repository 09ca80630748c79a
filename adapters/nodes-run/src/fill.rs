//! The command for one message: the arguments filled, and none longer than a node can take. Pure.
//!
//! Linux gives one argument 128 KiB with its end. A message that would not fit is refused before the gateway
//! is asked, by the host where its data alone is too much, and here where the rest of it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byway_adapter::Failure;
use byway_adapter::template::{Escape, Values};

use crate::argument::Argument;
use crate::config::Config;
use crate::far_shell::HARMLESS_ENDING;

/// The longest argument, in bytes: the kernel's limit less the NUL at the end.
const ARGUMENT_BYTES_MAX: usize = 128 * 1024 - 1;
/// The largest data that can fit into one argument: as words; as base64 it is three quarters of it.
pub(crate) const DATA_BYTES_MAX: u64 = ARGUMENT_BYTES_MAX as u64;

/// The program and its arguments.
///
/// # Errors
/// Refused where one would have a NUL or be too long, or a place cannot be filled.
pub(crate) fn fill(config: &Config, values: &Values<'_>) -> Result<Vec<String>, Failure> {
    let mut filled = Vec::new();
    for argument in &config.argv {
        let text = match argument {
            Argument::Fixed(text) => text.clone(),
            Argument::Parameter { before, name } => format!("{before}{}", value(config, name, values)?),
        };
        if text.len() > ARGUMENT_BYTES_MAX {
            return Err(too_long(format!(
                "An argument of the command would have {} bytes, and a node takes {ARGUMENT_BYTES_MAX}.",
                text.len()
            )));
        }
        filled.push(text);
    }
    Ok(filled)
}

/// The message does not fit among the arguments of a command.
pub(crate) fn too_long(what: impl Into<String>) -> Failure {
    Failure::refused("argument-too-long", what)
        .with_fix("Let a step with another way for large messages follow, such as webhook or ssh.")
}

/// A NUL cannot stand in an argument.
pub(crate) fn nul(what: impl Into<String>) -> Failure {
    Failure::refused("nul-in-argument", what).with_fix("Give the message as base64.")
}

fn value(config: &Config, name: &str, values: &Values<'_>) -> Result<String, Failure> {
    let Some(template) = config.parameters.get(name) else {
        return Err(Failure::unavailable(
            "config",
            format!("The parameter `{name}` has no value in `parameters`."),
        ));
    };
    let value = template.render(values, Escape::Plain)?;
    if name.ends_with(HARMLESS_ENDING) {
        Ok(STANDARD.encode(value))
    } else if value.contains('\0') {
        Err(nul(format!(
            "The parameter `{name}` would have a NUL character, and no argument of a command can."
        )))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use byway_adapter::{Envelope, configuration, sample};

    use super::*;

    fn filled(more: &str, envelope: &Envelope) -> Result<Vec<String>, String> {
        let config = format!(r#"{{"url": "ws://127.0.0.1/", "node": "n", {more}}}"#);
        let secret = |_: &str| Ok(String::new());
        let values = Values::new(envelope, "k", 0, &secret);
        fill(&configuration::read(&config).unwrap(), &values).map_err(|failure| failure.code)
    }

    const ACCEPT: &str = r#""argv": ["byway", "accept", "--base64={envelope_base64}"], "parameters": {"envelope_base64": "{envelope}"}"#;

    #[test]
    fn the_envelope_goes_as_base64_in_one_argument() {
        assert_eq!(
            filled(ACCEPT, &sample::text("$(id)")).unwrap(),
            [
                "byway",
                "accept",
                "--base64=eyJzcGVjdmVyc2lvbiI6IjEuMCIsImlkIjoiMDE5My1hYmMifQ=="
            ]
        );
    }

    #[test]
    fn words_stay_one_argument_and_cannot_have_a_nul() {
        let say =
            r#""argv": ["say", "--to={to}", "--text={t}"], "parameters": {"to": "{agent}", "t": "{text}"}"#;
        assert_eq!(
            filled(say, &sample::text("--x $(id)\n漢")).unwrap(),
            ["say", "--to=executor", "--text=--x $(id)\n漢"]
        );
        assert_eq!(filled(say, &sample::text("a\0b")).unwrap_err(), "nul-in-argument");
    }

    #[test]
    fn an_argument_is_as_long_as_a_node_takes_and_no_longer() {
        let say = r#""argv": ["say", "--t={t}"], "parameters": {"t": "{text}"}"#;
        let of = |bytes: usize| filled(say, &sample::text(&"x".repeat(bytes)));
        assert_eq!(of(131_071 - 4).unwrap()[1].len(), 131_071);
        assert_eq!(of(131_071 - 3).unwrap_err(), "argument-too-long");
        let mut event = sample::text("");
        event.structured = vec![b'x'; 98_295];
        assert_eq!(filled(ACCEPT, &event).unwrap()[2].len(), 131_069);
        event.structured = vec![b'x'; 98_296];
        assert_eq!(filled(ACCEPT, &event).unwrap_err(), "argument-too-long");
    }
}
