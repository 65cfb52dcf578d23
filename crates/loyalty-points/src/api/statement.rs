//! `GetStatement`.

use std::collections::BTreeMap;

use tenure_core::{AccountId, PageSize, Timestamp, Violations};
use tenure_proto::loyalty::v1::{
    GetStatementRequest, GetStatementResponse, StatementBalance, StatementMovement,
};
use tenure_rpc::fields;

use super::parse;
use crate::domain::{Account, Entry, Refusal};
use crate::error::Error;
use crate::{Shared, store};

/// The most entries that one statement reads: a busy member has some hundreds in a year.
const ENTRIES_MAX: usize = 100_000;

pub(super) async fn get(
    shared: &Shared,
    message: GetStatementRequest,
) -> Result<GetStatementResponse, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let id = parse::account(v, &message.account_id);
    let start = fields::optional_time(v, "start_time", message.start_time.as_ref());
    let end = fields::optional_time(v, "end_time", message.end_time.as_ref());
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        v.add(
            "end_time",
            "an instant not before start_time",
            "an earlier one",
        );
    }
    let id = parse::all(violations, id)?;
    let account = store::account(&shared.db, shared.lane(id.as_str()), &id).await?;
    let account = account.ok_or_else(|| Refusal::AccountNotFound {
        account: id.to_string(),
    })?;

    let start = start.unwrap_or(Timestamp::MIN);
    let mut statement = Statement::ending_with(&account);
    let mut from = account.last_seq;
    let mut read = 0;
    // Entries are read backwards from what the account has now, and never change.
    while read < ENTRIES_MAX {
        let page = store::entries_page(&shared.db, account.lane, &id, from, PageSize::MAX).await?;
        for entry in &page {
            if entry.decided_at < start {
                return Ok(statement.finish(&id));
            }
            statement.take(entry, end);
        }
        match page.last() {
            Some(last) => from = last.previous,
            None => return Ok(statement.finish(&id)),
        }
        read += page.len();
    }
    let mut violations = Violations::new();
    let wanted = format!("an instant with at most {ENTRIES_MAX} entries from it on");
    violations.add("start_time", wanted, "one with more");
    let violations = violations.into_result().expect_err("one was added");
    Err(violations.into())
}

/// A statement that is being reckoned backwards.
struct Statement {
    opening: StatementBalance,
    closing: StatementBalance,
    movements: BTreeMap<i16, StatementMovement>,
}

impl Statement {
    fn ending_with(account: &Account) -> Self {
        let closing = StatementBalance {
            points: account.balance(),
            available_points: account.available(),
            held_points: account.held(),
            pending_points: account.pending(),
            debt_points: account.debt,
        };
        Self {
            opening: closing,
            closing,
            movements: BTreeMap::new(),
        }
    }

    /// Takes an entry back that is newer than all that were not; it belongs to the statement unless
    /// it lies behind the end.
    fn take(&mut self, entry: &Entry, end: Option<Timestamp>) {
        let opening = &mut self.opening;
        opening.points -= entry.points;
        opening.available_points -= entry.points - entry.held - entry.pending;
        opening.held_points -= entry.held;
        opening.pending_points -= entry.pending;
        opening.debt_points -= entry.debt;
        if end.is_some_and(|end| entry.decided_at >= end) {
            self.closing = self.opening;
            return;
        }
        let movement = self.movements.entry(entry.kind.number()).or_default();
        movement.kind = i32::from(entry.kind.number());
        movement.entry_count += 1;
        movement.points_delta += entry.points;
        movement.held_points_delta += entry.held;
        movement.pending_points_delta += entry.pending;
        movement.debt_points_delta += entry.debt;
    }

    fn finish(self, id: &AccountId) -> GetStatementResponse {
        GetStatementResponse {
            account_id: id.to_string(),
            opening: Some(self.opening),
            movements: self.movements.into_values().collect(),
            closing: Some(self.closing),
        }
    }
}
