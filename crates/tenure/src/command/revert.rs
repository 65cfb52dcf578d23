//! `tenure import --revert`: takes a whole import back.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::import_reversal_service_client::ImportReversalServiceClient;
use tenure_rpc::{Transport, retry_unavailable};

use super::reach::{Reached, reach};
use crate::cli::ImportArgs;
use crate::config::Config;
use crate::show::{self, grouped};

/// How often a call is tried.
const ATTEMPTS: u32 = 4;
/// So many conflicts are shown; `ListImportConflicts` tells all.
const CONFLICTS_SHOWN: i32 = 20;
/// Exit code when facts stay as they are: the rest was taken back.
const EXIT_CONFLICTS: u8 = 3;

type Client = ImportReversalServiceClient<Transport>;

pub(super) async fn revert(config: Config, args: ImportArgs, id: &str) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let client = ImportReversalServiceClient::new(reached.customer_data.clone());
    let reversal = run(&reached, &client, id, args.give_up).await;
    let reversal = reversal.with_context(|| format!("cannot revert import {id}"))?;
    print(&reversal);
    if reversal.conflict_count > 0 {
        print_conflicts(&client, id).await?;
    }
    reached.leave().await;
    Ok(match reversal.conflict_count {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_CONFLICTS),
    })
}

async fn run(
    reached: &Reached,
    client: &Client,
    id: &str,
    give_up: bool,
) -> Result<wire::ImportReversal> {
    let begin = wire::RevertImportRequest {
        request_id: reached.request_id().to_string(),
        import_id: id.to_owned(),
        give_up_running: give_up,
    };
    let begun = retry_unavailable(ATTEMPTS, || {
        let (mut client, begin) = (client.clone(), begin.clone());
        async move { client.revert_import(begin).await }
    });
    let mut reversal = told(begun.await?.into_inner().import_reversal)?;
    let rows = u64::try_from(reversal.row_count).unwrap_or(0);
    let bar = show::bar(
        rows,
        "",
        "{human_pos} of {human_len} rows {wide_bar} {eta} left {msg}",
    );
    while reversal.state() != wire::ImportState::Reverted {
        let go_on = wire::RunImportReversalRequest {
            import_id: id.to_owned(),
            step_limit: 0,
        };
        let answer = retry_unavailable(ATTEMPTS, || {
            let (mut client, go_on) = (client.clone(), go_on.clone());
            async move { client.run_import_reversal(go_on).await }
        });
        reversal = told(answer.await?.into_inner().import_reversal)?;
        let done = reversal.removed_customer_count + reversal.restored_customer_count;
        bar.set_position(u64::try_from(done).unwrap_or(0).min(rows));
        bar.set_message(format!("{} conflicts", grouped(reversal.conflict_count)));
    }
    bar.finish_and_clear();
    Ok(reversal)
}

fn told(reversal: Option<wire::ImportReversal>) -> Result<wire::ImportReversal> {
    reversal.context("the service answered without a reversal")
}

fn print(reversal: &wire::ImportReversal) {
    show::line(&format!(
        "{} customers removed, {} as they were before; {} facts removed, {} as they were before, {} left as they are",
        grouped(reversal.removed_customer_count),
        grouped(reversal.restored_customer_count),
        grouped(reversal.removed_fact_count),
        grouped(reversal.restored_fact_count),
        grouped(reversal.conflict_count),
    ));
}

async fn print_conflicts(client: &Client, id: &str) -> Result<()> {
    let request = wire::ListImportConflictsRequest {
        import_id: id.to_owned(),
        page_size: CONFLICTS_SHOWN,
        page_token: String::new(),
    };
    let page = client.clone().list_import_conflicts(request).await;
    let page = page.context("cannot list what stays")?.into_inner();
    let row = |it: &wire::ImportConflict| {
        let why = match it.reason() {
            wire::ImportConflictReason::Unspecified => "",
            wire::ImportConflictReason::Changed => "changed since",
            wire::ImportConflictReason::LaterImport => "taken in by a later import",
            wire::ImportConflictReason::InUse => "something later is about it",
            wire::ImportConflictReason::Taken => "what it had is somebody else's",
        };
        let (customer, kind, id) = (&it.customer_id, &it.fact_kind, &it.fact_id);
        vec![customer.clone(), kind.clone(), id.clone(), why.to_owned()]
    };
    let rows: Vec<_> = page.import_conflicts.iter().map(row).collect();
    show::table(&["Customer", "What stays", "Which", "Why"], &rows);
    if !page.next_page_token.is_empty() {
        show::line("and more, which ListImportConflicts tells");
    }
    Ok(())
}
