//! Whatever one thing is done to a journal, the walk finds it.

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use super::super::checkpoint::CheckpointSigner;
use super::*;

struct Pen(SigningKey);

impl CheckpointSigner for Pen {
    fn key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

fn pen() -> Pen {
    Pen(SigningKey::from_bytes(&[3; 32]))
}

#[derive(Clone, Debug, PartialEq)]
struct Stored {
    seq: i64,
    at: i64,
    event: String,
    id: Option<String>,
    detail: String,
    hash: RowHash,
}

impl Stored {
    fn bytes(&self) -> RowBytes<'_> {
        RowBytes {
            seq: self.seq,
            at: self.at,
            event: self.event.as_bytes(),
            id: self.id.as_deref().map(str::as_bytes),
            source: None,
            recipient: None,
            detail: self.detail.as_bytes(),
        }
    }
}

/// Chains rows from one number on.
fn chain(rows: &mut [Stored], mut before: RowHash) {
    for row in rows {
        row.hash = row.bytes().hash(&before);
        before = row.hash;
    }
}

fn journal(rows: usize) -> Vec<Stored> {
    let mut rows: Vec<Stored> = (1..=rows)
        .map(|number| Stored {
            seq: i64::try_from(number).unwrap(),
            at: 1_000 * i64::try_from(number).unwrap(),
            event: "attempt".into(),
            id: (number % 3 > 0).then(|| format!("m-{number}")),
            detail: format!(r#"{{"out":{number}}}"#),
            hash: RowHash::START,
        })
        .collect();
    chain(&mut rows, RowHash::START);
    rows
}

fn signed(row: &Stored) -> Checkpoint {
    Mark {
        seq: row.seq,
        hash: row.hash,
        count: row.seq,
        at: row.at,
    }
    .signed(&pen())
}

fn walked(pruned: i64, rows: &[Stored], checkpoints: &[(Place, Checkpoint)]) -> Report {
    let mut walk = Walk::new(pruned, checkpoints.iter().copied(), &pen().key());
    for row in rows {
        walk.row(&row.bytes(), &row.hash.0);
    }
    walk.end()
}

fn faults(report: &Report) -> Vec<Fault> {
    report.findings.iter().map(|finding| finding.fault).collect()
}

#[test]
fn a_journal_as_it_was_written_is_sound() {
    let rows = journal(9);
    let checkpoints = [(Place::Table, signed(&rows[3])), (Place::File, signed(&rows[8]))];
    let report = walked(0, &rows, &checkpoints);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.rows, report.first, report.last), (9, 1, 9));
    assert_eq!((report.checkpoints, report.signed_through), (2, 9));
    // Pruned up to the first checkpoint, what is left is sound with it, and only with it.
    let report = walked(4, &rows[4..], &checkpoints);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.first, report.pruned_through), (5, 4));
    assert_eq!(
        faults(&walked(4, &rows[4..], &checkpoints[1..])),
        [Fault::Missing, Fault::Altered]
    );
    assert_eq!(faults(&walked(0, &rows[4..], &checkpoints)), [Fault::Missing]);
}

#[test]
fn one_altered_row_is_one_finding_and_named() {
    let mut rows = journal(9);
    rows[4].detail = "{}".into();
    let report = walked(0, &rows, &[(Place::File, signed(&rows[8]))]);
    assert_eq!(faults(&report), [Fault::Altered]);
    assert_eq!(report.findings[0].row, 5);
}

#[test]
fn rows_made_anew_are_found_by_what_was_signed() {
    let sound = journal(9);
    let mut rows = sound.clone();
    rows[4].detail = "{}".into();
    let before = rows[3].hash;
    chain(&mut rows[4..], before);
    let report = walked(
        0,
        &rows,
        &[
            (Place::Table, signed(&sound[3])),
            (Place::File, signed(&sound[8])),
        ],
    );
    assert_eq!(faults(&report), [Fault::Rewritten]);
    assert!(
        report.findings[0].message.contains("after 4 and up to 9"),
        "{report:?}"
    );
}

#[test]
fn a_strangers_checkpoint_is_none() {
    let rows = journal(4);
    let stranger = Pen(SigningKey::from_bytes(&[4; 32]));
    let forged = Mark {
        seq: 4,
        hash: rows[3].hash,
        count: 4,
        at: 0,
    }
    .signed(&stranger);
    assert_eq!(
        faults(&walked(0, &rows, &[(Place::Table, forged)])),
        [Fault::Unsigned]
    );
    // Nor does it excuse rows that are gone.
    let report = walked(4, &[], &[(Place::Table, forged)]);
    assert_eq!(faults(&report), [Fault::Unsigned, Fault::Missing]);
}

#[test]
fn a_flood_of_findings_is_counted() {
    let rows: Vec<Stored> = journal(400).into_iter().step_by(2).collect();
    let report = walked(0, &rows, &[]);
    assert_eq!((report.findings.len(), report.more_findings), (100, 99));
}

/// One thing that can be done to a journal.
#[derive(Clone, Debug)]
enum Attack {
    Event(usize),
    Id(usize),
    Time(usize, i64),
    Detail(usize, usize),
    Hash(usize, usize),
    Number(usize, i64),
    Remove(usize),
    Insert(usize),
    Swap(usize, usize),
    SwapContent(usize, usize),
    Truncate(usize),
    MadeAnew(usize),
}

fn attack() -> impl Strategy<Value = Attack> {
    let row = 0..40_usize;
    prop_oneof![
        row.clone().prop_map(Attack::Event),
        row.clone().prop_map(Attack::Id),
        (row.clone(), 1..i64::MAX / 2).prop_map(|(row, by)| Attack::Time(row, by)),
        (row.clone(), 0..9_usize).prop_map(|(row, byte)| Attack::Detail(row, byte)),
        (row.clone(), 0..256_usize).prop_map(|(row, bit)| Attack::Hash(row, bit)),
        (row.clone(), 1..99_i64).prop_map(|(row, by)| Attack::Number(row, by)),
        row.clone().prop_map(Attack::Remove),
        row.clone().prop_map(Attack::Insert),
        (row.clone(), row.clone()).prop_map(|(one, other)| Attack::Swap(one, other)),
        (row.clone(), row.clone()).prop_map(|(one, other)| Attack::SwapContent(one, other)),
        (1..40_usize).prop_map(Attack::Truncate),
        row.prop_map(Attack::MadeAnew),
    ]
}

fn done(attack: &Attack, rows: &mut Vec<Stored>) {
    match *attack {
        Attack::Event(row) => rows[row].event.push('x'),
        Attack::Id(row) => rows[row].id = rows[row].id.is_none().then(String::new),
        Attack::Time(row, by) => rows[row].at += by,
        Attack::Detail(row, byte) => drop(rows[row].detail.remove(byte)),
        Attack::Hash(row, bit) => rows[row].hash.0[bit / 8] ^= 1 << (bit % 8),
        Attack::Number(row, by) => rows[row].seq += by,
        Attack::Remove(row) => drop(rows.remove(row)),
        Attack::Insert(row) => {
            let again = rows[row].clone();
            rows.insert(row, again);
        }
        Attack::Swap(one, other) => rows.swap(one, other),
        Attack::SwapContent(one, other) => {
            let (first, second) = (rows[one].clone(), rows[other].clone());
            rows[one] = Stored {
                seq: first.seq,
                ..second.clone()
            };
            rows[other] = Stored {
                seq: second.seq,
                ..first
            };
        }
        Attack::Truncate(length) => rows.truncate(length),
        Attack::MadeAnew(row) => {
            rows[row].detail = "{}".into();
            let before = row
                .checked_sub(1)
                .map_or(RowHash::START, |before| rows[before].hash);
            chain(&mut rows[row..], before);
        }
    }
}

proptest! {
    #[test]
    fn whatever_one_thing_is_done_to_a_journal_is_found(attack in attack(), signed_at in prop::collection::vec(0..40_usize, 0..4)) {
        let sound = journal(40);
        let mut checkpoints: Vec<_> = signed_at.iter().map(|row| (Place::Table, signed(&sound[*row]))).collect();
        checkpoints.push((Place::File, signed(&sound[39])));
        prop_assert!(walked(0, &sound, &checkpoints).is_sound());
        let mut rows = sound.clone();
        done(&attack, &mut rows);
        prop_assume!(rows != sound);
        let report = walked(0, &rows, &checkpoints);
        prop_assert!(!report.is_sound(), "{attack:?}");
    }
}
