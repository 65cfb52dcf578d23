//! Accounts that were merged: where what comes for a closed one goes, and what it had earned counts.

use std::collections::HashMap;

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use super::tiers;
use crate::domain::{Catalogue, Place, Writes};

const LINKS_POSTGRES: &str = "
    SELECT m.account_id, m.into_id
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, account_id)
    JOIN merge_link AS m ON m.lane = wanted.lane AND m.account_id = wanted.account_id";
const LINKS_SQLITE: &str = "
    SELECT m.account_id, m.into_id
    FROM json_each($1) AS wanted
    CROSS JOIN merge_link AS m
    WHERE m.lane = wanted.value ->> 0 AND m.account_id = wanted.value ->> 1";
/// Returns into which accounts others were merged, one step each; nothing of those that were not.
pub(super) async fn links(
    tx: &mut Tx,
    wanted: &[(Lane, &str)],
) -> Result<HashMap<String, AccountId>, SqlError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
            let ids: Vec<&str> = wanted.iter().map(|(_, id)| *id).collect();
            let find = sqlx::query_as(LINKS_POSTGRES).bind(lanes).bind(ids);
            find.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted = serde_json::to_string(wanted).expect("numbers and text are JSON");
            let find = sqlx::query_as(LINKS_SQLITE).bind(wanted);
            find.fetch_all(conn).await?
        }
    };
    let link = |(account, into): (String, String)| {
        let into = AccountId::parse(&into);
        let into = into.map_err(|_| SqlError::corrupt("a stored account id is none"))?;
        Ok((account, into))
    };
    rows.into_iter().map(link).collect()
}

const LINK: &str = "INSERT INTO merge_link (lane, account_id, into_id) VALUES ($1, $2, $3)";
/// The closed account, and all that had been merged into it.
const CARRY: &str = "
    INSERT INTO merged_account (lane, account_id, from_id, from_lane)
    SELECT $1, $2, $3, $4
    UNION ALL
    SELECT $1, $2, from_id, from_lane FROM merged_account WHERE lane = $4 AND account_id = $3";

/// Notes a merge that was written, and lets the tier of the account that remains follow.
pub(super) async fn note(
    tx: &mut Tx,
    ((lane, from), into): ((Lane, &AccountId), &Place),
    writes: &Writes,
    (catalogue, now): (&Catalogue, Timestamp),
) -> Result<(), SqlError> {
    with_tx!(&mut *tx, |conn| {
        let link = sqlx::query(LINK).bind(lane).bind(from.as_str());
        link.bind(into.account.as_str()).execute(conn).await?;
    });
    with_tx!(&mut *tx, |conn| {
        let carry = sqlx::query(CARRY)
            .bind(into.lane)
            .bind(into.account.as_str());
        let carry = carry.bind(from.as_str()).bind(lane);
        carry.execute(conn).await?;
    });
    let all = writes.changed.iter().chain(&writes.opened);
    let mut all = all.chain(&writes.untouched);
    let account = all.find(|account| account.id == into.account);
    if let Some(candidate) = account.and_then(|it| tiers::candidate(catalogue, it, now)) {
        let had = tiers::find(tx, &[(into.lane, &into.account)]).await?;
        tiers::evaluate(tx, &[candidate], &had, now).await?;
    }
    Ok(())
}
