//! What holds where a key is not written. All of it in one place, because the page that documents
//! the configuration promises these very numbers.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::model::{Api, Backoff, Breaker, DiskBudget, Limits, Receive, Reload, Retention, TransportLimits};

/// How long a message is tried where the route does not say.
pub(super) const DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest deadline: ids are remembered for 30 days, so a message must not outlive that.
pub(super) const DEADLINE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a message waits for somebody to approve it, where its route wants that.
pub(super) const APPROVAL_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many tries a step has under `strategy = "exhaust"`.
pub(super) const TRIES: u32 = 5;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7717)),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            data_bytes_max: MIB,
            attempts_at_once_max: 64,
        }
    }
}

impl Default for DiskBudget {
    fn default() -> Self {
        Self {
            bytes_max: 8 << 30,
            free_bytes_min: 256 << 20,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            delivered: 30 * DAY,
            dead: None,
            processed: 30 * DAY,
            journal: 90 * DAY,
        }
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self { watch: true }
    }
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            at_once_max: 8,
            memory_bytes_max: 64 * MIB,
            answer_bytes_max: 4 * MIB,
            log_lines_max: 100,
        }
    }
}

impl Default for Receive {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(30),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            max: Duration::from_secs(5 * 60),
        }
    }
}
