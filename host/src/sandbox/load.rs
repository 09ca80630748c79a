//! The sandbox itself, and how a transport gets into it.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::adapter_file;
use super::answers::Needs;
use super::breakage::Breakage;
use super::call::call;
use super::compile::{self, CompileFault, Compiling};
use super::compiled::{self, Compiled, Key};
use super::component::{self, Adapter};
use super::deadline::Deadline;
use super::effect::EffectLog;
use super::egress::{Client, Tls};
use super::files::Claims;
use super::known::{Components, Known};
use super::lane::Machine;
use super::limits::{LOAD_TIME_MAX, REQUESTS_AT_ONCE_MAX};
use super::log_lines::LogLines;
use super::preflight::{self, PreflightProblem};
use super::reach::Reach;
use super::secrets::SecretBook;
use super::state::{Context, Purpose, Rights};
use super::transport::LoadedTransport;
use super::websocket::Opener;
use super::{text, translate};
use crate::config::{AdapterRef, Grants, Transport};
use crate::error_code::ErrorCode;

/// Slots beyond those of the attempts: loading must work while all of those are taken.
const LOADING_SLOTS: u32 = 2;

/// What a sandbox is made with.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// Where compiled code is kept between starts; `None`: nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Where components are compiled.
    pub compiling: Compiling,
    /// How many attempts may run at once, over all transports.
    pub attempts_at_once_max: usize,
    /// On how many lanes attempts are made (see [`lanes`](crate::lanes)); at least one.
    pub lanes: usize,
    /// The components that byway carries, by the name after `builtin:`.
    pub builtin: &'static [(&'static str, &'static [u8])],
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SandboxError(String);

/// Engines, pools, compiled code and the ticking threads. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    machine: Arc<Machine>,
    compiling: Compiling,
    compiled: Option<Arc<Compiled>>,
    tls: Tls,
    builtin: &'static [(&'static str, &'static [u8])],
    known: Components,
    /// Held while a guest is asked something: there is one place for that beside a reload's, whatever else runs.
    asking: Mutex<()>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Makes the engine and starts its ticking.
    ///
    /// # Errors
    /// Where this machine gives neither memory for instances nor a thread.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let attempts = settings.attempts_at_once_max.clamp(2, 10_000);
        let machine = Machine::new(attempts, LOADING_SLOTS, settings.lanes).map_err(SandboxError)?;
        Ok(Self(Arc::new(Inner {
            machine: Arc::new(machine),
            compiling: settings.compiling,
            compiled: settings
                .cache_dir
                .as_deref()
                .and_then(Compiled::open)
                .map(Arc::new),
            tls: Tls::default(),
            builtin: settings.builtin,
            known: Components::default(),
            asking: Mutex::default(),
        })))
    }

    /// Loads a transport: finds, compiles and looks at its component, asks the adapter what the
    /// configuration needs, and compares that with the grants. Blocks while a component is
    /// compiled, which takes from milliseconds (cached) to seconds.
    ///
    /// # Errors
    /// Everything that keeps it from working.
    pub fn load(&self, transport: &Transport) -> Result<LoadedTransport, Vec<PreflightProblem>> {
        let inner = &*self.0;
        let bytes = self.bytes(&transport.adapter).map_err(|problem| vec![problem])?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        preflight::check_pin(transport, &digest).map_err(|problem| vec![problem])?;
        let make = || self.describe(digest, &self.component(digest, &bytes)?, transport);
        let adapter = inner.known.get(digest, make).map_err(|problem| vec![problem])?;
        let config_json = serde_json::Value::Object(transport.config.clone()).to_string();
        let needs = self.check(&adapter, transport, &config_json)?;
        let problems = preflight::missing(transport, &needs);
        if !problems.is_empty() {
            return Err(problems);
        }
        let rights = Rights {
            transport: transport.clone(),
            config_json,
            client: Client::of(transport, &inner.tls, inner.machine.others() + 1),
            opener: Opener::of(transport, &inner.tls),
            claims: Claims::default(),
        };
        Ok(LoadedTransport::new(
            Arc::clone(&inner.machine),
            adapter,
            needs,
            rights,
        ))
    }

    /// The SHA-256 of an adapter's component as it is now; `None` where it cannot be read.
    #[must_use]
    pub fn digest(&self, adapter: &AdapterRef) -> Option<[u8; 32]> {
        Some(Sha256::digest(self.bytes(adapter).ok()?).into())
    }

    /// The engine that components are compiled for.
    pub(super) fn engine(&self) -> &Engine {
        &self.0.machine.first().engine
    }

    /// The component's bytes.
    pub(super) fn bytes(
        &self,
        adapter: &AdapterRef,
    ) -> Result<std::borrow::Cow<'static, [u8]>, PreflightProblem> {
        match adapter {
            AdapterRef::Builtin(name) => match self.0.builtin.iter().find(|(it, _)| it == name) {
                Some((_, bytes)) => Ok((*bytes).into()),
                None => Err(self.no_such_builtin(name)),
            },
            AdapterRef::Path(path) => adapter_file::read(path).map(Into::into),
        }
    }

    fn no_such_builtin(&self, name: &str) -> PreflightProblem {
        let names: Vec<&str> = self.0.builtin.iter().map(|(name, _)| *name).collect();
        let nearest = names
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
        let fix = match nearest {
            Some(nearest) => format!("write builtin:{nearest}, or one of: {}", names.join(", ")),
            None => "this byway carries none; name a file".into(),
        };
        PreflightProblem {
            is_passing: false,
            code: ErrorCode::NoSuchAdapter,
            pointer: "/adapter".into(),
            message: format!("no adapter named {name} is built in"),
            fix: Some(fix),
        }
    }

    /// Links a component, and asks it what it is.
    pub(super) fn describe(
        &self,
        digest: [u8; 32],
        component: &Component,
        transport: &Transport,
    ) -> Result<Known, PreflightProblem> {
        let first = self.0.machine.first();
        let adapter = Adapter::prepare(&first.engine, &first.linker, component)?;
        let described = self.ask(&adapter, transport, "{}", |adapter| adapter.describe());
        let description = described.map_err(|breakage| broke("describe", &breakage))??;
        let description = translate::description(description);
        let kept = self.0.compiled.clone();
        Ok(Known::new(adapter, description, digest, &self.0.machine, kept))
    }

    /// The component's code: kept from an earlier start, or compiled now.
    pub(super) fn component(&self, digest: [u8; 32], bytes: &[u8]) -> Result<Component, PreflightProblem> {
        let inner = &*self.0;
        let first = inner.machine.first();
        let engine = &first.engine;
        component::check_form(bytes)?;
        let key = Key::new(engine, &digest);
        let kept = |compiled: &Arc<Compiled>| compiled.get(engine, &key);
        if let Some(component) = inner.compiled.as_ref().and_then(kept) {
            return Ok(component);
        }
        let code = inner
            .compiling
            .compile(engine, first.allocation, bytes)
            .map_err(component::not_compiled)?;
        // Whether it fits is seen only here, and what does not is not kept.
        let component = compiled::trusted(engine, &code).map_err(|error| {
            component::not_compiled(CompileFault::DoesNotFit(compile::in_one_line(&error)))
        })?;
        let Some(compiled) = &inner.compiled else {
            return Ok(component);
        };
        compiled.put(&key, &code);
        // What was just kept is mapped at once, so that this start is as lean as the next.
        Ok(kept(compiled).unwrap_or(component))
    }

    /// What the configuration needs, or what is wrong with it.
    pub(super) fn check(
        &self,
        known: &Known,
        transport: &Transport,
        config_json: &str,
    ) -> Result<Needs, Vec<PreflightProblem>> {
        let config = config_json.to_owned();
        let checked = self.ask(&known.adapter, transport, config_json, |adapter| {
            let indices = adapter.adapter.clone();
            Box::new(move |store, instance| {
                Box::pin(async move {
                    indices
                        .load(&mut *store, instance)?
                        .call_check(store, &config)
                        .await
                })
            })
        });
        match checked {
            Err(breakage) => Err(vec![broke("check", &breakage)]),
            Ok(Ok(needs)) => Ok(translate::needs(needs)),
            Ok(Err(problems)) => {
                let none = SecretBook::default();
                let mut problems: Vec<PreflightProblem> = problems
                    .into_iter()
                    .take(100)
                    .map(|problem| PreflightProblem {
                        is_passing: false,
                        code: ErrorCode::AdapterConfig,
                        pointer: format!("/config{}", text::line(&problem.pointer, &none)),
                        message: text::kept(&problem.message, &none),
                        fix: Some(text::kept(&problem.fix, &none)).filter(|fix| !fix.is_empty()),
                    })
                    .collect();
                if problems.is_empty() {
                    problems.push(PreflightProblem {
                        is_passing: false,
                        code: ErrorCode::AdapterConfig,
                        pointer: "/config".into(),
                        message: "the adapter refuses its configuration without saying why".into(),
                        fix: None,
                    });
                }
                Err(problems)
            }
        }
    }

    /// Calls a function that needs no rights, and gives it none.
    fn ask<T: Send>(
        &self,
        adapter: &Adapter,
        transport: &Transport,
        config_json: &str,
        function: impl FnOnce(&Adapter) -> super::call::Function<T>,
    ) -> Result<T, Breakage> {
        let rights = Arc::new(Rights {
            transport: Transport {
                grants: Grants::default(),
                secrets: Default::default(),
                signers: Default::default(),
                ..transport.clone()
            },
            config_json: config_json.to_owned(),
            client: None,
            opener: None,
            claims: Claims::default(),
        });
        let context = Arc::new(Context {
            purpose: Purpose::Load,
            deadline: Deadline::after(LOAD_TIME_MAX),
            secrets: SecretBook::default(),
            effects: EffectLog::default(),
            reach: Reach::default(),
            message: None,
            number: 0,
            requests: Semaphore::new(REQUESTS_AT_ONCE_MAX),
            lines: LogLines::default(),
            denials: AtomicUsize::new(0),
        });
        let function = function(adapter);
        let _turn = self.0.asking.lock().unwrap_or_else(PoisonError::into_inner);
        on_own_thread(call(self.0.machine.first(), adapter, &rights, &context, function))
    }
}

/// Runs a guest from where there may be a runtime or none.
fn on_own_thread<T: Send>(future: impl Future<Output = Result<T, Breakage>> + Send) -> Result<T, Breakage> {
    let ended = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok::<_, std::io::Error>(runtime.block_on(future))
        });
        running.join()
    });
    match ended {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(Breakage::NoRoom(format!("no runtime to load it in: {error}"))),
        Err(_) => Err(Breakage::Trap("the engine gave up".into())),
    }
}

fn broke(function: &str, breakage: &Breakage) -> PreflightProblem {
    let fix = breakage.failure(None).fix;
    PreflightProblem {
        // byway's own want of room, and not the adapter's doing.
        is_passing: matches!(breakage, Breakage::NoRoom(_)),
        code: ErrorCode::WrongContract,
        pointer: "/adapter".into(),
        message: format!("{breakage}, in {function}"),
        fix: fix.or_else(|| Some("describe and check may compute and log, and must come to an end".into())),
    }
}
