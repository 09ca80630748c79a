//! Walks along a journal and says everything that is wrong with it. Pure: rows and checkpoints come in,
//! findings come out.
//!
//! After a fault the walk goes on from the hash that stands in the file, so that one altered row is
//! one finding and not a finding for each row after it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::chain::{RowBytes, RowHash};
use super::checkpoint::{Checkpoint, Mark};
use crate::envelope::PublicKey;

/// More findings than this are counted, but not told one by one.
const FINDINGS_MAX: usize = 100;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A row does not follow from the one before it.
    Altered,
    /// Numbers are left out.
    Missing,
    /// The end is not there.
    Truncated,
    /// Rows stand in an order that no journal has.
    Reordered,
    /// A checkpoint says something else than the rows.
    Rewritten,
    /// A checkpoint is not signed by this byway.
    Unsigned,
    /// Checkpoints that must be there are not.
    NoCheckpoint,
    /// The tables say something else than the journal.
    Differs,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// The first row that it is about.
    pub row: i64,
    /// What it means, in words.
    pub message: String,
}

/// Where a checkpoint was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Place {
    /// In the database.
    Table,
    /// In the file beside it.
    File,
    /// In the file beside it, as one that did not hold when byway started.
    Unmet,
}

/// What a look at a journal has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many rows there are.
    pub rows: u64,
    /// The first row's number; 0 where there is none.
    pub first: i64,
    /// The last row's number; up to where old ones were pruned, if there is none.
    pub last: i64,
    /// Rows up to this number were pruned.
    pub pruned_through: i64,
    /// How many checkpoints hold.
    pub checkpoints: u64,
    /// The last row that a checkpoint covers.
    pub signed_through: i64,
    /// What is wrong; at most a hundred of it.
    pub findings: Vec<Finding>,
    /// How much more is wrong.
    pub more_findings: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    pub(in crate::store) fn find(&mut self, fault: Fault, row: i64, message: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { fault, row, message });
        } else {
            self.more_findings += 1;
        }
    }
}

/// A walk along a journal, row by row.
pub(in crate::store) struct Walk {
    report: Report,
    before: RowHash,
    checkpoints: BTreeMap<i64, Vec<(Place, Checkpoint)>>,
}

impl Walk {
    /// Begins a walk. `pruned_through` is what the database says of pruned rows; `key` is this byway's.
    pub(in crate::store) fn new(
        pruned_through: i64,
        checkpoints: impl IntoIterator<Item = (Place, Checkpoint)>,
        key: &PublicKey,
    ) -> Self {
        let mut walk = Self {
            report: Report {
                last: pruned_through,
                pruned_through,
                ..Report::default()
            },
            before: RowHash::START,
            checkpoints: BTreeMap::new(),
        };
        for (place, checkpoint) in checkpoints {
            let seq = checkpoint.mark.seq;
            if checkpoint.is_signed_by(key) {
                walk.checkpoints.entry(seq).or_default().push((place, checkpoint));
            } else {
                let message = format!(
                    "{} at row {seq} is not signed by this byway's identity",
                    place.name()
                );
                walk.report.find(Fault::Unsigned, seq, message);
            }
        }
        if pruned_through > 0 {
            match walk.checkpoints.get(&pruned_through).and_then(|found| found.first()) {
                Some((_, checkpoint)) => walk.before = checkpoint.mark.hash,
                None => walk.report.find(
                    Fault::Missing,
                    1,
                    format!("rows 1 to {pruned_through} are not there, and no signed checkpoint says that they were pruned"),
                ),
            }
            let _ = walk.compare(pruned_through, walk.before);
        }
        walk
    }

    /// The next row, as the file has it, with the hash that stands beside it.
    pub(in crate::store) fn row(&mut self, row: &RowBytes<'_>, hash: &[u8]) {
        let expected = self.report.last.saturating_add(1);
        self.report.rows += 1;
        if self.report.first == 0 {
            self.report.first = row.seq;
        }
        let stands = RowHash::from_slice(hash).unwrap_or(RowHash::START);
        if row.seq < expected {
            let message = format!("row {} stands where row {expected} should be", row.seq);
            self.report.find(Fault::Reordered, row.seq, message);
        } else if row.seq > expected {
            let message = match row.seq - expected {
                1 => format!("row {expected} is not there"),
                _ => format!("rows {expected} to {} are not there", row.seq - 1),
            };
            self.report.find(Fault::Missing, expected, message);
        } else if row.hash(&self.before) != stands {
            let message = format!(
                "row {} was altered, or the row before it was, or it was put in the place of another: it does not follow",
                row.seq
            );
            self.report.find(Fault::Altered, row.seq, message);
        }
        self.report.last = self.report.last.max(row.seq);
        self.before = stands;
        if self.compare(row.seq, stands) {
            self.report.signed_through = row.seq;
        }
    }

    /// A row that cannot be read.
    pub(in crate::store) fn unreadable(&mut self, seq: i64, why: &str) {
        self.report.rows += 1;
        self.report
            .find(Fault::Altered, seq, format!("row {seq} cannot be read: {why}"));
        self.report.last = self.report.last.max(seq);
        self.before = RowHash::START;
    }

    /// Ends the walk.
    pub(in crate::store) fn end(mut self) -> Report {
        let last = self.report.last;
        let beyond = self.checkpoints.split_off(&last.saturating_add(1));
        if let Some((seq, found)) = beyond.last_key_value() {
            let places: Vec<&str> = found.iter().map(|(place, _)| place.name()).collect();
            let message = format!(
                "the end is not there: the last row is {last}, and {} says that there were {seq}",
                places.join(", ")
            );
            self.report
                .find(Fault::Truncated, last.saturating_add(1), message);
        }
        self.report
    }

    /// Compares what was signed of a row with what stands there. True where something was, and it holds.
    fn compare(&mut self, seq: i64, stands: RowHash) -> bool {
        let found = self.checkpoints.remove(&seq).unwrap_or_default();
        let mut holds = false;
        for (
            place,
            Checkpoint {
                mark: Mark { hash, .. },
                ..
            },
        ) in found
        {
            if hash == stands {
                self.report.checkpoints += 1;
                holds = true;
                continue;
            }
            let message = format!(
                "the rows after {} and up to {seq} are not those that {} signed: some of them were altered, and the chain made anew",
                self.report.signed_through.max(self.report.pruned_through),
                place.name()
            );
            self.report.find(Fault::Rewritten, seq, message);
        }
        holds
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Table => "the database's checkpoint",
            Self::File => "the checkpoint in the file beside the database",
            Self::Unmet => "a checkpoint that did not hold when byway started",
        }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
