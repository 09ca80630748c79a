//! Ports that are free and stay free.
//!
//! A byway's port must be known before it starts, since the other's configuration names it. A
//! port that was merely found free can be taken by another test a moment later, so each is held by a
//! lock on a file, over all test processes of this machine, and lies outside the range that the
//! kernel hands out by itself.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port on loopback that nobody else in these tests uses while this lives.
pub struct Port {
    /// Its number.
    pub number: u16,
    _lock: File,
}

impl Port {
    /// Reserves one. Nothing listens on it.
    pub fn reserve() -> Result<Self, String> {
        let folder = std::env::temp_dir().join("byway-acceptance-ports");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos());
        for step in 0..COUNT {
            // COUNT and 7919 have no common factor, so every port is looked at once.
            let place = (u64::from(start) + u64::from(step) * 7919) % u64::from(COUNT);
            let number = FIRST + u16::try_from(place).unwrap_or(0);
            let lock = OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(number.to_string()));
            let Ok(lock) = lock else { continue };
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err("no free port was found between 20000 and 29999".into())
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.number)
    }
}
