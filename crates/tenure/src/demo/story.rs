//! The main job: an operator's customers through the whole lifecycle, month by month.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use prost_types::Duration;
use tenure_core::{Clock as _, Ids, ManualClock, Span, Timestamp};
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_simulator::{Operator, OperatorConfig, Treatments};

use super::campaign::{self, Design, Launched};
use super::ingest::Ingest;
use super::office::{Office, Sent, Share};
use super::points;
use super::truth;
use super::world::World;
use crate::clients::Clients;
use crate::wait;
use crate::wire::{patient, timestamp};

/// How many months the model looks ahead.
pub const HORIZON_MONTHS: u32 = 3;

/// What happens when.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything that is random.
    pub seed: u64,
    /// How many customers there ever are.
    pub customers: u32,
    /// The first month.
    pub start: Timestamp,
    /// How many months the clock moves.
    pub months: u32,
    /// After how many months the model is trained; not at all, when 0.
    pub train_month: u32,
    /// After how many months the campaign is launched.
    pub launch_month: u32,
    /// Customers at least this likely to leave are its audience.
    pub min_churn_probability: f64,
    /// The share of the audience that is left alone.
    pub control_share: f64,
    /// Of about how many customers all is told that takes a call each: their households, companies,
    /// leads, tickets, notices. Of nobody, when 0; then no consents and surveys are either.
    pub told_in_full: u32,
}

/// What is told while the story goes on.
pub trait Listener {
    /// A month is over: how many of how many, and what it was about.
    fn month(&self, done: u32, of: u32, what: &str);
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The instant at which the story ends.
    pub end: Timestamp,
    /// The id of the campaign.
    pub campaign_id: String,
    /// What the campaign truly did to the share of those customers who stayed.
    pub truth: f64,
    /// How many facts were taken in.
    pub facts: usize,
    /// How many redemptions there were.
    pub redemptions: usize,
    /// How often each further RPC of customer-data was called, and what was sent in batches.
    pub sent: Sent,
    /// How many numbers were given to somebody else after their holder had left.
    pub recycled_numbers: usize,
}

/// A story under way.
pub struct Story<'a> {
    plan: &'a Plan,
    operator: &'a Operator,
    clock: &'a ManualClock,
    ingest: Ingest<'a>,
    world: World<'a>,
    office: Office<'a>,
    treatments: Treatments,
    design: Design,
    launched: Option<Launched>,
    facts: usize,
    redemptions: usize,
}

/// Returns the simulated operator of a plan.
///
/// # Errors
/// When the plan has no customers, no months, or too many.
pub fn operator(plan: &Plan) -> Result<Operator> {
    ensure!(
        plan.launch_month + HORIZON_MONTHS <= plan.months,
        "the campaign of month {} cannot be measured within {} months",
        plan.launch_month,
        plan.months,
    );
    let Plan {
        seed,
        customers,
        start,
        months,
        ..
    } = *plan;
    Ok(Operator::new(OperatorConfig {
        seed,
        customers,
        start,
        months,
    })?)
}

impl<'a> Story<'a> {
    /// Begins a story; `clock` must be the clock of the services behind `clients`.
    #[must_use]
    pub fn new(
        plan: &'a Plan,
        operator: &'a Operator,
        clients: &'a Clients,
        clock: &'a ManualClock,
        ids: &'a Ids,
    ) -> Self {
        let launch = operator.month_start(plan.launch_month);
        let window = operator
            .month_start(plan.launch_month + HORIZON_MONTHS)
            .since(launch);
        let share = Share::of(plan.told_in_full, plan.customers);
        Self {
            plan,
            operator,
            clock,
            ingest: Ingest {
                clients,
                ids,
                clock,
            },
            world: World::new(operator, share),
            office: Office::new(operator, share),
            treatments: Treatments::none(),
            design: Design {
                campaign_id: "stay-with-us".to_owned(),
                min_churn_probability: plan.min_churn_probability,
                control_share: plan.control_share,
                bonus_points: 500,
                window_seconds: window.as_micros() / 1_000_000,
            },
            launched: None,
            facts: 0,
            redemptions: 0,
        }
    }

    /// Lives through all months.
    ///
    /// # Errors
    /// When a service refuses what it should take, or does not answer.
    pub async fn run(mut self, listener: &dyn Listener) -> Result<Outcome> {
        self.clock.set(self.operator.month_start(0));
        let mut founders = self.world.founders();
        self.facts += founders.len();
        self.ingest
            .send(&mut founders)
            .await
            .context("taking in the first customers")?;
        self.office
            .settle(&self.ingest, &founders.joined, &[])
            .await
            .context("telling who belongs together")?;
        self.score().await?;
        for month in 0..self.plan.months {
            let what = self
                .month(month)
                .await
                .with_context(|| format!("in month {month}"))?;
            listener.month(month + 1, self.plan.months, what);
        }
        self.outcome()
    }

    async fn month(&mut self, month: u32) -> Result<&'static str> {
        let mut what = "usage, bills, complaints";
        if month == self.plan.train_month && month > 0 {
            self.train(month).await.context("training the model")?;
            self.score().await?;
            what = "the churn model is trained";
        }
        if month == self.plan.launch_month {
            self.launch(month).await.context("launching the campaign")?;
            what = "the retention campaign is launched";
        }
        let mut facts = self.world.step(&self.treatments);
        let answers = std::mem::take(&mut facts.responses);
        self.facts += facts.len();
        self.office
            .play(&self.ingest, self.clock, month, &facts)
            .await
            .context("telling leads, tickets and notices")?;
        // Everything else of a month is known, and done, in its last second.
        self.clock
            .set(self.operator.month_start(month + 1) - Span::from_seconds(1));
        self.ingest
            .send(&mut facts)
            .await
            .context("taking in the month")?;
        self.office
            .settle(&self.ingest, &facts.joined, &facts.left)
            .await
            .context("telling who belongs together")?;
        if month == self.plan.launch_month
            && let Some(launched) = &self.launched
        {
            campaign::respond(&self.ingest, launched, &answers).await?;
        }
        self.earn_and_redeem(month)
            .await
            .context("earning and redeeming points")?;
        // Scores are made when the month is over, so that all of it counts.
        self.clock.set(self.operator.month_start(month + 1));
        self.score().await?;
        Ok(what)
    }

    async fn earn_and_redeem(&mut self, month: u32) -> Result<()> {
        let mut client = self.ingest.clients.loyalty.clone();
        client
            .catch_up(patient(loyalty::CatchUpRequest {}))
            .await
            .context("catch_up of loyalty-points")?;
        self.redemptions += points::redeem(&self.ingest, self.operator, month).await?;
        Ok(())
    }

    /// Scores the whole base at the clock's instant.
    async fn score(&self) -> Result<()> {
        let request = scoring::CreateScoringRunRequest {
            request_id: self.ingest.request_id(),
            score_time: Some(timestamp(self.ingest.now())),
        };
        let mut client = self.ingest.clients.scoring.clone();
        let answer = client
            .create_scoring_run(patient(request))
            .await
            .context("create_scoring_run")?;
        let run = answer.into_inner().scoring_run.unwrap_or_default();
        wait::scoring_run(&mut client, run, |_| ()).await?;
        Ok(())
    }

    /// Trains on the last months whose next three are known.
    async fn train(&self, month: u32) -> Result<()> {
        let last = month.saturating_sub(HORIZON_MONTHS);
        let first = last.saturating_sub(5).max(1);
        let instants = (first..=last).map(|month| timestamp(self.operator.month_start(month)));
        let horizon = self.operator.month_start(last + HORIZON_MONTHS);
        let horizon = horizon.since(self.operator.month_start(last));
        let request = scoring::TrainModelRequest {
            request_id: self.ingest.request_id(),
            as_of_times: instants.collect(),
            horizon: Some(Duration {
                seconds: horizon.as_micros() / 1_000_000,
                nanos: 0,
            }),
            seed: 1,
            ..Default::default()
        };
        let mut client = self.ingest.clients.scoring.clone();
        let answer = client
            .train_model(patient(request))
            .await
            .context("train_model")?;
        wait::model(&mut client, answer.into_inner().model.unwrap_or_default()).await?;
        Ok(())
    }

    async fn launch(&mut self, month: u32) -> Result<()> {
        let launched = campaign::launch(&self.ingest, &self.design).await?;
        for customer_id in &launched.treated {
            self.treatments.contact(index_of(customer_id)?, month);
        }
        self.launched = Some(launched);
        Ok(())
    }

    fn outcome(self) -> Result<Outcome> {
        let launched = self.launched.unwrap_or_default();
        let audience = launched.treated.iter().chain(&launched.control);
        let indices = audience
            .map(|id| index_of(id))
            .collect::<Result<Vec<_>>>()?;
        let month = self.plan.launch_month;
        let truth = truth::retention_effect(self.operator, &indices, month, HORIZON_MONTHS);
        Ok(Outcome {
            end: self.clock.now(),
            campaign_id: self.design.campaign_id,
            truth,
            facts: self.facts,
            redemptions: self.redemptions,
            sent: self.office.sent().clone(),
            recycled_numbers: self.world.recycled_numbers(),
        })
    }
}

/// Returns the place of a customer of the simulator.
fn index_of(customer_id: &str) -> Result<u32> {
    let digits = customer_id
        .strip_prefix('C')
        .context("a customer of another operator")?;
    Ok(digits.parse()?)
}

/// The truth of each campaign, for the report.
#[must_use]
pub fn truths(outcome: &Outcome) -> HashMap<String, f64> {
    HashMap::from([(outcome.campaign_id.clone(), outcome.truth)])
}
