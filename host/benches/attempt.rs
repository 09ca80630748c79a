//! What the sandbox costs: a whole attempt of an adapter that does nothing, beside the same
//! component run on the bare engine.
//!
//! Both make a fresh store and instance for each call, from a pool of the same settings, call `send` with the
//! same message, and drop everything. The rounds are interleaved, so that a busy machine slows both;
//! the figures are medians of the rounds. The component is taken from `BYWAY_GUESTS`, or from where
//! the tests of the sandbox build it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use byway::config::{AdapterRef, Breaker, Grants, Place, Transport, TransportLimits};
use byway::envelope::Envelope;
use byway::sandbox::{Call, KeepProgress, LoadedTransport, Sandbox, SandboxSettings};
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

const ROUNDS: usize = 5;
const CALLS: u32 = 2000;

fn main() {
    // Cargo's test runner asks benches without a harness for their tests; there are none.
    if std::env::args().any(|it| it == "--list" || it == "--test") {
        return;
    }
    let guest = guest();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let transport = byway_transport(&guest);
    let bare = Bare::new(&guest);
    let call = call();
    runtime.block_on(async {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // One round to warm up, which is not counted.
        for round in 0..=ROUNDS {
            let of_engine = time(async || bare.attempt().await).await;
            let of_byway = time(async || {
                transport.attempt(call.clone()).await.unwrap();
            })
            .await;
            if round > 0 {
                theirs.push(of_engine);
                ours.push(of_byway);
                println!("round {round}: bare engine {of_engine:?}, byway {of_byway:?}");
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!();
        println!("bare engine   {theirs:?} a call");
        println!("byway         {ours:?} an attempt");
        println!("ratio         {:.2}", ours.as_secs_f64() / theirs.as_secs_f64());
        let one = throughput(&transport, &call, 1).await;
        let two = throughput(&transport, &call, 2).await;
        println!("one task      {one:.0} attempts a second");
        println!(
            "two tasks     {two:.0} attempts a second ({:.2} of one)",
            two / one
        );
        println!(
            "load          {}",
            std::fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
        );
    });
}

async fn time(call: impl AsyncFn()) -> Duration {
    let began = Instant::now();
    for _ in 0..CALLS {
        call().await;
    }
    began.elapsed() / CALLS
}

async fn throughput(transport: &LoadedTransport, call: &Call, tasks: u32) -> f64 {
    let began = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (transport, call) = (transport.clone(), call.clone());
            tokio::spawn(async move {
                for _ in 0..CALLS {
                    transport.attempt(call.clone()).await.unwrap();
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    f64::from(tasks * CALLS) / began.elapsed().as_secs_f64()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn guest() -> PathBuf {
    let folder = match std::env::var_os("BYWAY_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(
                || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"),
                PathBuf::from,
            )
            .join("guests/wasm32-wasip2/release"),
    };
    let guest = folder.join("guest_noop.wasm");
    assert!(
        guest.exists(),
        "{} is not there; run the tests of the sandbox first",
        guest.display()
    );
    guest
}

fn byway_transport(guest: &std::path::Path) -> LoadedTransport {
    let sandbox = Sandbox::new(SandboxSettings {
        cache_dir: None,
        attempts_at_once_max: 62,
        builtin: &[],
    })
    .unwrap();
    sandbox
        .load(&Transport {
            name: "noop".into(),
            adapter: AdapterRef::Path(guest.into()),
            config: serde_json::Map::new(),
            grants: Grants::default(),
            secrets: BTreeMap::new(),
            signers: BTreeMap::new(),
            limits: TransportLimits {
                timeout: Duration::from_secs(30),
                at_once_max: 8,
                memory_bytes_max: 64 << 20,
                answer_bytes_max: 4 << 20,
                log_lines_max: 100,
            },
            authority: None,
            dedupe: None,
            receive: None,
            sha256: None,
            breaker: Breaker {
                failures: 5,
                pause: Duration::from_secs(30),
            },
            place: Place {
                file: "byway.toml".into(),
                line: 1,
                column: 1,
            },
        })
        .unwrap()
}

struct Forget;

#[async_trait::async_trait]
impl KeepProgress for Forget {
    async fn keep(&self, _bytes: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

/// A message of about a kilobyte.
fn call() -> Call {
    let text = "x".repeat(800);
    let structured = format!(
        r#"{{"specversion":"1.0","id":"m-1","source":"byway://a/planner","type":"dev.byway.message","recipient":"executor@b","data":"{text}"}}"#
    );
    Call {
        envelope: Arc::new(Envelope::from_json(structured.as_bytes()).unwrap()),
        structured: structured.into_bytes().into(),
        number: 1,
        idempotency_key: "m-1".into(),
        progress: None,
        keep: Arc::new(Forget),
    }
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
        let envelope = wit::byway::transport::types::Envelope {
            id: "m-1".into(),
            source: "byway://a/planner".into(),
            event_type: "dev.byway.message".into(),
            recipient: "executor@b".into(),
            subject: None,
            time: None,
            data_content_type: None,
            attributes: vec![],
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
