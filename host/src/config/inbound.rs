//! `[inbound.NAME]`: a sender that does not sign, and the recipients it may reach all the same.
//!
//! There is no default for the recipients: somebody whom byway cannot recognise by a key reaches
//! nobody until the operator says whom.

use std::collections::BTreeMap;

use super::instance::read_own_name;
use super::item::Item;
use super::keys;
use super::known::{Known, receives};
use super::model::{Inbound, Transport};
use super::peer::read_patterns;
use super::reader::Table;
use super::secret::read_source;
use crate::error_code::ErrorCode;

const EXAMPLE: &str = "[inbound.NAME]";

pub(super) fn read_inbound(
    file: &Table<'_>,
    known: &Known,
    transports: &BTreeMap<String, Transport>,
) -> BTreeMap<String, Inbound> {
    let items = file.get("inbound").map(|item| item.named(EXAMPLE));
    let entries = items.unwrap_or_default();
    entries
        .iter()
        .filter_map(|item| read_entry(item, known, transports))
        .collect()
}

fn read_entry(
    item: &Item<'_>,
    known: &Known,
    transports: &BTreeMap<String, Transport>,
) -> Option<(String, Inbound)> {
    let table = item.table(&keys::INBOUND, EXAMPLE)?;
    let name = read_own_name(item);
    let token_item = table.get("token");
    let token = token_item.as_ref().and_then(read_source);
    let recipients_item = table.need("recipients", "recipients = [\"agent@instance\"]");
    let recipients = read_patterns(&table, "recipients", known);
    let may_relay = read_patterns(&table, "may_relay", known);
    if let (Some(item), Some([])) = (recipients_item, recipients.as_deref()) {
        item.wrong(
            "`recipients` is empty, so nothing could come in",
            "name at least one, or remove the table",
        );
    }
    let name = name?;
    let transport_is_wrong = known.transports.contains(&name) && !transports.contains_key(&name);
    if token_item.is_none() && !transport_is_wrong && !receives(transports.values(), &name) {
        table.add(
            ErrorCode::MissingKey,
            format!(
                "nothing can come in by [inbound.{name}]: it has no token, and no transport `{name}` receives"
            ),
            "add `token = { env = \"NAME\" }`, or `receive` to the transport of this name",
        );
    }
    Some((
        name,
        Inbound {
            token,
            recipients: recipients?,
            may_relay: may_relay.unwrap_or_default(),
        },
    ))
}
