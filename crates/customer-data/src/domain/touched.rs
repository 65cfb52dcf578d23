//! What a batch is about: the keys of all rows that it reads or changes.

use std::collections::BTreeSet;

use smol_str::SmolStr;
use tenure_core::{
    BillId, ComplaintId, CustomerId, InteractionId, PromiseId, SubscriptionId, SurveyId,
};

use super::book::Owned;
use super::{
    Bill, Consent, CustomerPatch, ExternalId, Interaction, Msisdn, Subscription, Survey, UsageKey,
    UsageSummary,
};

/// Keys, each once and in order.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Customers.
    pub customers: BTreeSet<CustomerId>,
    /// Names in other systems that are claimed.
    pub external_ids: BTreeSet<ExternalId>,
    /// Subscriptions of customers.
    pub subscriptions: BTreeSet<(CustomerId, SubscriptionId)>,
    /// Numbers that are claimed.
    pub numbers: BTreeSet<Msisdn>,
    /// Bills of customers.
    pub bills: BTreeSet<(CustomerId, BillId)>,
    /// Usage summaries.
    pub usage: BTreeSet<UsageKey>,
    /// Interactions with customers.
    pub interactions: BTreeSet<(CustomerId, InteractionId)>,
    /// Customers whose consent ledger grows.
    pub consents: BTreeSet<CustomerId>,
    /// Complaints of customers.
    pub complaints: BTreeSet<(CustomerId, ComplaintId)>,
    /// Promises to customers.
    pub promises: BTreeSet<(CustomerId, PromiseId)>,
    /// Surveys of customers.
    pub surveys: BTreeSet<(CustomerId, SurveyId)>,
    /// Keys that something new wants to have.
    pub claimed: BTreeSet<(Owned, SmolStr)>,
}

impl Touched {
    /// Adds a customer.
    pub fn customer(&mut self, patch: &CustomerPatch) {
        self.customers.insert(patch.id.clone());
        self.external_ids.extend(patch.external_ids.iter().cloned());
    }

    /// Adds a subscription.
    pub fn subscription(&mut self, subscription: &Subscription) {
        let Subscription {
            id,
            customer,
            msisdn,
            ..
        } = subscription;
        self.customers.insert(customer.clone());
        self.subscriptions.insert((customer.clone(), id.clone()));
        self.numbers.extend(msisdn.clone());
    }

    /// Adds a bill.
    pub fn bill(&mut self, bill: &Bill) {
        self.customers.insert(bill.customer.clone());
        self.bills.insert((bill.customer.clone(), bill.id.clone()));
    }

    /// Adds a usage summary.
    pub fn usage(&mut self, usage: &UsageSummary) {
        let UsageKey {
            customer,
            subscription,
            ..
        } = &usage.key;
        self.customers.insert(customer.clone());
        self.subscriptions
            .extend(subscription.clone().map(|id| (customer.clone(), id)));
        self.usage.insert(usage.key.clone());
    }

    /// Adds an interaction.
    pub fn interaction(&mut self, interaction: &Interaction) {
        self.customers.insert(interaction.customer.clone());
        self.interactions
            .insert((interaction.customer.clone(), interaction.id.clone()));
        self.complaint_of(&interaction.customer, interaction.complaint.as_ref());
    }

    /// Adds a survey.
    pub fn survey(&mut self, survey: &Survey) {
        self.customers.insert(survey.customer.clone());
        self.surveys
            .insert((survey.customer.clone(), survey.id.clone()));
        self.claimed
            .insert((Owned::Survey, survey.id.as_str().into()));
        self.complaint_of(&survey.customer, survey.complaint.as_ref());
    }

    /// Adds a complaint that something of the customer's is about.
    pub fn complaint_of(&mut self, customer: &CustomerId, id: Option<&ComplaintId>) {
        let key = id.map(|id| (customer.clone(), id.clone()));
        self.complaints.extend(key);
    }

    /// Adds a record of the consent ledger.
    pub fn consent(&mut self, consent: &Consent) {
        self.customers.insert(consent.customer.clone());
        self.consents.insert(consent.customer.clone());
    }
}
