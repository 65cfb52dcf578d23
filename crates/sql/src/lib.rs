//! Both databases behind one SQL text: pools, transactions, migrations, lanes, change feed, answers.

pub mod answers;
pub mod db;
mod error;
pub mod feed;
mod identity;
pub mod migrate;
mod signal;
pub mod tx;
mod with;

pub use db::{Db, DbOptions};
pub use error::{SqlError, SqlErrorKind};
pub use migrate::{MigrateError, Migration, Migrations, migrate, pending};
pub use signal::FeedSignal;
pub use tx::Tx;
