//! What a test needs to put an adapter on and to see it play.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use byway::config::{
    AdapterRef, Breaker, FolderAccess, FolderGrant, Grants, HostPattern, HttpGrant, PathPattern, Place,
    Position, Proxy, Secret, SecretSource, Transport, TransportLimits,
};
use byway::contract::{Attempted, Failure};
use byway::envelope::Envelope;
use byway::sandbox::{
    Call, Compiling, KeepProgress, LoadedTransport, PreflightProblem, Sandbox, SandboxSettings,
};
use serde_json::{Value, json};

pub(crate) use crate::guests::guest;

/// One sandbox for all tests, as byway has one.
pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        Sandbox::new(SandboxSettings {
            cache_dir: None,
            compiling: Compiling::InProcess,
            attempts_at_once_max: 32,
            lanes: 1,
            builtin: &[],
        })
        .unwrap()
    })
}

/// A puppet's transport without any right.
pub(crate) fn puppet(config: Value) -> Transport {
    let Value::Object(config) = config else {
        panic!("a configuration is an object");
    };
    Transport {
        name: "puppet".into(),
        adapter: AdapterRef::Path(guest("puppet")),
        config,
        grants: Grants::default(),
        secrets: BTreeMap::new(),
        signers: BTreeMap::new(),
        limits: TransportLimits {
            timeout: Duration::from_secs(20),
            at_once_max: 8,
            memory_bytes_max: 16 << 20,
            answer_bytes_max: 1 << 20,
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

/// A puppet that plays these steps when it sends.
pub(crate) fn sends(steps: Value) -> Transport {
    puppet(json!({ "send": steps }))
}

pub(crate) trait With: Sized {
    /// Grants any method to everything beneath an address.
    fn http(self, url: &str) -> Self;
    fn folder(self, path: &Path, access: FolderAccess) -> Self;
    fn secret(self, name: &str, file: &Path, position: Position) -> Self;
    fn timeout(self, millis: u64) -> Self;
    /// `http://host:port`
    fn proxy(self, url: &str) -> Self;
}

impl With for Transport {
    fn http(mut self, url: &str) -> Self {
        self.grants.http.push(http_grant(url));
        self
    }

    fn folder(mut self, path: &Path, access: FolderAccess) -> Self {
        self.grants.folders.push(FolderGrant {
            path: path.into(),
            access,
        });
        self
    }

    fn secret(mut self, name: &str, file: &Path, position: Position) -> Self {
        let secret = Secret {
            source: SecretSource::File(file.into()),
            positions: vec![position],
        };
        self.secrets.insert(name.into(), secret);
        self
    }

    fn proxy(mut self, url: &str) -> Self {
        let (host, port) = url.trim_start_matches("http://").rsplit_once(':').unwrap();
        self.proxy = Some(Proxy {
            host: host.into(),
            port: port.parse().unwrap(),
            auth: None,
        });
        self
    }

    fn timeout(mut self, millis: u64) -> Self {
        self.limits.timeout = Duration::from_millis(millis);
        self
    }
}

pub(crate) fn http_grant(url: &str) -> HttpGrant {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').unwrap();
    HttpGrant {
        methods: vec![],
        scheme: scheme.into(),
        host: HostPattern::Exact(host.into()),
        port: port.parse().unwrap(),
        path: PathPattern::Beneath("/".into()),
        effect: None,
        private: false,
        text: url.into(),
    }
}

/// A secret in a file with the right mode.
pub(crate) fn secret_file(value: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), value).unwrap();
    file
}

pub(crate) fn load(transport: &Transport) -> LoadedTransport {
    sandbox().load(transport).unwrap()
}

pub(crate) fn problems(transport: &Transport) -> Vec<PreflightProblem> {
    sandbox().load(transport).map(drop).unwrap_err()
}

/// One attempt with an ordinary message.
pub(crate) async fn attempt(transport: &Transport) -> Attempted {
    load(transport).attempt(call()).await.unwrap()
}

/// The detail of the receipt of an attempt that must deliver.
pub(crate) async fn delivers(transport: &Transport) -> String {
    match attempt(transport).await.outcome {
        byway::contract::Outcome::Delivered(receipt) => receipt.detail.unwrap_or_default(),
        other => panic!("not delivered: {other:?}"),
    }
}

/// The failure of an attempt that must fail.
pub(crate) async fn fails(transport: &Transport) -> (Attempted, Failure) {
    let attempted = attempt(transport).await;
    let failure = attempted
        .outcome
        .failure()
        .unwrap_or_else(|| panic!("it was delivered"))
        .clone();
    (attempted, failure)
}

pub(crate) fn call() -> Call {
    call_keeping(&Arc::default())
}

/// A call whose progress ends up in `kept`.
pub(crate) fn call_keeping(kept: &Arc<Mutex<Vec<u8>>>) -> Call {
    let structured = json!({
        "specversion": "1.0", "id": "m-1", "source": "byway://a/planner", "type": "dev.byway.message",
        "recipient": "executor@b", "hops": 1, "data": { "text": "hello", "number": 1 }
    });
    let structured = structured.to_string().into_bytes();
    Call {
        envelope: Arc::new(Envelope::from_json(&structured).unwrap()),
        structured: structured.into(),
        number: 1,
        idempotency_key: "m-1".into(),
        progress: None,
        keep: Arc::new(Keep(Arc::clone(kept))),
    }
}

struct Keep(Arc<Mutex<Vec<u8>>>);

#[async_trait::async_trait]
impl KeepProgress for Keep {
    async fn keep(&self, bytes: Vec<u8>) -> Result<(), String> {
        *self.0.lock().unwrap() = bytes;
        Ok(())
    }
}

/// Runs this very test again, alone in a process with these variables. `true` in that process.
pub(crate) fn again_with(test: &str, variables: &[(&str, &str)]) -> bool {
    const MARK: &str = "BYWAY_TEST_AGAIN";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .envs(variables.iter().copied())
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    false
}
