//! An adapter's component, compiled and linked once: everything about it that does not depend on a
//! transport.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings as wasi;
use wasmtime_wasi::{WasiView as _, p2};

use super::call::Function;
use super::compile::{CompileFault, in_one_line};
use super::limits::COMPONENT_BYTES_MAX;
use super::preflight::PreflightProblem;
use super::secrets::SecretBook;
use super::state::GuestState;
use super::text;
use super::world::{self, Difference, Side};
use crate::contract::bindings::byway::transport as imports;
use crate::contract::bindings::exports::byway::transport::{adapter, receiver, reconciler};
use crate::error_code::ErrorCode;

/// The contract that this byway serves.
pub(super) const PACKAGE: &str = "byway:transport";
pub(super) const VERSION: &str = "0.1.0";

/// A component that has been looked at and linked.
pub(super) struct Adapter {
    pre: InstancePre<GuestState>,
    pub adapter: adapter::GuestIndices,
    pub reconciler: Option<reconciler::GuestIndices>,
    pub receiver: Option<receiver::GuestIndices>,
}

impl Adapter {
    /// Links a compiled component, or says what is wrong with it.
    pub(super) fn prepare(
        engine: &Engine,
        linker: &Linker<GuestState>,
        component: &Component,
    ) -> Result<Self, PreflightProblem> {
        check_imports(engine, component)?;
        if !exports(engine, component, "adapter") {
            return Err(no_adapter(engine, component));
        }
        if let Some(found) = world::difference(engine, &component.component_type(), PACKAGE, VERSION) {
            return Err(another_world(found));
        }
        let pre = linker.instantiate_pre(component).map_err(|error| {
            wrong_contract(format!(
                "the adapter's imports differ from those of {PACKAGE}@{VERSION}: {}",
                in_one_line(&error)
            ))
        })?;
        let differs = |interface: &'static str| {
            move |error: wasmtime::Error| {
                wrong_contract(format!(
                    "the adapter's {interface} differs from that of {PACKAGE}@{VERSION}: {}",
                    in_one_line(&error)
                ))
            }
        };
        let adapter = adapter::GuestIndices::new(&pre).map_err(differs("adapter"))?;
        let reconciler = exports(engine, component, "reconciler")
            .then(|| reconciler::GuestIndices::new(&pre))
            .transpose()
            .map_err(differs("reconciler"))?;
        let receiver = exports(engine, component, "receiver")
            .then(|| receiver::GuestIndices::new(&pre))
            .transpose()
            .map_err(differs("receiver"))?;
        Ok(Self {
            pre,
            adapter,
            reconciler,
            receiver,
        })
    }

    /// Asks the adapter what it is, and looks on the way whether its functions have the types they
    /// should have, which linking alone does not tell.
    pub(super) fn describe(&self) -> Function<Result<adapter::Description, PreflightProblem>> {
        let (indices, reconciler, receiver) = (
            self.adapter.clone(),
            self.reconciler.clone(),
            self.receiver.clone(),
        );
        Box::new(move |store, instance| {
            Box::pin(async move {
                let loaded = indices.load(&mut *store, instance).and_then(|adapter| {
                    reconciler.map(|it| it.load(&mut *store, instance)).transpose()?;
                    receiver.map(|it| it.load(&mut *store, instance)).transpose()?;
                    Ok(adapter)
                });
                match loaded {
                    Ok(adapter) => adapter.call_describe(store).await.map(Ok),
                    Err(error) => Ok(Err(wrong_contract(format!(
                        "the adapter's functions differ from those of {PACKAGE}@{VERSION}: {}",
                        in_one_line(&error)
                    )))),
                }
            })
        })
    }

    pub(super) fn component(&self) -> &Component {
        self.pre.component()
    }

    pub(super) async fn instantiate(&self, store: &mut Store<GuestState>) -> wasmtime::Result<Instance> {
        self.pre.instantiate_async(store).await
    }
}

/// Everything that a component can import. WASI without sockets.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker: Linker<GuestState> = Linker::new(engine);
    let l = &mut linker;
    // Clocks, randomness, standard streams and io.
    p2::add_to_linker_proxy_interfaces_async(l)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    // What every guest built with a standard library imports, used or not.
    wasi::random::insecure::add_to_linker::<_, wasmtime_wasi::random::WasiRandom>(l, |it| {
        it.ctx().ctx.random()
    })?;
    wasi::random::insecure_seed::add_to_linker::<_, wasmtime_wasi::random::WasiRandom>(l, |it| {
        it.ctx().ctx.random()
    })?;
    add_cli(l)?;
    add_filesystem(l)?;
    add_imports(l)?;
    Ok(linker)
}

fn add_cli(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use wasi::cli::{
        environment, exit, terminal_input, terminal_output, terminal_stderr, terminal_stdin, terminal_stdout,
    };
    use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};

    environment::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    exit::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    terminal_input::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    terminal_output::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    terminal_stdin::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    terminal_stdout::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    terminal_stderr::add_to_linker::<_, WasiCli>(l, GuestState::cli)
}

fn add_filesystem(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use wasi::filesystem::{preopens, types};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};

    types::add_to_linker::<_, WasiFilesystem>(l, GuestState::filesystem)?;
    preopens::add_to_linker::<_, WasiFilesystem>(l, GuestState::filesystem)
}

fn add_imports(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    imports::types::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::config::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::log::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::secrets::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::signer::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::progress::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::http::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::files::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::command::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)?;
    imports::websocket::add_to_linker::<_, HasSelf<GuestState>>(l, |it| it)
}

impl imports::types::Host for GuestState {}

/// Tells a core module and a file of another kind from a component, in words.
pub(super) fn check_form(bytes: &[u8]) -> Result<(), PreflightProblem> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > COMPONENT_BYTES_MAX {
        return Err(not_a_component(format!(
            "the adapter's file is larger than {COMPONENT_BYTES_MAX} bytes"
        )));
    }
    match bytes {
        // The binary format's magic, then a version and a layer: 1 and 0 for modules, 13 and 1 for components.
        [0x00, b'a', b's', b'm', _, _, 0x01, 0x00, ..] => Ok(()),
        [0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00, ..] => Err(not_a_component(
            "the adapter's file is a core module, not a component".into(),
        )),
        [0x00, b'a', b's', b'm', ..] => Err(not_a_component(
            "the adapter's file is WebAssembly, but cut short or of a version that byway does not know"
                .into(),
        )),
        [] => Err(not_a_component("the adapter's file is empty".into())),
        _ => Err(not_a_component("the adapter's file is no WebAssembly".into())),
    }
}

/// Names the first import that byway does not give; the linker's own words leave that open.
fn check_imports(engine: &Engine, component: &Component) -> Result<(), PreflightProblem> {
    for name in &imported_names(engine, component) {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, _) = interface.split_once('/').unwrap_or((interface, ""));
        match package {
            PACKAGE if version == VERSION => {}
            PACKAGE => {
                return Err(wrong_contract(format!(
                    "the adapter was built against {PACKAGE}@{version} (it imports {name}); this byway serves {VERSION}"
                )));
            }
            "wasi:sockets" => {
                return Err(wrong_contract(format!(
                    "the adapter imports {name}; byway gives no sockets, only wasi:http under a grant"
                )));
            }
            "wasi:http" | "wasi:io" | "wasi:cli" | "wasi:clocks" | "wasi:random" | "wasi:filesystem" => {}
            _ => {
                return Err(wrong_contract(format!(
                    "the adapter imports {name}, which byway does not give"
                )));
            }
        }
    }
    Ok(())
}

/// The names of what a component imports.
pub(super) fn imported_names(engine: &Engine, component: &Component) -> Vec<String> {
    let ty = component.component_type();
    ty.imports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// The names of what a component exports.
pub(super) fn exported_names(engine: &Engine, component: &Component) -> Vec<String> {
    let ty = component.component_type();
    ty.exports(engine).map(|(name, _)| name.to_owned()).collect()
}

fn exports(engine: &Engine, component: &Component, interface: &str) -> bool {
    let wanted = format!("{PACKAGE}/{interface}@{VERSION}");
    component
        .component_type()
        .exports(engine)
        .any(|(name, _)| name == wanted)
}

fn no_adapter(engine: &Engine, component: &Component) -> PreflightProblem {
    let ty = component.component_type();
    let other = ty
        .exports(engine)
        .map(|(name, _)| name)
        .find(|name| name.starts_with(&format!("{PACKAGE}/adapter@")));
    match other {
        Some(name) => wrong_contract(format!(
            "the adapter was built against another version (it exports {name}); this byway serves {VERSION}"
        )),
        None => {
            let found: Vec<&str> = ty
                .exports(engine)
                .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)))
                .map(|(name, _)| name)
                .take(5)
                .collect();
            let found = if found.is_empty() {
                "nothing".to_owned()
            } else {
                found.join(", ")
            };
            wrong_contract(format!(
                "the component does not export {PACKAGE}/adapter@{VERSION}; it exports {found}"
            ))
        }
    }
}

/// A difference that has a name.
fn another_world(found: Difference) -> PreflightProblem {
    let rebuild = format!("build it against wit/ of this byway ({PACKAGE}@{VERSION})");
    let fix = match found.more {
        Side::Adapter => format!("if it was built for a newer byway, update byway; else {rebuild}"),
        Side::Byway | Side::Both => rebuild,
    };
    PreflightProblem {
        fix: Some(fix),
        ..wrong_contract(format!(
            "the adapter was not built against this byway's contract: {}",
            found.sentence
        ))
    }
}

/// Why there is no compiled code, for the operator.
pub(super) fn not_compiled(fault: CompileFault) -> PreflightProblem {
    let is_passing = matches!(fault, CompileFault::Time(_) | CompileFault::Broke(_));
    let (what, fix) = match fault {
        CompileFault::Invalid(why) => {
            return not_a_component(format!("the adapter's file is damaged or cut short: {why}"));
        }
        CompileFault::Time(limit) => (
            format!("compiling the component takes longer than compile_time_max ({limit:?})"),
            "build the adapter smaller: optimised for size, with link-time optimisation, stripped",
        ),
        CompileFault::Memory(limit) => (
            format!("compiling the component takes more memory than compile_memory_max ({limit} bytes)"),
            "build the adapter smaller: optimised for size, with link-time optimisation, stripped",
        ),
        CompileFault::DoesNotFit(why) => (
            format!("the component asks for more than an attempt may have: {why}"),
            "build the adapter with one memory of at most 1 GiB, and with fewer tables and instances",
        ),
        CompileFault::Broke(why) => (
            format!("the component could not be compiled: {why}"),
            "try again; if it stays so, please report it with the component",
        ),
    };
    PreflightProblem {
        is_passing,
        code: ErrorCode::NotCompiled,
        pointer: "/adapter".into(),
        message: harmless(&what),
        fix: Some(fix.into()),
    }
}

fn not_a_component(message: String) -> PreflightProblem {
    PreflightProblem {
        is_passing: false,
        code: ErrorCode::NotAComponent,
        pointer: "/adapter".into(),
        message: harmless(&message),
        fix: Some("build it for wasm32-wasip2, and name the .wasm file that comes of it".into()),
    }
}

fn wrong_contract(message: String) -> PreflightProblem {
    PreflightProblem {
        is_passing: false,
        code: ErrorCode::WrongContract,
        pointer: "/adapter".into(),
        message: harmless(&message),
        fix: Some(format!(
            "build it against wit/ of this byway ({PACKAGE}@{VERSION})"
        )),
    }
}

/// Names in a file, which the engine quotes as they stand, could be anything: an escape for the terminal, a
/// megabyte.
fn harmless(message: &str) -> String {
    text::line(message, &SecretBook::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_not_a_component_apart() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"#!/bin/sh", "no WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm", "cut short"),
        ] {
            let problem = check_form(bytes).unwrap_err();
            assert_eq!(problem.code, ErrorCode::NotAComponent);
            assert!(problem.message.contains(words), "{}", problem.message);
        }
        assert!(check_form(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
