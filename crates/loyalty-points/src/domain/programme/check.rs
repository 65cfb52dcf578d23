//! What a version may hold: every limit on which the arithmetic rests, checked once at the edge.

use std::collections::BTreeSet;

use tenure_core::Violations;

use super::event::Event;
use super::expiry::Term;
use super::rule::{Band, Basis, Multiplier, Reward, Rule, WHOLE};
use super::version::ProgrammeVersion;
use crate::domain::policy::{Policies, PoolLimits, TransferLimits};
use crate::domain::tier::{TierPeriod, TierPolicy};
use crate::domain::{BALANCE_MAX, POINTS_MAX};

/// The most points for a unit of money.
pub(super) const POINTS_PER_UNIT_MAX: u32 = 1_000_000;
/// The largest factor or share: a hundred times.
pub(super) const FACTOR_MAX: u32 = 100 * WHOLE;
/// The most items of a list within a rule.
pub(super) const ITEMS_MAX: usize = 64;
/// The longest time that points are pending.
pub(super) const PENDING_DAYS_MAX: u16 = 730;
/// The most times that the expiry of points is told before.
const NOTICES_MAX: usize = 8;
/// The earliest.
const NOTICE_DAYS_MAX: i64 = 366;
/// The longest grace of those who left.
const GRACE_DAYS_MAX: i64 = 3_660;
/// The longest word of a person's, in bytes.
const NAME_LENGTH_MAX: usize = 128;
/// The longest key.
const KEY_LENGTH_MAX: usize = 64;

/// Notes it when a number is none of `least` to `most`.
fn within(v: &mut Violations, field: &str, value: i64, least: i64, most: i64) {
    if !(least..=most).contains(&value) {
        v.add(field, format!("{least} to {most}"), value.to_string());
    }
}

fn key(v: &mut Violations, field: &str, text: &str) {
    let wanted = || format!("1 to {KEY_LENGTH_MAX} printable ASCII characters without spaces");
    if text.is_empty() {
        v.add(field, wanted(), "nothing");
    } else if text.len() > KEY_LENGTH_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        v.add(field, wanted(), format!("{} bytes", text.len()));
    }
}

fn few(v: &mut Violations, field: &str, count: usize, most: usize) {
    if count > most {
        v.add(field, format!("at most {most} items"), count.to_string());
    }
}

impl ProgrammeVersion {
    /// Notes everything that is wrong with the version.
    pub fn check(&self, v: &mut Violations) {
        if self.name.is_empty() || self.name.len() > NAME_LENGTH_MAX {
            let wanted = format!("1 to {NAME_LENGTH_MAX} bytes");
            v.add("display_name", wanted, format!("{} bytes", self.name.len()));
        }
        key(v, "currency", &self.currency);
        key(v, "qualifying_currency", &self.qualifying_currency);
        if self.currency == self.qualifying_currency {
            v.add(
                "qualifying_currency",
                "another name than that of the points that are spent",
                "the same",
            );
        }
        term(v, "expiry", self.term);
        within(v, "event_points_max", self.event_max, 0, POINTS_MAX);
        within(v, "day_points_max", self.day_max, 0, POINTS_MAX);
        few(v, "rules", self.rules.len(), Self::RULES_MAX);
        let mut keys = BTreeSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            v.within(&format!("rules[{at}]."), |v| {
                if !keys.insert(&rule.key) {
                    v.add(
                        "rule_id",
                        "a key that no other rule has",
                        "one that is taken",
                    );
                }
                check_rule(v, rule);
            });
        }
        if self.rules.iter().any(needs_tiers) && self.tiers.is_none() {
            v.add("tiers", "tiers, because a rule multiplies by them", "none");
        }
        if let Some(tiers) = &self.tiers {
            v.within("tiers.", |v| check_tiers(v, tiers));
        }
        v.within("policies.", |v| check_policies(v, &self.policies));
    }
}

fn check_policies(v: &mut Violations, policies: &Policies) {
    let limits = &policies.transfer;
    let recipients = i64::try_from(limits.recipients_max).unwrap_or(i64::MAX);
    let most = i64::from(TransferLimits::RECIPIENTS_MAX);
    within(v, "transfer.recipients_max", recipients, 0, most);
    for (field, points) in [
        ("debt_points_max", policies.debt_limit),
        ("approval_above_points", policies.approval_above),
        ("transfer.out_month_points_max", limits.out_month_max),
        ("transfer.in_month_points_max", limits.in_month_max),
        (
            "pool.contribute_month_points_max",
            policies.pool.contribute_month_max,
        ),
        ("pool.spend_month_points_max", policies.pool.spend_month_max),
    ] {
        within(v, field, points, 0, BALANCE_MAX);
    }
    few(
        v,
        "expiry_notice_days",
        policies.notice_days.len(),
        NOTICES_MAX,
    );
    for days in &policies.notice_days {
        let days = i64::from(*days);
        within(v, "expiry_notice_days", days, 1, NOTICE_DAYS_MAX);
    }
    let (members, most) = (policies.pool.members_max, PoolLimits::MEMBERS_MAX);
    within(v, "pool.members_max", members.into(), 0, most.into());
    let grace = i64::from(policies.effects.cancellation_grace_days);
    within(
        v,
        "effects.cancellation_grace_days",
        grace,
        0,
        GRACE_DAYS_MAX,
    );
}

fn needs_tiers(rule: &Rule) -> bool {
    matches!(&rule.earn, Basis::PerUnit { multiplier, .. } if *multiplier == Multiplier::Tier)
}

fn term(v: &mut Violations, field: &str, term: Term) {
    if let Term::Years(periods) | Term::Months(periods) | Term::FullMonths(periods) = term {
        let most = i64::from(Term::PERIODS_MAX);
        within(v, field, i64::from(periods), 1, most);
    }
}

fn check_rule(v: &mut Violations, rule: &Rule) {
    key(v, "rule_id", &rule.key);
    key(v, "points_type", &rule.points_type);
    if !rule.code.is_empty() {
        key(v, "event_code", &rule.code);
    }
    if let Some(own) = rule.term {
        term(v, "expiry", own);
    }
    let pending = i64::from(rule.pending_days);
    within(v, "pending_days", pending, 0, i64::from(PENDING_DAYS_MAX));
    within(v, "event_points_max", rule.event_max, 0, POINTS_MAX);
    within(v, "day_points_max", rule.day_max, 0, POINTS_MAX);
    let whole = i64::from(WHOLE);
    within(
        v,
        "qualifying_basis_points",
        i64::from(rule.qualifying),
        0,
        whole,
    );
    if let Some(funding) = &rule.funding {
        key(v, "funding.partner_id", &funding.partner);
        let share = i64::from(funding.share);
        within(v, "funding.share_basis_points", share, 1, whole);
    }
    check_earn(v, &rule.earn);
}

fn check_earn(v: &mut Violations, earn: &Basis) {
    match earn {
        Basis::PerUnit {
            points,
            minor_per_unit,
            excluded,
            multiplier,
        } => {
            let most = i64::from(POINTS_PER_UNIT_MAX);
            within(v, "per_unit.points", i64::from(*points), 0, most);
            within(
                v,
                "per_unit.minor_per_unit",
                i64::from(*minor_per_unit),
                1,
                1_000_000,
            );
            few(v, "per_unit.excluded_parts", excluded.len(), ITEMS_MAX);
            for part in excluded {
                key(v, "per_unit.excluded_parts", part);
            }
            check_multiplier(v, multiplier);
        }
        Basis::Tenure { bands } => check_bands(v, bands),
        Basis::Punctual { months, reward: of } => {
            within(v, "punctual.months", i64::from(*months), 1, 600);
            reward(v, "punctual.reward", *of);
        }
        Basis::Spending {
            part,
            least,
            reward: of,
        } => {
            key(v, "spending.part", part);
            within(v, "spending.least_amount_minor", *least, 1, Event::PAID_MAX);
            reward(v, "spending.reward", *of);
        }
        Basis::Product {
            product,
            reward: of,
        } => {
            key(v, "product.product_code", product);
            reward(v, "product.reward", *of);
        }
        Basis::Event { reward: of } => reward(v, "per_event.reward", *of),
    }
}

fn check_multiplier(v: &mut Violations, multiplier: &Multiplier) {
    let Multiplier::Star { factors, otherwise } = multiplier else {
        return;
    };
    few(v, "per_unit.star.factors", factors.len(), ITEMS_MAX);
    let most = i64::from(FACTOR_MAX);
    let otherwise = i64::from(*otherwise);
    within(
        v,
        "per_unit.star.otherwise_basis_points",
        otherwise,
        0,
        most,
    );
    for factor in factors {
        key(v, "per_unit.star.factors.key", &factor.key);
        let found = i64::from(factor.basis_points);
        within(v, "per_unit.star.factors.basis_points", found, 0, most);
    }
}

fn check_bands(v: &mut Violations, bands: &[Band]) {
    few(v, "tenure.bands", bands.len(), ITEMS_MAX);
    if bands.is_empty() {
        v.add("tenure.bands", "at least one band", "none");
    }
    let mut next = 0_u32;
    for band in bands {
        let (from, to) = (u32::from(band.from_month), band.to_month);
        if from < next || to.is_some_and(|to| to < band.from_month) {
            let wanted = "bands that ascend and do not overlap";
            v.add("tenure.bands", wanted, format!("one from month {from}"));
        }
        next = to.map_or(u32::MAX, |to| u32::from(to) + 1);
        reward(v, "tenure.bands.reward", band.reward);
    }
}

fn reward(v: &mut Violations, field: &str, reward: Reward) {
    match reward {
        Reward::Percent(basis_points) => {
            within(v, field, i64::from(basis_points), 1, i64::from(FACTOR_MAX));
        }
        Reward::Flat(points) | Reward::PerProduct(points) => {
            within(v, field, i64::from(points), 1, POINTS_MAX);
        }
    }
}

fn check_tiers(v: &mut Violations, policy: &TierPolicy) {
    if let TierPeriod::Rolling(months) = policy.period {
        within(v, "rolling_months", i64::from(months), 1, 60);
    }
    within(v, "grace_days", i64::from(policy.grace_days), 0, 366);
    few(v, "tiers", policy.tiers.len(), TierPolicy::TIERS_MAX);
    if policy.tiers.is_empty() {
        v.add("tiers", "at least one tier", "none");
    }
    let mut keys = BTreeSet::new();
    let mut below = (0, 0);
    for (at, tier) in policy.tiers.iter().enumerate() {
        v.within(&format!("tiers[{at}]."), |v| {
            key(v, "tier_id", &tier.key);
            if !keys.insert(&tier.key) {
                v.add(
                    "tier_id",
                    "a key that no other tier has",
                    "one that is taken",
                );
            }
            let found = (tier.qualifying_min, tier.paid_min);
            if found.0 < below.0 || found.1 < below.1 || found == (0, 0) || found == below {
                let wanted = "more than the tier below";
                v.add("qualifying_points_min", wanted, found.0.to_string());
            }
            below = found;
            within(
                v,
                "multiplier_basis_points",
                i64::from(tier.multiplier),
                0,
                i64::from(FACTOR_MAX),
            );
            few(v, "benefits", tier.benefits.len(), ITEMS_MAX);
            for benefit in &tier.benefits {
                key(v, "benefits", benefit);
            }
        });
    }
}
