//! What few accounts have: blocks, recipients of gifts, a closing; and whether they may do something.

use std::sync::Arc;

use tenure_core::{AccountId, Timestamp};

use super::account::Account;
use super::policy::{Block, Operation, Policies};
use super::pool::Pool;
use super::refusal::Refusal;

/// Why something of an account is hindered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The kind of block.
    pub block: Block,
    /// Why, in the words of whoever set it.
    pub reason: Arc<str>,
}

/// Another account to which points may be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The account.
    pub account: AccountId,
    /// From then on.
    pub effective_at: Timestamp,
}

/// What was given and received within a calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthlyGifts {
    /// The month: twelve times the year, plus the months before.
    pub month: i32,
    /// Points that were given.
    pub out: i64,
    /// Points that were received.
    pub received: i64,
}

/// What few accounts have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// True when it is closed for good.
    pub is_closed: bool,
    /// Since when the customer is with the operator, if that was told.
    pub joined_at: Option<Timestamp>,
    /// What is hindered, by kind of block.
    pub blocks: Vec<Blocked>,
    /// To whom points may be given, in the order of registration.
    pub recipients: Vec<Recipient>,
    /// What was given this month.
    pub gifts: MonthlyGifts,
    /// What it has to do with pools.
    pub pool: Option<Box<Pool>>,
}

/// Returns the number of the calendar month of an instant.
pub(super) fn month(at: Timestamp) -> i32 {
    let (year, month, _) = at.date();
    i32::from(year) * 12 + i32::from(month) - 1
}

impl Account {
    /// Returns true when it is closed for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.standing.as_ref().is_some_and(|it| it.is_closed)
    }

    /// Returns since when the customer is with the operator: since the account was opened, when
    /// nobody told.
    #[must_use]
    pub fn joined_at(&self) -> Timestamp {
        let told = self.standing.as_ref().and_then(|it| it.joined_at);
        told.unwrap_or(self.created_at)
    }

    /// Returns what was given and received in the month of `at`.
    #[must_use]
    pub fn gifts(&self, at: Timestamp) -> MonthlyGifts {
        let month = month(at);
        let counted = self.standing.as_ref().map(|it| it.gifts);
        counted
            .filter(|gifts| gifts.month == month)
            .unwrap_or(MonthlyGifts {
                month,
                ..MonthlyGifts::default()
            })
    }

    /// Refuses every command on an account that is closed.
    pub(super) fn require_open(&self) -> Result<(), Refusal> {
        if self.is_closed() {
            return Err(Refusal::AccountClosed {
                account: self.id.to_string(),
            });
        }
        Ok(())
    }

    /// Refuses what a block hinders.
    pub(super) fn require_free(
        &self,
        operation: Operation,
        policies: &Policies,
    ) -> Result<(), Refusal> {
        let Some(standing) = &self.standing else {
            return Ok(());
        };
        let hinders = |set: &&Blocked| policies.hinders.contains(&(set.block, operation));
        match standing.blocks.iter().find(hinders) {
            Some(set) => Err(Refusal::AccountBlocked {
                account: self.id.to_string(),
                block: set.block.name().to_owned(),
                operation: operation.name().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses what a customer may only do after so many months.
    pub(super) fn require_tenure(&self, months: u16, at: Timestamp) -> Result<(), Refusal> {
        let had = at.months_since(self.joined_at());
        if had < i32::from(months) {
            return Err(Refusal::TenureTooShort {
                account: self.id.to_string(),
                months: had,
                needed: i32::from(months),
            });
        }
        Ok(())
    }
}
