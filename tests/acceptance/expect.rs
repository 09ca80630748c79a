//! Compares what was observed with what the case expects, or, with `BLESS=1`, writes it down as
//! expected: whoever blesses reads the difference first.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// Compares with the folder's `expected.json`.
pub fn compare(folder: &Path, observed: &Value) -> Result<(), String> {
    let path = folder.join("expected.json");
    let observed = serde_json::to_string_pretty(observed).unwrap_or_default() + "\n";
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        return std::fs::write(&path, observed).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).map_err(|error| {
        format!(
            "{}: {error}; BLESS=1 writes it\nobserved:\n{observed}",
            path.display()
        )
    })?;
    if expected == observed {
        return Ok(());
    }
    Err(format!(
        "not as {} expects (-), but so (+):\n{}",
        path.display(),
        difference(&expected, &observed)
    ))
}

/// Lines that differ, with a few around them.
fn difference(expected: &str, observed: &str) -> String {
    const AROUND: usize = 3;
    let lines = edits(
        &expected.lines().collect::<Vec<_>>(),
        &observed.lines().collect::<Vec<_>>(),
    );
    let near = |place: usize| {
        let from = place.saturating_sub(AROUND);
        lines[from..(place + AROUND + 1).min(lines.len())]
            .iter()
            .any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    let mut skipped = false;
    for (place, (mark, line)) in lines.iter().enumerate() {
        if near(place) {
            if skipped {
                text.push_str("  …\n");
            }
            skipped = false;
            let _ = writeln!(text, "{mark} {line}");
        } else {
            skipped = true;
        }
    }
    text
}

/// The shortest list of kept, removed and added lines, by the longest common subsequence.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}
