//! What a route says of messages that wait for a person: how long, who is told of them, and who may decide by
//! answering.
//!
//! By default nobody is told, and nobody decides but the operator. Whoever may answer is named for this route, by
//! the name that the door gives people, so that a chat full of people decides about nothing by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::defaults::{APPROVAL_EXPIRY, DEADLINE_MAX};
use super::item::Item;
use super::known::Known;
use super::model::{Approval, OnApprovalExpiry, Route};
use super::reader::Table;
use crate::envelope::{Address, OWN_AGENT};

const MS: Duration = Duration::from_millis(1);
const NOTICE: &str = "approval_notice = \"ops@people\"";
const APPROVERS: &str = "approvers = { chat = [\"anna\"] }";

/// A notice's address as it was written, to be looked at once all routes are known.
pub(super) type Written<'a> = Option<(Item<'a>, Address)>;

pub(super) fn read_approval<'a>(route: &Table<'a>, known: &Known) -> (Option<Approval>, Written<'a>) {
    let wanted = route.get("approval").and_then(|item| item.flag());
    let expiry_item = route.get("approval_expiry");
    let word_item = route.get("on_approval_expiry");
    let notice_item = route.get("approval_notice");
    let approvers_item = route.get("approvers");
    let expiry = expiry_item
        .as_ref()
        .and_then(|item| item.duration(MS..=DEADLINE_MAX, "24h"));
    let on_expiry = word_item.as_ref().and_then(|item| {
        item.word(&[
            ("reject", OnApprovalExpiry::Reject),
            ("deliver", OnApprovalExpiry::Deliver),
        ])
    });
    let notice = notice_item.as_ref().and_then(|item| read_notice(item, known));
    let approvers = approvers_item
        .as_ref()
        .map(|item| read_approvers(item, known))
        .unwrap_or_default();
    if wanted != Some(true) {
        let items = [expiry_item, word_item, notice_item, approvers_item];
        for item in items.iter().flatten() {
            item.wrong(
                "this is about messages that wait for approval, and here none do",
                "write approval = true beside it, or remove it",
            );
        }
        return (None, None);
    }
    if let (Some(item), None) = (&approvers_item, &notice_item) {
        item.wrong(
            "they would neither be told of a message nor answered",
            format!("write {NOTICE} beside it"),
        );
    }
    let approval = Approval {
        expiry: expiry.unwrap_or(APPROVAL_EXPIRY),
        on_expiry: on_expiry.unwrap_or(OnApprovalExpiry::Reject),
        notice: notice.clone(),
        approvers,
    };
    (Some(approval), notice_item.zip(notice))
}

fn read_notice(item: &Item<'_>, known: &Known) -> Option<Address> {
    let address: Address = item.parsed(NOTICE)?;
    if known.instance.as_deref() == Some(address.instance()) {
        item.wrong(
            format!("`{address}` is an agent here, and a notice is for people"),
            format!("name an address to which a route leads that reaches them, such as {NOTICE}"),
        );
        return None;
    }
    Some(address)
}

fn read_approvers(item: &Item<'_>, known: &Known) -> BTreeMap<String, BTreeSet<String>> {
    let mut approvers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for door in item.named(APPROVERS) {
        known.check_inbound(&door);
        let people = door.list(APPROVERS).unwrap_or_default();
        if people.is_empty() {
            door.wrong("nobody is named", format!("write {APPROVERS}, or remove it"));
        }
        let names = people.iter().filter_map(|person| {
            let name = person.text(APPROVERS)?;
            if name.is_empty() {
                person.wrong("this names nobody", format!("write {APPROVERS}"));
            }
            Some(name.to_owned())
        });
        approvers.insert(door.name().to_owned(), names.collect());
    }
    approvers
}

/// Reports a notice that no route would carry: a message would wait, and nobody would hear of it.
pub(super) fn check_notice(item: &Item<'_>, notice: &Address, routes: &[Route], known: &Known) {
    let byway = known
        .instance
        .as_deref()
        .and_then(|instance| Address::new(OWN_AGENT, instance).ok());
    let carries = |route: &Route| {
        let from = route.from.as_ref();
        let for_byway = from.is_none_or(|from| byway.as_ref().is_some_and(|byway| from.matches(byway)));
        route.to.matches(notice) && for_byway
    };
    if !routes.iter().any(carries) {
        item.wrong(
            format!("no route leads to `{notice}`, so nobody would hear of what waits"),
            format!("add [[routes]] with to = \"{notice}\", and a chain that reaches them"),
        );
    }
}
