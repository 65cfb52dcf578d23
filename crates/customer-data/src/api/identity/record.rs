//! Records as reads answer them: the members' own records put together.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::CustomerId;

use crate::domain::Customer;
use crate::domain::identity::{Origin, Policy, Record, Survivorship, golden};
use crate::{Deps, Error, store};

/// A record that was found by the id of a member.
pub(in crate::api) struct Found {
    pub(in crate::api) record: Record,
    pub(in crate::api) customer: Customer,
    /// Where its fields come from; nothing for a record of one.
    pub(in crate::api) origins: Vec<Origin>,
    /// By which policy; 0 while there is none.
    pub(in crate::api) policy_version: i64,
}

impl Found {
    /// Returns the id that was asked for, when another one answers.
    pub(in crate::api) fn merged(&self, asked: &CustomerId) -> String {
        if self.customer.id == *asked {
            return String::new();
        }
        asked.to_string()
    }
}

/// Returns the record of a customer, or refuses when there is no such customer.
pub(in crate::api) async fn find(deps: &Deps, id: &CustomerId) -> Result<Found, Error> {
    let record = store::identity::record_of(&deps.db, id).await?;
    whole(deps, record).await?.ok_or_else(|| unknown(id))
}

/// Returns what the members of a record say together; nothing when there is no such customer.
pub(in crate::api) async fn whole(deps: &Deps, record: Record) -> Result<Option<Found>, Error> {
    if record.is_single() {
        let customer = store::customer::get(&deps.db, &record.survivor).await?;
        return Ok(customer.map(|customer| Found {
            record,
            customer,
            origins: Vec::new(),
            policy_version: 0,
        }));
    }
    let ids: Vec<CustomerId> = record.members.iter().cloned().collect();
    let members = store::customer::get_all(&deps.db, &ids).await?;
    let policy = store::identity::policy::active(&deps.db).await?;
    let golden = golden(&record.survivor, &members, &survivorship(policy.as_ref()));
    Ok(golden.map(|(customer, origins)| Found {
        record,
        customer,
        origins,
        policy_version: policy.map_or(0, |policy| policy.version),
    }))
}

fn survivorship(policy: Option<&Policy>) -> Survivorship {
    policy.map_or_else(Survivorship::default, |it| it.rules.survivorship.clone())
}

fn unknown(id: &CustomerId) -> Error {
    Error::CustomerNotFound {
        key: "customer_id",
        value: id.to_string(),
    }
}

/// Returns every id of the record of a customer, or refuses when there is no such customer: an empty
/// list would hide the mistake.
pub(in crate::api) async fn members(
    deps: &Deps,
    id: &CustomerId,
) -> Result<Vec<CustomerId>, Error> {
    let members = store::identity::members_of(&deps.db, id).await?;
    if members.len() == 1 && store::customer::get(&deps.db, id).await?.is_none() {
        return Err(unknown(id));
    }
    Ok(members)
}

/// Lists one page of what a whole record has: `$list` for each `$member` of the record of `$customer`,
/// put together in `$order`. A macro, because a closure's future is not known to be `Send`.
macro_rules! page_of_record {
    ($deps:expr, $customer:expr, $limit:expr, $order:expr, $member:ident => $list:expr) => {{
        let mut rows = Vec::new();
        for $member in &$crate::api::identity::members($deps, $customer).await? {
            rows.extend($list.await?);
        }
        $crate::store::identity::page_of_all(rows, $limit, $order)
    }};
}
pub(in crate::api) use page_of_record;

/// Puts the records of survivors in the places of what was written for them alone.
pub(in crate::api) async fn as_records(
    deps: &Deps,
    mut customers: Vec<Customer>,
) -> Result<Vec<Customer>, Error> {
    let ids: Vec<CustomerId> = customers.iter().map(|it| it.id.clone()).collect();
    let pairs = store::identity::members_of_all(&deps.db, &ids).await?;
    if pairs.is_empty() {
        return Ok(customers);
    }
    let members: BTreeSet<CustomerId> = pairs.iter().map(|(_, it)| it.clone()).collect();
    let members: Vec<CustomerId> = members.into_iter().collect();
    let members = store::customer::get_all(&deps.db, &members).await?;
    let members: BTreeMap<&CustomerId, &Customer> = members.iter().map(|it| (&it.id, it)).collect();
    let mut records: BTreeMap<&CustomerId, Vec<Customer>> = BTreeMap::new();
    for (survivor, member) in &pairs {
        let member = members.get(member).map(|it| (*it).clone());
        records.entry(survivor).or_default().extend(member);
    }
    let policy = store::identity::policy::active(&deps.db).await?;
    let rules = survivorship(policy.as_ref());
    for customer in &mut customers {
        let record = records.get(&customer.id);
        let whole = record.and_then(|members| golden(&customer.id, members, &rules));
        if let Some((whole, _)) = whole {
            *customer = whole;
        }
    }
    Ok(customers)
}
