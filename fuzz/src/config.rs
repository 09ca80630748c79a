//! A configuration: it becomes a model, or a list of problems that a person can go through.

use std::path::Path;

use byway::config::{Place, parse};

/// Any text, read as `byway.toml`.
///
/// # Panics
/// Where a problem stands outside the file, or cannot be shown to a person or a program.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let file = Path::new("/etc/byway/byway.toml");
    match parse(text, file) {
        Ok(config) => {
            for (name, transport) in &config.transports {
                is_inside(text, &transport.place);
                for pointer in ["", "/url", "/a/0/b", "/~1/~0/~", "no pointer"] {
                    is_inside(text, &config.place_of(name, pointer));
                }
            }
            is_inside(text, &config.place_of_key("routes[0].chain[0]"));
        }
        Err(errors) => {
            let problems = errors.problems();
            assert!(!problems.is_empty(), "refused without a problem");
            for problem in problems {
                is_inside(text, &problem.place);
                assert!(
                    !problem.message.is_empty(),
                    "a problem without words: {problem:?}"
                );
            }
            let shown = errors.to_string();
            assert!(shown.contains("nothing was changed"), "cut short: {shown}");
            let json = serde_json::to_value(&errors).expect("problems are JSON");
            assert_eq!(json["problems"].as_array().map(Vec::len), Some(problems.len()));
        }
    }
}

/// The place is one of the text, the end of a line and of the file among them.
fn is_inside(text: &str, place: &Place) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = place
        .line
        .checked_sub(1)
        .and_then(|line| text.split('\n').nth(line));
    let line = line.unwrap_or_else(|| panic!("{place} is beyond the last line"));
    let columns = line.chars().count() + 1;
    assert!(
        (1..=columns).contains(&place.column),
        "{place} is beyond its line"
    );
}
