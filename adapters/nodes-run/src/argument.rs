//! One argument of the command on the node: fixed text, or a parameter at its end. Pure.
//!
//! A value comes from a message, so it must never be read as an option: it stands behind `--option=`, or by
//! itself after a `--`. The rule is that of the commands which byway itself runs.

use serde::{Deserialize, Deserializer, de};

/// An argument as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// As it stands.
    Fixed(String),
    /// What is before it, and the parameter's name.
    Parameter { before: String, name: String },
}

impl Argument {
    fn parse(text: &str) -> Result<Self, String> {
        if text.contains('\0') {
            return Err("An argument cannot have a NUL in it.\nTake it out.".to_owned());
        }
        let Some((before, rest)) = place(text) else {
            return Ok(Self::Fixed(text.to_owned()));
        };
        let name = rest.strip_suffix('}').filter(|name| is_name(name));
        match name.filter(|_| before.is_empty() || is_option(before)) {
            Some(name) => Ok(Self::Parameter {
                before: before.to_owned(),
                name: name.to_owned(),
            }),
            None => Err(format!(
                "A parameter does not fill its argument `{text}`.\nWrite --option={{name}}, or {{name}} alone after --."
            )),
        }
    }

    /// The name of its parameter.
    pub(crate) fn parameter(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Parameter { name, .. } => Some(name),
        }
    }

    /// Whether its value stands alone, and could be read as an option.
    pub(crate) fn stands_alone(&self) -> bool {
        matches!(self, Self::Parameter { before, .. } if before.is_empty())
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What is before the first `{name`, and the rest from there. `${name}` is a shell's own, and a brace before
/// anything but a letter (`{}`, `{"a":1}`, `{{.Name}}`) is meant as it stands.
fn place(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().find_map(|(at, c)| {
        let before = text.get(..at)?;
        let after = text.get(at + 1..)?;
        let is_place = c == '{'
            && !before.ends_with(['$', '{'])
            && after.starts_with(|c: char| c.is_ascii_alphabetic())
            && after.contains('}');
        is_place.then_some(at)
    })?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed)
}

/// `--option=` or `-o=`
fn is_option(before: &str) -> bool {
    let bare = before.strip_suffix('=').and_then(|text| text.strip_prefix('-'));
    let bare = bare.map(|text| text.strip_prefix('-').unwrap_or(text));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    bare.is_some_and(|text| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_fills_its_argument() {
        for (text, before, name) in [
            ("--base64={envelope_base64}", "--base64=", "envelope_base64"),
            ("-m={text}", "-m=", "text"),
            ("{text}", "", "text"),
        ] {
            let parameter = Argument::Parameter {
                before: before.to_owned(),
                name: name.to_owned(),
            };
            assert_eq!(Argument::parse(text), Ok(parameter), "{text}");
        }
        for text in ["a{text}", "--x={text}b", "{text}{more}", "{Text}", "--x={a b}"] {
            assert!(Argument::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_brace_that_is_no_place_is_meant_as_it_stands() {
        for text in ["accept", "{}", "${HOME}", r#"{"a":1}"#, "{{.Name}}", "{open", ""] {
            assert_eq!(
                Argument::parse(text),
                Ok(Argument::Fixed(text.to_owned())),
                "{text}"
            );
        }
        assert!(Argument::parse("a\0b").is_err());
    }
}
