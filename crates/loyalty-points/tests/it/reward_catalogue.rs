//! The catalogue: who may have what, and what is on the shelf.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::programme_suite::{earning, event, per_unit};
use crate::reward_suite::{creating, redeeming, refunding, reserving, terms};
use crate::suite::{Suite, day, each, new_id};

fn eligible(eligibility: RewardEligibility) -> RewardTerms {
    RewardTerms {
        eligibility: Some(eligibility),
        ..terms()
    }
}

async fn refusal(loyalty: &Suite, account: &str, reward: &str, reason: &str) -> Vec<String> {
    let refused = loyalty.order(account, reward).await.unwrap_err();
    assert_code(&refused, Code::FailedPrecondition, reason);
    let facts = error_info(&refused).metadata;
    let wanted = ["rule", "wanted", "found"];
    wanted
        .map(|name| facts.get(name).cloned().unwrap_or_default())
        .to_vec()
}

#[tokio::test]
async fn a_reward_is_offered_within_its_time_only() {
    each(async |loyalty| {
        loyalty.earn("ada", 500, "bill/1").await;
        let now = loyalty.clock.now();
        let terms = RewardTerms {
            valid_from_time: Some(time(now + Span::from_days(1))),
            valid_until_time: Some(time(now + Span::from_days(2))),
            ..terms()
        };
        loyalty.offered("mug", terms).await;

        refusal(&loyalty, "ada", "mug", "REWARD_NOT_AVAILABLE").await;
        loyalty.advance_days(1);
        loyalty.order("ada", "mug").await.unwrap();
        loyalty.advance_days(1);
        refusal(&loyalty, "ada", "mug", "REWARD_NOT_AVAILABLE").await;
    })
    .await;
}

#[tokio::test]
async fn a_reward_is_for_its_tiers_its_tenure_and_its_programme() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.tiers = Some(TierPolicy {
            period: Some(tier_policy::Period::CalendarYear(true)),
            grace_days: 31,
            tiers: vec![TierLevel {
                tier_id: "gold".into(),
                qualifying_points_min: 1_000,
                multiplier_basis_points: 10_000,
                ..Default::default()
            }],
        });
        loyalty.rule_by(rules).await;
        loyalty.clock.set(day("2025-03-10"));
        let tier = eligible(RewardEligibility {
            tier_ids: vec!["gold".into()],
            ..Default::default()
        });
        loyalty.offered("watch", tier).await;
        let tenure = eligible(RewardEligibility {
            tenure_months_min: 6,
            ..Default::default()
        });
        loyalty.offered("phone", tenure).await;
        loyalty.earn("bob", 500, "bill/1").await;
        let bill = event(EventKind::Bill, "B1", 100_000);
        loyalty.earn_for_event(earning("ada", bill)).await.unwrap();

        let tier = refusal(&loyalty, "bob", "watch", "NOT_ELIGIBLE").await;
        let tenure = refusal(&loyalty, "bob", "phone", "NOT_ELIGIBLE").await;
        loyalty.order("ada", "watch").await.unwrap();
        loyalty.clock.set(day("2025-09-10"));
        loyalty.order("bob", "phone").await.unwrap();

        assert_eq!(tier, ["TIER", "gold", ""]);
        assert_eq!(tenure, ["TENURE_MONTHS", "6", "0"]);
    })
    .await;
}

#[tokio::test]
async fn an_account_has_no_more_of_a_reward_than_it_may() {
    each(async |loyalty| {
        loyalty.earn("ada", 5_000, "bill/1").await;
        let two = eligible(RewardEligibility {
            account_quantity_max: 2,
            ..Default::default()
        });
        loyalty.stocked_with("mug", 9, two).await;
        let first = loyalty.order("ada", "mug").await.unwrap();
        let reserved = loyalty.reserve("ada", "mug").await.unwrap();

        let refused = loyalty.order("ada", "mug").await.unwrap_err();
        let back = refunding(&first, RefundGoods::ReturnStock);
        loyalty.refund_reward_order(back).await.unwrap();
        loyalty.order("ada", "mug").await.unwrap();
        let again = loyalty.order("ada", "mug").await.unwrap_err();
        // The reservation is over, and counts no more.
        loyalty.advance(Span::from_seconds(60));
        loyalty.order("ada", "mug").await.unwrap();

        assert_reason(&refused, "REWARD_LIMIT_REACHED");
        assert_eq!(error_info(&refused).metadata["had_quantity"], "2");
        assert_reason(&again, "REWARD_LIMIT_REACHED");
        assert_eq!(
            loyalty.look_at(&reserved).await.state(),
            RewardOrderState::Expired
        );
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn orders_of_one_batch_count_for_the_limit() {
    each(async |loyalty| {
        loyalty.earn("ada", 5_000, "bill/1").await;
        let two = eligible(RewardEligibility {
            account_quantity_max: 2,
            ..Default::default()
        });
        loyalty.offered("mug", two).await;

        let orders = (0..5).map(|_| loyalty.order("ada", "mug"));
        let orders = futures_util::future::join_all(orders).await;

        assert_eq!(orders.iter().filter(|order| order.is_ok()).count(), 2);
        assert_eq!(loyalty.balance("ada").await, (4_800, 0));
    })
    .await;
}

#[tokio::test]
async fn an_account_sees_what_it_may_have_and_why_not_the_rest() {
    each(async |loyalty| {
        loyalty.earn("ada", 10, "bill/1").await;
        loyalty.offered("a-mug", terms()).await;
        let gold = eligible(RewardEligibility {
            tier_ids: vec!["gold".into()],
            ..Default::default()
        });
        loyalty.stocked_with("b-watch", 0, gold).await;
        let list = |include_ineligible| ListRewardsRequest {
            account_id: "ada".into(),
            include_ineligible,
            page_size: 1,
            ..Default::default()
        };

        let first = loyalty.list_rewards(list(false)).await.unwrap();
        let second = ListRewardsRequest {
            page_token: first.next_page_token.clone(),
            ..list(false)
        };
        let second = loyalty.list_rewards(second).await.unwrap();
        let all = ListRewardsRequest {
            page_size: 10,
            ..list(true)
        };
        let all = loyalty.list_rewards(all).await.unwrap();

        let names = |page: &ListRewardsResponse| -> Vec<String> {
            let rewards = page.rewards.iter();
            rewards
                .map(|it| it.reward.as_ref().unwrap().reward_id.clone())
                .collect()
        };
        assert_eq!(names(&first), ["a-mug"]);
        assert!(names(&second).is_empty() && second.next_page_token.is_empty());
        assert_eq!(names(&all), ["a-mug", "b-watch"]);
        let reasons: Vec<(&str, &str)> = all.rewards[1]
            .obstacles
            .iter()
            .map(|it| (it.reason.as_str(), it.rule.as_str()))
            .collect();
        assert_eq!(reasons, [("NOT_ELIGIBLE", "TIER"), ("OUT_OF_STOCK", "")]);
    })
    .await;
}

#[tokio::test]
async fn staff_adds_to_a_stock_and_writes_off_what_is_there() {
    each(async |loyalty| {
        loyalty.earn("ada", 500, "bill/1").await;
        loyalty.stocked("mug", 3).await;
        loyalty.reserve("ada", "mug").await.unwrap();
        let more = AdjustStockRequest {
            request_id: new_id(),
            reward_id: "mug".into(),
            quantity_delta: 7,
            reason: "delivery".into(),
            author: "clerk".into(),
        };

        let first = loyalty.adjust_stock(more.clone()).await.unwrap();
        let again = loyalty.adjust_stock(more).await.unwrap();
        loyalty.restock("mug", -4).await.unwrap();
        // What is put aside for somebody is not there to be written off.
        let refused = loyalty.restock("mug", -6).await.unwrap_err();

        assert!(again.replayed && again.reward == first.reward);
        assert_code(&refused, Code::FailedPrecondition, "OUT_OF_STOCK");
        assert_eq!(error_info(&refused).metadata["available_quantity"], "5");
        assert_eq!(loyalty.stock("mug").await, (5, 1, 0));
        let stock = loyalty.reward("mug").await.stock.unwrap();
        assert_eq!((stock.added_quantity, stock.written_off_quantity), (10, 4));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn rewards_that_exist_or_do_not_or_are_not_counted_are_told() {
    each(async |loyalty| {
        let request = creating("mug", terms());
        let first = loyalty.create_reward(request.clone()).await.unwrap();

        let again = loyalty.create_reward(request).await.unwrap();
        let taken = loyalty.create_reward(creating("mug", terms())).await;
        let adjusted = loyalty.restock("mug", 1).await;
        let missing = loyalty.restock("cup", 1).await;

        assert!(again.replayed && again.reward == first.reward);
        assert!(first.reward.unwrap().stock.is_none());
        assert_code(&taken.unwrap_err(), Code::AlreadyExists, "REWARD_EXISTS");
        assert_reason(&adjusted.unwrap_err(), "REWARD_NOT_COUNTED");
        assert_code(&missing.unwrap_err(), Code::NotFound, "REWARD_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn blocks_and_closed_accounts_hinder_orders_as_they_hinder_redemptions() {
    each(async |loyalty| {
        loyalty.stocked("mug", 3).await;
        let poor = loyalty.order("nobody", "mug").await.unwrap_err();
        loyalty.earn("ada", 50, "bill/1").await;

        let short = loyalty
            .redeem_reward(redeeming("ada", "mug"))
            .await
            .unwrap_err();

        loyalty.earn("ada", 100, "bill/2").await;
        loyalty.freeze("ada", BlockKind::Suspended).await.unwrap();
        let frozen = loyalty.order("ada", "mug").await.unwrap_err();
        loyalty.unfreeze("ada", BlockKind::Suspended).await.unwrap();
        loyalty.close("ada").await.unwrap();
        let closed = loyalty.order("ada", "mug").await.unwrap_err();

        assert_code(&frozen, Code::FailedPrecondition, "ACCOUNT_BLOCKED");
        assert_code(&closed, Code::FailedPrecondition, "ACCOUNT_CLOSED");
        assert_code(&poor, Code::NotFound, "ACCOUNT_NOT_FOUND");
        assert_code(&short, Code::FailedPrecondition, "INSUFFICIENT_POINTS");
        assert_eq!(error_info(&short).metadata["needed_points"], "100");
        assert_eq!(loyalty.stock("mug").await, (3, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_page_of_the_catalogue_tells_of_each_reward_what_there_is_of_it() {
    each(async |loyalty| {
        loyalty.earn("ada", 5_000, "bill/1").await;
        // Their stocks lie in several lanes; every third one is not counted.
        for number in 1..=12_i64 {
            let reward = format!("reward-{number:02}");
            if number % 3 == 0 {
                loyalty.offered(&reward, terms()).await;
            } else {
                loyalty.stocked(&reward, 10 * number).await;
            }
        }
        // One is over, one is still put aside.
        let put_aside = || loyalty.redeem_reward(reserving("ada", "reward-04"));
        put_aside().await.unwrap();
        loyalty.advance(Span::from_seconds(40));
        put_aside().await.unwrap();
        loyalty.order("ada", "reward-05").await.unwrap();
        loyalty.advance(Span::from_seconds(20));

        let mut page_token = String::new();
        let mut told = Vec::new();
        loop {
            let request = ListRewardsRequest {
                page_size: 5,
                page_token,
                ..ListRewardsRequest::default()
            };
            let page = loyalty.list_rewards(request).await.unwrap();
            let rewards = page.rewards.into_iter().filter_map(|listed| listed.reward);
            told.extend(rewards.map(|it| {
                let stock = it
                    .stock
                    .map(|it| (it.available_quantity, it.reserved_quantity));
                (it.reward_id, stock)
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        let wanted = (1..=12_i64).map(|number| {
            let taken = i64::from(number == 4 || number == 5);
            let stock = (number % 3 != 0).then_some((10 * number - taken, i64::from(number == 4)));
            (format!("reward-{number:02}"), stock)
        });
        assert_eq!(told, wanted.collect::<Vec<_>>());
    })
    .await;
}
