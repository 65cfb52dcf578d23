//! `tenure bench`: speed beside a yardstick in the same run.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::block_on;
use crate::bench::import::Amount;
use crate::bench::{brief, coverage, crash, feed, feed_crash, import, redeem, score};
use crate::cli::{BenchArgs, Subject};

pub(super) fn bench(args: &BenchArgs) -> Result<ExitCode> {
    let postgres = args.postgres.as_deref();
    let length = Duration::from_secs(args.seconds);
    block_on(async {
        match &args.subject {
            Subject::Redeem(args) => Box::pin(redeem::redeem(postgres, length, args)).await?,
            Subject::Brief(args) => Box::pin(brief::brief(postgres, length, args)).await?,
            Subject::Import { rows, months } => {
                let (rows, months) = (*rows, *months);
                Box::pin(import::import(postgres, Amount { rows, months }, length)).await?;
            }
            Subject::Score { rows } => Box::pin(score::score(postgres, *rows, length)).await?,
            Subject::Crash(args) => Box::pin(crash::crash(postgres, args)).await?,
            Subject::Feed(args) => Box::pin(feed::feed(postgres, length, args)).await?,
            Subject::FeedCrash(args) => {
                Box::pin(feed_crash::feed_crash(postgres, args)).await?;
            }
            Subject::FeedConsumer(args) => Box::pin(feed_crash::consume(args)).await?,
            Subject::Coverage { seeds } => Box::pin(coverage::coverage(*seeds)).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
