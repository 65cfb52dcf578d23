//! `GetFunnel`: how many customers are in each stage, and what they bring.

use std::collections::BTreeMap;

use tenure_proto::scoring::v1 as proto;
use tenure_proto::r#type::v1::Money;

use super::words;
use crate::Error;
use crate::app::App;
use crate::domain::stage::Stage;
use crate::store::score::{self, Level, stage_number};

/// Counts the customers of each stage.
pub(crate) async fn get(app: &App) -> Result<proto::GetFunnelResponse, Error> {
    let levels = score::funnel(&app.db).await?;
    let rows = Stage::ALL.into_iter().map(|stage| row(stage, &levels));
    Ok(proto::GetFunnelResponse {
        rows: rows.collect(),
    })
}

fn row(stage: Stage, levels: &[Level]) -> proto::FunnelRow {
    let of_stage = || {
        levels
            .iter()
            .filter(|level| level.stage == stage_number(stage))
    };
    let customers: i64 = of_stage().map(|level| level.customers).sum();
    let sum: f64 = of_stage().map(|level| level.probability_sum).sum();
    #[expect(clippy::cast_precision_loss, reason = "customers are fewer than 2^53")]
    let mean = if customers > 0 {
        sum / customers as f64
    } else {
        0.0
    };
    let mut revenues: BTreeMap<&str, i64> = BTreeMap::new();
    for level in of_stage() {
        if let (Some(currency), Some(minor)) = (level.currency.as_deref(), level.revenue_minor) {
            let sum = revenues.entry(currency).or_default();
            *sum = sum.saturating_add(minor);
        }
    }
    // Amounts of different currencies cannot be added: the largest stands for the stage.
    let revenue = revenues.into_iter().max_by_key(|(_, minor)| *minor);
    proto::FunnelRow {
        stage: words::stage(stage).into(),
        customer_count: customers,
        mean_churn_probability: mean,
        monthly_revenue: revenue.map(|(currency, amount_minor)| Money {
            currency_code: currency.into(),
            amount_minor,
        }),
    }
}
