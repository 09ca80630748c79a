//! The tables that say how much is kept: `[store]` and `[retention]`.

use std::time::Duration;

use super::item::Item;
use super::keys;
use super::model::{DiskBudget, Retention};
use super::reader::Table;

/// Less than this holds not even the tables and a few messages.
const DISK_MIN: u64 = 1 << 20;
const DISK_MAX: u64 = 1 << 50;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A hundred years: for ever, in a number that can be added to a time.
const KEPT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// Less, and a message could go before whoever waits for it has seen how it ended.
const KEPT_MIN: Duration = Duration::from_secs(60);

pub(super) fn read_store(file: &Table<'_>) -> DiskBudget {
    let mut budget = DiskBudget::default();
    let Some(table) = file
        .get("store")
        .and_then(|item| item.table(&keys::STORE, "[store]"))
    else {
        return budget;
    };
    let size = |key: &str, least: u64| {
        let size = table.get(key)?.size(least..=DISK_MAX)?;
        u64::try_from(size).ok()
    };
    budget.bytes_max = size("disk_max", DISK_MIN).unwrap_or(budget.bytes_max);
    budget.free_bytes_min = size("free_min", 0).unwrap_or(budget.free_bytes_min);
    budget
}

pub(super) fn read_retention(file: &Table<'_>) -> Retention {
    let default = Retention::default();
    let Some(table) = file
        .get("retention")
        .and_then(|item| item.table(&keys::RETENTION, "[retention]"))
    else {
        return default;
    };
    let kept = |key: &str, least: Duration| {
        let read = |item: Item<'_>| item.duration(least..=KEPT_MAX, "30d");
        table.get(key).and_then(read)
    };
    Retention {
        delivered: kept("delivered", KEPT_MIN).unwrap_or(default.delivered),
        dead: kept("dead", KEPT_MIN),
        processed: kept("processed", KEPT_MIN).unwrap_or(default.processed),
        journal: kept("journal", DAY).unwrap_or(default.journal),
    }
}
