//! The tiers of accounts, and how they came about.

mod saved;

use std::collections::{BTreeSet, HashMap};

use tenure_core::{AccountId, Clock, Lane, PageSize, Span, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::achieved::{self, Period};
use super::memory::Memory;
use super::rules::Rules;
use super::{accounts, lanes, transact};
use crate::domain::{Account, Achieved, Catalogue, InForce, NoticeFact, TierPolicy, TierState};
use saved::Saved;

/// A tier as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredTier {
    pub(crate) state: TierState,
    changes: i64,
}

/// tier_id, since, kept_until, changes.
type TierRow = (String, i64, i64, i64);

/// A change of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TierChange {
    pub(crate) number: i64,
    pub(crate) previous: String,
    pub(crate) tier: String,
    pub(crate) at: Timestamp,
    pub(crate) achieved: Achieved,
    pub(crate) version: i64,
}

/// What was found about the tier of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) state: Option<TierState>,
    pub(crate) achieved: Achieved,
    pub(crate) changed: bool,
}

const FIND: &str = "
    SELECT tier_id, since, kept_until, changes FROM tier
    WHERE lane = $1 AND account_id = $2";

fn stored((tier, since, kept_until, changes): TierRow) -> StoredTier {
    StoredTier {
        state: TierState {
            tier,
            since: Timestamp::from_micros(since),
            kept_until: Timestamp::from_micros(kept_until),
        },
        changes,
    }
}

/// Returns the tier that an account was given last, for those who decide nothing.
pub(crate) async fn current(
    db: &Db,
    lane: Lane,
    account: &AccountId,
) -> Result<Option<TierState>, SqlError> {
    let row: Option<TierRow> = with_pool!(db, |pool| {
        let find = sqlx::query_as(FIND).bind(lane).bind(account.as_str());
        find.fetch_optional(pool).await?
    });
    Ok(row.map(|row| stored(row).state))
}

const FIND_POSTGRES: &str = "
    SELECT t.account_id, t.tier_id, t.since, t.kept_until, t.changes
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, account_id)
    JOIN tier AS t ON t.lane = wanted.lane AND t.account_id = wanted.account_id";
const FIND_SQLITE: &str = "
    SELECT t.account_id, t.tier_id, t.since, t.kept_until, t.changes
    FROM json_each($1) AS wanted
    CROSS JOIN tier AS t
    WHERE t.lane = wanted.value ->> 0 AND t.account_id = wanted.value ->> 1";

type FoundRow = (String, String, i64, i64, i64);

/// Returns the tiers that accounts whose lanes are locked were given last, by account.
pub(super) async fn find(
    tx: &mut Tx,
    wanted: &[(Lane, &AccountId)],
) -> Result<HashMap<String, StoredTier>, SqlError> {
    let rows: Vec<FoundRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
            let ids: Vec<&str> = wanted.iter().map(|(_, id)| id.as_str()).collect();
            let find = sqlx::query_as(FIND_POSTGRES).bind(lanes).bind(ids);
            find.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str)> = wanted
                .iter()
                .map(|(lane, id)| (*lane, id.as_str()))
                .collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
            let find = sqlx::query_as(FIND_SQLITE).bind(wanted);
            find.fetch_all(conn).await?
        }
    };
    let found =
        |(id, tier, since, kept_until, changes)| (id, stored((tier, since, kept_until, changes)));
    Ok(rows.into_iter().map(found).collect())
}

/// An account whose lane is locked, and the rules by which it has a tier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'c> {
    pub(super) lane: Lane,
    pub(super) account: &'c AccountId,
    pub(super) policy: &'c TierPolicy,
    pub(super) rules: &'c InForce,
}

/// Returns an account with the rules of its programme, if these have tiers.
pub(super) fn candidate<'c>(
    catalogue: &'c Catalogue,
    account: &'c Account,
    now: Timestamp,
) -> Option<Candidate<'c>> {
    let rules = catalogue.of_account(Some(&account.programme), now)?;
    Some(Candidate {
        lane: account.lane,
        account: &account.id,
        policy: rules.version.tiers.as_ref()?,
        rules,
    })
}

/// Evaluates the tiers of accounts that had these, from what they earned and paid: the balance does
/// not come into it. Returns how each stands, in their order. None comes twice.
pub(super) async fn evaluate(
    tx: &mut Tx,
    candidates: &[Candidate<'_>],
    had: &HashMap<String, StoredTier>,
    now: Timestamp,
) -> Result<Vec<Standing>, SqlError> {
    let mut wanted = Vec::with_capacity(2 * candidates.len());
    for candidate in candidates {
        wanted.extend(spans(candidate, now));
    }
    let achieved = achieved::achieved(tx, &wanted).await?;
    let mut standings = Vec::with_capacity(candidates.len());
    let mut saved = Vec::new();
    for (candidate, achieved) in candidates.iter().zip(achieved.chunks(2)) {
        let had = had.get(candidate.account.as_str());
        let before = had.map(|had| &had.state);
        let (current, previous) = (achieved[0], achieved[1]);
        let zone = &candidate.rules.version.zone;
        let state = candidate
            .policy
            .assess(before, current, previous, now, zone);
        let had_tier = before.map_or("", |state| state.tier.as_str());
        let changed = had_tier != state.tier;
        if before != Some(&state) && (changed || before.is_some()) {
            saved.push(Saved {
                candidate,
                changes: had.map_or(0, |had| had.changes) + i64::from(changed),
                had_tier,
                state: state.clone(),
                achieved: current,
            });
        }
        standings.push(Standing {
            state: Some(state),
            achieved: current,
            changed,
        });
    }
    if !saved.is_empty() {
        saved::save(tx, &saved).await?;
        saved.retain(|saved| saved.had_tier != saved.state.tier);
        saved::note(tx, &saved, now).await?;
        tell(tx, &saved, now).await?;
    }
    Ok(standings)
}

/// Tells changes of tiers in the feed.
async fn tell(tx: &mut Tx, saved: &[Saved<'_>], now: Timestamp) -> Result<(), SqlError> {
    let lanes: BTreeSet<Lane> = saved.iter().map(|saved| saved.candidate.lane).collect();
    if lanes.is_empty() {
        return Ok(());
    }
    // The lanes are locked already, and may have moved on since.
    let (mut ledger, _) = transact::lock(tx, &lanes, &mut Memory::none()).await?;
    for saved in saved {
        let Candidate {
            lane,
            account,
            rules,
            ..
        } = *saved.candidate;
        let fact = NoticeFact::Tier {
            number: saved.changes,
            previous: saved.had_tier.to_owned(),
            tier: saved.state.tier.clone(),
            qualifying: saved.achieved.qualifying,
            paid: saved.achieved.paid,
            version: rules.number,
        };
        ledger.tell(lane, account, fact, now);
    }
    transact::write(tx, ledger).await?;
    Ok(())
}

/// Returns the current period of an account up to now, and the one before.
fn spans<'c>(candidate: &Candidate<'c>, now: Timestamp) -> [Period<'c>; 2] {
    let zone = &candidate.rules.version.zone;
    let spans = candidate.policy.spans(now, zone);
    let period = |from, until| Period {
        lane: candidate.lane,
        account: candidate.account,
        from,
        until,
    };
    let current = period(spans.current, now + Span::from_micros(1));
    [current, period(spans.previous, spans.current)]
}

const NEXT: &str = "
    SELECT account_id FROM account
    WHERE lane = $1 AND account_id > $2
    ORDER BY account_id
    LIMIT $3";
const DUE: &str = "
    SELECT account_id FROM tier
    WHERE lane = $1 AND account_id > $2 AND due_at <= $4
    ORDER BY account_id
    LIMIT $3";

/// Which accounts are to be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those whose time is up.
    Due,
}

/// What a slice of evaluations did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluated {
    pub(crate) accounts: i64,
    pub(crate) changed: i64,
    /// Where to go on; nothing at the end of the lane.
    pub(crate) next: Option<String>,
}

/// Evaluates the tiers of up to `limit` accounts of a lane behind `after`, in one transaction.
pub(crate) async fn evaluate_slice(
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    (lane, which): (Lane, Which),
    (after, limit): (&str, usize),
) -> Result<Evaluated, SqlError> {
    rules.known(db, clock.now()).await?;
    let mut tx = db.begin_by_key().await?;
    let locked = lanes::lock(&mut tx, &[lane]).await?;
    let catalogue = rules.under_lock(&mut tx, locked.epoch).await?;
    let now = clock.now();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids: Vec<String> = with_tx!(&mut tx, |conn| {
        let find = match which {
            Which::All => sqlx::query_scalar(NEXT).bind(lane).bind(after).bind(limit),
            Which::Due => {
                let find = sqlx::query_scalar(DUE).bind(lane).bind(after).bind(limit);
                find.bind(now.as_micros())
            }
        };
        find.fetch_all(conn).await?
    });
    let full = i64::try_from(ids.len()).is_ok_and(|count| count == limit);
    let mut done = Evaluated {
        accounts: 0,
        changed: 0,
        next: ids.last().filter(|_| full).cloned(),
    };
    let parse = |id: &String| {
        AccountId::parse(id).map_err(|_| SqlError::corrupt("a stored account id is none"))
    };
    let ids: Vec<AccountId> = ids.iter().map(parse).collect::<Result<_, _>>()?;
    let wanted: Vec<(Lane, &AccountId)> = ids.iter().map(|id| (lane, id)).collect();
    let loaded = accounts::load(&mut tx, &wanted).await?;
    let candidate = |account| candidate(&catalogue, account, now);
    let candidates: Vec<Candidate<'_>> = loaded.iter().filter_map(candidate).collect();
    let had = find(&mut tx, &wanted).await?;
    for standing in evaluate(&mut tx, &candidates, &had, now).await? {
        done.accounts += 1;
        done.changed += i64::from(standing.changed);
    }
    tx.commit().await?;
    Ok(done)
}

/// Returns the tier of an account as it was given last, and what it achieved in the current period.
pub(crate) async fn standing(
    db: &Db,
    (lane, account): (Lane, &AccountId),
    (policy, rules): (&TierPolicy, &InForce),
    now: Timestamp,
) -> Result<Standing, SqlError> {
    let candidate = Candidate {
        lane,
        account,
        policy,
        rules,
    };
    let [period, _] = spans(&candidate, now);
    let achieved = achieved::achieved_now(db, period).await?;
    Ok(Standing {
        state: current(db, lane, account).await?,
        achieved,
        changed: false,
    })
}

const HISTORY: &str = "
    SELECT number, previous_tier_id, tier_id, changed_at, qualifying, paid, version FROM tier_change
    WHERE lane = $1 AND account_id = $2 AND number < $3
    ORDER BY number DESC
    LIMIT $4";

/// Returns the changes of an account's tier before `before`, newest first, and one more than a page
/// if there are.
pub(crate) async fn history(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    before: i64,
    size: PageSize,
) -> Result<Vec<TierChange>, SqlError> {
    let rows: Vec<(i64, String, String, i64, i64, i64, i64)> = with_pool!(db, |pool| {
        let page = sqlx::query_as(HISTORY).bind(lane).bind(account.as_str());
        page.bind(before).bind(size.probe()).fetch_all(pool).await?
    });
    let change = |(number, previous, tier, at, qualifying, paid, version)| TierChange {
        number,
        previous,
        tier,
        at: Timestamp::from_micros(at),
        achieved: Achieved { qualifying, paid },
        version,
    };
    Ok(rows.into_iter().map(change).collect())
}
