//! The tables that say what this byway is: `[instance]`, `[api]`, `[limits]` and `[agents]`.

use std::collections::BTreeSet;

use super::item::Item;
use super::keys;
use super::model::{Api, Durability, Instance, Limits, Reload};
use super::reader::Table;
use crate::envelope::{OWN_AGENT, check_name};

/// The most data a message may be allowed to carry: it is held in memory several times over.
const DATA_BYTES_MAX: u64 = 64 << 20;

pub(super) fn read_instance(file: &Table<'_>) -> Option<Instance> {
    let table = file
        .need("instance", "[instance]")?
        .table(&keys::INSTANCE, "[instance]")?;
    let name = table
        .need("name", "name = \"this-machine\"")
        .and_then(|item| read_name(&item, "name = \"this-machine\""));
    let data_dir = table
        .need("data_dir", "data_dir = \"/var/lib/byway\"")
        .and_then(|item| item.path());
    let durability = table
        .get("durability")
        .and_then(|item| item.word(&[("full", Durability::Full), ("process", Durability::Process)]));
    Some(Instance {
        name: name?,
        data_dir: data_dir?,
        durability: durability.unwrap_or_default(),
    })
}

pub(super) fn read_api(file: &Table<'_>) -> Api {
    let default = Api::default();
    let Some(table) = file.get("api").and_then(|item| item.table(&keys::API, "[api]")) else {
        return default;
    };
    let listen = table.get("listen").and_then(|item| {
        let text = item.text("listen = \"127.0.0.1:7717\"")?;
        let address = text.parse().ok();
        if address.is_none() {
            item.wrong(
                format!("`{text}` is not an address to listen on"),
                "write an IP address and a port, such as `127.0.0.1:7717` or `[::1]:7717`",
            );
        }
        address
    });
    Api {
        listen: listen.unwrap_or(default.listen),
    }
}

pub(super) fn read_limits(file: &Table<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(table) = file
        .get("limits")
        .and_then(|item| item.table(&keys::LIMITS, "[limits]"))
    else {
        return limits;
    };
    if let Some(size) = table
        .get("data_bytes_max")
        .and_then(|item| item.size(1..=DATA_BYTES_MAX))
    {
        limits.data_bytes_max = size;
    }
    if let Some(count) = table
        .get("attempts_at_once_max")
        .and_then(|item| item.number(2..=4096))
    {
        limits.attempts_at_once_max = usize::try_from(count).unwrap_or(limits.attempts_at_once_max);
    }
    limits
}

pub(super) fn read_reload(file: &Table<'_>) -> Reload {
    let default = Reload::default();
    let table = file
        .get("reload")
        .and_then(|item| item.table(&keys::RELOAD, "[reload]"));
    let watch = table.and_then(|table| table.get("watch")?.flag());
    Reload {
        watch: watch.unwrap_or(default.watch),
    }
}

/// The local agents; `None` where the table is absent, which means any.
pub(super) fn read_agents(file: &Table<'_>) -> Option<BTreeSet<String>> {
    const EXAMPLE: &str = "names = [\"planner\"]";
    let table = file.get("agents")?.table(&keys::AGENTS, "[agents]")?;
    let items = table.need("names", EXAMPLE)?.list(EXAMPLE)?;
    let mut names = BTreeSet::new();
    for item in &items {
        let Some(name) = read_name(item, EXAMPLE) else {
            continue;
        };
        check_not_ours(item, &name);
        if !names.insert(name.clone()) {
            item.wrong(format!("agent `{name}` is listed twice"), "remove one of them");
        }
    }
    Some(names)
}

/// Reports an agent or a group with byway's own name.
pub(super) fn check_not_ours(item: &Item<'_>, name: &str) {
    if name == OWN_AGENT {
        item.wrong(
            format!("`{name}` is byway itself: it hears there what people decide"),
            "choose another name",
        );
    }
}

/// A name as addresses have them.
pub(super) fn read_name(item: &Item<'_>, example: &str) -> Option<String> {
    let text = item.text(example)?;
    check(item, text).then(|| text.to_owned())
}

/// The key itself, where the key is a name that the operator chose.
pub(super) fn read_own_name(item: &Item<'_>) -> Option<String> {
    check(item, item.name()).then(|| item.name().to_owned())
}

fn check(item: &Item<'_>, name: &str) -> bool {
    match check_name(name) {
        Ok(()) => true,
        Err(error) => {
            item.wrong(error.to_string(), "choose another name");
            false
        }
    }
}
