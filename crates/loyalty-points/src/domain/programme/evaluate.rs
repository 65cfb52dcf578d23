//! What an event earns under a version of the rules, and why.
//!
//! All arithmetic is on integers. With the limits of a version (at most 10^15 minor units, 10^6
//! points for a unit, factors and shares of 100 times) nothing exceeds 10^27, which `i128` holds, and
//! what one event earns is cut at [`POINTS_MAX`].

use serde::{Deserialize, Serialize};
use tenure_core::{Span, Timestamp};

use super::event::{Event, Facts};
use super::rule::{Basis, Multiplier, Reward, Rule, WHOLE};
use super::version::ProgrammeVersion;
use crate::domain::POINTS_MAX;
use crate::domain::policy::{Block, Operation};

/// Points that one rule gives for one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The rule.
    pub rule: String,
    /// How many.
    pub points: i64,
    /// How many there would be without limits.
    pub uncapped: i64,
    /// How many of the points count for tiers.
    pub qualifying: i64,
    /// Their type.
    pub points_type: String,
    /// From then on they can be spent, in microseconds.
    pub active_from: i64,
    /// From then on they cannot be spent any more, in microseconds.
    pub expires_at: i64,
    /// The partner who pays a share, and the share in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<(String, u32)>,
}

/// Why a rule that answers the event gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The event has another code.
    OtherCode,
    /// Nothing was paid, or less than a unit.
    BelowUnit,
    /// The customer has no star or tier that earns.
    NoStar,
    /// The time on the network is unknown or lies in no band.
    Tenure,
    /// Too few months were paid on time.
    NotPunctual,
    /// Too little was spent.
    BelowThreshold,
    /// The customer does not have the product.
    NoProduct,
    /// The share of the base is less than a point.
    BelowPoint,
    /// A limit left nothing.
    Limit,
    /// The points would be dead on arrival.
    Expired,
}

/// What an event earns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earning {
    /// What the rules gave, in their order.
    pub lines: Vec<Line>,
    /// Rules that gave nothing, and why.
    pub skipped: Vec<(String, Skip)>,
    /// What kept the account from earning anything.
    pub blocked: Option<Block>,
}

/// Points of one earning that become one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub points: i64,
    /// How many of the points count for tiers.
    pub qualifying: i64,
    /// Their type.
    pub points_type: String,
    /// From then on they can be spent.
    pub active_from: Timestamp,
    /// From then on they cannot be spent any more.
    pub expires_at: Timestamp,
    /// The partner who pays a share, and the share in basis points.
    pub partner: Option<(String, u32)>,
}

impl Earning {
    /// Returns all points.
    #[must_use]
    pub fn points(&self) -> i64 {
        self.lines.iter().map(|line| line.points).sum()
    }

    /// Returns the points that count for tiers.
    #[must_use]
    pub fn qualifying(&self) -> i64 {
        self.lines.iter().map(|line| line.qualifying).sum()
    }

    /// Returns true when a limit took points away.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.lines.iter().any(|line| line.points < line.uncapped)
            || self.skipped.iter().any(|(_, why)| *why == Skip::Limit)
    }

    /// Returns the points as lots, in the order of the first rule of each.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for line in &self.lines {
            let group = line.group();
            let same = |known: &&mut Group| {
                known.points_type == group.points_type
                    && known.active_from == group.active_from
                    && known.expires_at == group.expires_at
                    && known.partner == group.partner
            };
            match groups.iter_mut().find(same) {
                Some(known) => {
                    known.points += group.points;
                    known.qualifying += group.qualifying;
                }
                None => groups.push(group),
            }
        }
        groups
    }
}

impl Line {
    fn group(&self) -> Group {
        Group {
            points: self.points,
            qualifying: self.qualifying,
            points_type: self.points_type.clone(),
            active_from: Timestamp::from_micros(self.active_from),
            expires_at: Timestamp::from_micros(self.expires_at),
            partner: self.partner.clone(),
        }
    }
}

/// Returns what `event` earns a customer with these `facts` under `version`.
#[must_use]
pub fn evaluate(version: &ProgrammeVersion, event: &Event, facts: &Facts) -> Earning {
    let blocked = facts.blocks.iter().find(|block| {
        let hinders = &version.policies.hinders;
        hinders.contains(&(**block, Operation::Earn))
    });
    if let Some(block) = blocked {
        return Earning {
            blocked: Some(*block),
            ..Earning::default()
        };
    }
    let mut earning = Earning::default();
    let day: i64 = facts
        .earned_today
        .iter()
        .fold(0, |sum, earned| sum.saturating_add(earned.points));
    let mut left = room(version.event_max, 0)
        .min(room(version.day_max, day))
        .min(POINTS_MAX);
    let base = base(version, event, facts);
    let of_event = |rule: &&Rule| rule.event == event.kind;
    for rule in version.rules.iter().filter(of_event) {
        match line(version, rule, event, facts, base, left) {
            Ok(line) => {
                left -= line.points;
                earning.lines.push(line);
            }
            Err(why) => earning.skipped.push((rule.key.clone(), why)),
        }
    }
    earning
}

/// Returns what a limit leaves when `used` is used already; 0 means no limit.
fn room(limit: i64, used: i64) -> i64 {
    if limit == 0 {
        POINTS_MAX
    } else {
        limit.saturating_sub(used).max(0)
    }
}

/// Returns the base points of the event, of which shares are taken.
fn base(version: &ProgrammeVersion, event: &Event, facts: &Facts) -> i128 {
    let bases = version
        .rules
        .iter()
        .filter(|rule| rule.event == event.kind && rule.is_base());
    bases
        .filter_map(|rule| raw(version, rule, event, facts, 0).ok())
        .sum()
}

fn line(
    version: &ProgrammeVersion,
    rule: &Rule,
    event: &Event,
    facts: &Facts,
    base: i128,
    left: i64,
) -> Result<Line, Skip> {
    let raw = raw(version, rule, event, facts, base)?;
    let uncapped = i64::try_from(raw).unwrap_or(POINTS_MAX).min(POINTS_MAX);
    let today = facts.earned_today(&rule.key);
    let points = uncapped
        .min(room(rule.event_max, 0))
        .min(room(rule.day_max, today))
        .min(left);
    if points == 0 {
        return Err(Skip::Limit);
    }
    let earned_at = event.at();
    let active_from = if rule.pending_days == 0 {
        earned_at
    } else {
        earned_at + Span::from_days(i64::from(rule.pending_days))
    };
    let expires_at = rule
        .term
        .unwrap_or(version.term)
        .of(earned_at, &version.zone);
    if expires_at <= active_from {
        return Err(Skip::Expired);
    }
    let qualifying = share(i128::from(points), rule.qualifying);
    Ok(Line {
        rule: rule.key.clone(),
        points,
        uncapped,
        qualifying: i64::try_from(qualifying).unwrap_or(POINTS_MAX),
        points_type: rule.points_type.clone(),
        active_from: active_from.as_micros(),
        expires_at: expires_at.as_micros(),
        partner: rule
            .funding
            .as_ref()
            .map(|funding| (funding.partner.clone(), funding.share)),
    })
}

/// Returns so many basis points of `points`, without fractions.
fn share(points: i128, basis_points: u32) -> i128 {
    points * i128::from(basis_points) / i128::from(WHOLE)
}

/// Returns what a rule gives before limits: at least one point.
fn raw(
    version: &ProgrammeVersion,
    rule: &Rule,
    event: &Event,
    facts: &Facts,
    base: i128,
) -> Result<i128, Skip> {
    if !rule.code.is_empty() && rule.code != event.code {
        return Err(Skip::OtherCode);
    }
    if rule.tenure_months_min > 0
        && facts
            .tenure_months
            .is_none_or(|months| months < rule.tenure_months_min)
    {
        return Err(Skip::Tenure);
    }
    match &rule.earn {
        Basis::PerUnit {
            points,
            minor_per_unit,
            excluded,
            multiplier,
        } => {
            let excluded: i128 = excluded
                .iter()
                .map(|part| i128::from(event.part(part)))
                .sum();
            let paid = i128::from(event.paid) - excluded;
            let units = paid.max(0) / i128::from((*minor_per_unit).max(1));
            let points = units * i128::from(*points);
            at_least_one(points, Skip::BelowUnit)?;
            let factor = factor(version, multiplier, facts);
            at_least_one(share(points, factor), Skip::NoStar)
        }
        Basis::Tenure { bands } => {
            let months = facts.tenure_months.ok_or(Skip::Tenure)?;
            let band = bands.iter().find(|band| {
                months >= band.from_month && band.to_month.is_none_or(|to| months <= to)
            });
            reward(band.ok_or(Skip::Tenure)?.reward, base, facts)
        }
        Basis::Punctual { months, reward: of } => {
            if facts.punctual_months < *months {
                return Err(Skip::NotPunctual);
            }
            reward(*of, base, facts)
        }
        Basis::Spending {
            part,
            least,
            reward: of,
        } => {
            if event.part(part) < *least {
                return Err(Skip::BelowThreshold);
            }
            reward(*of, base, facts)
        }
        Basis::Product {
            product,
            reward: of,
        } => {
            if !facts.products.contains(product) {
                return Err(Skip::NoProduct);
            }
            reward(*of, base, facts)
        }
        Basis::Event { reward: of } => reward(*of, base, facts),
    }
}

fn factor(version: &ProgrammeVersion, multiplier: &Multiplier, facts: &Facts) -> u32 {
    match multiplier {
        Multiplier::None => WHOLE,
        Multiplier::Star { factors, otherwise } => factors
            .iter()
            .find(|factor| factor.key == facts.star)
            .map_or(*otherwise, |factor| factor.basis_points),
        Multiplier::Tier => version
            .tiers
            .as_ref()
            .and_then(|policy| policy.tier(&facts.tier))
            .map_or(WHOLE, |tier| tier.multiplier),
    }
}

fn reward(reward: Reward, base: i128, facts: &Facts) -> Result<i128, Skip> {
    match reward {
        Reward::Percent(basis_points) => at_least_one(share(base, basis_points), Skip::BelowPoint),
        Reward::Flat(points) => at_least_one(i128::from(points), Skip::BelowPoint),
        Reward::PerProduct(points) => {
            let products = i128::try_from(facts.products.len()).unwrap_or(i128::MAX);
            at_least_one(i128::from(points) * products, Skip::NoProduct)
        }
    }
}

fn at_least_one(points: i128, otherwise: Skip) -> Result<i128, Skip> {
    if points > 0 {
        Ok(points)
    } else {
        Err(otherwise)
    }
}
