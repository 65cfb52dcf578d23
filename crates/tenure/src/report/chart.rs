//! The pictures of the report, one function each.

use tenure_core::Timestamp;

use super::data::{CampaignFacts, ModelFacts, PointsMonth, STAGES, StageMonth};
use super::svg::{Drawing, SERIES, ticks};

/// Returns a number as people write it: `1,234`, `12.3k`, `4.5M`.
#[must_use]
pub fn short(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude >= 1e6 {
        format!("{:.1}M", number / 1e6)
    } else if magnitude >= 1e4 {
        format!("{:.0}k", number / 1e3)
    } else if magnitude >= 10.0 || number == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

/// Returns a share as `12.3 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn month_name(month: Timestamp) -> String {
    let (year, number, _) = month.date();
    format!("{year}-{number:02}")
}

/// Returns labels for about eight of the months.
fn month_ticks(months: &[Timestamp]) -> Vec<(f64, String)> {
    let every = months.len().div_ceil(8).max(1);
    let numbered = months.iter().enumerate().step_by(every);
    numbered
        .map(|(index, month)| (float(index), month_name(*month)))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "positions in a drawing")]
fn float(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "heights in a drawing")]
fn height(number: i64) -> f64 {
    number as f64
}

/// Draws how many customers were in each stage, month by month.
#[must_use]
pub fn stage_flow(months: &[StageMonth]) -> String {
    let totals = months.iter().map(|m| m.customers.iter().sum::<u64>());
    let top = height(i64::try_from(totals.max().unwrap_or(0)).unwrap_or(i64::MAX));
    let marks = ticks(0.0, top, 5);
    let mut drawing = Drawing::half(
        (0.0, float(months.len().saturating_sub(1))),
        (0.0, *marks.last().unwrap_or(&1.0)),
    );
    drawing.y_axis(&marks, short);
    let mut lower: Vec<(f64, f64)> = (0..months.len()).map(|index| (float(index), 0.0)).collect();
    for (stage, name) in STAGES.iter().enumerate() {
        let count = |month: &StageMonth| i64::try_from(month.customers[stage]).unwrap_or(0);
        let upper: Vec<(f64, f64)> = lower
            .iter()
            .zip(months)
            .map(|((x, y), month)| (*x, y + height(count(month))))
            .collect();
        let last = months.last().map_or(0, count);
        drawing.area(
            &upper,
            &lower,
            SERIES[stage],
            &format!("{name}: {last} at the end"),
        );
        lower = upper;
    }
    drawing.x_axis(&month_ticks(
        &months.iter().map(|m| m.month).collect::<Vec<_>>(),
    ));
    drawing.finish("Customers by lifecycle stage over time, stacked")
}

/// Draws how many active customers have which probability of leaving.
#[must_use]
pub fn risk_histogram(bins: &[u64]) -> String {
    let count = |bin: u64| height(i64::try_from(bin).unwrap_or(i64::MAX));
    let top = bins.iter().copied().map(count).fold(0.0, f64::max);
    let marks = ticks(0.0, top, 4);
    let mut drawing = Drawing::half((0.0, 1.0), (0.0, *marks.last().unwrap_or(&1.0)));
    drawing.y_axis(&marks, short);
    let width = 1.0 / float(bins.len().max(1));
    for (index, bin) in bins.iter().enumerate() {
        let (from, to) = (float(index) * width, float(index + 1) * width);
        let title = format!("{} to {}: {bin} customers", percent(from), percent(to));
        drawing.bar(
            (from + width * 0.06, to - width * 0.06),
            count(*bin),
            SERIES[3],
            &title,
        );
    }
    drawing.x_axis(&share_ticks());
    drawing.x_title("predicted probability of leaving");
    drawing.finish("Active customers by predicted probability of leaving")
}

fn share_ticks() -> Vec<(f64, String)> {
    (0_i32..=5)
        .map(|i| (f64::from(i) / 5.0, format!("{} %", i * 20)))
        .collect()
}

/// Draws predicted against observed shares: on the diagonal, of 100 customers at 0.3, 30 leave.
#[must_use]
pub fn calibration(model: &ModelFacts) -> String {
    let mut drawing = Drawing::half((0.0, 1.0), (0.0, 1.0));
    drawing.y_axis(&[0.0, 0.25, 0.5, 0.75, 1.0], |share| {
        format!("{:.0} %", share * 100.0)
    });
    drawing.line(&[(0.0, 0.0), (1.0, 1.0)], "var(--muted)", "dashed");
    let filled: Vec<_> = model
        .bins
        .iter()
        .filter(|(_, _, count)| *count > 0)
        .collect();
    let most = filled.iter().map(|(_, _, count)| *count).max().unwrap_or(1);
    for (predicted, observed, count) in filled {
        let radius = 3.0 + 7.0 * (height(*count) / height(most)).sqrt();
        let title = format!(
            "predicted {}, left {}: {count} customers",
            percent(*predicted),
            percent(*observed)
        );
        drawing.dot(*predicted, *observed, radius, SERIES[1], &title);
    }
    drawing.x_axis(&share_ticks());
    drawing.x_title("predicted probability; dots by number of customers");
    drawing.finish("Share of customers who left against the predicted probability")
}

/// Draws which share of the value the best customers hold. `values` are sorted, highest first.
#[must_use]
pub fn value_concentration(values: &[i64]) -> String {
    let gross = height(values.iter().filter(|value| **value > 0).sum::<i64>()).max(1.0);
    let mut sum = 0.0;
    let mut line = vec![(0.0, 0.0)];
    let every = values.len().div_ceil(200).max(1);
    for (index, value) in values.iter().enumerate() {
        sum += height(*value) / gross;
        if (index + 1) % every == 0 || index + 1 == values.len() {
            line.push((float(index + 1) / float(values.len()), sum));
        }
    }
    let mut drawing = Drawing::half((0.0, 1.0), (0.0, 1.05));
    drawing.y_axis(&[0.0, 0.25, 0.5, 0.75, 1.0], |share| {
        format!("{:.0} %", share * 100.0)
    });
    let ground: Vec<(f64, f64)> = line.iter().map(|(x, _)| (*x, 0.0)).collect();
    drawing.area(&line, &ground, "var(--soft)", "share of all positive value");
    drawing.line(&line, SERIES[2], "line");
    drawing.line(&[(0.2, 0.0), (0.2, 1.05)], "var(--muted)", "dashed");
    drawing.note(0.21, 0.06, "start", "top fifth");
    drawing.x_axis(&share_ticks());
    drawing.x_title("customers, most valuable first");
    drawing.finish("Share of lifetime value held by the most valuable customers")
}

/// Draws the effect of each campaign with its interval and, where it is known, the truth.
#[must_use]
pub fn campaign_effects(campaigns: &[CampaignFacts]) -> String {
    let ends = campaigns
        .iter()
        .flat_map(|c| [c.interval.0, c.interval.1, c.truth.unwrap_or(0.0), 0.0]);
    let (low, high) = ends.fold((0.0_f64, 0.01_f64), |(low, high), end| {
        (low.min(end), high.max(end))
    });
    let marks = ticks(low * 1.1, high * 1.1, 6);
    let range = (marks[0], *marks.last().unwrap_or(&1.0));
    let mut drawing = Drawing::whole(range, (0.0, float(campaigns.len().max(1))));
    drawing.x_axis(
        &marks
            .iter()
            .map(|m| (*m, format!("{:+.0} pp", m * 100.0)))
            .collect::<Vec<_>>(),
    );
    drawing.line(
        &[(0.0, 0.0), (0.0, float(campaigns.len()))],
        "var(--muted)",
        "dashed",
    );
    for (index, campaign) in campaigns.iter().enumerate() {
        let y = float(campaigns.len() - index) - 0.5;
        let (from, to) = campaign.interval;
        drawing.line(&[(from, y), (to, y)], SERIES[1], "whisker");
        let title = format!("{}: {:+.2} pp", campaign.name, campaign.effect * 100.0);
        drawing.dot(campaign.effect, y, 7.0, SERIES[1], &title);
        if let Some(truth) = campaign.truth {
            drawing.line(&[(truth, y - 0.22), (truth, y + 0.22)], SERIES[3], "truth");
            drawing.note(
                truth,
                y + 0.26,
                "middle",
                &format!("truth {:+.2} pp", truth * 100.0),
            );
        }
        drawing.note(range.0, y + 0.36, "start", &campaign.name);
    }
    drawing.x_title("difference of retention, treated less control, in percentage points");
    drawing.finish("Effect of each campaign on retention with its 95 % interval")
}

/// Draws points issued, redeemed, expired and lost as bars, and what is outstanding as a line.
#[must_use]
pub fn points(months: &[PointsMonth]) -> String {
    let high = months
        .iter()
        .map(|m| m.outstanding.max(m.earned))
        .max()
        .unwrap_or(0);
    let low = months
        .iter()
        .map(|m| -(m.redeemed + m.expired + m.voided))
        .min()
        .unwrap_or(0);
    let marks = ticks(height(low), height(high), 6);
    let range = (marks[0], *marks.last().unwrap_or(&1.0));
    let mut drawing = Drawing::whole((-0.6, float(months.len()) - 0.4), range);
    drawing.y_axis(&marks, short);
    for (index, month) in months.iter().enumerate() {
        let x = float(index);
        let name = month_name(month.month);
        let title = |what: &str, count: i64| format!("{name}: {count} points {what}");
        drawing.bar(
            (x - 0.38, x + 0.38),
            height(month.earned),
            SERIES[1],
            &title("issued", month.earned),
        );
        let gone = -height(month.redeemed + month.expired + month.voided);
        drawing.bar(
            (x - 0.38, x + 0.38),
            gone,
            SERIES[5],
            &title("lost by leaving", month.voided),
        );
        let spent = -height(month.redeemed + month.expired);
        drawing.bar(
            (x - 0.38, x + 0.38),
            spent,
            SERIES[4],
            &title("expired", month.expired),
        );
        let redeemed = -height(month.redeemed);
        drawing.bar(
            (x - 0.38, x + 0.38),
            redeemed,
            SERIES[2],
            &title("redeemed", month.redeemed),
        );
    }
    let line: Vec<_> = months
        .iter()
        .enumerate()
        .map(|(i, m)| (float(i), height(m.outstanding)))
        .collect();
    drawing.line(&line, SERIES[3], "line");
    drawing.x_axis(&month_ticks(
        &months.iter().map(|m| m.month).collect::<Vec<_>>(),
    ));
    drawing.finish("Points issued, redeemed, expired, lost and outstanding by month")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_enough_for_an_axis() {
        let shown = [0.0, 0.25, 42.0, 1234.0, 12_345.0, -2.5e6].map(short);
        assert_eq!(shown, ["0", "0.25", "42", "1234", "12k", "-2.5M"]);
    }

    #[test]
    fn pictures_of_nothing_hold_no_broken_numbers() {
        for picture in [
            stage_flow(&[]),
            risk_histogram(&[]),
            value_concentration(&[]),
            campaign_effects(&[]),
            points(&[]),
        ] {
            assert!(picture.starts_with("<svg"));
            assert!(
                !picture.contains("NaN") && !picture.contains("inf"),
                "{picture}"
            );
        }
    }
}
