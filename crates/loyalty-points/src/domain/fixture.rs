//! What several tests of rules begin with.

use tenure_core::{ProgrammeId, Timestamp};

use super::{Expiry, Policies, Programme};

/// Returns an instant some seconds after the first one of 1970.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

/// Returns a programme whose points never expire, with the policies that programmes have by default.
pub(super) fn programme() -> Programme {
    Programme {
        id: ProgrammeId::parse("default").unwrap(),
        version: "1".into(),
        expiry: Expiry::NEVER,
        policies: Policies::default(),
    }
}
