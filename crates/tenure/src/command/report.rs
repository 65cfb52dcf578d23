//! `tenure report`: everything as one HTML page.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, SystemClock};

use super::reach::reach;
use crate::cli::ReportArgs;
use crate::config::Config;
use crate::report::gather::{self, Options};
use crate::report::page::page;
use crate::show;

pub(super) async fn report(config: Config, args: ReportArgs) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let options = Options {
        title: "Tenure report".to_owned(),
        at_risk: 20,
        ..Options::default()
    };
    let report = gather::gather(&reached.clients, SystemClock.now(), &options).await?;
    std::fs::write(&args.out, page(&report))
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    show::line(&format!("wrote {}", args.out.display()));
    reached.leave().await;
    Ok(ExitCode::SUCCESS)
}
