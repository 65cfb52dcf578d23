//! The commands, one file each.

mod bench;
mod check_config;
mod demo;
mod import;
mod migrate;
mod preview;
mod quality;
mod reach;
mod report;
mod revert;
mod score;
mod serve;
mod train;
mod verify_ledger;

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::{Cli, Command};
use crate::config::Config;

/// Executes what was typed.
///
/// # Errors
/// When the configuration has mistakes, or the command fails.
pub fn execute(typed: Cli) -> Result<ExitCode> {
    let mut config = Config::load(typed.config.as_deref())?;
    if let Some(data_dir) = typed.data_dir {
        config.data_dir = data_dir;
    }
    match typed.command {
        Command::Demo(args) => block_on(demo::demo(config, args)),
        Command::Serve(args) => block_on(serve::serve(config, args)),
        Command::Import(args) => block_on(import::import(config, args)),
        Command::Quality(args) => block_on(quality::quality(config, args)),
        Command::Train(args) => block_on(train::train(config, args)),
        Command::Score(args) => block_on(score::score(config, args)),
        Command::Report(args) => block_on(report::report(config, args)),
        Command::Bench(args) => bench::bench(&args),
        Command::VerifyLedger(args) => block_on(verify_ledger::verify_ledger(config, args)),
        Command::Migrate(args) => block_on(migrate::migrate(config, args)),
        Command::CheckConfig(args) => check_config::check_config(&config, &args),
    }
}

/// Runs a command to its end.
fn block_on(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(Box::pin(command))
}
