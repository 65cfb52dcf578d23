//! What is done with SQLite's own interface: a file system that writes the frames of a commit to the
//! write-ahead log in one call, and many rows through one statement ([`rows`]).
//!
//! SQLite writes every frame of its log in two calls, a header of 24 bytes and a page. Each costs the
//! kernel some microseconds, whatever its length: for a group of commits they add up to more than
//! SQLite's own work (measured on ext4: 10.3 us for a frame so, 0.4 us in one call for 150 frames).
//!
//! This one ([`register`]) hands everything on to the default file system, but keeps what is written
//! to a log until the transaction ends, SQLite syncs it or reads in it, or 1 MiB waits. So at every
//! moment at which others may read a frame, or at which it must be durable, it is in the file; what
//! waits when a process is killed belongs to no transaction that was committed.
//!
//! Sources: SQLite, "The SQLite OS Interface or VFS" and "WAL-mode File Format".

mod file;
mod pending;
pub mod rows;
mod vfs;

pub use vfs::{Unregistered, register};
