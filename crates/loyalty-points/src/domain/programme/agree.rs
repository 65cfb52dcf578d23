//! The evaluation against a second formulation of the same rules, which gives points one by one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::evaluate::evaluate;
use super::event::{Earned, Event, EventKind, Facts, Part};
use super::expiry::Term;
use super::rule::{Band, Basis, Factor, Multiplier, Reward, Rule};
use super::version::ProgrammeVersion;
use crate::domain::POINTS_MAX;

/// Returns the largest whole number that is not above `base` times `basis_points` hundredths of a
/// per cent, found by trying.
fn part_of(base: u64, basis_points: u32) -> u64 {
    let mut found = 0;
    let mut step = 1_u64 << 40;
    while step > 0 {
        let tried = found + step;
        if u128::from(tried) * 10_000 <= u128::from(base) * u128::from(basis_points) {
            found = tried;
        }
        step /= 2;
    }
    found
}

fn paid_units(rule: &Rule, event: &Event) -> u64 {
    let Basis::PerUnit {
        points,
        minor_per_unit,
        excluded,
        ..
    } = &rule.earn
    else {
        return 0;
    };
    let mut left = event.paid;
    for part in &event.parts {
        // A part may be named twice, as may what is excluded.
        for name in excluded {
            if *name == part.key {
                left -= part.minor;
            }
        }
    }
    let mut units = 0;
    while left >= i64::from(*minor_per_unit) {
        left -= i64::from(*minor_per_unit);
        units += 1;
    }
    units * u64::from(*points)
}

fn star_points(rule: &Rule, event: &Event, facts: &Facts) -> u64 {
    let points = paid_units(rule, event);
    match &rule.earn {
        Basis::PerUnit {
            multiplier: Multiplier::Star { factors, otherwise },
            ..
        } => {
            let mut factor = *otherwise;
            for known in factors.iter().rev() {
                if known.key == facts.star {
                    factor = known.basis_points;
                }
            }
            part_of(points, factor)
        }
        _ => points,
    }
}

fn bonus(reward: Reward, base: u64, facts: &Facts) -> u64 {
    match reward {
        Reward::Percent(basis_points) => part_of(base, basis_points),
        Reward::Flat(points) => u64::from(points),
        Reward::PerProduct(points) => facts.products.iter().map(|_| u64::from(points)).sum(),
    }
}

fn wanted(rule: &Rule, event: &Event, facts: &Facts, base: u64) -> u64 {
    let code_fits = rule.code.is_empty() || rule.code == event.code;
    let old_enough =
        rule.tenure_months_min == 0 || facts.tenure_months >= Some(rule.tenure_months_min);
    if !code_fits || !old_enough {
        return 0;
    }
    match &rule.earn {
        Basis::PerUnit { .. } => star_points(rule, event, facts),
        Basis::Tenure { bands } => {
            let Some(months) = facts.tenure_months else {
                return 0;
            };
            let within = |band: &Band| {
                (band.from_month..=band.to_month.unwrap_or(u16::MAX)).contains(&months)
            };
            let found = bands.iter().find(|band| within(band));
            found.map_or(0, |band| bonus(band.reward, base, facts))
        }
        Basis::Punctual { months, reward } if facts.punctual_months >= *months => {
            bonus(*reward, base, facts)
        }
        Basis::Spending {
            part,
            least,
            reward,
        } => {
            let spent: i64 = event
                .parts
                .iter()
                .filter(|found| found.key == *part)
                .map(|found| found.minor)
                .sum();
            if spent >= *least {
                bonus(*reward, base, facts)
            } else {
                0
            }
        }
        Basis::Product { product, reward } if facts.products.iter().any(|has| has == product) => {
            bonus(*reward, base, facts)
        }
        Basis::Event { reward } => bonus(*reward, base, facts),
        _ => 0,
    }
}

/// Gives points one by one, while every limit allows it.
fn naive(version: &ProgrammeVersion, event: &Event, facts: &Facts) -> BTreeMap<String, u64> {
    let mut given = BTreeMap::new();
    let mut today: BTreeMap<&str, i64> = BTreeMap::new();
    let mut day = 0;
    for earned in &facts.earned_today {
        *today.entry(&earned.rule).or_default() += earned.points;
        day += earned.points;
    }
    let rules: Vec<&Rule> = version
        .rules
        .iter()
        .filter(|rule| rule.event == event.kind)
        .collect();
    let old_enough = |rule: &Rule| {
        (rule.code.is_empty() || rule.code == event.code)
            && (rule.tenure_months_min == 0 || facts.tenure_months >= Some(rule.tenure_months_min))
    };
    let base = rules
        .iter()
        .filter(|rule| old_enough(rule))
        .map(|rule| star_points(rule, event, facts))
        .sum();
    let mut all = 0;
    for rule in rules {
        let free = |limit: i64, used: i64| limit == 0 || used < limit;
        let mut points = 0;
        while points < wanted(rule, event, facts, base) {
            let own = i64::try_from(points).unwrap();
            let before = today.get(rule.key.as_str()).copied().unwrap_or(0);
            let allowed = free(rule.event_max, own)
                && free(rule.day_max, before + own)
                && free(version.event_max, all)
                && free(version.day_max, day + all);
            if !allowed {
                break;
            }
            points += 1;
            all += 1;
        }
        if points > 0 {
            given.insert(rule.key.clone(), points);
        }
    }
    given
}

fn a_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn a_reward() -> impl Strategy<Value = Reward> {
    prop_oneof![
        (1_u32..40_000).prop_map(Reward::Percent),
        (1_u32..300).prop_map(Reward::Flat),
        (1_u32..50).prop_map(Reward::PerProduct),
    ]
}

fn a_multiplier() -> impl Strategy<Value = Multiplier> {
    let factor =
        (a_key(), 0_u32..40_000).prop_map(|(key, basis_points)| Factor { key, basis_points });
    prop_oneof![
        Just(Multiplier::None),
        (prop::collection::vec(factor, 0..3), 0_u32..20_000)
            .prop_map(|(factors, otherwise)| Multiplier::Star { factors, otherwise }),
    ]
}

fn some_bands() -> impl Strategy<Value = Vec<Band>> {
    let band = (0_u16..40, 1_u16..20, a_reward());
    prop::collection::vec(band, 1..4).prop_map(|spans| {
        let mut next = 0;
        let mut bands = Vec::new();
        for (gap, length, reward) in spans {
            let from_month = next + gap;
            next = from_month + length;
            let to_month = Some(next - 1);
            bands.push(Band {
                from_month,
                to_month,
                reward,
            });
        }
        bands
    })
}

fn an_earn() -> impl Strategy<Value = Basis> {
    let per_unit = (
        0_u32..5,
        1_u32..200,
        prop::collection::vec(a_key(), 0..2),
        a_multiplier(),
    );
    prop_oneof![
        per_unit.prop_map(
            |(points, minor_per_unit, excluded, multiplier)| Basis::PerUnit {
                points,
                minor_per_unit,
                excluded,
                multiplier,
            }
        ),
        some_bands().prop_map(|bands| Basis::Tenure { bands }),
        (1_u16..12, a_reward()).prop_map(|(months, reward)| Basis::Punctual { months, reward }),
        (a_key(), 1_i64..500, a_reward()).prop_map(|(part, least, reward)| Basis::Spending {
            part,
            least,
            reward,
        }),
        (a_key(), a_reward()).prop_map(|(product, reward)| Basis::Product { product, reward }),
        a_reward().prop_map(|reward| Basis::Event { reward }),
    ]
}

fn a_limit() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), 1_i64..400]
}

fn a_rule() -> impl Strategy<Value = Rule> {
    let event = prop::sample::select(vec![EventKind::Bill, EventKind::Bill, EventKind::Survey]);
    let code = prop_oneof![3 => Just(String::new()), 1 => a_key()];
    let tenure = prop_oneof![3 => Just(0_u16), 1 => 1_u16..30];
    (event, code, an_earn(), a_limit(), a_limit(), tenure).prop_map(
        |(event, code, earn, event_max, day_max, tenure_months_min)| Rule {
            key: String::new(),
            event,
            code,
            earn,
            points_type: "base".to_owned(),
            term: None,
            pending_days: 0,
            event_max,
            day_max,
            qualifying: 10_000,
            tenure_months_min,
            funding: None,
        },
    )
}

fn a_version() -> impl Strategy<Value = ProgrammeVersion> {
    (prop::collection::vec(a_rule(), 1..6), a_limit(), a_limit()).prop_map(
        |(mut rules, event_max, day_max)| {
            for (at, rule) in rules.iter_mut().enumerate() {
                rule.key = format!("rule-{at}");
            }
            ProgrammeVersion {
                rules,
                event_max,
                day_max,
                ..ProgrammeVersion::simple(1, 100, Term::Never)
            }
        },
    )
}

fn an_event() -> impl Strategy<Value = Event> {
    let part = (a_key(), -50_i64..900).prop_map(|(key, minor)| Part { key, minor });
    (-100_i64..20_000, prop::collection::vec(part, 0..4), a_key()).prop_map(
        |(paid, parts, code)| Event {
            kind: EventKind::Bill,
            id: "1".to_owned(),
            at: 0,
            paid,
            parts,
            code,
            referred: String::new(),
        },
    )
}

fn some_facts() -> impl Strategy<Value = Facts> {
    let earned = (0_usize..6, 1_i64..200).prop_map(|(rule, points)| Earned {
        rule: format!("rule-{rule}"),
        points,
    });
    (
        prop::option::of(0_u16..80),
        a_key(),
        0_u16..14,
        prop::collection::vec(a_key(), 0..3),
        prop::collection::vec(earned, 0..3),
    )
        .prop_map(
            |(tenure_months, star, punctual_months, products, earned_today)| Facts {
                tenure_months,
                star,
                punctual_months,
                products,
                earned_today,
                ..Facts::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_formulations_give_the_same_points(
        version in a_version(), event in an_event(), facts in some_facts()
    ) {
        let earning = evaluate(&version, &event, &facts);

        let given: BTreeMap<String, u64> = earning
            .lines
            .iter()
            .map(|line| (line.rule.clone(), u64::try_from(line.points).unwrap()))
            .collect();
        prop_assert_eq!(given, naive(&version, &event, &facts));
        // Every rule that answers the event gives something or says why not.
        let answering = version.rules.iter().filter(|rule| rule.event == event.kind).count();
        prop_assert_eq!(earning.lines.len() + earning.skipped.len(), answering);
        let of_groups: i64 = earning.groups().iter().map(|group| group.points).sum();
        prop_assert_eq!(of_groups, earning.points());
    }

    #[test]
    fn nothing_overflows_at_the_limits(paid in (Event::PAID_MAX - 1_000)..=Event::PAID_MAX) {
        let mut version = ProgrammeVersion::simple(super::check::POINTS_PER_UNIT_MAX, 1, Term::Never);
        let most = super::check::FACTOR_MAX;
        if let Basis::PerUnit { multiplier, .. } = &mut version.rules[0].earn {
            *multiplier = Multiplier::Star { factors: Vec::new(), otherwise: most };
        }
        let bonus = Basis::Event { reward: Reward::Percent(most) };
        for at in 0..60 {
            let key = format!("bonus-{at}");
            version.rules.push(Rule { key, earn: bonus.clone(), ..version.rules[0].clone() });
        }
        let event = Event { paid, ..bill() };

        let earning = evaluate(&version, &event, &Facts::default());

        prop_assert_eq!(earning.points(), POINTS_MAX);
        prop_assert!(earning.is_capped());
    }
}

fn bill() -> Event {
    Event {
        kind: EventKind::Bill,
        id: "1".to_owned(),
        at: 0,
        paid: 0,
        parts: Vec::new(),
        code: String::new(),
        referred: String::new(),
    }
}
