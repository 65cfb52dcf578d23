//! Table `survey`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tenure_core::{ComplaintId, CustomerId, Lanes, SurveyId, Timestamp};
use tenure_sql::{SqlError, with_pool};

use super::rows::{RowsSql, execute, load_rows, page_by_id, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::survey::ServiceQuality;
use crate::domain::words::Channel;
use crate::domain::{Book, Fact, Survey};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    key_of "s",
    "SELECT s.customer_id, s.survey_id, s.answered_at, s.channel, s.questionnaire, s.complaint_id,
            s.nps, s.record",
    "JOIN survey AS s ON s.lane = CAST(value ->> 0 AS INTEGER)
                     AND s.customer_id = value ->> 1
                     AND s.survey_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO survey (lane, customer_id, survey_id, answered_at, channel, questionnaire,
                         complaint_id, nps, record)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            CAST(value ->> 4 AS INTEGER), value ->> 5, value ->> 6,
            CAST(value ->> 7 AS INTEGER), value ->> 8
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, survey_id) DO UPDATE SET
         answered_at = EXCLUDED.answered_at, channel = EXCLUDED.channel,
         questionnaire = EXCLUDED.questionnaire, complaint_id = EXCLUDED.complaint_id,
         nps = EXCLUDED.nps, record = EXCLUDED.record"
);
/// A customer has few surveys: sorting them costs less than an index that every write has to keep.
const LIST: &str = concat!(
    "
    SELECT customer_id, survey_id, answered_at, channel, questionnaire, complaint_id, nps, record, ",
    key_of!("survey"),
    "
    FROM survey
    WHERE lane = $1 AND customer_id = $2
      AND (answered_at < $3 OR (answered_at = $3 AND survey_id > $4))
    ORDER BY answered_at DESC, survey_id
    LIMIT $5"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, survey_id, answered_at, channel, questionnaire, complaint_id, nps, record, ",
    key_of!("survey"),
    "
    FROM survey
    WHERE lane = $1 AND (customer_id, survey_id) > ($2, $3)
    ORDER BY customer_id, survey_id
    LIMIT $4"
);

type Row = (
    String,
    String,
    i64,
    i32,
    String,
    Option<String>,
    Option<i32>,
    String,
    Wrapped,
);

const RECORD: &str = "survey.record";

/// What a survey says beyond its columns.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Reliability, responsiveness, assurance, empathy, tangibles.
    quality: Option<[Option<i32>; 5]>,
    /// Questions and answers.
    answers: Vec<(String, String)>,
}

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, SurveyId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let survey = known(tx.keys(), row)?;
        let key = (survey.customer.clone(), survey.id.clone());
        book.care.surveys.load(key, survey);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.care.surveys.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let row = |s: &Survey| {
        let quality = s.quality.map(|it| {
            [
                it.reliability,
                it.responsiveness,
                it.assurance,
                it.empathy,
                it.tangibles,
            ]
        });
        let answers = s.answers.clone();
        let record = serde_json::to_string(&Record { quality, answers });
        let record = record.expect("numbers and text are always JSON");
        (
            lanes.of(s.customer.as_str()),
            s.customer.to_string(),
            s.id.to_string(),
            s.answered_at.as_micros(),
            s.channel.number(),
            s.questionnaire.clone(),
            s.complaint.as_ref().map(ToString::to_string),
            s.nps,
            tx.seal_text(&s.customer, RECORD, &record),
        )
    };
    let rows: Vec<_> = book.care.surveys.written().map(|(_, s)| row(s)).collect();
    execute(tx, SAVE, &rows).await
}

/// Returns up to `limit` surveys of a customer that come after the one answered at `after.0` with
/// the id `after.1`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Survey>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        let query = query.bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

page_by_id!(sealed PAGE, Row, known => Fact::Survey);

fn known(keys: &Keys, row: Row) -> Result<Survey, SqlError> {
    let (customer, id, answered, channel, questionnaire, complaint, nps, record, key) = row;
    let record = keys.opener(&customer, &key)?.text(RECORD, &record)?;
    let record: Record = read("record", serde_json::from_str(&record).ok())?;
    let complaint = complaint.map(|id| ComplaintId::parse(&id));
    let quality = record.quality.map(
        |[reliability, responsiveness, assurance, empathy, tangibles]| ServiceQuality {
            reliability,
            responsiveness,
            assurance,
            empathy,
            tangibles,
        },
    );
    Ok(Survey {
        id: read("survey_id", SurveyId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        answered_at: Timestamp::from_micros(answered),
        channel: read("channel", Channel::from_number(channel))?,
        questionnaire,
        complaint: read("complaint_id", complaint.transpose().ok())?,
        nps,
        quality,
        answers: record.answers,
    })
}
