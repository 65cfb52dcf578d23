//! `tenure verify-ledger`: recomputes the points ledger and names what breaks an invariant.

use std::process::ExitCode;

use anyhow::Result;

use super::reach::reach;
use crate::cli::VerifyLedgerArgs;
use crate::config::Config;
use crate::show::{self, grouped};
use crate::verify::{self, Verified};

/// The most findings that are shown; the first ones are what matters.
const SHOWN_MAX: usize = 50;

pub(super) async fn verify_ledger(config: Config, args: VerifyLedgerArgs) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let bar = show::bar(
        1,
        "verifying",
        "{msg} {wide_bar} {human_pos} of {human_len} records, {eta} left",
    );
    let progress = |done: i64, total: i64| {
        bar.set_length(total.max(1).unsigned_abs());
        bar.set_position(done.unsigned_abs());
    };
    let verified = verify::verify(&reached.clients.loyalty, args.resume, progress).await;
    bar.finish_and_clear();
    reached.leave().await;
    let verified = verified?;
    print(&verified);
    Ok(if verified.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(verified: &Verified) {
    let over = &verified.over;
    let row = |what: &str, count: i64| vec![what.to_owned(), grouped(count)];
    show::table(
        &["Verified", "Count#"],
        &[
            row("lanes", i64::from(over.lane_count)),
            row("records", over.record_count),
            row("accounts replayed", over.account_count),
            row("sealed blocks", over.block_count),
            row("findings", over.finding_count),
        ],
    );
    if verified.findings.is_empty() {
        show::line("Every invariant holds.");
        return;
    }
    let rows: Vec<Vec<String>> = verified
        .findings
        .iter()
        .take(SHOWN_MAX)
        .map(|found| {
            vec![
                verify::invariant(found),
                verify::place(found),
                found.account_id.clone(),
                found.subject.clone(),
                found.wanted.clone(),
                found.found.clone(),
            ]
        })
        .collect();
    let headings = ["Invariant", "Record", "Account", "What", "Wanted", "Found"];
    show::heading("What does not hold, the first of each account:");
    show::table(&headings, &rows);
    if verified.findings.len() > SHOWN_MAX {
        let more = verified.findings.len() - SHOWN_MAX;
        show::line(&format!("and {more} more"));
    }
}
