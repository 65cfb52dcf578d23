//! Brings a database to the schema that the program was built for.

use std::collections::HashMap;

use sqlx::migrate::{Migrate, MigrationType, Migrator};
use sqlx::{Connection, Executor, SqlSafeStr};
use tenure_core::{Coded, ErrorCode};

use crate::db::{Db, Pools};
use crate::error::SqlError;
use crate::identity;
use crate::migrations;

/// One step of a schema. Released steps are never edited.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The number in front of the file's name; below 100 the steps belong to this crate.
    pub version: i64,
    /// The file's name without ending, for example `0101_ledger`.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// The steps of a service, one list per dialect with the same numbers and names: made by
/// [`crate::migrations!`].
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// For SQLite.
    pub sqlite: &'static [Migration],
    /// For PostgreSQL.
    pub postgres: &'static [Migration],
}

impl Migrations {
    /// No steps beyond the foundation.
    pub const NONE: Self = Self {
        sqlite: &[],
        postgres: &[],
    };
}

/// What every database has, whatever its service.
const FOUNDATION: Migrations = migrations!("0001_foundation", "0002_compaction");

/// Lists the migrations of a crate, read at compile time from its folders `migrations/sqlite` and
/// `migrations/postgres`. A name starts with four digits and an underscore.
///
/// ```
/// use tenure_sql::Migrations;
///
/// pub const MIGRATIONS: Migrations = tenure_sql::migrations!("0001_foundation");
/// ```
#[macro_export]
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        $crate::migrate::Migrations {
            sqlite: &[$($crate::migrate::Migration {
                version: $crate::migrate::version($name),
                name: $name,
                sql: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql"
                )),
            }),*],
            postgres: &[$($crate::migrate::Migration {
                version: $crate::migrate::version($name),
                name: $name,
                sql: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql"
                )),
            }),*],
        }
    };
}

/// Returns the number in front of a migration's name; a name without one does not compile.
#[must_use]
pub const fn version(name: &str) -> i64 {
    let name = name.as_bytes();
    assert!(
        name.len() > 5 && name[4] == b'_',
        "a migration is named like 0101_ledger"
    );
    let mut version = 0;
    let mut at = 0;
    while at < 4 {
        assert!(
            name[at].is_ascii_digit(),
            "a migration is named like 0101_ledger"
        );
        version = version * 10 + (name[at] - b'0') as i64;
        at += 1;
    }
    version
}

/// Why a database could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer program migrated it already.
    #[error(
        "the database has migration {version}, which this program does not know: \
         start the newer version, or restore a backup"
    )]
    Newer {
        /// The first unknown step.
        version: i64,
    },
    /// A released step was edited.
    #[error("migration {version} differs from the one the database was made with")]
    Changed {
        /// The step.
        version: i64,
    },
    /// Two steps of one number, or steps out of order: a mistake in the program.
    #[error("migration {version} stands twice or out of order")]
    Disordered {
        /// The step.
        version: i64,
    },
    /// The database refused a step.
    #[error("migration {version} failed: {source}")]
    Failed {
        /// The step.
        version: i64,
        /// Why.
        source: SqlError,
    },
    /// The database failed between steps.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl Coded for MigrateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Sql(error) => error.code(),
            _ => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Sql(error) => error.reason(),
            _ => "INTERNAL_ERROR",
        }
    }
}

/// Applies the foundation and then what is missing of `migrations`, and gives a new database its
/// identity. Replicas that do so at once wait for each other. Returns the names of what was applied.
///
/// # Errors
/// When the database is newer than the program, differs from it, or refuses a step; it is then as
/// it was before that step.
pub async fn migrate(db: &Db, migrations: &Migrations) -> Result<Vec<&'static str>, MigrateError> {
    let missing = pending(db, migrations).await?;
    if !missing.is_empty() {
        run(db, &migrator(db, migrations)).await?;
    }
    let identity = identity::ensure(db).await?;
    db.identify(identity);
    Ok(missing.iter().map(|step| step.name).collect())
}

/// Returns the steps the database lacks, without changing anything.
///
/// # Errors
/// When the database is newer than the program, or differs from it.
pub async fn pending(db: &Db, migrations: &Migrations) -> Result<Vec<Migration>, MigrateError> {
    let steps = steps(db, migrations)?;
    let applied = applied(db).await?;
    let unknown = |version: &&i64| !steps.iter().any(|step| step.version == **version);
    if let Some(version) = applied.keys().filter(unknown).min() {
        return Err(MigrateError::Newer { version: *version });
    }
    let migrator = migrator(db, migrations);
    for step in migrator.iter() {
        if applied
            .get(&step.version)
            .is_some_and(|checksum| *checksum != *step.checksum)
        {
            return Err(MigrateError::Changed {
                version: step.version,
            });
        }
    }
    Ok(steps
        .into_iter()
        .filter(|step| !applied.contains_key(&step.version))
        .collect())
}

fn steps(db: &Db, migrations: &Migrations) -> Result<Vec<Migration>, MigrateError> {
    let list = |from: &Migrations| {
        if db.is_postgres() {
            from.postgres
        } else {
            from.sqlite
        }
    };
    let steps = [list(&FOUNDATION), list(migrations)].concat();
    match steps
        .windows(2)
        .find(|pair| pair[0].version >= pair[1].version)
    {
        Some(pair) => Err(MigrateError::Disordered {
            version: pair[1].version,
        }),
        None => Ok(steps),
    }
}

fn migrator(db: &Db, migrations: &Migrations) -> Migrator {
    let steps = steps(db, migrations)
        .unwrap_or_default()
        .into_iter()
        .map(|step| {
            let name = step.name.into();
            let sql = step.sql.into_sql_str();
            sqlx::migrate::Migration::new(step.version, name, MigrationType::Simple, sql, false)
        });
    Migrator::with_migrations(steps.collect())
}

/// Returns the checksum of every applied step by its number.
async fn applied(db: &Db) -> Result<HashMap<i64, Vec<u8>>, MigrateError> {
    let table = &*Migrator::DEFAULT.table_name;
    if !identity::has_table(db, table).await? {
        return Ok(HashMap::new());
    }
    let rows = match db.pools() {
        Pools::Sqlite { read, .. } => {
            let mut connection = read.acquire().await.map_err(SqlError::from)?;
            connection.list_applied_migrations(table).await
        }
        Pools::Postgres(pool) => {
            let mut connection = pool.acquire().await.map_err(SqlError::from)?;
            connection.list_applied_migrations(table).await
        }
    };
    let rows = rows.map_err(explain)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.version, row.checksum.into_owned()))
        .collect())
}

async fn run(db: &Db, migrator: &Migrator) -> Result<(), MigrateError> {
    match db.pools() {
        Pools::Sqlite { write, .. } => {
            // SQLite has no lock for migrations; one transaction around all steps is one.
            let mut tx = write
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(SqlError::from)?;
            migrator.run(&mut *tx).await.map_err(explain)?;
            tx.commit().await.map_err(SqlError::from)?;
        }
        Pools::Postgres(pool) => {
            // A connection of its own, closed whatever happens: the lock lives as long as it does.
            let mut connection = pool.acquire().await.map_err(SqlError::from)?.detach();
            let patience = "SET lock_timeout = '10min'";
            connection.execute(patience).await.map_err(SqlError::from)?;
            let ran = migrator.run(&mut connection).await;
            let closed = connection.close().await;
            ran.map_err(explain)?;
            closed.map_err(SqlError::from)?;
        }
    }
    Ok(())
}

fn explain(error: sqlx::migrate::MigrateError) -> MigrateError {
    use sqlx::migrate::MigrateError as E;
    match error {
        E::VersionMissing(version) => MigrateError::Newer { version },
        E::VersionMismatch(version) => MigrateError::Changed { version },
        E::ExecuteMigration(source, version) => MigrateError::Failed {
            version,
            source: source.into(),
        },
        E::Execute(error) => MigrateError::Sql(error.into()),
        error => MigrateError::Sql(SqlError::new(crate::SqlErrorKind::Other, error.to_string())),
    }
}
