//! `FreezeAccount`, `UnfreezeAccount`, `CloseAccount`.

use tenure_loyalty_points::domain::Policies;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{each, each_with};

#[tokio::test]
async fn a_block_hinders_spending_until_it_is_lifted() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let hold = loyalty.hold("ada", 10, 60).await.unwrap();
        loyalty.freeze("ada", BlockKind::Arrears).await.unwrap();

        let redeemed = loyalty.redeem("ada", 1).await.unwrap_err();
        let held = loyalty.hold("ada", 1, 60).await.unwrap_err();
        let given = loyalty.give("ada", "bob", 1).await.unwrap_err();
        let topped_up = loyalty.top_up(&hold, 11).await.unwrap_err();

        for refused in [&redeemed, &held, &topped_up] {
            assert_code(refused, Code::FailedPrecondition, "ACCOUNT_BLOCKED");
            let facts = &error_info(refused).metadata;
            assert_eq!(
                (&*facts["block"], &*facts["operation"]),
                ("ARREARS", "REDEEM")
            );
        }
        assert_reason(&given, "ACCOUNT_NOT_FOUND");
        // The hold was made before; what is earned meanwhile is not lost.
        loyalty.confirm(&hold, 0).await.unwrap();
        loyalty.earn("ada", 5, "bill/2").await;
        let account = loyalty.account("ada").await;
        assert_eq!(account.blocks[0].kind(), BlockKind::Arrears);
        assert_eq!(account.blocks[0].reason, "suspicion");
        loyalty.unfreeze("ada", BlockKind::Arrears).await.unwrap();
        loyalty.redeem("ada", 95).await.unwrap();
        assert!(loyalty.account("ada").await.blocks.is_empty());
    })
    .await;
}

#[tokio::test]
async fn who_is_on_the_blacklist_earns_nothing() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();
        loyalty.freeze("ada", BlockKind::Blacklisted).await.unwrap();

        let earning = loyalty.earning("ada", 1, "bill/1");
        let refused = loyalty.earn_with(earning).await.unwrap_err();

        assert_reason(&refused, "ACCOUNT_BLOCKED");
        assert_eq!(error_info(&refused).metadata["operation"], "EARN");
    })
    .await;
}

#[tokio::test]
async fn a_block_is_set_once_and_lifted_once() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();
        loyalty.freeze("ada", BlockKind::Frozen).await.unwrap();

        let again = loyalty.freeze("ada", BlockKind::Frozen).await.unwrap_err();
        let other = loyalty
            .unfreeze("ada", BlockKind::Arrears)
            .await
            .unwrap_err();
        let none = loyalty
            .freeze("ada", BlockKind::Unspecified)
            .await
            .unwrap_err();

        assert_code(&again, Code::AlreadyExists, "BLOCK_EXISTS");
        assert_code(&other, Code::NotFound, "BLOCK_NOT_FOUND");
        assert_reason(&none, "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn a_closed_account_is_void_and_refuses_everything() {
    each(async |loyalty| {
        let earned = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        loyalty.earn_pending("ada", 7, None).await;
        let redeemed = loyalty.redeem("ada", 10).await.unwrap().entry.unwrap();
        let hold = loyalty.hold("ada", 20, 600).await.unwrap();

        let answer = loyalty.close("ada").await.unwrap();

        let entry = answer.entry.unwrap();
        assert_eq!((entry.kind(), entry.points_delta), (EntryKind::Close, -97));
        assert_eq!(
            (entry.pending_points_delta, answer.available_points),
            (-7, 0)
        );
        let account = loyalty.account("ada").await;
        assert_eq!(
            (account.state(), account.held_points),
            (AccountState::Closed, 0)
        );
        assert_eq!(loyalty.get_hold(&hold).await.state(), HoldState::Released);
        let earning = loyalty.earning("ada", 1, "bill/2");
        let refusals = [
            loyalty.earn_with(earning).await.unwrap_err(),
            loyalty.redeem("ada", 1).await.unwrap_err(),
            loyalty.hold("ada", 1, 60).await.unwrap_err(),
            loyalty.confirm(&hold, 1).await.unwrap_err(),
            loyalty.reverse(&redeemed).await.unwrap_err(),
            loyalty.reverse(&earned).await.unwrap_err(),
            loyalty.adjust("ada", 1, "").await.unwrap_err(),
            loyalty.freeze("ada", BlockKind::Frozen).await.unwrap_err(),
            loyalty.close("ada").await.unwrap_err(),
        ];
        for refused in refusals {
            assert_code(&refused, Code::FailedPrecondition, "ACCOUNT_CLOSED");
        }
        assert_eq!(loyalty.books().await.voided_points, 97);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn points_may_be_spent_only_after_some_months_with_the_operator() {
    let policies = Policies {
        redeem_tenure_months: 6,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        loyalty.create_member("ada", 5).await;
        loyalty.create_member("bob", 6).await;
        loyalty.earn("ada", 100, "bill/1").await;
        loyalty.earn("bob", 100, "bill/1").await;

        let refused = loyalty.redeem("ada", 1).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "TENURE_TOO_SHORT");
        let facts = &error_info(&refused).metadata;
        assert_eq!((&*facts["months"], &*facts["needed_months"]), ("5", "6"));
        loyalty.redeem("bob", 1).await.unwrap();
        loyalty.advance_days(31);
        loyalty.redeem("ada", 1).await.unwrap();
    })
    .await;
}
