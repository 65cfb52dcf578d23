//! An open log: the file of the default file system, and what waits for it.

use std::ffi::{c_int, c_void};
use std::{mem, slice};

use libsqlite3_sys as ffi;

use crate::pending::Pending;

/// The most bytes of one write: SQLite's own file systems take 17 bits of a length, as no page is
/// longer than 64 KiB.
const WRITE_MAX: usize = 1 << 16;

/// The place that SQLite gives for an open log. The file of the default file system stands behind.
#[repr(C)]
pub(crate) struct LogFile {
    /// What SQLite calls.
    file: ffi::sqlite3_file,
    pending: mem::MaybeUninit<Pending>,
    /// Aligned like the numbers and pointers of any file.
    inner: [u64; 0],
}

/// Returns how much room an open file needs, of which `inner` is the default file system's.
pub(crate) fn size(inner: c_int) -> c_int {
    let own = c_int::try_from(size_of::<LogFile>()).expect("it is some dozens of bytes");
    own + inner
}

/// Returns the file of the default file system.
///
/// # Safety
/// `log` points to as much room as [`size`] told.
pub(crate) unsafe fn inner(log: *mut LogFile) -> *mut ffi::sqlite3_file {
    // SAFETY: the caller's.
    unsafe { (&raw mut (*log).inner).cast() }
}

/// Makes a log of a file that is open.
///
/// # Safety
/// `log` points to as much room as [`size`] told, and the default file system opened its file in it.
pub(crate) unsafe fn begin(log: *mut LogFile) {
    // SAFETY: the caller's.
    unsafe {
        (*log).pending.write(Pending::default());
        (*log).file.pMethods = &raw const METHODS;
    }
}

/// SQLite asks nothing else of a log: memory is shared beside the database, not beside the log.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
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
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the file of the default file system.
macro_rules! below {
    ($log:expr, $method:ident($($argument:expr),*)) => {{
        let inner = inner($log);
        let method = (*(*inner).pMethods).$method;
        method.expect("the default file system has it")(inner, $($argument),*)
    }};
}

/// Writes what waits. When that fails it will never be written: SQLite is told, and takes the
/// transaction back.
///
/// # Safety
/// `log` is an open log.
unsafe fn flush(log: *mut LogFile) -> c_int {
    // SAFETY: the caller's; the bytes live until they are cleared.
    unsafe {
        let pending = (*log).pending.assume_init_mut();
        let mut code = ffi::SQLITE_OK;
        for (start, bytes) in pending.runs(WRITE_MAX) {
            let length = c_int::try_from(bytes.len()).expect("a run has a limit");
            let start = ffi::sqlite3_int64::try_from(start).expect("SQLite gave the place");
            code = below!(log, xWrite(bytes.as_ptr().cast(), length, start));
            if code != ffi::SQLITE_OK {
                break;
            }
        }
        pending.clear();
        code
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let log: *mut LogFile = file.cast();
    let (Ok(length), Ok(offset)) = (usize::try_from(length), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite calls with an open log and as many bytes as it says.
    unsafe {
        let bytes = slice::from_raw_parts(bytes.cast::<u8>(), length);
        if !(*log).pending.assume_init_ref().takes(offset, length) {
            let code = flush(log);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        match (*log).pending.assume_init_mut().add(offset, bytes) {
            true => flush(log),
            false => ffi::SQLITE_OK,
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let log: *mut LogFile = file.cast();
    // SAFETY: SQLite calls with an open log, and never again afterwards.
    unsafe {
        let written = flush(log);
        (*log).pending.assume_init_drop();
        match below!(log, xClose()) {
            ffi::SQLITE_OK => written,
            code => code,
        }
    }
}

/// Hands a call on once everything that waits is in the file.
macro_rules! flushed {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)*) => {
        $(unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            let log: *mut LogFile = file.cast();
            // SAFETY: SQLite calls with an open log; what it asks, the default file system answers.
            unsafe {
                match flush(log) {
                    ffi::SQLITE_OK => below!(log, $method($($argument),*)),
                    code => code,
                }
            }
        })*
    };
}

flushed! {
    read = xRead(bytes: *mut c_void, length: c_int, offset: ffi::sqlite3_int64);
    truncate = xTruncate(length: ffi::sqlite3_int64);
    sync = xSync(flags: c_int);
    file_size = xFileSize(length: *mut ffi::sqlite3_int64);
    file_control = xFileControl(kind: c_int, argument: *mut c_void);
}

/// Hands a call on.
macro_rules! hand_on {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)*) => {
        $(unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            let log: *mut LogFile = file.cast();
            // SAFETY: SQLite calls with an open log; what it asks, the default file system answers.
            unsafe { below!(log, $method($($argument),*)) }
        })*
    };
}

hand_on! {
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(answer: *mut c_int);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
}
