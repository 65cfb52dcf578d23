//! What binds a customer to a subscription, and what tells that the customer wants to go.

use tenure_core::{CustomerId, Money, SubscriptionId, Timestamp};
use uuid::Uuid;

use super::Subscription;
use super::refusal::{Reason, Refusal};
use super::words::numbered;

/// The longest reason of a notice, in bytes.
pub const REASON_LENGTH_MAX: usize = 128;
/// The longest code of a competitor, in bytes.
pub const COMPETITOR_LENGTH_MAX: usize = 64;

numbered! {
    /// How a penalty goes on until the contract ends.
    PenaltyShape {
        /// The same to the end.
        Fixed = 1,
        /// Falling to nothing in a straight line.
        Falling = 2,
    }
}
numbered! {
    /// What a customer does who thinks of another operator.
    SignalKind {
        /// Asked for the code by which the number can be ported.
        PortingCodeRequested = 1,
        /// Asked how a number is ported.
        PortabilityEnquiry = 2,
        /// Named an offer of a competitor.
        CompetitorNamed = 3,
        /// Another operator asked for the number.
        PortingRequested = 4,
    }
}

/// What leaving before the contract ends costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Penalty {
    /// At the beginning.
    pub amount: Money,
    /// How it goes on.
    pub shape: PenaltyShape,
    /// Since when a falling one falls; since the subscription began, where nothing is said.
    pub falls_from: Option<Timestamp>,
}

impl Penalty {
    /// Returns what leaving at an instant would cost: nothing without a contract or after its end.
    #[must_use]
    pub fn due(&self, subscription: &Subscription, at: Timestamp) -> Money {
        let from = self.falls_from.unwrap_or(subscription.started_at);
        let minor = match (subscription.contract_ends_at, self.shape) {
            (Some(end), PenaltyShape::Fixed) if at < end => self.amount.minor,
            (Some(end), PenaltyShape::Falling) if at < end => {
                falling(self.amount.minor, at.max(from), from, end)
            }
            _ => 0,
        };
        Money {
            minor,
            ..self.amount
        }
    }
}

/// Returns the share of an amount that is left at an instant of a span, halves rounded upwards.
fn falling(amount: i64, at: Timestamp, from: Timestamp, end: Timestamp) -> i64 {
    let left = i128::from(end.as_micros()) - i128::from(at.as_micros());
    let whole = i128::from(end.as_micros()) - i128::from(from.as_micros());
    let minor = (2 * i128::from(amount) * left + whole) / (2 * whole);
    i64::try_from(minor).expect("a share is not more than its whole")
}

/// That a customer gave notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub given_at: Timestamp,
    /// When it takes effect.
    pub effective_at: Timestamp,
    /// In the operator's words.
    pub reason: String,
    /// When it was withdrawn; nothing while it stands.
    pub withdrawn_at: Option<Timestamp>,
}

/// The terms of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub subscription: SubscriptionId,
    /// What leaving costs.
    pub penalty: Option<Penalty>,
    /// What it would cost when it was last asked for.
    pub due: Option<Money>,
    /// The last notice, whether it stands or not.
    pub last_notice: Option<Notice>,
}

impl Terms {
    /// Returns the notice that stands.
    #[must_use]
    pub fn notice(&self) -> Option<&Notice> {
        self.last_notice
            .as_ref()
            .filter(|notice| notice.withdrawn_at.is_none())
    }

    /// Sets what leaving would cost at an instant.
    #[must_use]
    pub fn at(mut self, subscription: &Subscription, at: Timestamp) -> Self {
        self.due = self.penalty.map(|penalty| penalty.due(subscription, at));
        self
    }

    /// Sets or removes the penalty, and returns whether that changes anything.
    ///
    /// # Errors
    /// When the subscription has no contract, or the penalty would begin to fall after its end.
    pub fn set_penalty(
        &mut self,
        subscription: &Subscription,
        penalty: Option<Penalty>,
    ) -> Result<bool, Refusal> {
        let refuse = |field: &str, wanted: &str, found: &str| {
            Err(Refusal::new(Reason::InvalidFields, field, wanted, found))
        };
        if let Some(penalty) = &penalty {
            let Some(end) = subscription.contract_ends_at else {
                return refuse("penalty", "a subscription with a contract", "one without");
            };
            if penalty.falls_from.unwrap_or(subscription.started_at) >= end {
                let field = "penalty.falls_from_time";
                return refuse(field, "before the contract ends", "a later instant");
            }
        }
        let is_changed = self.penalty != penalty;
        self.penalty = penalty;
        Ok(is_changed)
    }

    /// Notes a notice.
    ///
    /// # Errors
    /// When one stands, or it would have been given before the last one ended.
    pub fn give_notice(&mut self, notice: Notice) -> Result<(), Refusal> {
        if self.notice().is_some() {
            let (reason, wanted) = (Reason::NoticeStands, "a subscription without notice");
            let refusal = Refusal::new(reason, "subscription_id", wanted, "one that stands");
            return Err(refusal.with("subscription_id", self.subscription.as_str()));
        }
        let last = self.last_notice.as_ref();
        let last = last.map(|last| {
            last.withdrawn_at
                .unwrap_or(last.given_at)
                .max(last.given_at)
        });
        if last.is_some_and(|last| notice.given_at <= last) {
            let (reason, wanted) = (Reason::InvalidFields, "after the last notice was withdrawn");
            return Err(Refusal::new(
                reason,
                "notice_time",
                wanted,
                "an earlier instant",
            ));
        }
        self.last_notice = Some(notice);
        Ok(())
    }

    /// Notes that the notice was withdrawn.
    ///
    /// # Errors
    /// When none stands, or it would be withdrawn before it was given.
    pub fn withdraw_notice(&mut self, at: Timestamp) -> Result<(), Refusal> {
        let id = self.subscription.clone();
        let notice = self
            .last_notice
            .as_mut()
            .filter(|notice| notice.withdrawn_at.is_none());
        let Some(notice) = notice else {
            let (reason, wanted) = (Reason::NoticeNotGiven, "a subscription under notice");
            let refusal = Refusal::new(reason, "subscription_id", wanted, "no notice that stands");
            return Err(refusal.with("subscription_id", id.as_str()));
        };
        if at < notice.given_at {
            let (reason, wanted) = (Reason::InvalidFields, "not before the notice was given");
            return Err(Refusal::new(
                reason,
                "withdraw_time",
                wanted,
                "an earlier instant",
            ));
        }
        notice.withdrawn_at = Some(at);
        Ok(())
    }
}

/// Something that a customer does who thinks of another operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Made here.
    pub id: Uuid,
    /// Who.
    pub customer: CustomerId,
    /// With which subscription.
    pub subscription: Option<SubscriptionId>,
    /// What.
    pub kind: SignalKind,
    /// The operator's code of the competitor; may be empty.
    pub competitor_code: String,
    /// When.
    pub happened_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenure_core::Currency;

    use super::*;
    use crate::domain::Standing;
    use crate::domain::words::ServiceKind;

    fn at(instant: i64) -> Timestamp {
        Timestamp::from_micros(instant)
    }

    fn subscription(started: i64, contract_ends: Option<i64>) -> Subscription {
        Subscription {
            id: SubscriptionId::parse("S1").unwrap(),
            customer: CustomerId::parse("C1").unwrap(),
            service: ServiceKind::Mobile,
            product_code: "BASIC".into(),
            msisdn: None,
            msisdn_from: None,
            started_at: at(started),
            contract_ends_at: contract_ends.map(at),
            monthly_fee: None,
            termination: None,
            standing: Standing::since(at(started)),
            updated_at: at(started),
        }
    }

    fn penalty(minor: i64, shape: PenaltyShape) -> Penalty {
        let currency = Currency::parse("EUR").unwrap();
        let amount = Money { currency, minor };
        Penalty {
            amount,
            shape,
            falls_from: None,
        }
    }

    fn terms() -> Terms {
        Terms {
            customer: CustomerId::parse("C1").unwrap(),
            subscription: SubscriptionId::parse("S1").unwrap(),
            penalty: None,
            due: None,
            last_notice: None,
        }
    }

    fn notice(given: i64) -> Notice {
        Notice {
            given_at: at(given),
            effective_at: at(given + 10),
            reason: String::new(),
            withdrawn_at: None,
        }
    }

    #[test]
    fn a_penalty_is_due_until_the_contract_ends() {
        let bound = subscription(0, Some(400));
        let due = |shape, instant| penalty(1_000, shape).due(&bound, at(instant)).minor;
        let fixed = [-5, 0, 399, 400].map(|instant| due(PenaltyShape::Fixed, instant));
        assert_eq!(fixed, [1_000, 1_000, 1_000, 0]);
        // 1000 * 399 / 400 = 997.5, and so on.
        let falling = [-5, 0, 1, 100, 399, 400].map(|n| due(PenaltyShape::Falling, n));
        assert_eq!(falling, [1_000, 1_000, 998, 750, 3, 0]);
        let free = subscription(0, None);
        assert_eq!(
            penalty(1_000, PenaltyShape::Fixed).due(&free, at(1)).minor,
            0
        );
        let late = Penalty {
            falls_from: Some(at(200)),
            ..penalty(1_000, PenaltyShape::Falling)
        };
        assert_eq!(
            [100, 200, 300].map(|n| late.due(&bound, at(n)).minor),
            [1_000, 1_000, 500]
        );
    }

    proptest! {
        #[test]
        fn a_falling_penalty_never_rises_and_is_within_half_a_unit_of_its_line(
            amount in 1..=1_000_000_000_000_000_i64,
            length in 1..100_000_000_000_000_i64,
            one in 0.0..1.0_f64,
            other in 0.0..1.0_f64,
        ) {
            #[expect(
                clippy::cast_possible_truncation, clippy::cast_precision_loss,
                reason = "any instant will do"
            )]
            let instant = |share: f64| (share * length as f64) as i64;
            let (early, late) = (instant(one.min(other)), instant(one.max(other)));
            let bound = subscription(0, Some(length));
            let due = |n| i128::from(penalty(amount, PenaltyShape::Falling).due(&bound, at(n)).minor);
            prop_assert!(due(early) >= due(late));
            let line = i128::from(amount) * i128::from(length - early);
            let off = (due(early) * i128::from(length) - line).abs();
            prop_assert!(2 * off <= i128::from(length));
        }
    }

    #[test]
    fn a_penalty_needs_a_contract_that_ends_later() {
        let mut terms = terms();
        let falling = Some(penalty(1_000, PenaltyShape::Falling));
        let free = terms
            .set_penalty(&subscription(0, None), falling)
            .unwrap_err();
        assert_eq!(free.field, "penalty");
        let over = terms
            .set_penalty(&subscription(400, Some(400)), falling)
            .unwrap_err();
        assert_eq!(over.field, "penalty.falls_from_time");
        assert!(
            terms
                .set_penalty(&subscription(0, Some(400)), falling)
                .unwrap()
        );
        assert!(
            !terms
                .set_penalty(&subscription(0, Some(400)), falling)
                .unwrap()
        );
        assert!(terms.set_penalty(&subscription(0, None), None).unwrap());
    }

    #[test]
    fn a_notice_stands_until_it_is_withdrawn() {
        let mut terms = terms();
        assert_eq!(
            terms.withdraw_notice(at(1)).unwrap_err().reason,
            Reason::NoticeNotGiven
        );
        terms.give_notice(notice(5)).unwrap();
        assert_eq!(
            terms.give_notice(notice(6)).unwrap_err().reason,
            Reason::NoticeStands
        );
        assert_eq!(
            terms.withdraw_notice(at(4)).unwrap_err().field,
            "withdraw_time"
        );
        terms.withdraw_notice(at(7)).unwrap();
        assert_eq!(terms.notice(), None);
        assert_eq!(
            terms.give_notice(notice(7)).unwrap_err().field,
            "notice_time"
        );
        terms.give_notice(notice(8)).unwrap();
        assert_eq!(terms.notice().unwrap().given_at, at(8));
    }
}
