//! The one binary: serve, demo, import, train, score, report, bench, verify-ledger, migrate,
//! check-config.
//!
//! [`run`] is its `main`; the rest is public so that tests can compose the same parts.

pub mod bench;
pub mod cli;
pub mod clients;
pub mod command;
pub mod compose;
pub mod config;
pub mod demo;
pub mod report;
pub mod service;
mod show;
pub mod verify;
mod wait;
pub(crate) mod wire;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;

/// Runs the command that was typed.
#[must_use]
pub fn run() -> ExitCode {
    let typed = cli::Cli::parse();
    match command::execute(typed) {
        Ok(code) => code,
        Err(error) => {
            show::failure(&error);
            let is_config = error
                .downcast_ref::<tenure_rpc::config::Mistakes>()
                .is_some();
            if is_config {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
