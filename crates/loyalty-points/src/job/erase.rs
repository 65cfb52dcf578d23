//! Forgetting customers whom customer-data erased: their accounts are closed, what is no book is deleted,
//! and each gets a receipt.

use tenure_core::{AccountId, CustomerId, Lane};
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_proto::customer::v1::{Change, Erased};
use tenure_rpc::{StoredAnswer, erasure};
use tenure_sql::{SqlError, SqlErrorKind};
use tonic::Status;

use crate::domain::{Account, Command, Decision, Order, Place, Refusal, StaffOrder, order_of_news};
use crate::error::Error;
use crate::store::{self, Memory};
use crate::{DOMAIN, NAME, Shared};

/// How often an account may have changed between looking at it and closing it. A pool has eight members
/// to part from.
const STEPS_MAX: usize = 32;

/// Why a customer was not forgotten.
pub(super) enum Failure {
    /// Our own database.
    Sql(SqlError),
    /// customer-data, which does not take the receipt.
    Source(Status),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

/// Forgets customers who were erased and tells customer-data. Called before the position in the feed
/// moves: after a crash it is done again, and never left out.
pub(super) async fn forget(shared: &Shared, changes: &[Change]) -> Result<(), Failure> {
    for erased in changes.iter().filter_map(erasure::told) {
        let Ok(customer) = CustomerId::parse(&erased.customer_id) else {
            tracing::error!("an erasure names no customer");
            continue;
        };
        let rows = forget_one(shared, &customer, erased).await?;
        let privacy = PrivacyServiceClient::new(shared.customer_data.clone());
        let request = shared.ids.uuid(shared.clock.now()).to_string();
        let told = erasure::give_receipt(privacy, erased, NAME, request, rows).await;
        told.map_err(Failure::Source)?;
    }
    Ok(())
}

/// Returns how many accounts were closed and rows deleted or emptied: none when it is done again.
async fn forget_one(
    shared: &Shared,
    customer: &CustomerId,
    erased: &Erased,
) -> Result<i64, SqlError> {
    let accounts = store::erasure::accounts(&shared.db, customer).await?;
    let mut rows = 0;
    for place in &accounts {
        rows += u64::from(close(shared, place, erased).await?);
    }
    rows += store::erasure::forget(&shared.db, customer, &accounts).await?;
    let answer = answer();
    for (_, account) in &accounts {
        rows += store::erasure::empty_answers(&shared.db, account, &answer).await?;
    }
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Returns what stands for an answer that was emptied; nobody gets it, because no request is the same.
fn answer() -> Vec<u8> {
    let account = String::new();
    let refusal = Error::Refused(Refusal::AccountClosed { account });
    let answer = StoredAnswer::refusal(&refusal, DOMAIN);
    answer.map_or_else(Vec::new, |answer| answer.to_bytes())
}

/// Closes an account for good, out of pools first; false when it was closed before.
async fn close(
    shared: &Shared,
    (lane, id): &(Lane, AccountId),
    erased: &Erased,
) -> Result<bool, SqlError> {
    let order = order_of_news(&format!("erasure/{}", erased.erasure_id));
    let mut any = false;
    for _ in 0..STEPS_MAX {
        let account = store::account(&shared.db, *lane, id).await?;
        let Some(account) = account.filter(|account| !account.is_closed()) else {
            return Ok(any);
        };
        any = true;
        if !decide(shared, step(shared, &account, &order)).await? {
            // Nobody can have its points any more, and without them there is room for what comes back
            // from a pool, and nothing to give back.
            let order = order.clone();
            decide(shared, ordered(&account, Command::Void { order })).await?;
        }
    }
    // It is tried again with the batch.
    Err(SqlError::new(
        SqlErrorKind::Busy,
        "an account changes all the time",
    ))
}

/// Returns what is to be done next with an account that is to be closed.
fn step(shared: &Shared, account: &Account, order: &StaffOrder) -> Order {
    let place = |account: &AccountId| Place {
        lane: shared.lane(account.as_str()),
        account: account.clone(),
    };
    let standing = account.standing.as_ref();
    let pool = standing.and_then(|standing| standing.pool.as_deref());
    let member = place(&account.id);
    if let Some(pool) = pool.and_then(|pool| pool.member_of.as_ref()) {
        let Place { lane, account } = place(pool);
        let command = Command::RemoveMember { member };
        return Order {
            lane,
            account,
            request: None,
            command,
        };
    }
    let command = match pool.and_then(|pool| pool.members.first()) {
        Some(first) => Command::RemoveMember {
            member: place(&first.account),
        },
        None => Command::Close {
            order: order.clone(),
        },
    };
    ordered(account, command)
}

fn ordered(account: &Account, command: Command) -> Order {
    Order {
        lane: account.lane,
        account: account.id.clone(),
        request: None,
        command,
    }
}

/// Returns whether it was done, or refused.
async fn decide(shared: &Shared, order: Order) -> Result<bool, SqlError> {
    let (db, clock) = (&shared.db, &*shared.clock);
    let orders: &[&[Order]] = &[&[order]];
    let decided = store::decide(db, clock, &shared.rules, orders, &mut Memory::none()).await?;
    Ok(matches!(decided.as_slice(), [Decision::New(Ok(_))]))
}
