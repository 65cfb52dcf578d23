//! What the demo shows at a terminal.

use tenure_proto::customer::v1 as pb;

use super::census::Census;
use crate::report::chart::percent;
use crate::report::data::{AtRisk, FunnelRow, PointsMonth, Report, STAGES, concentration};
use crate::show::{self, grouped};

#[expect(clippy::cast_precision_loss, reason = "amounts for people")]
fn money(minor: i64) -> String {
    grouped((minor as f64 / 100.0).round() as i64)
}

/// Prints who belongs together, and what became of complaints, promises and leavers.
pub fn operator(census: &Census, recycled_numbers: usize) {
    show::heading("Who belongs together, and how they were treated");
    let mut rows = belonging(census).to_vec();
    rows.extend(treatment(census));
    rows.push(counts(
        "leaving",
        &[
            (census.signals, "signs"),
            (census.notices, "notices"),
            (census.terminated, "subscriptions ended"),
            (census.ported_out, "numbers ported out"),
            (recycled_numbers, "numbers given to others"),
        ],
    ));
    show::table(&["What", "How much"], &rows);
}

fn belonging(census: &Census) -> [Vec<String>; 3] {
    let groups = |kind| census.groups.get(&kind).copied().unwrap_or(0);
    let leads = |state| census.leads.get(&state).copied().unwrap_or(0);
    [
        counts(
            "groups",
            &[
                (groups(pb::GroupKind::Household), "households"),
                (groups(pb::GroupKind::Corporate), "companies with people"),
                (groups(pb::GroupKind::Place), "exchanges"),
            ],
        ),
        counts(
            "who pays",
            &[
                (census.accounts, "accounts"),
                (census.payments, "subscriptions paid"),
                (census.relationships, "relationships"),
            ],
        ),
        counts(
            "leads",
            &[
                (leads(pb::LeadState::Won), "won"),
                (leads(pb::LeadState::Lost), "lost"),
            ],
        ),
    ]
}

fn treatment(census: &Census) -> [Vec<String>; 4] {
    let promises = |state| census.promises.get(&state).copied().unwrap_or(0);
    let consents = |status| census.consents.get(&status).copied().unwrap_or(0);
    let breaches = usize::try_from(census.breaches).unwrap_or(0);
    [
        counts(
            "tickets",
            &[
                (census.tickets, "taken in"),
                (census.open_tickets, "open"),
                (census.reopened_tickets, "reopened"),
                (breaches, "promised times missed"),
            ],
        ),
        counts(
            "promises",
            &[
                (promises(pb::PromiseState::Kept), "kept"),
                (promises(pb::PromiseState::KeptLate), "kept late"),
                (promises(pb::PromiseState::Broken), "broken"),
            ],
        ),
        vec!["surveys".to_owned(), surveys(census)],
        counts(
            "consents",
            &[
                (consents(pb::ConsentStatus::Granted), "granted"),
                (consents(pb::ConsentStatus::Refused), "refused"),
                (consents(pb::ConsentStatus::Withdrawn), "withdrawn"),
            ],
        ),
    ]
}

/// Returns a row that says how much there is of each part.
fn counts(what: &str, parts: &[(usize, &str)]) -> Vec<String> {
    let said = parts.iter().map(|(count, part)| {
        let count = grouped(i64::try_from(*count).unwrap_or(i64::MAX));
        format!("{count} {part}")
    });
    vec![what.to_owned(), said.collect::<Vec<_>>().join(", ")]
}

#[expect(clippy::cast_precision_loss, reason = "a mean of grades")]
fn surveys(census: &Census) -> String {
    let mean = census.nps_sum as f64 / census.surveys.max(1) as f64;
    let surveys = grouped(i64::try_from(census.surveys).unwrap_or(i64::MAX));
    format!("{surveys}, customers recommend with {mean:.1} of 10 after a complaint")
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
