//! Retention contacts: who is contacted when, what it does, and what people answer.

use std::collections::BTreeMap;

use tenure_core::Timestamp;

use crate::customer::Customer;
use crate::math::logistic;

/// The retention contacts of all customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Treatments {
    months: BTreeMap<u32, Vec<u32>>,
}

impl Treatments {
    /// Returns no treatments.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a contact in the first week of `month` with the customer at `index`; a second one in
    /// the same month is none, and so is one before the customer has joined.
    pub fn contact(&mut self, index: u32, month: u32) {
        let months = self.months.entry(index).or_default();
        if let Err(place) = months.binary_search(&month) {
            months.insert(place, month);
        }
    }

    /// Returns these treatments and a contact more.
    #[must_use]
    pub fn with_contact(mut self, index: u32, month: u32) -> Self {
        self.contact(index, month);
        self
    }

    /// Returns the months in which a customer is contacted, in order.
    #[must_use]
    pub fn of(&self, index: u32) -> &[u32] {
        self.months.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Returns how many contacts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.months.values().map(Vec::len).sum()
    }

    /// Returns true when nobody is contacted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.months.is_empty()
    }
}

/// What a retention contact does to the log-odds of voluntary churn in a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContactEffect {
    /// The change in the month of the contact: negative for most, positive for sleeping dogs.
    pub log_odds: f64,
    /// How many months it lasts, from the month of the contact on, fading by equal steps.
    pub months: u32,
}

impl ContactEffect {
    /// Returns the change of the log-odds in `month`. The latest contact alone counts: one more
    /// starts the effect anew and does not add to it.
    #[must_use]
    pub fn at(&self, contacts: &[u32], month: u32) -> f64 {
        let before = contacts.partition_point(|contact| *contact <= month);
        let Some(latest) = before.checked_sub(1).map(|place| contacts[place]) else {
            return 0.0;
        };
        self.after(month - latest)
    }

    /// Returns the change of the log-odds `months` after the month of the contact.
    #[must_use]
    pub fn after(&self, months: u32) -> f64 {
        let left = self.months.saturating_sub(months);
        self.log_odds * f64::from(left) / f64::from(self.months)
    }
}

/// What a customer answers to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseKind {
    /// Takes the offer.
    Accepted,
    /// Refuses the offer.
    Declined,
    /// Does not answer.
    NoAnswer,
}

impl ResponseKind {
    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::NoAnswer => "NO_ANSWER",
        }
    }
}

/// The answer to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// What was answered.
    pub kind: ResponseKind,
    /// When: in the first week of the month; for no answer, when it was given up.
    pub at: Timestamp,
}

/// The probabilities of the answers to a contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResponseProbability {
    /// Of taking the offer.
    pub accepted: f64,
    /// Of refusing it.
    pub declined: f64,
    /// Of no answer.
    pub no_answer: f64,
}

impl ResponseProbability {
    /// Returns the kind at `draw` within 0 and 1.
    pub(crate) fn pick(&self, draw: f64) -> ResponseKind {
        if draw < self.accepted {
            ResponseKind::Accepted
        } else if draw < self.accepted + self.declined {
            ResponseKind::Declined
        } else {
            ResponseKind::NoAnswer
        }
    }
}

impl Customer {
    /// Returns the contacts that reached a customer: those after the month of joining.
    pub(crate) fn contacts_heard<'a>(&self, contacts: &'a [u32]) -> &'a [u32] {
        let joined = i64::from(self.join_month);
        &contacts[contacts.partition_point(|contact| i64::from(*contact) <= joined)..]
    }

    /// Returns what contacts add to the log-odds of voluntary churn in a month.
    pub(crate) fn effect_at(&self, contacts: &[u32], month: u32) -> f64 {
        self.traits
            .contact_effect
            .at(self.contacts_heard(contacts), month)
    }

    /// Returns the true probabilities of this customer's answers to a retention contact.
    #[must_use]
    pub fn response_probability(&self) -> ResponseProbability {
        let traits = &self.traits;
        let accepted =
            logistic(-1.2 + 0.6 * traits.persuadability + 0.3 * traits.price_sensitivity);
        // People who know what they want answer; the others let it ring.
        let answers = logistic(-0.4 + 0.3 * traits.service_sensitivity);
        let declined = (1.0 - accepted) * answers;
        ResponseProbability {
            accepted,
            declined,
            no_answer: 1.0 - accepted - declined,
        }
    }
}
