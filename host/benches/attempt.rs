//! What the sandbox costs: a whole attempt of an adapter that does nothing, beside the same
//! component run on the bare engine.
//!
//! Both make a fresh store and instance for each call, from a pool of the same settings, call `send` with the
//! same message, and drop everything; the bare engine on two threads of one runtime, byway on two lanes, as `serve`
//! makes its attempts. The rounds are interleaved, so that a busy machine slows both;
//! the figures are medians of the rounds. The component is taken from `BYWAY_GUESTS`, or from where
//! the tests of the sandbox build it.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

mod stage;

use std::sync::Arc;

use byway::config::AdapterRef;
use byway::lanes::Lanes;
use byway::sandbox::{Call, LoadedTransport};
use stage::{ROUNDS, call, median};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod wit {
    #![allow(clippy::all, unused_qualifications, unreachable_pub, reason = "generated")]
    wasmtime::component::bindgen!({
        path: "../wit/transport.wit",
        world: "transport-adapter",
        imports: { default: async },
        exports: { default: async },
    });
}

const CALLS: usize = 4_000;

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let guest = stage::guest("noop");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let lanes = Lanes::start(2).unwrap();
    let (bare, byway) = (Arc::new(Bare::new(&guest)), noop(&guest, &lanes));
    runtime.block_on(async {
        let mut rows = [const { Vec::new() }; 4];
        for round in 0..=ROUNDS {
            // One task, then two, of each in turn: what slows the machine slows all four.
            let figures = [
                bare_rate(&bare, 1).await,
                byway_rate(&lanes, &byway, 1).await,
                bare_rate(&bare, 2).await,
                byway_rate(&lanes, &byway, 2).await,
            ];
            if round > 0 {
                for (row, figure) in rows.iter_mut().zip(figures) {
                    row.push(figure);
                }
            }
        }
        let [bare_1, byway_1, bare_2, byway_2] = rows.map(median);
        println!("              one task       two tasks      two to one");
        println!(
            "bare engine   {:6.1} µs      {bare_2:>8.0}/s      {:.2}",
            1e6 / bare_1,
            bare_2 / bare_1
        );
        println!(
            "byway         {:6.1} µs      {byway_2:>8.0}/s      {:.2}",
            1e6 / byway_1,
            byway_2 / byway_1
        );
        println!("ratio         {:.2}", bare_1 / byway_1);
        stage::print_load();
    });
}

/// Attempts a second.
async fn byway_rate(lanes: &Lanes, transport: &LoadedTransport, tasks: usize) -> f64 {
    let call: Call = call();
    stage::rate(lanes, tasks, CALLS, || {
        let (transport, call) = (transport.clone(), call.clone());
        async move {
            for _ in 0..CALLS {
                transport.attempt(call.clone()).await.unwrap();
            }
        }
    })
    .await
}

/// Calls a second.
async fn bare_rate(bare: &Arc<Bare>, tasks: usize) -> f64 {
    stage::rate(&Lanes::none(), tasks, CALLS, || {
        let bare = Arc::clone(bare);
        async move {
            for _ in 0..CALLS {
                bare.attempt().await;
            }
        }
    })
    .await
}

fn noop(guest: &std::path::Path, lanes: &Lanes) -> LoadedTransport {
    stage::sandbox(None, lanes)
        .load(&stage::transport(AdapterRef::Path(guest.into())))
        .unwrap()
}

/// The engine with nothing around it.
struct Bare {
    engine: Engine,
    pre: wit::TransportAdapterPre<BareState>,
    envelope: wit::byway::transport::types::Envelope,
    attempt: wit::byway::transport::types::Attempt,
}

struct BareState {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for BareState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Bare {
    fn new(guest: &std::path::Path) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(64)
            .total_core_instances(64 * 16)
            .total_memories(64 * 4)
            .total_tables(64 * 20)
            .total_stacks(64)
            .max_memory_size(1 << 30)
            .table_elements(100_000)
            .max_unused_warm_slots(8)
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .concurrency_support(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_file(&engine, guest).unwrap();
        let mut linker: Linker<BareState> = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = wit::TransportAdapterPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        let text = "x".repeat(800);
        // What byway hands over, for the same work on both sides.
        let attributes = (call().envelope.attributes().into_iter())
            .map(|(name, value)| wit::byway::transport::types::Header { name, value })
            .collect();
        let envelope = wit::byway::transport::types::Envelope {
            id: "m-1".into(),
            source: "byway://a/planner".into(),
            event_type: "dev.byway.message".into(),
            recipient: "executor@b".into(),
            subject: None,
            time: None,
            data_content_type: None,
            attributes,
            data: Some(wit::byway::transport::types::Data::Text(text)),
            structured: call().structured.to_vec(),
        };
        let attempt = wit::byway::transport::types::Attempt {
            number: 1,
            remaining_ms: 30_000,
            idempotency_key: "m-1".into(),
            progress: None,
        };
        Self {
            engine,
            pre,
            envelope,
            attempt,
        }
    }

    async fn attempt(&self) {
        let state = BareState {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let adapter = instance.byway_transport_adapter();
        adapter
            .call_send(&mut store, &self.envelope, &self.attempt)
            .await
            .unwrap()
            .unwrap();
    }
}
