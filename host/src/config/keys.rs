//! Every key that byway knows, table by table.
//!
//! The readers refuse what is not here, and a test refuses a `docs/configuration.md` in which one of
//! these has no line; so what is read and what is documented cannot drift apart.

use super::nearest::nearest;

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct Keys {
    /// The table as the page heads it, such as `[transports.NAME]`.
    pub(super) table: &'static str,
    /// Its keys.
    pub(super) names: &'static [&'static str],
}

macro_rules! tables {
    ($($name:ident = $table:literal: $($key:literal)*;)*) => {
        $(pub(super) const $name: Keys = Keys { table: $table, names: &[$($key),*] };)*

        /// All of them, in the order of the page.
        pub(super) const ALL: &[&Keys] = &[$(&$name),*];
    };
}

tables! {
    FILE = "The file":
        "instance" "api" "limits" "store" "retention" "reload" "agents" "groups" "peers" "inbound" "transports" "routes";
    INSTANCE = "[instance]": "name" "data_dir" "durability";
    API = "[api]": "listen";
    LIMITS = "[limits]": "data_bytes_max" "attempts_at_once_max";
    STORE = "[store]": "disk_max" "free_min";
    RETENTION = "[retention]": "delivered" "dead" "processed" "journal";
    RELOAD = "[reload]": "watch";
    AGENTS = "[agents]": "names";
    GROUP = "[groups.NAME]": "members";
    PEER = "[peers.NAME]": "key" "senders" "recipients" "may_relay";
    INBOUND = "[inbound.NAME]": "token" "recipients" "may_relay";
    TRANSPORT = "[transports.NAME]":
        "adapter" "sha256" "config" "grants" "secrets" "signers" "proxy" "proxy_auth" "authority" "dedupe" "receive"
        "timeout" "at_once_max" "memory_max" "answer_max" "log_lines_max" "breaker" "rate";
    RECEIVE = "receive": "every";
    BREAKER = "breaker": "failures" "pause";
    RATE = "rate": "limit" "burst";
    GRANTS = "[transports.NAME.grants]": "http" "commands" "folders";
    HTTP_GRANT = "grants.http": "allow" "effect" "private";
    COMMAND = "[transports.NAME.grants.commands.COMMAND]":
        "argv" "stdin" "env" "env_pass" "cwd" "effect";
    FOLDER = "grants.folders": "path" "access";
    SECRET = "secrets.NAME": "env" "file" "command" "in";
    SOURCE = "Where a secret's value is": "env" "file" "command";
    SIGNER = "signers.NAME": "env" "file" "command" "keys";
    ROUTE = "[[routes]]":
        "to" "from" "chain" "deadline" "strategy" "tries" "on_unknown" "done_at" "allow_owner" "backoff" "on_block"
        "approval" "approval_expiry" "on_approval_expiry" "approval_notice" "approvers";
    STEP = "chain": "notify" "deliver" "after";
    BACKOFF = "backoff": "first" "max";
}

/// The key that was probably meant, and its table, where exactly one table knows it.
pub(super) fn home_of(key: &str) -> Option<(&'static str, &'static str)> {
    let key = nearest(key, ALL.iter().flat_map(|keys| keys.names.iter().copied()))?;
    let mut homes = ALL.iter().filter(|keys| keys.names.contains(&key));
    match (homes.next(), homes.next()) {
        (Some(home), None) => Some((key, home.table)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");

    /// The part of the page under a heading that names the table, up to the next heading.
    fn section<'a>(page: &'a str, table: &str) -> &'a str {
        let heading = page
            .lines()
            .find(|line| {
                line.starts_with("##") && line.trim_start_matches('#').trim().replace('`', "") == table
            })
            .unwrap_or_else(|| panic!("docs/configuration.md has no section `{table}`"));
        let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap();
        rest.split("\n#").next().unwrap()
    }

    #[test]
    fn the_page_documents_every_key_and_no_other() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        for keys in ALL {
            let section = section(&page, keys.table);
            let documented: Vec<&str> = section
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
                .collect();
            let mut known = keys.names.to_vec();
            let mut sorted = documented.clone();
            known.sort_unstable();
            sorted.sort_unstable();
            assert_eq!(sorted, known, "section `{}`", keys.table);
        }
    }

    #[test]
    fn a_key_of_one_table_only_has_a_home() {
        assert_eq!(home_of("deadline"), Some(("deadline", "[[routes]]")));
        assert_eq!(home_of("on-unkown"), Some(("on_unknown", "[[routes]]")));
        assert_eq!(home_of("effect"), None);
        assert_eq!(home_of("nothing"), None);
    }
}
