//! What runs by itself: earning from settled bills, booking what is due, sealing and summing what is
//! written.

mod bills;
mod erase;
mod news;
mod notices;
mod seal;
mod settlements;
mod sweep;
mod tiers;
mod vintages;

use std::sync::Arc;

use tenure_rpc::{Lifecycle, feed};

pub(crate) use bills::BillReader;
pub(crate) use notices::notice;
pub(crate) use seal::seal;
pub(crate) use sweep::sweep;
pub(crate) use tiers::evaluate_tiers;

use crate::Shared;

/// Starts the jobs; they end when the process drains.
pub(crate) fn spawn(shared: &Arc<Shared>, lifecycle: &Lifecycle) {
    let reader = BillReader::new(shared.clone());
    lifecycle.spawn(
        "loyalty bill reader",
        feed::follow(reader, lifecycle.clone()),
    );
    lifecycle.spawn(
        "loyalty sweep",
        sweep::run(shared.clone(), lifecycle.clone()),
    );
    lifecycle.spawn(
        "loyalty notices",
        notices::run(shared.clone(), lifecycle.clone()),
    );
    lifecycle.spawn("loyalty seal", seal::run(shared.clone(), lifecycle.clone()));
    lifecycle.spawn(
        "loyalty vintages",
        vintages::run(shared.clone(), lifecycle.clone()),
    );
    lifecycle.spawn(
        "loyalty settlements",
        settlements::run(shared.clone(), lifecycle.clone()),
    );
    lifecycle.spawn(
        "loyalty tiers",
        tiers::run(shared.clone(), lifecycle.clone()),
    );
}
