//! What a customer used in a day or a month.

use tenure_core::{CustomerId, SubscriptionId, Timestamp, Violations};

use super::limits::COUNT_MAX;
use super::words::UsagePeriod;

/// What makes two summaries the same one. The fields stand in the order of the table's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The customer.
    pub customer: CustomerId,
    /// The first instant of the period.
    pub started_at: Timestamp,
    /// Day or month.
    pub period: UsagePeriod,
    /// The subscription; nothing for all of the customer's together.
    pub subscription: Option<SubscriptionId>,
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSummary {
    /// By whom and when.
    pub key: UsageKey,
    /// Seconds of calls made.
    pub voice_seconds: i64,
    /// Of these, within the group.
    pub in_group_voice_seconds: i64,
    /// Megabytes carried.
    pub data_megabytes: i64,
    /// Text messages sent.
    pub sms_count: i64,
    /// Of the calls, seconds abroad.
    pub roaming_seconds: i64,
    /// Of the megabytes, those abroad.
    pub roaming_megabytes: i64,
    /// Seconds of calls that were forwarded to other networks.
    pub forwarded_offnet_seconds: i64,
    /// How many were.
    pub forwarded_offnet_count: i64,
    /// How many calls were made.
    pub voice_count: i64,
}

impl UsageSummary {
    /// Notes amounts that are out of bounds, and parts larger than their whole.
    pub fn check(&self, violations: &mut Violations) {
        let amounts = [
            ("voice_seconds", self.voice_seconds),
            ("in_group_voice_seconds", self.in_group_voice_seconds),
            ("data_megabytes", self.data_megabytes),
            ("sms_count", self.sms_count),
            ("roaming_seconds", self.roaming_seconds),
            ("roaming_megabytes", self.roaming_megabytes),
            ("forwarded_offnet_seconds", self.forwarded_offnet_seconds),
            ("forwarded_offnet_count", self.forwarded_offnet_count),
            ("voice_count", self.voice_count),
        ];
        for (field, amount) in amounts {
            if !(0..=COUNT_MAX).contains(&amount) {
                violations.add(field, format!("0 to {COUNT_MAX}"), amount.to_string());
            }
        }
        let (voice, data) = (self.voice_seconds, self.data_megabytes);
        let parts = [
            (
                "in_group_voice_seconds",
                self.in_group_voice_seconds,
                "voice_seconds",
                voice,
            ),
            (
                "roaming_seconds",
                self.roaming_seconds,
                "voice_seconds",
                voice,
            ),
            (
                "roaming_megabytes",
                self.roaming_megabytes,
                "data_megabytes",
                data,
            ),
        ];
        for (field, part, of, whole) in parts {
            if part > whole.max(0) {
                violations.add(field, format!("at most {of}"), part.to_string());
            }
        }
        let (started_at, period) = (self.key.started_at, self.key.period);
        if period_start(started_at, period) != started_at {
            let wanted = "the first instant of a day or month in UTC, as period says";
            violations.add("start_time", wanted, "an instant within one");
        }
    }

    /// Returns the instant at which the period is over.
    #[must_use]
    pub fn period_end(&self) -> Timestamp {
        match self.key.period {
            UsagePeriod::Day => self.key.started_at + tenure_core::Span::from_days(1),
            UsagePeriod::Month => self.key.started_at.plus_months(1),
        }
    }
}

fn period_start(instant: Timestamp, period: UsagePeriod) -> Timestamp {
    match period {
        UsagePeriod::Month => instant.month_start(),
        UsagePeriod::Day => {
            let (year, month, day) = instant.date();
            Timestamp::from_date(year, month, day).expect("the day of an instant exists")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month() -> UsageSummary {
        UsageSummary {
            key: UsageKey {
                customer: CustomerId::parse("C1").unwrap(),
                started_at: Timestamp::from_date(2024, 2, 1).unwrap(),
                period: UsagePeriod::Month,
                subscription: None,
            },
            voice_seconds: 60,
            in_group_voice_seconds: 60,
            data_megabytes: 0,
            sms_count: 0,
            roaming_seconds: 0,
            roaming_megabytes: 0,
            forwarded_offnet_seconds: 0,
            forwarded_offnet_count: 0,
            voice_count: 0,
        }
    }

    fn wrong(usage: &UsageSummary) -> Vec<String> {
        let mut violations = Violations::new();
        usage.check(&mut violations);
        let found = violations.into_result().err().unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_period_begins_at_its_first_instant() {
        assert!(wrong(&month()).is_empty());
        assert_eq!(
            month().period_end(),
            Timestamp::from_date(2024, 3, 1).unwrap()
        );

        let mut second_day = month();
        second_day.key.started_at = Timestamp::from_date(2024, 2, 2).unwrap();
        assert_eq!(wrong(&second_day), ["start_time"]);
        second_day.key.period = UsagePeriod::Day;
        assert!(wrong(&second_day).is_empty());
    }

    #[test]
    fn amounts_are_not_negative_and_a_part_is_not_larger_than_its_whole() {
        let negative = UsageSummary {
            data_megabytes: -1,
            ..month()
        };
        assert_eq!(wrong(&negative), ["data_megabytes"]);

        let most = UsageSummary {
            sms_count: 1_000_000_000_000,
            ..month()
        };
        assert!(wrong(&most).is_empty());
        let more = UsageSummary {
            sms_count: most.sms_count + 1,
            ..most
        };
        assert_eq!(wrong(&more), ["sms_count"]);

        let larger = UsageSummary {
            in_group_voice_seconds: 61,
            ..month()
        };
        assert_eq!(wrong(&larger), ["in_group_voice_seconds"]);
        let abroad = UsageSummary {
            roaming_seconds: 61,
            roaming_megabytes: 1,
            forwarded_offnet_seconds: 100,
            ..month()
        };
        assert_eq!(wrong(&abroad), ["roaming_seconds", "roaming_megabytes"]);
    }
}
