//! The service as its callers see it, on both databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod accounts;
mod batches;
mod bills;
mod blocks;
mod books;
mod calls;
mod change;
mod changes;
mod circumstances;
mod circumstances_feed;
mod concurrency;
mod damage;
mod earning;
mod entries;
mod erasure;
mod expiring;
mod failure_modes;
mod fake;
mod gifts;
mod holds;
mod jobs;
mod ledger_walk;
mod liability;
mod merges;
mod model;
#[path = "../../src/domain/model/naive.rs"]
mod naive;
mod notices;
mod partner_random;
mod partner_suite;
mod partners;
mod pending;
mod points;
mod pools;
mod programme_suite;
mod programmes;
mod random;
mod regressions;
mod reverse;
mod revoke;
mod reward_catalogue;
mod reward_crowds;
mod reward_refunds;
mod reward_suite;
mod rewards;
mod settlements;
mod staff;
mod standing;
mod statement;
mod suite;
mod tiers;
mod upgrade;
mod verify;
mod verify_entries;
mod verify_partners;
mod verify_rewards;
mod verify_rows;
mod verify_seal;

// The model names the domain as the crate does.
use tenure_loyalty_points::domain;
