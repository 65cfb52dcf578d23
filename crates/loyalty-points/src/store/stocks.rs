//! Stocks: loaded under the lock of their lane, written with the records that move them.

use std::collections::BTreeMap;

use tenure_core::{Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use crate::domain::{
    Counts, Draw, EntryId, Ledger, Order, Record, Reservation, Stock, StockAct, StockId, StockKind,
    StockPlace, Writes,
};

/// The most reservations of one transaction that are freed because nobody fetched them in time: more
/// wait for the next one.
const DUE_MAX: i64 = 4_096;

/// Returns the draws of orders.
pub(super) fn draws(orders: &[&Order]) -> Vec<Draw> {
    orders
        .iter()
        .filter_map(|order| order.command.draw())
        .collect()
}

/// Loads the stocks that orders draw on.
pub(super) async fn load(
    tx: &mut Tx,
    draws: &[Draw],
    now: Timestamp,
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    if draws.is_empty() {
        return Ok(());
    }
    let places: Vec<&StockPlace> = draws.iter().map(|draw| &draw.place).collect();
    let named = draws.iter().filter_map(|draw| match draw.act {
        StockAct::Sell { reservation } | StockAct::Release { reservation } => {
            Some((&draw.place, reservation.seq()))
        }
        _ => None,
    });
    let named: Vec<(&StockPlace, i64)> = named.collect();
    for stock in find(tx, &places, &named, now).await? {
        ledger.load_stock(stock);
    }
    Ok(())
}

const STOCKS_POSTGRES: &str = "
    SELECT lane, stock_id, added, sold, returned, written_off, reserved, records, last_seq,
           created_at, updated_at
    FROM stock
    WHERE (lane, stock_id) IN (SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[]))";
const STOCKS_SQLITE: &str = "
    SELECT s.lane, s.stock_id, s.added, s.sold, s.returned, s.written_off, s.reserved, s.records,
           s.last_seq, s.created_at, s.updated_at
    FROM (SELECT DISTINCT value ->> 0 AS lane, value ->> 1 AS stock_id FROM json_each($1)) AS wanted
    CROSS JOIN stock AS s
    WHERE s.lane = wanted.lane AND s.stock_id = wanted.stock_id";
const DUE_POSTGRES: &str = "
    SELECT lane, stock_id, seq, recorded_at, quantity, expires_at
    FROM stock_reservation
    WHERE (lane, stock_id) IN (SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[]))
        AND expires_at <= $3
    ORDER BY expires_at
    LIMIT $4";
const DUE_SQLITE: &str = "
    SELECT r.lane, r.stock_id, r.seq, r.recorded_at, r.quantity, r.expires_at
    FROM (SELECT DISTINCT value ->> 0 AS lane, value ->> 1 AS stock_id FROM json_each($1)) AS wanted
    CROSS JOIN stock_reservation AS r
    WHERE r.lane = wanted.lane AND r.stock_id = wanted.stock_id AND r.expires_at <= $2
    ORDER BY r.expires_at
    LIMIT $3";
const NAMED_POSTGRES: &str = "
    SELECT r.lane, r.stock_id, r.seq, r.recorded_at, r.quantity, r.expires_at
    FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BIGINT[]) AS wanted (lane, stock_id, seq)
    JOIN stock_reservation AS r
        ON r.lane = wanted.lane AND r.stock_id = wanted.stock_id AND r.seq = wanted.seq";
const NAMED_SQLITE: &str = "
    SELECT r.lane, r.stock_id, r.seq, r.recorded_at, r.quantity, r.expires_at
    FROM json_each($1) AS wanted
    CROSS JOIN stock_reservation AS r
    WHERE r.lane = wanted.value ->> 0 AND r.stock_id = wanted.value ->> 1
        AND r.seq = wanted.value ->> 2";

/// lane, stock_id, added, sold, returned, written_off, reserved, records, last_seq, created_at,
/// updated_at.
pub(super) type StockRow = (Lane, String, i64, i64, i64, i64, i64, i64, i64, i64, i64);
/// lane, stock_id, seq, recorded_at, quantity, expires_at.
type ReservationRow = (Lane, String, i64, i64, i64, i64);

fn stock_id(text: &str) -> Result<StockId, SqlError> {
    StockId::parse(text).map_err(|_| SqlError::corrupt("a stored stock id is none"))
}

pub(super) fn stock(row: &StockRow) -> Result<Stock, SqlError> {
    let (lane, id, added, sold, returned, written_off, reserved, records, last_seq, ..) = row;
    let mut stock = Stock::new(StockPlace {
        lane: *lane,
        stock: stock_id(id)?,
    });
    stock.counts = Counts {
        added: *added,
        sold: *sold,
        returned: *returned,
        written_off: *written_off,
        reserved: *reserved,
    };
    stock.records = *records;
    stock.last_seq = *last_seq;
    stock.created_at = Timestamp::from_micros(row.9);
    stock.updated_at = Timestamp::from_micros(row.10);
    Ok(stock)
}

fn reservation(row: &ReservationRow) -> Reservation {
    let (lane, _, seq, recorded_at, quantity, expires_at) = row;
    Reservation {
        id: EntryId::new(Timestamp::from_micros(*recorded_at), *lane, *seq),
        quantity: *quantity,
        expires_at: Timestamp::from_micros(*expires_at),
    }
}

/// Returns stocks with those of their reservations that are due or named.
pub(super) async fn find(
    tx: &mut Tx,
    places: &[&StockPlace],
    named: &[(&StockPlace, i64)],
    now: Timestamp,
) -> Result<Vec<Stock>, SqlError> {
    let now = now.as_micros();
    let lanes: Vec<Lane> = places.iter().map(|place| place.lane).collect();
    let ids: Vec<&str> = places.iter().map(|place| place.stock.as_str()).collect();
    let (rows, mut open): (Vec<StockRow>, Vec<ReservationRow>) = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let stocks = sqlx::query_as(STOCKS_POSTGRES).bind(&lanes).bind(&ids);
            let stocks = stocks.fetch_all(&mut *conn).await?;
            let due = sqlx::query_as(DUE_POSTGRES).bind(lanes).bind(ids);
            let due = due.bind(now).bind(DUE_MAX).fetch_all(conn).await?;
            (stocks, due)
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<_> = lanes.into_iter().zip(ids).collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
            let stocks = sqlx::query_as(STOCKS_SQLITE).bind(&wanted);
            let stocks = stocks.fetch_all(&mut *conn).await?;
            let due = sqlx::query_as(DUE_SQLITE).bind(wanted).bind(now);
            let due = due.bind(DUE_MAX).fetch_all(conn).await?;
            (stocks, due)
        }
    };
    if !named.is_empty() {
        open.append(&mut find_named(tx, named).await?);
    }
    let stocks: Result<Vec<Stock>, SqlError> = rows.iter().map(stock).collect();
    let mut stocks: BTreeMap<StockId, Stock> = stocks?
        .into_iter()
        .map(|stock| (stock.place.stock.clone(), stock))
        .collect();
    for row in &open {
        if let Some(stock) = stocks.get_mut(&stock_id(&row.1)?) {
            let reservation = reservation(row);
            stock.reservations.insert(reservation.id, reservation);
        }
    }
    Ok(stocks.into_values().collect())
}

async fn find_named(
    tx: &mut Tx,
    named: &[(&StockPlace, i64)],
) -> Result<Vec<ReservationRow>, SqlError> {
    let lanes: Vec<Lane> = named.iter().map(|(place, _)| place.lane).collect();
    let ids: Vec<&str> = named
        .iter()
        .map(|(place, _)| place.stock.as_str())
        .collect();
    let seqs: Vec<i64> = named.iter().map(|(_, seq)| *seq).collect();
    Ok(match tx.connection() {
        TxConnection::Postgres(conn) => {
            let named = sqlx::query_as(NAMED_POSTGRES).bind(lanes).bind(ids);
            named.bind(seqs).fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<_> = lanes.into_iter().zip(ids).zip(seqs).collect();
            let wanted: Vec<_> = wanted.iter().map(|((a, b), c)| (a, b, c)).collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
            let named = sqlx::query_as(NAMED_SQLITE).bind(wanted);
            named.fetch_all(conn).await?
        }
    })
}

const AFTER: &str = "
    SELECT lane, stock_id, added, sold, returned, written_off, reserved, records, last_seq,
           created_at, updated_at
    FROM stock
    WHERE lane = $1 AND stock_id > $2
    ORDER BY stock_id
    LIMIT $3";

/// Returns the stocks of a lane behind an id, as they are stored.
pub(crate) async fn after(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<Stock>, SqlError> {
    let rows: Vec<StockRow> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(AFTER).bind(lane).bind(after).bind(limit);
        page.fetch_all(conn).await?
    });
    rows.iter().map(stock).collect()
}

const OPEN: &str = "
    SELECT lane, stock_id, seq, recorded_at, quantity, expires_at
    FROM stock_reservation
    WHERE lane = $1 AND stock_id = $2
    ORDER BY seq";

/// Returns the stored reservations of a stock, oldest first.
pub(crate) async fn open(tx: &mut Tx, place: &StockPlace) -> Result<Vec<Reservation>, SqlError> {
    let rows: Vec<ReservationRow> = with_tx!(tx, |conn| {
        let open = sqlx::query_as(OPEN)
            .bind(place.lane)
            .bind(place.stock.as_str());
        open.fetch_all(conn).await?
    });
    Ok(rows.iter().map(reservation).collect())
}

const WRITE_POSTGRES: &str = "
    INSERT INTO stock (lane, stock_id, added, sold, returned, written_off, reserved, records,
                       last_seq, created_at, updated_at)
    SELECT (v ->> 0)::INTEGER, v ->> 1, (v ->> 2)::BIGINT, (v ->> 3)::BIGINT, (v ->> 4)::BIGINT,
           (v ->> 5)::BIGINT, (v ->> 6)::BIGINT, (v ->> 7)::BIGINT, (v ->> 8)::BIGINT,
           (v ->> 9)::BIGINT, (v ->> 10)::BIGINT
    FROM JSON_ARRAY_ELEMENTS($1::JSON) AS v
    ON CONFLICT (lane, stock_id) DO UPDATE
    SET added = EXCLUDED.added, sold = EXCLUDED.sold, returned = EXCLUDED.returned,
        written_off = EXCLUDED.written_off, reserved = EXCLUDED.reserved,
        records = EXCLUDED.records, last_seq = EXCLUDED.last_seq,
        updated_at = EXCLUDED.updated_at";
const WRITE_SQLITE: &str = "
    INSERT INTO stock (lane, stock_id, added, sold, returned, written_off, reserved, records,
                       last_seq, created_at, updated_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
           value ->> 7, value ->> 8, value ->> 9, value ->> 10
    FROM json_each($1)
    WHERE TRUE -- Else SQLite takes the conflict clause for that of a join.
    ON CONFLICT (lane, stock_id) DO UPDATE
    SET added = EXCLUDED.added, sold = EXCLUDED.sold, returned = EXCLUDED.returned,
        written_off = EXCLUDED.written_off, reserved = EXCLUDED.reserved,
        records = EXCLUDED.records, last_seq = EXCLUDED.last_seq,
        updated_at = EXCLUDED.updated_at";
const RESERVE_POSTGRES: &str = "
    INSERT INTO stock_reservation (lane, stock_id, seq, recorded_at, quantity, expires_at)
    SELECT (v ->> 0)::INTEGER, v ->> 1, (v ->> 2)::BIGINT, (v ->> 3)::BIGINT, (v ->> 4)::BIGINT,
           (v ->> 5)::BIGINT
    FROM JSON_ARRAY_ELEMENTS($1::JSON) AS v";
const RESERVE_SQLITE: &str = "
    INSERT INTO stock_reservation (lane, stock_id, seq, recorded_at, quantity, expires_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
    FROM json_each($1)";
const END_POSTGRES: &str = "
    DELETE FROM stock_reservation
    WHERE (lane, stock_id, seq) IN (
        SELECT (v ->> 0)::INTEGER, v ->> 1, (v ->> 2)::BIGINT
        FROM JSON_ARRAY_ELEMENTS($1::JSON) AS v
    )";
const END_SQLITE: &str = "
    DELETE FROM stock_reservation
    WHERE (lane, stock_id, seq) IN (
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)
    )";

/// Writes the stocks that moved, and which reservations were made and ended.
pub(super) async fn write(tx: &mut Tx, writes: &Writes) -> Result<(), SqlError> {
    if writes.stocks.is_empty() {
        return Ok(());
    }
    run(tx, WRITE_SQLITE, WRITE_POSTGRES, &writes.stocks, row).await?;
    let moves = writes
        .records
        .iter()
        .filter_map(|(record, _)| match &**record {
            Record::Stock(moved) => Some((moved, moved.moved.reservation?)),
            _ => None,
        });
    let (made, ended): (Vec<_>, Vec<_>) =
        moves.partition(|(moved, _)| moved.moved.kind == StockKind::Reserve);
    run(
        tx,
        RESERVE_SQLITE,
        RESERVE_POSTGRES,
        &made,
        |(moved, it)| {
            serde_json::json!([
                moved.id.lane(),
                moved.stock.as_str(),
                it.id.seq(),
                moved.recorded_at.as_micros(),
                it.quantity,
                it.expires_at.as_micros(),
            ])
        },
    )
    .await?;
    run(tx, END_SQLITE, END_POSTGRES, &ended, |(moved, it)| {
        serde_json::json!([moved.id.lane(), moved.stock.as_str(), it.id.seq()])
    })
    .await
}

fn row(stock: &Stock) -> serde_json::Value {
    let counts = &stock.counts;
    serde_json::json!([
        stock.place.lane,
        stock.place.stock.as_str(),
        counts.added,
        counts.sold,
        counts.returned,
        counts.written_off,
        counts.reserved,
        stock.records,
        stock.last_seq,
        stock.created_at.as_micros(),
        stock.updated_at.as_micros(),
    ])
}

/// Runs a statement over rows, each an array, if there are any. JSON on PostgreSQL as well: these are
/// few rows, not those of every redemption.
pub(super) async fn run<R>(
    tx: &mut Tx,
    sqlite: &'static str,
    postgres: &'static str,
    rows: &[R],
    row: impl Fn(&R) -> serde_json::Value,
) -> Result<(), SqlError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<serde_json::Value> = rows.iter().map(row).collect();
    let rows = serde_json::Value::Array(rows).to_string();
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            sqlx::query(postgres).bind(rows).execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            sqlx::query(sqlite).bind(rows).execute(conn).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tenure_core::{AccountId, Clock as _, ManualClock};
    use tenure_sql::Db;
    use tenure_testkit::{each_backend, manual_clock};

    use super::*;
    use crate::config::Config;
    use crate::domain::{Command, Decision, Earn, StockMove};
    use crate::store::{Memory, Rules, decide, move_stock};
    use crate::{MIGRATIONS, domain::Refusal};

    struct Bench {
        db: Db,
        clock: Arc<ManualClock>,
        place: StockPlace,
    }

    impl Bench {
        async fn moves(&self, kind: StockKind, quantity: i64) -> Result<Stock, Refusal> {
            let mut tx = self.db.begin().await.unwrap();
            let moved = StockMove::new(kind, quantity);
            let moved = move_stock(&mut tx, &self.place, moved, &*self.clock).await;
            tx.commit().await.unwrap();
            moved.unwrap()
        }

        async fn stored(&self) -> Counts {
            let mut tx = self.db.begin().await.unwrap();
            let found = find(&mut tx, &[&self.place], &[], self.clock.now()).await;
            found.unwrap().first().unwrap().counts
        }

        async fn earn(&self, points: i64, source: &str) -> Decision {
            let rules = Rules::new(Config::default().programme.seed().unwrap());
            let order = Order {
                lane: self.db.lanes().of("ada"),
                account: AccountId::parse("ada").unwrap(),
                request: None,
                command: Command::Earn(Earn {
                    block: Some(self.place.clone()),
                    open: true,
                    ..Earn::new(points, source.into())
                }),
            };
            let mut memory = Memory::none();
            let orders: &[&[Order]] = &[&[order]];
            let decided = decide(&self.db, &*self.clock, &rules, orders, &mut memory).await;
            decided.unwrap().remove(0)
        }
    }

    #[tokio::test]
    async fn a_block_of_points_is_drawn_with_the_points_that_come_out_of_it() {
        each_backend(&MIGRATIONS, async |db| {
            let bench = Bench {
                place: StockPlace {
                    lane: db.lanes().of("block:shop"),
                    stock: StockId::parse("block:shop").unwrap(),
                },
                clock: Arc::new(manual_clock()),
                db,
            };
            bench.moves(StockKind::Add, 100).await.unwrap();

            let first = bench.earn(60, "visit/1").await;
            let second = bench.earn(60, "visit/2").await;
            let written_off = bench.moves(StockKind::WriteOff, 41).await;

            assert!(matches!(first, Decision::New(Ok(_))));
            assert!(matches!(
                second,
                Decision::New(Err(Refusal::OutOfStock {
                    available: 40,
                    needed: 60,
                    ..
                }))
            ));
            assert!(written_off.is_err());
            let wanted = Counts {
                added: 100,
                sold: 60,
                ..Counts::default()
            };
            assert_eq!(bench.stored().await, wanted);
        })
        .await;
    }
}
