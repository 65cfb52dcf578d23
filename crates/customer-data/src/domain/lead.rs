//! Prospects and leads: who may become a customer, and what may be bought.

use tenure_core::{CustomerId, LeadId, Span, Timestamp};

use super::refusal::{Reason, Refusal};
use super::words::{CustomerKind, numbered};

/// The longest code of a source, in bytes.
pub const SOURCE_LENGTH_MAX: usize = 64;
/// The longest interest or reason, in bytes.
pub const WORDS_LENGTH_MAX: usize = 128;

numbered! {
    /// How far a lead is.
    LeadState {
        /// Nobody did anything.
        New = 1,
        /// Somebody spoke with the customer.
        Contacted = 2,
        /// The interest is real.
        Qualified = 3,
        /// The customer bought.
        Won = 4,
        /// The customer did not.
        Lost = 5,
    }
}

/// Somebody who may become a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The key that the customer will have.
    pub id: CustomerId,
    /// Person or organisation.
    pub kind: CustomerKind,
    /// May be empty.
    pub display_name: String,
    /// In the operator's code.
    pub source: String,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the prospect became a customer.
    pub activated_at: Option<Timestamp>,
}

impl Prospect {
    /// Returns the prospect as `self` says over what is known; nothing when it says the same.
    ///
    /// # Errors
    /// When the prospect is a customer by now.
    pub fn replace(mut self, known: &Self) -> Result<Option<Self>, Refusal> {
        let updated_at = self.updated_at;
        self.created_at = known.created_at;
        self.updated_at = known.updated_at;
        self.activated_at = known.activated_at;
        if self == *known {
            return Ok(None);
        }
        if known.activated_at.is_some() {
            return Err(is_customer("prospect.prospect_id", &known.id));
        }
        self.updated_at = updated_at;
        Ok(Some(self))
    }

    /// Makes the prospect a customer with a name.
    ///
    /// # Errors
    /// When the prospect is one already, or nobody knows a name.
    pub fn activate(&mut self, name: Option<String>, now: Timestamp) -> Result<(), Refusal> {
        if self.activated_at.is_some() {
            return Err(is_customer("prospect_id", &self.id));
        }
        if let Some(name) = name {
            self.display_name = name;
        }
        if self.display_name.is_empty() {
            let (reason, wanted) = (Reason::ProspectNameless, "a name, here or of the prospect");
            let refusal = Refusal::new(reason, "display_name", wanted, "nothing");
            return Err(refusal.with("customer_id", self.id.as_str()));
        }
        self.activated_at = Some(now);
        self.updated_at = now;
        Ok(())
    }
}

/// Returns the refusal of what is said of a prospect who is a customer.
#[must_use]
pub fn is_customer(field: &str, id: &CustomerId) -> Refusal {
    let (reason, wanted) = (Reason::CustomerExists, "one who is no customer");
    Refusal::new(reason, field, wanted, "a customer").with("customer_id", id.as_str())
}

/// That somebody may want something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The operator's own key.
    pub id: LeadId,
    /// Who.
    pub customer: CustomerId,
    /// In the operator's code.
    pub source: String,
    /// What is wanted.
    pub interest: String,
    /// How far it is.
    pub state: LeadState,
    /// Why it was lost; empty where it was not.
    pub lost_reason: String,
    /// Since when it is in this state: later with every change of it.
    pub state_since: Timestamp,
    /// When the record was made.
    pub created_at: Timestamp,
}

impl Lead {
    /// Returns the lead as `self` says over what is known; nothing when it says the same.
    ///
    /// # Errors
    /// When it is won or lost.
    pub fn replace(self, known: &Self) -> Result<Option<Self>, Refusal> {
        if self.source == known.source && self.interest == known.interest {
            return Ok(None);
        }
        known.require_open()?;
        Ok(Some(Self {
            source: self.source,
            interest: self.interest,
            ..known.clone()
        }))
    }

    /// Moves the lead on, and returns whether that changes anything.
    ///
    /// # Errors
    /// When it is won or lost, or would go back.
    pub fn advance(
        &mut self,
        state: LeadState,
        lost_reason: String,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        if self.state == state && self.lost_reason == lost_reason {
            return Ok(false);
        }
        self.require_open()?;
        if state <= self.state {
            let wanted = "a state behind the present one";
            let found = format!("{state:?} after {:?}", self.state);
            return Err(Refusal::new(Reason::InvalidFields, "state", wanted, found));
        }
        self.state = state;
        self.lost_reason = lost_reason;
        self.state_since = now.max(self.state_since + Span::from_micros(1));
        Ok(true)
    }

    fn require_open(&self) -> Result<(), Refusal> {
        if self.state < LeadState::Won {
            return Ok(());
        }
        let (reason, wanted) = (Reason::LeadClosed, "a lead that is neither won nor lost");
        let refusal = Refusal::new(reason, "lead_id", wanted, "a closed one");
        Err(refusal.with("lead_id", self.id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LeadState::{Contacted, Lost, New, Qualified, Won};

    fn at(instant: i64) -> Timestamp {
        Timestamp::from_micros(instant)
    }

    fn lead(state: LeadState) -> Lead {
        Lead {
            id: LeadId::parse("L1").unwrap(),
            customer: CustomerId::parse("P1").unwrap(),
            source: "WEB".into(),
            interest: "FIBRE".into(),
            state,
            lost_reason: String::new(),
            state_since: at(1),
            created_at: at(1),
        }
    }

    #[test]
    fn a_lead_goes_on_until_it_is_won_or_lost() {
        for from in [New, Contacted, Qualified, Won, Lost] {
            for to in LeadState::ALL.iter().copied().filter(|to| *to != from) {
                let moved = lead(from).advance(to, String::new(), at(2));
                let expected = from < to && !matches!(from, Won | Lost);
                assert_eq!(moved.is_ok(), expected, "{from:?} to {to:?}");
            }
        }
        let mut same = lead(Contacted);
        assert!(!same.advance(Contacted, String::new(), at(2)).unwrap());
        assert!(same.advance(Won, String::new(), at(0)).unwrap());
        assert_eq!(same.state_since, at(2));
    }

    #[test]
    fn a_prospect_needs_a_name_to_become_a_customer() {
        let mut prospect = Prospect {
            id: CustomerId::parse("P1").unwrap(),
            kind: CustomerKind::Individual,
            display_name: String::new(),
            source: String::new(),
            created_at: at(1),
            updated_at: at(1),
            activated_at: None,
        };
        let nameless = prospect.activate(None, at(2)).unwrap_err();
        assert_eq!(nameless.reason, Reason::ProspectNameless);
        prospect.activate(Some("Ada".into()), at(2)).unwrap();
        assert_eq!(prospect.activated_at, Some(at(2)));
        let again = prospect.activate(None, at(3)).unwrap_err();
        assert_eq!(again.reason, Reason::CustomerExists);
    }
}
