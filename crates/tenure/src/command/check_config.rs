//! `tenure check-config`: every mistake of the configuration at once.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::CheckConfigArgs;
use crate::config::Config;
use crate::show;

/// The configuration was read, and so is without mistakes, when this is called.
pub(super) fn check_config(config: &Config, args: &CheckConfigArgs) -> Result<ExitCode> {
    if args.print {
        show::line(&tenure_rpc::config::print(config)?);
    }
    show::note("tenure: the configuration has no mistakes");
    Ok(ExitCode::SUCCESS)
}
