//! An adapter's `config` table as somebody gives it on the command line: TOML or JSON, itself or a file's name.

use serde_json::{Map, Value};

use crate::cli::failure::{Failure, NO_INPUT};
use crate::error_code::ErrorCode;

/// Reads `@FILE`, or the text itself.
pub(super) fn read(given: &str) -> Result<Map<String, Value>, Failure> {
    let Some(path) = given.strip_prefix('@') else {
        return parse(given);
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            ErrorCode::ConfigMissing,
            format!("--adapter-config: {path} cannot be read: {error}"),
        )
        .with_exit(NO_INPUT)
    })?;
    parse(&text)
}

/// A JSON object, a TOML document, or a table as it stands behind `config =`.
fn parse(text: &str) -> Result<Map<String, Value>, Failure> {
    if let Ok(Value::Object(object)) = serde_json::from_str(text) {
        return Ok(object);
    }
    let inline = || {
        let mut document: Map<String, Value> = toml::from_str(&format!("config = {}", text.trim())).ok()?;
        match document.remove("config")? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    };
    toml::from_str(text).or_else(|error| {
        inline().ok_or_else(|| {
            let line = error.message().lines().next().unwrap_or_default().to_owned();
            Failure::new(
                ErrorCode::ConfigSyntax,
                format!("--adapter-config is neither a JSON object nor TOML: {line}"),
            )
            .with_fix("Write it as behind `config =`, or name a file that has it as @FILE.")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_json_toml_and_an_inline_table() {
        for text in [
            r#"{ "url": "https://a.test/", "success": [200] }"#,
            "url = \"https://a.test/\"\nsuccess = [200]\n",
            "{ url = \"https://a.test/\", success = [200] }",
        ] {
            let config = parse(text).unwrap();
            let said = Value::Object(config).to_string();
            assert_eq!(said, r#"{"success":[200],"url":"https://a.test/"}"#, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_table() {
        for text in ["[1, 2]", "\"x\"", "url", "config = {"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
