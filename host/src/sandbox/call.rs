//! One call of one exported function in one fresh instance, from nothing to nothing.
//!
//! A fresh instance costs microseconds and takes away every question about what the last call left
//! behind. Whatever happens inside, the call ends at its deadline, the instance is dropped, and
//! what broke it off is known by name.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use wasmtime::component::Instance;
use wasmtime::{Store, UpdateDeadline};

use super::breakage::{Breakage, recognise};
use super::component::Adapter;
use super::lane::Lane;
use super::limits::{HANDLES_MAX, HOST_CALL_BYTES_MAX};
use super::state::{Context, GuestState, Rights};

/// A guest's function and its arguments.
pub(super) type Function<T> = Box<
    dyn for<'a> FnOnce(&'a mut Store<GuestState>, &'a Instance) -> BoxFuture<'a, wasmtime::Result<T>> + Send,
>;

/// Calls the function.
///
/// # Errors
/// What broke the call off.
pub(super) async fn call<T: Send>(
    lane: &Lane,
    adapter: &Adapter,
    rights: &Arc<Rights>,
    context: &Arc<Context>,
    function: Function<T>,
) -> Result<T, Breakage> {
    let deadline = context.deadline;
    let _ticking = lane.ticker.ticking();
    let mut store = store(lane, rights, context);
    let running = async {
        let instance = adapter.instantiate(&mut store).await?;
        function(&mut store, &instance).await
    };
    // The epochs stop a guest that computes, this one that waits.
    match tokio::time::timeout(deadline.remaining(), running).await {
        Err(_) => Err(Breakage::Waiting(deadline.allowed())),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let breakage = recognise(&error, &store.data().memory, deadline.allowed());
            tracing::debug!(transport = rights.transport.name, "the call broke off: {error:#}");
            Err(breakage)
        }
    }
}

fn store(lane: &Lane, rights: &Arc<Rights>, context: &Arc<Context>) -> Store<GuestState> {
    let mut store = Store::new(&lane.engine, GuestState::new(rights, context));
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(HOST_CALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    let deadline = context.deadline;
    store.epoch_deadline_callback(move |_| {
        Ok(if deadline.has_passed() {
            UpdateDeadline::Interrupt
        } else {
            // Gives the worker back to the runtime. The engine's own way of yielding wakes the task at
            // once, and keeps the runtime's timers waiting for most of a second.
            UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
        })
    });
    store
}
