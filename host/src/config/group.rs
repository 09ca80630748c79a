//! `[groups.NAME]`: several recipients under one address, `NAME@<this instance>`.
//!
//! A group stands for its members at the moment a message is accepted; each of them gets the message for itself.

use std::collections::BTreeMap;

use super::instance::{check_not_ours, read_own_name};
use super::item::Item;
use super::keys;
use super::known::Known;
use super::reader::Table;
use crate::envelope::{Address, AddressPattern};

const EXAMPLE: &str = "[groups.NAME]";
const MEMBERS: &str = "members = [\"agent@instance\"]";
/// The most members of one group, and the most recipients of one message.
pub(crate) const RECIPIENTS_MAX: usize = 256;

pub(super) fn read_groups(file: &Table<'_>, known: &Known) -> BTreeMap<String, Vec<Address>> {
    let items = file
        .get("groups")
        .map(|item| item.named(EXAMPLE))
        .unwrap_or_default();
    let names: Vec<String> = items.iter().map(|item| item.name().to_owned()).collect();
    items
        .iter()
        .filter_map(|item| read_group(item, known, &names))
        .collect()
}

fn read_group(item: &Item<'_>, known: &Known, groups: &[String]) -> Option<(String, Vec<Address>)> {
    let table = item.table(&keys::GROUP, EXAMPLE);
    let name = read_own_name(item)?;
    check_not_ours(item, &name);
    if known.agents.as_ref().is_some_and(|agents| agents.contains(&name)) {
        item.wrong(
            format!("the group `{name}` has the name of an agent"),
            "give it another name: an address means one agent, or one group",
        );
    }
    let list = table?.need("members", MEMBERS)?;
    let items = list.list(MEMBERS)?;
    if items.is_empty() || items.len() > RECIPIENTS_MAX {
        list.wrong(
            format!("the group `{name}` has {} members", items.len()),
            format!("a group has 1 to {RECIPIENTS_MAX} members"),
        );
    }
    let mut members: Vec<Address> = Vec::new();
    for item in &items {
        let Some(member) = item.parsed::<Address>(MEMBERS) else {
            continue;
        };
        let is_here = known.instance.as_deref() == Some(member.instance());
        if is_here && groups.iter().any(|group| group == member.agent()) {
            item.wrong(
                format!("`{member}` is a group itself"),
                "list its members here: groups are not nested",
            );
        } else if let Ok(pattern) = member.to_string().parse::<AddressPattern>() {
            known.check_local_agent(item, &pattern);
        }
        if members.contains(&member) {
            item.wrong(format!("`{member}` is a member twice"), "remove one of them");
        }
        members.push(member);
    }
    Some((name, members))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config;

    fn problems(text: &str) -> Vec<String> {
        let text = format!("[instance]\nname = \"a\"\ndata_dir = \"data\"\n{text}");
        match config::parse(&text, Path::new("/byway.toml")) {
            Ok(config) => config
                .groups
                .iter()
                .map(|(name, members)| format!("{name}: {members:?}"))
                .collect(),
            Err(errors) => errors
                .problems()
                .iter()
                .map(|problem| problem.message.clone())
                .collect(),
        }
    }

    #[test]
    fn a_group_has_members_and_a_name_of_its_own() {
        let agents = "[agents]\nnames = [\"planner\"]\n";
        let team = |members: &str| format!("{agents}[groups.team]\nmembers = {members}\n");
        for (text, expected) in [
            (team("[\"x@b\", \"planner@a\"]"), "team: "),
            (team("[]"), "the group `team` has 0 members"),
            (team("[\"x@b\", \"x@b\"]"), "`x@b` is a member twice"),
            (team("[\"nobody@a\"]"), "[agents] does not list `nobody`"),
            (team("[\"team@a\"]"), "`team@a` is a group itself"),
            (
                format!("{agents}[groups.planner]\nmembers = [\"x@b\"]\n"),
                "the group `planner` has the name of an agent",
            ),
        ] {
            let found = problems(&text);
            assert!(
                found.iter().any(|it| it.starts_with(expected)),
                "{text}\n{found:?}"
            );
        }
    }
}
