//! `[[routes]]`: a match on addresses, and the chain of steps to try.
//!
//! A route that could never do anything is refused: one whose chain delivers nothing, one that
//! names a transport that is not there, and one that an earlier route takes everything from.

use std::time::Duration;

use super::approval::{Written, check_notice, read_approval};
use super::defaults::{DEADLINE, DEADLINE_MAX, TRIES};
use super::item::Item;
use super::keys;
use super::known::Known;
use super::model::{Backoff, DoneAt, Mode, OnBlock, OnUnknown, Route, Step, Strategy};
use super::peer::read_pattern;
use super::reader::Table;
use crate::envelope::AddressPattern;

const EXAMPLE: &str = "[[routes]]";
const CHAIN: &str = "chain = [\"transport\", { notify = \"transport\" }]";
const AFTER: &str = "{ deliver = \"wake\", after = \"note\" }";
const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn read_routes(file: &Table<'_>, known: &Known) -> Vec<Route> {
    let items = file.get("routes").and_then(|item| item.list(EXAMPLE));
    let items = items.unwrap_or_default();
    let mut routes: Vec<Route> = Vec::new();
    let mut notices = Vec::new();
    for item in &items {
        let Some((route, notice)) = read_route(item, known) else {
            continue;
        };
        notices.extend(notice);
        if let Some(earlier) = routes.iter().find(|earlier| takes_all(earlier, &route)) {
            item.wrong(
                format!(
                    "this route is never taken: the one in line {} takes all that it would",
                    earlier.place.line
                ),
                "put the narrower route first, or remove one of them",
            );
        }
        routes.push(route);
    }
    // One that is wrong itself may be the one that leads there.
    if routes.len() == items.len() {
        for (item, notice) in &notices {
            check_notice(item, notice, &routes, known);
        }
    }
    routes
}

fn read_route<'a>(item: &Item<'a>, known: &Known) -> Option<(Route, Written<'a>)> {
    let table = item.table(&keys::ROUTE, EXAMPLE)?;
    let to = table
        .need("to", "to = \"*@instance\"")
        .and_then(|item| read_pattern(&item, "to = \"*@instance\"", known));
    let from_item = table.get("from");
    let from = from_item
        .as_ref()
        .and_then(|item| read_pattern(item, "from = \"agent@instance\"", known));
    let chain = table
        .need("chain", CHAIN)
        .and_then(|item| read_chain(&item, known));
    let deadline = table
        .get("deadline")
        .and_then(|item| item.duration(MS..=DEADLINE_MAX, "24h"));
    let strategy = table
        .get("strategy")
        .and_then(|item| item.word(&[("sweep", Strategy::Sweep), ("exhaust", Strategy::Exhaust)]));
    let tries = table.get("tries").and_then(|item| item.number(1..=1000));
    let on_unknown = table
        .get("on_unknown")
        .and_then(|item| item.word(&[("hold", OnUnknown::Hold), ("continue", OnUnknown::Continue)]));
    let done_at = table.get("done_at").and_then(|item| {
        item.word(&[
            ("accepted", DoneAt::Accepted),
            ("delivered", DoneAt::Delivered),
            ("peer-receipt", DoneAt::PeerReceipt),
        ])
    });
    let allow_owner = table.get("allow_owner").and_then(|item| item.flag());
    let backoff = read_backoff(&table);
    let on_block = table
        .get("on_block")
        .and_then(|item| item.word(&[("release", OnBlock::Release), ("wait", OnBlock::Wait)]));
    let (approval, notice) = read_approval(&table, known);
    // A wrong `from` must not make the route wider.
    let from = if from_item.is_some() { Some(from?) } else { None };
    let route = Route {
        to: to?,
        from,
        chain: chain?,
        deadline: deadline.unwrap_or(DEADLINE),
        strategy: strategy.unwrap_or(Strategy::Sweep),
        tries: tries.and_then(|tries| u32::try_from(tries).ok()).unwrap_or(TRIES),
        on_unknown: on_unknown.unwrap_or(OnUnknown::Hold),
        done_at: done_at.unwrap_or(DoneAt::Accepted),
        allow_owner: allow_owner.unwrap_or_default(),
        backoff,
        on_block: on_block.unwrap_or(OnBlock::Release),
        approval,
        place: table.place(),
    };
    Some((route, notice))
}

fn read_chain(item: &Item<'_>, known: &Known) -> Option<Vec<Step>> {
    let items = item.list(CHAIN)?;
    if items.is_empty() {
        item.wrong("`chain` is empty", "name at least one transport");
        return None;
    }
    let mut chain: Vec<Step> = Vec::new();
    let mut all_read = true;
    for item in &items {
        let Some((step, name)) = read_step(item, known, &chain) else {
            all_read = false;
            continue;
        };
        if chain.iter().any(|earlier| earlier.transport == step.transport) {
            name.wrong(
                format!("`{}` is in the chain twice", step.transport),
                "remove one: byway comes back to each step by itself, round after round",
            );
        }
        chain.push(step);
    }
    if !all_read {
        return None;
    }
    if chain.iter().all(|step| step.mode == Mode::Notify) {
        item.wrong(
            "nothing in this chain delivers the message: every step only tells of it",
            "add a transport that delivers, written without `notify`",
        );
    }
    Some(chain)
}

/// A step, and the value that names its transport.
fn read_step<'a>(item: &Item<'a>, known: &Known, earlier: &[Step]) -> Option<(Step, Item<'a>)> {
    let (mode, name, after) = if item.value().is_table() {
        let table = item.table(&keys::STEP, CHAIN)?;
        match (table.get("notify"), table.get("deliver")) {
            (None, Some(name)) => (Mode::Deliver, name, table.get("after")),
            (Some(notify), Some(_)) => {
                notify.wrong("a step delivers or notifies, not both", "keep one of the two");
                return None;
            }
            _ => {
                let name = table.need("notify", "notify = \"transport\"")?;
                if let Some(after) = table.get("after") {
                    after.wrong(
                        "a step that only tells of the message waits for nothing",
                        format!("write the step that waits as {AFTER}"),
                    );
                    return None;
                }
                (Mode::Notify, name, None)
            }
        }
    } else {
        (Mode::Deliver, item.clone(), None)
    };
    let transport = name.text("\"transport\"")?.to_owned();
    known.check_transport(&name, &transport);
    // A wrong `after` must not make a step that waits for nothing.
    let after = match after {
        Some(after) => Some(read_after(&after, earlier)?),
        None => None,
    };
    Some((
        Step {
            transport,
            mode,
            after,
        },
        name,
    ))
}

/// What a step waits for: an earlier one that notifies. One that delivers ends the chain when it succeeds.
fn read_after(item: &Item<'_>, earlier: &[Step]) -> Option<String> {
    let name = item.text("\"transport\"")?;
    let is_there = earlier
        .iter()
        .any(|step| step.mode == Mode::Notify && step.transport == name);
    if !is_there {
        item.wrong(
            format!("no earlier step of this chain is {{ notify = \"{name}\" }}"),
            format!("put {{ notify = \"{name}\" }} before it"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn read_backoff(route: &Table<'_>) -> Backoff {
    let default = Backoff::default();
    let Some(item) = route.get("backoff") else {
        return default;
    };
    let Some(table) = item.table(&keys::BACKOFF, "backoff = { first = \"2s\", max = \"5m\" }") else {
        return default;
    };
    let first = table.get("first").and_then(|item| item.duration(MS..=DAY, "2s"));
    let max = table.get("max").and_then(|item| item.duration(MS..=DAY, "5m"));
    let backoff = Backoff {
        first: first.unwrap_or(default.first),
        max: max.unwrap_or(default.max),
    };
    if backoff.first > backoff.max {
        item.wrong(
            "the first wait is longer than the longest",
            "make `max` at least as long as `first` (defaults: first 2s, max 5m)",
        );
    }
    backoff
}

/// Whether every message of the later route would have gone to the earlier one.
fn takes_all(earlier: &Route, later: &Route) -> bool {
    let sender_taken = match (&earlier.from, &later.from) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => covers(earlier, later),
    };
    sender_taken && covers(&earlier.to, &later.to)
}

fn covers(wide: &AddressPattern, narrow: &AddressPattern) -> bool {
    let part = |wide: Option<&str>, narrow: Option<&str>| wide.is_none() || wide == narrow;
    part(wide.agent(), narrow.agent()) && part(wide.instance(), narrow.instance())
}
