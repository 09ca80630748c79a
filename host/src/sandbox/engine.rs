//! The WebAssembly engine, made in one place, so that what is compiled, cached and run is always
//! compiled, cached and run under the same settings.
//!
//! Slots for instances are set aside beforehand (a pool), because making an address space for
//! each attempt costs several times the attempt itself. A machine that does not give the address
//! space gets instances on demand, and a line in the log that says so.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::{MEMORY_BYTES_CEILING, TABLE_ELEMENTS_MAX};

/// Memory of a slot that is kept, cleaned, for the next instance.
const KEEP_RESIDENT_BYTES: usize = 512 << 10;
/// Core instances of one component: its own, the adapter of the older WASI, and the shims between.
const CORE_INSTANCES_EACH: u32 = 16;
/// Memories of one component. More than one is rare; many are an attack.
const MEMORIES_EACH: u32 = 4;
/// Tables of one component.
const TABLES_EACH: u32 = 20;
/// Address space of one memory where there is no pool.
const ON_DEMAND_RESERVATION_BYTES: u64 = 64 << 20;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be made on this machine: {0}")]
pub(super) struct EngineError(String);

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// From slots set aside for so many instances at once.
    Pool(u32),
    /// One by one.
    OnDemand,
}

/// An engine for so many instances at once.
///
/// # Errors
/// Where neither a pool nor instances on demand can be had.
pub(super) fn engine(instances: u32) -> Result<(Engine, Allocation), EngineError> {
    let pooled = Allocation::Pool(instances);
    match Engine::new(&engine_config(pooled)) {
        Ok(engine) => Ok((engine, pooled)),
        Err(error) => {
            tracing::warn!(
                instances,
                "no pool of instances on this machine ({error:#}); attempts make their instances on demand, \
                 which is slower"
            );
            Engine::new(&engine_config(Allocation::OnDemand))
                .map(|engine| (engine, Allocation::OnDemand))
                .map_err(|error| EngineError(format!("{error:#}")))
        }
    }
}

/// The one set of settings.
pub(super) fn engine_config(allocation: Allocation) -> Config {
    let mut config = compiling_config(allocation);
    if let Allocation::Pool(instances) = allocation {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    }
    config
}

/// The same settings where nothing is run: all that shapes code, and no pool, so that compiling
/// asks for no address space that it does not use.
pub(super) fn compiling_config(allocation: Allocation) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Guests are synchronous; without this every call pays for machinery nobody uses.
        .concurrency_support(false)
        .wasm_component_model(true)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand);
    if allocation == Allocation::OnDemand {
        config.memory_reservation(ON_DEMAND_RESERVATION_BYTES);
    }
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_EACH))
        .total_memories(instances.saturating_mul(MEMORIES_EACH))
        .total_tables(instances.saturating_mul(TABLES_EACH))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES_EACH)
        .max_memories_per_component(MEMORIES_EACH)
        .max_tables_per_component(TABLES_EACH)
        .max_memories_per_module(MEMORIES_EACH)
        .max_tables_per_module(TABLES_EACH)
        .max_memory_size(MEMORY_BYTES_CEILING)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_unused_warm_slots(instances.min(8))
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(64 << 10)
        // Cleans only the pages that were touched, where the kernel can say which (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_pool_or_says_why_not() {
        let (_, allocation) = engine(4).unwrap();
        assert!(matches!(allocation, Allocation::Pool(4) | Allocation::OnDemand));
    }
}
