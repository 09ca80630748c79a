//! How many callers the writer waits for before it begins a transaction. Pure.
//!
//! Whoever was answered together comes again at about the same time, but not at once: without a wait the first of them takes
//! a sync for itself, and the others queue behind it. So where several share the disk, as many as last time are waited
//! for, for a few milliseconds at most; now and then for twice as many, to learn whether there are more. One that is
//! alone never waits.

/// As many callers are worth a wait. More come without one.
pub(super) const WANTED_MAX: usize = 32;
/// How often more are waited for than came the last time: at every so many transactions.
const PROBE_EVERY: u32 = 8;

/// What the transactions so far tell of the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gather {
    /// How many usually come together.
    usual: usize,
    /// Transactions since more were waited for.
    since_probe: u32,
}

impl Gather {
    /// How many calls the next transaction should have, if they come soon.
    pub(super) fn wanted(self) -> usize {
        let wanted = match self.usual {
            0 | 1 => 1,
            usual if self.since_probe >= PROBE_EVERY => usual.saturating_mul(2),
            usual => usual,
        };
        wanted.min(WANTED_MAX)
    }

    /// Notes how many of those who come together a transaction had.
    pub(super) fn wrote(&mut self, calls: usize) {
        self.since_probe = match self.since_probe {
            PROBE_EVERY.. => 0,
            since => since + 1,
        };
        self.usual = if calls >= self.usual {
            calls
        } else {
            // Fewer once may be chance.
            self.usual - (self.usual - calls).div_ceil(4)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers that come again after they were answered, one after the other, `between` units of time apart; a sync takes
    /// `sync` units, a wait at most `most`. The calls of each transaction.
    fn groups(callers: usize, between: usize, sync: usize, most: usize) -> Vec<usize> {
        let mut gather = Gather::default();
        let (mut coming, mut queue) = (callers, 0);
        let mut groups = Vec::new();
        // Time until the next one is there.
        let mut next = between;
        let mut pass = |time: usize, coming: &mut usize, queue: &mut usize| {
            for _ in 0..time {
                next -= 1;
                if next == 0 {
                    next = between;
                    if *coming > 0 {
                        *coming -= 1;
                        *queue += 1;
                    }
                }
            }
        };
        while groups.len() < 400 {
            while queue == 0 {
                pass(1, &mut coming, &mut queue);
            }
            let mut waited = 0;
            while queue < gather.wanted() && waited < most {
                pass(1, &mut coming, &mut queue);
                waited += 1;
            }
            let calls = queue;
            queue = 0;
            pass(sync, &mut coming, &mut queue);
            coming += calls;
            gather.wrote(calls);
            groups.push(calls);
        }
        groups
    }

    #[test]
    fn sixty_four_callers_on_a_quick_disk_share_syncs() {
        // A caller every 200 µs, a sync of 400 µs, at most 4 ms of waiting.
        let groups = groups(64, 2, 4, 40);
        let settled: usize = groups[200..].iter().sum();
        assert!(settled / 200 >= 20, "{groups:?}");
    }

    #[test]
    fn one_that_is_alone_is_never_kept_waiting() {
        let mut gather = Gather::default();
        for _ in 0..100 {
            assert_eq!(gather.wanted(), 1);
            gather.wrote(1);
        }
    }

    #[test]
    fn when_the_others_have_gone_the_wait_ends_soon() {
        let mut gather = Gather::default();
        gather.wrote(64);
        assert_eq!(gather.wanted(), WANTED_MAX);
        for _ in 0..30 {
            gather.wrote(1);
        }
        assert_eq!(gather.wanted(), 1);
    }
}
