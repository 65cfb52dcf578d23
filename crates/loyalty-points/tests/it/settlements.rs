//! Settlements: every entry of a partner once, at the price it had, whatever happens meanwhile.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::partner_suite::{accrual, creating, minor, net, prices};
use crate::programme_suite::{earning, event, flat, per_unit, rule};
use crate::suite::{each, new_id};

/// direction, type, terms, funded part, entries, points, returned, amount.
type Line = (i32, String, i64, i32, i64, i64, i64, i64);

fn lines(settlement: &Settlement) -> Vec<Line> {
    let line = |line: &SettlementLine| {
        (
            line.direction,
            line.points_type.clone(),
            line.terms_number,
            line.funding_basis_points,
            line.entry_count,
            line.points,
            line.returned_points,
            minor(line.amount.as_ref()),
        )
    };
    settlement.lines.iter().map(line).collect()
}

/// 12.345 for 1,000 base points, 20.00 for promotion ones, 90 % billed, 8.00 for points spent:
///
/// - base: 1,000 + 333 - 200 = 1,133 points; 1,133 x 1,234.5 / 1,000 x 0.9 cannot be, prices are whole
///   minor units: 1,235 for 1,000; 1,133 x 1.235 = 1,399.255, of that 90 % = 1,259.3295: 1,259.
/// - promotion: 500 points; 500 x 2 = 1,000, of that 90 %: 900.
/// - spent: 250 - 50 = 200 points; 200 x 0.8 = 160.
/// - net: 1,259 + 900 - 160 = 1,999.
#[tokio::test]
async fn a_bill_adds_up_to_what_was_worked_out_by_hand() {
    each(async |loyalty| {
        let prices = PartnerPrices {
            accrual_prices: vec![accrual("", 1_235), accrual("promotion", 2_000)],
            billing_basis_points: 9_000,
            redemption_minor_per_thousand: 800,
        };
        let request = CreatePartnerRequest {
            prices: Some(prices),
            ..creating("cafe")
        };
        loyalty.create_partner(request).await.unwrap();
        let first = loyalty.earn_at("cafe", "ada", 1_000).await.unwrap();
        loyalty.earn_at("cafe", "bob", 333).await.unwrap();
        let request = EarnPointsRequest {
            partner_id: "cafe".into(),
            points_type: "promotion".into(),
            ..loyalty.earning("ada", 500, "P1")
        };
        loyalty.earn_with(request).await.unwrap();
        loyalty.take_back(&first, 200).await.unwrap();
        let spent = loyalty.redeem_at("cafe", "ada", 250).await.unwrap();
        loyalty.take_back(&spent, 50).await.unwrap();
        // Points of the partner's that are spent elsewhere are none of its business.
        loyalty.redeem("ada", 100).await.unwrap();
        loyalty.advance(Span::from_seconds(1));

        let settlement = loyalty.settle("cafe").await;

        assert_eq!(settlement.state(), SettlementState::Open);
        assert_eq!(
            (settlement.settlement_number, settlement.entry_count),
            (1, 6)
        );
        assert_eq!(
            lines(&settlement),
            [
                (1, String::new(), 1, 10_000, 3, 1_333, 200, 1_259),
                (1, "promotion".into(), 1, 10_000, 1, 500, 0, 900),
                (2, String::new(), 1, 10_000, 2, 250, 50, 160),
            ]
        );
        assert_eq!(minor(settlement.accrual_amount.as_ref()), 2_159);
        assert_eq!(minor(settlement.redemption_amount.as_ref()), 160);
        assert_eq!(net(&settlement), 1_999);
        let found = loyalty.settlement("cafe", 1).await.unwrap();
        assert_eq!(found, settlement);
        let entries = loyalty.settled_entries("cafe", 1).await;
        assert_eq!(entries.len(), 6);
        assert!(loyalty.settled_entries("cafe", 0).await.is_empty());
        loyalty.assert_verifies().await;
    })
    .await;
}

/// A rule that a partner funds by half bills the half: 40 points x 1 = 40, of that the half is 20.
#[tokio::test]
async fn a_rule_that_a_partner_funds_in_part_bills_that_part() {
    each(async |loyalty| {
        loyalty.partner("shop").await;
        let mut rules = per_unit(1);
        rules.rules.push(EarningRule {
            funding: Some(PartnerFunding {
                partner_id: "shop".into(),
                share_basis_points: 5_000,
            }),
            ..rule("shop", EventKind::Bill, flat(40))
        });
        loyalty.rule_by(rules).await;
        let bill = event(EventKind::Bill, "B1", 10_000);
        loyalty.earn_for_event(earning("ada", bill)).await.unwrap();
        loyalty.earn_at("shop", "ada", 40).await.unwrap();
        loyalty.advance(Span::from_seconds(1));

        let settlement = loyalty.settle("shop").await;

        assert_eq!(
            lines(&settlement),
            [
                (1, String::new(), 1, 10_000, 1, 40, 0, 40),
                (1, "base".into(), 1, 5_000, 1, 40, 0, 20),
            ]
        );
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_bill_over_the_same_time_bills_nothing_twice() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        loyalty.earn_at("cafe", "ada", 1_000).await.unwrap();
        loyalty.advance(Span::from_seconds(1));
        let until = loyalty.clock.now();
        let first = loyalty.settle("cafe").await;
        let empty = loyalty.settle("cafe").await;
        loyalty.earn_at("cafe", "bob", 70).await.unwrap();
        loyalty.advance(Span::from_seconds(1));

        let before = SettlePartnerRequest {
            until_time: Some(time(until)),
            ..loyalty.settling("cafe")
        };
        let before = loyalty
            .settle_with(before)
            .await
            .unwrap()
            .settlement
            .unwrap();
        let rest = loyalty.settle("cafe").await;

        let seen = [&first, &empty, &before, &rest].map(|it| (it.entry_count, net(it)));
        assert_eq!(seen, [(1, 1_000), (0, 0), (0, 0), (1, 70)]);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_bill_up_to_an_instant_leaves_later_entries_to_the_next() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        loyalty.earn_at("cafe", "ada", 10).await.unwrap();
        loyalty.redeem_at("cafe", "ada", 5).await.unwrap();
        loyalty.advance_days(1);
        let midnight = loyalty.clock.now();
        loyalty.earn_at("cafe", "ada", 200).await.unwrap();
        loyalty.advance_days(1);

        let request = SettlePartnerRequest {
            until_time: Some(time(midnight)),
            ..loyalty.settling("cafe")
        };
        let first = loyalty.settle_with(request.clone()).await.unwrap();
        let second = loyalty.settle("cafe").await;
        let again = loyalty.settle_with(request).await.unwrap();

        let points = |it: &Settlement| it.lines.iter().map(|line| line.points).collect::<Vec<_>>();
        let first = first.settlement.unwrap();
        assert_eq!(points(&first), [10, 5]);
        assert_eq!(points(&second), [200]);
        assert_eq!((again.replayed, again.settlement), (true, Some(first)));
        let future = SettlePartnerRequest {
            until_time: Some(time(loyalty.clock.now() + Span::from_days(1))),
            ..loyalty.settling("cafe")
        };
        assert_reason(
            &loyalty.settle_with(future).await.unwrap_err(),
            "INVALID_FIELDS",
        );
    })
    .await;
}

#[tokio::test]
async fn a_reversal_after_the_bill_falls_into_the_next_one_at_the_price_it_had() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        let earned = loyalty.earn_at("cafe", "ada", 1_000).await.unwrap();
        let spent = loyalty.redeem_at("cafe", "ada", 500).await.unwrap();
        loyalty.advance_days(1);
        let first = loyalty.settle("cafe").await;
        loyalty
            .mark(&first, SettlementState::Invoiced, "INV-1")
            .await
            .unwrap();
        loyalty
            .mark(&first, SettlementState::Disputed, "too much")
            .await
            .unwrap();
        let dearer = PartnerPrices {
            accrual_prices: vec![accrual("", 9_000)],
            redemption_minor_per_thousand: 9_000,
            ..prices()
        };
        loyalty.reprice("cafe", dearer).await;
        // 1.00 and 0.80 for 100 it was; 9.00 it is.
        loyalty.take_back(&spent, 100).await.unwrap();
        loyalty.take_back(&earned, 300).await.unwrap();
        loyalty.earn_at("cafe", "bob", 10).await.unwrap();
        loyalty.advance_days(1);

        let second = loyalty.settle("cafe").await;

        assert_eq!(net(&first), 1_000 - 400);
        assert_eq!(
            lines(&second),
            [
                (1, String::new(), 1, 10_000, 1, 0, 300, -300),
                (1, String::new(), 2, 10_000, 1, 10, 0, 90),
                (2, String::new(), 1, 10_000, 1, 0, 100, -80),
            ]
        );
        assert_eq!(net(&second), -300 + 90 + 80);
        // What was billed stays as it was.
        let unchanged = loyalty.settlement("cafe", 1).await.unwrap();
        assert_eq!(unchanged.lines, first.lines);
        loyalty.assert_verifies().await;
    })
    .await;
}

/// Of 100 points, 60 of which were spent and cannot be had again, 40 come back: the partner pays 60.
#[tokio::test]
async fn what_a_customer_keeps_of_a_cancelled_earning_stays_billed() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        let earned = loyalty.earn_at("cafe", "ada", 100).await.unwrap();
        loyalty.redeem("ada", 60).await.unwrap();
        let cancelled = loyalty.take_back(&earned, 0).await.unwrap();
        loyalty.advance_days(1);

        let settlement = loyalty.settle("cafe").await;

        let left = 100 - (cancelled.reversed_points - cancelled.shortfall_points);
        assert_eq!(net(&settlement), left);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_settlement_goes_from_state_to_state_as_it_may() {
    each(async |loyalty| {
        use SettlementState::{Disputed, Invoiced, Open, Paid};
        loyalty.partner("cafe").await;
        let settlement = loyalty.settle("cafe").await;

        let early = loyalty.mark(&settlement, Paid, "").await.unwrap_err();
        assert_reason(&early, "SETTLEMENT_STATE_MISMATCH");
        let invoiced = loyalty.mark(&settlement, Invoiced, "INV-1").await.unwrap();
        assert_eq!(
            (invoiced.state(), invoiced.note.as_str()),
            (Invoiced, "INV-1")
        );
        assert_eq!(invoiced.updated_by, "bob");
        loyalty.mark(&settlement, Disputed, "no").await.unwrap();
        loyalty.mark(&settlement, Paid, "").await.unwrap();
        for state in [Open, Invoiced, Disputed] {
            let refused = loyalty.mark(&settlement, state, "").await.unwrap_err();
            assert_reason(&refused, "SETTLEMENT_STATE_MISMATCH");
        }
        let unknown = Settlement {
            settlement_number: 2,
            ..settlement
        };
        let refused = loyalty.mark(&unknown, Invoiced, "").await.unwrap_err();
        assert_reason(&refused, "SETTLEMENT_NOT_FOUND");
        assert_reason(
            &loyalty.settlement("cafe", 9).await.unwrap_err(),
            "SETTLEMENT_NOT_FOUND",
        );
        let nobody = loyalty.settle_with(loyalty.settling("nobody")).await;
        assert_reason(&nobody.unwrap_err(), "PARTNER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn settlements_come_in_pages_newest_first() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        for _ in 0..3 {
            loyalty.settle("cafe").await;
        }
        let mut request = ListSettlementsRequest {
            partner_id: "cafe".into(),
            page_size: 2,
            page_token: String::new(),
        };
        let mut numbers = Vec::new();
        loop {
            let page = loyalty.partners().list_settlements(request.clone()).await;
            let page = page.unwrap().into_inner();
            numbers.extend(page.settlements.iter().map(|it| it.settlement_number));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(numbers, [3, 2, 1]);
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_settle_at_once_have_each_entry_in_one_settlement() {
    each(async |loyalty| {
        let other = loyalty.replica();
        loyalty.partner("cafe").await;
        for number in 0..40 {
            let account = format!("A{number}");
            loyalty
                .earn_at("cafe", &account, 10 + number)
                .await
                .unwrap();
        }
        loyalty.advance(Span::from_seconds(1));
        let both = [&loyalty, &other, &loyalty, &other];
        let settling = both.map(|replica| replica.settle_with(replica.settling("cafe")));

        let settled = futures_util::future::join_all(settling).await;

        let settled: Vec<Settlement> = settled
            .into_iter()
            .map(|answer| answer.unwrap().settlement.unwrap())
            .collect();
        let total: i64 = settled.iter().map(|it| it.entry_count).sum();
        assert_eq!(total, 40);
        // 10 + 11 + ... + 49 points at 1 each.
        assert_eq!(settled.iter().map(net).sum::<i64>(), 40 * (10 + 49) / 2);
        let mut seen = std::collections::HashSet::new();
        for settlement in &settled {
            let number = settlement.settlement_number;
            for entry in loyalty.settled_entries("cafe", number).await {
                assert!(seen.insert(entry.entry_id));
            }
        }
        assert_eq!(seen.len(), 40);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn one_request_that_comes_twice_at_once_is_one_settlement() {
    each(async |loyalty| {
        let other = loyalty.replica();
        loyalty.partner("cafe").await;
        loyalty.earn_at("cafe", "ada", 10).await.unwrap();
        loyalty.advance(Span::from_seconds(1));
        let request = SettlePartnerRequest {
            request_id: new_id(),
            ..loyalty.settling("cafe")
        };

        let (first, second) = futures_util::join!(
            loyalty.settle_with(request.clone()),
            other.settle_with(request)
        );

        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.settlement, second.settlement);
        assert_ne!(first.replayed, second.replayed);
        assert_eq!(first.settlement.unwrap().settlement_number, 1);
    })
    .await;
}

#[tokio::test]
async fn a_statement_ties_what_moved_to_what_was_settled() {
    each(async |loyalty| {
        // 3.335 for 1,000 points leaves parts of a unit to round.
        let odd = PartnerPrices {
            accrual_prices: vec![accrual("", 3_335)],
            ..prices()
        };
        let request = CreatePartnerRequest {
            prices: Some(odd),
            ..creating("cafe")
        };
        loyalty.create_partner(request).await.unwrap();
        let first = loyalty.earn_at("cafe", "ada", 101).await.unwrap();
        loyalty.advance_days(1);
        let start = loyalty.clock.now();
        loyalty.settle("cafe").await;
        loyalty.take_back(&first, 1).await.unwrap();
        loyalty.earn_at("cafe", "ada", 50).await.unwrap();
        let spent = loyalty.redeem_at("cafe", "ada", 40).await.unwrap();
        loyalty.take_back(&spent, 10).await.unwrap();
        loyalty.advance_days(1);
        loyalty.settle("cafe").await;
        loyalty.earn_at("cafe", "ada", 7).await.unwrap();
        loyalty.advance_days(1);
        let end = loyalty.clock.now();
        loyalty.earn_at("cafe", "ada", 9).await.unwrap();
        loyalty.advance_days(1);
        loyalty.settle("cafe").await;

        let all = loyalty
            .partner_statement("cafe", Some(start), Some(end))
            .await;

        let shape = |position: &Option<PartnerPosition>| {
            let it = position.clone().unwrap();
            let net = minor(it.net_amount.as_ref());
            (
                it.accrued_points,
                it.cancelled_points,
                it.redeemed_points,
                it.returned_points,
                net,
            )
        };
        // 101 x 3.335 = 336.835; (57 - 1) x 3.335 = 186.76 less 30 x 0.8 = 24; of the first bill 337,
        // of the second (50 - 1) x 3.335 = 163.415 less 24; 7 x 3.335 = 23.345 are left.
        assert_eq!(shape(&all.opening), (101, 0, 0, 0, 337));
        assert_eq!(shape(&all.movements), (57, 1, 40, 10, 187 - 24));
        assert_eq!(shape(&all.settled), (151, 1, 40, 10, 337 + 163 - 24));
        assert_eq!(shape(&all.closing), (7, 0, 0, 0, 23));
        // 337 + 163 - 476 = 24.
        assert_eq!(minor(all.rounding_amount.as_ref()), -1);
        assert_eq!(all.settlement_numbers, [1, 2]);
        loyalty.advance(Span::from_seconds(1));
        let now = loyalty.partner_statement("cafe", None, None).await;
        assert_eq!(shape(&now.opening), (0, 0, 0, 0, 0));
        assert_eq!(shape(&now.closing).0, 0);
        assert_eq!(now.settlement_numbers, [1, 2, 3]);
    })
    .await;
}
