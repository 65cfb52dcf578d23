//! Programmes and the versions of their rules.

use std::sync::Arc;

use tenure_core::{PageSize, ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::partners;
use crate::domain::{Catalogue, Direction, ProgrammeRefusal, ProgrammeVersion};

/// The most programmes.
const PROGRAMMES_MAX: i64 = 1_000;
/// The most versions of a programme.
const VERSIONS_MAX: i64 = 1_000;

/// A programme as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredProgramme {
    pub(crate) id: ProgrammeId,
    /// The number of its newest version.
    pub(crate) head: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
}

/// A version as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredVersion {
    pub(crate) programme: ProgrammeId,
    pub(crate) number: i64,
    pub(crate) rules: ProgrammeVersion,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) activated: Option<Activated>,
}

/// The activation of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activated {
    pub(crate) effective_from: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
}

type ProgrammeRow = (String, i64, i64, String);
type VersionRow = (
    String,
    i64,
    String,
    i64,
    String,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

fn programme(row: ProgrammeRow) -> Result<StoredProgramme, SqlError> {
    let (id, head, created_at, created_by) = row;
    Ok(StoredProgramme {
        id: parse_id(&id)?,
        head,
        created_at: Timestamp::from_micros(created_at),
        created_by,
    })
}

fn version(row: VersionRow) -> Result<StoredVersion, SqlError> {
    let (id, number, body, created_at, created_by, effective_from, activated_at, by) = row;
    let activated = match (effective_from, activated_at, by) {
        (Some(effective_from), Some(at), Some(by)) => Some(Activated {
            effective_from: Timestamp::from_micros(effective_from),
            at: Timestamp::from_micros(at),
            by,
        }),
        _ => None,
    };
    Ok(StoredVersion {
        programme: parse_id(&id)?,
        number,
        rules: rules(&body)?,
        created_at: Timestamp::from_micros(created_at),
        created_by,
        activated,
    })
}

fn parse_id(id: &str) -> Result<ProgrammeId, SqlError> {
    ProgrammeId::parse(id).map_err(|_| SqlError::corrupt("a stored programme id is none"))
}

fn rules(body: &str) -> Result<ProgrammeVersion, SqlError> {
    serde_json::from_str(body)
        .map_err(|_| SqlError::corrupt("a stored version of a programme cannot be read"))
}

const ACTIVE: &str = "
    SELECT programme_id, number, effective_from, body FROM programme_version
    WHERE effective_from IS NOT NULL
    ORDER BY programme_id, number";

/// Reads all versions that were activated. Under a lock of any lane these are those of its epoch.
pub(super) async fn catalogue(
    tx: &mut Tx,
    epoch: i64,
    default: &ProgrammeId,
) -> Result<Catalogue, SqlError> {
    let rows: Vec<(String, i64, i64, String)> =
        with_tx!(tx, |conn| sqlx::query_as(ACTIVE).fetch_all(conn).await?);
    let mut catalogue = Catalogue::new(epoch, default.clone());
    catalogue.partners = Arc::new(partners::all(tx).await?);
    for (id, number, effective_from, body) in rows {
        let from = Timestamp::from_micros(effective_from);
        catalogue.add(&parse_id(&id)?, number, from, rules(&body)?);
    }
    Ok(catalogue)
}

const COUNT: &str = "SELECT COUNT(*) FROM programme";
const CREATE: &str = "
    INSERT INTO programme (programme_id, head, created_at, created_by)
    VALUES ($1, 0, $2, $3)
    ON CONFLICT DO NOTHING";

/// Creates a programme; says why not, when there is one.
pub(crate) async fn create(
    tx: &mut Tx,
    id: &ProgrammeId,
    by: &str,
    now: Timestamp,
) -> Result<Result<StoredProgramme, ProgrammeRefusal>, SqlError> {
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(COUNT).fetch_one(conn).await?);
    if count >= PROGRAMMES_MAX {
        let most = PROGRAMMES_MAX;
        return Ok(Err(ProgrammeRefusal::ProgrammeLimit { most }));
    }
    let created = with_tx!(tx, |conn| {
        let create = sqlx::query(CREATE).bind(id.as_str());
        let create = create.bind(now.as_micros()).bind(by);
        create.execute(conn).await?.rows_affected()
    });
    if created == 0 {
        let programme = id.to_string();
        return Ok(Err(ProgrammeRefusal::ProgrammeExists { programme }));
    }
    Ok(Ok(StoredProgramme {
        id: id.clone(),
        head: 0,
        created_at: now,
        created_by: by.to_owned(),
    }))
}

/// Refuses rules that have points funded by somebody who does not.
pub(crate) async fn require_partners(
    tx: &mut Tx,
    rules: &ProgrammeVersion,
) -> Result<Result<(), ProgrammeRefusal>, SqlError> {
    if rules.partners().next().is_none() {
        return Ok(Ok(()));
    }
    let partners = partners::all(tx).await?;
    let refused = rules
        .partners()
        .find_map(|id| partners.require(id, Direction::Accrual).err());
    Ok(refused.map_or(Ok(()), |refusal| Err(ProgrammeRefusal::Partner(refusal))))
}

/// Locks the programme until the end of the transaction.
const NEXT: &str = "
    UPDATE programme SET head = head + 1
    WHERE programme_id = $1
    RETURNING head";
const DRAFT: &str = "
    INSERT INTO programme_version (programme_id, number, body, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5)";

/// Adds a version as a draft.
pub(crate) async fn draft(
    tx: &mut Tx,
    id: &ProgrammeId,
    rules: &ProgrammeVersion,
    by: &str,
    now: Timestamp,
) -> Result<Result<StoredVersion, ProgrammeRefusal>, SqlError> {
    let number: Option<i64> = with_tx!(tx, |conn| {
        let next = sqlx::query_scalar(NEXT).bind(id.as_str());
        next.fetch_optional(conn).await?
    });
    let Some(number) = number else {
        let programme = id.to_string();
        return Ok(Err(ProgrammeRefusal::ProgrammeNotFound { programme }));
    };
    if number > VERSIONS_MAX {
        let most = VERSIONS_MAX;
        return Ok(Err(ProgrammeRefusal::ProgrammeLimit { most }));
    }
    let body = serde_json::to_string(rules).expect("rules are numbers and text");
    with_tx!(tx, |conn| {
        let draft = sqlx::query(DRAFT).bind(id.as_str()).bind(number).bind(body);
        let draft = draft.bind(now.as_micros()).bind(by);
        draft.execute(conn).await?;
    });
    Ok(Ok(StoredVersion {
        programme: id.clone(),
        number,
        rules: rules.clone(),
        created_at: now,
        created_by: by.to_owned(),
        activated: None,
    }))
}

const ACTIVATE: &str = "
    UPDATE programme_version SET effective_from = $3, activated_at = $4, activated_by = $5
    WHERE programme_id = $1 AND number = $2 AND effective_from IS NULL";

/// Activates a draft. The caller holds all lanes and raises their epoch.
pub(super) async fn activate(
    tx: &mut Tx,
    id: &ProgrammeId,
    number: i64,
    activated: &Activated,
) -> Result<bool, SqlError> {
    let rows = with_tx!(tx, |conn| {
        let activate = sqlx::query(ACTIVATE).bind(id.as_str()).bind(number);
        let activate = activate.bind(activated.effective_from.as_micros());
        let activate = activate.bind(activated.at.as_micros()).bind(&activated.by);
        activate.execute(conn).await?.rows_affected()
    });
    Ok(rows == 1)
}

const VERSION: &str = "
    SELECT programme_id, number, body, created_at, created_by, effective_from, activated_at,
           activated_by
    FROM programme_version
    WHERE programme_id = $1 AND number = $2";

/// Returns a version within a transaction.
pub(crate) async fn version_in(
    tx: &mut Tx,
    id: &ProgrammeId,
    number: i64,
) -> Result<Option<StoredVersion>, SqlError> {
    let row: Option<VersionRow> = with_tx!(tx, |conn| {
        let find = sqlx::query_as(VERSION).bind(id.as_str()).bind(number);
        find.fetch_optional(conn).await?
    });
    row.map(version).transpose()
}

/// Returns a version.
pub(crate) async fn version_of(
    db: &Db,
    id: &ProgrammeId,
    number: i64,
) -> Result<Option<StoredVersion>, SqlError> {
    let row: Option<VersionRow> = with_pool!(db, |pool| {
        let find = sqlx::query_as(VERSION).bind(id.as_str()).bind(number);
        find.fetch_optional(pool).await?
    });
    row.map(version).transpose()
}

const VERSIONS: &str = "
    SELECT programme_id, number, body, created_at, created_by, effective_from, activated_at,
           activated_by
    FROM programme_version
    WHERE programme_id = $1 AND number < $2
    ORDER BY number DESC
    LIMIT $3";

/// Returns the versions before `before`, newest first, and one more than a page if there are.
pub(crate) async fn versions_page(
    db: &Db,
    id: &ProgrammeId,
    before: i64,
    size: PageSize,
) -> Result<Vec<StoredVersion>, SqlError> {
    let rows: Vec<VersionRow> = with_pool!(db, |pool| {
        let page = sqlx::query_as(VERSIONS).bind(id.as_str()).bind(before);
        page.bind(size.probe()).fetch_all(pool).await?
    });
    rows.into_iter().map(version).collect()
}

const PROGRAMMES: &str = "
    SELECT programme_id, head, created_at, created_by FROM programme
    WHERE programme_id > $1
    ORDER BY programme_id
    LIMIT $2";

/// Returns the programmes after `after` by id, and one more than a page if there are.
pub(crate) async fn page(
    db: &Db,
    after: &str,
    size: PageSize,
) -> Result<Vec<StoredProgramme>, SqlError> {
    let rows: Vec<ProgrammeRow> = with_pool!(db, |pool| {
        let page = sqlx::query_as(PROGRAMMES).bind(after).bind(size.probe());
        page.fetch_all(pool).await?
    });
    rows.into_iter().map(programme).collect()
}

const PROGRAMME: &str = "
    SELECT programme_id, head, created_at, created_by FROM programme
    WHERE programme_id = $1";

/// Returns a programme.
pub(crate) async fn find(db: &Db, id: &ProgrammeId) -> Result<Option<StoredProgramme>, SqlError> {
    let row: Option<ProgrammeRow> = with_pool!(db, |pool| {
        let find = sqlx::query_as(PROGRAMME).bind(id.as_str());
        find.fetch_optional(pool).await?
    });
    row.map(programme).transpose()
}
