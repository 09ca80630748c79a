//! What the rest of the file may speak of: names that have a table of their own.
//!
//! The names are taken before the tables are read, so that a mistake inside a transport's table
//! does not make every route that uses it wrong as well.

use std::collections::BTreeSet;

use super::item::Item;
use super::model::Transport;
use super::nearest::nearest;
use super::reader::Table;
use crate::envelope::AddressPattern;

/// The names there are.
pub(super) struct Known {
    /// This instance; `None` where that is wrong itself.
    pub(super) instance: Option<String>,
    /// The local agents; `None`: any.
    pub(super) agents: Option<BTreeSet<String>>,
    /// The transports.
    pub(super) transports: Vec<String>,
    /// The senders that do not sign.
    inbound: Vec<String>,
}

impl Known {
    pub(super) fn new(file: &Table<'_>, instance: Option<String>, agents: Option<BTreeSet<String>>) -> Self {
        let names = |key, example| {
            let tables = file.get(key).map(|item| item.named(example));
            let items = tables.unwrap_or_default();
            items.iter().map(|item| item.name().to_owned()).collect()
        };
        Self {
            instance,
            agents,
            transports: names("transports", "[transports.NAME]"),
            inbound: names("inbound", "[inbound.NAME]"),
        }
    }

    /// Reports a key that should be the name of an `[inbound]` sender, and is not.
    pub(super) fn check_inbound(&self, item: &Item<'_>) {
        let name = item.name();
        if !self.inbound.iter().any(|known| known == name) {
            item.unknown_name(
                format!("there is no [inbound.{name}]"),
                nearest(name, self.inbound.iter().map(String::as_str)),
                &format!("add [inbound.{name}]"),
            );
        }
    }

    /// Reports a transport that has no table.
    pub(super) fn check_transport(&self, item: &Item<'_>, name: &str) {
        let mut names = self.transports.iter().map(String::as_str);
        if !names.any(|known| known == name) {
            item.unknown_name(
                format!("there is no transport `{name}`"),
                nearest(name, self.transports.iter().map(String::as_str)),
                &format!("add [transports.{name}]"),
            );
        }
    }

    /// Reports a pattern that names one local agent which `[agents]` does not list.
    pub(super) fn check_local_agent(&self, item: &Item<'_>, pattern: &AddressPattern) {
        let (Some(agent), Some(agents)) = (pattern.agent(), &self.agents) else {
            return;
        };
        let is_local = self.instance.is_some() && pattern.instance() == self.instance.as_deref();
        if is_local && !agents.contains(agent) {
            item.unknown_name(
                format!("[agents] does not list `{agent}`"),
                nearest(agent, agents.iter().map(String::as_str)),
                "add it to [agents], or correct the address",
            );
        }
    }

    /// Every agent here: `*@<this instance>`.
    pub(super) fn all_local(&self) -> Option<AddressPattern> {
        AddressPattern::any_of(self.instance.as_deref()?).ok()
    }
}

/// Whether messages come in through the transport of that name.
pub(super) fn receives<'a>(transports: impl IntoIterator<Item = &'a Transport>, name: &str) -> bool {
    transports
        .into_iter()
        .any(|transport| transport.name == name && transport.receive.is_some())
}
