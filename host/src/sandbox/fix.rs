//! The exact lines of TOML that would grant something.
//!
//! Used by the preflight, for what an adapter's configuration needs, and by the log of a running
//! byway, for what was denied; so that a person copies a line instead of looking up a form.

use super::answers::Needs;
use crate::config::{HttpGrant, Transport};

/// The line that adds a request to the granted ones.
pub(super) fn http(transport: &Transport, wanted: &str) -> String {
    let granted = transport
        .grants
        .http
        .iter()
        .map(|grant| written(grant, grant.private));
    let all: Vec<String> = granted.chain([quoted(wanted)]).collect();
    in_table(transport, &format!("grants.http = [{}]", all.join(", ")))
}

/// The line that lets the names of these grants lead to private addresses.
pub(super) fn private(transport: &Transport, concerns: impl Fn(&HttpGrant) -> bool) -> String {
    let granted = transport
        .grants
        .http
        .iter()
        .map(|grant| written(grant, grant.private || concerns(grant)));
    let all: Vec<String> = granted.collect();
    in_table(transport, &format!("grants.http = [{}]", all.join(", ")))
}

/// A grant as it would be written.
fn written(grant: &HttpGrant, private: bool) -> String {
    let mut members = vec![format!("allow = {}", quoted(&grant.text))];
    if let Some(effect) = grant.effect {
        members.push(format!("effect = {effect}"));
    }
    if private {
        members.push("private = true".into());
    }
    if members.len() == 1 {
        quoted(&grant.text)
    } else {
        format!("{{ {} }}", members.join(", "))
    }
}

/// The table that names a command.
pub(super) fn command(transport: &Transport, name: &str) -> String {
    format!(
        "[transports.{}.grants.commands.{}] with argv = [\"/path/to/program\"]",
        key(&transport.name),
        key(name)
    )
}

/// The line that grants a folder.
pub(super) fn folder(transport: &Transport, path: &str, access: &str) -> String {
    in_table(
        transport,
        &format!(
            "grants.folders = [{{ path = {}, access = {} }}]",
            quoted(path),
            quoted(access)
        ),
    )
}

/// The line that gives a secret.
pub(super) fn secret(transport: &Transport, name: &str, positions: &[String]) -> String {
    in_table(transport, &format!("secrets.{}", secret_line(name, positions)))
}

fn secret_line(name: &str, positions: &[String]) -> String {
    let positions: Vec<String> = if positions.is_empty() {
        vec![quoted("header:authorization")]
    } else {
        positions.iter().map(|position| quoted(position)).collect()
    };
    let variable: String = name
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() {
                it.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "{} = {{ env = {}, in = [{}] }}",
        key(name),
        quoted(&variable),
        positions.join(", ")
    )
}

/// The line that gives a signing key.
pub(super) fn signer(transport: &Transport, name: &str) -> String {
    in_table(
        transport,
        &format!("signers.{} = {{ env = \"WEBHOOK_KEY\" }}", key(name)),
    )
}

/// Everything that a configuration needs, as tables to paste beneath a transport's own. Empty: nothing.
pub(super) fn everything(transport: &str, needs: &Needs) -> String {
    let table = |path: &str, lines: Vec<String>| {
        (!lines.is_empty()).then(|| format!("[transports.{}.{path}]\n{}\n", key(transport), lines.join("\n")))
    };
    let list = |name: &str, items: Vec<String>| {
        (!items.is_empty()).then(|| format!("{name} = [{}]", items.join(", ")))
    };
    let http = needs.http.iter().map(|wanted| quoted(wanted)).collect();
    let folders = needs
        .folders
        .iter()
        .map(|(path, access)| format!("{{ path = {}, access = {} }}", quoted(path), quoted(access)))
        .collect();
    let grants = [list("http", http), list("folders", folders)];
    let commands = needs.commands.iter().map(|name| {
        table(
            &format!("grants.commands.{}", key(name)),
            vec!["argv = [\"/path/to/program\"]".into()],
        )
    });
    let secrets = needs
        .secrets
        .iter()
        .map(|(name, positions)| secret_line(name, positions))
        .collect();
    let signers = needs
        .signers
        .iter()
        .map(|name| format!("{} = {{ env = \"WEBHOOK_KEY\" }}", key(name)))
        .collect();
    let tables: Vec<String> = std::iter::once(table("grants", grants.into_iter().flatten().collect()))
        .chain(commands)
        .chain([table("secrets", secrets), table("signers", signers)])
        .flatten()
        .collect();
    tables.join("\n")
}

fn in_table(transport: &Transport, line: &str) -> String {
    format!("in [transports.{}] write: {line}", key(&transport.name))
}

fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A TOML basic string: quotation marks, backslashes and control characters escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            it if it.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(it))),
            it => quoted.push(it),
        }
    }
    quoted.push('"');
    quoted
}
