//! What a customer looks like at an instant, as numbers, from nothing but what was known by then.

mod series;
mod words;

use tenure_core::Timestamp;

use super::fact::{AttributeValue, ContactKind};
use super::state::{CustomerState, Subscription, month_number};
use series::Series;

pub use words::words;

/// Months of a short trend.
const SHORT: usize = 3;
/// Months of a long trend.
const LONG: usize = 6;

macro_rules! core_features {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The features that every customer has. The order is stored in models: append only.
        // A macro, because a name beside each variant by hand has been seen to slip by one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Core { $($(#[$doc])* $name,)* }

        impl Core {
            /// Every feature in its order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name that people and models know it by.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

core_features! {
    /// Whole months since the customer joined without a gap.
    TenureMonths = "tenure_months",
    /// 1 in months 1 to 11 and from month 61 on, where customers leave most.
    TenureHazard = "tenure_hazard",
    /// Subscriptions that run.
    Products = "products",
    /// Subscriptions that ended within 12 months, while others ran on.
    ProductsEnded12m = "products_ended_12m",
    /// Months until the last contract's minimum term ends; 0 when it is over.
    ContractMonthsLeft = "contract_months_left",
    /// 1 when the customer had left and came back.
    Rejoined = "rejoined",
    /// Fees of the running subscriptions a month, in minor units.
    MonthlyFee = "monthly_fee",
    /// Minutes of calls a month, mean of three months.
    VoiceMinutes = "voice_minutes",
    /// Megabytes a month, mean of three months.
    DataMegabytes = "data_megabytes",
    /// Messages a month, mean of three months.
    Messages = "messages",
    /// Share of the calls of three months that stay within the customer's group.
    InGroupShare = "in_group_share",
    /// Change of all usage per month, relative to its mean, over three months.
    UsageTrend3m = "usage_trend_3m",
    /// The same over six months.
    UsageTrend6m = "usage_trend_6m",
    /// Complete months since the last month with any usage.
    MonthsIdle = "months_idle",
    /// Billed a month, mean of three months, in minor units.
    Spend = "spend",
    /// Billed in twelve months, in minor units.
    Spend12m = "spend_12m",
    /// Change of the amount billed per month, relative to its mean, over three months.
    SpendTrend3m = "spend_trend_3m",
    /// The same over six months.
    SpendTrend6m = "spend_trend_6m",
    /// Share of the bills due within twelve months that were paid late or not at all.
    LateShare = "late_share",
    /// Overdue amount, in minor units.
    Arrears = "arrears",
    /// Days since the oldest unpaid bill was due.
    ArrearsDays = "arrears_days",
    /// Contacts within three months, without complaints and without those of campaigns.
    Contacts3m = "contacts_3m",
    /// Days since the last contact.
    DaysSinceContact = "days_since_contact",
    /// Complaints within three months.
    Complaints3m = "complaints_3m",
    /// Complaints within six months.
    Complaints6m = "complaints_6m",
    /// Complaints within twelve months.
    Complaints12m = "complaints_12m",
    /// Questions about leaving within three months.
    Leaving3m = "leaving_3m",
}

/// Which way the risk may go while a feature grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It never falls.
    Rising,
    /// It never rises.
    Falling,
}

impl Core {
    /// Returns which way the risk may go while the feature grows, where everything that is known of customers
    /// leaves only one: what makes leaving dearer (a contract that binds, a second product) never raises the
    /// risk, and complaints and questions about leaving never lower it. A model that says otherwise has
    /// learned an accident of its examples.
    #[must_use]
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Self::ContractMonthsLeft | Self::Products => Some(Direction::Falling),
            Self::Complaints3m | Self::Complaints6m | Self::Complaints12m | Self::Leaving3m => {
                Some(Direction::Rising)
            }
            _ => None,
        }
    }
}

/// What the names of the customer's own attributes begin with, where they stand beside the features
/// that every customer has.
pub const ATTRIBUTE: &str = "attribute.";

/// How many features every customer has.
pub const CORE_COUNT: usize = Core::ALL.len();

/// What a customer looks like at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// The instant.
    pub at: Timestamp,
    /// The features that every customer has; not a number where nothing is known.
    pub core: [f64; CORE_COUNT],
    /// The customer's own attributes by name, ascending.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl FeatureRow {
    /// Returns a feature, or nothing where nothing is known.
    #[must_use]
    pub fn get(&self, feature: Core) -> Option<f64> {
        let value = self.core[feature as usize];
        (!value.is_nan()).then_some(value)
    }

    fn set(&mut self, feature: Core, value: f64) {
        self.core[feature as usize] = value;
    }
}

/// Returns true where a tenure lies in one of the two bands in which customers leave most: months 1
/// to 11, and 61 and more. The month that has only begun counts as the first.
#[must_use]
pub fn is_hazardous_tenure(months: i32) -> bool {
    months <= 11 || months >= 61
}

/// Returns what the customer looked like at `at`. Facts of later instants are not seen, even when
/// they are known by now: that is what lets a model learn from the past without cheating.
#[must_use]
pub fn derive(state: &CustomerState, at: Timestamp) -> FeatureRow {
    let mut row = FeatureRow {
        at,
        core: [f64::NAN; CORE_COUNT],
        attributes: Vec::new(),
    };
    relationship(state, &mut row);
    usage(state, &mut row);
    spend(state, &mut row);
    payment(state, &mut row);
    contacts(state, &mut row);
    row.attributes = attributes(state, at);
    row
}

/// Returns since when the customer has been one without a gap, at `at`; for one who left, since
/// when until then.
#[must_use]
pub fn joined_at(state: &CustomerState, at: Timestamp) -> Option<Timestamp> {
    let known = || state.subscriptions.iter().filter(|s| s.started_at <= at);
    let end = |s: &Subscription| s.ended.map_or(Timestamp::MAX, |(end, _)| end);
    let last = known().max_by_key(|s| end(s))?;
    let mut since = last.started_at;
    while let Some(earlier) = known().find(|s| s.started_at < since && end(s) >= since) {
        since = earlier.started_at;
    }
    Some(since)
}

/// Returns when the last subscription ended, when none runs at `at` and one did.
#[must_use]
pub fn left_at(state: &CustomerState, at: Timestamp) -> Option<Timestamp> {
    if state.subscriptions.iter().any(|s| s.is_active(at)) {
        return None;
    }
    let ended = state
        .subscriptions
        .iter()
        .filter(|s| s.started_at <= at)
        .filter_map(|s| s.ended);
    ended.map(|(end, _)| end).max()
}

fn relationship(state: &CustomerState, row: &mut FeatureRow) {
    let at = row.at;
    let Some(since) = joined_at(state, at) else {
        row.set(Core::Products, 0.0);
        return;
    };
    let until = left_at(state, at).unwrap_or(at);
    let months = until.months_since(since).max(0);
    row.set(Core::TenureMonths, f64::from(months));
    row.set(
        Core::TenureHazard,
        f64::from(u8::from(is_hazardous_tenure(months))),
    );
    let active = || state.subscriptions.iter().filter(|s| s.is_active(at));
    row.set(Core::Products, count(active().count()));
    let year_ago = at.plus_months(-12);
    let ended = state.subscriptions.iter().filter_map(|s| s.ended);
    let ended = ended
        .filter(|(end, _)| *end <= at && *end > year_ago)
        .count();
    row.set(Core::ProductsEnded12m, count(ended));
    if let Some(end) = active().filter_map(|s| s.contract_ends_at).max() {
        row.set(
            Core::ContractMonthsLeft,
            f64::from(end.months_since(at).max(0)),
        );
    }
    let fees = || active().filter_map(|s| s.fee_minor);
    if fees().next().is_some() {
        row.set(Core::MonthlyFee, fees().map(amount).sum());
    }
    let before = state.subscriptions.iter().any(|s| s.started_at < since);
    row.set(Core::Rejoined, f64::from(u8::from(before)));
}

fn usage(state: &CustomerState, row: &mut FeatureRow) {
    let at = row.at;
    let this_month = month_number(at);
    let mut services = [Series::new(), Series::new(), Series::new()];
    let mut in_group = Series::new();
    for month in state.months.iter().filter(|m| m.number < this_month) {
        for period in month.periods.iter().filter(|p| p.known_at <= at) {
            let usage = period.usage;
            services[0].add(month.number, whole(usage.voice_seconds) / 60.0);
            services[1].add(month.number, whole(usage.data_megabytes));
            services[2].add(month.number, whole(usage.messages));
            in_group.add(month.number, whole(usage.in_group_seconds) / 60.0);
        }
    }
    let Some(oldest) = services[0].oldest() else {
        return;
    };
    // The month of joining is rarely a whole one: its lower usage is no trend.
    let first = joined_at(state, at).map_or(oldest, |since| {
        month_number(since) + i32::from(since.month_start() != since)
    });
    for series in &mut services {
        series.start_at(first);
    }
    let levels = [Core::VoiceMinutes, Core::DataMegabytes, Core::Messages];
    for (series, level) in services.iter().zip(levels) {
        row.set(level, series.level(SHORT));
    }
    in_group.start_at(first);
    let voice = services[0].level(SHORT);
    if voice > 0.0 {
        row.set(Core::InGroupShare, in_group.level(SHORT) / voice);
    }
    row.set(Core::UsageTrend3m, series::joint_trend(&services, SHORT));
    row.set(Core::UsageTrend6m, series::joint_trend(&services, LONG));
    // Who came back is not blamed for the silence while they were away.
    let used = services
        .iter()
        .filter_map(Series::last_positive)
        .max()
        .unwrap_or(i32::MIN);
    row.set(
        Core::MonthsIdle,
        f64::from((this_month - used.max(first - 1) - 1).max(0)),
    );
}

fn spend(state: &CustomerState, row: &mut FeatureRow) {
    let at = row.at;
    let mut series = Series::new();
    let mut year = 0.0;
    let year_ago = at.plus_months(-12);
    for bill in state.bills.iter().filter(|b| b.issued_at <= at) {
        series.add(month_number(bill.issued_at), amount(bill.amount_minor));
        if bill.issued_at > year_ago {
            year += amount(bill.amount_minor);
        }
    }
    if series.last().is_none() {
        return;
    }
    row.set(Core::Spend, series.level(SHORT));
    row.set(Core::Spend12m, year);
    row.set(Core::SpendTrend3m, series.trend(SHORT));
    row.set(Core::SpendTrend6m, series.trend(LONG));
}

fn payment(state: &CustomerState, row: &mut FeatureRow) {
    let at = row.at;
    let year_ago = at.plus_months(-12);
    let (mut due, mut late) = (0, 0);
    let (mut arrears, mut oldest) = (0.0, None);
    for bill in state
        .bills
        .iter()
        .filter(|b| b.issued_at <= at && b.due_at <= at)
    {
        let settled = bill.settled_at.filter(|settled| *settled <= at);
        if bill.due_at > year_ago {
            due += 1;
            late += usize::from(settled.is_none_or(|settled| settled > bill.due_at));
        }
        if settled.is_none() {
            arrears += amount(bill.amount_minor);
            oldest = Some(oldest.map_or(bill.due_at, |o: Timestamp| o.min(bill.due_at)));
        }
    }
    if due > 0 {
        row.set(Core::LateShare, count(late) / count(due));
    }
    row.set(Core::Arrears, arrears);
    row.set(
        Core::ArrearsDays,
        oldest.map_or(0.0, |due| at.since(due).as_days()),
    );
}

fn contacts(state: &CustomerState, row: &mut FeatureRow) {
    let at = row.at;
    let own = || {
        state
            .contacts
            .iter()
            .filter(|c| c.at <= at && c.kind != ContactKind::Campaign)
    };
    let within = |months: i32, kind: ContactKind| {
        let from = at.plus_months(-months);
        count(own().filter(|c| c.at > from && c.kind == kind).count())
    };
    let leaving = within(3, ContactKind::Leaving);
    row.set(Core::Leaving3m, leaving);
    row.set(Core::Contacts3m, leaving + within(3, ContactKind::Other));
    row.set(Core::Complaints3m, within(3, ContactKind::Complaint));
    row.set(Core::Complaints6m, within(6, ContactKind::Complaint));
    row.set(Core::Complaints12m, within(12, ContactKind::Complaint));
    if let Some(last) = own().map(|c| c.at).max() {
        row.set(Core::DaysSinceContact, at.since(last).as_days());
    }
}

fn attributes(state: &CustomerState, at: Timestamp) -> Vec<(String, AttributeValue)> {
    let known = state.attributes.iter().filter_map(|attribute| {
        let (_, value) = attribute.versions.iter().rfind(|(since, _)| *since <= at)?;
        value.clone().map(|value| (attribute.name.clone(), value))
    });
    known.collect()
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "usage above 2^53 units may lose its last bit"
)]
fn whole(n: u64) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts above 2^53 cents may lose the last cent"
)]
fn amount(minor: i64) -> f64 {
    minor as f64
}

#[cfg(test)]
mod tests;
