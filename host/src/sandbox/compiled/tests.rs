//! An entry is either exactly what was kept, or a miss.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use wasmtime::Engine;

use super::*;
use crate::sandbox::engine::{Allocation, compiling_config, engine_config};

/// The smallest component there is.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

struct Stage {
    _folder: tempfile::TempDir,
    compiled: Compiled,
    engine: Engine,
    key: Key,
    path: PathBuf,
}

/// A folder with one entry.
fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let compiled = Compiled::open(&folder.path().join("compiled")).unwrap();
    let engine = Engine::new(&engine_config(Allocation::OnDemand)).unwrap();
    let key = Key::new(&engine, &[7; 32]);
    compiled.put(&key, &engine.precompile_component(EMPTY).unwrap());
    let path = compiled.path(&key);
    Stage {
        _folder: folder,
        compiled,
        engine,
        key,
        path,
    }
}

impl Stage {
    fn hits(&self) -> bool {
        self.compiled.get(&self.engine, &self.key).is_some()
    }
}

#[test]
fn what_was_kept_is_found_again_closed_to_others() {
    let stage = stage();
    assert!(stage.hits());
    let mode = fs::metadata(&stage.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(&stage.compiled.folder).unwrap().count(), 1);
}

#[test]
fn a_byte_that_changed_anywhere_is_a_miss_and_can_be_replaced() {
    let stage = stage();
    let whole = fs::read(&stage.path).unwrap();
    // Every byte of the seal and of the headers, and a sample of what lies between.
    let places =
        (0..whole.len()).filter(|place| *place < 128 || *place >= whole.len() - 128 || place % 251 == 0);
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&stage.path, damaged).unwrap();
        assert!(!stage.hits(), "byte {place}");
    }
    let artefact = stage.engine.precompile_component(EMPTY).unwrap();
    stage.compiled.put(&stage.key, &artefact);
    assert!(stage.hits());
}

#[test]
fn an_entry_of_another_length_is_a_miss() {
    let stage = stage();
    let whole = fs::read(&stage.path).unwrap();
    let cuts = (0..whole.len()).filter(|cut| *cut < 200 || whole.len() - cut < 200 || cut % 509 == 0);
    for cut in cuts {
        fs::write(&stage.path, &whole[..cut]).unwrap();
        assert!(!stage.hits(), "{cut} bytes");
    }
    fs::write(&stage.path, [&whole[..], b"x"].concat()).unwrap();
    assert!(!stage.hits());
}

#[test]
fn an_entry_under_the_name_of_another_is_a_miss() {
    let stage = stage();
    let other = Key::new(&stage.engine, &[8; 32]);
    fs::copy(&stage.path, stage.compiled.path(&other)).unwrap();
    assert!(stage.compiled.get(&stage.engine, &other).is_none());
}

#[test]
fn another_engine_has_another_key() {
    let stage = stage();
    let mut config = engine_config(Allocation::OnDemand);
    config.memory_guard_size(2 << 30);
    let other = Engine::new(&config).unwrap();
    assert_ne!(Key::new(&other, &[7; 32]), stage.key);
    // And were it to find the entry all the same, the engine itself would refuse.
    assert!(stage.compiled.get(&other, &stage.key).is_none());
}

#[test]
fn what_others_could_have_written_is_a_miss() {
    let stage = stage();
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&stage.path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(!stage.hits(), "{mode:o}");
    }
    fs::set_permissions(&stage.path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(stage.hits());
}

#[test]
fn what_somebody_else_owns_is_a_miss() {
    let stage = stage();
    // Only the superuser can give a file away; elsewhere there is nothing to look at.
    if std::os::unix::fs::chown(&stage.path, Some(65_534), None).is_ok() {
        assert!(!stage.hits());
    }
}

#[test]
fn a_link_a_folder_and_a_pipe_are_misses() {
    let stage = stage();
    let elsewhere = stage.compiled.folder.join("elsewhere");
    fs::rename(&stage.path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &stage.path).unwrap();
    assert!(!stage.hits());
    fs::remove_file(&stage.path).unwrap();
    fs::create_dir(&stage.path).unwrap();
    assert!(!stage.hits());
    fs::remove_dir(&stage.path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &stage.path, rustix::fs::Mode::RUSR).unwrap();
    assert!(!stage.hits());
}

/// What a child compiles without a pool must be what its parent runs, with one or without.
#[test]
fn code_compiled_without_a_pool_loads_with_one() {
    for allocation in [Allocation::Pool(2), Allocation::OnDemand] {
        let compiling = Engine::new(&compiling_config(allocation)).unwrap();
        let running = Engine::new(&engine_config(allocation)).unwrap();
        assert_eq!(Key::new(&compiling, &[7; 32]), Key::new(&running, &[7; 32]));
        let artefact = compiling.precompile_component(EMPTY).unwrap();
        trusted(&running, &artefact).unwrap();
    }
}
