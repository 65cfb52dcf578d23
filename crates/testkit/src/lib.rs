//! Fresh databases of both kinds, a manual clock, builders and assertions for tests.
//!
//! Store tests run on both databases, inside the test, so that no case can forget one:
//!
//! ```no_run
//! # async fn burn_refuses_to_overdraw() {
//! use tenure_sql::Migrations;
//! use tenure_testkit::each_backend;
//!
//! each_backend(&Migrations::NONE, async |db| {
//!     db.ping().await.unwrap();
//! })
//! .await;
//! # }
//! ```

mod backend;
pub mod fuzz;
mod postgres;
mod schema;
mod shared;
mod status;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tenure_core::{Clock, Ids, ManualClock, SystemClock, Timestamp};
use uuid::Uuid;

pub use backend::{each_backend, each_backend_with, fresh_postgres, fresh_sqlite};
pub use postgres::server as postgres_server;
pub use schema::assert_schema_rules;
pub use shared::shared_data;
pub use status::{assert_code, assert_reason, error_info};

/// Returns a clock that shows 2025-01-01T00:00:00Z until it is moved.
///
/// # Panics
/// Never: the day exists.
#[must_use]
pub fn manual_clock() -> ManualClock {
    ManualClock::at(Timestamp::from_date(2025, 1, 1).expect("the day exists"))
}

/// Returns a request id that nobody used before.
#[must_use]
pub fn request_id() -> Uuid {
    Ids::system().uuid(SystemClock.now())
}

/// Returns a loopback address whose port was free a moment ago.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
}
