//! One configuration with everything that was made of it, and the one place where it is swapped.
//!
//! Doors, routes, limits and transports of one setup belong together. Whoever answers a call or takes a step
//! takes hold of the whole once, so nobody sees half of one and half of another; and an old setup, with its
//! adapters and connections, goes when the last attempt that began under it has ended.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::config::Config;
use crate::delivery::{Clock, Fleet, InForce, Tells, Transports};
use crate::identity::Identity;
use crate::intake::Intake;
use crate::routing::Router;
use crate::store::{DiskLimits, Store};

/// A configuration, put to work.
pub(crate) struct Setup {
    pub(crate) config: Arc<Config>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) fleet: Arc<Fleet>,
    pub(super) in_force: Arc<InForce>,
}

/// What stays the same whatever the configuration says.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) identity: Arc<Identity>,
    pub(super) clock: Clock,
}

impl Setup {
    pub(super) fn new(config: Config, fleet: Fleet, ground: &Ground) -> Self {
        let config = Arc::new(config);
        ground.store.limit_disk(DiskLimits {
            bytes_max: config.store.bytes_max,
            free_min: config.store.free_bytes_min,
        });
        let router = Arc::new(Router::new(&config));
        let fleet = Arc::new(fleet);
        let intake = Arc::new(Intake {
            config: Arc::clone(&config),
            router: Arc::clone(&router),
            store: ground.store.clone(),
            identity: Arc::clone(&ground.identity),
            clock: Arc::clone(&ground.clock),
            refusals: crate::intake::RefusalRows::default(),
        });
        let in_force = Arc::new(InForce {
            router,
            transports: Arc::clone(&fleet) as Arc<dyn Transports>,
            tells: Some(Arc::clone(&intake) as Arc<dyn Tells>),
        });
        Self {
            config,
            intake,
            fleet,
            in_force,
        }
    }
}

/// The setup that is in force. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Cell {
    setup: Arc<RwLock<Arc<Setup>>>,
    swapped: watch::Sender<()>,
}

impl Cell {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup: Arc::new(RwLock::new(Arc::new(setup))),
            swapped: watch::Sender::new(()),
        }
    }

    pub(super) fn get(&self) -> Arc<Setup> {
        // Only ever replaced whole, so a panicking writer leaves the one before it.
        Arc::clone(&self.setup.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, setup: Setup) {
        let setup = Arc::new(setup);
        let before = std::mem::replace(
            &mut *self.setup.write().unwrap_or_else(PoisonError::into_inner),
            setup,
        );
        // Taken apart, if this was the last hold of it, when nobody waits for the lock any more.
        drop(before);
        self.swapped.send_replace(());
    }

    /// Turns whenever another setup is put in force.
    pub(super) fn swaps(&self) -> watch::Receiver<()> {
        self.swapped.subscribe()
    }
}
