//! Looks after the store while byway runs: signs the journal, and takes out what is old enough.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::Byway;
use crate::config::Retention;
use crate::store::{Cutoffs, Pruned};

/// How often. What is added to the journal is unsigned for that long at most.
const EVERY: Duration = Duration::from_secs(60);

impl Byway {
    /// Does so until `stop` turns true. What is begun is ended; each piece of it takes well under a second.
    pub(super) async fn look_after_the_store(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.upkeep().await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn upkeep(&self) {
        let now = (self.ground.clock)();
        match self.store().prune(cutoffs(&self.config().retention, now)).await {
            Ok(pruned) if pruned != Pruned::default() => {
                tracing::info!(?pruned, "what was old enough is gone")
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "what is old enough could not be taken out; byway tries again")
            }
        }
        if let Err(error) = self.store().checkpoint().await {
            tracing::warn!(%error, "the journal could not be signed; byway tries again");
        }
    }
}

/// When what is kept for so long must have ended to go now.
fn cutoffs(retention: &Retention, now: Timestamp) -> Cutoffs {
    let before = |kept: Duration| {
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        now.checked_sub(kept).unwrap_or(Timestamp::MIN)
    };
    Cutoffs {
        now,
        delivered: before(retention.delivered),
        dead: retention.dead.map_or(Timestamp::MIN, before),
        processed: before(retention.processed),
        journal: before(retention.journal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_longer_than_time_is_never_old_enough() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let for_ever = Duration::from_secs(100 * 365 * 86_400);
        let minute = Duration::from_secs(60);
        let retention = Retention {
            delivered: minute,
            dead: Some(for_ever),
            processed: minute,
            journal: Duration::MAX,
        };
        let cutoffs = cutoffs(&retention, now);
        assert_eq!(cutoffs.delivered, Timestamp::from_second(1_000_000 - 60).unwrap());
        assert!(cutoffs.dead < Timestamp::UNIX_EPOCH);
        assert_eq!(cutoffs.journal, Timestamp::MIN);
        let dead_letters_stay = Retention {
            dead: None,
            ..retention
        };
        assert_eq!(super::cutoffs(&dead_letters_stay, now).dead, Timestamp::MIN);
    }
}
