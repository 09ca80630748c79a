//! `byway journal`, with and without a server, on journals that hold and on one that does not.

use rusqlite::Connection;
use rustix::process::Signal;

use crate::place::Place;
use crate::serve::Server;

fn sent(place: &Place, text: &str) {
    let ran = place.run(&["send", "--to", "reviewer@a", "--from", "planner", text]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_journal_holds_with_and_without_a_server() {
    let place = Place::new();
    sent(&place, "one");
    let ran = place.run(&["journal", "verify", "--replay"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(
        ran.stdout
            .starts_with("sound: 1 row, number 1\nsigned up to row 1\n"),
        "{ran:?}"
    );
    let server = Server::start(&place, &["serve"]);
    sent(&place, "two");
    let view = place.run(&["journal", "verify", "--replay", "--json"]).json();
    assert_eq!(
        (&view["sound"], &view["rows"]),
        (&true.into(), &2.into()),
        "{view}"
    );
    assert_eq!(server.end(Signal::TERM).code(), Some(0));
    let view = place.run(&["journal", "verify", "--json"]).json();
    assert_eq!(view["signed_through"], 2, "{view}");
}

#[test]
fn what_was_done_to_it_is_told_row_by_row() {
    let place = Place::new();
    for text in ["one", "two", "three"] {
        sent(&place, text);
    }
    let store = Connection::open(place.path("data/byway.sqlite3")).unwrap();
    store
        .execute_batch(
            "DROP TRIGGER journal_is_not_changed; \
             UPDATE journal SET recipient = 'planner@a' WHERE seq = 2; \
             DROP TRIGGER journal_is_not_shortened; DELETE FROM journal WHERE seq = 3;",
        )
        .unwrap();
    let ran = place.run(&["journal", "verify"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (65, ""), "{ran:?}");
    for part in [
        "error[BW409]: 2 things are wrong",
        "row 2 was altered",
        "the last row is 2",
        "there were 3",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let ran = place.run(&["journal", "verify", "--replay", "--json"]);
    assert_eq!(ran.code, 65);
    let view = ran.json();
    assert_eq!(
        (&view["sound"], &view["findings"][0]["row"]),
        (&false.into(), &2.into()),
        "{view}"
    );
    assert_eq!(view["findings"][2]["fault"], "differs", "{view}");
}

#[test]
fn rows_are_shown_for_one_message_and_as_json_for_all() {
    let place = Place::new();
    sent(&place, "one");
    sent(&place, "two");
    let all = place.run(&["journal", "show", "--json"]);
    let rows: Vec<serde_json::Value> = all
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2, "{all:?}");
    assert_eq!(rows[1]["detail"]["stands"], "unread");
    let id = rows[1]["id"].as_str().unwrap();
    let one = place.run(&["journal", "show", "--id", id]);
    assert_eq!((one.code, one.stdout.lines().count()), (0, 1), "{one:?}");
    assert!(
        one.stdout.contains("taken-in") && one.stdout.contains("reviewer@a"),
        "{one:?}"
    );
    // No body: not even the shortest text.
    assert!(!all.stdout.contains("two"), "{all:?}");
}

#[test]
fn where_there_is_no_journal_that_is_said_and_none_is_made() {
    let place = Place::new();
    let ran = place.run(&["journal", "verify"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (75, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("it has no database, and so no journal"),
        "{ran:?}"
    );
    assert!(!place.path("data").exists());
}

#[test]
fn a_full_budget_refuses_what_is_new_and_says_what_to_do() {
    let place = Place::with(
        "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[store]\nfree_min = \"1048576GiB\"\n[api]\nlisten = \"127.0.0.1:0\"\n",
    );
    let ran = place.run(&[
        "send",
        "--to",
        "reviewer@a",
        "--from",
        "planner",
        "--json",
        "hello",
    ]);
    assert_eq!(ran.code, 75, "{ran:?}");
    let problem = ran.problem();
    assert_eq!(problem["code"], "BW407", "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("store.free_min"),
        "{problem}"
    );
    assert!(
        problem["fix"].as_str().unwrap().contains("[retention]"),
        "{problem}"
    );
}
