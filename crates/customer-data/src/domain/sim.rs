//! SIMs, and which subscription holds one when.

use smol_str::SmolStr;
use tenure_core::violation::Mismatch;
use tenure_core::{CustomerId, SubscriptionId, Timestamp};

use super::refusal::{Reason, Refusal};
use super::{Interval, Subscription};

/// How often a subscription may have been taken over for its SIM to be found.
pub const OWNERS_MAX: usize = 32;

/// The number of a SIM (ITU-T E.118): 18 to 20 digits that begin with 89. Tells who its holder is, so
/// it is never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iccid(SmolStr);

impl Iccid {
    /// Parses a number.
    ///
    /// # Errors
    /// When it is not 18 to 20 digits that begin with 89.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        let digits = text.bytes().all(|c| c.is_ascii_digit());
        if (18..=20).contains(&text.len()) && digits && text.starts_with("89") {
            return Ok(Self(text.into()));
        }
        let found = format!("{} bytes that are none", text.len());
        Err(Mismatch::new("18 to 20 digits that begin with 89", found))
    }

    /// Returns the number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Iccid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Iccid(..)")
    }
}

/// That a subscription holds a SIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimHolding {
    /// The SIM.
    pub iccid: Iccid,
    /// To whose subscription it was given.
    pub customer: CustomerId,
    /// Which.
    pub subscription: SubscriptionId,
    /// When, as far as it was said; it ends with the subscription in any case.
    pub valid: Interval,
}

impl SimHolding {
    /// Returns the part of it that a customer held, who had the subscription in an interval.
    #[must_use]
    pub fn while_had(&self, record: &Subscription) -> Option<Self> {
        let had = Interval::new(record.started_at, Some(record.until()))?;
        Some(Self {
            customer: record.customer.clone(),
            valid: self.valid.intersection(had)?,
            ..self.clone()
        })
    }
}

/// Decides what giving a SIM to a subscription changes: the holdings that end by it, and the new one;
/// nothing when the subscription holds it already. `known` are all holdings of the subscription.
///
/// # Errors
/// When it would be given before the customer had the subscription, or not after the last one.
pub fn assign(
    record: &Subscription,
    known: &[SimHolding],
    iccid: Iccid,
    from: Timestamp,
) -> Result<Vec<SimHolding>, Refusal> {
    let refuse = |wanted: &str| {
        let reason = Reason::InvalidFields;
        Err(Refusal::new(
            reason,
            "from_time",
            wanted,
            "an earlier instant",
        ))
    };
    if from < record.started_at {
        return refuse("not before the customer had the subscription");
    }
    if known
        .iter()
        .any(|it| it.iccid == iccid && it.valid.contains(from))
    {
        return Ok(Vec::new());
    }
    if known.iter().any(|it| it.valid.from() >= from) {
        return refuse("after the last SIM was given");
    }
    let mut changed: Vec<SimHolding> = known
        .iter()
        .filter(|it| it.valid.contains(from))
        .filter_map(|it| {
            let valid = it.valid.cut(from)?;
            Some(SimHolding {
                valid,
                ..it.clone()
            })
        })
        .collect();
    changed.push(SimHolding {
        iccid,
        customer: record.customer.clone(),
        subscription: record.id.clone(),
        valid: Interval::new(from, None).expect("nothing happens at the end of time"),
    });
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Standing;
    use crate::domain::words::ServiceKind;

    const ONE: &str = "8943000000000000001";
    const OTHER: &str = "8943000000000000002";

    fn at(instant: i64) -> Timestamp {
        Timestamp::from_micros(instant)
    }

    fn record(started: i64) -> Subscription {
        Subscription {
            id: SubscriptionId::parse("S1").unwrap(),
            customer: CustomerId::parse("C1").unwrap(),
            service: ServiceKind::Mobile,
            product_code: "BASIC".into(),
            msisdn: None,
            msisdn_from: None,
            started_at: at(started),
            contract_ends_at: None,
            monthly_fee: None,
            termination: None,
            standing: Standing::since(at(started)),
            updated_at: at(started),
        }
    }

    #[test]
    fn a_new_sim_ends_the_one_before() {
        let give = |known: &[SimHolding], text: &str, from: i64| {
            assign(&record(5), known, Iccid::parse(text).unwrap(), at(from))
        };
        let first = give(&[], ONE, 5).unwrap();
        assert_eq!(first.len(), 1);
        assert!(give(&first, ONE, 7).unwrap().is_empty());

        let second = give(&first, OTHER, 8).unwrap();

        let spans: Vec<_> = second
            .iter()
            .map(|it| (it.valid.from(), it.valid.end()))
            .collect();
        assert_eq!(spans, [(at(5), Some(at(8))), (at(8), None)]);
        assert_eq!(give(&[], ONE, 4).unwrap_err().field, "from_time");
        assert_eq!(give(&second, ONE, 8).unwrap_err().field, "from_time");
    }

    #[test]
    fn a_customer_sees_a_sim_only_while_having_the_subscription() {
        let holding = assign(&record(5), &[], Iccid::parse(ONE).unwrap(), at(5))
            .unwrap()
            .remove(0);
        let later = Subscription {
            customer: CustomerId::parse("C2").unwrap(),
            ..record(9)
        };
        let seen = holding.while_had(&later).unwrap();
        assert_eq!((seen.customer.as_str(), seen.valid.from()), ("C2", at(9)));
        let shorter = SimHolding {
            valid: Interval::new(at(5), Some(at(9))).unwrap(),
            ..holding
        };
        assert_eq!(shorter.while_had(&later), None);
    }

    #[test]
    fn an_iccid_has_eighteen_to_twenty_digits_and_is_not_shown() {
        let long = "8".to_owned() + &"9".repeat(20);
        for text in [
            "",
            "894300000000000000x",
            "1943000000000000001",
            &long,
            "+8943000000000000001",
        ] {
            assert!(Iccid::parse(text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", Iccid::parse(ONE).unwrap()), "Iccid(..)");
    }
}
