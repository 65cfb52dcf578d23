//! Tiers and their changes, written down as sets.

use tenure_core::{Lane, Span, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::Candidate;
use crate::domain::{Achieved, TierState};

/// A tier that is to be written down.
pub(super) struct Saved<'s> {
    pub(super) candidate: &'s Candidate<'s>,
    pub(super) had_tier: &'s str,
    pub(super) state: TierState,
    pub(super) achieved: Achieved,
    pub(super) changes: i64,
}

impl Saved<'_> {
    /// When it must be looked at again.
    fn due(&self) -> Timestamp {
        let grace = i64::from(self.candidate.policy.grace_days);
        self.state.kept_until + Span::from_days(grace)
    }
}

const SAVE_POSTGRES: &str = "
    INSERT INTO tier (lane, account_id, tier_id, since, kept_until, due_at, changes)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[],
                         $6::BIGINT[], $7::BIGINT[])
    ON CONFLICT (lane, account_id) DO UPDATE
    SET tier_id = EXCLUDED.tier_id, since = EXCLUDED.since, kept_until = EXCLUDED.kept_until,
        due_at = EXCLUDED.due_at, changes = EXCLUDED.changes";
const SAVE_SQLITE: &str = "
    INSERT INTO tier (lane, account_id, tier_id, since, kept_until, due_at, changes)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6
    FROM json_each($1)
    WHERE TRUE -- Without it, SQLite takes ON for that of a join.
    ON CONFLICT (lane, account_id) DO UPDATE
    SET tier_id = EXCLUDED.tier_id, since = EXCLUDED.since, kept_until = EXCLUDED.kept_until,
        due_at = EXCLUDED.due_at, changes = EXCLUDED.changes";

/// Writes tiers down.
pub(super) async fn save(tx: &mut Tx, saved: &[Saved<'_>]) -> Result<(), SqlError> {
    let rows: Vec<(Lane, &str, &str, i64, i64, i64, i64)> = saved
        .iter()
        .map(|saved| {
            let (account, tier) = (saved.candidate.account.as_str(), saved.state.tier.as_str());
            let (since, kept) = (saved.state.since.as_micros(), saved.state.kept_until);
            let (kept, due) = (kept.as_micros(), saved.due().as_micros());
            (
                saved.candidate.lane,
                account,
                tier,
                since,
                kept,
                due,
                saved.changes,
            )
        })
        .collect();
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let save = sqlx::query(SAVE_POSTGRES)
                .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.4).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.5).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.6).collect::<Vec<_>>());
            save.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            sqlx::query(SAVE_SQLITE).bind(rows).execute(conn).await?;
        }
    }
    Ok(())
}

const NOTE_POSTGRES: &str = "
    INSERT INTO tier_change (lane, account_id, number, previous_tier_id, tier_id, changed_at,
                             qualifying, paid, version)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[],
                         $6::BIGINT[], $7::BIGINT[], $8::BIGINT[], $9::BIGINT[])";
const NOTE_SQLITE: &str = "
    INSERT INTO tier_change (lane, account_id, number, previous_tier_id, tier_id, changed_at,
                             qualifying, paid, version)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6, value ->> 7, value ->> 8
    FROM json_each($1)";

/// Notes changes of tiers.
pub(super) async fn note(tx: &mut Tx, saved: &[Saved<'_>], now: Timestamp) -> Result<(), SqlError> {
    let rows: Vec<_> = saved
        .iter()
        .map(|saved| {
            let Candidate {
                lane,
                account,
                rules,
                ..
            } = saved.candidate;
            let Achieved { qualifying, paid } = saved.achieved;
            let (tier, at) = (saved.state.tier.as_str(), now.as_micros());
            let (id, number) = (account.as_str(), saved.changes);
            let had = saved.had_tier;
            (
                *lane,
                id,
                number,
                had,
                tier,
                at,
                qualifying,
                paid,
                rules.number,
            )
        })
        .collect();
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let note = sqlx::query(NOTE_POSTGRES)
                .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.4).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.5).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.6).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.7).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.8).collect::<Vec<_>>());
            note.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            sqlx::query(NOTE_SQLITE).bind(rows).execute(conn).await?;
        }
    }
    Ok(())
}
