//! Both databases behind one SQL text: pools, transactions, migrations, lanes, change feed, answers.
//!
//! This crate and each service's `store/` are the only places that name `sqlx`. There is no store
//! trait and no generic over the driver: a statement stands once, as a `const` beside its function,
//! and [`with_pool!`] and [`with_tx!`] run it natively on SQLite and on PostgreSQL.
//!
//! # To add a table, do these
//!
//! 1. Write the step twice, as `migrations/sqlite/0107_gift.sql` and
//!    `migrations/postgres/0107_gift.sql` of your service, and add its name to the service's
//!    [`migrations!`]. SQLite: `STRICT`, and `WITHOUT ROWID` where rows are found by the primary
//!    key; only `INTEGER`, `REAL`, `TEXT` and `BLOB`. PostgreSQL: `BIGINT`, `DOUBLE PRECISION`,
//!    `TEXT COLLATE "C"` for whatever is compared or sorted, `BYTEA`; and a view `gift_readable`
//!    that shows instants as timestamps. A table that grows with the customers has `lane` first in
//!    its primary key and in every other unique or foreign key.
//! 2. Make `store/gift.rs`: statements as constants, one private row type, one function per
//!    statement. `$1` placeholders; bind the clock; instants as microseconds; `CAST(SUM(n) AS
//!    BIGINT)`; `NULLS LAST` written out; `lane = $1` in every statement of the hot path. Where the
//!    dialects differ, [`Db::pick`].
//! 3. Reads take a `&Db` and use [`with_pool!`]. Writes take a `&mut Tx` and use [`with_tx!`]; the
//!    use case alone begins and commits.
//! 4. A use case is one transaction, in this order: [`answers::claim`]; [`feed::lock_lanes`] where a
//!    decision depends on what is read; the effects; [`answers::record`]; [`feed::append`]; commit.
//! 5. Test each function with `tenure_testkit::each_backend`, so that every statement is reached on
//!    both; `tenure_testkit::assert_schema_rules` checks the rest of what stands here.
//!
//! # What the two databases do differently
//!
//! | trap | what we do |
//! |---|---|
//! | SQLite cannot write after another wrote since the first read | [`Db::begin`] begins IMMEDIATE |
//! | an error ends the whole transaction on PostgreSQL only | `ON CONFLICT DO NOTHING`, then count the rows |
//! | READ COMMITTED lets two decide on the same state | [`feed::lock_lanes`] first |
//! | text sorts by the server's locale on PostgreSQL | `COLLATE "C"`; tests run under `en-US` |
//! | `SUM` of BIGINT is NUMERIC on PostgreSQL | `CAST` |
//! | SQLite names no constraints | [`SqlError`] by kind, decided at the call site |
//! | identity columns become visible out of order | the change feed numbers under the lane's lock |

pub mod answers;
pub mod db;
mod error;
pub mod feed;
mod identity;
pub mod migrate;
pub mod rows;
pub mod scratch;
mod scrub;
mod signal;
pub mod tally;
pub mod tx;
mod with;

pub use db::{Connections, Db, DbOptions};
pub use error::{SqlError, SqlErrorKind};
pub use migrate::{MigrateError, Migration, Migrations, migrate, pending};
pub use scrub::scrub;
pub use signal::FeedSignal;
pub use tx::Tx;
