//! Accounts, read and written as sets.

use std::collections::HashSet;

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use super::row::{self, AccountRow};
use super::rows::{RowStatement, Script, Values};
use crate::domain::{Account, Writes, encode_state};

const LOAD_POSTGRES: &str = "
    SELECT a.lane, a.account_id, a.customer_id, a.programme_id, a.created_at, a.updated_at, a.state
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, account_id)
    JOIN account AS a ON a.lane = wanted.lane AND a.account_id = wanted.account_id";
/// All accounts as one row of JSON, because every row of SQLite is handed over from its thread.
/// CROSS JOIN keeps the order of the tables: SQLite would scan all accounts otherwise.
const LOAD_SQLITE: &str = "
    SELECT JSON_GROUP_ARRAY(JSON_ARRAY(a.lane, a.account_id, a.customer_id, a.programme_id,
                                       a.created_at, a.updated_at, HEX(a.state)))
    FROM json_each($1) AS wanted
    CROSS JOIN account AS a
    WHERE a.lane = wanted.value ->> 0 AND a.account_id = wanted.value ->> 1";

/// Loads accounts; those that do not exist are left out.
pub(super) async fn load(
    tx: &mut Tx,
    wanted: &[(Lane, &AccountId)],
) -> Result<Vec<Account>, SqlError> {
    let rows: Vec<AccountRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
            let ids: Vec<&str> = wanted.iter().map(|(_, id)| id.as_str()).collect();
            sqlx::query_as(LOAD_POSTGRES)
                .bind(lanes)
                .bind(ids)
                .fetch_all(conn)
                .await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str)> = wanted
                .iter()
                .map(|(lane, id)| (*lane, id.as_str()))
                .collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are always JSON");
            let rows: String = sqlx::query_scalar(LOAD_SQLITE)
                .bind(wanted)
                .fetch_one(conn)
                .await?;
            row::accounts_from_json(&rows)?
        }
    };
    rows.into_iter().map(row::account).collect()
}

const EXISTING_POSTGRES: &str = "
    SELECT a.account_id
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, account_id)
    JOIN account AS a ON a.lane = wanted.lane AND a.account_id = wanted.account_id";
const EXISTING_SQLITE: &str = "
    SELECT a.account_id
    FROM json_each($1) AS wanted
    CROSS JOIN account AS a
    WHERE a.lane = wanted.value ->> 0 AND a.account_id = wanted.value ->> 1";

/// Returns which of some accounts exist.
pub(super) async fn existing(
    tx: &mut Tx,
    wanted: &[(Lane, &AccountId)],
) -> Result<HashSet<String>, SqlError> {
    let lanes = wanted.iter().map(|(lane, _)| *lane);
    let ids = wanted.iter().map(|(_, id)| id.as_str());
    let found: Vec<String> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let (lanes, ids): (Vec<Lane>, Vec<&str>) = (lanes.collect(), ids.collect());
            let find = sqlx::query_scalar(EXISTING_POSTGRES).bind(lanes).bind(ids);
            find.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str)> = lanes.zip(ids).collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are always JSON");
            let find = sqlx::query_scalar(EXISTING_SQLITE).bind(wanted);
            find.fetch_all(conn).await?
        }
    };
    Ok(found.into_iter().collect())
}

const DUE: &str = "
    SELECT account_id FROM account
    WHERE lane = $1 AND next_due <= $2
    ORDER BY next_due
    LIMIT $3";

/// Returns accounts of a lane on which something is due at `now`.
pub(super) async fn due(
    tx: &mut Tx,
    lane: Lane,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, SqlError> {
    let ids: Vec<String> = with_tx!(tx, |conn| {
        let due = sqlx::query_scalar(DUE)
            .bind(lane)
            .bind(now.as_micros())
            .bind(limit);
        due.fetch_all(conn).await?
    });
    let parse = |id: &String| {
        AccountId::parse(id).map_err(|_| SqlError::corrupt("a stored account id is none"))
    };
    ids.iter().map(parse).collect()
}

/// Accounts as columns, for set-wise statements on PostgreSQL.
#[derive(Default)]
pub(super) struct AccountColumns<'a> {
    pub(super) lanes: Vec<Lane>,
    pub(super) ids: Vec<&'a str>,
    pub(super) balances: Vec<i64>,
    pub(super) dues: Vec<i64>,
    pub(super) updated: Vec<i64>,
    pub(super) states: Vec<Vec<u8>>,
}

impl<'a> AccountColumns<'a> {
    pub(super) fn of(accounts: &'a [Account]) -> Self {
        let mut columns = Self::default();
        for account in accounts {
            columns.lanes.push(account.lane);
            columns.ids.push(account.id.as_str());
            columns.balances.push(account.balance());
            columns.dues.push(account.next_due().as_micros());
            columns.updated.push(account.updated_at.as_micros());
            columns.states.push(encode_state(account));
        }
        columns
    }
}

static UPDATE_SQLITE: RowStatement = RowStatement::new(
    "UPDATE OR FAIL account
    SET balance = new.column3, updated_at = new.column4, state = new.column5
    FROM {rows} AS new
    WHERE account.lane = new.column1 AND account.account_id = new.column2",
    5,
);
/// Named in SET, a column has its index rewritten, changed or not: hence two statements.
static UPDATE_AND_MOVE_SQLITE: RowStatement = RowStatement::new(
    "UPDATE OR FAIL account
    SET balance = new.column3, updated_at = new.column4, state = new.column5,
        next_due = new.column6
    FROM {rows} AS new
    WHERE account.lane = new.column1 AND account.account_id = new.column2",
    6,
);
static INSERT_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO account (lane, account_id, balance, updated_at, state, next_due,
                                  customer_id, programme_id, created_at)
    SELECT * FROM {rows} WHERE column1 IS NOT NULL",
    9,
);

/// Adds the writing of accounts, those that changed and those that are new.
pub(super) fn write_sqlite(script: &mut Script, writes: &Writes) {
    let (stay, moved) = writes.changed.split_at(writes.due_as_before);
    script.add(&UPDATE_SQLITE, stay, bind_change);
    script.add(&UPDATE_AND_MOVE_SQLITE, moved, bind_move);
    script.add(&INSERT_SQLITE, &writes.opened, bind_all);
}

fn bind_change(values: &mut Values, account: &Account) {
    values
        .bind(account.lane)
        .bind(account.id.as_str())
        .bind(account.balance())
        .bind(account.updated_at.as_micros())
        .bind(encode_state(account));
}

fn bind_move(values: &mut Values, account: &Account) {
    bind_change(values, account);
    values.bind(account.next_due().as_micros());
}

fn bind_all(values: &mut Values, account: &Account) {
    bind_move(values, account);
    values
        .bind(account.customer.as_str())
        .bind(account.programme.as_str())
        .bind(account.created_at.as_micros());
}

const INSERT_POSTGRES: &str = "
    INSERT INTO account (lane, account_id, customer_id, programme_id, balance, next_due,
                         created_at, updated_at, state)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[],
                         $6::BIGINT[], $7::BIGINT[], $8::BIGINT[], $9::BYTEA[])";
/// Writes accounts that are new.
pub(super) async fn insert_postgres(
    conn: &mut sqlx::PgConnection,
    accounts: &[Account],
) -> Result<(), SqlError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let columns = AccountColumns::of(accounts);
    let customers: Vec<&str> = accounts.iter().map(|a| a.customer.as_str()).collect();
    let programmes: Vec<&str> = accounts.iter().map(|a| a.programme.as_str()).collect();
    let created: Vec<i64> = accounts.iter().map(|a| a.created_at.as_micros()).collect();
    let insert = sqlx::query(INSERT_POSTGRES)
        .bind(columns.lanes)
        .bind(columns.ids);
    let insert = insert
        .bind(customers)
        .bind(programmes)
        .bind(columns.balances);
    let insert = insert
        .bind(columns.dues)
        .bind(created)
        .bind(columns.updated);
    insert.bind(columns.states).execute(conn).await?;
    Ok(())
}
