//! Settlements as they are read.

use tenure_core::{AccountId, Lane, PageSize, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::StoredSettlement;
use crate::domain::{
    BillLine, Direction, Entry, EntryId, LineKey, PartnerMoved, Record, SettlementState,
};
use crate::store::row::{self, RecordRow};

type Row = (
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    String,
    i64,
    String,
    String,
);

fn settlement(row: Row) -> Result<StoredSettlement, SqlError> {
    let (partner, number, state, until, entries, accrual, redemption, created, by, ..) = row;
    let state = i16::try_from(state)
        .ok()
        .and_then(SettlementState::from_number);
    Ok(StoredSettlement {
        partner,
        number,
        state: state.ok_or_else(|| SqlError::corrupt("a stored settlement has no state"))?,
        until: Timestamp::from_micros(until),
        entries,
        accrual,
        redemption,
        created_at: Timestamp::from_micros(created),
        created_by: by,
        updated_at: Timestamp::from_micros(row.9),
        updated_by: row.10,
        note: row.11,
    })
}

const FIND: &str = "
    SELECT partner_id, number, state, until_at, entries, accrual_minor, redemption_minor, created_at,
           created_by, updated_at, updated_by, note
    FROM settlement
    WHERE partner_id = $1 AND number = $2";

/// Returns a settlement.
pub(crate) async fn find(
    db: &Db,
    partner: &str,
    number: i64,
) -> Result<Option<StoredSettlement>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        let find = sqlx::query_as(FIND).bind(partner).bind(number);
        find.fetch_optional(pool).await?
    });
    row.map(settlement).transpose()
}

/// Returns a settlement within a transaction.
pub(crate) async fn find_in(
    tx: &mut Tx,
    partner: &str,
    number: i64,
) -> Result<Option<StoredSettlement>, SqlError> {
    let row: Option<Row> = with_tx!(tx, |conn| {
        let find = sqlx::query_as(FIND).bind(partner).bind(number);
        find.fetch_optional(conn).await?
    });
    row.map(settlement).transpose()
}

const PAGE: &str = "
    SELECT partner_id, number, state, until_at, entries, accrual_minor, redemption_minor, created_at,
           created_by, updated_at, updated_by, note
    FROM settlement
    WHERE partner_id = $1 AND number < $2
    ORDER BY number DESC
    LIMIT $3";

/// Returns the settlements before `before`, newest first, and one more than a page if there are.
pub(crate) async fn page(
    db: &Db,
    partner: &str,
    before: i64,
    size: PageSize,
) -> Result<Vec<StoredSettlement>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let page = sqlx::query_as(PAGE).bind(partner).bind(before);
        page.bind(size.probe()).fetch_all(pool).await?
    });
    rows.into_iter().map(settlement).collect()
}

const SINCE: &str = "
    SELECT partner_id, number, state, until_at, entries, accrual_minor, redemption_minor, created_at,
           created_by, updated_at, updated_by, note
    FROM settlement
    WHERE partner_id = $1 AND created_at >= $2
    ORDER BY number";

/// Returns the settlements that were begun at `since` or later.
pub(in crate::store) async fn created_since(
    tx: &mut Tx,
    partner: &str,
    since: Timestamp,
) -> Result<Vec<StoredSettlement>, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let since = sqlx::query_as(SINCE).bind(partner).bind(since.as_micros());
        since.fetch_all(conn).await?
    });
    rows.into_iter().map(settlement).collect()
}

const LINES: &str = "
    SELECT direction, points_type, terms, share, entries, points, returned_points, price, billed,
           amount_minor
    FROM settlement_line
    WHERE partner_id = $1 AND number = $2
    ORDER BY direction, points_type, terms, share";

type LineRow = (i64, String, i64, i64, i64, i64, i64, i64, i64, i64);

/// Returns the key of a line.
pub(in crate::store) fn key(
    direction: i64,
    points_type: String,
    terms: i64,
    share: i64,
) -> Result<LineKey, SqlError> {
    let wrong = || SqlError::corrupt("a stored movement of a partner cannot be read");
    let direction = i16::try_from(direction)
        .ok()
        .and_then(Direction::from_number);
    Ok(LineKey {
        direction: direction.ok_or_else(wrong)?,
        points_type,
        terms,
        share: u32::try_from(share).map_err(|_| wrong())?,
    })
}

fn line(row: LineRow) -> Result<BillLine, SqlError> {
    let (direction, points_type, terms, share, entries, points, returned, price, billed, amount) =
        row;
    let billed = u32::try_from(billed);
    Ok(BillLine {
        key: key(direction, points_type, terms, share)?,
        moved: PartnerMoved {
            entries,
            points,
            returned,
        },
        price,
        billed: billed.map_err(|_| SqlError::corrupt("a stored part is none"))?,
        amount,
    })
}

/// Returns the lines of a settlement.
pub(crate) async fn lines(db: &Db, partner: &str, number: i64) -> Result<Vec<BillLine>, SqlError> {
    let rows: Vec<LineRow> = with_pool!(db, |pool| {
        let lines = sqlx::query_as(LINES).bind(partner).bind(number);
        lines.fetch_all(pool).await?
    });
    rows.into_iter().map(line).collect()
}

/// Returns the lines of a settlement within a transaction.
pub(in crate::store) async fn lines_in(
    tx: &mut Tx,
    partner: &str,
    number: i64,
) -> Result<Vec<BillLine>, SqlError> {
    let rows: Vec<LineRow> = with_tx!(tx, |conn| {
        let lines = sqlx::query_as(LINES).bind(partner).bind(number);
        lines.fetch_all(conn).await?
    });
    rows.into_iter().map(line).collect()
}

const IN_RANGES: &str = "
    SELECT r.lane, r.seq_from, r.seq_to
    FROM lane
    JOIN settlement_range AS r ON r.lane = lane.lane AND r.partner_id = $1 AND r.number = $2
    WHERE r.seq_to > r.seq_from
    ORDER BY r.lane";

/// Returns which records of each lane a settlement is about: behind the first number, up to the
/// second.
pub(crate) async fn ranges(
    db: &Db,
    partner: &str,
    number: i64,
) -> Result<Vec<(Lane, i64, i64)>, SqlError> {
    Ok(with_pool!(db, |pool| {
        let ranges = sqlx::query_as(IN_RANGES).bind(partner).bind(number);
        ranges.fetch_all(pool).await?
    }))
}

const ENTRIES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, p.direction, p.points, p.points_type, p.terms,
           p.share, p.settled_in
    FROM partner_entry AS p
    JOIN entry AS e ON e.lane = p.lane AND e.seq = p.seq
    WHERE p.lane = $1 AND p.partner_id = $2 AND p.settled_in = $3
        AND (p.decided_at > $4 OR p.decided_at = $4 AND p.seq > $5)
    ORDER BY p.decided_at, p.seq
    LIMIT $6";

type EntryRow = (
    Lane,
    i64,
    i64,
    String,
    i32,
    i64,
    i64,
    i64,
    Option<Vec<u8>>,
    Vec<u8>,
    i64,
    i64,
    String,
    i64,
    i64,
    i64,
);

/// An entry that touches a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEntry {
    pub(crate) id: EntryId,
    pub(crate) account: AccountId,
    pub(crate) key: LineKey,
    pub(crate) points: i64,
    pub(crate) decided_at: Timestamp,
    pub(crate) source: String,
}

/// Returns the entries of a lane that are in a settlement, or in none for 0, behind one by its
/// instant and number; up to `limit`.
pub(crate) async fn entries_page(
    db: &Db,
    (partner, number): (&str, i64),
    (lane, decided_at, seq): (Lane, i64, i64),
    limit: i64,
) -> Result<Vec<StoredEntry>, SqlError> {
    let rows: Vec<EntryRow> = with_pool!(db, |pool| {
        let page = sqlx::query_as(ENTRIES)
            .bind(lane)
            .bind(partner)
            .bind(number);
        let page = page.bind(decided_at).bind(seq).bind(limit);
        page.fetch_all(pool).await?
    });
    rows.into_iter().map(stored).collect()
}

fn stored(row: EntryRow) -> Result<StoredEntry, SqlError> {
    let record: RecordRow = (
        row.0, row.1, row.2, row.3, row.4, row.5, row.6, row.7, row.8, row.9,
    );
    let (Record::Entry(entry), _) = row::record(record)? else {
        return Err(SqlError::corrupt("a record is not the entry it should be"));
    };
    let Entry {
        id,
        account,
        decided_at,
        source,
        ..
    } = entry;
    Ok(StoredEntry {
        id,
        account,
        key: key(row.10, row.12, row.13, row.14)?,
        points: row.11,
        decided_at,
        source: source.to_string(),
    })
}
