//! `GetLiability`, `AllocatePrice`.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Clock, Span, Timestamp};
use tenure_proto::loyalty::v1::books_service_client::BooksServiceClient;
use tenure_proto::loyalty::v1::*;
use tenure_proto::r#type::v1::Money;
use tenure_rpc::Transport;
use tenure_rpc::fields::time;
use tenure_rpc::transport::in_process;
use tenure_testkit::assert_reason;

use crate::ledger_walk::{Cohort, Row, vintages, walk};
use crate::random::{accounts, play, policies};
use crate::suite::{Answer, Suite, day, each, each_with, new_id};

const DAY: i64 = 86_400;

impl Suite {
    pub(crate) fn books_client(&self) -> BooksServiceClient<Transport> {
        BooksServiceClient::new(in_process(self.service.routes()))
    }

    async fn liability(&self, request: GetLiabilityRequest) -> Answer<GetLiabilityResponse> {
        let answer = self.books_client().get_liability(request).await;
        answer.map(tonic::Response::into_inner)
    }
}

fn eur(amount_minor: i64) -> Money {
    Money {
        currency_code: "EUR".into(),
        amount_minor,
    }
}

/// A cent for a point, 97 % of which are expected to be redeemed.
fn asking() -> GetLiabilityRequest {
    GetLiabilityRequest {
        allocated_price: Some(PointPrice {
            amount: Some(eur(1)),
            points: 1,
        }),
        expected_redemption_ppm: 970_000,
        page_size: 1_000,
        ..Default::default()
    }
}

fn month(text: &str) -> Option<prost_types::Timestamp> {
    Some(time(day(text)))
}

fn cohort(vintage: &Vintage) -> Cohort {
    let month = vintage.earn_month.unwrap().seconds;
    let (points_type, partner) = (vintage.points_type.clone(), vintage.partner_id.clone());
    (month, points_type, partner)
}

fn minor(money: Option<&Money>) -> i64 {
    money.unwrap().amount_minor
}

/// Asserts that the liability of a period is what the entries say.
async fn assert_agrees(loyalty: &Suite, rows: &[Row], start: Option<i64>, end: Option<i64>) {
    let instant = |day: i64| prost_types::Timestamp {
        seconds: day * DAY,
        nanos: 0,
    };
    let request = GetLiabilityRequest {
        start_time: start.map(instant),
        as_of_time: end.map(instant),
        ..asking()
    };
    let found = loyalty.liability(request).await.unwrap();
    let start = start.map_or(i64::MIN, |day| day * DAY);
    let end = end.map_or(i64::MAX, |day| day * DAY);
    let wanted = vintages(rows, start, end);
    let mut sum = VintagePoints::default();
    let found_points: BTreeMap<Cohort, VintagePoints> = found
        .vintages
        .iter()
        .map(|vintage| {
            let points = vintage.points.unwrap();
            assert_money(vintage, &vintages(rows, i64::MIN, end)[&cohort(vintage)]);
            sum.closing_points += points.closing_points;
            sum.held_points += points.held_points;
            sum.redeemed_points += points.redeemed_points;
            // An expectation is no fact of the entries.
            let expected_breakage_points = 0;
            let points = VintagePoints {
                expected_breakage_points,
                ..points
            };
            (cohort(vintage), points)
        })
        .collect();
    assert_eq!(found_points, wanted, "{start} to {end}");
    let total = found.total.unwrap();
    let points = total.points.unwrap();
    assert_eq!(
        (
            points.closing_points,
            points.held_points,
            points.redeemed_points
        ),
        (sum.closing_points, sum.held_points, sum.redeemed_points)
    );
    let deferred = |vintage: &Vintage| minor(vintage.money.as_ref().unwrap().deferred.as_ref());
    let liability: i64 = found.vintages.iter().map(deferred).sum();
    assert_eq!(minor(total.money.unwrap().deferred.as_ref()), liability);
}

/// Revenue to date in floating point, from what moved the vintage since the beginning.
fn assert_money(vintage: &Vintage, all: &VintagePoints) {
    let issued = all.earned_points - all.reversed_earned_points + all.adjusted_points;
    let used = all.redeemed_points - all.reversed_redeemed_points + all.debt_repaid_points;
    let possible = used + all.closing_points;
    let expected = (issued as f64 * 0.97).clamp(used as f64, possible as f64);
    let share = if expected == 0.0 {
        1.0
    } else {
        used as f64 / expected
    };
    let money = vintage.money.as_ref().unwrap();
    let (allocated, recognised) = (
        minor(money.allocated.as_ref()),
        minor(money.recognised.as_ref()),
    );
    assert_eq!(allocated, issued);
    assert!((recognised as f64 - issued as f64 * share).abs() < 0.5001);
    assert_eq!(minor(money.deferred.as_ref()), allocated - recognised);
}

/// Asserts that the liability of now is what lots hold, vintage by vintage.
async fn assert_lots_tie(loyalty: &Suite, accounts: &[String]) {
    let found = loyalty.liability(asking()).await.unwrap();
    let mut lots: BTreeMap<Cohort, (i64, i64, i64)> = BTreeMap::new();
    for account in accounts {
        let request = ListLotsRequest {
            account_id: account.clone(),
            page_size: 1_000,
            ..Default::default()
        };
        let Ok(page) = loyalty.client.clone().list_lots(request).await else {
            continue;
        };
        for lot in page.into_inner().lots {
            let earned = day("1970-01-01") + Span::from_seconds(lot.earn_time.unwrap().seconds);
            let month = earned.month_start().as_micros() / 1_000_000;
            let key = (month, lot.points_type.clone(), lot.partner_id.clone());
            let sums = lots.entry(key).or_default();
            sums.1 += lot.held_points;
            match lot.state() {
                LotState::Pending => sums.2 += lot.remaining_points,
                _ => sums.0 += lot.remaining_points,
            }
        }
    }
    let points = |vintage: &Vintage| {
        let points = vintage.points.unwrap();
        (
            points.available_points,
            points.held_points,
            points.pending_points,
        )
    };
    let found_lots: BTreeMap<Cohort, (i64, i64, i64)> = found
        .vintages
        .iter()
        .map(|vintage| (cohort(vintage), points(vintage)))
        .filter(|(_, points)| *points != (0, 0, 0))
        .collect();
    assert_eq!(found_lots, lots);
    let closing = found.total.unwrap().points.unwrap().closing_points;
    assert_eq!(closing, found.lot_points);
    assert_eq!(closing, loyalty.books().await.closing_points);
}

#[tokio::test]
async fn books_at_any_date_are_what_the_entries_say_after_random_commands() {
    let seed = 20_250_601;
    each_with(policies(), async |loyalty| {
        let accounts: Vec<String> = accounts().collect();
        let mut random = SmallRng::seed_from_u64(seed);
        play(loyalty.clone(), seed, 900, async |loyalty| {
            // Sums what there is, so that later entries for earlier days come to a later slice.
            let found = loyalty.liability(asking()).await.unwrap();
            let closing = found.total.unwrap().points.unwrap().closing_points;
            assert_eq!(closing, found.lot_points);
        })
        .await;
        loyalty.catch_up().await;

        let rows = walk(&loyalty, &accounts).await;
        assert_lots_tie(&loyalty, &accounts).await;
        assert_agrees(&loyalty, &rows, None, None).await;
        let first = day("2025-01-01").as_micros() / 1_000_000 / DAY;
        let last = loyalty.clock.now().as_micros() / 1_000_000 / DAY;
        for _ in 0..25 {
            let (one, other) = (
                random.random_range(first..=last + 1),
                random.random_range(first..=last + 1),
            );
            let (start, end) = (one.min(other), one.max(other));
            assert_agrees(&loyalty, &rows, Some(start), Some(end)).await;
            assert_agrees(&loyalty, &rows, None, Some(end)).await;
        }
        let months: BTreeSet<i64> = rows.iter().map(|row| row.cohort.0).collect();
        assert!(months.len() > 1);
    })
    .await;
}

#[tokio::test]
async fn entries_are_summed_once_by_replicas_at_once_and_in_slices() {
    each(async |loyalty| {
        let other = loyalty.replica();
        let mut points = 0;
        for batch in 0..3 {
            let earn = |number: i64| {
                let id = format!("A{}", number % 40);
                let earning = loyalty.earning(&id, number + 1, &new_id());
                let operation = operation::Operation::EarnPoints(earning);
                points += number + 1;
                Operation {
                    operation: Some(operation),
                }
            };
            let request = BatchExecuteOperationsRequest {
                operations: (0..1_000).map(earn).collect(),
                mode: BatchMode::Independent.into(),
            };
            let mut client = loyalty.client.clone();
            let write = client.batch_execute_operations(request);
            let (written, one, two) = tokio::join!(
                write,
                loyalty.liability(asking()),
                other.liability(asking())
            );
            written.unwrap();
            for answer in [one.unwrap(), two.unwrap()] {
                let closing = answer.total.unwrap().points.unwrap().closing_points;
                assert_eq!(closing, answer.lot_points, "batch {batch}");
            }
        }
        let (one, two) = tokio::join!(loyalty.liability(asking()), other.liability(asking()));
        for answer in [one.unwrap(), two.unwrap()] {
            let total = answer.total.unwrap().points.unwrap();
            assert_eq!(
                (total.earned_points, total.closing_points),
                (points, points)
            );
            assert_eq!(answer.lot_points, points);
        }
    })
    .await;
}

/// KPMG's worked example 10A through the API, one unit of money for each minor unit: 9,000 for
/// 10,000 points; the estimate of the third year is changed for the vintage alone.
#[tokio::test]
async fn kpmg_the_liability_catches_up_with_a_changed_estimate() {
    each(async |loyalty| {
        loyalty.earn("ada", 10_000, "sale").await;
        loyalty.clock.set(day("2026-06-01"));
        loyalty.redeem("ada", 4_500).await.unwrap();
        loyalty.clock.set(day("2027-06-01"));
        loyalty.redeem("ada", 4_000).await.unwrap();
        let recognised = async |as_of: &str, ppm: i32| {
            let request = GetLiabilityRequest {
                as_of_time: month(as_of),
                allocated_price: Some(PointPrice {
                    amount: Some(eur(9_000)),
                    points: 10_000,
                }),
                estimates: vec![VintageEstimate {
                    earn_month: month("2025-01-01"),
                    expected_redemption_ppm: ppm,
                    ..Default::default()
                }],
                ..asking()
            };
            let answer = loyalty.liability(request).await.unwrap();
            let money = answer.vintages[0].money.clone().unwrap();
            assert_eq!(minor(money.allocated.as_ref()), 9_000);
            minor(money.recognised.as_ref())
        };

        let second_year = recognised("2027-01-01", 970_000).await;

        assert_eq!(second_year, 4_175);
        assert_eq!(recognised("2028-01-01", 990_000).await - second_year, 3_552);
        assert_eq!(recognised("2028-01-01", 920_000).await - second_year, 4_140);
        assert_eq!(recognised("2026-01-01", 970_000).await, 0);
    })
    .await;
}

#[tokio::test]
async fn vintages_are_told_by_month_kind_and_partner_and_come_in_pages() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        for (at, points_type, partner) in [
            ("2025-02-10", "", ""),
            ("2025-02-20", "", ""),
            ("2025-02-20", "promotion", "cafe"),
            ("2025-03-05", "", ""),
        ] {
            loyalty.clock.set(day(at));
            let earning = EarnPointsRequest {
                points_type: points_type.into(),
                partner_id: partner.into(),
                ..loyalty.earning("ada", 100, &new_id())
            };
            loyalty.earn_with(earning).await.unwrap();
        }
        let mut request = GetLiabilityRequest {
            page_size: 2,
            estimates: vec![VintageEstimate {
                earn_month: month("2025-02-01"),
                points_type: "promotion".into(),
                partner_id: "cafe".into(),
                expected_redemption_ppm: 500_000,
                allocated: Some(eur(77)),
            }],
            ..asking()
        };
        let first = loyalty.liability(request.clone()).await.unwrap();
        request.page_token.clone_from(&first.next_page_token);
        let second = loyalty.liability(request.clone()).await.unwrap();

        let told = |page: &GetLiabilityResponse| -> Vec<(String, i64, i64)> {
            let vintage = |vintage: &Vintage| {
                let money = vintage.money.as_ref().unwrap();
                let closing = vintage.points.unwrap().closing_points;
                let partner = vintage.partner_id.clone();
                (partner, closing, minor(money.deferred.as_ref()))
            };
            page.vintages.iter().map(vintage).collect()
        };
        let ordinary = |points| (String::new(), points, points);
        assert_eq!(told(&first), [ordinary(200), ("cafe".into(), 100, 77)]);
        assert_eq!(told(&second), [ordinary(100)]);
        assert_eq!(second.next_page_token, "");
        assert_eq!(second.total, first.total);
        let total = first.total.unwrap();
        assert_eq!(total.points.unwrap().closing_points, 400);
        // 3 % of 300 points, and half of 100.
        assert_eq!(total.points.unwrap().expected_breakage_points, 6 + 3 + 50);
        let own = first.own_funded.unwrap();
        assert_eq!(own.points.unwrap().closing_points, 300);
        assert_eq!(minor(own.money.unwrap().deferred.as_ref()), 300);
        request.expected_redemption_ppm = 1;
        let other = loyalty.liability(request).await.unwrap_err();
        assert_reason(&other, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}

#[tokio::test]
async fn the_liability_refuses_what_it_cannot_reckon_with() {
    each(async |loyalty| {
        let estimate = VintageEstimate {
            earn_month: month("2025-01-01"),
            ..Default::default()
        };
        let wrong = [
            GetLiabilityRequest {
                allocated_price: None,
                ..asking()
            },
            GetLiabilityRequest {
                expected_redemption_ppm: 1_000_001,
                ..asking()
            },
            GetLiabilityRequest {
                as_of_time: Some(time(day("2025-01-01") + Span::from_seconds(1))),
                ..asking()
            },
            GetLiabilityRequest {
                as_of_time: month("2025-01-01"),
                start_time: month("2025-01-02"),
                ..asking()
            },
            GetLiabilityRequest {
                estimates: vec![estimate.clone(), estimate.clone()],
                ..asking()
            },
            GetLiabilityRequest {
                estimates: vec![VintageEstimate {
                    earn_month: month("2025-01-02"),
                    ..estimate
                }],
                ..asking()
            },
            GetLiabilityRequest {
                programme_id: "gold".into(),
                ..asking()
            },
        ];
        for request in wrong {
            let refused = loyalty.liability(request.clone()).await;
            let refused = refused.expect_err(&format!("{request:?}"));
            assert_reason(&refused, "INVALID_FIELDS");
        }
        loyalty.earn("ada", 2, "sale").await;
        let dear = GetLiabilityRequest {
            allocated_price: Some(PointPrice {
                amount: Some(eur(1_000_000_000_000_000)),
                points: 1,
            }),
            ..asking()
        };
        let refused = loyalty.liability(dear).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}

/// Golden cases G13 and G14 through the API.
#[tokio::test]
async fn g13_g14_a_price_is_split_between_goods_and_points() {
    each(async |loyalty| {
        let g14 = AllocatePriceRequest {
            price: Some(eur(80_000)),
            goods_price: Some(eur(80_000)),
            points: 24,
            point_value: Some(PointPrice {
                amount: Some(eur(100)),
                points: 1,
            }),
            expected_redemption_ppm: 800_000,
            method: AllocationMethod::RelativeStandAlone.into(),
        };
        let g13 = AllocatePriceRequest {
            price: Some(eur(24_000)),
            goods_price: None,
            points: 50,
            expected_redemption_ppm: 1_000_000,
            method: AllocationMethod::FairValue.into(),
            ..g14.clone()
        };
        let split = async |request: AllocatePriceRequest| {
            let answer = loyalty.books_client().allocate_price(request).await?;
            let answer = answer.into_inner();
            let parts = (
                minor(answer.revenue.as_ref()),
                minor(answer.deferred.as_ref()),
            );
            Answer::Ok(parts)
        };

        assert_eq!(split(g13).await.unwrap(), (19_000, 5_000));
        assert_eq!(split(g14.clone()).await.unwrap(), (78_125, 1_875));
        let usd = Money {
            currency_code: "USD".into(),
            amount_minor: 1,
        };
        let wrong = AllocatePriceRequest {
            price: Some(usd),
            points: -1,
            ..g14
        };
        assert_reason(&split(wrong).await.unwrap_err(), "INVALID_FIELDS");
    })
    .await;
}

/// A late entry for an early day changes the books of that day: they are of what is booked.
#[tokio::test]
async fn what_expired_long_ago_and_is_booked_late_counts_for_its_day() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 100, 10).await;
        loyalty.liability(asking()).await.unwrap();
        let expired_at: Timestamp = loyalty.clock.now() + Span::from_days(10);
        loyalty.advance_days(90);
        let as_of = GetLiabilityRequest {
            as_of_time: Some(time(day("2025-03-01"))),
            ..asking()
        };
        assert!(expired_at < day("2025-03-01"));
        let before = loyalty.liability(as_of.clone()).await.unwrap();
        loyalty.catch_up().await;
        let after = loyalty.liability(as_of).await.unwrap();

        let closing = |answer: GetLiabilityResponse| {
            let points = answer.total.unwrap().points.unwrap();
            (points.expired_points, points.closing_points)
        };
        assert_eq!(closing(before), (0, 100));
        assert_eq!(closing(after), (100, 0));
    })
    .await;
}
