//! Adding to the consent ledger.

use tenure_core::{Span, Timestamp};

use super::Book;
use crate::domain::refusal::Refusal;
use crate::domain::{Consent, Fact};

impl Book {
    /// Adds a record, behind all that the customer has, and returns it as it stands there.
    ///
    /// # Errors
    /// When the customer is unknown.
    pub fn record_consent(&mut self, mut new: Consent) -> Result<Consent, Refusal> {
        self.require_customer(&new.customer)?;
        let all = (new.customer.clone(), Timestamp::MIN)..=(new.customer.clone(), Timestamp::MAX);
        let last = self.consents.range(all).last().map(|((_, at), _)| *at);
        // No two records at one instant, though clocks of two servers differ: what was known at an
        // instant stays the same for ever.
        new.recorded_at = last.map_or(self.now, |last| self.now.max(last + Span::from_micros(1)));
        let key = (new.customer.clone(), new.recorded_at);
        self.tell(new.valid_from, Fact::Consent(new.clone()));
        self.consents.put(key, new.clone());
        Ok(new)
    }
}
