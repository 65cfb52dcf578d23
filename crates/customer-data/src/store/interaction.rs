//! Table `interaction`.

use std::collections::BTreeSet;

use tenure_core::{ComplaintId, CustomerId, InteractionId, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool};

use super::rows::{self, RowsSql, load_rows, page_by_id, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::words::{Channel, Direction, InteractionKind, InteractionPhase};
use crate::domain::{Book, Fact, Interaction};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    key_of "i",
    "SELECT i.customer_id, i.interaction_id, i.happened_at, i.channel, i.direction, i.kind,
            i.reason, i.resolution, i.phase, i.complaint_id",
    "JOIN interaction AS i ON i.lane = CAST(value ->> 0 AS INTEGER)
                          AND i.customer_id = value ->> 1
                          AND i.interaction_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO interaction (lane, customer_id, interaction_id, happened_at, channel, direction,
                              kind, reason, resolution, phase, complaint_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            CAST(value ->> 4 AS INTEGER), CAST(value ->> 5 AS INTEGER),
            CAST(value ->> 6 AS INTEGER), value ->> 7, value ->> 8,
            CAST(value ->> 9 AS INTEGER), value ->> 10
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, interaction_id) DO UPDATE SET
         happened_at = EXCLUDED.happened_at, channel = EXCLUDED.channel,
         direction = EXCLUDED.direction, kind = EXCLUDED.kind, reason = EXCLUDED.reason,
         resolution = EXCLUDED.resolution, phase = EXCLUDED.phase,
         complaint_id = EXCLUDED.complaint_id"
);
/// A customer has few contacts: sorting them costs less than an index that every write has to keep.
const LIST: &str = concat!(
    "
    SELECT customer_id, interaction_id, happened_at, channel, direction, kind, reason, resolution,
           phase, complaint_id, ",
    key_of!("interaction"),
    "
    FROM interaction
    WHERE lane = $1 AND customer_id = $2
      AND (happened_at < $3 OR (happened_at = $3 AND interaction_id > $4))
    ORDER BY happened_at DESC, interaction_id
    LIMIT $5"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, interaction_id, happened_at, channel, direction, kind, reason, resolution,
           phase, complaint_id, ",
    key_of!("interaction"),
    "
    FROM interaction
    WHERE lane = $1 AND (customer_id, interaction_id) > ($2, $3)
    ORDER BY customer_id, interaction_id
    LIMIT $4"
);
type Row = (
    String,
    String,
    i64,
    i32,
    i32,
    i32,
    String,
    String,
    Option<i32>,
    Option<String>,
    Wrapped,
);

const REASON: &str = "interaction.reason";
const RESOLUTION: &str = "interaction.resolution";

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, InteractionId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let interaction = known(tx.keys(), row)?;
        let key = (interaction.customer.clone(), interaction.id.clone());
        book.interactions.load(key, interaction);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.interactions.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let row = |i: &Interaction| {
        (
            lanes.of(i.customer.as_str()),
            i.customer.as_str().to_owned(),
            i.id.as_str().to_owned(),
            i.happened_at.as_micros(),
            i.channel.number(),
            i.direction.number(),
            i.kind.number(),
            tx.seal_text(&i.customer, REASON, &i.reason),
            tx.seal_text(&i.customer, RESOLUTION, &i.resolution),
            i.phase.map(InteractionPhase::number),
            i.complaint.as_ref().map(ToString::to_string),
        )
    };
    let (created, changed) = book.interactions.saved(|_, i| row(i));
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns up to `limit` interactions of a customer that come after the one that happened at
/// `after.0` with the id `after.1`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Interaction>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        query
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

page_by_id!(sealed PAGE, Row, known => Fact::Interaction);

fn known(keys: &Keys, row: Row) -> Result<Interaction, SqlError> {
    let opener = keys.opener(&row.0, &row.10)?;
    let reason = opener.text(REASON, &row.6)?;
    let resolution = opener.text(RESOLUTION, &row.7)?;
    let (customer, id, happened, channel, direction, kind, ..) = row;
    let complaint = row.9.map(|id| ComplaintId::parse(&id));
    let phase = row
        .8
        .map(|phase| read("phase", InteractionPhase::from_number(phase)));
    Ok(Interaction {
        id: read("interaction_id", InteractionId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        happened_at: Timestamp::from_micros(happened),
        channel: read("channel", Channel::from_number(channel))?,
        direction: read("direction", Direction::from_number(direction))?,
        kind: read("kind", InteractionKind::from_number(kind))?,
        reason,
        resolution,
        phase: phase.transpose()?,
        complaint: read("complaint_id", complaint.transpose().ok())?,
    })
}
