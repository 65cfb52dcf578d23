//! Table `campaign`.

use std::collections::BTreeMap;

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use tenure_core::{CampaignId, OfferId, PageSize, Span, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::{audience, count, micros, number, signed, stored, word};
use crate::domain::campaign::{Campaign, Draft, Progress};
use crate::domain::state::State;
use crate::domain::words::Channel;

/// Every column, in a macro because SQL constants are put together at compile time.
macro_rules! columns {
    () => {
        "campaign_id, display_name, objective, offer_id, channel, audience, control_share,
         bonus_points, window_us, author, approver, state, enrol_page, enrol_cursor, is_enrolled,
         treated_count, control_count, created_at, launched_at, ended_at, version"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO campaign (",
    columns!(),
    ")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21)
    ON CONFLICT DO NOTHING"
);
const GET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM campaign WHERE campaign_id = $1"
);
/// The row stays locked until the commit, so that two steps never start from one state.
const LOCK_POSTGRES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM campaign WHERE campaign_id = $1 FOR NO KEY UPDATE"
);
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM campaign WHERE campaign_id > $1 ORDER BY campaign_id LIMIT $2"
);
const UPDATE: &str = "
    UPDATE campaign
    SET approver = $2, state = $3, enrol_page = $4, enrol_cursor = $5, is_enrolled = $6,
        treated_count = $7, control_count = $8, launched_at = $9, ended_at = $10, version = $11
    WHERE campaign_id = $1";
const IN_STATE: &str = "SELECT campaign_id FROM campaign WHERE state = $1 ORDER BY campaign_id";
/// Oldest launch first, so that a large new campaign does not starve an older one.
const GIVING_SQLITE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM campaign
    WHERE state IN ($1, $2) AND channel = $3 AND ($4 = '' OR campaign_id = $4)
    ORDER BY launched_at, campaign_id"
);
/// A pause waits for those who pull, and nobody pulls after it.
const GIVING_POSTGRES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM campaign
    WHERE state IN ($1, $2) AND channel = $3 AND ($4 = '' OR campaign_id = $4)
    ORDER BY launched_at, campaign_id
    FOR SHARE"
);

/// Inserts a campaign; false when its id is taken.
pub(crate) async fn insert(tx: &mut Tx, campaign: &Campaign) -> Result<bool, SqlError> {
    let Campaign {
        draft, progress, ..
    } = campaign;
    let inserted = with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(draft.id.as_str())
            .bind(&draft.display_name)
            .bind(&draft.objective)
            .bind(draft.offer.as_str())
            .bind(i64::from(draft.channel.number()))
            .bind(audience::to_text(&draft.audience))
            .bind(draft.control_share)
            .bind(draft.bonus_points)
            .bind(draft.window.as_micros())
            .bind(&draft.author)
            .bind(&campaign.approver)
            .bind(i64::from(campaign.state.number()))
            .bind(progress.page)
            .bind(&progress.cursor)
            .bind(i64::from(progress.is_enrolled))
            .bind(signed(progress.treated))
            .bind(signed(progress.control))
            .bind(campaign.created_at.as_micros())
            .bind(micros(campaign.launched_at))
            .bind(micros(campaign.ended_at))
            .bind(campaign.version)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(inserted == 1)
}

/// Returns a campaign.
pub(crate) async fn get(db: &Db, id: &CampaignId) -> Result<Option<Campaign>, SqlError> {
    let row: Option<Stored> = with_pool!(db, |pool| sqlx::query_as(GET)
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?);
    row.map(Stored::into_campaign).transpose()
}

/// Returns a campaign as this transaction sees it.
pub(crate) async fn read(tx: &mut Tx, id: &CampaignId) -> Result<Option<Campaign>, SqlError> {
    let row: Option<Stored> = with_tx!(tx, |conn| sqlx::query_as(GET)
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?);
    row.map(Stored::into_campaign).transpose()
}

/// Returns a campaign as this transaction sees it, from `known` if it was read before.
pub(crate) async fn read_once<'a>(
    tx: &mut Tx,
    id: &CampaignId,
    known: &'a mut BTreeMap<CampaignId, Campaign>,
) -> Result<&'a Campaign, SqlError> {
    if !known.contains_key(id) {
        let campaign = read(tx, id).await?;
        let campaign = campaign.ok_or_else(|| SqlError::corrupt("a campaign is missing"))?;
        known.insert(id.clone(), campaign);
    }
    Ok(&known[id])
}

/// Returns a campaign and keeps others from changing it until the commit.
pub(crate) async fn lock(tx: &mut Tx, id: &CampaignId) -> Result<Option<Campaign>, SqlError> {
    let sql = tx.pick(GET, LOCK_POSTGRES);
    let row: Option<Stored> = with_tx!(tx, |conn| sqlx::query_as(sql)
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?);
    row.map(Stored::into_campaign).transpose()
}

/// Returns the campaigns after an id, one more than a page.
pub(crate) async fn list(db: &Db, after: &str, size: PageSize) -> Result<Vec<Campaign>, SqlError> {
    let rows: Vec<Stored> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(after)
            .bind(size.probe())
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(Stored::into_campaign).collect()
}

/// Stores what may change of a campaign that this transaction locked.
pub(crate) async fn update(tx: &mut Tx, campaign: &Campaign) -> Result<(), SqlError> {
    let progress = &campaign.progress;
    with_tx!(tx, |conn| {
        sqlx::query(UPDATE)
            .bind(campaign.id().as_str())
            .bind(&campaign.approver)
            .bind(i64::from(campaign.state.number()))
            .bind(progress.page)
            .bind(&progress.cursor)
            .bind(i64::from(progress.is_enrolled))
            .bind(signed(progress.treated))
            .bind(signed(progress.control))
            .bind(micros(campaign.launched_at))
            .bind(micros(campaign.ended_at))
            .bind(campaign.version)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns the campaigns in a state.
pub(crate) async fn in_state(db: &Db, state: State) -> Result<Vec<CampaignId>, SqlError> {
    let number = i64::from(state.number());
    let rows: Vec<String> = with_pool!(db, |pool| sqlx::query_scalar(IN_STATE)
        .bind(number)
        .fetch_all(pool)
        .await?);
    rows.iter()
        .map(|id| stored(CampaignId::parse(id), "campaign_id"))
        .collect()
}

/// Returns the campaigns of a channel whose contacts may be pulled, and keeps them so until the
/// commit.
pub(crate) async fn giving(
    tx: &mut Tx,
    channel: Channel,
    only: Option<&CampaignId>,
) -> Result<Vec<Campaign>, SqlError> {
    let sql = tx.pick(GIVING_SQLITE, GIVING_POSTGRES);
    let rows: Vec<Stored> = with_tx!(tx, |conn| {
        sqlx::query_as(sql)
            .bind(i64::from(State::Enrolling.number()))
            .bind(i64::from(State::Running.number()))
            .bind(i64::from(channel.number()))
            .bind(only.map_or("", CampaignId::as_str))
            .fetch_all(conn)
            .await?
    });
    rows.into_iter().map(Stored::into_campaign).collect()
}

/// A row; more columns than a tuple can hold.
struct Stored(Result<Campaign, SqlError>);

impl Stored {
    fn into_campaign(self) -> Result<Campaign, SqlError> {
        self.0
    }
}

impl<'r, R> FromRow<'r, R> for Stored
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let id: String = row.try_get("campaign_id")?;
        let offer: String = row.try_get("offer_id")?;
        let channel: i64 = row.try_get("channel")?;
        let audience: String = row.try_get("audience")?;
        let state: i64 = row.try_get("state")?;
        let is_enrolled: i64 = row.try_get("is_enrolled")?;
        let treated: i64 = row.try_get("treated_count")?;
        let control: i64 = row.try_get("control_count")?;
        let instant = |at: Option<i64>| at.map(Timestamp::from_micros);
        let (display_name, objective) = (row.try_get("display_name")?, row.try_get("objective")?);
        let (author, approver) = (row.try_get("author")?, row.try_get("approver")?);
        let (control_share, bonus_points) =
            (row.try_get("control_share")?, row.try_get("bonus_points")?);
        let window = Span::from_micros(row.try_get("window_us")?);
        let (page, cursor) = (row.try_get("enrol_page")?, row.try_get("enrol_cursor")?);
        let created_at = Timestamp::from_micros(row.try_get("created_at")?);
        let (launched_at, ended_at) = (row.try_get("launched_at")?, row.try_get("ended_at")?);
        let version = row.try_get("version")?;
        let parse = move || {
            let draft = Draft {
                id: stored(CampaignId::parse(&id), "campaign_id")?,
                display_name,
                objective,
                offer: stored(OfferId::parse(&offer), "offer_id")?,
                channel: word(Channel::from_number(number(channel)), "channel")?,
                audience: audience::from_text(&audience)?,
                control_share,
                bonus_points,
                window,
                author,
            };
            let (treated, control) = (count(treated)?, count(control)?);
            let is_enrolled = is_enrolled != 0;
            Ok(Campaign {
                draft,
                approver,
                state: word(State::from_number(number(state)), "state")?,
                progress: Progress {
                    page,
                    cursor,
                    is_enrolled,
                    treated,
                    control,
                },
                created_at,
                launched_at: instant(launched_at),
                ended_at: instant(ended_at),
                version,
            })
        };
        Ok(Self(parse()))
    }
}
