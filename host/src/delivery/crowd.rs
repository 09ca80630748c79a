//! How many messages are at one transport at a time, and who waits for a place there.
//!
//! The engine works on so many messages at once. A transport has as many places as its table says, and never so many
//! that the others have none: one more may come only while three times the places that are free (but one) are more than
//! those it has. So one that hangs gets three quarters, a second one three quarters of what is left, and each further
//! one still a place, as long as there is any.
//!
//! A few messages wait for a place in memory; they cost the store nothing, and are let in the moment one is free,
//! by the turns of their priorities. Who comes when that many wait is sent away: the store keeps it by what it waits for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::turns::Turns;

/// How many messages wait in memory for places at one transport.
pub(super) const WAITING_MAX: usize = 16;
/// For each place that stays free, so many may be taken by one transport.
const TAKEN_FOR_EACH_FREE: usize = 3;
/// The priorities.
const PRIORITIES: usize = 4;

/// The messages that are at each transport, and those that wait there.
#[derive(Debug)]
pub(super) struct Crowd {
    places: usize,
    /// Told when a place is free that a message in the store may wait for.
    came_free: Arc<Notify>,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    present: usize,
    at: BTreeMap<String, At>,
}

/// One transport.
#[derive(Debug, Default)]
struct At {
    most: usize,
    present: usize,
    turns: Turns,
    waiting: [VecDeque<oneshot::Sender<Present>>; PRIORITIES],
    /// Messages in the store wait for a place.
    is_wanted: bool,
}

/// One message that is at a transport until this is dropped.
#[derive(Debug)]
pub(super) struct Present {
    crowd: Option<Arc<Crowd>>,
    transport: String,
}

/// What a message meets that comes to a transport.
pub(super) enum Entry {
    /// A place.
    In(Present),
    /// A line in memory: a place comes, or the line is dissolved, and the message has to look again.
    Wait(oneshot::Receiver<Present>),
    /// So many wait that it has to wait in the store.
    Full,
}

impl Crowd {
    pub(super) fn new(places: usize, came_free: Arc<Notify>) -> Self {
        Self {
            places,
            came_free,
            all: Mutex::default(),
        }
    }

    /// Lets a message in where there is a place and nobody waits for it, of the `most` that the transport has.
    pub(super) fn enter(self: &Arc<Self>, transport: &str, most: usize, priority: u8) -> Entry {
        let mut all = self.lock();
        all.at(transport).most = most;
        if all.at(transport).waits() == 0 && all.has_place(transport, self.places) {
            return Entry::In(all.take(transport, self));
        }
        let at = all.at(transport);
        if at.waits() >= WAITING_MAX {
            at.is_wanted = true;
            return Entry::Full;
        }
        let (sender, receiver) = oneshot::channel();
        if let Some(line) = at.waiting.get_mut(usize::from(priority).min(PRIORITIES - 1)) {
            line.push_back(sender);
        }
        Entry::Wait(receiver)
    }

    /// How many messages more a transport with `most` places can do with. Where it is none, byway is told
    /// when that is different.
    pub(super) fn room(&self, transport: &str, most: usize) -> usize {
        let mut all = self.lock();
        let (places, present) = (self.places, all.present);
        let at = all.at(transport);
        let taken = at.present.saturating_add(at.waits());
        let mut room = 0;
        while may_take(places, present + room, taken + room, most) {
            room += 1;
        }
        at.is_wanted = room == 0;
        room
    }

    /// Has everybody look again who waits at a transport.
    pub(super) fn dissolve(&self, transport: &str) {
        self.lock().at(transport).waiting = Default::default();
    }

    /// Has everybody look again who waits anywhere.
    pub(super) fn dissolve_all(&self) {
        for at in self.lock().at.values_mut() {
            at.waiting = Default::default();
        }
    }

    /// How many wait in memory at a transport.
    #[cfg(test)]
    pub(super) fn waiting(&self, transport: &str) -> usize {
        self.lock().at(transport).waits()
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place is free: those who wait are let in, those at the emptiest transport first.
    fn leave(self: &Arc<Self>, transport: &str) {
        let mut all = self.lock();
        all.present = all.present.saturating_sub(1);
        let at = all.at(transport);
        at.present = at.present.saturating_sub(1);
        while let Some(next) = all.next_to_enter(self.places) {
            let Some(waiter) = all.at(&next).next_waiter() else {
                break;
            };
            let present = all.take(&next, self);
            if let Err(mut unclaimed) = waiter.send(present) {
                // Who waited has gone. Given back by hand: its end would wait for the lock that is held here.
                unclaimed.crowd = None;
                all.present = all.present.saturating_sub(1);
                let at = all.at(&next);
                at.present = at.present.saturating_sub(1);
            }
        }
        // Each of them is asked, so that none is still wanted afterwards.
        let wanted = all.at.values_mut().map(|at| std::mem::take(&mut at.is_wanted));
        if wanted.filter(|wanted| *wanted).count() > 0 {
            self.came_free.notify_one();
        }
        all.at.retain(|_, at| at.present > 0 || at.waits() > 0);
    }
}

impl All {
    fn at(&mut self, transport: &str) -> &mut At {
        self.at.entry(transport.to_owned()).or_default()
    }

    fn has_place(&mut self, transport: &str, places: usize) -> bool {
        let present = self.present;
        let at = self.at(transport);
        may_take(places, present, at.present, at.most)
    }

    fn take(&mut self, transport: &str, crowd: &Arc<Crowd>) -> Present {
        self.present += 1;
        self.at(transport).present += 1;
        Present {
            crowd: Some(Arc::clone(crowd)),
            transport: transport.to_owned(),
        }
    }

    /// The transport with the fewest messages that has a place for one who waits.
    fn next_to_enter(&self, places: usize) -> Option<String> {
        self.at
            .iter()
            .filter(|(_, at)| at.waits() > 0 && may_take(places, self.present, at.present, at.most))
            .min_by_key(|(_, at)| at.present)
            .map(|(name, _)| name.clone())
    }
}

impl At {
    /// Those who wait. Who has gone away is counted until its turn comes, or the line is full.
    fn waits(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    fn next_waiter(&mut self) -> Option<oneshot::Sender<Present>> {
        let waiting = &self.waiting;
        let has = |priority: u8| {
            waiting
                .get(usize::from(priority))
                .is_some_and(|line| !line.is_empty())
        };
        let priority = self.turns.next(has)?;
        self.waiting.get_mut(usize::from(priority))?.pop_front()
    }
}

impl Present {
    /// Where it is.
    pub(super) fn transport(&self) -> &str {
        &self.transport
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(crowd) = self.crowd.take() {
            crowd.leave(&self.transport);
        }
    }
}

/// Whether a transport that has `taken` of the places, and may have `most`, may take another.
fn may_take(places: usize, present: usize, taken: usize, most: usize) -> bool {
    let free = places.saturating_sub(present);
    let share = free.saturating_sub(1).saturating_mul(TAKEN_FOR_EACH_FREE);
    free > 0 && taken < most.max(1) && (taken == 0 || taken < share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(places: usize) -> Arc<Crowd> {
        Arc::new(Crowd::new(places, Arc::default()))
    }

    fn fill(crowd: &Arc<Crowd>, transport: &str, most: usize) -> Vec<Present> {
        let mut there = Vec::new();
        while crowd.room(transport, most) > 0 {
            match crowd.enter(transport, most, 1) {
                Entry::In(present) => there.push(present),
                _ => panic!("there was room"),
            }
        }
        there
    }

    #[test]
    fn however_many_hang_the_next_one_finds_a_place() {
        for places in [8, 64, 4096] {
            let crowd = crowd(places);
            let first = fill(&crowd, "a", usize::MAX);
            let second = fill(&crowd, "b", usize::MAX);
            assert!(
                first.len() <= places * 3 / 4 && first.len() > places / 2,
                "{}",
                first.len()
            );
            assert!(
                first.len() + second.len() < places,
                "{} {}",
                first.len(),
                second.len()
            );
            assert_eq!(crowd.room("c", 1), 1);
        }
        // No more than its table says, whatever is free.
        assert_eq!(fill(&crowd(64), "a", 8).len(), 8);
    }

    #[test]
    fn everything_is_given_back() {
        let crowd = crowd(8);
        let there = fill(&crowd, "a", 3);
        let Entry::Wait(mut next) = crowd.enter("a", 3, 1) else {
            panic!("it is full");
        };
        drop(crowd.enter("a", 3, 1));
        drop(there);
        assert_eq!(next.try_recv().unwrap().transport(), "a");
        drop(next);
        assert_eq!(crowd.room("a", 3), 3);
        assert_eq!(crowd.lock().present, 0);
    }

    #[test]
    fn a_place_that_comes_free_goes_by_turns_to_those_who_wait() {
        let crowd = crowd(8);
        let there = fill(&crowd, "a", 1);
        let mut waiting: Vec<(u8, oneshot::Receiver<Present>)> = Vec::new();
        for priority in [0, 0, 1, 3, 3, 3, 3, 3] {
            match crowd.enter("a", 1, priority) {
                Entry::Wait(receiver) => waiting.push((priority, receiver)),
                _ => panic!("it is full"),
            }
        }
        drop(there);
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let place = waiting
                .iter_mut()
                .position(|(_, waiter)| waiter.try_recv().is_ok());
            order.push(waiting.remove(place.unwrap()).0);
        }
        assert_eq!(order, [3, 3, 3, 1, 3, 3, 0, 0]);
    }

    #[test]
    fn only_so_many_wait_in_memory_and_byway_hears_of_the_place_that_comes_free() {
        let crowd = crowd(8);
        let there = fill(&crowd, "a", 1);
        let mut waiting = Vec::new();
        for _ in 0..WAITING_MAX {
            waiting.push(crowd.enter("a", 1, 1));
        }
        assert!(matches!(crowd.enter("a", 1, 1), Entry::Full));
        assert_eq!(crowd.room("a", 1), 0);
        drop(there);
        let told = crowd.came_free.notified();
        assert!(futures_util::FutureExt::now_or_never(told).is_some());
        crowd.dissolve("a");
        for entry in waiting.iter_mut().skip(1) {
            let Entry::Wait(waiter) = entry else {
                panic!("it waited");
            };
            assert!(waiter.try_recv().is_err());
        }
    }
}
