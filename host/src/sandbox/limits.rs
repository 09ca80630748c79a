//! What one attempt may use, each limit with its name, its value and its reason.
//!
//! The limits of a transport's own table (`timeout`, `memory_bytes_max`, `answer_bytes_max`,
//! `log_lines_max`, `at_once_max`) come with it; those that nobody needs to set are here. Whichever
//! is hit is reported by its own name and value, never as a trap that says nothing.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The largest component that is compiled. Compiling is work the engine does not bound.
pub(super) const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// How long compiling a component may take, by the clock and on one processor. 13 MB take 17 s on a busy machine,
/// and a small one is several times slower.
pub(super) const COMPILE_TIME_MAX: Duration = Duration::from_secs(120);
/// Address space of the process that compiles. 13 MB in many functions take 105 MiB, 2 MB in a single one 340.
pub(super) const COMPILE_MEMORY_MAX: u64 = 1 << 30;
/// The largest compiled component.
pub(super) const ARTEFACT_BYTES_MAX: u64 = 512 << 20;
/// Compiled components that are kept.
pub(super) const COMPILED_ENTRIES_MAX: usize = 64;
/// Bytes of compiled components that are kept.
pub(super) const COMPILED_BYTES_MAX: u64 = 1 << 30;
/// How long `describe` and `check` may take; both compute and reach nothing.
pub(super) const LOAD_TIME_MAX: Duration = Duration::from_secs(5);
/// The most that is copied from a guest to the host in one call: a message of the largest usual
/// size as base64 in JSON, with room.
pub(super) const HOST_CALL_BYTES_MAX: usize = 32 << 20;
/// Handles of resources that a guest holds at once. Each can stand for host memory that no other limit
/// counts (a body that is being written, a set of headers), so there are only as many as an attempt needs.
pub(super) const HANDLES_MAX: usize = 256;
/// The host's own objects behind those handles.
pub(super) const RESOURCES_MAX: usize = 512;
/// Requests of one attempt that are under way at once; a further one waits.
pub(super) const REQUESTS_AT_ONCE_MAX: usize = 4;
/// Pieces of a request's body that wait for the host, and the size of one.
pub(super) const BODY_CHUNKS_MAX: usize = 4;
/// See [`BODY_CHUNKS_MAX`].
pub(super) const BODY_CHUNK_BYTES: usize = 64 << 10;
/// Denials of one attempt that the operator is told of, each of at most so many characters.
pub(super) const DENIALS_TOLD_MAX: usize = 20;
/// See [`DENIALS_TOLD_MAX`].
pub(super) const DENIAL_CHARS_MAX: usize = 1_000;
/// Claimed files that one transport holds open at once.
pub(super) const CLAIMS_MAX: usize = 512;
/// The largest request body: it is held back until it is complete and looked through.
pub(super) const REQUEST_BYTES_MAX: usize = 32 << 20;
/// The largest body of a request that is handed over in one call: what such a call can bring to the host, less
/// room for the URL and the headers, so that this limit is met first and reported as itself.
pub(super) const WHOLE_REQUEST_BYTES_MAX: usize = HOST_CALL_BYTES_MAX - (1 << 20);
/// How often one secret may stand in one text. Each reference becomes a value, which may be much longer than it.
pub(super) const REFERENCES_MAX: usize = 8;
/// Headers of one request or answer, as wasi:http counts them.
pub(super) const HEADER_BYTES_MAX: usize = 128 << 10;
/// WebSocket connections that an attempt has open at once: one far side, and room for a second look.
pub(super) const WEBSOCKETS_MAX: usize = 4;
/// The largest WebSocket message that goes out: half of what one call can bring to the host, so that this
/// limit is met first and reported as itself. (One that comes in: the transport's `answer_bytes_max`.)
pub(super) const WEBSOCKET_MESSAGE_BYTES_MAX: usize = HOST_CALL_BYTES_MAX / 2;
/// All messages that come in over WebSockets during one attempt.
pub(super) const WEBSOCKET_BYTES_IN_MAX: usize = 64 << 20;
/// What is read at once from a WebSocket, and kept for each.
pub(super) const WEBSOCKET_BUFFER_BYTES: usize = 16 << 10;
/// How long closing a WebSocket waits for the far side to agree.
pub(super) const WEBSOCKET_CLOSING_TIME_MAX: Duration = Duration::from_secs(1);
/// A WebSocket message that only prepares: room for a login, too little to carry messages by.
pub(super) const PREPARATION_BYTES_MAX: usize = 4096;
/// Messages that prepare, on one connection.
pub(super) const PREPARATIONS_MAX: usize = 16;
/// One text that comes back: a log line, a failure's message, a receipt's remark.
pub(super) const TEXT_BYTES_MAX: usize = 4096;
/// What `progress.save` keeps.
pub(super) const PROGRESS_BYTES_MAX: usize = 4096;
/// A receiver's cursor.
pub(super) const CURSOR_BYTES_MAX: usize = 64 << 10;
/// Memory of one instance, whatever a transport's table says: a slot of the pool is no larger.
pub(super) const MEMORY_BYTES_CEILING: usize = 1 << 30;
/// Entries of one table.
pub(super) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// How long the command that prints a secret may take. A person may have to touch a key.
pub(super) const SECRET_COMMAND_TIME_MAX: Duration = Duration::from_secs(10);
/// The most that it may print.
pub(super) const SECRET_COMMAND_BYTES_MAX: usize = 64 << 10;
/// How long a secret that a command printed is used before the command is run again.
pub(super) const SECRET_KEPT_FOR: Duration = Duration::from_secs(60);
/// How long such a command's failure stands before it is run again.
pub(super) const SECRET_FAILURE_KEPT_FOR: Duration = Duration::from_secs(5);
/// Random bytes in one call.
pub(super) const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// Bytes that one entry of a table takes in the host.
const TABLE_ELEMENT_BYTES: usize = 16;

/// Counts memory over all memories and tables of an instance, because a limit for each of them
/// can be passed by having many. Remembers that it refused, so that the abort which a guest's
/// allocator makes of the refusal is reported as what it was.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: usize,
    used: usize,
    refused: bool,
}

impl MemoryLimit {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(MEMORY_BYTES_CEILING),
            used: 0,
            refused: false,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            self.refused = true;
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond the memory's own maximum the growth fails anyway, and is no work of this limit.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // The slot of the pool was too small: the same thing to whoever reads of it.
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            self.refused = true;
            return Ok(false);
        }
        Ok(self.grow(
            current.saturating_mul(TABLE_ELEMENT_BYTES),
            desired.saturating_mul(TABLE_ELEMENT_BYTES),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_memories_together() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.has_refused());
        assert!(limit.memory_growing(0, 40, None).unwrap());
    }

    #[test]
    fn counts_tables_with_the_memories() {
        let mut limit = MemoryLimit::new(TABLE_ELEMENT_BYTES * 10);
        assert!(limit.table_growing(0, 8, None).unwrap());
        assert!(!limit.memory_growing(0, TABLE_ELEMENT_BYTES * 3, None).unwrap());
    }

    #[test]
    fn refuses_a_table_that_is_too_long_whatever_memory_is_left() {
        let mut limit = MemoryLimit::new(MEMORY_BYTES_CEILING);
        assert!(!limit.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).unwrap());
        assert!(limit.has_refused());
    }

    #[test]
    fn does_not_count_what_was_refused() {
        let mut limit = MemoryLimit::new(100);
        for _ in 0..3 {
            assert!(!limit.memory_growing(0, 101, None).unwrap());
        }
        assert!(limit.memory_growing(0, 100, None).unwrap());
    }
}
