//! `tenure bench`: speed beside a yardstick in the same run.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::block_on;
use crate::bench::{coverage, import, redeem, score};
use crate::cli::{BenchArgs, Subject};

pub(super) fn bench(args: &BenchArgs) -> Result<ExitCode> {
    let postgres = args.postgres.as_deref();
    let length = Duration::from_secs(args.seconds);
    block_on(async {
        match args.subject {
            Subject::Redeem => Box::pin(redeem::redeem(postgres, length)).await?,
            Subject::Import => Box::pin(import::import(postgres, args.rows, length)).await?,
            Subject::Score => Box::pin(score::score(postgres, args.rows, length)).await?,
            Subject::Coverage => Box::pin(coverage::coverage(args.seeds)).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
