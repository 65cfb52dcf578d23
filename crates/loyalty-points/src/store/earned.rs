//! What events earned: read to earn once, to count a day or a period, and to try other rules.

use serde::{Deserialize, Serialize};
use tenure_core::{AccountId, Lane, ProgrammeId, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use crate::domain::{EntryId, Event, Facts, Group, Line};

/// The most events of one account on one day that limits look at.
const DAY_EVENTS_MAX: i64 = 1_000;

/// An event with what decided it, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Body {
    #[serde(rename = "e")]
    pub(crate) event: Event,
    #[serde(rename = "f")]
    pub(crate) facts: Facts,
    #[serde(rename = "l")]
    pub(crate) lines: Vec<Line>,
}

/// An event that was evaluated.
#[derive(Debug, Clone)]
pub(crate) struct EarnedEvent {
    pub(crate) lane: Lane,
    pub(crate) account: AccountId,
    pub(crate) event_id: String,
    pub(crate) programme: ProgrammeId,
    pub(crate) number: i64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) points: i64,
    pub(crate) qualifying: i64,
    /// Its entries, one for each lot.
    pub(crate) entries: Vec<(EntryId, Group)>,
    pub(crate) body: Body,
}

const KNOWN_POSTGRES: &str = "
    SELECT e.account_id, e.event_id, e.lane, e.seq, e.recorded_at
    FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[]) AS wanted (lane, account_id, event_id)
    JOIN earned_event AS e ON e.lane = wanted.lane AND e.account_id = wanted.account_id
        AND e.event_id = wanted.event_id";
const KNOWN_SQLITE: &str = "
    SELECT e.account_id, e.event_id, e.lane, e.seq, e.recorded_at
    FROM json_each($1) AS wanted
    CROSS JOIN earned_event AS e
    WHERE e.lane = wanted.value ->> 0 AND e.account_id = wanted.value ->> 1
        AND e.event_id = wanted.value ->> 2";

type KnownRow = (String, String, Lane, i64, i64);

/// Returns which of these events were evaluated before, and their first entries.
pub(super) async fn known(
    tx: &mut Tx,
    wanted: &[(Lane, &AccountId, String)],
) -> Result<Vec<(String, String, Option<EntryId>)>, SqlError> {
    let rows: Vec<KnownRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, ..)| *lane).collect();
            let accounts: Vec<&str> = wanted.iter().map(|(_, id, _)| id.as_str()).collect();
            let events: Vec<&str> = wanted.iter().map(|(.., id)| id.as_str()).collect();
            let find = sqlx::query_as(KNOWN_POSTGRES).bind(lanes).bind(accounts);
            find.bind(events).fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str, &str)> = wanted
                .iter()
                .map(|(lane, account, event)| (*lane, account.as_str(), event.as_str()))
                .collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
            let find = sqlx::query_as(KNOWN_SQLITE).bind(wanted);
            find.fetch_all(conn).await?
        }
    };
    let entry =
        |lane, seq, at| (seq > 0).then(|| EntryId::new(Timestamp::from_micros(at), lane, seq));
    Ok(rows
        .into_iter()
        .map(|(account, event, lane, seq, at)| (account, event, entry(lane, seq, at)))
        .collect())
}

const ADD_POSTGRES: &str = "
    INSERT INTO earned_event (lane, account_id, event_id, programme_id, number, happened_at,
                              recorded_at, points, qualifying, paid, seq, body)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[],
                         $6::BIGINT[], $7::BIGINT[], $8::BIGINT[], $9::BIGINT[], $10::BIGINT[],
                         $11::BIGINT[], $12::TEXT[])";
const ADD_SQLITE: &str = "
    INSERT INTO earned_event (lane, account_id, event_id, programme_id, number, happened_at,
                              recorded_at, points, qualifying, paid, seq, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
    FROM json_each($1)";

/// Writes events down.
pub(super) async fn add(tx: &mut Tx, events: &[EarnedEvent]) -> Result<(), SqlError> {
    if events.is_empty() {
        return Ok(());
    }
    let body = |event: &EarnedEvent| {
        serde_json::to_string(&event.body).expect("events are numbers and text")
    };
    let seq = |event: &EarnedEvent| event.entries.first().map_or(0, |(id, _)| id.seq());
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let numbers =
                |of: fn(&EarnedEvent) -> i64| -> Vec<i64> { events.iter().map(of).collect() };
            let texts =
                |of: fn(&EarnedEvent) -> &str| -> Vec<&str> { events.iter().map(of).collect() };
            let lanes: Vec<Lane> = events.iter().map(|event| event.lane).collect();
            let add = sqlx::query(ADD_POSTGRES)
                .bind(lanes)
                .bind(texts(|event| event.account.as_str()))
                .bind(texts(|event| &event.event_id))
                .bind(texts(|event| event.programme.as_str()))
                .bind(numbers(|event| event.number))
                .bind(numbers(|event| event.body.event.at))
                .bind(numbers(|event| event.recorded_at.as_micros()))
                .bind(numbers(|event| event.points))
                .bind(numbers(|event| event.qualifying))
                .bind(numbers(|event| event.body.event.paid))
                .bind(events.iter().map(seq).collect::<Vec<i64>>())
                .bind(events.iter().map(body).collect::<Vec<String>>());
            add.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows: Vec<_> = events
                .iter()
                .map(|event| {
                    let key = (event.lane, event.account.as_str(), &event.event_id);
                    let rules = (event.programme.as_str(), event.number);
                    let times = (event.body.event.at, event.recorded_at.as_micros());
                    let sums = (event.points, event.qualifying, event.body.event.paid);
                    (
                        key.0,
                        key.1,
                        key.2,
                        rules.0,
                        rules.1,
                        times.0,
                        times.1,
                        sums.0,
                        sums.1,
                        sums.2,
                        seq(event),
                        body(event),
                    )
                })
                .collect();
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            sqlx::query(ADD_SQLITE).bind(rows).execute(conn).await?;
        }
    }
    add_entries(tx, events).await
}

const ADD_ENTRIES_POSTGRES: &str = "
    INSERT INTO earned_entry (lane, account_id, event_id, seq, points, qualifying)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[],
                         $6::BIGINT[])";
const ADD_ENTRIES_SQLITE: &str = "
    INSERT INTO earned_entry (lane, account_id, event_id, seq, points, qualifying)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
    FROM json_each($1)";

async fn add_entries(tx: &mut Tx, events: &[EarnedEvent]) -> Result<(), SqlError> {
    let mut rows: Vec<(Lane, &str, &str, i64, i64, i64)> = Vec::new();
    for event in events {
        for (id, group) in &event.entries {
            let (account, event_id) = (event.account.as_str(), event.event_id.as_str());
            let (points, qualifying) = (group.points, group.qualifying);
            rows.push((event.lane, account, event_id, id.seq(), points, qualifying));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let add = sqlx::query(ADD_ENTRIES_POSTGRES)
                .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.4).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.5).collect::<Vec<_>>());
            add.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            sqlx::query(ADD_ENTRIES_SQLITE)
                .bind(rows)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

const DAY: &str = "
    SELECT body FROM earned_event
    WHERE lane = $1 AND account_id = $2 AND happened_at >= $3 AND happened_at < $4
    ORDER BY happened_at
    LIMIT $5";

/// Returns what the rules gave an account for events of a span of time.
pub(super) async fn lines_of_day(
    tx: &mut Tx,
    lane: Lane,
    account: &AccountId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Line>, SqlError> {
    let rows: Vec<String> = with_tx!(tx, |conn| {
        let find = sqlx::query_scalar(DAY).bind(lane).bind(account.as_str());
        let find = find.bind(from.as_micros()).bind(to.as_micros());
        find.bind(DAY_EVENTS_MAX).fetch_all(conn).await?
    });
    lines(&rows)
}

fn lines(rows: &[String]) -> Result<Vec<Line>, SqlError> {
    let mut lines = Vec::new();
    for row in rows.iter().filter(|row| !row.is_empty()) {
        lines.extend(body(row)?.lines);
    }
    Ok(lines)
}

/// The same for those who decide nothing.
pub(super) async fn lines_of_day_now(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Line>, SqlError> {
    let rows: Vec<String> = with_pool!(db, |pool| {
        let find = sqlx::query_scalar(DAY).bind(lane).bind(account.as_str());
        let find = find.bind(from.as_micros()).bind(to.as_micros());
        find.bind(DAY_EVENTS_MAX).fetch_all(pool).await?
    });
    lines(&rows)
}

fn body(text: &str) -> Result<Body, SqlError> {
    serde_json::from_str(text).map_err(|_| SqlError::corrupt("a stored event cannot be read"))
}

const REFERRED: &str = "
    SELECT account_id FROM referral
    WHERE lane = $1 AND programme_id = $2 AND referred_id = $3";

/// Returns true when somebody was referred before. The lane is locked: that stays so.
pub(super) async fn was_referred(
    tx: &mut Tx,
    lane: Lane,
    programme: &ProgrammeId,
    referred: &str,
) -> Result<bool, SqlError> {
    let by: Option<String> = with_tx!(tx, |conn| {
        let find = sqlx::query_scalar(REFERRED).bind(lane);
        let find = find.bind(programme.as_str()).bind(referred);
        find.fetch_optional(conn).await?
    });
    Ok(by.is_some())
}

const REFER: &str = "
    INSERT INTO referral (lane, programme_id, referred_id, account_id, recorded_at)
    VALUES ($1, $2, $3, $4, $5)";

/// Notes who was referred, in the lane of the one who was.
pub(super) async fn refer(
    tx: &mut Tx,
    lane: Lane,
    programme: &ProgrammeId,
    (referred, account): (&str, &AccountId),
    now: Timestamp,
) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let refer = sqlx::query(REFER).bind(lane).bind(programme.as_str());
        let refer = refer.bind(referred).bind(account.as_str());
        refer.bind(now.as_micros()).execute(conn).await?;
    });
    Ok(())
}

/// Where a walk through events goes on: behind the event of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct After {
    pub(crate) account: String,
    pub(crate) happened_at: i64,
    pub(crate) event_id: String,
}

/// An event as a walk finds it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) account: String,
    pub(crate) body: Body,
}

const WALK: &str = "
    SELECT account_id, event_id, body, happened_at, programme_id FROM earned_event
    WHERE lane = $1 AND (account_id, happened_at, event_id) > ($2, $3, $4)
    ORDER BY account_id, happened_at, event_id
    LIMIT $5";

/// Returns up to `limit` events of a lane behind `after`, account by account and in the order in
/// which they happened; those of other programmes, outside of the period and of customers who were erased
/// are left out. Returns how many were read, too, and nothing to go on from at the end of the lane.
pub(crate) async fn walk(
    db: &Db,
    lane: Lane,
    after: &After,
    (programme, from, to): (&ProgrammeId, Timestamp, Timestamp),
    limit: i64,
) -> Result<(Vec<Found>, i64, Option<After>), SqlError> {
    let rows: Vec<(String, String, String, i64, String)> = with_pool!(db, |pool| {
        let page = sqlx::query_as(WALK).bind(lane).bind(&after.account);
        let page = page.bind(after.happened_at).bind(&after.event_id);
        page.bind(limit).fetch_all(pool).await?
    });
    let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let last = rows.last().filter(|_| read == limit);
    let next = last.map(|(account, event_id, _, happened_at, _)| After {
        account: account.clone(),
        happened_at: *happened_at,
        event_id: event_id.clone(),
    });
    let period = from.as_micros()..to.as_micros();
    let mut found = Vec::with_capacity(rows.len());
    for (account, _, text, happened_at, of) in rows {
        if of == programme.as_str() && period.contains(&happened_at) && !text.is_empty() {
            let body = body(&text)?;
            found.push(Found { account, body });
        }
    }
    Ok((found, read, next))
}
