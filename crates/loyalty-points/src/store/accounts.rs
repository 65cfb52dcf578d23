//! Accounts, read and written as sets.

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use super::row::{self, AccountRow};
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

/// Accounts as columns, for set-wise statements.
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

    /// Returns the columns as JSON rows, and the states one behind the other: JSON holds no bytes.
    pub(super) fn to_json(&self) -> (String, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut rows = Vec::with_capacity(self.ids.len());
        for index in 0..self.ids.len() {
            let state = &self.states[index];
            // SUBSTR counts from one.
            let at = (bytes.len() + 1, state.len());
            let numbers = (self.balances[index], self.dues[index], self.updated[index]);
            rows.push((
                self.lanes[index],
                self.ids[index],
                numbers.0,
                numbers.1,
                numbers.2,
                at.0,
                at.1,
            ));
            bytes.extend_from_slice(state);
        }
        (
            serde_json::to_string(&rows).expect("numbers and text are always JSON"),
            bytes,
        )
    }
}

const UPDATE_SQLITE: &str = "
    UPDATE account
    SET balance = new.value ->> 2, updated_at = new.value ->> 4,
        state = SUBSTR($2, new.value ->> 5, new.value ->> 6)
    FROM json_each($1) AS new
    WHERE account.lane = new.value ->> 0 AND account.account_id = new.value ->> 1";
/// Named in SET, a column has its index rewritten, changed or not: hence two statements.
const UPDATE_AND_MOVE_SQLITE: &str = "
    UPDATE account
    SET balance = new.value ->> 2, next_due = new.value ->> 3, updated_at = new.value ->> 4,
        state = SUBSTR($2, new.value ->> 5, new.value ->> 6)
    FROM json_each($1) AS new
    WHERE account.lane = new.value ->> 0 AND account.account_id = new.value ->> 1";

/// Writes accounts that exist; on PostgreSQL the statement for entries does it along.
pub(super) async fn update_sqlite(
    conn: &mut sqlx::SqliteConnection,
    writes: &Writes,
) -> Result<(), SqlError> {
    let (stay, move_on) = writes.changed.split_at(writes.due_as_before);
    for (statement, accounts) in [(UPDATE_SQLITE, stay), (UPDATE_AND_MOVE_SQLITE, move_on)] {
        if accounts.is_empty() {
            continue;
        }
        let (rows, states) = AccountColumns::of(accounts).to_json();
        sqlx::query(statement)
            .bind(rows)
            .bind(states)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

const INSERT_POSTGRES: &str = "
    INSERT INTO account (lane, account_id, customer_id, programme_id, balance, next_due,
                         created_at, updated_at, state)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[],
                         $6::BIGINT[], $7::BIGINT[], $8::BIGINT[], $9::BYTEA[])";
const INSERT_SQLITE: &str = "
    INSERT INTO account (lane, account_id, customer_id, programme_id, balance, next_due,
                         created_at, updated_at, state)
    SELECT new.value ->> 0, new.value ->> 1, more.value ->> 0, more.value ->> 1, new.value ->> 2,
           new.value ->> 3, more.value ->> 2, new.value ->> 4,
           SUBSTR($2, new.value ->> 5, new.value ->> 6)
    FROM json_each($1) AS new
    JOIN json_each($3) AS more ON more.key = new.key";

/// Writes accounts that are new.
pub(super) async fn insert(tx: &mut Tx, accounts: &[Account]) -> Result<(), SqlError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let columns = AccountColumns::of(accounts);
    let customers: Vec<&str> = accounts.iter().map(|a| a.customer.as_str()).collect();
    let programmes: Vec<&str> = accounts.iter().map(|a| a.programme.as_str()).collect();
    let created: Vec<i64> = accounts.iter().map(|a| a.created_at.as_micros()).collect();
    match tx.connection() {
        TxConnection::Postgres(conn) => {
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
        }
        TxConnection::Sqlite(conn) => {
            let (rows, states) = columns.to_json();
            let more: Vec<(&str, &str, i64)> = (0..accounts.len())
                .map(|i| (customers[i], programmes[i], created[i]))
                .collect();
            let more = serde_json::to_string(&more).expect("numbers and text are always JSON");
            sqlx::query(INSERT_SQLITE)
                .bind(rows)
                .bind(states)
                .bind(more)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}
