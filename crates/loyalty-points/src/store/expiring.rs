//! Accounts on which something falls due, in the order of their keys, which does not change while
//! somebody turns the pages.

use tenure_core::{Lane, ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, with_pool};

use super::row::{self, AccountRow};
use crate::domain::Account;

/// Behind which account to go on: its lane and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lane: Lane,
    pub(crate) account: String,
}

impl Place {
    /// Returns the place before all accounts.
    pub(crate) fn start() -> Self {
        Self {
            lane: 0,
            account: String::new(),
        }
    }
}

const DUE: &str = "
    SELECT lane, account_id, customer_id, programme_id, created_at, updated_at, state
    FROM account
    WHERE lane = $1 AND account_id > $2 AND next_due < $3 AND programme_id = $4
    ORDER BY account_id
    LIMIT $5";

/// Returns up to `limit` accounts of a programme behind a place on which a lot or a hold is due
/// before an instant; fewer only at the end.
pub(crate) async fn accounts_due(
    db: &Db,
    programme: &ProgrammeId,
    until: Timestamp,
    place: &Place,
    limit: usize,
) -> Result<Vec<Account>, SqlError> {
    let mut accounts = Vec::new();
    for lane in db.lanes().all().filter(|lane| *lane >= place.lane) {
        let left = limit - accounts.len();
        if left == 0 {
            break;
        }
        let after = if lane == place.lane {
            place.account.as_str()
        } else {
            ""
        };
        let rows: Vec<AccountRow> = with_pool!(db, |pool| {
            let due = sqlx::query_as(DUE).bind(lane).bind(after);
            let due = due.bind(until.as_micros()).bind(programme.as_str());
            due.bind(i64::try_from(left).unwrap_or(i64::MAX))
                .fetch_all(pool)
                .await?
        });
        for row in rows {
            accounts.push(row::account(row)?);
        }
    }
    Ok(accounts)
}
