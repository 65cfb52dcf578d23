//! Tables `billing_account`, `account_subscription` and `subscription_payer`.

use tenure_core::{BillingAccountId, Currency, CustomerId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::party::interval;
use super::rows::read;
use super::seal::{Wrapped, key_of, need};
use crate::domain::Fact;
use crate::domain::account::{
    AccountKind, AccountState, BillingAccount, CorporateTerms, Payment, Reimbursement,
};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const GET: &str = concat!(
    "
    SELECT account_id, kind, name, state, currency, cycle_day, fee_waived, reimbursed_minor,
           reimbursed_basis_points, created_at, updated_at, ",
    key_of!("billing_account"),
    "
    FROM billing_account
    WHERE lane = $1 AND customer_id = $2 AND account_id = $3"
);
const LIST: &str = concat!(
    "
    SELECT account_id, kind, name, state, currency, cycle_day, fee_waived, reimbursed_minor,
           reimbursed_basis_points, created_at, updated_at, ",
    key_of!("billing_account"),
    "
    FROM billing_account
    WHERE lane = $1 AND customer_id = $2 AND account_id > $3
    ORDER BY account_id
    LIMIT $4"
);
const SAVE: &str = "
    INSERT INTO billing_account (lane, customer_id, account_id, kind, name, state, currency,
                                 cycle_day, fee_waived, reimbursed_minor, reimbursed_basis_points,
                                 created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (lane, customer_id, account_id) DO UPDATE SET
        kind = EXCLUDED.kind, name = EXCLUDED.name, state = EXCLUDED.state,
        cycle_day = EXCLUDED.cycle_day, fee_waived = EXCLUDED.fee_waived,
        reimbursed_minor = EXCLUDED.reimbursed_minor,
        reimbursed_basis_points = EXCLUDED.reimbursed_basis_points,
        updated_at = EXCLUDED.updated_at";
const HAS_SUBSCRIPTION: &str = "
    SELECT COUNT(*) FROM subscription
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3";
const PAYERS: &str = "
    SELECT payer_customer_id, account_id, customer_id, subscription_id, valid_from, valid_until
    FROM subscription_payer
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3
    ORDER BY valid_from";
const PAYER_AT: &str = "
    SELECT payer_customer_id, account_id, customer_id, subscription_id, valid_from, valid_until
    FROM subscription_payer
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3
      AND valid_from <= $4 AND valid_until > $4";
const PAID: &str = "
    SELECT customer_id, account_id, user_customer_id, subscription_id, valid_from, valid_until
    FROM account_subscription
    WHERE lane = $1 AND customer_id = $2 AND account_id = $3 AND subscription_id > $4
      AND valid_from <= $5 AND valid_until > $5
    ORDER BY subscription_id
    LIMIT $6";
const SAVE_PAYER: &str = "
    INSERT INTO subscription_payer (lane, customer_id, subscription_id, valid_from, valid_until,
                                    payer_customer_id, account_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (lane, customer_id, subscription_id, valid_from) DO UPDATE SET
        valid_until = EXCLUDED.valid_until";
const SAVE_PAID: &str = "
    INSERT INTO account_subscription (lane, customer_id, account_id, subscription_id, valid_from,
                                      valid_until, user_customer_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (lane, customer_id, account_id, subscription_id, valid_from) DO UPDATE SET
        valid_until = EXCLUDED.valid_until";

/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT account_id, kind, name, state, currency, cycle_day, fee_waived, reimbursed_minor,
           reimbursed_basis_points, created_at, updated_at, customer_id, ",
    key_of!("billing_account"),
    "
    FROM billing_account
    WHERE lane = $1 AND (customer_id, account_id) > ($2, $3)
    ORDER BY customer_id, account_id
    LIMIT $4"
);
/// The same.
const PAGE_OF_PAYERS: &str = "
    SELECT payer_customer_id, account_id, customer_id, subscription_id, valid_from, valid_until
    FROM subscription_payer
    WHERE lane = $1 AND (customer_id, subscription_id, valid_from) > ($2, $3, $4)
    ORDER BY customer_id, subscription_id, valid_from
    LIMIT $5";
/// Who pays for oneself is told once, by [`PAGE_OF_PAYERS`].
const PAGE_OF_PAID: &str = "
    SELECT customer_id, account_id, user_customer_id, subscription_id, valid_from, valid_until
    FROM account_subscription
    WHERE lane = $1
      AND (customer_id, account_id, subscription_id, valid_from) > ($2, $3, $4, $5)
      AND user_customer_id <> customer_id
    ORDER BY customer_id, account_id, subscription_id, valid_from
    LIMIT $6";

type Row = (
    String,
    i32,
    String,
    i32,
    String,
    i32,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    Wrapped,
);
type PageRow = (
    String,
    i32,
    String,
    i32,
    String,
    i32,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    String,
    Wrapped,
);
type PaymentRow = (String, String, String, String, i64, i64);

const NAME: &str = "billing_account.name";

/// Returns an account of a customer.
///
/// # Errors
/// When the database fails.
pub async fn get(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &BillingAccountId,
) -> Result<Option<BillingAccount>, SqlError> {
    let lane = lanes.of(customer.as_str());
    let row: Option<Row> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(GET).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(conn).await?
    });
    row.map(|row| known(tx.keys(), customer, row)).transpose()
}

/// Returns up to `limit` accounts of a customer whose ids follow `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: &str,
    limit: i64,
) -> Result<Vec<BillingAccount>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        query.bind(after).bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    let known = |row| known(keys, customer, row);
    rows.into_iter().map(known).collect()
}

fn known(keys: &Keys, customer: &CustomerId, row: Row) -> Result<BillingAccount, SqlError> {
    let name = keys
        .opener(customer.as_str(), &row.11)?
        .text(NAME, &row.2)?;
    let (id, kind, _, state, currency, cycle_day, waived, minor, points, created, updated, _) = row;
    let points = points.and_then(|points| i32::try_from(points).ok());
    let reimbursement = match (minor, points) {
        (Some(minor), _) => Some(Reimbursement::Amount(minor)),
        (_, points) => points.map(Reimbursement::BasisPoints),
    };
    Ok(BillingAccount {
        id: read("account_id", BillingAccountId::parse(&id).ok())?,
        customer: customer.clone(),
        kind: read("kind", AccountKind::from_number(kind))?,
        name,
        state: read("state", AccountState::from_number(state))?,
        currency: read("currency", Currency::parse(&currency).ok())?,
        cycle_day,
        corporate: waived.map(|waived| CorporateTerms {
            is_fee_waived: waived != 0,
            reimbursement,
        }),
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
    })
}

/// Saves an account.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, account: &BillingAccount) -> Result<(), SqlError> {
    need(tx, lanes, [&account.customer]).await?;
    let name = tx.seal_text(&account.customer, NAME, &account.name);
    let customer = account.customer.as_str();
    let lane = lanes.of(customer);
    let waived = account
        .corporate
        .map(|terms| i64::from(terms.is_fee_waived));
    let (minor, points) = match account.corporate.and_then(|terms| terms.reimbursement) {
        Some(Reimbursement::Amount(minor)) => (Some(minor), None),
        Some(Reimbursement::BasisPoints(points)) => (None, Some(i64::from(points))),
        None => (None, None),
    };
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE)
            .bind(lane)
            .bind(customer)
            .bind(account.id.as_str());
        let query = query.bind(account.kind.number()).bind(name);
        let query = query
            .bind(account.state.number())
            .bind(account.currency.as_str());
        let query = query
            .bind(account.cycle_day)
            .bind(waived)
            .bind(minor)
            .bind(points);
        let query = query.bind(account.created_at.as_micros());
        query
            .bind(account.updated_at.as_micros())
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns true when a customer has or had a subscription.
///
/// # Errors
/// When the database fails.
pub async fn has_subscription(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<bool, SqlError> {
    let lane = lanes.of(customer.as_str());
    let count: i64 = with_tx!(tx, |conn| {
        let query = sqlx::query_scalar(HAS_SUBSCRIPTION)
            .bind(lane)
            .bind(customer.as_str());
        query.bind(id.as_str()).fetch_one(conn).await?
    });
    Ok(count > 0)
}

/// Returns everything that is known of who pays for a subscription, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn payers(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Vec<Payment>, SqlError> {
    let lane = lanes.of(customer.as_str());
    let rows: Vec<PaymentRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(PAYERS).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_all(conn).await?
    });
    rows.into_iter().map(payment).collect()
}

/// Returns who pays for a subscription at an instant.
///
/// # Errors
/// When the database fails.
pub async fn payer_at(
    db: &Db,
    customer: &CustomerId,
    id: &SubscriptionId,
    at: Timestamp,
) -> Result<Option<Payment>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let row: Option<PaymentRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(PAYER_AT).bind(lane).bind(customer.as_str());
        query
            .bind(id.as_str())
            .bind(at.as_micros())
            .fetch_optional(pool)
            .await?
    });
    row.map(payment).transpose()
}

/// Returns up to `limit` subscriptions that an account pays for at an instant and whose ids follow
/// `after`.
///
/// # Errors
/// When the database fails.
pub async fn paid(
    db: &Db,
    (payer, account): (&CustomerId, &BillingAccountId),
    at: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<Payment>, SqlError> {
    let lane = db.lanes().of(payer.as_str());
    let rows: Vec<PaymentRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(PAID)
            .bind(lane)
            .bind(payer.as_str())
            .bind(account.as_str());
        let query = query.bind(after).bind(at.as_micros()).bind(limit);
        query.fetch_all(pool).await?
    });
    rows.into_iter().map(payment).collect()
}

fn payment(
    (payer, account, user, subscription, from, until): PaymentRow,
) -> Result<Payment, SqlError> {
    Ok(Payment {
        account: read("account_id", BillingAccountId::parse(&account).ok())?,
        payer: read("payer_customer_id", CustomerId::parse(&payer).ok())?,
        user: read("customer_id", CustomerId::parse(&user).ok())?,
        subscription: read("subscription_id", SubscriptionId::parse(&subscription).ok())?,
        valid: interval(from, until)?,
    })
}

/// Saves a payment in the lanes of who pays and of who has the subscription.
///
/// # Errors
/// When the database fails.
pub async fn save_payment(tx: &mut Tx, lanes: Lanes, it: &Payment) -> Result<(), SqlError> {
    let (payer, user) = (it.payer.as_str(), it.user.as_str());
    let (account, subscription) = (it.account.as_str(), it.subscription.as_str());
    let (from, until) = (it.valid.from().as_micros(), it.valid.until().as_micros());
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_PAYER)
            .bind(lanes.of(user))
            .bind(user)
            .bind(subscription);
        query
            .bind(from)
            .bind(until)
            .bind(payer)
            .bind(account)
            .execute(conn)
            .await?;
    });
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_PAID)
            .bind(lanes.of(payer))
            .bind(payer)
            .bind(account);
        let query = query.bind(subscription).bind(from).bind(until);
        query.bind(user).execute(conn).await?;
    });
    Ok(())
}

/// Returns up to `limit` accounts of a lane that follow the one of which `after` is the key, each with
/// its key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let (customer, id) = after.split_once(' ').unwrap_or_default();
    let rows: Vec<PageRow> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(id);
        page.bind(limit).fetch_all(conn).await?
    });
    let fact = |row: PageRow| {
        let customer = read("customer_id", CustomerId::parse(&row.11).ok())?;
        let row = (
            row.0, row.1, row.2, row.3, row.4, row.5, row.6, row.7, row.8, row.9, row.10, row.12,
        );
        let account = known(tx.keys(), &customer, row)?;
        Ok((format!("{customer} {}", account.id), Fact::Account(account)))
    };
    rows.into_iter().map(fact).collect()
}

/// The same of what is paid: first by who has it, then by who pays, where that is another. The keys of
/// the second begin with a space, which no id holds.
///
/// # Errors
/// When the database fails.
pub(super) async fn page_of_payments(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let mut facts = match after.starts_with(' ') {
        true => Vec::new(),
        false => page_of_payers(tx, lane, after, limit).await?,
    };
    let left = limit - i64::try_from(facts.len()).expect("a page has a limit");
    if left > 0 {
        let after = after.strip_prefix(' ').unwrap_or_default();
        let paid = page_of_paid(tx, lane, after, left).await?;
        facts.extend(
            paid.into_iter()
                .map(|(key, fact)| (format!(" {key}"), fact)),
        );
    }
    Ok(facts)
}

async fn page_of_payers(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let mut parts = after.split(' ');
    let (user, id) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let from = parts
        .next()
        .and_then(|from| from.parse().ok())
        .unwrap_or(i64::MIN);
    let rows: Vec<PaymentRow> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE_OF_PAYERS)
            .bind(lane)
            .bind(user)
            .bind(id);
        page.bind(from).bind(limit).fetch_all(conn).await?
    });
    let fact = |row: PaymentRow| {
        let it = payment(row)?;
        let key = format!(
            "{} {} {}",
            it.user,
            it.subscription,
            it.valid.from().as_micros()
        );
        Ok((key, Fact::Payment(it.user.clone(), it)))
    };
    rows.into_iter().map(fact).collect()
}

async fn page_of_paid(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let mut parts = after.split(' ');
    let mut part = || parts.next().unwrap_or_default();
    let (payer, account, id, from) = (part(), part(), part(), part());
    let from = from.parse().unwrap_or(i64::MIN);
    let rows: Vec<PaymentRow> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE_OF_PAID)
            .bind(lane)
            .bind(payer)
            .bind(account);
        page.bind(id).bind(from).bind(limit).fetch_all(conn).await?
    });
    let fact = |row: PaymentRow| {
        let it = payment(row)?;
        let from = it.valid.from().as_micros();
        let key = format!("{} {} {} {from}", it.payer, it.account, it.subscription);
        Ok((key, Fact::Payment(it.payer.clone(), it)))
    };
    rows.into_iter().map(fact).collect()
}
