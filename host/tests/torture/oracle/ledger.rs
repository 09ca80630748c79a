//! What the clients know for certain: which numbers were accepted, and under which ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The clients' common notes.
#[derive(Default)]
pub struct Ledger(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    accepted: BTreeMap<String, String>,
    unclear: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    repeated: usize,
    allowed: u64,
}

impl Ledger {
    /// So many more messages may be sent.
    pub fn allow(&self, more: u64) {
        self.0.lock().unwrap().allowed += more;
    }

    /// Whether one more may be sent; then it counts.
    pub fn may_send(&self) -> bool {
        let mut notes = self.0.lock().unwrap();
        let may = notes.allowed > 0;
        notes.allowed = notes.allowed.saturating_sub(1);
        may
    }

    /// A number was accepted under an id. The same number must always get the same id.
    pub fn accept(&self, number: &str, id: &str) {
        let mut notes = self.0.lock().unwrap();
        notes.unclear.remove(number);
        if let Some(earlier) = notes.accepted.insert(number.to_owned(), id.to_owned()) {
            notes.repeated += 1;
            assert_eq!(earlier, id, "{number} was accepted under two ids");
        }
    }

    /// A number was sent, and nobody knows whether it was accepted.
    pub fn give_up(&self, number: &str) {
        let mut notes = self.0.lock().unwrap();
        if !notes.accepted.contains_key(number) {
            notes.unclear.insert(number.to_owned());
        }
    }

    /// B has confirmed that a message is processed.
    pub fn acknowledge(&self, id: &str) {
        self.0.lock().unwrap().acknowledged.insert(id.to_owned());
    }

    /// Whether B has confirmed that.
    pub fn is_acknowledged(&self, id: &str) -> bool {
        self.0.lock().unwrap().acknowledged.contains(id)
    }

    /// The accepted numbers with their ids.
    pub fn accepted(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap().accepted.clone()
    }

    /// The numbers whose clients gave up.
    pub fn unclear(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().unclear.clone()
    }

    /// The ids that B has confirmed as processed.
    pub fn acknowledged(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().acknowledged.clone()
    }

    /// How often a number was accepted again, under the same id.
    pub fn repeated(&self) -> usize {
        self.0.lock().unwrap().repeated
    }
}
