//! Who belongs together, as calls: households with their payer, companies with their people.
//!
//! Something is told when the last of those whom it is about has joined, and not when one of them
//! has left by then.

use std::collections::{HashMap, HashSet};

use tenure_core::Timestamp;
use tenure_proto::customer::v1 as pb;
use tenure_simulator::{Company, Household, Operator, Product, customer_key, subscription_key};

use super::deed::Deed;
use crate::wire::timestamp;

/// A company takes over half of the bills of its people.
const REIMBURSED_BASIS_POINTS: i32 = 5_000;

/// Calls of which those of a later step need those of an earlier one.
#[derive(Debug, Default)]
pub(super) struct Steps(pub(super) [Vec<Deed>; 2]);

impl Steps {
    fn first(&mut self, deed: impl Into<Deed>) {
        self.0[0].push(deed.into());
    }

    fn second(&mut self, deed: impl Into<Deed>) {
        self.0[1].push(deed.into());
    }
}

/// Customers who are here, and since when.
pub(super) type Here = HashMap<u32, Timestamp>;

/// The parts of the operator's community that are told.
pub(super) struct Community<'a> {
    operator: &'a Operator,
    households: Vec<Household>,
    companies: Vec<Company>,
    /// The groups that are told already, even when all but one left meanwhile.
    begun: HashSet<String>,
}

impl<'a> Community<'a> {
    pub(super) fn new(operator: &'a Operator, is_told: impl Fn(u32) -> bool) -> Self {
        let households = operator.households();
        let companies = operator.companies();
        Self {
            operator,
            households: households.filter(|it| is_told(it.payer)).collect(),
            companies: companies.filter(|it| is_told(it.organisation)).collect(),
            begun: HashSet::new(),
        }
    }

    /// Returns what is to be told now that those who are `new` have come to those who are `here`.
    pub(super) fn told(&mut self, here: &Here, new: &dyn Fn(u32) -> bool) -> Steps {
        let mut steps = Steps::default();
        let mut begun = std::mem::take(&mut self.begun);
        for household in &self.households {
            self.household(household, (here, new), &mut begun, &mut steps);
        }
        for company in &self.companies {
            self.company(company, (here, new), &mut begun, &mut steps);
        }
        self.begun = begun;
        steps
    }

    fn household(
        &self,
        household: &Household,
        (here, new): (&Here, &dyn Fn(u32) -> bool),
        begun: &mut HashSet<String>,
        steps: &mut Steps,
    ) {
        let payer = household.payer;
        let Some(payer_since) = here.get(&payer) else {
            return;
        };
        let others = household.members.iter().copied().filter(|it| *it != payer);
        let fresh: Vec<u32> = others
            .filter(|it| here.contains_key(it) && (new(payer) || new(*it)))
            .collect();
        if fresh.is_empty() {
            return;
        }
        let account_id = format!("A-{}", household.key);
        let mut joined = Vec::new();
        // The payer alone is no household yet; the first other member makes it one.
        if begun.insert(household.key.clone()) {
            let kind = pb::BillingAccountKind::Household;
            steps.first(self.account(&account_id, payer, kind));
            steps.first(group(&household.key, pb::GroupKind::Household, None));
            let since = fresh
                .iter()
                .map(|it| here[it])
                .min()
                .unwrap_or(*payer_since);
            joined.push(member(payer, since.max(*payer_since)));
            self.payments(&account_id, payer, payer, *payer_since, steps);
        }
        for other in fresh {
            let since = here[&other].max(*payer_since);
            joined.push(member(other, since));
            for kind in [
                pb::RelationshipKind::HouseholdHead,
                pb::RelationshipKind::Payer,
            ] {
                steps.first(relationship(kind, payer, other, since));
            }
            self.payments(&account_id, payer, other, since, steps);
            let is_user = household.members.iter().rev().find(|it| **it != payer) == Some(&other);
            let mut products = self.operator.customer(payer).products();
            if is_user && products.any(|it| it == Product::SecondSim) {
                let kind = pb::RelationshipKind::User;
                steps.first(relationship(kind, other, payer, since));
            }
        }
        steps.second(members(&household.key, joined));
    }

    fn company(
        &self,
        company: &Company,
        (here, new): (&Here, &dyn Fn(u32) -> bool),
        begun: &mut HashSet<String>,
        steps: &mut Steps,
    ) {
        let organisation = company.organisation;
        let Some(founded) = here.get(&organisation) else {
            return;
        };
        let key = customer_key(organisation);
        let group_id = format!("K-{key}");
        if new(organisation) {
            let account_id = format!("A-{key}");
            let kind = pb::BillingAccountKind::Corporate;
            steps.first(self.account(&account_id, organisation, kind));
            self.payments(&account_id, organisation, organisation, *founded, steps);
        }
        let mut joined = Vec::new();
        for employee in &company.employees {
            let Some(since) = here.get(employee) else {
                continue;
            };
            if !new(organisation) && !new(*employee) {
                continue;
            }
            let since = *since.max(founded);
            joined.push(member(*employee, since));
            let kind = pb::RelationshipKind::OrganisationMember;
            steps.first(relationship(kind, *employee, organisation, since));
            if company.contact() == Some(*employee) {
                let kind = pb::RelationshipKind::CompanyContact;
                steps.first(relationship(kind, *employee, organisation, since));
            }
        }
        if !joined.is_empty() {
            if begun.insert(group_id.clone()) {
                steps.first(group(&group_id, pb::GroupKind::Corporate, Some(key)));
            }
            steps.second(members(&group_id, joined));
        }
    }

    fn account(
        &self,
        account_id: &str,
        payer: u32,
        kind: pb::BillingAccountKind,
    ) -> pb::UpsertBillingAccountRequest {
        let corporate = pb::CorporateTerms {
            monthly_fee_waived: true,
            reimbursement: Some(pb::corporate_terms::Reimbursement::BasisPoints(
                REIMBURSED_BASIS_POINTS,
            )),
        };
        let is_corporate = kind == pb::BillingAccountKind::Corporate;
        pb::UpsertBillingAccountRequest {
            request_id: String::new(),
            billing_account: Some(pb::BillingAccount {
                account_id: account_id.to_owned(),
                customer_id: customer_key(payer),
                kind: kind.into(),
                state: pb::BillingAccountState::Active.into(),
                currency_code: self.operator.currency().to_string(),
                // The simulator's bills are made on the second.
                billing_cycle_day: 2,
                corporate_terms: is_corporate.then_some(corporate),
                ..Default::default()
            }),
        }
    }

    /// The account pays for all that a customer has.
    fn payments(
        &self,
        account_id: &str,
        payer: u32,
        owner: u32,
        since: Timestamp,
        steps: &mut Steps,
    ) {
        for product in self.operator.customer(owner).products() {
            steps.second(pb::AddAccountSubscriptionRequest {
                payer_customer_id: customer_key(payer),
                account_id: account_id.to_owned(),
                customer_id: customer_key(owner),
                subscription_id: subscription_key(owner, product),
                from_time: Some(timestamp(since)),
                ..Default::default()
            });
        }
    }
}

fn relationship(
    kind: pb::RelationshipKind,
    from: u32,
    to: u32,
    since: Timestamp,
) -> pb::CreateRelationshipRequest {
    pb::CreateRelationshipRequest {
        kind: kind.into(),
        from_customer_id: customer_key(from),
        to_customer_id: customer_key(to),
        from_time: Some(timestamp(since)),
        ..Default::default()
    }
}

/// Asks to make a group.
pub(super) fn group(
    group_id: &str,
    kind: pb::GroupKind,
    customer_id: Option<String>,
) -> pb::UpsertGroupRequest {
    let is_place = kind == pb::GroupKind::Place;
    pb::UpsertGroupRequest {
        request_id: String::new(),
        group: Some(pb::Group {
            group_id: group_id.to_owned(),
            kind: kind.into(),
            customer_id: customer_id.unwrap_or_default(),
            place_code: if is_place { group_id } else { "" }.to_owned(),
            ..Default::default()
        }),
    }
}

/// Asks to add members to a group.
pub(super) fn members(
    group_id: &str,
    members: Vec<pb::NewGroupMember>,
) -> pb::AddGroupMembersRequest {
    pb::AddGroupMembersRequest {
        request_id: String::new(),
        group_id: group_id.to_owned(),
        members,
    }
}

/// A new member of a group.
pub(super) fn member(index: u32, since: Timestamp) -> pb::NewGroupMember {
    pb::NewGroupMember {
        customer_id: customer_key(index),
        from_time: Some(timestamp(since)),
        until_time: None,
    }
}
