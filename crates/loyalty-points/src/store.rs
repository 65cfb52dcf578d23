//! The ledger in the database: one function for each use case, each one transaction.

mod accounts;
mod answers;
mod books;
#[cfg(test)]
pub(crate) mod damage;
mod entries;
mod expiring;
mod feed;
mod lanes;
mod liability;
mod memory;
mod reads;
mod row;
mod rows;
mod seals;
mod totals;
mod transact;
mod verify;
mod vintages;

use tenure_core::Lane;
use tenure_sql::Db;

pub(crate) use books::{Period, books};
pub(crate) use expiring::{Place, accounts_due};
pub(crate) use feed::{FeedRecord, changes_after};
pub(crate) use liability::{Days, Moved, vintage_books};
pub(crate) use memory::Memory;
pub(crate) use reads::{account, accounts_page, entries_page, entry, hold};
pub(crate) use seals::{BLOCK_MAX, seal_next};
pub(crate) use transact::{Move, decide, decide_from_feed, settle_due};
pub(crate) use verify::{
    LaneSlice, StoredAccount, accounts_after, chains, endings_after, entries_at, heads, marks,
    slice, totals_differ,
};
pub(crate) use vintages::sum_vintages;

/// Returns the lane of an account.
pub(crate) fn lane_of(db: &Db, account: &str) -> Lane {
    db.lanes().of(account)
}
