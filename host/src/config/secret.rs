//! Secrets: where a value is, and the positions it may be put in.
//!
//! A configuration never holds a secret itself. Where somebody has written one into it all the
//! same, the error that says so does not print it.

use super::item::Item;
use super::keys;
use super::model::{Position, Secret, SecretSource, SignerKeys};
use super::nearest::nearest;
use super::reader::Table;
use crate::error_code::ErrorCode;

const SOURCE_EXAMPLE: &str = "{ env = \"NAME\" }";
const SECRET_EXAMPLE: &str = "{ env = \"NAME\", in = [\"header:authorization\"] }";

/// Headers that say where a message ends or goes; a secret in one could only do harm.
const REFUSED_HEADERS: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// `{ env = "NAME", in = […] }`
pub(super) fn read_secret(item: &Item<'_>) -> Option<Secret> {
    let table = open(item, &keys::SECRET, SECRET_EXAMPLE)?;
    let source = source_of(&table);
    let positions = table
        .need("in", "in = [\"header:authorization\"]")
        .and_then(|item| read_positions(&item));
    Some(Secret {
        source: source?,
        positions: positions?,
    })
}

/// `{ env = "NAME" }`, `{ file = "/path" }` or `{ command = ["program", "argument"] }`
pub(super) fn read_source(item: &Item<'_>) -> Option<SecretSource> {
    source_of(&open(item, &keys::SOURCE, SOURCE_EXAMPLE)?)
}

/// One source, or `{ keys = [{ … }, { … }] }` with the current one first.
pub(super) fn read_signer(item: &Item<'_>) -> Option<SignerKeys> {
    let table = open(item, &keys::SIGNER, SOURCE_EXAMPLE)?;
    let Some(keys) = table.get("keys") else {
        let source = source_of(&table)?;
        return Some(SignerKeys {
            sources: vec![source],
        });
    };
    if ["env", "file", "command"]
        .iter()
        .any(|key| table.get(key).is_some())
    {
        keys.wrong(
            "`keys` stands beside `env`, `file` or `command`",
            "put all of them into `keys`",
        );
    }
    if !keys.value().is_array() {
        keys.cover();
    }
    let items = keys.list("keys = [{ env = \"NEW\" }, { env = \"OLD\" }]")?;
    if items.is_empty() {
        keys.wrong("`keys` is empty, so nothing could be signed", "name at least one");
    }
    // All are read before one that is wrong ends it.
    let sources: Vec<Option<SecretSource>> = items.iter().map(read_source).collect();
    Some(SignerKeys {
        sources: sources.into_iter().collect::<Option<_>>()?,
    })
}

fn open<'a>(item: &Item<'a>, keys: &'static keys::Keys, example: &str) -> Option<Table<'a>> {
    if !item.value().is_table() {
        item.cover();
    }
    let table = item.table(keys, example)?;
    table.cover_but(keys.names);
    Some(table)
}

fn source_of(table: &Table<'_>) -> Option<SecretSource> {
    let (env, file, command) = (table.get("env"), table.get("file"), table.get("command"));
    match (env, file, command) {
        (Some(env), None, None) => read_variable(&env).map(SecretSource::Env),
        (None, Some(file), None) => file.path().map(SecretSource::File),
        (None, None, Some(command)) => read_command(&command).map(SecretSource::Command),
        (None, None, None) => {
            table.add(
                ErrorCode::MissingKey,
                "it is not said where the secret's value is",
                "write `env = \"NAME\"`, `file = \"/path\"` or `command = [\"program\", \"argument\"]`",
            );
            None
        }
        (_, file, command) => {
            if let Some(second) = command.or(file) {
                second.wrong(
                    "more than one of `env`, `file` and `command` is written",
                    "keep one of them",
                );
            }
            None
        }
    }
}

/// A program and its arguments. A text instead of a list may be the secret itself, so it is not shown.
fn read_command(item: &Item<'_>) -> Option<Vec<String>> {
    const EXAMPLE: &str = "command = [\"pass\", \"show\", \"gateway\"]";
    if !item.value().is_array() {
        item.cover();
    }
    let items = item.list(EXAMPLE)?;
    let Some(program) = items.first() else {
        item.wrong(
            "`command` is empty, so there is nothing to run",
            "begin it with the program",
        );
        return None;
    };
    let argv: Vec<Option<&str>> = items.iter().map(|item| item.text(EXAMPLE)).collect();
    let argv = argv.into_iter().collect::<Option<Vec<&str>>>()?;
    if argv.first().is_some_and(|program| program.is_empty()) {
        program.wrong("the program's name is empty", "write the program's name or path");
        return None;
    }
    if argv
        .first()
        .is_some_and(|it| it.contains('/') && !it.starts_with('/'))
    {
        program.wrong(
            "a relative path means another program wherever byway is started",
            "write the whole path, or a name that is looked for in PATH",
        );
        return None;
    }
    Some(argv.into_iter().map(str::to_owned).collect())
}

/// The name of an environment variable. What is none may be a secret itself, so it is not shown.
fn read_variable(item: &Item<'_>) -> Option<String> {
    let Some(text) = item.value().as_str() else {
        item.cover();
        item.wrong_type("text", "env = \"NAME\"");
        return None;
    };
    if is_variable(text) {
        return Some(text.to_owned());
    }
    item.cover();
    item.wrong(
        "`env` must be the name of an environment variable, not the secret itself",
        "write a name of letters, digits and `_`, and set that variable for byway",
    );
    None
}

/// Whether a text can name an environment variable in every shell.
pub(super) fn is_variable(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit())
}

fn read_positions(item: &Item<'_>) -> Option<Vec<Position>> {
    const EXAMPLE: &str = "in = [\"header:authorization\"]";
    let items = item.list(EXAMPLE)?;
    if items.is_empty() {
        item.wrong(
            "`in` is empty, so the secret could be put nowhere",
            "name at least one position",
        );
    }
    let positions: Vec<Option<Position>> = items.iter().map(|item| read_position(item, EXAMPLE)).collect();
    positions.into_iter().collect()
}

fn read_position(item: &Item<'_>, example: &str) -> Option<Position> {
    let text = item.text(example)?;
    let position = parse_position(text);
    if let Err(error) = &position {
        let problem = item.problem(ErrorCode::ConfigValue, error.message.clone());
        item.add(match &error.nearest {
            Some(near) => problem.with_nearest(Some(near)),
            None => problem.with_fix(error.fix),
        });
    }
    position.ok()
}

struct PositionError {
    message: String,
    nearest: Option<String>,
    fix: &'static str,
}

fn parse_position(text: &str) -> Result<Position, PositionError> {
    let wrong = |message: String, fix| PositionError {
        message,
        nearest: None,
        fix,
    };
    let (kind, rest) = match text.split_once(':') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    };
    match (kind, rest) {
        ("url-path", None) => Ok(Position::UrlPath),
        ("header", Some(name)) if is_header(name) => Ok(Position::Header(name.to_ascii_lowercase())),
        ("header", Some(name)) => Err(wrong(
            format!("a secret cannot be put in the header `{name}`"),
            "name a header that carries credentials, such as `header:authorization`",
        )),
        ("ws-json", Some(pointer)) if is_pointer(pointer) => Ok(Position::WsJson(pointer.to_owned())),
        ("ws-json", Some(pointer)) => Err(wrong(
            format!("`{pointer}` is not a JSON Pointer"),
            "write where the secret stands, such as `ws-json:/params/auth/token`",
        )),
        ("env", Some(name)) if is_variable(name) => Ok(Position::Env(name.to_owned())),
        ("env", Some(name)) => Err(wrong(
            format!("`{name}` is not the name of an environment variable"),
            "write a name of letters, digits and `_`, such as `env:TOKEN`",
        )),
        (kind, rest) => {
            let near = nearest(kind, ["header", "url-path", "ws-json", "env"]);
            let near = near.filter(|near| *near != kind);
            Err(PositionError {
                nearest: near.map(|near| match rest {
                    Some(rest) => format!("{near}:{rest}"),
                    None => near.to_owned(),
                }),
                ..wrong(
                    format!("`{text}` is not a position"),
                    "write `header:<name>`, `url-path`, `ws-json:/<pointer>` or `env:<NAME>`",
                )
            })
        }
    }
}

fn is_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    http::HeaderName::from_bytes(lower.as_bytes()).is_ok() && !REFUSED_HEADERS.contains(&lower.as_str())
}

/// RFC 6901, without the pointer to the whole document: a message that is nothing but a secret
/// has no place for it.
fn is_pointer(text: &str) -> bool {
    let escapes_hold = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    text.starts_with('/') && escapes_hold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_four_positions() {
        for (text, wanted) in [
            (
                "header:Authorization",
                Position::Header("authorization".to_owned()),
            ),
            ("url-path", Position::UrlPath),
            ("ws-json:/a/b~1c", Position::WsJson("/a/b~1c".to_owned())),
            ("env:TOKEN_2", Position::Env("TOKEN_2".to_owned())),
        ] {
            assert_eq!(parse_position(text).ok(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn refuses_every_other() {
        for text in [
            "",
            "header",
            "header:",
            "header:a b",
            "header:host",
            "header:Content-Length",
            "url-path:x",
            "ws-json",
            "ws-json:",
            "ws-json:a",
            "ws-json:/~2",
            "env:",
            "env:1A",
            "env:A=B",
            "body",
        ] {
            assert!(parse_position(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_position_with_a_slip_is_recognised() {
        let error = parse_position("heder:authorization").err().unwrap();
        assert_eq!(error.nearest.as_deref(), Some("header:authorization"));
    }
}
