//! The database of scoring: one file per table, one transaction per use case.

pub(crate) mod customer;
pub(crate) mod interval;
pub(crate) mod model;
pub(crate) mod run;
pub(crate) mod score;

use std::collections::BTreeMap;

use tenure_core::{Lane, Lanes};

/// Groups items by the lane of their customer, lanes ascending.
pub(crate) fn by_lane<T>(
    lanes: Lanes,
    items: impl IntoIterator<Item = T>,
    customer: impl Fn(&T) -> &str,
) -> BTreeMap<Lane, Vec<T>> {
    let mut grouped: BTreeMap<Lane, Vec<T>> = BTreeMap::new();
    for item in items {
        grouped
            .entry(lanes.of(customer(&item)))
            .or_default()
            .push(item);
    }
    grouped
}
