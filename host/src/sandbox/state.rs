//! What one instance can reach: everything the host keeps for it, and nothing else.
//!
//! Made new for each call and dropped with the instance. The rights of the transport are shared
//! between its calls; what belongs to one attempt (its deadline, secrets, effects) is shared only
//! with the tasks that the attempt itself started.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::deadline::Deadline;
use super::effect::EffectLog;
use super::egress::{Client, Egress};
use super::files::Claims;
use super::keep::KeepProgress;
use super::limits::{
    DENIAL_CHARS_MAX, DENIALS_TOLD_MAX, HEADER_BYTES_MAX, MemoryLimit, RANDOM_BYTES_MAX, RESOURCES_MAX,
};
use super::log_lines::{Allowance, LogLines};
use super::reach::Reach;
use super::secrets::SecretBook;
use super::websocket::{Connections, Opener};
use crate::config::{FolderAccess, Transport};

/// What a transport may do, for all its calls.
#[derive(Debug)]
pub(super) struct Rights {
    /// The transport as it is configured. An adapter that is only looked at gets an empty one.
    pub transport: Transport,
    /// Its `config` table as JSON.
    pub config_json: String,
    /// Its connections; `None` where no request is granted.
    pub client: Option<Client>,
    /// What its WebSockets are opened with; `None` where none is granted.
    pub opener: Option<Opener>,
    /// The files it has claimed and not released.
    pub claims: Claims,
}

/// What a call is for, and so what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `describe` and `check`: nothing.
    Load,
    /// `probe`: look, and send nothing.
    Probe,
    /// `send`.
    Send,
    /// `reconcile`: look, and send nothing.
    Reconcile,
    /// `receive`.
    Receive,
}

/// The message of a call that has one.
pub(super) struct Message {
    /// The event as JSON.
    pub structured: Arc<[u8]>,
    /// Where its progress is kept.
    pub keep: Arc<dyn KeepProgress>,
}

/// One call, as its instance and the tasks it started see it.
pub(super) struct Context {
    pub purpose: Purpose,
    pub deadline: Deadline,
    pub secrets: SecretBook,
    pub effects: EffectLog,
    pub reach: Reach,
    pub message: Option<Message>,
    /// Tells this call from the transport's others.
    pub number: u64,
    /// A place for each request under way.
    pub requests: Semaphore,
    /// Lines in the log so far.
    pub lines: LogLines,
    /// Denials so far.
    pub denials: AtomicUsize,
}

impl Context {
    /// Whether the call may do what could deliver a message.
    pub(super) fn may_have_effects(&self) -> bool {
        matches!(self.purpose, Purpose::Send | Purpose::Receive)
    }

    /// Whether one more line of this attempt may be written into the log. That some are not is said by the first of them.
    pub(super) fn may_log(&self, transport: &Transport) -> bool {
        let max = transport.limits.log_lines_max;
        match self.lines.take(max) {
            Allowance::Write => true,
            Allowance::SaySo => {
                let transport = &transport.name;
                tracing::warn!(target: "adapter", transport, "further lines of this attempt are dropped: log_lines_max = {max}");
                false
            }
            Allowance::Drop => false,
        }
    }

    /// Tells the operator what was denied. A guest can ask for what it may not have as often as it likes, so
    /// only the first few of an attempt are told, and none at length.
    pub(super) fn tell_denial(&self, transport: &str, sentence: impl FnOnce() -> String) {
        match self.denials.fetch_add(1, Ordering::Relaxed) {
            told if told < DENIALS_TOLD_MAX => {
                let sentence: String = sentence().chars().take(DENIAL_CHARS_MAX).collect();
                tracing::warn!(transport, "{sentence}");
            }
            DENIALS_TOLD_MAX => tracing::warn!(transport, "further denials of this attempt are not told"),
            _ => {}
        }
    }
}

/// The data of a store.
pub(super) struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    egress: Egress,
    pub(super) websockets: Connections,
    pub(super) memory: MemoryLimit,
    pub(super) rights: Arc<Rights>,
    pub(super) context: Arc<Context>,
}

impl GuestState {
    pub(super) fn new(rights: &Arc<Rights>, context: &Arc<Context>) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADER_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let limits = &rights.transport.limits;
        Self {
            wasi: wasi(rights),
            http,
            table,
            egress: Egress::new(Arc::clone(rights), Arc::clone(context)),
            websockets: Connections::new(),
            memory: MemoryLimit::new(limits.memory_bytes_max),
            rights: Arc::clone(rights),
            context: Arc::clone(context),
        }
    }
}

/// WASI with nothing in it but the clocks, randomness and the folders granted for reading.
fn wasi(rights: &Rights) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    wasi.max_random_size(RANDOM_BYTES_MAX);
    for folder in rights
        .transport
        .grants
        .folders
        .iter()
        .filter(|folder| folder.access == FolderAccess::Read)
    {
        let guest_path = folder.path.to_string_lossy();
        if let Err(error) = wasi.preopened_dir(&folder.path, guest_path.as_ref(), FsPerms::ReadOnly) {
            tracing::warn!(
                transport = rights.transport.name,
                folder = %folder.path.display(),
                "the granted folder cannot be opened, and is not there for the adapter: {error:#}"
            );
        }
    }
    wasi.build()
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.egress,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
