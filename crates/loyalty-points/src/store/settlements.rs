//! Settlements: a header first, then entries in slices, each slice one transaction.
//!
//! The header fixes which numbers of each lane it is about. A slice marks entries that have no mark
//! and adds them to the lines in the same transaction, under a lock of the header; so replicas may
//! work on one settlement at once, a crash loses nothing, and no entry is in two.

mod read;
#[cfg(test)]
mod slices;

use std::collections::BTreeMap;

use tenure_core::{Clock, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::partners;
use crate::domain::{
    Bill, BillLine, Direction, LineKey, PartnerMoved, PartnerRefusal, Payment, Prices,
    SettlementState,
};

pub(crate) use read::{StoredEntry, entries_page, find, find_in, lines, page, ranges};
pub(super) use read::{created_since, key, lines_in};

/// The most entries of one transaction: few enough that its writing is a matter of milliseconds.
const SLICE: i64 = 2_000;

/// A settlement as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredSettlement {
    pub(crate) partner: String,
    pub(crate) number: i64,
    pub(crate) state: SettlementState,
    pub(crate) until: Timestamp,
    pub(crate) entries: i64,
    /// What the partner owes for points earned, in minor units.
    pub(crate) accrual: i64,
    /// What the operator owes for points spent, in minor units.
    pub(crate) redemption: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) updated_at: Timestamp,
    pub(crate) updated_by: String,
    pub(crate) note: String,
}

const RUNNING: &str = "SELECT number FROM settlement WHERE partner_id = $1 AND state = 1";

/// Returns the settlement of a partner that is running.
pub(crate) async fn running(db: &Db, partner: &str) -> Result<Option<i64>, SqlError> {
    Ok(with_pool!(db, |pool| {
        let running = sqlx::query_scalar(RUNNING).bind(partner);
        running.fetch_optional(pool).await?
    }))
}

/// Locks the partner's row, so that one settlement begins after the other.
const NEXT: &str = "
    UPDATE partner SET settlements = settlements + 1
    WHERE partner_id = $1
    RETURNING settlements";
const CREATE: &str = "
    INSERT INTO settlement (partner_id, number, state, until_at, next_lane, entries, accrual_minor,
                            redemption_minor, created_at, created_by, updated_at, updated_by, note)
    VALUES ($1, $2, 1, $3, 0, 0, 0, 0, $4, $5, $4, $5, '')";
/// In each lane all that is committed, but what was decided too late and what follows it.
const RANGES: &str = "
    INSERT INTO settlement_range (lane, partner_id, number, seq_from, seq_to)
    SELECT lane.lane, $1, $2, COALESCE(last.seq_to, 0),
           COALESCE((SELECT MIN(e.seq) - 1 FROM partner_entry AS e
                     WHERE e.lane = lane.lane AND e.partner_id = $1 AND e.settled_in = 0
                         AND e.decided_at >= $3 AND e.seq <= lane.seq), lane.seq)
    FROM lane
    LEFT JOIN settlement_range AS last
        ON last.lane = lane.lane AND last.partner_id = $1 AND last.number = $2 - 1";

/// What came of beginning a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    /// This one is running; nothing is locked before it is over, the caller gives the transaction up.
    Behind(i64),
    /// It has this number.
    New(i64),
}

/// Begins a settlement: fixes what it is about.
pub(crate) async fn start(
    tx: &mut Tx,
    partner: &str,
    until: Timestamp,
    (now, by): (Timestamp, &str),
) -> Result<Result<Started, PartnerRefusal>, SqlError> {
    let number: Option<i64> = with_tx!(tx, |conn| {
        let next = sqlx::query_scalar(NEXT).bind(partner);
        next.fetch_optional(conn).await?
    });
    let Some(number) = number else {
        let partner = partner.to_owned();
        return Ok(Err(PartnerRefusal::NotFound { partner }));
    };
    let running: Option<i64> = with_tx!(tx, |conn| {
        let running = sqlx::query_scalar(RUNNING).bind(partner);
        running.fetch_optional(conn).await?
    });
    if let Some(number) = running {
        return Ok(Ok(Started::Behind(number)));
    }
    with_tx!(tx, |conn| {
        let create = sqlx::query(CREATE).bind(partner).bind(number);
        let create = create
            .bind(until.as_micros())
            .bind(now.as_micros())
            .bind(by);
        create.execute(&mut *conn).await?;
        let ranges = sqlx::query(RANGES).bind(partner).bind(number);
        ranges.bind(until.as_micros()).execute(conn).await?;
    });
    Ok(Ok(Started::New(number)))
}

/// Goes on with a settlement until it is complete.
pub(crate) async fn complete(
    db: &Db,
    clock: &dyn Clock,
    partner: &str,
    number: i64,
) -> Result<(), SqlError> {
    go_on(db, clock, (partner, number), SLICE).await?;
    Ok(())
}

const ALL_RUNNING: &str = "
    SELECT partner_id, number FROM settlement
    WHERE state = 1
    ORDER BY partner_id, number
    LIMIT $1";
/// How many settlements one turn goes on with: more wait for the next one.
const RESUMED_MAX: i64 = 1_000;

/// Goes on with all settlements that are running until they are complete; returns how many ended
/// here.
pub(crate) async fn resume(db: &Db, clock: &dyn Clock) -> Result<usize, SqlError> {
    let running: Vec<(String, i64)> = with_pool!(db, |pool| {
        let running = sqlx::query_as(ALL_RUNNING).bind(RESUMED_MAX);
        running.fetch_all(pool).await?
    });
    let mut ended = 0;
    for (partner, number) in &running {
        ended += usize::from(go_on(db, clock, (partner, *number), SLICE).await?);
    }
    Ok(ended)
}

/// Takes slices until nothing is left; true when the last one was taken here.
async fn go_on(
    db: &Db,
    clock: &dyn Clock,
    settlement: (&str, i64),
    limit: i64,
) -> Result<bool, SqlError> {
    loop {
        match step(db, clock, settlement, limit).await? {
            Step::More => {}
            Step::Ended => return Ok(true),
            Step::Over => return Ok(false),
        }
    }
}

/// What came of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do.
    More,
    /// It was the last one.
    Ended,
    /// Nothing was to be done: somebody else took the last one.
    Over,
}

/// Locks the header.
const LOCK: &str = "
    UPDATE settlement SET next_lane = next_lane
    WHERE partner_id = $1 AND number = $2 AND state = 1
    RETURNING next_lane";
const TO: &str = "
    SELECT seq_to FROM settlement_range
    WHERE lane = $1 AND partner_id = $2 AND number = $3";
const MARK: &str = "
    UPDATE partner_entry SET settled_in = $3
    WHERE lane = $1 AND seq IN (
        SELECT e.seq FROM partner_entry AS e
        WHERE e.lane = $1 AND e.partner_id = $2 AND e.settled_in = 0 AND e.seq <= $4
        ORDER BY e.decided_at, e.seq
        LIMIT $5)
    RETURNING direction, points, points_type, terms, share";
const MOVE: &str = "
    UPDATE settlement SET next_lane = $3, entries = entries + $4
    WHERE partner_id = $1 AND number = $2";

/// Settles up to `limit` entries.
pub(super) async fn step(
    db: &Db,
    clock: &dyn Clock,
    (partner, number): (&str, i64),
    limit: i64,
) -> Result<Step, SqlError> {
    let mut tx = db.begin().await?;
    let next: Option<Lane> = with_tx!(tx, |conn| {
        let lock = sqlx::query_scalar(LOCK).bind(partner).bind(number);
        lock.fetch_optional(conn).await?
    });
    let Some(mut lane) = next else {
        return Ok(Step::Over);
    };
    let lanes = i64::from(db.lanes().count());
    let mut left = limit;
    let mut moved: BTreeMap<LineKey, PartnerMoved> = BTreeMap::new();
    while i64::from(lane) < lanes {
        let rows = mark(&mut tx, lane, (partner, number), left).await?;
        left -= i64::try_from(rows.len()).unwrap_or(limit);
        for (direction, points, points_type, terms, share) in rows {
            let key = key(direction, points_type, terms, share)?;
            moved.entry(key).or_default().add(points);
        }
        if left == 0 {
            break;
        }
        lane += 1;
    }
    add(&mut tx, (partner, number), &moved).await?;
    with_tx!(tx, |conn| {
        let step = sqlx::query(MOVE).bind(partner).bind(number);
        step.bind(lane).bind(limit - left).execute(conn).await?;
    });
    let is_over = i64::from(lane) >= lanes;
    if is_over {
        finish(&mut tx, (partner, number), clock.now()).await?;
    }
    tx.commit().await?;
    Ok(if is_over { Step::Ended } else { Step::More })
}

type Marked = (i64, i64, String, i64, i64);

async fn mark(
    tx: &mut Tx,
    lane: Lane,
    (partner, number): (&str, i64),
    limit: i64,
) -> Result<Vec<Marked>, SqlError> {
    Ok(with_tx!(tx, |conn| {
        let to = sqlx::query_scalar(TO).bind(lane).bind(partner).bind(number);
        let to: Option<i64> = to.fetch_optional(&mut *conn).await?;
        let mark = sqlx::query_as(MARK).bind(lane).bind(partner).bind(number);
        let mark = mark.bind(to.unwrap_or(0)).bind(limit);
        mark.fetch_all(conn).await?
    }))
}

const ADD: &str = "
    INSERT INTO settlement_line (partner_id, number, direction, points_type, terms, share, entries,
                                 points, returned_points, price, billed, amount_minor)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0)
    ON CONFLICT (partner_id, number, direction, points_type, terms, share) DO UPDATE
    SET entries = settlement_line.entries + EXCLUDED.entries,
        points = settlement_line.points + EXCLUDED.points,
        returned_points = settlement_line.returned_points + EXCLUDED.returned_points";

async fn add(
    tx: &mut Tx,
    (partner, number): (&str, i64),
    moved: &BTreeMap<LineKey, PartnerMoved>,
) -> Result<(), SqlError> {
    for (key, moved) in moved {
        with_tx!(tx, |conn| {
            let add = sqlx::query(ADD).bind(partner).bind(number);
            let add = add
                .bind(i64::from(key.direction.number()))
                .bind(&key.points_type)
                .bind(key.terms)
                .bind(i64::from(key.share))
                .bind(moved.entries)
                .bind(moved.points)
                .bind(moved.returned);
            add.execute(conn).await?;
        });
    }
    Ok(())
}

const PRICE: &str = "
    UPDATE settlement_line SET price = $7, billed = $8, amount_minor = $9
    WHERE partner_id = $1 AND number = $2 AND direction = $3 AND points_type = $4 AND terms = $5
        AND share = $6";
const FINISH: &str = "
    UPDATE settlement
    SET state = 2, accrual_minor = $3, redemption_minor = $4, finished_at = $5, updated_at = $5
    WHERE partner_id = $1 AND number = $2";

/// Prices the lines: all entries are in them.
async fn finish(
    tx: &mut Tx,
    (partner, number): (&str, i64),
    now: Timestamp,
) -> Result<(), SqlError> {
    let lines = lines_in(tx, partner, number).await?;
    let moved = lines.into_iter().map(|line| (line.key, line.moved));
    let bill = price(tx, partner, moved.collect()).await?;
    for line in &bill.lines {
        reprice(tx, (partner, number), line).await?;
    }
    with_tx!(tx, |conn| {
        let finish = sqlx::query(FINISH).bind(partner).bind(number);
        let finish = finish.bind(bill.sum(Direction::Accrual));
        let finish = finish.bind(bill.sum(Direction::Burn));
        finish.bind(now.as_micros()).execute(conn).await?;
    });
    Ok(())
}

/// Prices what moved at a partner by the terms that it had then.
pub(super) async fn price(
    tx: &mut Tx,
    partner: &str,
    moved: BTreeMap<LineKey, PartnerMoved>,
) -> Result<Bill, SqlError> {
    let (payment, prices) = tariff(tx, partner).await?;
    bill(moved, payment, &prices)
}

/// Returns when a partner pays, and all its prices by the number of the terms.
pub(super) async fn tariff(
    tx: &mut Tx,
    partner: &str,
) -> Result<(Payment, BTreeMap<i64, Prices>), SqlError> {
    let found = partners::find_in(tx, partner).await?;
    let found = found.ok_or_else(|| SqlError::corrupt("a settlement has no partner"))?;
    Ok((found.payment, partners::prices_in(tx, partner).await?))
}

/// Prices what moved.
pub(super) fn bill(
    moved: BTreeMap<LineKey, PartnerMoved>,
    payment: Payment,
    prices: &BTreeMap<i64, Prices>,
) -> Result<Bill, SqlError> {
    let bill = Bill::of(moved, payment, |terms| prices.get(&terms));
    bill.ok_or_else(|| SqlError::corrupt("an entry names terms that its partner has not"))
}

async fn reprice(
    tx: &mut Tx,
    (partner, number): (&str, i64),
    line: &BillLine,
) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let price = sqlx::query(PRICE).bind(partner).bind(number);
        let price = price
            .bind(i64::from(line.key.direction.number()))
            .bind(&line.key.points_type)
            .bind(line.key.terms)
            .bind(i64::from(line.key.share))
            .bind(line.price)
            .bind(i64::from(line.billed))
            .bind(line.amount);
        price.execute(conn).await?;
    });
    Ok(())
}

const CHANGE: &str = "
    UPDATE settlement SET state = $3, updated_at = $4, updated_by = $5, note = $6
    WHERE partner_id = $1 AND number = $2 AND state = $7";

/// Takes a settlement to another state.
pub(crate) async fn change_state(
    tx: &mut Tx,
    (partner, number): (&str, i64),
    state: SettlementState,
    note: &str,
    (now, by): (Timestamp, &str),
) -> Result<Result<StoredSettlement, PartnerRefusal>, SqlError> {
    let Some(mut found) = find_in(tx, partner, number).await? else {
        let partner = partner.to_owned();
        return Ok(Err(PartnerRefusal::SettlementNotFound { partner, number }));
    };
    let changed = if found.state.leads_to(state) {
        with_tx!(tx, |conn| {
            let change = sqlx::query(CHANGE).bind(partner).bind(number);
            let change = change
                .bind(i64::from(state.number()))
                .bind(now.as_micros())
                .bind(by)
                .bind(note)
                .bind(i64::from(found.state.number()));
            change.execute(conn).await?.rows_affected()
        })
    } else {
        0
    };
    if changed == 0 {
        return Ok(Err(PartnerRefusal::SettlementState {
            partner: partner.to_owned(),
            number,
            state: found.state.name(),
        }));
    }
    (found.state, found.updated_at) = (state, now);
    by.clone_into(&mut found.updated_by);
    note.clone_into(&mut found.note);
    Ok(Ok(found))
}
