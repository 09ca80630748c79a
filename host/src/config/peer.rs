//! `[peers.NAME]`: another byway, the key it signs with, and whom it may speak for.

use std::collections::BTreeMap;

use super::instance::read_own_name;
use super::item::Item;
use super::keys;
use super::known::Known;
use super::model::Peer;
use super::reader::Table;
use crate::envelope::{AddressPattern, PublicKey};

const EXAMPLE: &str = "[peers.NAME]";

pub(super) fn read_peers(file: &Table<'_>, known: &Known) -> BTreeMap<String, Peer> {
    let mut peers: BTreeMap<String, Peer> = BTreeMap::new();
    let items = file.get("peers").map(|item| item.named(EXAMPLE));
    for item in items.unwrap_or_default() {
        let Some((name, peer)) = read_peer(&item, known) else {
            continue;
        };
        let same_key = peers.iter().find(|(_, other)| other.key == peer.key);
        if let Some((other, _)) = same_key {
            item.wrong(
                format!("peers `{other}` and `{name}` have the same key"),
                "each byway has a key of its own: `byway identity` over there prints it",
            );
        }
        peers.insert(name, peer);
    }
    peers
}

fn read_peer(item: &Item<'_>, known: &Known) -> Option<(String, Peer)> {
    let table = item.table(&keys::PEER, EXAMPLE);
    let name = read_own_name(item);
    if name.is_some() && name == known.instance {
        item.wrong(
            format!("the peer `{}` has the name of this instance", item.name()),
            "a peer's name is the instance part of its own agents' addresses",
        );
        return None;
    }
    let table = table?;
    let key: Option<PublicKey> = table
        .need("key", "key = \"ed25519:…\"")
        .and_then(|item| item.parsed("key = \"ed25519:…\""));
    let senders = read_patterns(&table, "senders", known);
    let recipients = read_patterns(&table, "recipients", known);
    let may_relay = read_patterns(&table, "may_relay", known);
    let name = name?;
    let own = AddressPattern::any_of(&name).ok();
    let peer = Peer {
        key: key?,
        senders: senders.unwrap_or_else(|| own.into_iter().collect()),
        recipients: recipients.unwrap_or_else(|| known.all_local().into_iter().collect()),
        may_relay: may_relay.unwrap_or_default(),
    };
    Some((name, peer))
}

/// Patterns over addresses; `None` where the key is absent.
pub(super) fn read_patterns(table: &Table<'_>, key: &str, known: &Known) -> Option<Vec<AddressPattern>> {
    let example = format!("{key} = [\"*@name\"]");
    let items = table.get(key)?.list(&example)?;
    let patterns = items
        .iter()
        .filter_map(|item| read_pattern(item, &example, known));
    Some(patterns.collect())
}

/// One pattern over addresses.
pub(super) fn read_pattern(item: &Item<'_>, example: &str, known: &Known) -> Option<AddressPattern> {
    let pattern = item.parsed(example)?;
    known.check_local_agent(item, &pattern);
    Some(pattern)
}
