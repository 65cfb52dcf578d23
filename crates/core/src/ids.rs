//! Where new ids come from: the only place that asks for randomness.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

use crate::time::Timestamp;

/// Makes ids. Clones share one generator.
#[derive(Debug, Clone)]
pub struct Ids(Arc<Mutex<SmallRng>>);

impl Ids {
    /// Creates a generator seeded by the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(SmallRng::from_os_rng())))
    }

    /// Creates a generator that makes the same ids for the same `seed`, for tests and the demo.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(SmallRng::seed_from_u64(seed))))
    }

    /// Returns a new UUID of version 7, whose order is the order of `now`.
    #[must_use]
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0_u8; 10];
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut random);
        let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_instant_they_were_made_at() {
        let ids = Ids::system();

        let early = ids.uuid(Timestamp::from_micros(1_000_000));
        let late = ids.uuid(Timestamp::from_micros(2_000_000));

        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn a_seed_decides_the_ids() {
        let at = Timestamp::from_micros(1_000);
        assert_eq!(Ids::seeded(3).uuid(at), Ids::seeded(3).uuid(at));
        assert_ne!(Ids::seeded(3).uuid(at), Ids::seeded(4).uuid(at));
    }
}
