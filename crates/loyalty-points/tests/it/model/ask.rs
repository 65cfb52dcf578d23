//! What a client asks for: drawn by chance.

use rand::Rng;
use rand::rngs::SmallRng;

use crate::domain::{
    Block, HoldExpiry, OrderOfUse, Policies, PoolLimits, ReversalPolicy, RevokePolicy,
    TransferLimits,
};
use crate::naive::{Ask, Earning, Micros, SECOND};

/// The accounts of a client; the last ones are opened by splits only.
pub(crate) const ACCOUNTS: usize = 8;
/// For how many months the customers of the accounts that are opened at first are there.
pub(crate) const JOINED_MONTHS: [i32; 6] = [7, 2, 30, 0, 1, 5];
const OPENED: usize = JOINED_MONTHS.len();

/// Draws the policies of a programme. Limits are low, so that they are met.
pub(crate) fn policies(random: &mut SmallRng) -> Policies {
    Policies {
        order_of_use: match random.random_range(0..3) {
            0 => OrderOfUse::EarnedFirst,
            _ => OrderOfUse::ExpiryFirst,
        },
        hold_expiry: match random.random_range(0..2) {
            0 => HoldExpiry::HonourHold,
            _ => HoldExpiry::ExpireHold,
        },
        reversal: match random.random_range(0..3) {
            0 => ReversalPolicy::OriginalExpiry,
            1 => ReversalPolicy::GraceDays(1),
            _ => ReversalPolicy::NewLot,
        },
        revoke: match random.random_range(0..4) {
            0 => RevokePolicy::PendingOnly,
            1 => RevokePolicy::ToZero,
            _ => RevokePolicy::BelowZero,
        },
        debt_limit: 60,
        reinstate_days: 1,
        approval_above: 30,
        transfer: TransferLimits {
            recipients_max: 3,
            recipient_change_days: 1,
            out_month_max: 150,
            in_month_max: 200,
            tenure_months: 1,
        },
        pool: PoolLimits {
            contribute_month_max: 120,
            spend_month_max: 80,
            ..PoolLimits::default()
        },
        ..Policies::default()
    }
}

/// Seconds, of which some end a little off a whole one.
fn span(random: &mut SmallRng, seconds: std::ops::Range<i64>) -> Micros {
    let off = match random.random_range(0..4) {
        0 => random.random_range(0..SECOND),
        _ => 0,
    };
    random.random_range(seconds) * SECOND + off
}

fn earning(random: &mut SmallRng) -> Ask {
    let waits = match random.random_range(0..10) {
        0 => Some(None),
        1..3 => Some(Some(span(random, 1..20))),
        _ => None,
    };
    let lasts = match random.random_range(0..10) {
        0..2 => None,
        2 => Some(span(random, 80_000..4_000_000)),
        3..6 => Some(span(random, 60..900)),
        _ => Some(span(random, 1..60)),
    };
    Ask::Earn(Earning {
        points: random.random_range(1..50),
        source: random.random(),
        lasts,
        waits,
        special: random.random_bool(0.3),
    })
}

/// Draws an account: most is asked of the first ones, so that there is something to ask for.
pub(crate) fn account(random: &mut SmallRng) -> usize {
    match random.random_range(0..20) {
        0..12 => random.random_range(0..3),
        12..19 => random.random_range(3..OPENED),
        _ => random.random_range(OPENED..ACCOUNTS),
    }
}

/// Draws what is asked of an account, never anything between the account and itself.
pub(crate) fn ask(random: &mut SmallRng, account: usize) -> Ask {
    let answer = random.random_range(0..1_000);
    let part = random.random_bool(0.5).then(|| random.random_range(1..20));
    let other = match random.random_range(0..4) {
        0 => (account + random.random_range(1..OPENED)) % OPENED,
        _ => (account + random.random_range(1..3)) % 3,
    };
    let block = Block::ALL[random.random_range(0..Block::ALL.len())];
    match random.random_range(0..480) {
        0..105 => earning(random),
        105..160 => Ask::Redeem(random.random_range(1..30)),
        160..205 => {
            let seconds = random.random_range(1..60);
            Ask::Hold(random.random_range(1..25), seconds * SECOND)
        }
        205..235 => Ask::Confirm(answer, part, random.random()),
        235..250 => Ask::Release(answer),
        250..305 => Ask::Reverse(answer, part),
        305..315 => Ask::Activate(answer),
        315..325 => {
            let points = random.random_range(1..50) * if random.random() { 1 } else { -1 };
            Ask::Adjust(points, random.random_range(0..3))
        }
        325..333 => Ask::Expire(random.random_bool(0.8).then_some(answer)),
        333..343 => Ask::Reinstate(answer),
        343 => Ask::Block(block),
        344..352 => Ask::Unblock(block),
        352 if random.random_bool(0.3) => Ask::Close,
        353 if random.random_bool(0.3) && other != account => Ask::Merge(other),
        354 if account < OPENED => {
            let new = random.random_range(OPENED..ACCOUNTS);
            Ask::Split(new, random.random_range(1..20))
        }
        355..368 if other != account => {
            let replaced = random.random_bool(0.3).then_some((other + 1) % OPENED);
            Ask::Register(other, replaced.filter(|replaced| *replaced != account))
        }
        400..420 if other != account => Ask::Join(other),
        420..450 if other != account => Ask::Contribute(other, random.random_range(1..20)),
        450..480 => Ask::RedeemFor(other, random.random_range(1..15)),
        _ if other != account => Ask::Give(other, random.random_range(1..20)),
        _ => earning(random),
    }
}
