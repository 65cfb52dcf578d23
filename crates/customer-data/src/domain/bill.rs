//! Bills and how far they are paid.

use tenure_core::{BillId, CustomerId, Money, Timestamp, Violations};

use super::words::BillState;

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The operator's own key.
    pub id: BillId,
    /// Who was billed.
    pub customer: CustomerId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it has to be paid.
    pub due_at: Timestamp,
    /// What was billed.
    pub amount: Money,
    /// How far it is paid.
    pub state: BillState,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
    /// What was paid for services.
    pub paid: Option<Money>,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}

impl Bill {
    /// Notes where fields contradict each other.
    pub fn check(&self, violations: &mut Violations) {
        if self.due_at < self.issued_at {
            violations.add("due_time", "not before issue_time", "an earlier instant");
        }
        if self.settled_at.is_some_and(|at| at < self.issued_at) {
            violations.add("settle_time", "not before issue_time", "an earlier instant");
        }
        let settled = self.state == BillState::Settled;
        match self.settled_at {
            None if settled => {
                violations.add(
                    "settle_time",
                    "an instant with the state SETTLED",
                    "nothing",
                );
            }
            Some(_) if !settled => {
                violations.add(
                    "settle_time",
                    "nothing without the state SETTLED",
                    "an instant",
                );
            }
            _ => {}
        }
        match self.paid {
            None if settled => {
                violations.add("paid_amount", "an amount with the state SETTLED", "nothing");
            }
            Some(_) if self.state == BillState::Sent => {
                violations.add("paid_amount", "nothing with the state SENT", "an amount");
            }
            Some(paid) if paid.currency != self.amount.currency => {
                let wanted = format!("the currency of amount, {}", self.amount.currency);
                violations.add("paid_amount.currency_code", wanted, paid.currency.as_str());
            }
            _ => {}
        }
    }

    /// Returns true when `other` says the same, whenever it was recorded.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self {
            updated_at: other.updated_at,
            ..self.clone()
        } == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::Currency;

    fn money(code: &str) -> Money {
        Money {
            currency: Currency::parse(code).unwrap(),
            minor: 100,
        }
    }

    fn sent() -> Bill {
        let day = Timestamp::from_date(2024, 3, 1).unwrap();
        Bill {
            id: BillId::parse("B1").unwrap(),
            customer: CustomerId::parse("C1").unwrap(),
            issued_at: day,
            due_at: day,
            amount: money("EUR"),
            state: BillState::Sent,
            settled_at: None,
            paid: None,
            updated_at: day,
        }
    }

    fn wrong(bill: &Bill) -> Vec<String> {
        let mut violations = Violations::new();
        bill.check(&mut violations);
        let found = violations.into_result().err().unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn settled_means_when_and_how_much() {
        let settled = Bill {
            state: BillState::Settled,
            ..sent()
        };
        assert_eq!(wrong(&settled), ["settle_time", "paid_amount"]);

        let day = sent().issued_at;
        let paid = Some(money("USD"));
        let whole = Bill {
            settled_at: Some(day),
            paid,
            ..settled
        };
        assert_eq!(wrong(&whole), ["paid_amount.currency_code"]);
        assert!(
            wrong(&Bill {
                paid: Some(money("EUR")),
                ..whole
            })
            .is_empty()
        );
    }

    #[test]
    fn nothing_is_settled_before_it_was_issued() {
        let day = sent().issued_at;
        let at_once = Bill {
            state: BillState::Settled,
            settled_at: Some(day),
            paid: Some(money("EUR")),
            ..sent()
        };
        let earlier = Timestamp::from_micros(day.as_micros() - 1);
        let early = Bill {
            settled_at: Some(earlier),
            ..at_once.clone()
        };
        assert!(wrong(&at_once).is_empty());
        assert_eq!(wrong(&early), ["settle_time"]);
    }

    #[test]
    fn what_is_not_settled_was_never_settled_and_is_not_due_before_it_was_issued() {
        let day = sent().issued_at;
        let earlier = Timestamp::from_micros(day.as_micros() - 1);
        let bill = Bill {
            due_at: earlier,
            settled_at: Some(day),
            paid: Some(money("EUR")),
            ..sent()
        };

        assert_eq!(wrong(&bill), ["due_time", "settle_time", "paid_amount"]);
        assert!(wrong(&sent()).is_empty());
    }
}
