//! Published rules of operators as data, and what they must give (requirements.md, sections 4 and 5).

use super::evaluate::{Skip, evaluate};
use super::event::{Event, EventKind, Facts, Part};
use super::expiry::Term;
use super::rule::{Band, Basis, Factor, Funding, Multiplier, Reward, Rule, WHOLE};
use super::version::ProgrammeVersion;
use super::zone::Zone;
use crate::domain::policy::{Block, Operation};

fn rule(key: &str, earn: Basis) -> Rule {
    Rule {
        key: key.to_owned(),
        event: EventKind::Bill,
        code: String::new(),
        earn,
        points_type: "base".to_owned(),
        term: None,
        pending_days: 0,
        event_max: 0,
        day_max: 0,
        qualifying: WHOLE,
        tenure_months_min: 0,
        funding: None,
    }
}

fn base(multiplier: Multiplier) -> Rule {
    let excluded = vec!["penalty".to_owned(), "agency_fee".to_owned()];
    let (points, minor_per_unit) = (1, 100);
    rule(
        "base",
        Basis::PerUnit {
            points,
            minor_per_unit,
            excluded,
            multiplier,
        },
    )
}

fn bands(bands: &[(u16, Option<u16>, u32)]) -> Rule {
    let bands = bands
        .iter()
        .map(|(from_month, to_month, percent)| Band {
            from_month: *from_month,
            to_month: *to_month,
            reward: Reward::Percent(percent * 100),
        })
        .collect();
    rule("tenure", Basis::Tenure { bands })
}

fn version(rules: Vec<Rule>) -> ProgrammeVersion {
    ProgrammeVersion {
        zone: Zone::parse("Asia/Shanghai").unwrap(),
        rules,
        ..ProgrammeVersion::simple(1, 100, Term::Months(36))
    }
}

/// China Telecom: 13-24 months 10 %, 25-36 20 %, 37-48 30 %, over 48 40 %.
fn telecom() -> ProgrammeVersion {
    let tenure = bands(&[
        (13, Some(24), 10),
        (25, Some(36), 20),
        (37, Some(48), 30),
        (49, None, 40),
    ]);
    version(vec![base(Multiplier::None), tenure])
}

/// Beijing Mobile: as Telecom to 60 months, then 50 %; punctual payment 10 %; data spending 30.
fn beijing() -> ProgrammeVersion {
    let tenure = bands(&[
        (13, Some(24), 10),
        (25, Some(36), 20),
        (37, Some(48), 30),
        (49, Some(60), 40),
        (61, None, 50),
    ]);
    let punctual = Basis::Punctual {
        months: 6,
        reward: Reward::Percent(1_000),
    };
    let data = Basis::Spending {
        part: "data".to_owned(),
        least: 1_000,
        reward: Reward::Flat(30),
    };
    version(vec![
        base(Multiplier::None),
        tenure,
        rule("punctual", punctual),
        rule("data", data),
    ])
}

fn bill(paid: i64) -> Event {
    Event {
        kind: EventKind::Bill,
        id: "B1".to_owned(),
        at: 1_750_000_000_000_000,
        paid,
        parts: Vec::new(),
        code: String::new(),
        referred: String::new(),
    }
}

fn part(key: &str, minor: i64) -> Part {
    let key = key.to_owned();
    Part { key, minor }
}

fn months(months: u16) -> Facts {
    Facts {
        tenure_months: Some(months),
        ..Facts::default()
    }
}

fn lines(version: &ProgrammeVersion, event: &Event, facts: &Facts) -> Vec<(String, i64)> {
    let earning = evaluate(version, event, facts);
    earning
        .lines
        .into_iter()
        .map(|line| (line.rule, line.points))
        .collect()
}

fn named(lines: &[(&str, i64)]) -> Vec<(String, i64)> {
    lines
        .iter()
        .map(|(rule, points)| ((*rule).to_owned(), *points))
        .collect()
}

/// Golden vector G9 (section 4, China Telecom): 100.90 paid after 30 months.
#[test]
fn g9_a_telecom_bill_earns_base_and_tenure() {
    let earned = lines(&telecom(), &bill(10_090), &months(30));

    assert_eq!(earned, named(&[("base", 100), ("tenure", 20)]));
}

/// Golden vector G10 (section 4, Beijing Mobile): 100 paid, 10 of it for data, after 61 months, 6 of
/// them punctual: 190.
#[test]
fn g10_a_beijing_mobile_bill_earns_all_bonuses() {
    let event = Event {
        parts: vec![part("data", 1_000)],
        ..bill(10_000)
    };
    let facts = Facts {
        punctual_months: 6,
        ..months(61)
    };

    let earning = evaluate(&beijing(), &event, &facts);

    let expected = [
        ("base", 100),
        ("tenure", 50),
        ("punctual", 10),
        ("data", 30),
    ];
    assert_eq!(lines(&beijing(), &event, &facts), named(&expected));
    assert_eq!((earning.points(), earning.qualifying()), (190, 190));
    assert!(!earning.is_capped());
}

#[test]
fn the_edges_of_the_bands_are_those_that_were_published() {
    let bonus = |version: &ProgrammeVersion, at: u16| {
        let earned = lines(version, &bill(10_000), &months(at));
        earned.get(1).map_or(0, |(_, points)| *points)
    };
    for (at, telecom_points, beijing_points) in [
        (0, 0, 0),
        (12, 0, 0),
        (13, 10, 10),
        (24, 10, 10),
        (25, 20, 20),
        (48, 30, 30),
        (49, 40, 40),
        (60, 40, 40),
        (61, 40, 50),
    ] {
        assert_eq!(bonus(&telecom(), at), telecom_points, "{at} months");
        assert_eq!(bonus(&beijing(), at), beijing_points, "{at} months");
    }
}

#[test]
fn a_rule_that_gives_nothing_says_why() {
    let facts = Facts {
        punctual_months: 5,
        ..Facts::default()
    };
    let earning = evaluate(&beijing(), &bill(99), &facts);

    let why: Vec<Skip> = earning.skipped.iter().map(|(_, why)| *why).collect();
    let expected = [
        Skip::BelowUnit,
        Skip::Tenure,
        Skip::NotPunctual,
        Skip::BelowThreshold,
    ];
    assert_eq!(why, expected);
}

/// Section 4: penalties and fees that are collected for others earn nothing.
#[test]
fn excluded_parts_of_a_bill_earn_nothing() {
    let event = Event {
        parts: vec![
            part("penalty", 1_000),
            part("agency_fee", 550),
            part("data", 900),
        ],
        ..bill(10_000)
    };

    assert_eq!(
        lines(&telecom(), &event, &months(1)),
        named(&[("base", 84)])
    );
}

/// Section 4, China Mobile's stars: 1 point, 1.5, 2, 2.5 for a unit; without a star none.
#[test]
fn stars_multiply_and_without_one_nothing_is_earned() {
    let factors = [("1", 10_000), ("2", 15_000), ("3", 20_000), ("4", 25_000)];
    let factors = factors.map(|(key, basis_points)| Factor {
        key: key.to_owned(),
        basis_points,
    });
    let stars = Multiplier::Star {
        factors: factors.to_vec(),
        otherwise: 0,
    };
    let tenure = bands(&[(13, None, 10)]);
    let version = version(vec![base(stars), tenure]);
    let of = |star: &str| {
        let facts = Facts {
            star: star.to_owned(),
            ..months(20)
        };
        evaluate(&version, &bill(10_100), &facts)
    };

    assert_eq!(of("1").points(), 101 + 10);
    assert_eq!(of("2").points(), 151 + 15);
    assert_eq!(of("4").points(), 252 + 25);
    assert_eq!(of("").points(), 0);
    assert_eq!(of("").skipped[0].1, Skip::NoStar);
}

/// Section 4, China Telecom's other page: 10 points for each product and punctual month.
#[test]
fn a_bonus_may_be_counted_by_products() {
    let punctual = Basis::Punctual {
        months: 1,
        reward: Reward::PerProduct(10),
    };
    let product = Basis::Product {
        product: "fused".to_owned(),
        reward: Reward::Percent(10_000),
    };
    let version = version(vec![
        base(Multiplier::None),
        rule("punctual", punctual),
        rule("fused", product),
    ]);
    let facts = Facts {
        punctual_months: 1,
        products: ["mobile", "broadband", "fused"].map(str::to_owned).to_vec(),
        ..Facts::default()
    };

    let expected = [("base", 50), ("punctual", 30), ("fused", 50)];
    assert_eq!(lines(&version, &bill(5_000), &facts), named(&expected));
}

#[test]
fn limits_of_rule_event_and_day_cut_and_are_told() {
    let mut limited = telecom();
    limited.rules[0].event_max = 80;
    limited.rules[1].day_max = 25;
    limited.day_max = 130;
    let mut facts = months(50);
    facts.earned_today = vec![super::event::Earned {
        rule: "tenure".to_owned(),
        points: 20,
    }];

    let first = evaluate(&limited, &bill(10_000), &facts);
    facts.earned_today.push(super::event::Earned {
        rule: "base".to_owned(),
        points: 105,
    });
    let later = evaluate(&limited, &bill(10_000), &facts);

    // The base is what was paid; limits cut what is given.
    assert_eq!(first.lines[0].points, 80);
    assert_eq!((first.lines[1].uncapped, first.lines[1].points), (40, 5));
    assert!(first.is_capped());
    // 125 of 130 were given today, and 20 of the 25 of the rule.
    assert_eq!((later.points(), later.lines.len()), (5, 1));
    assert_eq!(later.skipped, [("tenure".to_owned(), Skip::Limit)]);
}

#[test]
fn blocked_accounts_earn_nothing() {
    let mut version = telecom();
    version.policies.hinders = vec![(Block::Arrears, Operation::Earn)];
    let facts = Facts {
        blocks: vec![Block::Suspended, Block::Arrears],
        ..months(30)
    };

    let earning = evaluate(&version, &bill(10_000), &facts);

    assert_eq!(
        (earning.points(), earning.blocked),
        (0, Some(Block::Arrears))
    );
}

#[test]
fn points_become_one_lot_for_each_type_expiry_start_and_partner() {
    let mut version = beijing();
    version.rules[1].points_type = "promotion".to_owned();
    version.rules[2].pending_days = 14;
    version.rules[3].funding = Some(Funding {
        partner: "shop".to_owned(),
        share: 5_000,
    });
    version.rules[3].qualifying = 0;
    let event = Event {
        parts: vec![part("data", 1_000)],
        ..bill(10_000)
    };
    let facts = Facts {
        punctual_months: 6,
        ..months(61)
    };

    let earning = evaluate(&version, &event, &facts);
    let groups = earning.groups();

    let shape: Vec<(i64, &str, bool, Option<&str>)> = groups
        .iter()
        .map(|group| {
            let pending = group.active_from > event.at();
            (
                group.points,
                group.points_type.as_str(),
                pending,
                group.partner.as_ref().map(|(partner, _)| partner.as_str()),
            )
        })
        .collect();
    let expected = [
        (100, "base", false, None),
        (50, "promotion", false, None),
        (10, "base", true, None),
        (30, "base", false, Some("shop")),
    ];
    assert_eq!(shape, expected);
    assert_eq!(earning.qualifying(), 160);
    let simple = evaluate(&beijing(), &event, &facts).groups();
    assert_eq!((simple.len(), simple[0].points), (1, 190));
}

#[test]
fn published_programmes_are_valid_and_come_back_from_their_stored_form() {
    for version in [telecom(), beijing()] {
        let mut violations = tenure_core::Violations::new();
        version.check(&mut violations);
        let text = serde_json::to_string(&version).unwrap();

        assert!(violations.into_result().is_ok());
        assert_eq!(
            serde_json::from_str::<ProgrammeVersion>(&text).unwrap(),
            version
        );
    }
}
