//! `[transports.NAME]`: one configured use of an adapter.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::grants::read_grants;
use super::instance::read_own_name;
use super::item::Item;
use super::json::read_config;
use super::keys;
use super::model::{AdapterRef, Authority, Breaker, Position, Receive, Secret, Transport, TransportLimits};
use super::proxy::read_proxy;
use super::rate::read_rate;
use super::reader::Table;
use super::rights::Grants;
use super::secret::{read_secret, read_signer};
use crate::envelope::check_name;
use crate::error_code::ErrorCode;

const EXAMPLE: &str = "[transports.NAME]";
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DEDUPE_BYTES_MAX: usize = 128;

pub(super) fn read_transports(file: &Table<'_>, data_dir: Option<&Path>) -> BTreeMap<String, Transport> {
    // That this is a table at all was looked at when the names were taken.
    let item = file.get("transports").filter(|item| item.value().is_table());
    let items = item.map(|item| item.named(EXAMPLE)).unwrap_or_default();
    let transports = items.iter().filter_map(|item| read_transport(item, data_dir));
    transports
        .map(|transport| (transport.name.clone(), transport))
        .collect()
}

fn read_transport(item: &Item<'_>, data_dir: Option<&Path>) -> Option<Transport> {
    let name = read_own_name(item);
    let table = item.table(&keys::TRANSPORT, EXAMPLE)?;
    let adapter = table
        .need("adapter", "adapter = \"builtin:webhook\"")
        .and_then(|item| read_adapter(&item));
    let sha256 = table.get("sha256").and_then(|item| read_digest(&item));
    let config = table.get("config").and_then(|item| read_config(&item));
    let grants = read_grants(&table, data_dir);
    let secrets_item = table.get("secrets");
    let secrets = read_named(secrets_item.as_ref(), read_secret);
    let signers = read_named(table.get("signers").as_ref(), read_signer);
    if let Some(item) = secrets_item {
        check_variables(&item, &secrets, &grants);
    }
    let proxy = read_proxy(&table);
    let authority = table
        .get("authority")
        .and_then(|item| item.word(&[("untrusted", Authority::Untrusted), ("owner", Authority::Owner)]));
    let dedupe = table.get("dedupe").and_then(|item| read_dedupe(&item));
    let receive = table.get("receive").and_then(|item| read_receive(&item));
    let limits = read_limits(&table);
    let breaker = read_breaker(&table);
    let rate = table.get("rate").and_then(|item| read_rate(&item));
    Some(Transport {
        name: name?,
        adapter: adapter?,
        sha256,
        config: config.unwrap_or_default(),
        grants,
        secrets,
        signers,
        proxy,
        limits,
        authority,
        dedupe,
        receive,
        breaker,
        rate,
        place: table.place(),
    })
}

fn read_adapter(item: &Item<'_>) -> Option<AdapterRef> {
    let text = item.text("adapter = \"builtin:webhook\"")?;
    if let Some(name) = text.strip_prefix("builtin:") {
        if check_name(name).is_ok() {
            return Some(AdapterRef::Builtin(name.to_owned()));
        }
        item.wrong(
            format!("`{name}` cannot be the name of an adapter"),
            "write one such as `builtin:webhook`",
        );
        return None;
    }
    if !text.contains('/') && !text.ends_with(".wasm") && check_name(text).is_ok() {
        let problem = item.problem(
            ErrorCode::ConfigValue,
            format!("`{text}` is neither a built-in adapter nor a path"),
        );
        item.add(problem.with_fix(format!(
            "write `builtin:{text}`, or `./{text}` for a file beside this one"
        )));
        return None;
    }
    if text.contains("://") {
        item.wrong(
            "an adapter is not fetched over the network",
            "fetch the file, name its path, and pin it with `sha256`",
        );
        return None;
    }
    item.path().map(AdapterRef::Path)
}

fn read_digest(item: &Item<'_>) -> Option<[u8; 32]> {
    let text = item.text("sha256 = \"…\"")?;
    let digest = parse_digest(text);
    if digest.is_none() {
        item.wrong(
            format!("`{text}` is not a SHA-256"),
            "write 64 hexadecimal digits, as `sha256sum` prints them",
        );
    }
    digest
}

fn parse_digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let value = pair.iter().fold(0, |value, digit| value * 16 + digit);
        *byte = u8::try_from(value).ok()?;
    }
    Some(digest)
}

/// `secrets` or `signers`: names that the adapter asks for.
fn read_named<T>(item: Option<&Item<'_>>, read: fn(&Item<'_>) -> Option<T>) -> BTreeMap<String, T> {
    let Some(item) = item else {
        return BTreeMap::new();
    };
    if !item.value().is_table() {
        item.cover();
    }
    let items = item.named("{ NAME = { env = \"NAME\", … } }");
    let read = items.iter().filter_map(|item| {
        let value = read(item);
        Some((read_own_name(item)?, value?))
    });
    read.collect()
}

/// A secret and a fixed value cannot both be one variable of a command.
fn check_variables(item: &Item<'_>, secrets: &BTreeMap<String, Secret>, grants: &Grants) {
    for (name, secret) in secrets {
        for position in &secret.positions {
            let Position::Env(variable) = position else {
                continue;
            };
            let fixed = |(_, command): &(&String, &super::rights::CommandGrant)| {
                command.env.contains_key(variable) || command.env_pass.contains(variable)
            };
            if let Some((command, _)) = grants.commands.iter().find(fixed) {
                item.wrong(
                    format!("the secret `{name}` and the command `{command}` both set `{variable}`"),
                    "remove the variable from the command's `env` or `env_pass`",
                );
            }
        }
    }
}

fn read_dedupe(item: &Item<'_>) -> Option<String> {
    let text = item.text("dedupe = \"inbox:NAME\"")?;
    if text.is_empty() || text.len() > DEDUPE_BYTES_MAX {
        item.wrong(
            format!("`dedupe` has 1 to {DEDUPE_BYTES_MAX} bytes"),
            "name the inbox that it leads to, such as `inbox:NAME`",
        );
        return None;
    }
    Some(text.to_owned())
}

/// `"2s"` or `{ every = "2s" }`
fn read_receive(item: &Item<'_>) -> Option<Receive> {
    let every = |item: &Item<'_>| item.duration(MS..=DAY, "2s").map(|every| Receive { every });
    if !item.value().is_table() {
        return every(item);
    }
    let table = item.table(&keys::RECEIVE, "receive = \"2s\"")?;
    match table.get("every") {
        Some(item) => every(&item),
        None => Some(Receive::default()),
    }
}

fn read_breaker(transport: &Table<'_>) -> Breaker {
    let mut breaker = Breaker::default();
    let Some(table) = transport
        .get("breaker")
        .and_then(|item| item.table(&keys::BREAKER, "breaker = { failures = 5, pause = \"30s\" }"))
    else {
        return breaker;
    };
    let failures = table.get("failures").and_then(|item| item.number(1..=10_000));
    if let Some(failures) = failures.and_then(|failures| u32::try_from(failures).ok()) {
        breaker.failures = failures;
    }
    if let Some(pause) = table.get("pause").and_then(|item| item.duration(MS..=DAY, "30s")) {
        breaker.pause = pause;
    }
    breaker
}

fn read_limits(table: &Table<'_>) -> TransportLimits {
    let default = TransportLimits::default();
    let number = |key: &str, bounds| {
        let number = table.get(key).and_then(|item| item.number(bounds));
        number.and_then(|number| usize::try_from(number).ok())
    };
    let size = |key: &str, bounds| table.get(key).and_then(|item| item.size(bounds));
    let timeout = table
        .get("timeout")
        .and_then(|item| item.duration(MS..=HOUR, "30s"));
    TransportLimits {
        timeout: timeout.unwrap_or(default.timeout),
        at_once_max: number("at_once_max", 1..=1024).unwrap_or(default.at_once_max),
        // Below one page of a few tables no component starts; the sandbox has no room larger than 1 GiB.
        memory_bytes_max: size("memory_max", 64 << 10..=1 << 30).unwrap_or(default.memory_bytes_max),
        answer_bytes_max: size("answer_max", 1..=256 << 20).unwrap_or(default.answer_bytes_max),
        log_lines_max: number("log_lines_max", 0..=100_000).unwrap_or(default.log_lines_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(parse_digest(&text).unwrap()[..2], [0x00, 0xff]);
        assert_eq!(parse_digest(&text.to_uppercase()), parse_digest(&text));
        for wrong in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"é".repeat(64),
        ] {
            assert_eq!(parse_digest(wrong), None, "{wrong}");
        }
    }
}
