//! How often the campaign's interval holds the truth: small operators, one for each seed, through
//! the whole path from ingest to result.

use std::sync::Arc;

use anyhow::Result;
use tenure_core::{Ids, ManualClock, Timestamp};
use tenure_rpc::Lifecycle;

use crate::compose::{Parts, Suite};
use crate::config::Config;
use crate::demo::story::{self, Listener, Plan, Story};
use crate::report::gather::{self, Options};
use crate::service::ServiceName;
use crate::show;

/// What one seed gave.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// The estimate with its interval.
    pub estimate: (f64, f64, f64),
    /// The truth.
    pub truth: f64,
    /// Whether the sample ratio was as asked.
    pub is_sound: bool,
}

impl Trial {
    /// Returns true when the interval holds the truth.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        let (_, low, high) = self.estimate;
        (low..=high).contains(&self.truth)
    }
}

/// Nobody listens.
struct Silence;

impl Listener for Silence {
    fn month(&self, _done: u32, _of: u32, _what: &str) {}
}

/// Runs one small operator through a campaign on fresh SQLite files.
///
/// # Errors
/// When a service refuses what it should take.
pub async fn trial(seed: u64, customers: u32) -> Result<Trial> {
    let folder = tempfile::tempdir()?;
    let config = Config {
        data_dir: folder.path().to_owned(),
        ..Config::default()
    };
    let start = Timestamp::from_date(2024, 1, 1).expect("a day that exists");
    let plan = Plan {
        seed,
        customers,
        start,
        months: 4,
        train_month: 0,
        launch_month: 1,
        min_churn_probability: 0.0,
        control_share: 0.5,
        told_in_full: 0,
    };
    let operator = story::operator(&plan)?;
    let (clock, ids, lifecycle) = (ManualClock::at(start), Ids::seeded(seed), Lifecycle::new());
    let parts = Parts {
        config,
        clock: Arc::new(clock.clone()),
        ids: ids.clone(),
        lifecycle: lifecycle.clone(),
    };
    let suite = Suite::open(&parts, &ServiceName::ALL).await?;
    let clients = suite.clients()?;
    let story = Story::new(&plan, &operator, &clients, &clock, &ids);
    let outcome = Box::pin(story.run(&Silence)).await?;
    let options = Options {
        at_risk: 1,
        ..Options::default()
    };
    let report = Box::pin(gather::gather(&clients, outcome.end, &options)).await?;
    lifecycle.stop();
    lifecycle.finish(std::time::Duration::from_secs(5)).await;
    let found = report.campaigns.first().cloned();
    let found = found.ok_or_else(|| anyhow::anyhow!("seed {seed}: no campaign was launched"))?;
    Ok(Trial {
        estimate: (found.effect, found.interval.0, found.interval.1),
        truth: outcome.truth,
        is_sound: found.sample_ratio.1,
    })
}

/// Runs `seeds` trials and prints how many intervals hold the truth.
///
/// # Errors
/// When a trial fails, or fewer than 90 % or more than 99 % of at least 100 intervals do.
#[expect(clippy::cast_precision_loss, reason = "shares of at most 10,000")]
pub async fn coverage(seeds: u64) -> Result<()> {
    let bar = show::bar(
        seeds,
        "operators",
        "{msg} {pos} of {len} {wide_bar} {elapsed} {eta}",
    );
    let (mut covered, mut sound, mut error) = (0_u64, 0_u64, 0.0);
    for seed in 1..=seeds {
        let trial = Box::pin(trial(seed, 600)).await?;
        covered += u64::from(trial.is_covered());
        sound += u64::from(trial.is_sound);
        error += trial.estimate.0 - trial.truth;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let share = covered as f64 / seeds as f64;
    show::line(&format!(
        "{covered} of {seeds} intervals of 95 % hold the truth ({:.1} %); mean error of the estimate \
         {:+.3} pp; {sound} of {seeds} splits as asked",
        share * 100.0,
        error / seeds as f64 * 100.0,
    ));
    anyhow::ensure!(
        seeds < 100 || (0.90..=0.99).contains(&share),
        "wanted 90 to 99 % of the intervals to hold the truth"
    );
    Ok(())
}
