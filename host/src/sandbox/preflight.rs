//! What is wrong with a transport before it has ever been used, each with the line that would mend it.
//!
//! One function serves loading, validating and looking at an adapter: what an adapter's
//! configuration needs is compared with what the transport was granted, so that a missing right is
//! found at the start and not by the first message.

use super::answers::Needs;
use super::egress::host_matches;
use super::fix;
use crate::config::{FolderAccess, HostPattern, HttpGrant, PathPattern, Position, Transport};
use crate::error_code::ErrorCode;
use crate::hexadecimal::hex;

/// Something that keeps a transport from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightProblem {
    /// Its entry on the page of errors.
    pub code: ErrorCode,
    /// Where in the transport's table, as a JSON Pointer: `/adapter`, `/config/url`, `/grants/http`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// Whether it may be otherwise without anybody's doing: the machine was busy, or short of something.
    pub is_passing: bool,
    /// What would mend it: for a missing grant, the exact line of TOML.
    pub fix: Option<String>,
}

/// Refuses a component that is not the one that the operator pinned.
pub(super) fn check_pin(transport: &Transport, digest: &[u8; 32]) -> Result<(), PreflightProblem> {
    if transport.sha256.is_none_or(|pinned| pinned == *digest) {
        return Ok(());
    }
    let digest = hex(digest);
    Err(PreflightProblem {
        is_passing: false,
        code: ErrorCode::DigestMismatch,
        pointer: "/sha256".into(),
        message: format!("the component is not the pinned one: its SHA-256 is {digest}"),
        fix: Some(format!(
            "get the right file or, once you know what changed, write sha256 = \"{digest}\""
        )),
    })
}

/// What the configuration needs and the transport was not granted.
pub(super) fn missing(transport: &Transport, needs: &Needs) -> Vec<PreflightProblem> {
    let mut problems = Vec::new();
    let mut add = |pointer: &str, message: String, fix: String| {
        problems.push(PreflightProblem {
            is_passing: false,
            code: ErrorCode::MissingGrant,
            pointer: pointer.into(),
            message,
            fix: Some(fix),
        });
    };
    for wanted in needs
        .http
        .iter()
        .filter(|wanted| !http_granted(transport, wanted))
    {
        add(
            "/grants/http",
            format!("its configuration makes the request {wanted}, which is not granted"),
            fix::http(transport, wanted),
        );
    }
    for name in needs
        .commands
        .iter()
        .filter(|name| !transport.grants.commands.contains_key(*name))
    {
        add(
            "/grants/commands",
            format!("its configuration runs the command {name}, which is not granted"),
            fix::command(transport, name),
        );
    }
    for (path, access) in needs
        .folders
        .iter()
        .filter(|(path, access)| !folder_granted(transport, path, access))
    {
        add(
            "/grants/folders",
            format!("its configuration uses the folder {path} ({access}), which is not granted"),
            fix::folder(transport, path, access),
        );
    }
    for (name, positions) in &needs.secrets {
        let Some(secret) = transport.secrets.get(name) else {
            add(
                "/secrets",
                format!("its configuration needs the secret {name}, which is not given"),
                fix::secret(transport, name, positions),
            );
            continue;
        };
        for wanted in positions
            .iter()
            .filter(|wanted| !secret.positions.iter().any(|it| is_position(it, wanted)))
        {
            add(
                &format!("/secrets/{name}/in"),
                format!("its configuration puts the secret {name} into {wanted}, to which it is not bound"),
                fix::secret(transport, name, positions),
            );
        }
    }
    for name in needs
        .signers
        .iter()
        .filter(|name| !transport.signers.contains_key(*name))
    {
        add(
            "/signers",
            format!("its configuration signs with the key {name}, which is not given"),
            fix::signer(transport, name),
        );
    }
    problems
}

/// Whether some grant covers what is needed, which is written as grants are.
fn http_granted(transport: &Transport, wanted: &str) -> bool {
    let grants = &transport.grants.http;
    let Ok(wanted) = wanted.parse::<HttpGrant>() else {
        return false;
    };
    // Each method may be covered by another grant.
    let methods: Vec<Option<&String>> = match wanted.methods.as_slice() {
        [] => vec![None],
        methods => methods.iter().map(Some).collect(),
    };
    methods.iter().all(|method| {
        grants.iter().any(|grant| {
            let any = grant.methods.is_empty();
            (any || method.is_some_and(|method| grant.methods.contains(method)))
                && place_covered(grant, &wanted)
        })
    })
}

/// Whether every place that is wanted is a place that is granted.
fn place_covered(grant: &HttpGrant, wanted: &HttpGrant) -> bool {
    let host = match (&grant.host, &wanted.host) {
        (pattern, HostPattern::Exact(host)) => host_matches(pattern, host),
        (HostPattern::Beneath(domain), HostPattern::Beneath(wanted)) => {
            domain == wanted || host_matches(&grant.host, wanted)
        }
        (HostPattern::Exact(_), HostPattern::Beneath(_)) => false,
    };
    let path = match (&grant.path, &wanted.path) {
        (PathPattern::Exact(path), PathPattern::Exact(wanted)) => path == wanted,
        (PathPattern::Beneath(prefix), PathPattern::Exact(wanted) | PathPattern::Beneath(wanted)) => {
            wanted.starts_with(prefix.as_str())
        }
        (PathPattern::Exact(_), PathPattern::Beneath(_)) => false,
    };
    host && path && grant.scheme == wanted.scheme && grant.port == wanted.port
}

fn folder_granted(transport: &Transport, path: &str, access: &str) -> bool {
    transport.grants.folders.iter().any(|folder| {
        folder.path == std::path::Path::new(path)
            && match folder.access {
                FolderAccess::Read => access == "read",
                FolderAccess::Append => access == "append",
                FolderAccess::Drop => access == "drop",
                FolderAccess::Receive => matches!(access, "receive" | "drop"),
            }
    })
}

fn is_position(position: &Position, text: &str) -> bool {
    match position {
        Position::Header(name) => text
            .strip_prefix("header:")
            .is_some_and(|wanted| wanted.eq_ignore_ascii_case(name)),
        Position::UrlPath => text == "url-path",
        Position::WsJson(pointer) => text.strip_prefix("ws-json:") == Some(pointer),
        Position::Env(name) => text.strip_prefix("env:") == Some(name),
    }
}
