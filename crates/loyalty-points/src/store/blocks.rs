//! Blocks of points that partners bought in advance.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{Clock, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_tx};

use super::{entries, partners, stocks, transact};
use crate::domain::{
    Command, Counts, EntryId, Order, PartnerRefusal, Partners, PointBlock, StockId, StockKind,
    StockMove, StockPlace, block_of,
};

/// The most blocks of a partner.
const BLOCKS_MAX: i64 = 1_000;

/// A block as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredBlock {
    pub(crate) partner: String,
    pub(crate) block: PointBlock,
    /// How many points were bought.
    pub(crate) points: i64,
    /// What was paid for them, in minor units.
    pub(crate) price: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
}

type Row = (
    String,
    i64,
    String,
    Lane,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    String,
);

fn block(row: Row) -> Result<StoredBlock, SqlError> {
    let (partner, number, stock, lane, points, starts, ends, is_reserve, price, created_at, by) =
        row;
    let stock = StockId::parse(&stock);
    let stock = stock.map_err(|_| SqlError::corrupt("a stored stock id is none"))?;
    Ok(StoredBlock {
        partner,
        block: PointBlock {
            number,
            place: StockPlace { lane, stock },
            starts_at: Timestamp::from_micros(starts),
            ends_at: Timestamp::from_micros(ends),
            is_reserve: is_reserve != 0,
        },
        points,
        price,
        created_at: Timestamp::from_micros(created_at),
        created_by: by,
    })
}

const ALL: &str = "
    SELECT partner_id, number, stock_id, stock_lane, points, starts_at, ends_at, is_reserve,
           price_minor, created_at, created_by
    FROM point_block
    ORDER BY partner_id, number";

/// Reads the blocks of all partners.
pub(super) async fn all(tx: &mut Tx) -> Result<BTreeMap<String, Vec<PointBlock>>, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| sqlx::query_as(ALL).fetch_all(conn).await?);
    let mut blocks: BTreeMap<String, Vec<PointBlock>> = BTreeMap::new();
    for row in rows {
        let found = block(row)?;
        blocks.entry(found.partner).or_default().push(found.block);
    }
    Ok(blocks)
}

/// Returns the blocks that orders may draw on or give back to. Whoever decides must have locked their
/// lanes. What an entry drew on never changes, so it may be read before the lock.
pub(super) async fn touched(
    tx: &mut Tx,
    partners: &Partners,
    orders: &[&Order],
) -> Result<Vec<StockPlace>, SqlError> {
    if !partners.has_blocks() {
        return Ok(Vec::new());
    }
    let mut funders: BTreeSet<&str> = BTreeSet::new();
    let mut reversed: BTreeSet<EntryId> = BTreeSet::new();
    for order in orders {
        match &order.command {
            Command::Earn(earn) if !earn.partner.is_empty() => {
                funders.insert(&earn.partner);
            }
            Command::Reverse { entry, .. } if entry.lane() == order.lane => {
                reversed.insert(*entry);
            }
            _ => {}
        }
    }
    let mut places = of_partners(partners, funders.into_iter());
    if !reversed.is_empty() {
        let reversed: Vec<EntryId> = reversed.into_iter().collect();
        let targets = entries::targets(tx, &reversed).await?;
        places.extend(targets.iter().filter_map(|target| block_of(&target.entry)));
    }
    places.sort_by(|one, other| one.stock.cmp(&other.stock));
    places.dedup();
    Ok(places)
}

/// Returns the places of all blocks of some partners.
pub(super) fn of_partners<'p>(
    partners: &Partners,
    ids: impl Iterator<Item = &'p str>,
) -> Vec<StockPlace> {
    let blocks = ids.filter_map(|id| partners.get(id));
    let blocks = blocks.flat_map(|partner| &partner.blocks);
    blocks.map(|block| block.place.clone()).collect()
}

const NEXT: &str = "SELECT COALESCE(MAX(number), 0) + 1 FROM point_block WHERE partner_id = $1";
const ADD: &str = "
    INSERT INTO point_block (partner_id, number, stock_id, stock_lane, points, starts_at, ends_at,
                             is_reserve, price_minor, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// What is bought.
#[derive(Debug, Clone)]
pub(crate) struct NewBlock<'b> {
    pub(crate) partner: &'b str,
    pub(crate) points: i64,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) is_reserve: bool,
    pub(crate) price: i64,
    pub(crate) by: &'b str,
}

/// Adds a block with all its points in stock.
pub(crate) async fn add(
    tx: &mut Tx,
    db: &Db,
    clock: &dyn Clock,
    new: &NewBlock<'_>,
) -> Result<Result<StoredBlock, PartnerRefusal>, SqlError> {
    partners::change(tx, db.lanes().all()).await?;
    let number: i64 = with_tx!(tx, |conn| {
        sqlx::query_scalar(NEXT)
            .bind(new.partner)
            .fetch_one(conn)
            .await?
    });
    if number > BLOCKS_MAX {
        let most = BLOCKS_MAX;
        return Ok(Err(PartnerRefusal::Limit { most }));
    }
    let stock = format!("block:{}:{number}", new.partner);
    let stock_id = StockId::parse(&stock);
    let stock_id = stock_id.map_err(|_| SqlError::corrupt("the id of a partner is too long"))?;
    // All blocks of a partner are in one lane, so that a batch locks one.
    let place = StockPlace {
        lane: db.lanes().of(new.partner),
        stock: stock_id,
    };
    let (lane, now) = (place.lane, clock.now());
    with_tx!(tx, |conn| {
        let add = sqlx::query(ADD).bind(new.partner).bind(number).bind(&stock);
        let add = add
            .bind(lane)
            .bind(new.points)
            .bind(new.starts_at.as_micros())
            .bind(new.ends_at.as_micros())
            .bind(i64::from(new.is_reserve))
            .bind(new.price)
            .bind(now.as_micros())
            .bind(new.by);
        add.execute(conn).await?;
    });
    let moved = StockMove {
        author: new.by.into(),
        reason: "a block was bought".into(),
        ..StockMove::new(StockKind::Add, new.points)
    };
    if transact::move_stock(tx, &place, moved, clock)
        .await?
        .is_err()
    {
        return Err(SqlError::corrupt("the stock of a new block is not new"));
    }
    Ok(Ok(StoredBlock {
        partner: new.partner.to_owned(),
        block: PointBlock {
            number,
            place,
            starts_at: new.starts_at,
            ends_at: new.ends_at,
            is_reserve: new.is_reserve,
        },
        points: new.points,
        price: new.price,
        created_at: now,
        created_by: new.by.to_owned(),
    }))
}

const PAGE: &str = "
    SELECT partner_id, number, stock_id, stock_lane, points, starts_at, ends_at, is_reserve,
           price_minor, created_at, created_by
    FROM point_block
    WHERE partner_id = $1 AND number > $2
    ORDER BY number
    LIMIT $3";

/// Returns the blocks of a partner behind a number, and what is left of each.
pub(crate) async fn page(
    db: &Db,
    (partner, after): (&str, i64),
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(StoredBlock, Counts)>, SqlError> {
    let mut tx = db.begin_snapshot().await?;
    let rows: Vec<Row> = with_tx!(&mut tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(partner).bind(after).bind(limit);
        page.fetch_all(conn).await?
    });
    let blocks: Result<Vec<StoredBlock>, SqlError> = rows.into_iter().map(block).collect();
    let blocks = blocks?;
    let places: Vec<&StockPlace> = blocks.iter().map(|found| &found.block.place).collect();
    let counts: BTreeMap<StockId, Counts> = stocks::find(&mut tx, &places, &[], now)
        .await?
        .into_iter()
        .map(|stock| (stock.place.stock.clone(), stock.counts))
        .collect();
    let left = |found: StoredBlock| {
        let counts = counts.get(&found.block.place.stock).copied();
        (found, counts.unwrap_or_default())
    };
    Ok(blocks.into_iter().map(left).collect())
}
