//! `tenure demo`: a synthetic operator through the whole lifecycle, with a report to look at.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use tenure_core::{Clock as _, Ids, ManualClock, SystemClock, Timestamp};
use tenure_rpc::{Lifecycle, telemetry};

use super::serve::until_signal;
use crate::cli::DemoArgs;
use crate::clients::Clients;
use crate::compose::{Parts, Suite};
use crate::config::Config;
use crate::demo::story::{self, Listener, Outcome, Plan, Story};
use crate::demo::{brief, census, tables};
use crate::report::gather::{self, Options};
use crate::report::page::page;
use crate::service::ServiceName;
use crate::show;

/// Marks a folder as one that the demo made, and so may replace.
const MARK: &str = "made-by-tenure-demo";
/// Of so many customers all is told that takes a call each; more would take longer than the rest.
const TOLD_IN_FULL: u32 = 300;
/// How long services may take to end.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) async fn demo(mut config: Config, args: DemoArgs) -> Result<ExitCode> {
    prepare(&args.dir)?;
    config.data_dir.clone_from(&args.dir);
    config.telemetry.filter = "warn".to_owned();
    // A year, so that points expire before the story ends.
    config.loyalty_points.programme.expiry_periods = 12;
    let telemetry =
        telemetry::init(&config.telemetry, "tenure").context("cannot start telemetry")?;
    let plan = plan(&args, SystemClock.now());
    let report = tell(&config, &plan, &args.dir).await?;
    go_on(&args, &report);
    if !args.serve {
        return Ok(ExitCode::SUCCESS);
    }
    // From here on time is real again: the services are opened anew with the system's clock.
    let lifecycle = Lifecycle::new();
    let (clock, ids) = (Arc::new(SystemClock), Ids::system());
    let parts = Parts {
        config: config.clone(),
        clock,
        ids,
        lifecycle: lifecycle.clone(),
    };
    let suite = Suite::open(&parts, &ServiceName::ALL).await?;
    until_signal(&suite, &config, &lifecycle, &telemetry).await
}

/// Returns what the demo tells: training half-way, the campaign at two thirds, measured to the end.
fn plan(args: &DemoArgs, now: Timestamp) -> Plan {
    let months = i32::try_from(args.months).unwrap_or(24);
    Plan {
        seed: args.seed,
        customers: args.customers,
        start: now.month_start().plus_months(-months),
        months: args.months,
        train_month: args.months / 2,
        launch_month: args.months * 2 / 3,
        min_churn_probability: 0.08,
        control_share: 0.4,
        told_in_full: TOLD_IN_FULL,
    }
}

/// Makes the folder empty, but only when it is new or was made by a demo before.
fn prepare(dir: &Path) -> Result<()> {
    if dir.join(MARK).exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    let is_occupied = dir
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if is_occupied {
        bail!(
            "{} holds something that no demo made; name another folder with --dir",
            dir.display()
        );
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    std::fs::write(
        dir.join(MARK),
        "This folder is replaced by the next `tenure demo`.\n",
    )
    .with_context(|| format!("cannot write to {}", dir.display()))
}

/// Tells the story on services of its own, whose clock it moves; returns where the report is.
async fn tell(config: &Config, plan: &Plan, dir: &Path) -> Result<PathBuf> {
    let begin = Instant::now();
    let operator = story::operator(plan)?;
    let clock = ManualClock::at(plan.start);
    let (ids, lifecycle) = (Ids::seeded(plan.seed), Lifecycle::new());
    let parts = Parts {
        config: config.clone(),
        clock: Arc::new(clock.clone()),
        ids: ids.clone(),
        lifecycle: lifecycle.clone(),
    };
    let suite = Suite::open(&parts, &ServiceName::ALL).await?;
    let clients = suite.clients()?;
    show::line(&format!(
        "A synthetic operator of {} customers lives through {} months, from {} on.",
        show::grouped(plan.customers.into()),
        plan.months,
        day(plan.start),
    ));
    let bar = show::bar(
        plan.months.into(),
        "",
        "month {pos:>2} of {len} {wide_bar} {elapsed} {msg:36}",
    );
    let story = Story::new(plan, &operator, &clients, &clock, &ids);
    let outcome = Box::pin(story.run(&Bar(bar.clone()))).await?;
    bar.finish_and_clear();
    show::line(&format!(
        "{} facts and {} records of desks taken in, {} redemptions, in {:.0} s.",
        show::grouped(i64::try_from(outcome.facts).unwrap_or(i64::MAX)),
        show::grouped(i64::try_from(outcome.sent.values().sum::<usize>()).unwrap_or(i64::MAX)),
        show::grouped(i64::try_from(outcome.redemptions).unwrap_or(i64::MAX)),
        begin.elapsed().as_secs_f64(),
    ));
    let told_in_full = plan.told_in_full.min(plan.customers);
    let path = present(&clients, &outcome, told_in_full, dir).await?;
    lifecycle.stop();
    lifecycle.finish(GRACE).await;
    Ok(path)
}

struct Bar(ProgressBar);

impl Listener for Bar {
    fn month(&self, done: u32, _of: u32, what: &str) {
        self.0.set_message(what.to_owned());
        self.0.set_position(done.into());
    }
}

/// Prints the tables and writes the page.
async fn present(
    clients: &Clients,
    outcome: &Outcome,
    told_in_full: u32,
    dir: &Path,
) -> Result<PathBuf> {
    let options = Options {
        title: "Tenure: the demo operator".to_owned(),
        truth: story::truths(outcome),
        at_risk: 10,
    };
    let report = gather::gather(clients, outcome.end, &options).await?;
    let census = census::census(clients).await?;
    tables::operator(&census, outcome.recycled_numbers);
    show::line(&format!(
        "Exchanges, surveys, consents and endings are of all customers, the rest of about {} of them.",
        show::grouped(told_in_full.into()),
    ));
    if let Some(customer_id) = census.most_wronged() {
        brief::brief(clients, customer_id).await?;
    }
    tables::funnel(&report.funnel, &report.currency);
    tables::at_risk(&report.at_risk);
    tables::model(&report);
    tables::campaign(&report, outcome.truth);
    tables::points(&report.points, report.lot_points);
    let path = dir.join("report.html");
    std::fs::write(&path, page(&report))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn day(instant: Timestamp) -> String {
    let (year, month, day) = instant.date();
    format!("{year}-{month:02}-{day:02}")
}

fn go_on(args: &DemoArgs, report: &Path) {
    let (dir, tenure) = (args.dir.display(), show::program());
    let hint = |command: &str, what: &str| {
        show::line(&format!("  {command}"));
        show::line(&format!("      {what}"));
    };
    show::heading("How to go on");
    hint(
        &report.display().to_string(),
        "the same in pictures: open it in a browser",
    );
    if !args.serve {
        let command = format!("{tenure} serve --data-dir {dir}");
        hint(&command, "serves this data on 127.0.0.1:7100");
    }
    let command = format!("{tenure} score --top 20 --data-dir {dir}");
    hint(&command, "who is most likely to leave, and why");
    let command = format!("{tenure} import FILE --mapping MAPPING");
    hint(&command, "takes in customers of your own");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_no_demo_made_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("letters.txt"), "dear").unwrap();

        assert!(prepare(folder.path()).is_err());

        assert!(folder.path().join("letters.txt").exists());
    }

    #[test]
    fn a_folder_that_a_demo_made_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("demo");
        prepare(&dir).unwrap();
        std::fs::write(dir.join("old.db"), "old").unwrap();

        prepare(&dir).unwrap();

        assert!(!dir.join("old.db").exists());
    }
}
