//! What both databases must do alike, and the traps in which they differ, each as a case.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod answers;
mod cancel;
mod compact;
mod connect;
mod consumer;
mod errors;
mod feed;
mod log;
mod migrate;
mod ordering;
mod prune;
mod rows;
mod snapshot;
mod support;
mod traps;
