//! Points that go: from which lots, and what is said when there are too few.

use std::sync::Arc;

use tenure_core::Timestamp;

use super::account::{Account, Lot};
use super::entry::{Allocation, EntryKind};
use super::journal::{Journal, Movement};
use super::policy::{Operation, OrderOfUse};
use super::refusal::Refusal;
use super::total::day_of;

/// Refuses to spend more than can be spent, with all that a customer may ask then.
pub(super) fn require_points(account: &Account, needed: i64, at: Timestamp) -> Result<(), Refusal> {
    let available = account.available();
    if available >= needed {
        return Ok(());
    }
    let (day, expired) = account.expired;
    Err(Refusal::InsufficientPoints {
        account: account.id.to_string(),
        available,
        held: account.held(),
        needed,
        pending: account.pending(),
        expired_today: if day == day_of(at) { expired } else { 0 },
        debt: account.debt,
        next_activation: account.next_activation().map(Timestamp::as_micros),
    })
}

/// Takes points from the lots in their order, by `take`, which also says where they go. At least as
/// many must be available.
pub(super) fn spend(
    account: &mut Account,
    points: i64,
    order: OrderOfUse,
    take: impl FnMut(&mut Lot, i64),
) -> Vec<Allocation> {
    match order {
        OrderOfUse::ExpiryFirst => take_from(account.lots.iter_mut(), points, take),
        OrderOfUse::EarnedFirst => {
            let mut lots: Vec<&mut Lot> = account.lots.iter_mut().collect();
            lots.sort_by_key(|lot| lot.order_by(order));
            take_from(lots.into_iter(), points, take)
        }
    }
}

/// Takes available points from lots in the order given.
pub(super) fn take_from<'l>(
    lots: impl Iterator<Item = &'l mut Lot>,
    points: i64,
    mut take: impl FnMut(&mut Lot, i64),
) -> Vec<Allocation> {
    let mut left = points;
    let mut allocations = Vec::new();
    for lot in lots.filter(|lot| lot.available() > 0) {
        if left == 0 {
            break;
        }
        let taken = lot.remaining.min(left);
        take(lot, taken);
        left -= taken;
        allocations.push(Allocation::of(lot, -taken));
    }
    debug_assert_eq!(left, 0, "what is available covers what is taken");
    allocations
}

/// Refuses what blocks and the customer's time with the operator forbid.
pub(super) fn require_may_redeem(
    account: &Account,
    at: Timestamp,
    journal: &Journal<'_>,
) -> Result<(), Refusal> {
    let policies = &journal.programme().policies;
    account.require_free(Operation::Redeem, policies)?;
    account.require_tenure(policies.redeem_tenure_months, at)
}

pub(super) fn redeem(
    account: &mut Account,
    at: Timestamp,
    points: i64,
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    require_may_redeem(account, at, journal)?;
    require_points(account, points, at)?;
    let order = journal.programme().policies.order_of_use;
    let mut movement = Movement::new(EntryKind::Redeem, -points, 0);
    movement.allocations = spend(account, points, order, |lot, taken| lot.remaining -= taken);
    movement.source = source.clone();
    account.drop_empty_lots();
    journal.write(account, at, movement);
    Ok(())
}
