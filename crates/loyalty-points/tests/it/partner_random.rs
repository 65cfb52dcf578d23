//! Random earnings, spendings, cancellations, price changes and settlements, against a list.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::Span;
use tenure_proto::loyalty::v1::*;

use crate::domain::{Policies, RevokePolicy};
use crate::partner_suite::{accrual, creating, minor};
use crate::suite::{Suite, each_with, new_id};

const STEPS: usize = 1_000;
const PARTNERS: [&str; 3] = ["airline", "bank", "cafe"];
const TYPES: [&str; 2] = ["", "promotion"];
const ACCOUNTS: usize = 6;

/// One thing that happened at a partner, written down as it was asked for.
#[derive(Clone)]
struct Happened {
    partner: usize,
    account: usize,
    is_earning: bool,
    points_type: &'static str,
    points: i64,
    /// The price of 1,000 and the billed part when it was decided.
    price: (i64, i64),
    terms: i64,
    /// How many points of it were taken back later.
    taken_back: i64,
    entry: Entry,
    /// Whether it is itself the taking back.
    is_return: bool,
    settlement: i64,
}

/// The prices of a partner: by type, billed part, for points spent.
#[derive(Clone, Copy)]
struct Tariff {
    earned: [i64; 2],
    billed: i64,
    spent: i64,
    terms: i64,
}

impl Tariff {
    fn random(random: &mut SmallRng, terms: i64) -> Self {
        Self {
            earned: [random.random_range(0..3_000), random.random_range(0..3_000)],
            billed: random.random_range(1..=10_000),
            spent: random.random_range(0..3_000),
            terms,
        }
    }

    fn prices(self) -> PartnerPrices {
        PartnerPrices {
            accrual_prices: vec![
                accrual("", self.earned[0]),
                accrual("promotion", self.earned[1]),
            ],
            billing_basis_points: self.billed.try_into().unwrap(),
            redemption_minor_per_thousand: self.spent,
        }
    }
}

struct World {
    loyalty: Suite,
    tariffs: Vec<Tariff>,
    /// Points by account; less than none is owed.
    balances: [i64; ACCOUNTS],
    happened: Vec<Happened>,
    settlements: [i64; 3],
    /// The rounded amounts of all settlements.
    billed: [i64; 3],
}

fn account(number: usize) -> String {
    format!("A{number}")
}

/// Rounds to the nearest, halves to the even one, by trying: the amount whose distance is least.
fn rounded(numerator: i128, denominator: i128) -> i64 {
    let near = numerator / denominator;
    let distance = |whole: i128| ((whole * denominator - numerator).abs(), whole % 2 != 0);
    let best = (near - 1..=near + 1).min_by_key(|whole| distance(*whole));
    best.unwrap().try_into().unwrap()
}

/// Direction, type, terms.
type Key = (bool, &'static str, i64);

/// What entries come to: points and amount by what they have in common.
fn bill<'h>(entries: impl Iterator<Item = &'h Happened>) -> BTreeMap<Key, (i64, i64, i64)> {
    let mut lines: BTreeMap<Key, (i64, i64, i128, i64)> = BTreeMap::new();
    for it in entries {
        let line = lines
            .entry((!it.is_earning, it.points_type, it.terms))
            .or_default();
        let sign = if it.is_return { -1 } else { 1 };
        if it.is_return {
            line.1 += it.points;
        } else {
            line.0 += it.points;
        }
        line.2 += i128::from(sign * it.points) * i128::from(it.price.0 * it.price.1);
    }
    let lines = lines.into_iter();
    lines
        .map(|(key, (points, back, sum, _))| (key, (points, back, rounded(sum, 10_000_000))))
        .collect()
}

/// What the partner owes by a bill.
fn net(bill: &BTreeMap<Key, (i64, i64, i64)>) -> i64 {
    let signed = bill
        .iter()
        .map(|((is_spent, ..), line)| if *is_spent { -line.2 } else { line.2 });
    signed.sum()
}

impl World {
    async fn new(loyalty: Suite, random: &mut SmallRng) -> Self {
        let mut tariffs = Vec::new();
        for partner in PARTNERS {
            let tariff = Tariff::random(random, 1);
            let request = CreatePartnerRequest {
                prices: Some(tariff.prices()),
                ..creating(partner)
            };
            loyalty.create_partner(request).await.unwrap();
            tariffs.push(tariff);
        }
        for number in 0..ACCOUNTS {
            loyalty.create(&account(number)).await.unwrap();
        }
        Self {
            loyalty,
            tariffs,
            balances: [0; ACCOUNTS],
            happened: Vec::new(),
            settlements: [0; 3],
            billed: [0; 3],
        }
    }

    async fn earn(&mut self, random: &mut SmallRng, partner: usize, of: usize) {
        let (points, kind) = (random.random_range(1..500), random.random_range(0..2));
        let request = EarnPointsRequest {
            partner_id: PARTNERS[partner].into(),
            points_type: TYPES[kind].into(),
            ..self.loyalty.earning(&account(of), points, &new_id())
        };
        let entry = self
            .loyalty
            .earn_with(request)
            .await
            .unwrap()
            .entry
            .unwrap();
        self.balances[of] += points;
        let tariff = self.tariffs[partner];
        self.happened.push(Happened {
            partner,
            account: of,
            is_earning: true,
            points_type: TYPES[kind],
            points,
            price: (tariff.earned[kind], tariff.billed),
            terms: tariff.terms,
            taken_back: 0,
            entry,
            is_return: false,
            settlement: 0,
        });
    }

    async fn spend(&mut self, random: &mut SmallRng, partner: usize, of: usize) {
        let points = random.random_range(1..300);
        let answer = self
            .loyalty
            .redeem_at(PARTNERS[partner], &account(of), points)
            .await;
        if points > self.balances[of] {
            tenure_testkit::assert_reason(&answer.unwrap_err(), "INSUFFICIENT_POINTS");
            return;
        }
        self.balances[of] -= points;
        let tariff = self.tariffs[partner];
        self.happened.push(Happened {
            partner,
            account: of,
            is_earning: false,
            points_type: "",
            points,
            price: (tariff.spent, 10_000),
            terms: tariff.terms,
            taken_back: 0,
            entry: answer.unwrap(),
            is_return: false,
            settlement: 0,
        });
    }

    async fn take_back(&mut self, random: &mut SmallRng) {
        if self.happened.is_empty() {
            return;
        }
        let at = random.random_range(0..self.happened.len());
        let of = self.happened[at].clone();
        let left = of.points - of.taken_back;
        if of.is_return || left == 0 {
            return;
        }
        let points = random.random_range(1..=left);
        let entry = self.loyalty.take_back(&of.entry, points).await.unwrap();
        self.balances[of.account] += if of.is_earning { -points } else { points };
        self.happened[at].taken_back += points;
        self.happened.push(Happened {
            points,
            entry,
            is_return: true,
            settlement: 0,
            ..of
        });
    }

    async fn settle(&mut self, partner: usize) {
        self.loyalty.advance(Span::from_seconds(1));
        let settlement = self.loyalty.settle(PARTNERS[partner]).await;
        self.settlements[partner] += 1;
        let number = self.settlements[partner];
        let mut entries = 0;
        let open = |it: &&mut Happened| it.partner == partner && it.settlement == 0;
        for it in self.happened.iter_mut().filter(open) {
            it.settlement = number;
            entries += 1;
        }
        let of_this = |it: &&Happened| it.partner == partner && it.settlement == number;
        let wanted = bill(self.happened.iter().filter(of_this));
        let shown: Vec<(bool, &str, i64, i64, i64, i64)> = settlement
            .lines
            .iter()
            .map(|line| {
                (
                    line.direction() == PartnerDirection::Redemption,
                    line.points_type.as_str(),
                    line.terms_number,
                    line.points,
                    line.returned_points,
                    minor(line.amount.as_ref()),
                )
            })
            .collect();
        let wanted_lines: Vec<_> = wanted
            .iter()
            .map(|(key, line)| (key.0, key.1, key.2, line.0, line.1, line.2))
            .collect();
        assert_eq!(shown, wanted_lines);
        assert_eq!(
            (settlement.settlement_number, settlement.entry_count),
            (number, entries)
        );
        let owed = net(&wanted);
        assert_eq!(minor(settlement.net_amount.as_ref()), owed);
        self.billed[partner] += owed;
    }

    async fn check(&self) {
        // A statement ends before the instant that it names.
        self.loyalty.advance(Span::from_seconds(1));
        for (partner, id) in PARTNERS.iter().enumerate() {
            let of = |it: &&Happened| it.partner == partner;
            let sum = |is_earning: bool, is_return: bool| -> i64 {
                let same = |it: &&Happened| {
                    it.is_earning == is_earning && it.is_return == is_return && of(it)
                };
                self.happened.iter().filter(same).map(|it| it.points).sum()
            };
            let statement = self.loyalty.partner_statement(id, None, None).await;
            let moved = statement.movements.clone().unwrap();
            assert_eq!(
                [
                    moved.accrued_points,
                    moved.cancelled_points,
                    moved.redeemed_points,
                    moved.returned_points
                ],
                [
                    sum(true, false),
                    sum(true, true),
                    sum(false, false),
                    sum(false, true)
                ]
            );
            let settled = minor(statement.settled.unwrap().net_amount.as_ref());
            assert_eq!(settled, self.billed[partner]);
            let open = |it: &&Happened| it.partner == partner && it.settlement == 0;
            let open = net(&bill(self.happened.iter().filter(open)));
            let closing = minor(statement.closing.unwrap().net_amount.as_ref());
            assert_eq!(closing, open);
            let rounding = minor(statement.rounding_amount.as_ref());
            assert_eq!(
                minor(moved.net_amount.as_ref()) - settled + rounding,
                closing
            );
        }
        for (number, balance) in self.balances.iter().enumerate() {
            let available = self.loyalty.balance(&account(number)).await.0;
            assert_eq!(available, (*balance).max(0));
        }
        self.loyalty.assert_verifies().await;
    }
}

#[tokio::test]
async fn a_thousand_random_steps_settle_as_a_list_does() {
    let policies = Policies {
        revoke: RevokePolicy::BelowZero,
        debt_limit: 1_000_000,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let mut random = SmallRng::seed_from_u64(42);
        let mut world = World::new(loyalty, &mut random).await;
        for _ in 0..STEPS {
            let partner = random.random_range(0..PARTNERS.len());
            let of = random.random_range(0..ACCOUNTS);
            match random.random_range(0..100) {
                0..45 => world.earn(&mut random, partner, of).await,
                45..70 => world.spend(&mut random, partner, of).await,
                70..92 => world.take_back(&mut random).await,
                92..96 => {
                    let terms = world.tariffs[partner].terms + 1;
                    let tariff = Tariff::random(&mut random, terms);
                    world
                        .loyalty
                        .reprice(PARTNERS[partner], tariff.prices())
                        .await;
                    world.tariffs[partner] = tariff;
                }
                _ => world.settle(partner).await,
            }
        }
        world.check().await;
        for partner in 0..PARTNERS.len() {
            world.settle(partner).await;
        }
        world.check().await;
    })
    .await;
}
