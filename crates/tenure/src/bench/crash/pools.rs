//! Pools: who is in which, and what members put into them and spend from them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use tenure_proto::loyalty::v1 as pb;

use super::book::Book;
use super::draw::request_id;
use super::lock;
use super::work::{Answered, Done, account};
use crate::clients::Clients;

/// Every so many accounts there is a pool.
const EVERY: usize = 8;
/// How many of the accounts behind it are its members.
const MEMBERS: usize = 3;

/// Returns the pool to which an account would contribute.
pub(super) fn pool_of(number: usize) -> usize {
    number - number % EVERY
}

/// Returns the members of a pool; none where the account is no pool.
pub(super) fn members(number: usize, accounts: usize) -> impl Iterator<Item = usize> {
    let is_pool = number.is_multiple_of(EVERY);
    let behind = number + 1..=number + MEMBERS;
    behind.filter(move |member| is_pool && *member < accounts)
}

/// Makes the pools.
pub(super) async fn found(clients: &Clients, accounts: usize, book: &Mutex<Book>) -> Result<()> {
    for pool in 0..accounts {
        for member in members(pool, accounts) {
            let request = pb::AddPoolMemberRequest {
                request_id: request_id(),
                account_id: account(pool),
                member_account_id: account(member),
            };
            let (id, account_id) = (request.request_id.clone(), request.account_id.clone());
            let added = clients.loyalty.clone().add_pool_member(request).await;
            added.context("cannot make a pool")?;
            let done = Done {
                account: account_id,
                delta: Some(0),
                ..Done::default()
            };
            lock(book).note(&id, Answered::Done(done));
        }
    }
    Ok(())
}

/// What left a member came into its pool, once, and nothing else did.
pub(super) fn check(entries: &[pb::Entry]) -> Result<()> {
    let of = |kind: pb::EntryKind| entries.iter().filter(move |entry| entry.kind() == kind);
    let mut came: BTreeMap<&str, &pb::Entry> = BTreeMap::new();
    for entry in of(pb::EntryKind::PoolIn) {
        let before = came.insert(&entry.peer_entry_id, entry);
        ensure!(
            before.is_none(),
            "contribution {} came twice",
            entry.peer_entry_id
        );
    }
    for out in of(pb::EntryKind::PoolOut) {
        let wanted = (&out.account_id, &out.peer_account_id, -out.points_delta);
        let entry = came.remove(out.entry_id.as_str());
        let found = entry.map(|it| (&it.peer_account_id, &it.account_id, it.points_delta));
        ensure!(
            found == Some(wanted),
            "contribution {} is {wanted:?}; what came is {found:?}",
            out.entry_id
        );
    }
    ensure!(
        came.is_empty(),
        "{} contributions came from nobody",
        came.len()
    );
    Ok(())
}
