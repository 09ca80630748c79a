//! The layer between SQLite and the file system.
//!
//! It is SQLite's own unix layer with notes taken: each file of ours has SQLite's file behind it, and each call is passed on
//! to that. Only what changes a file is written down, after it has worked.

#![allow(
    unsafe_code,
    reason = "SQLite's interface to the file system is a table of C functions over raw pointers"
)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{
    SQLITE_IOERR_FSYNC, SQLITE_OK, SQLITE_OPEN_DELETEONCLOSE, sqlite3_file, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::Event;
use crate::record::{Watched, watched};

const NAME: &CStr = c"lossy-disk";

/// A file of ours. SQLite's own lies right behind it in the same memory, which SQLite gives us.
#[repr(C)]
struct File {
    /// What SQLite sees of it.
    base: sqlite3_file,
    /// Where notes of it go; null where nobody watches. Owned.
    notes: *mut Notes,
}

struct Notes {
    path: Arc<Path>,
    watched: Arc<Watched>,
}

/// The layer beneath. Its memory is SQLite's, and lives as long as the process.
struct Beneath(*mut sqlite3_vfs);

// SAFETY: SQLite registers its own layers once, at its start, and never changes them; they may be called from any thread.
unsafe impl Send for Beneath {}
// SAFETY: the same.
unsafe impl Sync for Beneath {}

static BENEATH: OnceLock<Beneath> = OnceLock::new();

/// Puts the layer under everything that SQLite opens from now on in this process. Once is enough; more does no harm.
///
/// # Panics
/// Where SQLite has no layer for files, or takes no other.
pub fn install() {
    BENEATH.get_or_init(|| {
        // SAFETY: a null name asks for the default layer; SQLite initialises itself first.
        let real = unsafe { sqlite3_vfs_find(ptr::null()) };
        assert!(!real.is_null(), "SQLite has no layer for files");
        // SAFETY: `real` is a valid layer, see above. The copy differs in name, file size and three functions; the others
        // are the unix layer's, which look at nothing of it but the application data, and that is copied too.
        let mut ours = unsafe { *real };
        ours.zName = NAME.as_ptr();
        ours.pNext = ptr::null_mut();
        ours.szOsFile += c_int::try_from(size_of::<File>()).unwrap_or(c_int::MAX);
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        let ours = Box::leak(Box::new(ours));
        // SAFETY: `ours` is leaked, and so lives as long as SQLite may call it.
        let registered = unsafe { sqlite3_vfs_register(ours, 1) };
        assert!(
            registered == SQLITE_OK,
            "SQLite takes no other layer: {registered}"
        );
        Beneath(real)
    });
}

fn beneath() -> *mut sqlite3_vfs {
    BENEATH.get().map_or(ptr::null_mut(), |it| it.0)
}

/// SQLite's file behind ours.
///
/// # Safety
/// `file` is one that `open` has been given, so that as much memory lies behind it.
unsafe fn behind(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: see above; `File` is as large as a pointer's multiple, so what follows is aligned.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// The notes of a file, where it is watched.
///
/// # Safety
/// `file` is one that `open` has opened and `close` has not closed.
unsafe fn notes<'a>(file: *mut sqlite3_file) -> Option<&'a Notes> {
    // SAFETY: `open` has set it to null or to a box that only `close` frees; SQLite uses a file in one thread at a time.
    unsafe { (*file.cast::<File>()).notes.as_ref() }
}

/// Passes a call on to the file behind.
macro_rules! pass_on {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls a method only of a file that it has opened, and so has the file behind it been; its
        // methods are those of the unix layer, which has all that its version says.
        unsafe {
            let real = behind($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $argument)*),
                None => rusqlite::ffi::SQLITE_IOERR,
            }
        }
    }};
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives as much memory as the layer has asked for.
    let real = unsafe { behind(file) };
    // SAFETY: the memory is ours to fill; without methods SQLite does not close a file that was not opened.
    unsafe {
        (*file).pMethods = ptr::null();
        (*file.cast::<File>()).notes = ptr::null_mut();
    }
    let path = (flags & SQLITE_OPEN_DELETEONCLOSE == 0)
        .then(|| path_of(name))
        .flatten();
    let was_there = path.as_ref().is_some_and(|path| path.exists());
    // SAFETY: the layer beneath gets the arguments that SQLite meant for it, and memory of the size that it wants.
    let opened = unsafe {
        match (*beneath()).xOpen {
            Some(open) => open(beneath(), name, real, flags, out_flags),
            None => rusqlite::ffi::SQLITE_CANTOPEN,
        }
    };
    // SAFETY: after a failure the layer beneath has set or left null what `real` points to.
    if opened != SQLITE_OK || unsafe { (*real).pMethods.is_null() } {
        return opened;
    }
    if let Some(path) = path
        && let Some(watched) = watched(&path)
    {
        let path: Arc<Path> = path.into();
        if !was_there {
            watched.note(Event::Created(Arc::clone(&path)));
        }
        let notes = Box::into_raw(Box::new(Notes { path, watched }));
        // SAFETY: the memory is ours, see above.
        unsafe { (*file.cast::<File>()).notes = notes };
    }
    // SAFETY: the same.
    unsafe { (*file).pMethods = &METHODS };
    SQLITE_OK
}

unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: the layer beneath gets the arguments that SQLite meant for it.
    let deleted = unsafe {
        match (*beneath()).xDelete {
            Some(delete) => delete(beneath(), name, sync),
            None => rusqlite::ffi::SQLITE_IOERR_DELETE,
        }
    };
    if deleted == SQLITE_OK
        && let Some(path) = path_of(name)
        && let Some(watched) = watched(&path)
    {
        watched.note(Event::Deleted(path.into(), sync != 0));
    }
    deleted
}

fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end in a zero, and outlive the call.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once, and uses it no more; the box is the one that `open` made.
    unsafe {
        let notes = std::mem::replace(&mut (*file.cast::<File>()).notes, ptr::null_mut());
        if !notes.is_null() {
            drop(Box::from_raw(notes));
        }
    }
    pass_on!(file, xClose)
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    pass_on!(file, xRead, to, count, at)
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let written = pass_on!(file, xWrite, from, count, at);
    // SAFETY: SQLite has opened the file.
    if let (SQLITE_OK, Some(notes)) = (written, unsafe { notes(file) }) {
        // SAFETY: SQLite gives so many bytes to be written.
        let bytes =
            unsafe { std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(count).unwrap_or(0)) };
        let at = u64::try_from(at).unwrap_or(0);
        notes
            .watched
            .note(Event::Written(Arc::clone(&notes.path), at, bytes.into()));
    }
    written
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let cut = pass_on!(file, xTruncate, size);
    // SAFETY: SQLite has opened the file.
    if let (SQLITE_OK, Some(notes)) = (cut, unsafe { notes(file) }) {
        let size = u64::try_from(size).unwrap_or(0);
        notes.watched.note(Event::Cut(Arc::clone(&notes.path), size));
    }
    cut
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite has opened the file.
    let Some(notes) = (unsafe { notes(file) }) else {
        return pass_on!(file, xSync, flags);
    };
    let (pause, works) = notes.watched.next_sync();
    std::thread::sleep(pause);
    if !works {
        notes.watched.note(Event::SyncFailed(Arc::clone(&notes.path)));
        return SQLITE_IOERR_FSYNC;
    }
    let synced = pass_on!(file, xSync, flags);
    if synced == SQLITE_OK {
        notes.watched.note(Event::Synced(Arc::clone(&notes.path)));
    }
    synced
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    pass_on!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, held: *mut c_int) -> c_int {
    pass_on!(file, xCheckReservedLock, held)
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    pass_on!(file, xFileControl, what, argument)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    pass_on!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    pass_on!(file, xDeviceCharacteristics)
}

// The shared memory beside a log is no part of what a power cut leaves, so no notes are taken of it.

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    pass_on!(file, xShmMap, region, size, extend, to)
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass_on!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as everywhere here, see `pass_on`.
    unsafe {
        let real = behind(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    pass_on!(file, xShmUnmap, delete)
}

/// Version 2: with shared memory, without memory-mapped reading, so that no write goes past the notes.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
