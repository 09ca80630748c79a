//! Reads a `config` table into an adapter's own type, and says everything that is wrong with it.
//!
//! Serde alone stops at the first mistake and does not say where it was. Here each mistake has a JSON
//! Pointer, keys that the type does not know are always refused (with the nearest right key), and
//! after a mistake the reading goes on without the member that had it, so that a person corrects
//! a configuration once and not once a mistake.
//!
//! A `Deserialize` implementation of an adapter's own says two things by an error of two lines: what
//! is wrong, and on the second line what would be right.

mod fault;
mod reader;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Problem;
use reader::{Notes, Reader};

/// The most mistakes that are looked for.
const PROBLEMS_MAX: usize = 50;

/// Reads a configuration.
///
/// # Errors
/// Every mistake that can be found, at most 50.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Problem>> {
    let mut value = match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) => {
            return Err(vec![whole(
                "The configuration is not a table.",
                "Write config = { … }.",
            )]);
        }
        Err(error) => {
            return Err(vec![whole(
                &format!("The configuration is not JSON: {error}."),
                "This is a fault of whoever passes it on.",
            )]);
        }
    };
    let mut problems = Vec::new();
    let mut removed = Vec::new();
    while problems.len() < PROBLEMS_MAX {
        let notes = Notes::default();
        let reading = T::deserialize(Reader::whole(&value, &notes));
        for problem in notes.unknown.into_inner() {
            remove(&mut value, &problem.pointer);
            problems.push(problem);
        }
        match reading {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => break,
            Err(fault) => {
                let missing_by_us = fault.is_missing() && removed.contains(&fault.pointer());
                let last = fault.is_missing();
                let problem = fault.into_problem();
                let taken = remove(&mut value, &problem.pointer);
                if !missing_by_us {
                    problems.push(problem);
                }
                match taken {
                    Some(pointer) if !last => removed.push(pointer),
                    _ => break,
                }
            }
        }
    }
    Err(problems)
}

/// Reads a configuration that was read before, when its transport was started, at each attempt. One that is right
/// needs no pointers to mistakes, and is read straight into its type; whatever is not is read as [`read`] does.
///
/// # Errors
/// As [`read`]. A key that the type does not have is not looked for again.
pub fn read_again<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Problem>> {
    serde_json::from_str(text).or_else(|_| read(text))
}

/// The keys that a type reads from its table, for a test that a schema or a page names them all.
#[must_use]
pub fn keys<T: DeserializeOwned>() -> Vec<&'static str> {
    let notes = Notes {
        keys: RefCell::new(Some(Vec::new())),
        ..Notes::default()
    };
    let empty = Value::Object(Map::new());
    // Whether the empty table is right does not matter: its keys are asked for first.
    drop(T::deserialize(Reader::whole(&empty, &notes)));
    notes.keys.into_inner().unwrap_or_default()
}

fn whole(message: &str, fix: &str) -> Problem {
    Problem {
        pointer: String::new(),
        message: message.to_owned(),
        fix: fix.to_owned(),
    }
}

/// Takes out the member that a pointer leads to. Where it leads into an array the whole array goes,
/// since the pointers to the elements after it would not hold any more. Returns the pointer to what
/// was taken.
fn remove(value: &mut Value, pointer: &str) -> Option<String> {
    let (parent, key) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(members) => {
            let key = key.replace("~1", "/").replace("~0", "~");
            members.shift_remove(&key).map(|_| pointer.to_owned())
        }
        _ => remove(value, parent),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        url: String,
        #[serde(default)]
        format: Format,
        #[serde(default)]
        success: Vec<u16>,
        #[serde(default)]
        nested: Nested,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Format {
        #[default]
        Json,
        CloudeventsBinary,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Nested {
        wait: Option<bool>,
    }

    fn problems(text: &str) -> Vec<(String, String, String)> {
        read::<Sample>(text)
            .unwrap_err()
            .into_iter()
            .map(|problem| (problem.pointer, problem.message, problem.fix))
            .collect()
    }

    #[test]
    fn reads_what_is_right() {
        let text =
            r#"{"url": "x", "format": "cloudevents-binary", "success": [200], "nested": {"wait": true}}"#;
        assert_eq!(
            read::<Sample>(text).unwrap(),
            Sample {
                url: "x".to_owned(),
                format: Format::CloudeventsBinary,
                success: vec![200],
                nested: Nested { wait: Some(true) },
            }
        );
    }

    #[test]
    fn reads_again_what_is_right_and_says_of_the_rest_what_reading_says() {
        let right = r#"{"url": "x", "format": "cloudevents-binary", "nested": {"wait": true}}"#;
        assert_eq!(read_again::<Sample>(right), read::<Sample>(right));
        for wrong in [
            r#"{"url": 1}"#,
            "{}",
            "[]",
            "{",
            r#"{"url": "x", "format": "jsn"}"#,
        ] {
            assert_eq!(
                read_again::<Sample>(wrong).unwrap_err(),
                read::<Sample>(wrong).unwrap_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn names_the_nearest_key_though_the_type_does_not_deny_unknown_ones() {
        let found = problems(r#"{"url": "x", "fromat": "json"}"#);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/fromat");
        assert_eq!(found[0].2, "Did you mean `format`?");
    }

    #[test]
    fn lists_the_keys_where_none_is_near() {
        let found = problems(r#"{"url": "x", "nested": {"zzzzzzzz": 1}}"#);
        assert_eq!(
            (found[0].0.as_str(), found[0].2.as_str()),
            ("/nested/zzzzzzzz", "The keys here are: wait.")
        );
    }

    #[test]
    fn finds_all_mistakes_at_once() {
        let text = r#"{"url": 1, "format": "xml", "success": [200, "ok"], "nested": {"wait": "yes", "b/c": 1}, "a": 1}"#;
        let mut pointers: Vec<String> = problems(text).into_iter().map(|problem| problem.0).collect();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/a",
                "/format",
                "/nested/b~1c",
                "/nested/wait",
                "/success/1",
                "/url"
            ]
        );
    }

    #[test]
    fn a_missing_key_is_pointed_at() {
        let found = problems(r#"{"format": "json"}"#);
        assert_eq!(
            found,
            [(
                "/url".to_owned(),
                "`url` is missing.".to_owned(),
                "Add `url`.".to_owned()
            )]
        );
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let found = problems(r#"{"url": "x", "format": "jsn"}"#);
        assert_eq!(found[0].1, "`jsn` is not one of the words here.");
        assert_eq!(found[0].2, "Write \"json\" or \"cloudevents-binary\".");
    }

    #[test]
    fn a_wrong_type_is_answered_with_the_right_one() {
        let found = problems(r#"{"url": ["x"]}"#);
        assert_eq!(
            (found[0].1.as_str(), found[0].2.as_str()),
            ("This is an array.", "Write a text.")
        );
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert_eq!(problems("[]")[0].1, "The configuration is not a table.");
        assert!(problems("{")[0].1.starts_with("The configuration is not JSON"));
    }

    #[test]
    fn tells_the_keys_of_a_type() {
        assert_eq!(keys::<Sample>(), ["url", "format", "success", "nested"]);
    }
}
