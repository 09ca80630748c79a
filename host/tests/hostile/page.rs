//! Holds `docs/security.md` to the table: every case has its row, and every row its case.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cases;

#[test]
fn every_case_has_its_row_and_every_row_its_case() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let page = std::fs::read_to_string(page).unwrap();
    // The last column of a row of an attack names its cases.
    let told: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches('|').count() == 4)
        .filter_map(|line| line.rsplit('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| !name.contains("::"))
        .collect();
    let all = cases::all();
    let run: BTreeSet<&str> = all.iter().map(|case| case.name).collect();
    assert_eq!(run.len(), all.len(), "two cases have one name");
    let without_row: Vec<_> = run.difference(&told).collect();
    let without_case: Vec<_> = told.difference(&run).collect();
    assert!(
        without_row.is_empty() && without_case.is_empty(),
        "docs/security.md has no row for {without_row:?}, and rows without a case: {without_case:?}"
    );
}
