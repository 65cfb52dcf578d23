//! The rules in force: remembered, and read again when a lane says that they changed.
//!
//! An activation locks all lanes and raises their epoch. Whoever has locked a lane therefore knows,
//! by the epoch that the lock returns, whether what it remembers still holds; and while it holds the
//! lock nobody can change it.

use std::sync::{Arc, PoisonError, RwLock};

use tenure_core::{Lane, ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::lanes;
use super::programmes::{self, Activated, StoredVersion};
use crate::domain::{Catalogue, ProgrammeRefusal, ProgrammeVersion};

/// Who created what the configuration says.
const SEEDER: &str = "configuration";

/// The first version of the default programme.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    pub(crate) programme: ProgrammeId,
    pub(crate) rules: ProgrammeVersion,
}

/// The rules as this process remembers them.
#[derive(Debug)]
pub(crate) struct Rules {
    seed: Seed,
    remembered: RwLock<Option<Arc<Catalogue>>>,
}

const EPOCH: &str = "SELECT MAX(epoch) FROM lane";
const RAISE: &str = "UPDATE lane SET epoch = epoch + 1";

impl Rules {
    pub(crate) fn new(seed: Seed) -> Self {
        let remembered = RwLock::new(None);
        Self { seed, remembered }
    }

    fn remembered(&self) -> Option<Arc<Catalogue>> {
        let remembered = self.remembered.read();
        remembered.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, catalogue: Catalogue) -> Arc<Catalogue> {
        let catalogue = Arc::new(catalogue);
        let remembered = self.remembered.write();
        let mut remembered = remembered.unwrap_or_else(PoisonError::into_inner);
        // A slower reader must not bring older rules back.
        if remembered
            .as_ref()
            .is_none_or(|known| known.epoch <= catalogue.epoch)
        {
            *remembered = Some(catalogue.clone());
        }
        catalogue
    }

    /// Returns the rules as this process knows them; reads them, and makes the first version of the
    /// default programme, when it knows none. For reads, and before a transaction begins.
    pub(crate) async fn known(&self, db: &Db, now: Timestamp) -> Result<Arc<Catalogue>, SqlError> {
        if let Some(known) = self.remembered() {
            return Ok(known);
        }
        self.read(db, now).await
    }

    /// Returns the rules as they are now.
    pub(crate) async fn fresh(&self, db: &Db, now: Timestamp) -> Result<Arc<Catalogue>, SqlError> {
        let known = self.known(db, now).await?;
        let epoch: i64 = with_pool!(db, |pool| sqlx::query_scalar(EPOCH).fetch_one(pool).await?);
        if known.epoch == epoch {
            return Ok(known);
        }
        self.read(db, now).await
    }

    async fn read(&self, db: &Db, now: Timestamp) -> Result<Arc<Catalogue>, SqlError> {
        let mut tx = db.begin().await?;
        // A lane holds the rules still.
        let locked = lanes::lock(&mut tx, &[0]).await?;
        let id = &self.seed.programme;
        let mut catalogue = programmes::catalogue(&mut tx, locked.epoch, id).await?;
        if catalogue.in_force(id, now).is_none() {
            self.plant(&mut tx, now).await?;
            catalogue = programmes::catalogue(&mut tx, locked.epoch, id).await?;
        }
        tx.commit().await?;
        Ok(self.remember(catalogue))
    }

    /// Makes the first version of the default programme, in force since ever.
    async fn plant(&self, tx: &mut Tx, now: Timestamp) -> Result<(), SqlError> {
        let Seed { programme, rules } = &self.seed;
        // Whether it was there before does not matter.
        let _ = programmes::create(tx, programme, SEEDER, now).await?;
        let Ok(version) = programmes::draft(tx, programme, rules, SEEDER, now).await? else {
            return Err(SqlError::corrupt("the default programme cannot be made"));
        };
        let activated = Activated {
            effective_from: Timestamp::MIN,
            at: now,
            by: SEEDER.to_owned(),
        };
        programmes::activate(tx, programme, version.number, &activated).await?;
        Ok(())
    }

    /// Returns the rules as a transaction finds them that has locked nothing yet: they may be newer
    /// than their epoch says, and are read again then.
    pub(super) async fn as_found(&self, tx: &mut Tx) -> Result<Arc<Catalogue>, SqlError> {
        let epoch: i64 = with_tx!(tx, |conn| {
            sqlx::query_scalar(EPOCH).fetch_one(conn).await?
        });
        self.under_lock(tx, epoch).await
    }

    /// Returns the rules of the epoch that the lock of a lane told.
    pub(super) async fn under_lock(
        &self,
        tx: &mut Tx,
        epoch: i64,
    ) -> Result<Arc<Catalogue>, SqlError> {
        match self.remembered() {
            Some(known) if known.epoch == epoch => Ok(known),
            _ => {
                let catalogue = programmes::catalogue(tx, epoch, &self.seed.programme).await?;
                Ok(self.remember(catalogue))
            }
        }
    }
}

/// Raises the epoch of the rules. The caller holds all lanes.
pub(super) async fn raise(tx: &mut Tx) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        sqlx::query(RAISE).execute(conn).await?;
    });
    Ok(())
}

/// Activates a draft: no decision that begins afterwards uses older rules.
pub(crate) async fn activate(
    tx: &mut Tx,
    lanes: impl Iterator<Item = Lane>,
    (programme, number): (&ProgrammeId, i64),
    activated: &Activated,
) -> Result<Result<StoredVersion, ProgrammeRefusal>, SqlError> {
    let lanes: Vec<Lane> = lanes.collect();
    lanes::lock(tx, &lanes).await?;
    let Some(mut found) = programmes::version_in(tx, programme, number).await? else {
        let programme = programme.to_string();
        return Ok(Err(ProgrammeRefusal::VersionNotFound { programme, number }));
    };
    if let Err(refusal) = programmes::require_partners(tx, &found.rules).await? {
        return Ok(Err(refusal));
    }
    if !programmes::activate(tx, programme, number, activated).await? {
        let programme = programme.to_string();
        return Ok(Err(ProgrammeRefusal::VersionActivated {
            programme,
            number,
        }));
    }
    raise(tx).await?;
    found.activated = Some(activated.clone());
    Ok(Ok(found))
}
