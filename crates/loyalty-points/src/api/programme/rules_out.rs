//! Rules and earnings as words of the wire.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields::time;

use super::{effects_policy, pool_policy};
use crate::api::convert::until;
use crate::domain::{
    Basis, Block, Earning, EventKind, HoldExpiry, Line, Multiplier, Operation, OrderOfUse,
    Policies, ProgrammeVersion, ReversalPolicy, RevokePolicy, Reward, Rule, Skip, Term, TierPeriod,
    TierPolicy,
};

/// Numbers of the domain were numbers of the wire, or are limited to less.
fn wire(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// Returns the rules of a version.
pub(super) fn rules(version: &ProgrammeVersion) -> pb::ProgrammeRules {
    pb::ProgrammeRules {
        display_name: version.name.clone(),
        currency: version.currency.clone(),
        qualifying_currency: version.qualifying_currency.clone(),
        time_zone: version.zone.name().to_owned(),
        expiry: Some(expiry(version.term)),
        rules: version.rules.iter().map(rule).collect(),
        event_points_max: version.event_max,
        day_points_max: version.day_max,
        policies: Some(policies(&version.policies)),
        tiers: version.tiers.as_ref().map(tiers),
    }
}

fn expiry(term: Term) -> pb::ExpiryPolicy {
    use pb::expiry_policy::End;
    let end = match term {
        Term::Never => End::Never(true),
        Term::Years(years) => End::Years(years.into()),
        Term::Months(months) => End::Months(months.into()),
        Term::FullMonths(months) => End::FullMonths(months.into()),
        Term::On(at) => End::ExpireTime(time(Timestamp::from_micros(at))),
    };
    pb::ExpiryPolicy { end: Some(end) }
}

fn event_kind(kind: EventKind) -> pb::EventKind {
    match kind {
        EventKind::Bill => pb::EventKind::Bill,
        EventKind::Purchase => pb::EventKind::Purchase,
        EventKind::Activity => pb::EventKind::Activity,
        EventKind::Referral => pb::EventKind::Referral,
        EventKind::Campaign => pb::EventKind::Campaign,
        EventKind::Survey => pb::EventKind::Survey,
    }
}

fn rule(rule: &Rule) -> pb::EarningRule {
    pb::EarningRule {
        rule_id: rule.key.clone(),
        event_kind: event_kind(rule.event).into(),
        event_code: rule.code.clone(),
        points_type: rule.points_type.clone(),
        expiry: rule.term.map(expiry),
        pending_days: rule.pending_days.into(),
        event_points_max: rule.event_max,
        day_points_max: rule.day_max,
        qualifying_basis_points: wire(rule.qualifying),
        tenure_months_min: rule.tenure_months_min.into(),
        funding: rule
            .funding
            .as_ref()
            .map(|funding| self::funding(&funding.partner, funding.share)),
        basis: Some(basis(&rule.earn)),
    }
}

fn funding(partner: &str, share: u32) -> pb::PartnerFunding {
    pb::PartnerFunding {
        partner_id: partner.to_owned(),
        share_basis_points: wire(share),
    }
}

fn basis(basis: &Basis) -> pb::earning_rule::Basis {
    use pb::earning_rule::Basis as On;
    match basis {
        Basis::PerUnit {
            points,
            minor_per_unit,
            excluded,
            multiplier,
        } => On::PerUnit(pb::PerUnitBasis {
            points: wire(*points),
            minor_per_unit: wire(*minor_per_unit),
            excluded_parts: excluded.clone(),
            multiplier: self::multiplier(multiplier),
        }),
        Basis::Tenure { bands } => {
            let band = |band: &crate::domain::Band| pb::TenureBand {
                from_month: band.from_month.into(),
                to_month: band.to_month.unwrap_or(0).into(),
                reward: Some(reward(band.reward)),
            };
            On::Tenure(pb::TenureBasis {
                bands: bands.iter().map(band).collect(),
            })
        }
        Basis::Punctual { months, reward: of } => On::Punctual(pb::PunctualBasis {
            months: (*months).into(),
            reward: Some(reward(*of)),
        }),
        Basis::Spending {
            part,
            least,
            reward: of,
        } => On::Spending(pb::SpendingBasis {
            part: part.clone(),
            least_amount_minor: *least,
            reward: Some(reward(*of)),
        }),
        Basis::Product {
            product,
            reward: of,
        } => On::Product(pb::ProductBasis {
            product_code: product.clone(),
            reward: Some(reward(*of)),
        }),
        Basis::Event { reward: of } => On::PerEvent(reward(*of)),
    }
}

fn multiplier(multiplier: &Multiplier) -> Option<pb::per_unit_basis::Multiplier> {
    use pb::per_unit_basis::Multiplier as By;
    match multiplier {
        Multiplier::None => None,
        Multiplier::Tier => Some(By::Tier(true)),
        Multiplier::Star { factors, otherwise } => {
            let factor = |factor: &crate::domain::Factor| pb::StarFactor {
                star: factor.key.clone(),
                basis_points: wire(factor.basis_points),
            };
            Some(By::Star(pb::StarFactors {
                factors: factors.iter().map(factor).collect(),
                otherwise_basis_points: wire(*otherwise),
            }))
        }
    }
}

fn reward(reward: Reward) -> pb::Reward {
    use pb::reward::Size;
    let size = match reward {
        Reward::Percent(share) => Size::BasisPoints(wire(share)),
        Reward::Flat(points) => Size::Points(points.into()),
        Reward::PerProduct(points) => Size::PointsPerProduct(points.into()),
    };
    pb::Reward { size: Some(size) }
}

fn policies(policies: &Policies) -> pb::ProgrammePolicies {
    let order_of_use = match policies.order_of_use {
        OrderOfUse::ExpiryFirst => pb::OrderOfUse::ExpiryFirst,
        OrderOfUse::EarnedFirst => pb::OrderOfUse::EarnedFirst,
    };
    let hold_expiry = match policies.hold_expiry {
        HoldExpiry::HonourHold => pb::HoldExpiryPolicy::HonourHold,
        HoldExpiry::ExpireHold => pb::HoldExpiryPolicy::ExpireHold,
    };
    let (reversal, grace) = match policies.reversal {
        ReversalPolicy::OriginalExpiry => (pb::ReversalPolicy::OriginalExpiry, 0),
        ReversalPolicy::GraceDays(days) => (pb::ReversalPolicy::GraceDays, days),
        ReversalPolicy::NewLot => (pb::ReversalPolicy::NewLot, 0),
    };
    let revoke = match policies.revoke {
        RevokePolicy::PendingOnly => pb::RevokePolicy::PendingOnly,
        RevokePolicy::ToZero => pb::RevokePolicy::ToZero,
        RevokePolicy::BelowZero => pb::RevokePolicy::BelowZero,
    };
    let transfer = &policies.transfer;
    pb::ProgrammePolicies {
        order_of_use: order_of_use.into(),
        hold_expiry: hold_expiry.into(),
        reversal: reversal.into(),
        reversal_grace_days: grace.into(),
        revoke: revoke.into(),
        debt_points_max: policies.debt_limit,
        reinstate_days: policies.reinstate_days.into(),
        approval_above_points: policies.approval_above,
        transfer: Some(pb::TransferPolicy {
            recipients_max: wire(transfer.recipients_max),
            recipient_change_days: transfer.recipient_change_days.into(),
            out_month_points_max: transfer.out_month_max,
            in_month_points_max: transfer.in_month_max,
            tenure_months: transfer.tenure_months.into(),
        }),
        redeem_tenure_months: policies.redeem_tenure_months.into(),
        blocks: Block::ALL
            .into_iter()
            .filter_map(|block| hindered(policies, block))
            .collect(),
        effects: Some(effects_policy::write(&policies.effects)),
        pool: Some(pool_policy::write(&policies.pool)),
        expiry_notice_days: policies.notice_days.iter().map(|it| (*it).into()).collect(),
    }
}

fn hindered(policies: &Policies, block: Block) -> Option<pb::BlockPolicy> {
    let of_block = policies.hinders.iter().filter(|(found, _)| *found == block);
    let operations: Vec<i32> = of_block
        .map(|(_, operation)| match operation {
            Operation::Earn => pb::BlockedOperation::Earn.into(),
            Operation::Redeem => pb::BlockedOperation::Redeem.into(),
            Operation::Transfer => pb::BlockedOperation::Transfer.into(),
        })
        .collect();
    (!operations.is_empty()).then(|| pb::BlockPolicy {
        block: self::block(block).into(),
        operations,
    })
}

fn block(block: Block) -> pb::BlockKind {
    match block {
        Block::Arrears => pb::BlockKind::Arrears,
        Block::Suspended => pb::BlockKind::Suspended,
        Block::Blacklisted => pb::BlockKind::Blacklisted,
        Block::Unverified => pb::BlockKind::Unverified,
        Block::Frozen => pb::BlockKind::Frozen,
        Block::Left => pb::BlockKind::Left,
    }
}

fn tiers(policy: &TierPolicy) -> pb::TierPolicy {
    use pb::tier_policy::Period;
    let period = match policy.period {
        TierPeriod::CalendarYear => Period::CalendarYear(true),
        TierPeriod::Rolling(months) => Period::RollingMonths(months.into()),
    };
    let level = |tier: &crate::domain::Tier| pb::TierLevel {
        tier_id: tier.key.clone(),
        qualifying_points_min: tier.qualifying_min,
        paid_amount_min_minor: tier.paid_min,
        multiplier_basis_points: wire(tier.multiplier),
        benefits: tier.benefits.clone(),
    };
    pb::TierPolicy {
        period: Some(period),
        grace_days: policy.grace_days.into(),
        tiers: policy.tiers.iter().map(level).collect(),
    }
}

/// Returns what an event earns.
pub(super) fn earning(earning: &Earning, programme: &str, number: i64) -> pb::Earning {
    let skipped = |(rule, why): &(String, Skip)| pb::SkippedRule {
        rule_id: rule.clone(),
        reason: skip(*why).into(),
    };
    let blocked = earning.blocked.map(block);
    pb::Earning {
        lines: earning.lines.iter().map(line).collect(),
        skipped: earning.skipped.iter().map(skipped).collect(),
        points: earning.points(),
        qualifying_points: earning.qualifying(),
        capped: earning.is_capped(),
        blocked_by: blocked.unwrap_or_default().into(),
        programme_id: programme.to_owned(),
        version_number: number,
    }
}

fn line(line: &Line) -> pb::EarningLine {
    pb::EarningLine {
        rule_id: line.rule.clone(),
        points: line.points,
        uncapped_points: line.uncapped,
        qualifying_points: line.qualifying,
        points_type: line.points_type.clone(),
        active_time: Some(time(Timestamp::from_micros(line.active_from))),
        expire_time: until(Timestamp::from_micros(line.expires_at)),
        funding: line
            .partner
            .as_ref()
            .map(|(partner, share)| funding(partner, *share)),
    }
}

fn skip(why: Skip) -> pb::SkipReason {
    match why {
        Skip::OtherCode => pb::SkipReason::OtherCode,
        Skip::BelowUnit => pb::SkipReason::BelowUnit,
        Skip::NoStar => pb::SkipReason::NoStar,
        Skip::Tenure => pb::SkipReason::Tenure,
        Skip::NotPunctual => pb::SkipReason::NotPunctual,
        Skip::BelowThreshold => pb::SkipReason::BelowThreshold,
        Skip::NoProduct => pb::SkipReason::NoProduct,
        Skip::BelowPoint => pb::SkipReason::BelowPoint,
        Skip::Limit => pb::SkipReason::Limit,
        Skip::Expired => pb::SkipReason::Expired,
    }
}
