//! The VFS of simulated disks: injects faults and notes changes, and forwards the rest to SQLite's
//! VFS for real files.
//!
//! SQLite's interface is in C, so this file has unsafe code. A file of this VFS is [`File`]
//! followed by the file of the real VFS, in memory that SQLite allocates for both.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, Once, PoisonError};

use rusqlite::ffi;

use super::{Disk, Fault, Mounted, Operation};

static MOUNTED: Mutex<Mounted> = Mutex::new(Mounted::new());
static REGISTER: Once = Once::new();

/// A file of this VFS. The file of the real VFS follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// Its disk and name; null for a file on no [`Disk`]. Allocated on open, freed on close.
    place: *mut Place,
}

struct Place {
    disk: Arc<Disk>,
    name: String,
}

/// Makes a folder a disk.
pub(super) fn mount(folder: &Path, disk: &Arc<Disk>) {
    REGISTER.call_once(register);
    let mut mounted = MOUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    mounted.retain(|_, disk| disk.strong_count() > 0);
    mounted.insert(folder.to_path_buf(), Arc::downgrade(disk));
}

/// The disk that was mounted on a folder.
pub(super) fn mounted(folder: &Path) -> Option<Arc<Disk>> {
    let mounted = MOUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    mounted.get(folder)?.upgrade()
}

/// The VFS for real files.
fn real() -> &'static ffi::sqlite3_vfs {
    // SAFETY: it is set once, before this VFS opens a file, and never freed.
    unsafe { &*(*ffi::sqlite3_vfs_find(c"breaking".as_ptr())).pAppData.cast() }
}

/// Makes this SQLite's default VFS.
fn register() {
    // SAFETY: the real VFS is static, this one is leaked, and both are well-formed.
    unsafe {
        ffi::sqlite3_initialize();
        let real = ffi::sqlite3_vfs_find(ptr::null());
        let mut vfs = *real;
        vfs.zName = c"breaking".as_ptr();
        vfs.pAppData = real.cast();
        vfs.pNext = ptr::null_mut();
        vfs.szOsFile += size_of::<File>() as c_int;
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1);
        assert_eq!(registered, ffi::SQLITE_OK, "SQLite registers the VFS");
    }
}

/// The disk and name of a file, if it is on a [`Disk`].
fn place(name: *const c_char) -> Option<Place> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's file names are NUL-terminated.
    let name = unsafe { CStr::from_ptr(name) }.to_str().ok()?;
    let path = PathBuf::from(name);
    let disk = mounted(path.parent()?)?;
    Some(Place { disk, name: path.file_name()?.to_str()?.to_string() })
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2 has no memory-mapped I/O, which this VFS could not observe.
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

/// Calls a method of the real file.
macro_rules! forward {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = $file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
        match (*(*real).pMethods).$method {
            Some(method) => method(real $(, $argument)*),
            None => ffi::SQLITE_NOTFOUND,
        }
    }};
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite allocated `szOsFile` bytes, which is enough for both files.
    unsafe {
        let file = file.cast::<File>();
        let behind = file.add(1).cast::<ffi::sqlite3_file>();
        (*file).base.pMethods = ptr::null();
        (*file).place = ptr::null_mut();
        let real = real();
        let Some(opens) = real.xOpen else { return ffi::SQLITE_CANTOPEN };
        let opened = opens(ptr::from_ref(real).cast_mut(), name, behind, flags, out);
        if opened == ffi::SQLITE_OK {
            let place = place(name).map_or(ptr::null_mut(), |place| Box::into_raw(Box::new(place)));
            (*file).place = place;
            (*file).base.pMethods = &METHODS;
        }
        opened
    }
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let place = place(name);
    if place.as_ref().is_some_and(|it| it.disk.state().is_off) {
        return ffi::SQLITE_IOERR_DELETE;
    }
    let real = real();
    // SAFETY: SQLite passes valid arguments.
    let deleted = unsafe {
        real.xDelete.map(|delete| delete(ptr::from_ref(real).cast_mut(), name, sync_folder))
    };
    if let (Some(ffi::SQLITE_OK), Some(place)) = (deleted, place) {
        place.disk.deleted(&place.name);
    }
    deleted.unwrap_or(ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once.
    unsafe {
        let place = std::mem::replace(&mut (*file.cast::<File>()).place, ptr::null_mut());
        if !place.is_null() {
            drop(Box::from_raw(place));
        }
        forward!(file, xClose)
    }
}

/// The place of an open file, if it is on a [`Disk`], and the fault of this operation.
///
/// # Safety
/// The file is open.
unsafe fn plan_fault<'a>(
    file: *mut ffi::sqlite3_file,
    operation: Operation,
) -> (Option<&'a Place>, Option<Fault>) {
    // SAFETY: the pointer is null, or valid until the file is closed.
    let place = unsafe { (*file.cast::<File>()).place.as_ref() };
    let fault = place.and_then(|place| place.disk.fault(operation, &place.name));
    (place, fault)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe {
        match plan_fault(file, Operation::Read).1 {
            Some(_) => ffi::SQLITE_IOERR_READ,
            None => forward!(file, xRead, bytes, length, offset),
        }
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe {
        let (place, fault) = plan_fault(file, Operation::Write);
        let written = match (place, fault) {
            (Some(place), Some(Fault::Torn | Fault::Full | Fault::PowerCut)) => {
                place.disk.torn(length as usize) as c_int
            }
            (_, Some(Fault::Fails)) => 0,
            _ => length,
        };
        if written > 0 || length == 0 {
            let result = forward!(file, xWrite, bytes, written, offset);
            if result != ffi::SQLITE_OK {
                return result;
            }
            if let Some(place) = place {
                let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize);
                place.disk.written(&place.name, offset as usize, bytes);
            }
        }
        match fault {
            None => ffi::SQLITE_OK,
            Some(Fault::Full) => ffi::SQLITE_FULL,
            Some(_) => ffi::SQLITE_IOERR_WRITE,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe {
        let (place, fault) = plan_fault(file, Operation::Truncate);
        if fault.is_some() {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        let result = forward!(file, xTruncate, length);
        if let (ffi::SQLITE_OK, Some(place)) = (result, place) {
            place.disk.truncated(&place.name, length as usize);
        }
        result
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes valid arguments. The real file is not synced: that would take long, and
    // the content does not have to survive a power cut of this machine.
    unsafe {
        match plan_fault(file, Operation::Sync) {
            (Some(place), None) => place.disk.synced(&place.name),
            (Some(place), Some(_)) => {
                place.disk.not_synced(&place.name);
                return ffi::SQLITE_IOERR_FSYNC;
            }
            _ => {}
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xFileSize, size) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xLock, level) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xUnlock, level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xCheckReservedLock, out) }
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xFileControl, what, argument) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xSectorSize) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xDeviceCharacteristics) }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xShmMap, page, size, extend, out) }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xShmLock, offset, count, flags) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: SQLite passes valid arguments.
    unsafe {
        let real = file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: SQLite passes valid arguments.
    unsafe { forward!(file, xShmUnmap, delete) }
}
