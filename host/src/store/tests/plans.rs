//! Every query is served by an index: what it costs must not grow with what is stored.

use super::*;
use crate::store::{
    accept, advance, dead, hasten, idempotency, inbox, journal, line, old_keys, outbox, outlook, progress,
    receipts, set_aside, take_in,
};

fn plan(shell: &rusqlite::Connection, query: &str) -> String {
    let mut statement = shell.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
    let rows = statement
        .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
        .unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

fn assert_searches(shell: &rusqlite::Connection, query: &str) {
    let plan = plan(shell, query);
    assert!(plan.contains("SEARCH"), "{query}\n{plan}");
    assert!(!plan.contains("SCAN"), "{query}\n{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
}

#[test]
fn no_query_looks_through_a_table_or_sorts() {
    let folder = folder();
    let _store = open(&folder);
    let shell = shell(&folder);
    for query in [
        outlook::NEXT_PART,
        outlook::DUE,
        outlook::NEXT_DUE,
        outlook::OVERDUE,
        outlook::NEXT_OVERDUE,
        line::IS_ANYBODY_THERE,
        line::FIRST,
        line::DEAD_IN_LINE,
        hasten::OF_PART,
        hasten::PLANNED_BY,
        outbox::BY_KEY,
        outbox::KEY_OF_ID,
        outbox::KEY_OF_NAME,
        outbox::ATTEMPTS,
        outbox::KEYS_OF_NAME,
        dead::DEAD,
        receipts::UNSENT,
        receipts::WOKEN_FOR,
        outbox::COUNT,
        outbox::OLDEST,
        accept::KNOWN,
        accept::KEY,
        advance::STANDING,
        advance::OF_RECIPIENT,
        progress::PROGRESS,
        hasten::LATER,
        idempotency::FIND,
        take_in::KNOWN,
        old_keys::TAKEN_IN.over,
        old_keys::PRESENTED.over,
        take_in::KEY_OF_NAME,
        set_aside::BY_ID,
        set_aside::BY_KEY,
        inbox::ALL,
        inbox::UNREAD,
        inbox::BY_KEY,
        inbox::KEY_OF_ID,
        inbox::KEY_OF_AGENTS_ID,
        inbox::KEY_OF_NAME,
        inbox::KEYS_OF_MESSAGE,
        inbox::CURSOR,
        journal::READ,
    ] {
        assert_searches(&shell, query);
    }
    // The one that counts goes through the unread ones, and no other row.
    let unread = plan(&shell, outbox::COUNT_UNREAD);
    assert!(unread.contains("COVERING INDEX incoming_unread"), "{unread}");
}

#[test]
fn every_filter_of_a_list_is_served_by_the_narrowest_index() {
    let folder = folder();
    let _store = open(&folder);
    let shell = shell(&folder);
    for bits in 0..16_u8 {
        let asked = |bit: u8| bits & bit != 0;
        let filter = OutgoingFilter {
            source: asked(1).then(|| "byway://a/planner".into()),
            instance: asked(2).then(|| "b".into()),
            status: asked(4).then_some(Status::Dead),
            kind: asked(8).then_some(Kind::Wake),
        };
        let query = outbox::list_query(&filter);
        assert_searches(&shell, &query);
        let expected = match bits {
            _ if asked(1) => "outgoing_source",
            _ if asked(2) => "outgoing_instance",
            _ if asked(4) => "outgoing_status",
            _ => "INTEGER PRIMARY KEY",
        };
        let plan = plan(&shell, &query);
        assert!(plan.contains(expected), "{query}\n{plan}");
    }
}

#[test]
fn what_is_due_is_found_in_the_index_alone() {
    let folder = folder();
    let _store = open(&folder);
    let shell = shell(&folder);
    for (query, index) in [
        (outlook::NEXT_PART, "outgoing_due (waits_for>?"),
        (
            outlook::DUE,
            "outgoing_due (waits_for=? AND priority=? AND due_at",
        ),
        (
            outlook::NEXT_DUE,
            "outgoing_due (waits_for=? AND priority=? AND due_at",
        ),
        (outlook::OVERDUE, "outgoing_deadline (deadline<?"),
        (outlook::NEXT_OVERDUE, "outgoing_deadline (deadline>?"),
        (
            line::IS_ANYBODY_THERE,
            "outgoing_line (recipient=? AND partition_key=?",
        ),
        (line::FIRST, "outgoing_line (recipient=? AND partition_key=?"),
    ] {
        let plan = plan(&shell, query);
        assert!(plan.contains(&format!("INDEX {index}")), "{query}\n{plan}");
    }
}

#[test]
fn a_step_that_leaves_a_message_where_it_stands_writes_to_no_index() {
    let folder = folder();
    let _store = open(&folder);
    let shell = shell(&folder);
    // What SQLite opens to write to: the table, and each index that it keeps up to date. (A trigger's program is
    // listed as well; none of them writes to anything else than the table.)
    let opened = |query: &str| {
        let mut statement = shell.prepare(&format!("EXPLAIN {query}")).unwrap();
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let codes = statement.query_map(rusqlite::params_from_iter(nothing), |row| {
            Ok((row.get::<_, String>(1)?, row.get::<_, i64>(3)?))
        });
        let pages: std::collections::BTreeSet<i64> = codes
            .unwrap()
            .map(Result::unwrap)
            .filter(|(code, _)| code == "OpenWrite")
            .map(|(_, page)| page)
            .collect();
        pages.len()
    };
    assert_eq!(opened(advance::UPDATE_IN_PLACE), 1);
    assert!(opened(advance::UPDATE) > 1);
    assert!(opened(advance::UPDATE_ALONE) > 1);
}

#[test]
fn looking_through_headers_reads_no_body() {
    let folder = folder();
    let _store = open(&folder);
    let plan = plan(&shell(&folder), &outbox::list_query(&OutgoingFilter::default()));
    assert!(!plan.contains("outgoing_body"), "{plan}");
}
