//! The page: one HTML file with its style and pictures inside, and nothing from elsewhere.

use std::fmt::Write as _;

use super::chart::{self, percent, short};
use super::data::{AtRisk, CampaignFacts, FunnelRow, Report, STAGES, concentration};
use super::svg::{SERIES, escape};

const STYLE: &str = include_str!("page.css");

/// Returns the report as a self-contained HTML page.
#[must_use]
pub fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let mut sections = String::new();
    for section in [
        funnel(report),
        stage_flow(report),
        risk(report),
        value(report),
        model(report),
        drivers(report),
        campaigns(report),
        points(report),
        at_risk(report),
    ] {
        sections.push_str(&section);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1><p>As of {}; {}. Amounts in {}.</p>{}<div class=\"grid\">{sections}</div>\
         <footer>Made by Tenure from the RPCs of its four services.</footer></main></body></html>\n",
        escape(&report.as_of),
        match &report.scored_at {
            Some(at) => format!("scores made for {}", escape(at)),
            None => "nobody was scored yet".to_owned(),
        },
        if report.currency.is_empty() {
            "no currency"
        } else {
            &report.currency
        },
        facts(report),
    )
}

fn section(title: &str, text: &str, body: &str, wide: bool) -> String {
    let class = if wide { " class=\"wide\"" } else { "" };
    format!(
        "<section{class}><h2>{}</h2><p>{}</p>{body}</section>",
        escape(title),
        escape(text)
    )
}

fn legend(items: &[(&str, &str)]) -> String {
    let mut html = String::from("<div class=\"legend\">");
    for (color, name) in items {
        let _ = write!(
            html,
            "<span><i style=\"background:{color}\"></i>{}</span>",
            escape(name)
        );
    }
    html + "</div>"
}

/// Returns a table; columns whose heading ends in `#` hold numbers and stand right.
fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let class = |heading: &str| {
        if heading.ends_with('#') {
            " class=\"n\""
        } else {
            ""
        }
    };
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
    for heading in headings {
        let _ = write!(
            html,
            "<th{}>{}</th>",
            class(heading),
            escape(heading.trim_end_matches('#'))
        );
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (heading, cell) in headings.iter().zip(row) {
            let _ = write!(html, "<td{}>{}</td>", class(heading), escape(cell));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></div>"
}

#[expect(clippy::cast_precision_loss, reason = "amounts for people")]
pub(super) fn money(minor: i64) -> String {
    short(minor as f64 / 100.0)
}

fn facts(report: &Report) -> String {
    let active: u64 = report.funnel.iter().take(4).map(|row| row.customers).sum();
    let revenue: i64 = report.funnel.iter().map(|row| row.monthly_revenue).sum();
    let (outstanding, _) = report.outstanding();
    let mut facts = vec![
        (active.to_string(), "customers who are with us"),
        (money(revenue), "revenue a month"),
        (
            report
                .funnel
                .get(3)
                .map_or(0, |row| row.customers)
                .to_string(),
            "in decline",
        ),
        (outstanding.to_string(), "points outstanding"),
    ];
    if let Some(model) = &report.model {
        facts.push((
            format!("{:.3}", model.auc),
            "AUC of the churn model, out of fold",
        ));
    }
    if let Some(campaign) = report.campaigns.first() {
        facts.push((
            format!("{:+.1} pp", campaign.effect * 100.0),
            "retention won by the campaign",
        ));
    }
    let mut html = String::from("<div class=\"facts\">");
    for (number, what) in facts {
        let _ = write!(
            html,
            "<div class=\"fact\"><b>{}</b><span>{what}</span></div>",
            escape(&number)
        );
    }
    html + "</div>"
}

fn funnel(report: &Report) -> String {
    let row = |(name, row): (&&str, &FunnelRow)| {
        vec![
            (*name).to_owned(),
            row.customers.to_string(),
            percent(row.churn_probability),
            money(row.monthly_revenue),
        ]
    };
    let rows: Vec<_> = STAGES.iter().zip(&report.funnel).map(row).collect();
    section(
        "Where customers stand",
        "Every customer is in exactly one stage of the lifecycle.",
        &table(
            &["Stage", "Customers#", "Mean risk#", "Revenue a month#"],
            &rows,
        ),
        false,
    )
}

fn stage_flow(report: &Report) -> String {
    if report.stage_flow.len() < 2 {
        return String::new();
    }
    let items: Vec<_> = SERIES.iter().copied().zip(STAGES).collect();
    let body = legend(&items) + &chart::stage_flow(&report.stage_flow);
    section(
        "How they moved",
        "Customers by stage at the start of each month.",
        &body,
        false,
    )
}

fn risk(report: &Report) -> String {
    if report.risk_histogram.iter().all(|bin| *bin == 0) {
        return String::new();
    }
    section(
        "Who may leave",
        "Active customers by the probability of leaving within the model's horizon.",
        &chart::risk_histogram(&report.risk_histogram),
        false,
    )
}

fn model(report: &Report) -> String {
    let Some(model) = &report.model else {
        return String::new();
    };
    let text = format!(
        "Model {} ({}), trained on {} examples of which {} left. Out of fold: AUC {:.3}, lift {:.1} in \
         the riskiest tenth, calibration error {:.3}. On the diagonal, of 100 customers at 30 %, 30 leave.",
        model.version,
        model.algorithm,
        model.examples.0,
        model.examples.1,
        model.auc,
        model.lift,
        model.calibration_error,
    );
    section(
        "How far to believe it",
        &text,
        &chart::calibration(model),
        false,
    )
}

fn drivers(report: &Report) -> String {
    let Some(model) = &report.model else {
        return String::new();
    };
    let strongest = model.importances.iter().take(9);
    let rows: Vec<_> = strongest
        .map(|(name, weight)| vec![name.clone(), format!("{weight:.2}")])
        .collect();
    section(
        "What it looks at",
        "How much each feature moves the log-odds of leaving, on average.",
        &table(&["Feature", "Log-odds#"], &rows),
        false,
    )
}

fn value(report: &Report) -> String {
    let Some(found) = concentration(&report.values) else {
        return String::new();
    };
    let text = format!(
        "The top fifth of the customers hold {} of all positive lifetime value; what the bottom three \
         tenths lose is {} of that.",
        percent(found.top_fifth_share),
        percent(found.bottom_loss),
    );
    section(
        "Who carries the operator",
        &text,
        &chart::value_concentration(&report.values),
        false,
    )
}

fn campaigns(report: &Report) -> String {
    if report.campaigns.is_empty() {
        return String::new();
    }
    let text = "Everybody who was to be treated against everybody who was left alone (intention to \
                treat), with the 95 % interval. The control group was drawn by a hash.";
    let mut items = vec![("var(--s2)", "estimate and 95 % interval")];
    if report
        .campaigns
        .iter()
        .any(|campaign| campaign.truth.is_some())
    {
        items.push(("var(--s4)", "the truth, which only the simulator knows"));
    }
    let rows: Vec<_> = report.campaigns.iter().map(campaign_row).collect();
    let headings = [
        "Campaign",
        "Treated#",
        "Stayed#",
        "Control#",
        "Stayed#",
        "Delivered#",
        "Accepted#",
        "Points#",
        "Split",
    ];
    let body =
        legend(&items) + &chart::campaign_effects(&report.campaigns) + &table(&headings, &rows);
    section("Did the campaign work", text, &body, true)
}

fn campaign_row(campaign: &CampaignFacts) -> Vec<String> {
    let (p_value, passed) = campaign.sample_ratio;
    let stayed = |(customers, retained): (i64, i64)| {
        if customers == 0 {
            "-".to_owned()
        } else {
            percent(ratio(retained, customers))
        }
    };
    vec![
        if campaign.is_final {
            campaign.name.clone()
        } else {
            format!("{} (running)", campaign.name)
        },
        campaign.treated.0.to_string(),
        stayed(campaign.treated),
        campaign.control.0.to_string(),
        stayed(campaign.control),
        campaign.contacts.0.to_string(),
        campaign.contacts.1.to_string(),
        campaign.contacts.2.to_string(),
        format!(
            "{} (p = {p_value:.2})",
            if passed { "as asked" } else { "BROKEN" }
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "shares of counts")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

fn points(report: &Report) -> String {
    if report
        .points
        .iter()
        .all(|month| month.outstanding == 0 && month.earned == 0)
    {
        return String::new();
    }
    let items = [
        ("var(--s2)", "issued"),
        ("var(--s3)", "redeemed"),
        ("var(--s5)", "expired"),
        ("var(--s6)", "lost by leaving"),
        ("var(--s4)", "outstanding"),
    ];
    let sum =
        |part: fn(&super::data::PointsMonth) -> i64| report.points.iter().map(part).sum::<i64>();
    let (outstanding, is_equal) = report.outstanding();
    let text = format!(
        "{} issued, {} redeemed, {} expired, {} lost by leaving, {} outstanding, {}.",
        sum(|m| m.earned),
        sum(|m| m.redeemed),
        sum(|m| m.expired),
        sum(|m| m.voided),
        outstanding,
        if is_equal {
            "which is what the lots hold to the last point"
        } else {
            "BUT THE LOTS HOLD ANOTHER NUMBER"
        },
    );
    section(
        "Points",
        &text,
        &(legend(&items) + &chart::points(&report.points)),
        true,
    )
}

fn at_risk(report: &Report) -> String {
    if report.at_risk.is_empty() {
        return String::new();
    }
    let row = |customer: &AtRisk| {
        vec![
            customer.customer_id.clone(),
            STAGES[customer.stage].to_owned(),
            percent(customer.probability),
            money(customer.lifetime_value),
            customer.reasons.join("; "),
        ]
    };
    let rows: Vec<_> = report.at_risk.iter().map(row).collect();
    section(
        "Who is at risk, and why",
        "The customers most likely to leave, with what raises their risk most.",
        &table(
            &["Customer", "Stage", "Risk#", "Lifetime value#", "Because"],
            &rows,
        ),
        true,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_asks_nothing_of_the_network_and_escapes_what_it_shows() {
        let report = Report {
            title: "<script>x</script>".into(),
            ..Report::default()
        };

        let html = page(&report);

        assert!(html.contains("&lt;script&gt;x"));
        for tag in ["<script", "<link", "src=", "@import", "url("] {
            assert!(!html.contains(tag), "{tag}");
        }
    }
}
