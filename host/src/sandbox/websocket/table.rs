//! The connections of one attempt: handles that mean nothing anywhere else.
//!
//! They live in the instance's own state, so they end with it, whatever the adapter does. A handle is
//! never given out twice.

use super::connection::Connection;
use super::denial;
use crate::contract::bindings::byway::transport::types::Denial;
use crate::sandbox::limits::{WEBSOCKET_BYTES_IN_MAX, WEBSOCKETS_MAX};

/// See the module.
pub(in crate::sandbox) struct Connections {
    open: Vec<(u32, Connection)>,
    next: u32,
    /// What may still come in, over all of them.
    inbound: Inbound,
}

impl Connections {
    pub(in crate::sandbox) fn new() -> Self {
        Self {
            open: Vec::new(),
            next: 1,
            inbound: Inbound {
                left: WEBSOCKET_BYTES_IN_MAX,
            },
        }
    }

    /// Whether one more may be opened.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() < WEBSOCKETS_MAX && self.next < u32::MAX
    }

    pub(super) fn insert(&mut self, connection: Connection) -> u32 {
        let handle = self.next;
        self.next = self.next.saturating_add(1);
        self.open.push((handle, connection));
        handle
    }

    /// A connection that was not closed yet, and what may still come in.
    pub(super) fn get(&mut self, handle: u32) -> Result<(&mut Connection, &mut Inbound), Denial> {
        let found = self.open.iter_mut().find(|(it, _)| *it == handle);
        match found {
            Some((_, connection)) => Ok((connection, &mut self.inbound)),
            None => Err(denial::denial("unknown-name", "there is no such connection")),
        }
    }

    pub(super) fn remove(&mut self, handle: u32) -> Option<Connection> {
        let place = self.open.iter().position(|(it, _)| *it == handle)?;
        Some(self.open.swap_remove(place).1)
    }
}

/// What may still come in during an attempt, in bytes.
#[derive(Debug)]
pub(super) struct Inbound {
    left: usize,
}

impl Inbound {
    /// Takes what one message has; `false` where that is more than is left.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        // Empty messages cost something as well.
        match self.left.checked_sub(bytes.max(1)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_is_counted_and_empty_messages_too() {
        let mut inbound = Inbound { left: 5 };
        assert!(inbound.take(4) && inbound.take(0));
        assert!(!inbound.take(0));
    }

    #[test]
    fn a_handle_that_was_never_given_is_told_apart() {
        let mut connections = Connections::new();
        assert_eq!(connections.get(1).err().unwrap().code, "unknown-name");
        assert!(connections.remove(1).is_none());
    }
}
