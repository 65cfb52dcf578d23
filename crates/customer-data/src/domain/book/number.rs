//! Giving numbers to subscriptions and taking them back, so that nobody holds one twice.

use tenure_core::Timestamp;

use super::Book;
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::{Holding, Msisdn, Subscription};

impl Book {
    /// Gives the number of a new subscription to it, for the time that it runs.
    pub(super) fn give_number(&mut self, new: &mut Subscription) -> Result<(), Refusal> {
        self.hold(new, new.started_at)
    }

    /// Lets the holdings follow a change of a running subscription. Another number counts from now:
    /// the old one was held until then.
    pub(super) fn move_number(
        &mut self,
        known: &Subscription,
        new: &mut Subscription,
    ) -> Result<(), Refusal> {
        if known.msisdn == new.msisdn {
            let from = known.msisdn_from.unwrap_or(self.now);
            let since_start = known.msisdn_from == Some(known.started_at);
            self.drop_number(known);
            return self.hold(new, if since_start { new.started_at } else { from });
        }
        self.release_number(known, self.now);
        self.hold(new, self.now.max(new.started_at))
    }

    /// Takes the present number of a subscription back at an instant; a holding that had not begun
    /// by then never was.
    pub(super) fn release_number(&mut self, known: &Subscription, at: Timestamp) {
        let (Some(number), Some(from)) = (&known.msisdn, known.msisdn_from) else {
            return;
        };
        if at <= from {
            return self.drop_number(known);
        }
        let key = (number.clone(), from);
        if let Some(holding) = self.numbers.get(&key) {
            let until = at.min(holding.until);
            let shorter = Holding {
                until,
                ..holding.clone()
            };
            self.numbers.put(key, shorter);
        }
    }

    fn drop_number(&mut self, known: &Subscription) {
        if let (Some(number), Some(from)) = (&known.msisdn, known.msisdn_from) {
            self.numbers.remove((number.clone(), from));
        }
    }

    /// Holds the number of `new` from an instant until the subscription ends.
    fn hold(&mut self, new: &mut Subscription, from: Timestamp) -> Result<(), Refusal> {
        new.msisdn_from = None;
        let until = new.until();
        let Some(number) = new.msisdn.clone().filter(|_| from < until) else {
            return Ok(());
        };
        if self.is_held(&number, from, until) {
            let wanted = "a number that nobody holds in that time";
            let refusal = Refusal::new(Reason::MsisdnTaken, "msisdn", wanted, "a number in use");
            return Err(refusal.with("subscription_id", new.id.as_str()));
        }
        new.msisdn_from = Some(from);
        let holding = Holding {
            until,
            customer: new.customer.clone(),
            subscription: new.id.clone(),
        };
        self.numbers.put((number, from), holding);
        Ok(())
    }

    fn is_held(&self, number: &Msisdn, from: Timestamp, until: Timestamp) -> bool {
        let all = (number.clone(), Timestamp::MIN)..=(number.clone(), Timestamp::MAX);
        self.numbers
            .range(all)
            .any(|((_, held_from), holding)| *held_from < until && from < holding.until)
    }
}
