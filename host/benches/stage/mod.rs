//! What the benches share: a transport to load, and a message to send through it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use byway::config::{AdapterRef, Breaker, Grants, HttpGrant, Place, Transport, TransportLimits};
use byway::envelope::Envelope;
use byway::lanes::Lanes;
use byway::sandbox::{Call, Compiling, KeepProgress, Sandbox, SandboxSettings};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Interleaved rounds; the first is to warm up and is not counted.
pub const ROUNDS: usize = 7;

/// The program that is measured: what `BYWAY_BENCH_PROGRAM` names, or the one that was built with the bench.
pub fn program() -> PathBuf {
    std::env::var_os("BYWAY_BENCH_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_byway").into(), PathBuf::from)
}

/// A guest of the sandbox's tests, from `BYWAY_GUESTS` or from where `cargo xtask build` leaves it.
pub fn guest(name: &str) -> PathBuf {
    let folder = std::env::var_os("BYWAY_GUESTS").map_or_else(|| target().join("guests"), PathBuf::from);
    built(folder.join(format!("guest_{name}.wasm")))
}

/// The component of one of `examples/`.
pub fn example(name: &str) -> PathBuf {
    built(target().join("examples").join(format!("{name}.wasm")))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    )
}

fn built(component: PathBuf) -> PathBuf {
    assert!(
        component.exists(),
        "{} is not there; run `cargo xtask build` first",
        component.display()
    );
    component
}

/// A sandbox with the adapters that byway carries.
pub fn sandbox(cache_dir: Option<PathBuf>, lanes: &Lanes) -> Sandbox {
    Sandbox::new(SandboxSettings {
        cache_dir,
        compiling: Compiling::InProcess,
        attempts_at_once_max: 62,
        lanes: lanes.count(),
        builtin: byway::builtin::adapters(),
    })
    .unwrap()
}

/// A transport without any right, under the limits that a transport has by default.
pub fn transport(adapter: AdapterRef) -> Transport {
    Transport {
        name: "bench".into(),
        adapter,
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
        proxy: None,
        breaker: Breaker {
            failures: 5,
            pause: Duration::from_secs(30),
        },
        rate: None,
        place: Place {
            file: "byway.toml".into(),
            line: 1,
            column: 1,
        },
    }
}

/// The webhook adapter's, posting the event to a far side on this machine.
pub fn webhook(url: &str) -> Transport {
    let mut transport = transport(AdapterRef::Builtin("webhook".into()));
    transport.config.insert("url".into(), url.into());
    transport.config.insert("format".into(), "cloudevents".into());
    let mut grant: HttpGrant = format!("POST {url}").parse().unwrap();
    grant.private = true;
    transport.grants.http.push(grant);
    transport
}

/// A far side that reads what is posted and says yes. Gives its URL.
pub async fn serve() -> String {
    let app = Router::new().fallback(async |_body: axum::body::Bytes| StatusCode::OK);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

struct Forget;

#[async_trait::async_trait]
impl KeepProgress for Forget {
    async fn keep(&self, _bytes: Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

/// An attempt with a message of about a kilobyte.
pub fn call() -> Call {
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

/// Calls a second, where so many tasks at once, on these lanes or on the runtime, make so many each.
pub async fn rate<F>(lanes: &Lanes, tasks: usize, calls_each: usize, work: impl Fn() -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        lanes.begin(&mut running, work());
    }
    running.join_all().await;
    (tasks * calls_each) as f64 / began.elapsed().as_secs_f64()
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What the disk can do: a small write, and waiting until it is there.
pub fn syncs_a_second(folder: &std::path::Path) -> f64 {
    use std::io::Write as _;
    let mut file = std::fs::File::create(folder.join("syncs")).unwrap();
    let began = Instant::now();
    let count = 200;
    for _ in 0..count {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// What else the machine was doing: a figure without it says little.
pub fn print_load() {
    println!(
        "load          {}",
        std::fs::read_to_string("/proc/loadavg")
            .unwrap_or_default()
            .trim()
    );
}
