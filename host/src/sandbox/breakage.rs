//! What ended a call that the guest did not end itself, said by name and value.
//!
//! The engine tells most of these as "unreachable" or not at all; people who read "wasm trap" learn
//! nothing. So each limit is recognised here and reported as itself.

use std::fmt;
use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use super::limits::{HANDLES_MAX, HOST_CALL_BYTES_MAX, MemoryLimit, RANDOM_BYTES_MAX, RESOURCES_MAX};
use super::secrets::SecretBook;
use super::text;
use crate::contract::{Failure, HostFault};

/// Why a call broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Breakage {
    /// It computed until its time was over.
    Deadline(Duration),
    /// It waited, for a far side or a clock, until its time was over.
    Waiting(Duration),
    /// It wanted more memory.
    Memory(usize),
    /// It went too deep.
    Stack,
    /// It handed too much to the host in one call.
    HostCall(usize),
    /// It kept too many handles.
    Handles(usize),
    /// It asked for too many random bytes at once.
    Random(u64),
    /// It ended its own process.
    Exit(i32),
    /// It crashed.
    Trap(String),
    /// The host has no room for another instance.
    NoRoom(String),
}

/// Recognises what the engine reports.
pub(super) fn recognise(error: &wasmtime::Error, memory: &MemoryLimit, allowed: Duration) -> Breakage {
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return Breakage::NoRoom(format!("{error:#}"));
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        // A guest's allocator may end it this way as well.
        return if memory.has_refused() {
            Breakage::Memory(memory.limit())
        } else {
            Breakage::Exit(exit.0)
        };
    }
    if matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) {
        return Breakage::Handles(RESOURCES_MAX);
    }
    let trap = error.downcast_ref::<Trap>().copied();
    match trap {
        Some(Trap::Interrupt) => return Breakage::Deadline(allowed),
        Some(Trap::StackOverflow) => return Breakage::Stack,
        _ if memory.has_refused() => return Breakage::Memory(memory.limit()),
        Some(trap) => return Breakage::Trap(trap.to_string()),
        None => {}
    }
    let text = format!("{error:#}");
    if text.contains("too much data is being copied between the host and the guest") {
        return Breakage::HostCall(HOST_CALL_BYTES_MAX);
    }
    if text.contains("handle") && text.contains("limit") {
        return Breakage::Handles(HANDLES_MAX);
    }
    if text.contains(&format!("exceeds limit {RANDOM_BYTES_MAX}")) {
        return Breakage::Random(RANDOM_BYTES_MAX);
    }
    // It may quote names out of the component.
    Breakage::Trap(text::line(&without_backtrace(error), &SecretBook::default()))
}

/// The causes in one line. The engine puts the guest's call stack among them: numbers, over many lines.
fn without_backtrace(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error
        .chain()
        .map(ToString::to_string)
        .filter(|cause| !cause.starts_with("error while executing at wasm backtrace"))
        .collect();
    causes.join(": ")
}

impl Breakage {
    /// The stable word.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Deadline(_) | Self::Waiting(_) => "deadline",
            Self::Memory(_) => "memory-limit",
            Self::Stack => "stack-overflow",
            Self::HostCall(_) => "host-call-fuel",
            Self::Handles(_) => "handle-limit",
            Self::Random(_) => "random-limit",
            Self::Exit(_) => "exit",
            Self::Trap(_) => "trap",
            Self::NoRoom(_) => "pool-exhausted",
        }
    }

    /// The failure for a person; `after` tells of the effect that came first.
    pub(super) fn failure(&self, after: Option<&str>) -> Failure {
        let message = match after {
            Some(effect) => format!("{self}, after {effect}; the message may have arrived"),
            None => format!("{self}, before it sent anything"),
        };
        let failure = Failure::new(self.code(), message);
        match self {
            Self::Deadline(_) | Self::Waiting(_) => {
                failure.with_fix("raise timeout of the transport if the far side is slow")
            }
            Self::Memory(_) => failure.with_fix("raise memory_max of the transport if it needs more"),
            _ => failure,
        }
    }

    /// Whether the adapter itself is to blame, and would be again: no slow far side, and not byway.
    pub(super) fn is_the_adapters(&self) -> bool {
        !matches!(self, Self::Waiting(_) | Self::NoRoom(_))
    }

    /// byway's own fault, where it is one.
    pub(super) fn host_fault(&self) -> Option<HostFault> {
        match self {
            Self::NoRoom(why) => Some(HostFault {
                code: self.code(),
                message: format!("there is no room for another instance: {why}"),
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(allowed) | Self::Waiting(allowed) => {
                write!(f, "the adapter did not end within timeout = {allowed:?}")
            }
            Self::Memory(limit) => write!(
                f,
                "the adapter wanted more memory than memory_max = {limit} bytes"
            ),
            Self::Stack => f.write_str("the adapter's calls went too deep for its stack of 512 KiB"),
            Self::HostCall(max) => write!(f, "the adapter handed the host more than {max} bytes in one call"),
            Self::Handles(max) => write!(f, "the adapter kept more than {max} handles open"),
            Self::Random(max) => {
                write!(
                    f,
                    "the adapter asked for more than {max} random bytes in one call"
                )
            }
            Self::Exit(status) => write!(f, "the adapter ended itself with exit({status})"),
            Self::Trap(what) => write!(f, "the adapter crashed ({what})"),
            Self::NoRoom(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter as _;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seen(error: wasmtime::Error, memory: &MemoryLimit) -> Breakage {
        recognise(&error, memory, SECOND)
    }

    #[test]
    fn each_limit_is_reported_as_itself() {
        let plenty = MemoryLimit::new(100);
        let mut refused = MemoryLimit::new(100);
        assert!(!refused.memory_growing(0, 200, None).unwrap());
        assert_eq!(seen(Trap::Interrupt.into(), &refused), Breakage::Deadline(SECOND));
        assert_eq!(seen(Trap::StackOverflow.into(), &refused), Breakage::Stack);
        assert_eq!(
            seen(Trap::UnreachableCodeReached.into(), &refused),
            Breakage::Memory(100)
        );
        assert_eq!(seen(I32Exit(7).into(), &plenty), Breakage::Exit(7));
        assert_eq!(seen(I32Exit(7).into(), &refused), Breakage::Memory(100));
        assert_eq!(seen(Trap::UnreachableCodeReached.into(), &plenty).code(), "trap");
    }

    #[test]
    fn a_failure_says_whether_something_was_sent() {
        let breakage = Breakage::Deadline(SECOND);
        assert!(breakage.failure(None).message.contains("before it sent anything"));
        assert!(
            breakage
                .failure(Some("POST https://a.test/"))
                .message
                .contains("after POST https://a.test/")
        );
    }
}
