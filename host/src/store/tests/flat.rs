//! What the queue's statements cost is counted, in steps of SQLite's machine, with a thousand messages and with thirty
//! thousand: it must be the same.

use std::collections::BTreeMap;

use rusqlite::{Connection, StatementStatus, ToSql, params};

use super::*;
use crate::store::{accept, advance, hasten, line, outbox, outlook};

/// A queue of every sort: ready, not due yet, behind something that is down, and one long line of a partition.
fn fill(shell: &Connection, messages: u32) {
    let started = at(0).as_millisecond();
    let by_hand = sum::BY_HAND;
    shell
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {messages})
             INSERT INTO outgoing (kind, id, source, sender, recipient, instance, digest, principal, priority, partition_key,
                 status, reason, flight, due_at, deadline, accepted_at, in_line, waits_for, head_sum, state_sum)
             SELECT 'message', 'm' || n, 'byway://a/planner', 'planner@a', 'executor@b', 'b', x'00', 'agent:planner', n % 4,
                 CASE WHEN n % 4 = 3 THEN 'k' END, 'waiting', NULL, '{{}}',
                 {started} + CASE WHEN n % 4 = 1 THEN 1000000 + n ELSE n % 1000 END, {started} + 9000000 + n, {started},
                 n % 4 = 3, CASE n % 4 WHEN 2 THEN 'open:hook' WHEN 3 THEN CASE WHEN n = 3 THEN '' ELSE 'turn' END ELSE '' END,
                 {by_hand}, {by_hand}
             FROM n;
             INSERT INTO outgoing_body (key, json, sum) SELECT key, x'7b7d', {by_hand} FROM outgoing;
             COMMIT;"
        ))
        .unwrap();
}

/// The steps that each statement takes.
fn costs(messages: u32) -> BTreeMap<&'static str, i32> {
    let folder = folder();
    drop(open(&folder));
    let shell = shell(&folder);
    fill(&shell, messages);
    let now = at(500).as_millisecond();
    let mut costs = BTreeMap::new();
    let mut cost = |name, query: &str, values: &[&dyn ToSql]| {
        let mut statement = shell.prepare(query).unwrap();
        let mut rows = statement.query(values).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        costs.insert(name, statement.get_status(StatementStatus::VmStep));
    };
    cost("next part", outlook::NEXT_PART, params![""]);
    cost("due", outlook::DUE, params!["", 0, now, 20]);
    cost(
        "due behind what is down",
        outlook::DUE,
        params!["open:hook", 2, now, 20],
    );
    cost("next due", outlook::NEXT_DUE, params!["", 1, now]);
    cost("overdue", outlook::OVERDUE, params![now, 20]);
    cost("next overdue", outlook::NEXT_OVERDUE, params![now]);
    cost(
        "is anybody in line",
        line::IS_ANYBODY_THERE,
        params!["executor@b", "k"],
    );
    cost("first in line", line::FIRST, params!["executor@b", "k"]);
    cost("leave the line", line::LEAVE, params![3]);
    cost("one message", outbox::BY_KEY, params![500]);
    let known = params!["m500", "byway://a/planner", "executor@b", "message"];
    cost("known before", accept::KNOWN, known);
    let (none, due) = (None::<i64>, now + 1);
    let row: &[&dyn ToSql] = params![
        "message",
        "new",
        "s",
        none,
        "executor@b",
        "b",
        [0_u8; 32],
        "admin",
        1,
        "k",
        "{}",
        due,
        due,
        none,
        now,
        true,
        "turn",
        0,
        0
    ];
    cost("accept", accept::INSERT, row);
    let update = params![500, "waiting", none, false, none, "{}", due, none, "open:hook", 0];
    cost("advance", advance::UPDATE, update);
    let update = params![500, none, false, none, "{}", 0];
    cost("advance in place", advance::UPDATE_IN_PLACE, update);
    cost("hasten", hasten::OF_PART, params!["open:hook", 20]);
    for (name, filter) in [
        ("list", OutgoingFilter::default()),
        (
            "list by status",
            OutgoingFilter {
                status: Some(Status::Waiting),
                ..OutgoingFilter::default()
            },
        ),
    ] {
        let asked = params!["", "", "waiting", "", i64::MAX, 51];
        let query = outbox::list_query(&filter);
        let mut statement = shell.prepare(&query).unwrap();
        let count = statement.parameter_count();
        for (place, value) in asked.iter().enumerate().take(count) {
            statement.raw_bind_parameter(place + 1, value).unwrap();
        }
        let mut rows = statement.raw_query();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        costs.insert(name, statement.get_status(StatementStatus::VmStep));
    }
    costs
}

#[test]
fn with_thirty_times_as_many_messages_nothing_costs_more() {
    let (few, many) = (costs(1_000), costs(30_000));
    for (name, cost) in &few {
        assert!(*cost > 0, "{name} is not counted");
        // Not to the step: what is found may lie in a page or across two.
        assert!(
            many[name] <= cost + cost / 10 + 5,
            "{name}: {cost} and {}",
            many[name]
        );
    }
}
