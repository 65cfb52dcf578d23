//! What a batch is about: the keys of all rows that it reads or changes.

use std::collections::BTreeSet;

use tenure_core::{BillId, CustomerId, InteractionId, SubscriptionId};

use super::{
    Bill, Consent, CustomerPatch, ExternalId, Interaction, Msisdn, Subscription, UsageKey,
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
    }

    /// Adds a record of the consent ledger.
    pub fn consent(&mut self, consent: &Consent) {
        self.customers.insert(consent.customer.clone());
        self.consents.insert(consent.customer.clone());
    }
}
