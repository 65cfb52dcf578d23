//! What every service gets from this crate, checked over a real socket and in one process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod calls;
mod config;
mod draining;
mod feed;
mod inspect;
mod later;
mod probe;
mod repeat;
mod retry;
mod server;
mod tls;
mod trace;
mod words;
