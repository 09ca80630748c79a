//! Whose turn it is among the priorities. Pure.
//!
//! Turns go round in fifteens: eight of them are for urgent, four for high, two for normal, one for low, and
//! spread evenly. A turn whose priority has nothing to do goes to the most urgent that has. So of any fifteen messages in a
//! row at least one is low, two are normal and four are high, as long as there are such; whatever else
//! comes, nobody waits longer than that for the next one of its priority.

use crate::store::PRIORITY_MAX;

/// The turns of one round.
pub(super) const ROUND: u8 = 15;

/// Where the round stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns(u8);

impl Turns {
    /// The priority whose turn it is, among those that have something to do; `None` where none has.
    pub(super) fn next(&mut self, has: impl Fn(u8) -> bool) -> Option<u8> {
        // One in two numbers is odd, one in four can be halved once, one in eight twice, one in fifteen thrice.
        let halvings = u8::try_from((self.0 + 1).trailing_zeros()).unwrap_or(PRIORITY_MAX);
        let owner = PRIORITY_MAX.saturating_sub(halvings);
        let chosen = std::iter::once(owner)
            .chain((0..=PRIORITY_MAX).rev())
            .find(|priority| has(*priority))?;
        self.0 = (self.0 + 1) % ROUND;
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Low, normal, high, urgent.
    const LEAST: [usize; 4] = [1, 2, 4, 8];

    #[test]
    fn a_round_is_shared_out_by_weight() {
        let mut turns = Turns::default();
        let round: Vec<u8> = (0..ROUND).map(|_| turns.next(|_| true).unwrap()).collect();
        assert_eq!(round, [3, 2, 3, 1, 3, 2, 3, 0, 3, 2, 3, 1, 3, 2, 3]);
        assert_eq!(turns, Turns::default());
        assert_eq!(turns.next(|_| false), None);
        assert_eq!(turns, Turns::default(), "nobody's turn is used up");
    }

    proptest! {
        /// Whatever else there is to do, and wherever the round stands: the bound holds for every window.
        #[test]
        fn nobody_starves(others in prop::collection::vec(any::<[bool; 4]>(), 60), steady in 0..4_u8) {
            let mut turns = Turns::default();
            let chosen: Vec<u8> = others
                .iter()
                .map(|has| turns.next(|priority| priority == steady || has[usize::from(priority)]).unwrap())
                .collect();
            for window in chosen.windows(usize::from(ROUND)) {
                let found = window.iter().filter(|priority| **priority == steady).count();
                prop_assert!(found >= LEAST[usize::from(steady)], "{window:?}");
            }
        }
    }
}
