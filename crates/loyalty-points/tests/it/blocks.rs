//! Points that a partner bought in advance: drawn with every earning, given back with its cancellation.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::domain::{Policies, RevokePolicy};
use crate::partner_suite::{creating, net};
use crate::programme_suite::{earning, event, flat, per_unit, rule};
use crate::suite::{Answer, Suite, each, each_with, new_id};

impl Suite {
    async fn prepaid(&self, partner_id: &str, alert_points: i64) {
        let request = CreatePartnerRequest {
            funding: PartnerFundingModel::Prepaid.into(),
            alert_points,
            ..creating(partner_id)
        };
        self.create_partner(request).await.unwrap();
    }

    fn buying(&self, partner_id: &str, points: i64) -> AddPointBlockRequest {
        AddPointBlockRequest {
            request_id: new_id(),
            partner_id: partner_id.into(),
            points,
            price_minor: points,
            created_by: "ada".into(),
            ..AddPointBlockRequest::default()
        }
    }

    async fn buy(&self, request: AddPointBlockRequest) -> Answer<PointBlock> {
        let answer = self.partners().add_point_block(request).await?.into_inner();
        Ok(answer.block.unwrap())
    }

    /// What is left of each block, read in small pages.
    async fn left(&self, partner_id: &str) -> Vec<i64> {
        let mut request = ListPointBlocksRequest {
            partner_id: partner_id.into(),
            page_size: 1,
            page_token: String::new(),
        };
        let mut left = Vec::new();
        loop {
            let page = self.partners().list_point_blocks(request.clone()).await;
            let page = page.unwrap().into_inner();
            left.extend(page.blocks.iter().map(|block| block.remaining_points));
            if page.next_page_token.is_empty() {
                return left;
            }
            request.page_token = page.next_page_token;
        }
    }
}

#[tokio::test]
async fn an_earning_draws_from_the_block_that_began_first_and_then_from_the_reserve() {
    each(async |loyalty| {
        loyalty.prepaid("cafe", 0).await;
        let refused = loyalty.earn_at("cafe", "ada", 1).await.unwrap_err();
        assert_reason(&refused, "PARTNER_BLOCK_EXHAUSTED");
        let now = loyalty.clock.now();
        let reserve = AddPointBlockRequest {
            reserve: true,
            ..loyalty.buying("cafe", 50)
        };
        let later = AddPointBlockRequest {
            start_time: Some(time(now + Span::from_days(1))),
            ..loyalty.buying("cafe", 1_000)
        };
        let short = AddPointBlockRequest {
            end_time: Some(time(now + Span::from_days(1))),
            ..loyalty.buying("cafe", 100)
        };
        let first = loyalty.buy(reserve.clone()).await.unwrap();
        assert_eq!(loyalty.buy(reserve).await.unwrap(), first);
        loyalty.buy(later).await.unwrap();
        loyalty.buy(short).await.unwrap();

        loyalty.earn_at("cafe", "ada", 70).await.unwrap();
        assert_eq!(loyalty.left("cafe").await, [50, 1_000, 30]);
        loyalty.earn_at("cafe", "bob", 40).await.unwrap();
        assert_eq!(loyalty.left("cafe").await, [10, 1_000, 30]);
        let refused = loyalty.earn_at("cafe", "ada", 31).await.unwrap_err();
        assert_reason(&refused, "PARTNER_BLOCK_EXHAUSTED");
        loyalty.advance_days(1);
        loyalty.earn_at("cafe", "ada", 31).await.unwrap();

        assert_eq!(loyalty.left("cafe").await, [10, 969, 30]);
        assert_eq!(loyalty.balance("ada").await, (101, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_back_goes_back_to_its_block() {
    let policies = Policies {
        revoke: RevokePolicy::ToZero,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        loyalty.prepaid("cafe", 0).await;
        loyalty.buy(loyalty.buying("cafe", 100)).await.unwrap();
        loyalty.buy(loyalty.buying("cafe", 100)).await.unwrap();
        let earned = loyalty.earn_at("cafe", "ada", 90).await.unwrap();
        loyalty.earn_at("cafe", "ada", 20).await.unwrap();
        assert_eq!(loyalty.left("cafe").await, [10, 80]);

        loyalty.take_back(&earned, 30).await.unwrap();
        assert_eq!(loyalty.left("cafe").await, [40, 80]);
        // Of the other 60, 50 are spent for good with what is left of the second earning.
        loyalty.redeem("ada", 70).await.unwrap();
        let rest = loyalty.take_back(&earned, 0).await.unwrap();

        assert_eq!((rest.reversed_points, rest.shortfall_points), (60, 50));
        assert_eq!(loyalty.left("cafe").await, [50, 80]);
        let refused = loyalty.take_back(&earned, 0).await.unwrap_err();
        assert_reason(&refused, "ENTRY_ALREADY_REVERSED");
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_block_is_shared_by_replicas_and_never_overdrawn() {
    each(async |loyalty| {
        let other = loyalty.replica();
        // It knows the programme, and no partner yet.
        other.earn("ada", 1, "B1").await;
        loyalty.prepaid("cafe", 0).await;
        loyalty.buy(loyalty.buying("cafe", 100)).await.unwrap();
        let names: Vec<String> = (0..30).map(|number| format!("A{number}")).collect();
        let earning = names.iter().enumerate().map(|(number, account)| {
            let replica = if number % 2 == 0 { &loyalty } else { &other };
            replica.earn_at("cafe", account, 7)
        });

        let answers = futures_util::future::join_all(earning).await;

        let earned = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(earned, 14);
        for answer in answers {
            if let Err(status) = answer {
                assert_reason(&status, "PARTNER_BLOCK_EXHAUSTED");
            }
        }
        assert_eq!(loyalty.left("cafe").await, [2]);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn the_entry_says_when_few_points_are_left() {
    each(async |loyalty| {
        loyalty.prepaid("cafe", 50).await;
        loyalty.buy(loyalty.buying("cafe", 100)).await.unwrap();
        let mut said = Vec::new();
        for points in [40, 10, 10, 10] {
            let entry = loyalty.earn_at("cafe", "ada", points).await.unwrap();
            said.push(entry.partner.unwrap().low_block_points);
        }
        loyalty.buy(loyalty.buying("cafe", 30)).await.unwrap();
        let again = loyalty.earn_at("cafe", "ada", 20).await.unwrap();

        assert_eq!(said, [None, None, Some(40), None]);
        assert_eq!(again.partner.unwrap().low_block_points, Some(40));
    })
    .await;
}

#[tokio::test]
async fn what_was_paid_in_advance_is_billed_no_more_but_burns_are_owed() {
    each(async |loyalty| {
        loyalty.prepaid("cafe", 0).await;
        loyalty.buy(loyalty.buying("cafe", 1_000)).await.unwrap();
        loyalty.earn_at("cafe", "ada", 500).await.unwrap();
        loyalty.redeem_at("cafe", "ada", 100).await.unwrap();
        loyalty.advance(Span::from_seconds(1));

        let settlement = loyalty.settle("cafe").await;

        // 100 points spent at 0.8.
        assert_eq!(net(&settlement), -80);
        assert_eq!(settlement.lines[0].points, 500);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn rules_draw_from_blocks_too_and_earn_nothing_in_parts() {
    each(async |loyalty| {
        loyalty.prepaid("shop", 0).await;
        loyalty.buy(loyalty.buying("shop", 60)).await.unwrap();
        let mut rules = per_unit(1);
        rules.rules.push(EarningRule {
            funding: Some(PartnerFunding {
                partner_id: "shop".into(),
                share_basis_points: 10_000,
            }),
            ..rule("shop", EventKind::Bill, flat(40))
        });
        loyalty.rule_by(rules).await;
        let bill = |id: &str| earning("ada", event(EventKind::Bill, id, 10_000));

        loyalty.earn_for_event(bill("B1")).await.unwrap();
        let refused = loyalty.earn_for_event(bill("B2")).await.unwrap_err();

        assert_reason(&refused, "PARTNER_BLOCK_EXHAUSTED");
        assert_eq!(loyalty.left("shop").await, [20]);
        assert_eq!(loyalty.balance("ada").await, (140, 0));
        loyalty.buy(loyalty.buying("shop", 40)).await.unwrap();
        loyalty.earn_for_event(bill("B2")).await.unwrap();
        assert_eq!(loyalty.balance("ada").await, (280, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn only_prepaid_partners_buy_blocks() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        let refused = loyalty.buy(loyalty.buying("cafe", 1)).await.unwrap_err();
        assert_reason(&refused, "PARTNER_NOT_PREPAID");
        let unknown = loyalty.buy(loyalty.buying("nobody", 1)).await.unwrap_err();
        assert_reason(&unknown, "PARTNER_NOT_FOUND");
        let wrong = loyalty.buy(loyalty.buying("cafe", 0)).await.unwrap_err();
        assert_reason(&wrong, "INVALID_FIELDS");
        let long = CreatePartnerRequest {
            funding: PartnerFundingModel::Prepaid.into(),
            ..creating(&"x".repeat(49))
        };
        assert_reason(
            &loyalty.create_partner(long).await.unwrap_err(),
            "INVALID_FIELDS",
        );
    })
    .await;
}
