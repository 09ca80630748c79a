//! Adapters that could not be compiled for a reason that may pass are compiled again by themselves.
//!
//! A machine that is busy when byway starts takes longer than compiling may take, or has no room for the compiler. Nobody
//! has to come and reload for that; but a component that is too much for any machine must not keep a processor busy for
//! ever. So the pauses get longer, and it is seen when the next one ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::Transport;

/// The first pause. A failure that cost much time is remembered as long, and would only be told again before.
const FIRST: Duration = Duration::from_secs(300);
/// The longest.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The transports that are to be loaded again, by name.
#[derive(Debug, Default)]
pub(super) struct Recompiling(Mutex<BTreeMap<String, Failed>>);

#[derive(Debug)]
struct Failed {
    transport: Transport,
    failures: u32,
    at: Timestamp,
    is_under_way: bool,
}

impl Recompiling {
    /// Notes that a transport could not be loaded now. Says after what pause it is tried again.
    pub(super) fn note(&self, transport: &Transport, now: Timestamp) -> Duration {
        let mut all = self.lock();
        let failures = all.get(&transport.name).map_or(0, |before| before.failures);
        let pause = FIRST.saturating_mul(1 << failures.min(16)).min(LONGEST);
        let failed = Failed {
            transport: transport.clone(),
            failures: failures.saturating_add(1),
            at: after(now, pause),
            is_under_way: false,
        };
        all.insert(transport.name.clone(), failed);
        pause
    }

    /// That it was loaded, or failed for good.
    pub(super) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    /// When a transport is tried again; `None` where it is not, or this very moment.
    pub(super) fn at(&self, name: &str) -> Option<Timestamp> {
        let all = self.lock();
        let failed = all.get(name).filter(|failed| !failed.is_under_way);
        failed.map(|failed| failed.at)
    }

    /// Those whose time has come. Each is given once, until it is noted again; those that are not wanted any more are
    /// forgotten.
    pub(super) fn due(&self, now: Timestamp, is_wanted: impl Fn(&Transport) -> bool) -> Vec<Transport> {
        let mut all = self.lock();
        all.retain(|_, failed| is_wanted(&failed.transport));
        let mut due = Vec::new();
        for failed in all.values_mut().filter(|failed| !failed.is_under_way) {
            // A clock that went back makes nobody wait longer than the longest pause.
            failed.at = failed.at.min(after(now, LONGEST));
            if failed.at <= now {
                failed.is_under_way = true;
                due.push(failed.transport.clone());
            }
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn transport() -> Transport {
        let text = "[instance]\nname = \"a\"\ndata_dir = \"data\"\n[transports.hook]\nadapter = \"builtin:webhook\"\n";
        let config = crate::config::parse(text, Path::new("/byway.toml")).unwrap();
        config.transports["hook"].clone()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_pauses_get_longer_and_end_at_an_hour() {
        let (failing, hook) = (Recompiling::default(), transport());
        let pauses: Vec<u64> = (0..6).map(|_| failing.note(&hook, at(0)).as_secs()).collect();
        assert_eq!(pauses, [300, 600, 1_200, 2_400, 3_600, 3_600]);
        failing.forget("hook");
        assert_eq!(failing.at("hook"), None);
        assert_eq!(failing.note(&hook, at(0)).as_secs(), 300);
    }

    #[test]
    fn each_is_tried_once_at_its_time_and_only_while_it_is_wanted() {
        let (failing, hook) = (Recompiling::default(), transport());
        failing.note(&hook, at(0));
        assert!(failing.due(at(299), |_| true).is_empty());
        assert_eq!(failing.at("hook"), Some(at(300)));
        assert_eq!(failing.due(at(300), |_| true).len(), 1);
        assert!(failing.due(at(301), |_| true).is_empty(), "it is under way");
        failing.note(&hook, at(400));
        assert_eq!(failing.at("hook"), Some(at(1_000)));
        assert!(failing.due(at(2_000), |_| false).is_empty());
        assert!(failing.due(at(2_000), |_| true).is_empty(), "it was forgotten");
    }

    #[test]
    fn a_clock_that_goes_back_makes_it_wait_an_hour_at_most() {
        let (failing, hook) = (Recompiling::default(), transport());
        failing.note(&hook, at(1_000_000));
        assert!(failing.due(at(0), |_| true).is_empty());
        assert_eq!(failing.due(at(3_600), |_| true).len(), 1);
    }
}
