//! What the demo shows at a terminal.

use crate::report::chart::percent;
use crate::report::data::{AtRisk, FunnelRow, PointsMonth, Report, STAGES, concentration};
use crate::show::{self, grouped};

#[expect(clippy::cast_precision_loss, reason = "amounts for people")]
fn money(minor: i64) -> String {
    grouped((minor as f64 / 100.0).round() as i64)
}

/// Prints how many customers stand where.
pub fn funnel(rows: &[FunnelRow], currency: &str) {
    show::heading("Where customers stand");
    let line = |(name, row): (&&str, &FunnelRow)| {
        vec![
            (*name).to_owned(),
            grouped(i64::try_from(row.customers).unwrap_or(i64::MAX)),
            percent(row.churn_probability),
            format!("{} {currency}", money(row.monthly_revenue)),
        ]
    };
    let lines: Vec<_> = STAGES.iter().zip(rows).map(line).collect();
    show::table(
        &["Stage", "Customers#", "Mean risk#", "Revenue a month#"],
        &lines,
    );
}

/// Prints who is most likely to leave, and why.
pub fn at_risk(customers: &[AtRisk]) {
    show::heading("Who is at risk, and why");
    if customers.is_empty() {
        show::line("nobody: train a model and score everybody (tenure train, tenure score --all)");
        return;
    }
    let line = |customer: &AtRisk| {
        vec![
            customer.customer_id.clone(),
            STAGES[customer.stage].to_owned(),
            percent(customer.probability),
            money(customer.lifetime_value),
            customer.reasons.join("; "),
        ]
    };
    let lines: Vec<_> = customers.iter().map(line).collect();
    show::table(&["Customer", "Stage", "Risk#", "Value#", "Because"], &lines);
}

/// Prints how good the model is, and how value is spread.
pub fn model(report: &Report) {
    if let Some(model) = &report.model {
        show::line(&format!(
            "Churn model {}: AUC {:.3}, calibration error {:.3}, lift {:.1} in the riskiest tenth (out of fold)",
            model.algorithm, model.auc, model.calibration_error, model.lift,
        ));
    }
    if let Some(found) = concentration(&report.values) {
        let share = percent(found.top_fifth_share);
        show::line(&format!(
            "The top fifth of the customers hold {share} of all lifetime value"
        ));
    }
}

/// Prints what the campaign achieved beside the truth.
pub fn campaign(report: &Report, truth: f64) {
    show::heading("Did the campaign work");
    let Some(campaign) = report.campaigns.first() else {
        show::line("no campaign was launched");
        return;
    };
    let (low, high) = campaign.interval;
    let points = |share: f64| format!("{:+.2} pp", share * 100.0);
    let inside = if (low..=high).contains(&truth) {
        "inside"
    } else {
        "outside"
    };
    let stayed = |(customers, retained): (i64, i64)| {
        format!("{} of {} stayed", grouped(retained), grouped(customers))
    };
    let ratio = if campaign.sample_ratio.1 {
        "as asked"
    } else {
        "BROKEN: do not believe it"
    };
    show::table(
        &[&campaign.name, ""],
        &[
            vec!["treated".into(), stayed(campaign.treated)],
            vec!["left alone".into(), stayed(campaign.control)],
            vec![
                "estimated effect on retention".into(),
                points(campaign.effect),
            ],
            vec![
                "95 % interval".into(),
                format!("{} to {}", points(low), points(high)),
            ],
            vec![
                "the truth".into(),
                format!("{}, {inside} the interval", points(truth)),
            ],
            vec![
                "sample ratio".into(),
                format!("{ratio} (p = {:.2})", campaign.sample_ratio.0),
            ],
            vec![
                "contacts delivered, accepted".into(),
                accepted(campaign.contacts),
            ],
            vec!["bonus points granted".into(), grouped(campaign.contacts.2)],
        ],
    );
}

fn accepted((delivered, accepted, _): (i64, i64, i64)) -> String {
    format!("{}, {}", grouped(delivered), grouped(accepted))
}

/// Prints the points books, and that they balance.
pub fn points(months: &[PointsMonth], lot_points: i64) {
    show::heading("Do the points books balance");
    let sum = |part: fn(&PointsMonth) -> i64| months.iter().map(part).sum::<i64>();
    let closing = sum(PointsMonth::change);
    let verdict = if closing == lot_points {
        "equal to the last point"
    } else {
        "DIFFERENT"
    };
    show::table(
        &["Books", "Points#"],
        &[
            vec!["issued".into(), grouped(sum(|m| m.earned))],
            vec!["less redeemed".into(), grouped(sum(|m| m.redeemed))],
            vec!["less expired".into(), grouped(sum(|m| m.expired))],
            vec!["less lost by leaving".into(), grouped(sum(|m| m.voided))],
            vec!["otherwise".into(), grouped(sum(|m| m.otherwise))],
            vec!["outstanding by the entries".into(), grouped(closing)],
            vec!["outstanding by the lots".into(), grouped(lot_points)],
            vec!["the two are".into(), verdict.into()],
        ],
    );
}
