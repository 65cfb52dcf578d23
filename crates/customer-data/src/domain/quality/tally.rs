//! What the rules of a policy found in rows.

use tenure_core::Timestamp;

use super::stability::LAG_HOURS;
use super::{Check, Found, Policy, Rule, Value};

/// The most rows that are kept as samples of a rule.
pub const SAMPLES_MAX: usize = 20;
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleTally {
    /// Rows that it could be applied to.
    pub checked: i64,
    /// Rows that break it.
    pub failed: i64,
    /// Rows without a value.
    pub missing: i64,
    /// Values by bins, for drift and lags.
    pub bins: Vec<i64>,
    /// Lines of the first rows that break it.
    pub samples: Vec<i64>,
}

/// What all rules of a policy found, each at its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows looked at.
    pub rows: i64,
    /// Rows refused.
    pub refused: i64,
    /// By rule.
    pub rules: Vec<RuleTally>,
}

impl Tally {
    /// Creates a tally without rows.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let empty = |rule: &Rule| RuleTally {
            bins: vec![0; bins(&rule.check)],
            ..RuleTally::default()
        };
        Self {
            rules: policy.rules.iter().map(empty).collect(),
            ..Self::default()
        }
    }

    /// Looks at a row: `values` returns those of a field, one for each customer or part, and nothing
    /// where it has none. Returns what refuses the row.
    pub fn look<'a, 'p>(
        &mut self,
        policy: &'p Policy,
        line: i64,
        now: Timestamp,
        values: impl Fn(&str) -> Vec<Option<Value<'a>>>,
    ) -> Vec<(&'p Rule, Found)> {
        let mut refused = Vec::new();
        self.rows += 1;
        for (rule, tally) in policy.rules.iter().zip(&mut self.rules) {
            let found = tally.look(&rule.check, &values(&rule.field), line, now);
            if let Some(found) = found.filter(|_| rule.is_reject) {
                refused.push((rule, found));
            }
        }
        self.refused += i64::from(!refused.is_empty());
        refused
    }
}

impl RuleTally {
    fn look(
        &mut self,
        check: &Check,
        values: &[Option<Value<'_>>],
        line: i64,
        now: Timestamp,
    ) -> Option<Found> {
        let has_some = values.iter().any(Option::is_some);
        let is_missing = values.is_empty() || values.iter().any(Option::is_none);
        self.missing += i64::from(!has_some);
        let is_required = *check == Check::Required;
        if !has_some && !is_required {
            return None;
        }
        self.checked += 1;
        for value in values.iter().flatten() {
            if let Some(bin) = bin(check, *value, now) {
                self.bins[bin] += 1;
            }
        }
        let found = match is_required {
            true => is_missing.then(|| Found {
                wanted: check.wanted(),
                found: "nothing",
            }),
            false => values
                .iter()
                .flatten()
                .find_map(|it| check.against(*it, now)),
        };
        if found.is_some() {
            self.failed += 1;
            if self.samples.len() < SAMPLES_MAX {
                self.samples.push(line);
            }
        }
        found
    }
}

fn bins(check: &Check) -> usize {
    match check {
        Check::Drift { bins, .. } => bins.count(),
        Check::Freshness(_) => LAG_HOURS.len() + 1,
        _ => 0,
    }
}

fn bin(check: &Check, value: Value<'_>, now: Timestamp) -> Option<usize> {
    match (check, value) {
        (Check::Drift { bins, .. }, value) => bins.of(value),
        (Check::Freshness(_), Value::Instant(at)) if at <= now => {
            let lag = now.as_micros().saturating_sub(at.as_micros());
            Some(LAG_HOURS.partition_point(|hours| hours * HOUR < lag))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_rule_and_refused_where_it_says_so() {
        let now = Timestamp::from_micros(100 * HOUR);
        let rule = |id: &str, is_reject, check| Rule {
            id: id.into(),
            field: id.into(),
            is_reject,
            check,
        };
        let policy = Policy {
            source: "crm".into(),
            version: 1,
            rules: vec![
                rule("name", true, Check::Required),
                rule("at", false, Check::Freshness(2)),
            ],
            created_at: now,
        };
        let mut tally = Tally::new(&policy);
        let old = Value::Instant(Timestamp::from_micros(40 * HOUR));

        let none = tally.look(&policy, 1, now, |_| vec![Some(Value::Instant(now))]);
        assert!(none.is_empty());
        let none = tally.look(&policy, 2, now, |_| vec![Some(old)]);
        assert!(none.is_empty());
        let refused = tally.look(&policy, 3, now, |_| vec![None]);
        assert_eq!(refused[0].0.id, "name");
        assert_eq!(refused[0].1.found, "nothing");

        assert_eq!((tally.rows, tally.refused), (3, 1));
        let name = &tally.rules[0];
        assert_eq!((name.checked, name.failed, name.missing), (3, 1, 1));
        assert_eq!(name.samples, [3]);
        let at = &tally.rules[1];
        assert_eq!((at.checked, at.failed, at.missing), (2, 1, 1));
        // 60 hours are in the bin of up to 96.
        assert_eq!((at.bins[0], at.bins[4]), (1, 1));
    }
}
