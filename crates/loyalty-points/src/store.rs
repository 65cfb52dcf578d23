//! The ledger in the database: one function for each use case, each one transaction.

mod accounts;
mod achieved;
mod answers;
pub(crate) mod blocks;
mod books;
mod circumstances;
#[cfg(test)]
pub(crate) mod damage;
mod earned;
mod earning;
mod entries;
pub(crate) mod erasure;
mod expiring;
mod fed;
mod feed;
mod foresee;
mod lanes;
mod leavers;
mod liability;
mod memory;
mod merges;
mod notices;
mod openings;
pub(crate) mod orders;
mod partner_entries;
mod partner_statement;
pub(crate) mod partners;
pub(crate) mod programmes;
mod reads;
pub(crate) mod rewards;
mod row;
mod rows;
mod rules;
mod seals;
pub(crate) mod settlements;
mod stocks;
pub(crate) mod tiers;
mod totals;
mod transact;
mod verify;
mod vintages;

use tenure_core::Lane;
use tenure_sql::Db;

pub(crate) use books::{Period, books};
pub(crate) use earned::{After, walk};
pub(crate) use earning::{Happened, NotBooked, Outcome as Earned, add_standing, earn, knowledge};
pub(crate) use expiring::{Place, accounts_due};
pub(crate) use fed::{Fed, Heard, Strangers, Told, take_in};
pub(crate) use feed::{FeedRecord, changes_after};
pub(crate) use leavers::void_due;
pub(crate) use liability::{Days, Moved, vintage_books};
pub(crate) use memory::Memory;
pub(crate) use notices::{lanes_noticed, notice_slice};
pub(crate) use orders::between as orders_between;
pub(crate) use partner_statement::{Position as PartnerPosition, partner_statement};
pub(crate) use reads::{account, accounts_page, entries_page, entry, hold};
pub(crate) use rules::{Rules, Seed, activate};
pub(crate) use seals::{BLOCK_MAX, seal_next};
pub(crate) use stocks::{after as stocks_after, open as reservations};
pub(crate) use transact::{Move, decide, move_stock, settle_due};
pub(crate) use verify::{
    LaneSlice, StoredAccount, accounts_after, chains, endings_after, entries_at, heads, marks,
    settlement_after, slice, totals_differ,
};
pub(crate) use vintages::sum_vintages;

/// Returns the lane of an account.
pub(crate) fn lane_of(db: &Db, account: &str) -> Lane {
    db.lanes().of(account)
}
