//! Rules from the wire into words of the domain; what the domain limits is checked there.

use tenure_core::Violations;
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields;

use super::{effects_policy, pool_policy};
use crate::domain::{
    Band, Basis, Block, Effects, EventKind, Factor, Funding, HoldExpiry, Multiplier, Operation,
    OrderOfUse, Policies, PoolLimits, ProgrammeVersion, ReversalPolicy, RevokePolicy, Reward, Rule,
    Term, Tier, TierPeriod, TierPolicy, TransferLimits, Zone,
};

/// Returns a number that must not be negative, in the size that the domain has for it.
pub(super) fn number<T: TryFrom<i64>>(
    v: &mut Violations,
    field: &str,
    value: impl Into<i64>,
) -> Option<T> {
    let value = value.into();
    let number = T::try_from(value).ok();
    if number.is_none() {
        v.add(
            field,
            "a number from 0 on that is not as large",
            value.to_string(),
        );
    }
    number
}

fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise } else { text }.to_owned()
}

/// Returns the rules, or notes everything that is wrong with them.
pub(super) fn rules(v: &mut Violations, message: &pb::ProgrammeRules) -> Option<ProgrammeVersion> {
    let zone = v.take("time_zone", Zone::parse(&or(&message.time_zone, "UTC")));
    let expiry = fields::required(v, "expiry", message.expiry.as_ref());
    let term = expiry.and_then(|expiry| term(v, "expiry", expiry));
    let mut rules = Vec::new();
    for (at, rule) in message
        .rules
        .iter()
        .enumerate()
        .take(ProgrammeVersion::RULES_MAX + 1)
    {
        let prefix = format!("rules[{at}].");
        rules.push(v.within(&prefix, |v| self::rule(v, rule)));
    }
    let policies = match &message.policies {
        None => Some(Policies::default()),
        Some(policies) => v.within("policies.", |v| self::policies(v, policies)),
    };
    let tiers = match &message.tiers {
        None => Some(None),
        Some(tiers) => v.within("tiers.", |v| self::tiers(v, tiers)).map(Some),
    };
    let version = ProgrammeVersion {
        name: message.display_name.clone(),
        currency: or(&message.currency, "points"),
        qualifying_currency: or(&message.qualifying_currency, "qualifying-points"),
        zone: zone?,
        term: term?,
        rules: rules.into_iter().collect::<Option<_>>()?,
        event_max: message.event_points_max,
        day_max: message.day_points_max,
        policies: policies?,
        tiers: tiers?,
    };
    version.check(v);
    Some(version)
}

fn term(v: &mut Violations, field: &str, message: &pb::ExpiryPolicy) -> Option<Term> {
    use pb::expiry_policy::End;
    match &message.end {
        Some(End::Never(true)) => Some(Term::Never),
        Some(End::Years(years)) => number(v, field, *years).map(Term::Years),
        Some(End::Months(months)) => number(v, field, *months).map(Term::Months),
        Some(End::FullMonths(months)) => number(v, field, *months).map(Term::FullMonths),
        Some(End::ExpireTime(at)) => {
            let at = v.take(field, fields::parse_time(at))?;
            Some(Term::On(at.as_micros()))
        }
        Some(End::Never(false)) | None => {
            v.add(field, "one way to find the end", "none");
            None
        }
    }
}

/// Returns the kind of an event, or notes that it is none.
pub(super) fn event_kind(v: &mut Violations, field: &str, kind: i32) -> Option<EventKind> {
    let found = EventKind::from_number(kind);
    if found.is_none() {
        v.add(field, "a kind of event", kind.to_string());
    }
    found
}

fn rule(v: &mut Violations, message: &pb::EarningRule) -> Option<Rule> {
    let event = event_kind(v, "event_kind", message.event_kind);
    let basis = basis(v, message.basis.as_ref());
    let own = match &message.expiry {
        None => Some(None),
        Some(expiry) => term(v, "expiry", expiry).map(Some),
    };
    let pending_days = number(v, "pending_days", message.pending_days);
    let qualifying = number(
        v,
        "qualifying_basis_points",
        message.qualifying_basis_points,
    );
    let tenure_months_min = number(v, "tenure_months_min", message.tenure_months_min);
    let funding = match &message.funding {
        None => Some(None),
        Some(funding) => {
            let share = number(v, "funding.share_basis_points", funding.share_basis_points);
            let partner = funding.partner_id.clone();
            share.map(|share| Some(Funding { partner, share }))
        }
    };
    Some(Rule {
        key: message.rule_id.clone(),
        event: event?,
        code: message.event_code.clone(),
        earn: basis?,
        points_type: or(&message.points_type, "base"),
        term: own?,
        pending_days: pending_days?,
        event_max: message.event_points_max,
        day_max: message.day_points_max,
        qualifying: qualifying?,
        tenure_months_min: tenure_months_min?,
        funding: funding?,
    })
}

fn basis(v: &mut Violations, message: Option<&pb::earning_rule::Basis>) -> Option<Basis> {
    use pb::earning_rule::Basis as On;
    let Some(message) = message else {
        v.add("basis", "what the rule gives points for", "nothing");
        return None;
    };
    match message {
        On::PerUnit(basis) => per_unit(v, basis),
        On::Tenure(basis) => {
            let bands: Vec<Option<Band>> =
                basis.bands.iter().map(|band| self::band(v, band)).collect();
            let bands = bands.into_iter().collect::<Option<_>>()?;
            Some(Basis::Tenure { bands })
        }
        On::Punctual(basis) => {
            let months = number(v, "punctual.months", basis.months);
            let reward = reward(v, "punctual.reward", basis.reward.as_ref());
            Some(Basis::Punctual {
                months: months?,
                reward: reward?,
            })
        }
        On::Spending(basis) => Some(Basis::Spending {
            part: basis.part.clone(),
            least: basis.least_amount_minor,
            reward: reward(v, "spending.reward", basis.reward.as_ref())?,
        }),
        On::Product(basis) => Some(Basis::Product {
            product: basis.product_code.clone(),
            reward: reward(v, "product.reward", basis.reward.as_ref())?,
        }),
        On::PerEvent(basis) => Some(Basis::Event {
            reward: reward(v, "per_event", Some(basis))?,
        }),
    }
}

fn per_unit(v: &mut Violations, basis: &pb::PerUnitBasis) -> Option<Basis> {
    use pb::per_unit_basis::Multiplier as By;
    let points = number(v, "per_unit.points", basis.points);
    let minor_per_unit = number(v, "per_unit.minor_per_unit", basis.minor_per_unit);
    let multiplier = match &basis.multiplier {
        None | Some(By::Tier(false)) => Some(Multiplier::None),
        Some(By::Tier(true)) => Some(Multiplier::Tier),
        Some(By::Star(star)) => star_factors(v, star),
    };
    Some(Basis::PerUnit {
        points: points?,
        minor_per_unit: minor_per_unit?,
        excluded: basis.excluded_parts.clone(),
        multiplier: multiplier?,
    })
}

fn star_factors(v: &mut Violations, star: &pb::StarFactors) -> Option<Multiplier> {
    let field = "per_unit.star.factors.basis_points";
    let factors: Vec<Option<Factor>> = star
        .factors
        .iter()
        .map(|factor| {
            let key = factor.star.clone();
            let basis_points = number(v, field, factor.basis_points)?;
            Some(Factor { key, basis_points })
        })
        .collect();
    let otherwise = star.otherwise_basis_points;
    let otherwise = number(v, "per_unit.star.otherwise_basis_points", otherwise);
    Some(Multiplier::Star {
        factors: factors.into_iter().collect::<Option<_>>()?,
        otherwise: otherwise?,
    })
}

fn band(v: &mut Violations, band: &pb::TenureBand) -> Option<Band> {
    let from_month = number(v, "tenure.bands.from_month", band.from_month);
    let to_month: Option<u16> = number(v, "tenure.bands.to_month", band.to_month);
    let reward = reward(v, "tenure.bands.reward", band.reward.as_ref());
    Some(Band {
        from_month: from_month?,
        to_month: Some(to_month?).filter(|month| *month > 0),
        reward: reward?,
    })
}

fn reward(v: &mut Violations, field: &str, message: Option<&pb::Reward>) -> Option<Reward> {
    use pb::reward::Size;
    match message.and_then(|reward| reward.size.as_ref()) {
        Some(Size::BasisPoints(share)) => number(v, field, *share).map(Reward::Percent),
        Some(Size::Points(points)) => number(v, field, *points).map(Reward::Flat),
        Some(Size::PointsPerProduct(points)) => number(v, field, *points).map(Reward::PerProduct),
        None => {
            v.add(field, "a size", "none");
            None
        }
    }
}

fn policies(v: &mut Violations, message: &pb::ProgrammePolicies) -> Option<Policies> {
    let order_of_use = match message.order_of_use() {
        pb::OrderOfUse::EarnedFirst => OrderOfUse::EarnedFirst,
        _ => OrderOfUse::ExpiryFirst,
    };
    let hold_expiry = match message.hold_expiry() {
        pb::HoldExpiryPolicy::ExpireHold => HoldExpiry::ExpireHold,
        _ => HoldExpiry::HonourHold,
    };
    let grace = number(v, "reversal_grace_days", message.reversal_grace_days);
    let reversal = match message.reversal() {
        pb::ReversalPolicy::GraceDays => ReversalPolicy::GraceDays(grace?),
        pb::ReversalPolicy::NewLot => ReversalPolicy::NewLot,
        _ => ReversalPolicy::OriginalExpiry,
    };
    let revoke = match message.revoke() {
        pb::RevokePolicy::PendingOnly => RevokePolicy::PendingOnly,
        pb::RevokePolicy::BelowZero => RevokePolicy::BelowZero,
        _ => RevokePolicy::ToZero,
    };
    let reinstate_days = number(v, "reinstate_days", message.reinstate_days);
    let redeem_tenure = number(v, "redeem_tenure_months", message.redeem_tenure_months);
    let transfer = match &message.transfer {
        None => Some(TransferLimits::default()),
        Some(transfer) => v.within("transfer.", |v| self::transfer(v, transfer)),
    };
    let effects = match &message.effects {
        None => Some(Effects::default()),
        Some(effects) => v.within("effects.", |v| effects_policy::read(v, effects)),
    };
    let pool = match &message.pool {
        None => Some(PoolLimits::default()),
        Some(pool) => v.within("pool.", |v| pool_policy::read(v, pool)),
    };
    let notices = message.expiry_notice_days.iter().take(64);
    let notices = notices.map(|days| number(v, "expiry_notice_days", *days));
    let notice_days: Vec<Option<u16>> = notices.collect();
    let mut hinders = Vec::new();
    for policy in message.blocks.iter().take(2 * Block::ALL.len()) {
        let block = block(v, "blocks.block", policy.block);
        for operation in policy.operations().take(3) {
            let operation = match operation {
                pb::BlockedOperation::Earn => Operation::Earn,
                pb::BlockedOperation::Redeem => Operation::Redeem,
                pb::BlockedOperation::Transfer => Operation::Transfer,
                pb::BlockedOperation::Unspecified => {
                    v.add("blocks.operations", "an operation", "none");
                    continue;
                }
            };
            let pair = block.map(|block| (block, operation));
            hinders.extend(pair.filter(|pair| !hinders.contains(pair)));
        }
    }
    Some(Policies {
        order_of_use,
        hold_expiry,
        reversal,
        revoke,
        debt_limit: message.debt_points_max,
        reinstate_days: reinstate_days?,
        approval_above: message.approval_above_points,
        transfer: transfer?,
        redeem_tenure_months: redeem_tenure?,
        hinders,
        effects: effects?,
        notice_days: notice_days.into_iter().collect::<Option<_>>()?,
        pool: pool?,
    })
}

/// Returns a block, or notes that it is none.
pub(super) fn block(v: &mut Violations, field: &str, block: i32) -> Option<Block> {
    let found = u8::try_from(block).ok().and_then(Block::from_number);
    if found.is_none() {
        v.add(field, "a block", block.to_string());
    }
    found
}

fn transfer(v: &mut Violations, message: &pb::TransferPolicy) -> Option<TransferLimits> {
    let recipients: Option<u16> = number(v, "recipients_max", message.recipients_max);
    let days = number(v, "recipient_change_days", message.recipient_change_days);
    let tenure = number(v, "tenure_months", message.tenure_months);
    Some(TransferLimits {
        recipients_max: usize::from(recipients?),
        recipient_change_days: days?,
        out_month_max: message.out_month_points_max,
        in_month_max: message.in_month_points_max,
        tenure_months: tenure?,
    })
}

fn tiers(v: &mut Violations, message: &pb::TierPolicy) -> Option<TierPolicy> {
    use pb::tier_policy::Period;
    let period = match &message.period {
        Some(Period::CalendarYear(true)) => Some(TierPeriod::CalendarYear),
        Some(Period::RollingMonths(months)) => {
            number(v, "rolling_months", *months).map(TierPeriod::Rolling)
        }
        Some(Period::CalendarYear(false)) | None => {
            v.add("period", "a period", "none");
            None
        }
    };
    let grace_days = number(v, "grace_days", message.grace_days);
    let tiers: Vec<Option<Tier>> = message
        .tiers
        .iter()
        .take(TierPolicy::TIERS_MAX + 1)
        .map(|tier| {
            Some(Tier {
                key: tier.tier_id.clone(),
                qualifying_min: tier.qualifying_points_min,
                paid_min: tier.paid_amount_min_minor,
                multiplier: number(
                    v,
                    "tiers.multiplier_basis_points",
                    tier.multiplier_basis_points,
                )?,
                benefits: tier.benefits.clone(),
            })
        })
        .collect();
    Some(TierPolicy {
        period: period?,
        grace_days: grace_days?,
        tiers: tiers.into_iter().collect::<Option<_>>()?,
    })
}
