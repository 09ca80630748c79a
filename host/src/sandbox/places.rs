//! How many calls may run at once, and that no transport takes the room of the others.
//!
//! A call needs a place of its transport and a slot of the pool. A transport has fewer places than the
//! pool has slots, whatever its `at_once_max` says: however many of its calls hang, sends, fetches and
//! probes together, a part of the slots stays for the rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lane::Machine;
use crate::config::{Limits, Transport};
use crate::contract::HostFault;

/// The shortest wait for a place, for transports with a timeout of next to nothing.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// The places of one transport.
#[derive(Debug)]
pub(super) struct Places {
    transport: String,
    own: Arc<Semaphore>,
    most: usize,
    patience: Duration,
}

/// A place among a transport's calls and a slot for an instance, given back when dropped.
#[derive(Debug)]
pub struct Place {
    _own: OwnedSemaphorePermit,
    _slot: OwnedSemaphorePermit,
}

impl Places {
    /// As many as the transport's table says, but never more than its share.
    pub(super) fn of(transport: &Transport, machine: &Machine) -> Self {
        let share = Limits::share_of_one(machine.attempts_at_once_max);
        let most = transport.limits.at_once_max.clamp(1, share);
        Self {
            transport: transport.name.clone(),
            own: Arc::new(Semaphore::new(most)),
            most,
            patience: transport.limits.timeout.max(PATIENCE_MIN),
        }
    }

    /// Waits for a place and a slot, as long as one attempt may take.
    pub(super) async fn take(&self, machine: &Machine) -> Result<Place, HostFault> {
        let both = async {
            let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
            let slot = Arc::clone(&machine.slots).acquire_owned().await.ok()?;
            Some(Place {
                _own: own,
                _slot: slot,
            })
        };
        match tokio::time::timeout(self.patience, both).await {
            Ok(Some(place)) => Ok(place),
            _ => Err(HostFault {
                code: "busy",
                message: format!(
                    "all {} places of the transport {} (or all of byway's) are taken",
                    self.most, self.transport
                ),
            }),
        }
    }
}
