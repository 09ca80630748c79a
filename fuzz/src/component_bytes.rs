//! An adapter that anybody may have made, or that was damaged on the way: byway loads it, or says in words
//! that a person can read what is wrong, and stays whole.
//!
//! The first byte chooses what the others mean: 0, the file itself; else changes to one of the guests of
//! the sandbox's tests, so that most of a component is right and one thing is not.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use byway::config::{self, AdapterRef, Transport};
use byway::sandbox::{Compiling, Sandbox, SandboxSettings};

/// The guests that are changed: one that does all it should, one with other types, one of another world.
const GUESTS: [&str; 3] = ["guest_noop", "guest_shape", "guest_stranger"];

struct Stage {
    sandbox: Sandbox,
    guests: Vec<Vec<u8>>,
    folder: tempfile::TempDir,
}

/// Any bytes, as the file of an adapter.
///
/// # Panics
/// Where it is refused without a reason, or with one that a stranger wrote to fool a person's terminal.
pub fn check(bytes: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(Stage::new);
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let file = match usize::from(*first).checked_sub(1) {
        None => rest.to_vec(),
        Some(number) if stage.guests.is_empty() || number > 32 => return,
        Some(number) => changed(stage.guests[number % stage.guests.len()].clone(), rest),
    };
    let transport = stage.transport(&file);
    let Err(problems) = stage.sandbox.load(&transport) else {
        return;
    };
    assert!(!problems.is_empty(), "refused without a reason");
    for problem in problems {
        let fix = problem.fix.clone().unwrap_or_default();
        for text in [&problem.message, &fix, &problem.pointer] {
            assert!(text.len() <= 8192, "nobody reads that much: {} bytes", text.len());
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n'),
                "control characters: {text:?}"
            );
        }
        assert!(!problem.message.is_empty(), "{problem:?}");
    }
}

/// Does the changes, six bytes each: what, where (three), how much (two).
fn changed(mut file: Vec<u8>, changes: &[u8]) -> Vec<u8> {
    for change in changes.chunks_exact(6).take(64) {
        let &[what, a, b, c, d, e] = change else { continue };
        if file.is_empty() {
            break;
        }
        let place = u32::from_le_bytes([a, b, c, 0]) as usize % file.len();
        let many = usize::from(u16::from_le_bytes([d, e]));
        match what % 5 {
            0 => file[place] = d,
            1 => file[place] ^= d | 1,
            2 => file.truncate(place),
            3 => drop(file.drain(place..(place + many % 64).min(file.len()))),
            _ => {
                let again: Vec<u8> = file[place..].iter().take(many % 256).copied().collect();
                file.splice(place..place, again);
            }
        }
    }
    file
}

impl Stage {
    fn new() -> Self {
        let sandbox = Sandbox::new(SandboxSettings {
            cache_dir: None,
            compiling: Compiling::InProcess,
            attempts_at_once_max: 1,
            lanes: 1,
            builtin: &[],
        });
        let folder = guests_folder();
        let guests: Vec<Vec<u8>> = GUESTS
            .iter()
            .filter_map(|name| std::fs::read(folder.join(format!("{name}.wasm"))).ok())
            .collect();
        if guests.len() < GUESTS.len() {
            // Said once, on the standard error that libFuzzer uses as well.
            #[allow(clippy::print_stderr, reason = "for the person who runs it")]
            {
                eprintln!("no guests in {}: run `cargo xtask build`", folder.display());
            }
        }
        Self {
            sandbox: sandbox.expect("a sandbox"),
            guests,
            folder: tempfile::tempdir().expect("a folder for the adapter"),
        }
    }

    /// A transport whose adapter is this file.
    fn transport(&self, file: &[u8]) -> Transport {
        static TRANSPORT: OnceLock<Transport> = OnceLock::new();
        let transport = TRANSPORT.get_or_init(|| {
            let text = r#"
                [instance]
                name = "here"
                data_dir = "data"
                [transports.x]
                adapter = "x.wasm"
                [[routes]]
                to = "*@there"
                chain = ["x"]
            "#;
            let config = config::parse(text, Path::new("/byway.toml")).unwrap_or_else(|it| panic!("{it}"));
            config.transports["x"].clone()
        });
        let path = self.folder.path().join("x.wasm");
        std::fs::write(&path, file).expect("the adapter's file");
        Transport {
            adapter: AdapterRef::Path(path),
            ..transport.clone()
        }
    }
}

/// Where the build leaves the guests: `BYWAY_GUESTS`, else the build folder that this program is in.
fn guests_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BYWAY_GUESTS") {
        return folder.into();
    }
    let program = std::env::current_exe().unwrap_or_default();
    let found = program
        .ancestors()
        .map(|folder| folder.join("guests"))
        .find(|it| it.is_dir());
    found.unwrap_or_default()
}
