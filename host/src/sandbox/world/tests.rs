//! Every kind of difference, made by changing the contract's own text.

use super::of_wit::world;
use super::shape::World;
use super::*;

/// What is said of an adapter that was built against the contract with one text replaced.
fn said(from: &str, to: &str) -> (String, Side) {
    assert!(CONTRACT.contains(from), "the contract has no {from}");
    let theirs = world(&CONTRACT.replacen(from, to, 1)).unwrap();
    let ours = world(CONTRACT).unwrap();
    let (exports, imports): (World, World) = theirs
        .into_iter()
        .partition(|(name, _)| ["adapter", "reconciler", "receiver"].contains(&name.as_str()));
    let found = difference::first(&ours, &imports, &exports).expect("a difference");
    (found.sentence, found.more)
}

#[test]
fn the_contract_has_no_difference_from_itself() {
    let ours = world(CONTRACT).unwrap();
    assert!(ours["adapter"].contains_key("send") && ours.len() >= 11);
    assert_eq!(difference::first(&ours, &ours, &ours), None);
}

#[test]
fn functions_are_told_by_name_and_count() {
    let cases = [
        (
            "describe: func() -> description;",
            "",
            "the adapter's `adapter` lacks the function `describe`",
            Side::Byway,
        ),
        (
            "send: func(envelope: envelope, attempt: attempt) -> result<receipt, failure>;",
            "send: func(envelope: envelope, attempt: attempt, budget: u32) -> result<receipt, failure>;",
            "the adapter's `send` of `adapter` takes 3 parameters, this byway's 2",
            Side::Adapter,
        ),
        (
            "close: func(connection: connection);",
            "close: func(connection: connection); ping: func();",
            "the adapter calls `ping` of `websocket`, which this byway does not have",
            Side::Adapter,
        ),
        (
            "check: func(config: string)",
            "check: func(config: list<u8>)",
            "the parameter `config` of `check` of `adapter` is a list<u8> in the adapter, and a string in this byway",
            Side::Both,
        ),
        (
            "probe: func() -> readiness;",
            "probe: func();",
            "the result of `probe` of `adapter` is nothing in the adapter, and a record `readiness` in this byway",
            Side::Byway,
        ),
    ];
    for (from, to, sentence, more) in cases {
        assert_eq!(said(from, to), (sentence.to_owned(), more));
    }
}

#[test]
fn members_are_told_by_name() {
    let cases = [
        (
            "    max-data-bytes: option<u64>,\n",
            "",
            "in the adapter, the record `description` lacks the field `max-data-bytes`",
            Side::Byway,
        ),
        (
            "    max-data-bytes: option<u64>,\n",
            "    max-data-bytes: option<u64>, colour: string,\n",
            "in the adapter, the record `description` has an additional field `colour`",
            Side::Adapter,
        ),
        (
            "    max-data-bytes: option<u64>,\n",
            "    max-data-bytes: option<u32>,\n",
            "the field `max-data-bytes` of the record `description` is a u32 in the adapter, and a u64 in this byway",
            Side::Both,
        ),
        (
            "    not-ready,\n",
            "    not-ready, asleep,\n",
            "in the adapter, the enum `state` has an additional case `asleep`",
            Side::Adapter,
        ),
        (
            "    answered(tuple<receipt, string>),\n",
            "    answered(tuple<receipt, u8>),\n",
            "place 2 of the case `answered` of the variant `verdict` is a u8 in the adapter, and a string in this byway",
            Side::Both,
        ),
        (
            "    exited(s32),\n    /// A signal ended it.\n    signalled(s32),\n",
            "    signalled(s32),\n    exited(s32),\n",
            "in the adapter, the variant `ending` has its cases in another order: `signalled` where `exited` stands",
            Side::Both,
        ),
    ];
    for (from, to, sentence, more) in cases {
        assert_eq!(said(from, to), (sentence.to_owned(), more));
    }
}

#[test]
fn an_interface_that_is_not_ours_is_told() {
    let ours = world(CONTRACT).unwrap();
    let mut imports = World::new();
    imports.insert("telepathy".into(), Default::default());
    let found = difference::first(&ours, &imports, &World::new()).unwrap();
    assert!(found.sentence.contains("`telepathy`"), "{}", found.sentence);
}

#[test]
fn an_adapter_that_uses_less_of_the_imports_fits() {
    let ours = world(CONTRACT).unwrap();
    let mut imports = ours.clone();
    imports.remove("websocket");
    imports.get_mut("files").unwrap().remove("claim");
    let mut exports = World::new();
    exports.insert("adapter".into(), ours["adapter"].clone());
    assert_eq!(difference::first(&ours, &imports, &exports), None);
}
