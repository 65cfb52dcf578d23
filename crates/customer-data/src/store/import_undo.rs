//! Table `import_undo`: what an import changed, and how it was before.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{BillId, CustomerId, InteractionId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::rows::Bytes;
use tenure_sql::{SqlError, with_tx};
use uuid::Uuid;

use super::rows::{self, RowsSql, read};
use super::seal::{Wrapped, key_of, need};
use super::{Db, Tx, image};
use crate::domain::reversal::{Undo, UndoKey};
use crate::domain::words::UsagePeriod;
use crate::domain::{Book, Customer, Fact, UsageKey};
use crate::vault::Keys;

macro_rules! save_head {
    () => {
        "INSERT INTO import_undo (lane, customer_id, import_id, kind, fact_key, left_as, before,
                                  previous_import_id, recorded_at)
         SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
                value ->> 4, CAST(value ->> 5 AS BIGINT), "
    };
}
macro_rules! save_tail {
    () => {
        "WHERE TRUE
         ON CONFLICT (lane, customer_id, import_id, kind, fact_key) DO NOTHING"
    };
}

const SAVE: RowsSql = RowsSql {
    sqlite: concat!(
        save_head!(),
        "value ->> 6, value ->> 7, CAST(value ->> 8 AS BIGINT) FROM json_each($1) AS given ",
        save_tail!()
    ),
    postgres: concat!(
        save_head!(),
        "DECODE(value ->> 6, 'hex'), value ->> 7, CAST(value ->> 8 AS BIGINT)
         FROM jsonb_array_elements($1::JSONB) AS given (value) ",
        save_tail!()
    ),
};
/// Customers of whom something is kept that this import changed.
const CUSTOMERS: &str = "
    SELECT DISTINCT customer_id FROM import_undo
    WHERE lane = $1 AND customer_id > $2 AND import_id = $3
    ORDER BY customer_id
    LIMIT $4";
/// Customers whom this import made, and a later one took in.
const LATER: &str = "
    SELECT DISTINCT u.customer_id FROM import_undo AS u
    WHERE u.lane = $1 AND u.customer_id > $2 AND u.previous_import_id = $3
      AND NOT EXISTS (SELECT 1 FROM import_undo AS mine
                      WHERE mine.lane = u.lane AND mine.customer_id = u.customer_id
                        AND mine.import_id = $3 AND mine.kind = 5)
    ORDER BY u.customer_id
    LIMIT $4";
const OF_CUSTOMERS: &str = concat!(
    "
    SELECT customer_id, kind, fact_key, left_as, before, ",
    key_of!("import_undo"),
    " FROM import_undo
    WHERE lane = $1 AND customer_id >= $2 AND customer_id <= $3 AND import_id = $4
    ORDER BY customer_id, kind, fact_key"
);
const DELETE: &str = "
    DELETE FROM import_undo
    WHERE lane = $1 AND customer_id >= $2 AND customer_id <= $3 AND import_id = $4
      AND customer_id IN ";
const PRUNE: &str = "DELETE FROM import_undo WHERE lane = $1 AND recorded_at < $2";
const PRUNED: &str = "
    UPDATE import SET is_undo_kept = 0 WHERE lane = $1 AND is_undo_kept = 1 AND created_at < $2";

type Row = (String, i32, String, i64, Option<Vec<u8>>, Wrapped);

/// The sealed column.
const BEFORE: &str = "import_undo.before";

/// What is known before an import changes it: nothing of customers who are new.
#[derive(Debug)]
pub struct Before {
    customers: BTreeSet<CustomerId>,
    facts: BTreeMap<(CustomerId, UndoKey), Fact>,
}

/// What to keep of one fact that an import changes.
#[derive(Debug)]
pub struct Kept {
    customer: CustomerId,
    import_id: Uuid,
    key: UndoKey,
    left_as: i64,
    before: Option<Vec<u8>>,
    previous: Option<Uuid>,
}

impl Before {
    /// Notes what was loaded.
    #[must_use]
    pub fn of(book: &Book) -> Self {
        let mut before = Self {
            customers: BTreeSet::new(),
            facts: BTreeMap::new(),
        };
        for (id, it) in book.customers.range(..) {
            before.customers.insert(id.clone());
            let key = (id.clone(), UndoKey::Customer);
            before.facts.insert(key, Fact::Customer(it.clone()));
        }
        if !before.customers.is_empty() {
            for (of, facts) in book.facts_by_customer() {
                let keyed = |(key, fact)| ((of.clone(), key), fact);
                before.facts.extend(facts.into_iter().map(keyed));
            }
        }
        before
    }

    /// Returns what to keep of everything that the book says otherwise now.
    #[must_use]
    pub fn undo(&self, import_id: Uuid, book: &Book) -> Vec<Kept> {
        let mut undo = Vec::new();
        let mut made: BTreeMap<CustomerId, Vec<u8>> = BTreeMap::new();
        for (customer, key, fact) in changed(book, &self.customers) {
            if !self.customers.contains(&customer) {
                let all = made.entry(customer).or_default();
                add(all, &key, &image::encode(&fact));
                continue;
            }
            let before = self.facts.get(&(customer.clone(), key.clone()));
            let previous = match before {
                Some(Fact::Customer(it)) => it.import.map(|mark| mark.import_id),
                _ => None,
            };
            undo.push(Kept {
                customer,
                import_id,
                key,
                left_as: digest(&fact),
                before: before.map(image::encode),
                previous,
            });
        }
        undo.extend(made.into_iter().map(|(customer, all)| Kept {
            customer,
            import_id,
            key: UndoKey::Made,
            left_as: image::digest(&all),
            before: None,
            previous: None,
        }));
        undo
    }
}

/// Whether nothing in the row of a fact tells when it was written.
fn is_unstamped(key: &UndoKey) -> bool {
    matches!(key, UndoKey::Usage(_) | UndoKey::Interaction(_))
}

fn add(all: &mut Vec<u8>, key: &UndoKey, image: &[u8]) {
    let (kind, text) = numbered(key);
    all.extend_from_slice(format!("{kind} {text} {}:", image.len()).as_bytes());
    all.extend_from_slice(image);
}

/// Returns a digest of those facts of a customer that [`UndoKey::Made`] stands for; nothing when there are
/// none.
#[must_use]
pub fn made(facts: &[(UndoKey, Fact)]) -> Option<i64> {
    let mut all = Vec::new();
    for (key, fact) in facts.iter().filter(|(key, _)| is_unstamped(key)) {
        add(&mut all, key, &image::encode(fact));
    }
    (!all.is_empty()).then(|| image::digest(&all))
}

/// Returns the digest of a fact as it is. Versions do not count: one that a later import changed, and that
/// was changed back with it, is as it was.
#[must_use]
pub fn digest(fact: &Fact) -> i64 {
    match fact {
        Fact::Customer(it) => {
            let unversioned = Customer {
                version: 0,
                ..it.clone()
            };
            image::digest(&image::encode(&Fact::Customer(unversioned)))
        }
        fact => image::digest(&image::encode(fact)),
    }
}

/// Returns the facts that the database is going to take in, of known customers and, as far as their rows do
/// not tell when they were written, of new ones; those of a customer in the order of
/// [`Book::facts_by_customer`].
fn changed(book: &Book, known: &BTreeSet<CustomerId>) -> Vec<(CustomerId, UndoKey, Fact)> {
    let mut all = Vec::new();
    for (key, it) in book.usage.written() {
        let of = key.customer.clone();
        all.push((of, UndoKey::Usage(key.clone()), Fact::Usage(it.clone())));
    }
    for ((of, id), it) in book.interactions.written() {
        let key = UndoKey::Interaction(id.clone());
        all.push((of.clone(), key, Fact::Interaction(it.clone())));
    }
    if known.is_empty() {
        return all;
    }
    for (of, it) in book.customers.written() {
        if known.contains(of) {
            all.push((of.clone(), UndoKey::Customer, Fact::Customer(it.clone())));
        }
    }
    for ((of, id), it) in book.bills.written() {
        if known.contains(of) {
            let key = UndoKey::Bill(id.clone());
            all.push((of.clone(), key, Fact::Bill(it.clone())));
        }
    }
    for ((of, id), it) in book.subscriptions.written() {
        if known.contains(of) {
            let key = UndoKey::Subscription(id.clone());
            all.push((of.clone(), key, Fact::Subscription(it.clone())));
        }
    }
    all
}

/// Keeps what an import changes, in the transaction that changes it.
///
/// # Errors
/// When the database fails.
pub async fn keep(
    tx: &mut Tx,
    lanes: Lanes,
    undo: &[Kept],
    now: Timestamp,
) -> Result<(), SqlError> {
    if undo.is_empty() {
        return Ok(());
    }
    need(tx, lanes, undo.iter().map(|it| &it.customer)).await?;
    let row = |it: &Kept| {
        let (kind, key) = numbered(&it.key);
        let before = it.before.as_ref();
        (
            lanes.of(it.customer.as_str()),
            it.customer.to_string(),
            it.import_id.to_string(),
            kind,
            key,
            it.left_as,
            before.map(|before| Bytes(tx.seal(&it.customer, BEFORE, before))),
            it.previous.map(|id| id.to_string()),
            now.as_micros(),
        )
    };
    let rows: Vec<_> = undo.iter().map(row).collect();
    rows::save(tx, SAVE, &[], &rows).await
}

/// Returns up to `limit` customers of a lane whose ids follow `after`, by id, of whom something is kept that
/// an import changed.
///
/// # Errors
/// When the database fails.
pub async fn customers(
    tx: &mut Tx,
    after: (Lane, &str),
    import_id: Uuid,
    limit: i64,
) -> Result<Vec<CustomerId>, SqlError> {
    page(tx, CUSTOMERS, after, import_id, limit).await
}

/// Returns up to `limit` customers of a lane whose ids follow `after`, by id, whom an import made and a later
/// one took in.
///
/// # Errors
/// When the database fails.
pub async fn taken_in_later(
    tx: &mut Tx,
    after: (Lane, &str),
    import_id: Uuid,
    limit: i64,
) -> Result<Vec<CustomerId>, SqlError> {
    page(tx, LATER, after, import_id, limit).await
}

async fn page(
    tx: &mut Tx,
    sql: &'static str,
    (lane, after): (Lane, &str),
    import_id: Uuid,
    limit: i64,
) -> Result<Vec<CustomerId>, SqlError> {
    let rows: Vec<String> = with_tx!(tx, |conn| {
        sqlx::query_scalar(sql)
            .bind(lane)
            .bind(after)
            .bind(import_id.to_string())
            .bind(limit)
            .fetch_all(conn)
            .await?
    });
    let parse = |id: &String| read("customer_id", CustomerId::parse(id).ok());
    rows.iter().map(parse).collect()
}

/// Returns what an import did to customers of a lane.
///
/// # Errors
/// When the database fails.
pub async fn of_customers(
    tx: &mut Tx,
    lane: Lane,
    customers: &BTreeSet<CustomerId>,
    import_id: Uuid,
) -> Result<BTreeMap<CustomerId, Vec<Undo>>, SqlError> {
    let mut all: BTreeMap<CustomerId, Vec<Undo>> = BTreeMap::new();
    let (Some(first), Some(last)) = (customers.first(), customers.last()) else {
        return Ok(all);
    };
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(OF_CUSTOMERS)
            .bind(lane)
            .bind(first.as_str())
            .bind(last.as_str())
            .bind(import_id.to_string())
            .fetch_all(conn)
            .await?
    });
    for row in rows {
        let undo = known(tx.keys(), row)?;
        if customers.contains(&undo.customer) {
            all.entry(undo.customer.clone()).or_default().push(undo);
        }
    }
    Ok(all)
}

/// Forgets what an import did to customers of a lane.
///
/// # Errors
/// When the database fails.
pub async fn forget(
    tx: &mut Tx,
    lane: Lane,
    customers: &BTreeSet<CustomerId>,
    import_id: Uuid,
) -> Result<(), SqlError> {
    let (Some(first), Some(last)) = (customers.first(), customers.last()) else {
        return Ok(());
    };
    let given = tx.pick(
        "(SELECT value FROM json_each($5))",
        "(SELECT jsonb_array_elements_text($5::JSONB))",
    );
    let ids: Vec<&str> = customers.iter().map(CustomerId::as_str).collect();
    let ids = rows::encode(&ids);
    with_tx!(tx, |conn| {
        sqlx::query(sqlx::AssertSqlSafe(format!("{DELETE}{given}")))
            .bind(lane)
            .bind(first.as_str())
            .bind(last.as_str())
            .bind(import_id.to_string())
            .bind(ids)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Forgets what was kept before an instant, lane by lane: imports that began before it can be taken back no
/// longer.
///
/// # Errors
/// When the database fails; what was forgotten so far stays so.
pub async fn prune(db: &Db, older_than: Timestamp) -> Result<u64, SqlError> {
    let mut pruned = 0;
    // First those that would miss a row are told to.
    for sql in [PRUNED, PRUNE] {
        for lane in db.lanes().all() {
            let mut tx = db.begin().await?;
            let rows = with_tx!(tx, |conn| {
                let query = sqlx::query(sql).bind(lane).bind(older_than.as_micros());
                query.execute(conn).await?.rows_affected()
            });
            tx.commit().await?;
            pruned += if sql == PRUNE { rows } else { 0 };
        }
    }
    Ok(pruned)
}

/// Returns the number of a key's kind and its text. Numbers tell the order in which facts are taken back.
pub(super) fn numbered(key: &UndoKey) -> (i32, String) {
    match key {
        UndoKey::Usage(key) => {
            let (started_at, period) = (key.started_at.as_micros(), key.period.number());
            let subscription = key.subscription.as_ref().map_or("", |id| id.as_str());
            (1, format!("{started_at} {period} {subscription}"))
        }
        UndoKey::Interaction(id) => (2, id.to_string()),
        UndoKey::Bill(id) => (3, id.to_string()),
        UndoKey::Subscription(id) => (4, id.to_string()),
        UndoKey::Customer => (5, String::new()),
        UndoKey::Made => (6, String::new()),
    }
}

/// Reads the key of a customer's fact.
pub(super) fn keyed(of: &CustomerId, kind: i32, text: &str) -> Result<UndoKey, SqlError> {
    let column = "fact_key";
    Ok(match kind {
        1 => UndoKey::Usage(usage_key(of, text)?),
        2 => UndoKey::Interaction(read(column, InteractionId::parse(text).ok())?),
        3 => UndoKey::Bill(read(column, BillId::parse(text).ok())?),
        4 => UndoKey::Subscription(read(column, SubscriptionId::parse(text).ok())?),
        5 => UndoKey::Customer,
        6 => UndoKey::Made,
        _ => {
            return Err(SqlError::corrupt(
                "import_undo has a kind that nobody wrote",
            ));
        }
    })
}

fn usage_key(of: &CustomerId, text: &str) -> Result<UsageKey, SqlError> {
    let mut parts = text.splitn(3, ' ');
    let mut part = || read("fact_key", parts.next());
    let started_at: Option<i64> = part()?.parse().ok();
    let period = part()?.parse().ok().and_then(UsagePeriod::from_number);
    let subscription = match part()? {
        "" => None,
        id => Some(read("fact_key", SubscriptionId::parse(id).ok())?),
    };
    Ok(UsageKey {
        customer: of.clone(),
        started_at: Timestamp::from_micros(read("fact_key", started_at)?),
        period: read("fact_key", period)?,
        subscription,
    })
}

fn known(
    keys: &Keys,
    (customer, kind, key, left_as, before, wrapped): Row,
) -> Result<Undo, SqlError> {
    let opener = keys.opener(&customer, &wrapped)?;
    let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
    let key = keyed(&customer, kind, &key)?;
    let decode = |sealed: Vec<u8>| {
        let before = opener.bytes(BEFORE, &sealed)?;
        image::decode(customer.clone(), &key, &before)
    };
    let before = before.map(decode).transpose()?;
    Ok(Undo {
        key: key.clone(),
        customer: customer.clone(),
        left_as,
        before,
    })
}
