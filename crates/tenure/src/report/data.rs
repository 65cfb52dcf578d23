//! What a report shows: plain numbers, gathered before anything is drawn.

use tenure_core::Timestamp;

/// The five stages in the order of the lifecycle, as people read them.
pub const STAGES: [&str; 5] = [
    "A acquisition",
    "B growth",
    "C maturity",
    "D decline",
    "E churned",
];

/// Everything that is on one report.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What the report is about, for example `Demo operator`.
    pub title: String,
    /// The instant it speaks of, for example `2025-12-31`.
    pub as_of: String,
    /// The instant that the stored scores were made for; nothing before the first scoring run.
    pub scored_at: Option<String>,
    /// ISO 4217 code of all amounts; empty when nothing was billed.
    pub currency: String,
    /// One row for each stage, in the order of [`STAGES`].
    pub funnel: Vec<FunnelRow>,
    /// Customers of each stage at the start of each month, oldest first.
    pub stage_flow: Vec<StageMonth>,
    /// The active model, when one was trained.
    pub model: Option<ModelFacts>,
    /// Active customers by predicted probability, in equal bins from 0 to 1.
    pub risk_histogram: Vec<u64>,
    /// The customers most likely to leave, with the reasons.
    pub at_risk: Vec<AtRisk>,
    /// Lifetime values of the active customers in minor units, highest first.
    pub values: Vec<i64>,
    /// What each campaign achieved.
    pub campaigns: Vec<CampaignFacts>,
    /// The points books month by month, oldest first.
    pub points: Vec<PointsMonth>,
    /// What all lots hold now, counted apart from the books.
    pub lot_points: i64,
}

/// The customers of one stage.
#[derive(Debug, Clone, Default)]
pub struct FunnelRow {
    /// How many.
    pub customers: u64,
    /// Mean probability of leaving, 0 to 1.
    pub churn_probability: f64,
    /// What they bring in a month, in minor units.
    pub monthly_revenue: i64,
}

/// How many customers were in each stage at one instant.
#[derive(Debug, Clone, Copy)]
pub struct StageMonth {
    /// The instant.
    pub month: Timestamp,
    /// Customers by stage, in the order of [`STAGES`].
    pub customers: [u64; 5],
}

/// How good a model is.
#[derive(Debug, Clone)]
pub struct ModelFacts {
    /// Version of the content.
    pub version: String,
    /// What was chosen.
    pub algorithm: String,
    /// How many training examples, and how many of them churned.
    pub examples: (i64, i64),
    /// Area under the curve, out of fold.
    pub auc: f64,
    /// Expected calibration error, out of fold.
    pub calibration_error: f64,
    /// Lift of the riskiest tenth, out of fold.
    pub lift: f64,
    /// Mean predicted probability, observed share and number of customers of each bin.
    pub bins: Vec<(f64, f64, i64)>,
    /// The strongest features with their mean absolute contribution in log-odds.
    pub importances: Vec<(String, f64)>,
}

/// One customer at risk.
#[derive(Debug, Clone)]
pub struct AtRisk {
    /// The customer.
    pub customer_id: String,
    /// Index into [`STAGES`].
    pub stage: usize,
    /// Probability of leaving, 0 to 1.
    pub probability: f64,
    /// Lifetime value in minor units.
    pub lifetime_value: i64,
    /// Why, strongest first.
    pub reasons: Vec<String>,
}

/// What a campaign achieved.
#[derive(Debug, Clone)]
pub struct CampaignFacts {
    /// Name for people.
    pub name: String,
    /// Customers treated, and how many of them stayed.
    pub treated: (i64, i64),
    /// Customers left alone, and how many of them stayed.
    pub control: (i64, i64),
    /// Difference of retention.
    pub effect: f64,
    /// Ends of the 95 % interval.
    pub interval: (f64, f64),
    /// The truth, where a simulator knows it.
    pub truth: Option<f64>,
    /// Contacts delivered, accepted, points granted.
    pub contacts: (i64, i64, i64),
    /// P-value of the sample-ratio check, and whether it passed.
    pub sample_ratio: (f64, bool),
    /// False while the measurement window is open.
    pub is_final: bool,
}

/// The points books of one month.
#[derive(Debug, Clone, Copy)]
pub struct PointsMonth {
    /// First instant of the month.
    pub month: Timestamp,
    /// Earned, less earnings that were reversed.
    pub earned: i64,
    /// Redeemed, less redemptions that were reversed.
    pub redeemed: i64,
    /// Expired.
    pub expired: i64,
    /// Lost because a customer left or an account was closed.
    pub voided: i64,
    /// What else came, less what went: adjusted, reinstated, transferred, set off against debts.
    pub otherwise: i64,
    /// Outstanding at the end of the month.
    pub outstanding: i64,
}

impl PointsMonth {
    /// Returns by how much all of this moved what is outstanding.
    #[must_use]
    pub fn change(&self) -> i64 {
        self.earned - self.redeemed - self.expired - self.voided + self.otherwise
    }
}

impl Report {
    /// Returns what the last month's books say is outstanding, and whether the lots agree.
    #[must_use]
    pub fn outstanding(&self) -> (i64, bool) {
        let closing = self.points.last().map_or(0, |month| month.outstanding);
        (closing, closing == self.lot_points)
    }
}

/// How value is spread: the share of the top fifth in all positive value, and what the bottom
/// three tenths lose of it (the 80/20/30 rule).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concentration {
    /// Share of the top 20 % in the sum of positive values, 0 to 1.
    pub top_fifth_share: f64,
    /// Sum of the negative values of the bottom 30 % over the value of the top 20 %, as a positive
    /// number.
    pub bottom_loss: f64,
}

/// Returns how `values` (any order) are concentrated, or nothing when none is positive.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "shares of sums")]
pub fn concentration(values: &[i64]) -> Option<Concentration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let gross: i64 = sorted.iter().filter(|value| **value > 0).sum();
    if gross <= 0 {
        return None;
    }
    let top: i64 = sorted[..sorted.len().div_ceil(5)].iter().sum();
    let bottom = &sorted[sorted.len() - sorted.len() * 3 / 10..];
    let loss: i64 = bottom.iter().filter(|value| **value < 0).sum();
    Some(Concentration {
        top_fifth_share: top as f64 / gross as f64,
        bottom_loss: -loss as f64 / top.max(1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The book of requirement G6: the top fifth earns 80 of 100, the bottom three tenths lose 40.
    #[test]
    fn the_eighty_twenty_thirty_book_is_recognised() {
        let values = [40, 40, 5, 5, 5, 5, 0, -10, -10, -20];

        let found = concentration(&values).unwrap();

        assert!((found.top_fifth_share - 0.80).abs() < 1e-12);
        assert!((found.bottom_loss - 0.50).abs() < 1e-12);
    }

    #[test]
    fn a_book_without_profit_has_no_concentration() {
        assert_eq!(concentration(&[]), None);
        assert_eq!(concentration(&[0, -5]), None);
    }
}
