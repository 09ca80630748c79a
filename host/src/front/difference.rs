//! What is different between the configuration in force and another. Pure.

use crate::config::{Config, Durability, Problem, Transport};
use crate::error_code::ErrorCode;

/// Everything that a running byway cannot change, and that is different in `new`.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<Problem> {
    let values = |config: &Config| {
        let instance = &config.instance;
        [
            ("instance.name", instance.name.clone()),
            ("instance.data_dir", instance.data_dir.display().to_string()),
            (
                "instance.durability",
                match instance.durability {
                    Durability::Full => "full".to_owned(),
                    Durability::Process => "process".to_owned(),
                },
            ),
            ("api.listen", config.api.listen.to_string()),
            (
                "limits.attempts_at_once_max",
                config.limits.attempts_at_once_max.to_string(),
            ),
        ]
    };
    let pairs = values(old).into_iter().zip(values(new));
    pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((key, old), (_, now))| {
            let message = format!("`{key}` was `{old}` and is `{now}` now, which takes a restart");
            Problem::new(ErrorCode::NeedsRestart, new.place_of_key(key), key, message)
                .with_fix(format!("restart byway, or write `{old}` again"))
        })
        .collect()
}

/// Whether two tables of one transport say the same, wherever they stand.
pub(super) fn is_same(old: &Transport, new: &Transport) -> bool {
    let moved = Transport {
        place: new.place.clone(),
        ..old.clone()
    };
    moved == *new
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BEFORE: &str = "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:1\"\n\
                          [transports.t]\nadapter = \"builtin:file\"\ntimeout = \"5s\"\n";

    fn config(text: &str) -> Config {
        crate::config::parse(text, Path::new("/byway.toml")).unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn what_takes_a_restart_is_named_with_both_values() {
        for (from, to, key) in [
            ("name = \"a\"", "name = \"b\"", "instance.name"),
            ("\"data\"", "\"other\"", "instance.data_dir"),
            (
                "\"data\"",
                "\"data\"\ndurability = \"process\"",
                "instance.durability",
            ),
            ("127.0.0.1:1", "127.0.0.1:2", "api.listen"),
            (
                "[api]",
                "[limits]\nattempts_at_once_max = 5\n[api]",
                "limits.attempts_at_once_max",
            ),
        ] {
            let new = config(&BEFORE.replace(from, to));
            let problems = needs_restart(&config(BEFORE), &new);
            let [problem] = problems.as_slice() else {
                panic!("{key}: {problems:?}");
            };
            assert_eq!(
                (problem.code, problem.key.as_str()),
                (ErrorCode::NeedsRestart, key)
            );
        }
        assert_eq!(needs_restart(&config(BEFORE), &config(BEFORE)), []);
    }

    #[test]
    fn a_transport_that_only_moved_is_the_same() {
        let same = |from: &str, to: &str| {
            let (old, new) = (config(BEFORE), config(&BEFORE.replace(from, to)));
            is_same(&old.transports["t"], &new.transports["t"])
        };
        assert!(same("[api]", "# moved\n\n[api]"));
        assert!(same("5s", "5000ms"));
        assert!(!same("5s", "6s"));
        assert!(!same("\"builtin:file\"", "\"builtin:file\"\ndedupe = \"inbox\""));
        assert!(!same(
            "\"builtin:file\"",
            "\"builtin:file\"\ngrants = { http = [\"GET https://a.test/\"] }"
        ));
    }
}
