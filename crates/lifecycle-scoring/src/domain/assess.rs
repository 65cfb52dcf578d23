//! What is said about a customer at one instant: stage, risk and value together.

use tenure_core::{Currency, Span};

use super::band::Band;
use super::features::{Core, FeatureRow};
use super::policy::{Policy, ValuePolicy};
use super::stage::{Placement, Stage};
use super::state::CustomerState;
use super::value::{ValueInput, ValueModel, expected_years, lifetime_value};

/// What a customer is worth, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Nothing is known of the income.
    Unknown,
    /// Costs more than they bring.
    Negative,
    /// Below the ordinary.
    Low,
    /// Ordinary.
    Medium,
    /// Carries the operator.
    High,
}

impl Tier {
    /// Every tier in the order of the stored numbers.
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::Negative,
        Self::Low,
        Self::Medium,
        Self::High,
    ];
}

/// What a model says.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// The probability to leave within the horizon.
    pub probability: f64,
    /// The horizon.
    pub horizon: Span,
    /// The model.
    pub model_version: String,
}

/// What is said about a customer at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The stage.
    pub placement: Placement,
    /// What the model says; nothing while there is none.
    pub risk: Option<Risk>,
    /// The probability as a word.
    pub band: Option<Band>,
    /// The currency of the amounts.
    pub currency: Option<Currency>,
    /// What the customer brings in a month, in minor units.
    pub monthly_revenue_minor: Option<i64>,
    /// What the customer is expected to contribute, in minor units; 0 where nothing is known.
    pub lifetime_value_minor: i64,
    /// The value as a word.
    pub tier: Tier,
}

/// Returns true for a customer for whom a model can say something: one who could still leave.
#[must_use]
pub fn can_leave(placement: &Placement) -> bool {
    !matches!(placement.stage, Stage::Acquisition | Stage::Churned)
}

/// Puts together what is said about a customer.
#[must_use]
pub fn assess(
    policy: &Policy,
    state: &CustomerState,
    row: &FeatureRow,
    placement: Placement,
    risk: Option<Risk>,
) -> Assessment {
    let active = can_leave(&placement);
    let risk = risk.map(|risk| {
        if active {
            risk
        } else {
            Risk {
                probability: 0.0,
                ..risk
            }
        }
    });
    let revenue = if active { revenue(state, row) } else { None };
    let value = revenue.map_or(0.0, |revenue| {
        worth(&policy.value, row, revenue, risk.as_ref())
    });
    let lifetime_value_minor = minor(value);
    Assessment {
        band: risk.as_ref().map(|risk| policy.bands.of(risk.probability)),
        placement,
        risk,
        currency: state.currency,
        monthly_revenue_minor: revenue.map(minor),
        lifetime_value_minor,
        tier: if revenue.is_some() {
            tier(&policy.value, lifetime_value_minor)
        } else {
            Tier::Unknown
        },
    }
}

/// Returns what a customer brings in a month: the mean of the bills of the last three months or,
/// where none is known, the fees of the subscriptions.
fn revenue(state: &CustomerState, row: &FeatureRow) -> Option<f64> {
    let recent = row.at.plus_months(-3);
    let billed = state
        .bills
        .iter()
        .any(|b| b.issued_at > recent && b.issued_at <= row.at);
    let billed = if billed { row.get(Core::Spend) } else { None };
    billed.or_else(|| row.get(Core::MonthlyFee))
}

/// Returns the discounted contribution over the years that the customer is expected to stay.
fn worth(policy: &ValuePolicy, row: &FeatureRow, revenue: f64, risk: Option<&Risk>) -> f64 {
    let complaints = row.get(Core::Complaints12m).unwrap_or(0.0);
    let fixed = amount(policy.cost_fixed_minor) * 12.0;
    let years = risk.map_or(policy.years_max, |risk| {
        let months = risk.horizon.as_days() / 30.436_875;
        expected_years(risk.probability, months, policy.years_max)
    });
    let input = ValueInput {
        annual_income: revenue * 12.0,
        annual_cost: revenue * 12.0 * policy.cost_share
            + fixed
            + complaints * amount(policy.cost_complaint_minor),
        acquisition_cost: 0.0,
        first_purchase: 0.0,
        years,
        rate: policy.discount_rate,
        curve: None,
    };
    lifetime_value(ValueModel::Contribution, &input)
}

fn tier(policy: &ValuePolicy, value_minor: i64) -> Tier {
    match value_minor {
        v if v < 0 => Tier::Negative,
        v if v < policy.low_below_minor => Tier::Low,
        v if v < policy.high_from_minor => Tier::Medium,
        _ => Tier::High,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts above 2^53 cents may lose the last cent"
)]
fn amount(minor: i64) -> f64 {
    minor as f64
}

/// Rounds half to even to minor units; what does not fit is the nearest that does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float saturates when it becomes an integer"
)]
#[must_use]
pub fn minor(amount: f64) -> i64 {
    amount.round_ties_even() as i64
}

#[cfg(test)]
mod tests {
    use tenure_core::Timestamp;

    use super::super::fact::{ContactKind, Fact};
    use super::super::features::derive;
    use super::super::stage::place;
    use super::super::value::annuity;
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn payer(amount_minor: i64) -> CustomerState {
        let currency = Currency::parse("EUR").unwrap();
        let mut state = CustomerState::default();
        state.apply(&Fact::Subscription {
            id: "s".into(),
            started_at: at("2023-01-01"),
            contract_ends_at: None,
            fee: None,
            ended: None,
        });
        for month in 0..12 {
            let issued_at = at("2023-02-01").plus_months(month);
            state.apply(&Fact::Bill {
                id: month.to_string(),
                issued_at,
                due_at: issued_at.plus_months(1),
                amount: (amount_minor, currency),
                settled_at: Some(issued_at),
            });
        }
        state
    }

    fn judged(state: &CustomerState, probability: f64) -> Assessment {
        let policy = Policy::default();
        let row = derive(state, at("2024-01-15"));
        let placement = place(&policy.stage, None, state, &row);
        let horizon = Span::from_micros(Span::from_days(1).as_micros() * 2_922 / 8 / 4);
        let risk = Risk {
            probability,
            horizon,
            model_version: "m".into(),
        };
        assess(&policy, state, &row, placement, Some(risk))
    }

    /// 20.00 a month, 35 % and 3.00 of cost: 10.00 a month remain. A chance of a quarter in each
    /// quarter of a year is one year of expected stay.
    #[test]
    fn value_is_the_contribution_over_the_expected_stay() {
        let judged = judged(&payer(2_000), 0.25);

        let expected = 12_000.0 * annuity(0.09, 1.0);
        assert_eq!(judged.monthly_revenue_minor, Some(2_000));
        let found = f64::from(i32::try_from(judged.lifetime_value_minor).unwrap());
        assert!((found - expected).abs() < 10.0, "{found} {expected}");
        assert_eq!((judged.tier, judged.band), (Tier::Low, Some(Band::Medium)));
    }

    #[test]
    fn more_risk_is_less_value_and_complaints_cost() {
        let mut complaining = payer(2_000);
        for number in 0..8 {
            let id = format!("i{number}");
            let fact = Fact::Contact {
                id,
                at: at("2024-01-01"),
                kind: ContactKind::Complaint,
            };
            complaining.apply(&fact);
        }

        let safe = judged(&payer(2_000), 0.01).lifetime_value_minor;
        let risky = judged(&payer(2_000), 0.5).lifetime_value_minor;
        let costly = judged(&complaining, 0.01);

        assert!(safe > risky && safe > costly.lifetime_value_minor);
        assert_eq!(judged(&payer(300), 0.01).tier, Tier::Negative);
    }

    #[test]
    fn who_left_brings_nothing_and_cannot_leave() {
        let mut state = payer(2_000);
        state.apply(&Fact::Subscription {
            id: "s".into(),
            started_at: at("2023-01-01"),
            contract_ends_at: None,
            fee: None,
            ended: Some((at("2024-01-10"), super::super::fact::ChurnKind::Competitor)),
        });

        let judged = judged(&state, 0.9);

        assert_eq!(judged.placement.stage, Stage::Churned);
        assert_eq!(judged.risk.unwrap().probability, 0.0);
        assert_eq!(
            (judged.monthly_revenue_minor, judged.tier),
            (None, Tier::Unknown)
        );
    }
}
