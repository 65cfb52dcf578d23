//! The file system as SQLite sees it.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::OnceLock;

use libsqlite3_sys as ffi;

use crate::file::{self, LogFile};

const NAME: &CStr = c"tenure-log";

/// SQLite did not take the file system; the code is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unregistered {
    /// The result code.
    pub code: i32,
}

impl std::fmt::Display for Unregistered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SQLite took no file system (code {})", self.code)
    }
}

impl std::error::Error for Unregistered {}

/// Makes the file system known to SQLite, once for the process, and returns the name under which a
/// connection opens it. It stands beside the default one, which other connections go on with.
///
/// # Errors
/// When SQLite has no default file system or takes no other.
pub fn register() -> Result<&'static str, Unregistered> {
    static REGISTERED: OnceLock<Result<(), Unregistered>> = OnceLock::new();
    let registered = REGISTERED.get_or_init(register_once);
    registered.map(|()| NAME.to_str().expect("the name is ASCII"))
}

fn register_once() -> Result<(), Unregistered> {
    // SAFETY: the calls may be made at any time; SQLite initialises itself in the second.
    let base = unsafe {
        // Its statistics of memory, which nobody reads, take a lock for every page and row. Refused
        // when SQLite is in use already: then it counts on.
        let _ = ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0 as c_int);
        let code = ffi::sqlite3_initialize();
        if code != ffi::SQLITE_OK {
            return Err(Unregistered { code });
        }
        ffi::sqlite3_vfs_find(ptr::null())
    };
    // SAFETY: a file system that is found stays registered.
    let Some(found) = (unsafe { base.as_ref() }) else {
        let code = ffi::SQLITE_ERROR;
        return Err(Unregistered { code });
    };
    let vfs = ffi::sqlite3_vfs {
        // Version 3 only adds the system calls that SQLite's own tests replace.
        iVersion: found.iVersion.min(2),
        szOsFile: file::size(found.szOsFile),
        pNext: ptr::null_mut(),
        zName: NAME.as_ptr(),
        pAppData: base.cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(get_last_error),
        xCurrentTimeInt64: found.xCurrentTimeInt64.map(|_| current_time_int64 as _),
        // Extensions of SQLite are never loaded.
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
        ..*found
    };
    // SQLite keeps it for the life of the process.
    let vfs = Box::leak(Box::new(vfs));
    // SAFETY: it is complete, lives for ever and has a name of its own.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(Unregistered { code }),
    }
}

/// Returns the file system that ours stands before.
///
/// # Safety
/// `vfs` is the one that [`register`] made.
unsafe fn base<'v>(vfs: *mut ffi::sqlite3_vfs) -> &'v ffi::sqlite3_vfs {
    // SAFETY: the caller's; `register` put it there, and it stays registered.
    unsafe { &*(*vfs).pAppData.cast::<ffi::sqlite3_vfs>() }
}

/// Opens a log so that its writes wait, and every other file as the default file system does: for
/// those ours is in nobody's way.
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with our file system, and with room for as much as `szOsFile` says, which
    // is the file of the default one, behind our own where it is a log.
    unsafe {
        let base = base(vfs);
        let open = base.xOpen.expect("every file system opens files");
        let below = ptr::from_ref(base).cast_mut();
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            return open(below, name, file, flags, out_flags);
        }
        let log: *mut LogFile = file.cast();
        (*file).pMethods = ptr::null();
        let code = open(below, name, file::inner(log), flags, out_flags);
        if code == ffi::SQLITE_OK {
            file::begin(log);
        }
        code
    }
}

/// Hands a call on to the default file system.
macro_rules! hand_on {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(unsafe extern "C" fn $name(vfs: *mut ffi::sqlite3_vfs, $($argument: $type),*) -> $answer {
            // SAFETY: SQLite calls with our file system; what it asks, the default one answers.
            unsafe {
                let base = base(vfs);
                let method = base.$method.expect("the default file system has it");
                method(ptr::from_ref(base).cast_mut(), $($argument),*)
            }
        })*
    };
}

hand_on! {
    delete = xDelete(name: *const c_char, sync_folder: c_int) -> c_int;
    access = xAccess(name: *const c_char, flags: c_int, answer: *mut c_int) -> c_int;
    full_pathname = xFullPathname(name: *const c_char, length: c_int, path: *mut c_char) -> c_int;
    randomness = xRandomness(length: c_int, bytes: *mut c_char) -> c_int;
    sleep = xSleep(microseconds: c_int) -> c_int;
    current_time = xCurrentTime(days: *mut f64) -> c_int;
    get_last_error = xGetLastError(length: c_int, text: *mut c_char) -> c_int;
    current_time_int64 = xCurrentTimeInt64(milliseconds: *mut ffi::sqlite3_int64) -> c_int;
}
