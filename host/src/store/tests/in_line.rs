//! Messages of one partition have their turns in the order of acceptance, whatever happens to them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::envelope::Address;

fn of_partition(id: &str, key: &str) -> NewOutgoing {
    NewOutgoing {
        partition_key: Some(key.into()),
        ..message(id)
    }
}

async fn due(store: &Store) -> Vec<String> {
    let due = store.due(at(100), 100).await.unwrap();
    due.into_iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn the_first_has_its_turn_and_the_next_one_when_it_has_ended() {
    let folder = folder();
    let store = open(&folder);
    let first = accepted(&store, of_partition("1", "k")).await;
    accepted(&store, of_partition("2", "k")).await;
    accepted(&store, of_partition("3", "k")).await;
    accepted(&store, of_partition("of another key", "l")).await;
    let elsewhere = NewOutgoing {
        recipient: "planner@c".parse().unwrap(),
        ..of_partition("to somebody else", "k")
    };
    accepted(&store, elsewhere).await;
    accepted(&store, message("of none")).await;
    let others = ["of another key", "to somebody else", "of none"];
    let with = |id: &str| [&[id.to_owned()], &others.map(str::to_owned)[..]].concat();
    assert_eq!(due(&store).await, with("1"));
    // Waiting for its next round, it keeps its turn.
    store
        .advance(first, step(Status::Waiting, at(500)))
        .await
        .unwrap();
    assert_eq!(due(&store).await, others);
    store
        .advance(first, step(Status::Delivered, at(1)))
        .await
        .unwrap();
    let mut now_due = due(&store).await;
    now_due.sort();
    let mut expected = with("2");
    expected.sort();
    assert_eq!(now_due, expected);
}

#[tokio::test]
async fn the_held_and_the_dead_let_the_next_one_go_unless_the_route_says_wait() {
    for status in [Status::Held, Status::Dead] {
        for lets_pass in [true, false] {
            let folder = folder();
            let store = open(&folder);
            let first = accepted(&store, of_partition("1", "k")).await;
            accepted(&store, of_partition("2", "k")).await;
            let blocked = Advance {
                lets_pass,
                ..step(status, at(900))
            };
            store.advance(first, blocked).await.unwrap();
            let expected: &[&str] = if lets_pass { &["2"] } else { &[] };
            assert_eq!(due(&store).await, expected, "{status} {lets_pass}");
            // Delivered after all, or given up by a person, it is in nobody's way.
            let over = if status == Status::Held {
                Status::Cancelled
            } else {
                Status::Delivered
            };
            store.advance(first, step(over, at(1))).await.unwrap();
            assert_eq!(due(&store).await, ["2"], "{status} {lets_pass}");
        }
    }
}

/// A dead message that keeps its place in the line.
async fn dies_in_line(store: &Store, key: MessageKey) {
    let dead = Advance {
        lets_pass: false,
        ..step(Status::Dead, at(30))
    };
    store.advance(key, dead).await.unwrap();
}

async fn redriven(store: &Store, key: MessageKey) {
    let seen = store.outgoing(key).await.unwrap().unwrap();
    let again = Intervention {
        status: Status::Waiting,
        due_at: at(40),
        ..Intervention::about(&seen, "redriven", "admin", at(40))
    };
    assert!(store.intervene(key, again).await.unwrap());
}

#[tokio::test]
async fn who_ended_before_its_turn_and_goes_on_does_not_overtake() {
    let folder = folder();
    let store = open(&folder);
    let first = accepted(&store, of_partition("1", "k")).await;
    let second = accepted(&store, of_partition("2", "k")).await;
    accepted(&store, of_partition("3", "k")).await;
    // By its deadline, while the first one is still tried.
    dies_in_line(&store, second).await;
    redriven(&store, second).await;
    assert_eq!(due(&store).await, ["1"]);
    store
        .advance(first, step(Status::Delivered, at(41)))
        .await
        .unwrap();
    assert_eq!(due(&store).await, ["2"]);
    // And the first of a line that goes on is the first still.
    dies_in_line(&store, second).await;
    assert!(due(&store).await.is_empty());
    redriven(&store, second).await;
    assert_eq!(due(&store).await, ["2"]);
}

#[tokio::test]
async fn the_dead_let_the_next_one_go_when_other_routes_say_so() {
    let folder = folder();
    let store = open(&folder);
    for recipient in ["executor@b", "executor@c"] {
        for id in ["1", "2"] {
            let new = NewOutgoing {
                recipient: recipient.parse().unwrap(),
                ..of_partition(&format!("{id} to {recipient}"), "k")
            };
            let key = accepted(&store, new).await;
            if id == "1" {
                dies_in_line(&store, key).await;
            }
        }
    }
    store.plan_by("one".into(), at(50), |_, _| false).await.unwrap();
    assert!(due(&store).await.is_empty());
    let only_b = |_: Option<&Address>, recipient: &Address| recipient.instance() == "b";
    store.plan_by("two".into(), at(50), only_b).await.unwrap();
    assert_eq!(due(&store).await, ["2 to executor@b"]);
    // Asked once for each set of routes.
    store.plan_by("two".into(), at(50), |_, _| true).await.unwrap();
    assert_eq!(due(&store).await, ["2 to executor@b"]);
}

#[tokio::test]
async fn one_in_the_middle_that_ends_changes_no_turn() {
    let folder = folder();
    let store = open(&folder);
    let first = accepted(&store, of_partition("1", "k")).await;
    let second = accepted(&store, of_partition("2", "k")).await;
    accepted(&store, of_partition("3", "k")).await;
    store
        .advance(second, step(Status::Cancelled, at(1)))
        .await
        .unwrap();
    assert_eq!(due(&store).await, ["1"]);
    store.advance(first, step(Status::Expired, at(1))).await.unwrap();
    assert_eq!(due(&store).await, ["3"]);
}

#[tokio::test]
async fn a_deadline_is_noticed_out_of_turn() {
    let folder = folder();
    let store = open(&folder);
    accepted(&store, of_partition("1", "k")).await;
    let short = NewOutgoing {
        deadline: at(30),
        ..of_partition("2", "k")
    };
    let second = accepted(&store, short).await;
    let overdue = store.look(|look| look.overdue(at(30), 10)).await.unwrap();
    assert_eq!(overdue, [second]);
    assert_eq!(
        store.look(|look| look.next_overdue(at(29))).await.unwrap(),
        Some(at(30))
    );
}

#[tokio::test]
async fn a_message_that_is_deleted_is_in_nobodys_way() {
    let folder = folder();
    let store = open(&folder);
    let first = accepted(&store, of_partition("1", "k")).await;
    accepted(&store, of_partition("2", "k")).await;
    let dead = Advance {
        lets_pass: false,
        ..step(Status::Dead, at(1))
    };
    store.advance(first, dead).await.unwrap();
    assert!(due(&store).await.is_empty());
    shell(&folder)
        .execute_batch("PRAGMA foreign_keys = ON; DELETE FROM outgoing WHERE id = '1'")
        .unwrap();
    assert_eq!(due(&store).await, ["2"]);
}

#[tokio::test]
async fn a_receipt_is_in_nobodys_way() {
    let folder = folder();
    let store = open(&folder);
    let receipt = NewOutgoing {
        kind: Kind::Receipt,
        ..of_partition("1", "k")
    };
    accepted(&store, receipt.clone()).await;
    accepted(&store, of_partition("2", "k")).await;
    accepted(
        &store,
        NewOutgoing {
            id: "3".into(),
            ..receipt
        },
    )
    .await;
    assert_eq!(due(&store).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_database_of_before_has_its_messages_in_line() {
    let folder = folder();
    let shell = shell(&folder);
    for schema in [
        include_str!("../schema/0001.sql"),
        include_str!("../schema/0002.sql"),
    ] {
        shell.execute_batch(schema).unwrap();
    }
    shell
        .execute_batch("PRAGMA user_version = 2; PRAGMA journal_mode = WAL;")
        .unwrap();
    for (id, key) in [("1", "'k'"), ("2", "'k'"), ("3", "NULL")] {
        shell
            .execute_batch(&format!(
                "INSERT INTO outgoing (kind, id, source, recipient, instance, digest, principal, priority, partition_key, \
                 status, flight, due_at, deadline, accepted_at) VALUES ('message', '{id}', 's', 'executor@b', 'b', x'00', \
                 'admin', 1, {key}, 'waiting', '{{}}', 0, {}, 0);
                 INSERT INTO outgoing_body (key, json) VALUES (last_insert_rowid(), x'7b7d');",
                at(1_000).as_millisecond()
            ))
            .unwrap();
    }
    drop(shell);
    assert_eq!(due(&open(&folder)).await, ["1", "3"]);
}

#[tokio::test]
async fn breakers_are_kept_and_forgotten() {
    let folder = folder();
    let store = open(&folder);
    let breaker = |transport: &str, failures, opened_at| KeptBreaker {
        transport: transport.into(),
        fingerprint: "00ff".into(),
        failures,
        opened_at,
    };
    store.keep_breaker(breaker("b", 2, None)).await.unwrap();
    store.keep_breaker(breaker("a", 5, Some(at(1)))).await.unwrap();
    store.keep_breaker(breaker("b", 3, Some(at(2)))).await.unwrap();
    let all = [breaker("a", 5, Some(at(1))), breaker("b", 3, Some(at(2)))];
    assert_eq!(store.breakers().await.unwrap(), all);
    store.keep_breaker(breaker("b", 0, None)).await.unwrap();
    drop(store);
    assert_eq!(open(&folder).breakers().await.unwrap(), all[..1]);
}

#[derive(Clone, Debug)]
enum Happens {
    Accept(usize),
    Advance(prop::sample::Index, Status, bool),
}

fn anything() -> impl Strategy<Value = Happens> {
    let status = prop::sample::select(vec![
        Status::Waiting,
        Status::Held,
        Status::Delivered,
        Status::Dead,
        Status::Expired,
        Status::Cancelled,
    ]);
    prop_oneof![
        (0..3_usize).prop_map(Happens::Accept),
        (any::<prop::sample::Index>(), status, any::<bool>())
            .prop_map(|(which, status, lets_pass)| Happens::Advance(which, status, lets_pass)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to whichever message: of each partition those are due that have let go, and the first of
    /// those that have not, and never a later one.
    #[test]
    fn only_the_first_of_a_line_has_its_turn(happenings in prop::collection::vec(anything(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = folder();
        let store = open(&folder);
        // The model: each message with its partition, whether it has ended, and whether it stands in line.
        let mut model: Vec<(MessageKey, usize, Status, bool)> = Vec::new();
        for happens in happenings {
            match happens {
                Happens::Accept(partition) => {
                    let new = of_partition(&model.len().to_string(), &partition.to_string());
                    let key = runtime.block_on(accepted(&store, new));
                    model.push((key, partition, Status::Waiting, true));
                }
                Happens::Advance(which, status, lets_pass) => {
                    if model.is_empty() {
                        continue;
                    }
                    let place = which.index(model.len());
                    let (key, _, now, in_line) = &mut model[place];
                    let advance = Advance { lets_pass, ..step(status, at(50)) };
                    runtime.block_on(store.advance(*key, advance)).unwrap();
                    if now.is_end() && (status != Status::Delivered || *now == Status::Delivered) {
                        continue;
                    }
                    *now = status;
                    let stays = match status {
                        Status::Waiting => true,
                        Status::Held | Status::Dead => !lets_pass,
                        _ => false,
                    };
                    *in_line = *in_line && stays;
                }
            }
            let mut first: BTreeMap<usize, MessageKey> = BTreeMap::new();
            for (key, partition, _, in_line) in &model {
                if *in_line {
                    first.entry(*partition).or_insert(*key);
                }
            }
            let mut expected: Vec<String> = model
                .iter()
                .enumerate()
                .filter(|(_, (key, partition, status, in_line))| {
                    !status.is_end() && (!in_line || first[partition] == *key)
                })
                .map(|(id, _)| id.to_string())
                .collect();
            let mut found = runtime.block_on(due(&store));
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
