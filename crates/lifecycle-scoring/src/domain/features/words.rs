//! Features in the words of people who talk to customers.

use super::super::fact::AttributeValue;
use super::{ATTRIBUTE, Core, FeatureRow};
use tenure_core::Timestamp;

/// Returns a feature of `row` in words. Names that no row has (from a model of other times) are
/// said as they are.
#[must_use]
pub fn words(row: &FeatureRow, name: &str) -> String {
    if let Some(core) = Core::ALL.iter().find(|core| core.name() == name) {
        return core_words(*core, row.get(*core));
    }
    let name = name.strip_prefix(ATTRIBUTE).unwrap_or(name);
    let value = row
        .attributes
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value);
    match value {
        Some(AttributeValue::Instant(micros)) => {
            let days = row.at.since(Timestamp::from_micros(*micros)).as_days();
            format!("{name} was {days:.0} days ago")
        }
        Some(AttributeValue::Text(text)) => format!("{name} is {text}"),
        Some(AttributeValue::Integer(n)) => format!("{name} is {n}"),
        Some(AttributeValue::Number(n)) => format!("{name} is {}", short(*n)),
        Some(AttributeValue::Flag(true)) => format!("{name} is set"),
        Some(AttributeValue::Flag(false)) => format!("{name} is not set"),
        None => format!("{name} is unknown"),
    }
}

fn core_words(core: Core, value: Option<f64>) -> String {
    let Some(v) = value else {
        return format!("{} is unknown", core.name().replace('_', " "));
    };
    match core {
        Core::TenureMonths if v < 12.0 => "tenure in the first year".into(),
        Core::TenureMonths => format!("tenure of {v:.0} months"),
        Core::TenureHazard if v > 0.0 => "tenure in a band where many leave".into(),
        Core::TenureHazard => "tenure in a calm band".into(),
        Core::Products if v <= 0.0 => "no active subscription".into(),
        Core::Products if v <= 1.0 => "no more than one product".into(),
        Core::Products => format!("{v:.0} products"),
        Core::ProductsEnded12m if v > 0.0 => format!("{v:.0} products given up in 12 months"),
        Core::ProductsEnded12m => "no product given up in 12 months".into(),
        Core::ContractMonthsLeft if v <= 0.0 => "contract term is over".into(),
        Core::ContractMonthsLeft => format!("contract runs {v:.0} more months"),
        Core::Rejoined if v > 0.0 => "had left before".into(),
        Core::Rejoined => "never left before".into(),
        Core::MonthlyFee => format!("fees of {} a month", short(v / 100.0)),
        Core::InGroupShare => format!("{:.0} % of calls within the group", v * 100.0),
        Core::VoiceMinutes => format!("{v:.0} call minutes a month"),
        Core::DataMegabytes => format!("{v:.0} megabytes a month"),
        Core::Messages => format!("{v:.0} messages a month"),
        Core::UsageTrend3m => moves("usage", v, 3),
        Core::UsageTrend6m => moves("usage", v, 6),
        Core::MonthsIdle if v > 0.0 => format!("no usage for {v:.0} months"),
        Core::MonthsIdle => "used last month".into(),
        Core::Spend => format!("bills of {} a month", short(v / 100.0)),
        Core::Spend12m => format!("bills of {} in 12 months", short(v / 100.0)),
        Core::SpendTrend3m => moves("spending", v, 3),
        Core::SpendTrend6m => moves("spending", v, 6),
        Core::LateShare if v > 0.0 => format!("{:.0} % of bills paid late", v * 100.0),
        Core::LateShare => "bills paid in time".into(),
        Core::Arrears if v > 0.0 => format!("{} overdue", short(v / 100.0)),
        Core::Arrears => "nothing overdue".into(),
        Core::ArrearsDays if v > 0.0 => format!("a bill overdue for {v:.0} days"),
        Core::ArrearsDays => "no bill overdue".into(),
        Core::Contacts3m => format!("calls and visits in the last 3 months: {v:.0}"),
        Core::DaysSinceContact => format!("last contact {v:.0} days ago"),
        Core::Complaints3m => format!("complaints in the last 3 months: {v:.0}"),
        Core::Complaints6m => format!("complaints in the last 6 months: {v:.0}"),
        Core::Leaving3m => format!("questions about leaving in the last 3 months: {v:.0}"),
        Core::Complaints12m => format!("complaints in the last 12 months: {v:.0}"),
    }
}

fn moves(what: &str, trend: f64, months: u8) -> String {
    let percent = trend.abs() * 100.0;
    match trend {
        t if t <= -0.01 => format!("{what} falls by {percent:.0} % a month over {months} months"),
        t if t >= 0.01 => format!("{what} rises by {percent:.0} % a month over {months} months"),
        _ => format!("{what} is steady over {months} months"),
    }
}

fn short(n: f64) -> String {
    let text = format!("{n:.2}");
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}
