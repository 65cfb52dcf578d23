//! Family pools: who is in, what goes in, what is spent, and what goes back.

use std::collections::BTreeSet;

use tenure_loyalty_points::domain::{Policies, PoolLeaving, PoolLimits};
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{Answer, Suite, day, each, each_with, new_id};

impl Suite {
    fn adding(pool: &str, member: &str) -> AddPoolMemberRequest {
        AddPoolMemberRequest {
            request_id: new_id(),
            account_id: pool.into(),
            member_account_id: member.into(),
        }
    }

    pub(crate) async fn add_member(
        &self,
        pool: &str,
        member: &str,
    ) -> Answer<AddPoolMemberResponse> {
        let asked = Self::adding(pool, member);
        let answer = self.client.clone().add_pool_member(asked).await?;
        Ok(answer.into_inner())
    }

    async fn remove_member(&self, pool: &str, member: &str) -> Answer<RemovePoolMemberResponse> {
        let request = RemovePoolMemberRequest {
            request_id: new_id(),
            account_id: pool.into(),
            member_account_id: member.into(),
        };
        let answer = self.client.clone().remove_pool_member(request).await?;
        Ok(answer.into_inner())
    }

    fn contributing(member: &str, pool: &str, points: i64) -> ContributePointsRequest {
        ContributePointsRequest {
            request_id: new_id(),
            account_id: member.into(),
            pool_account_id: pool.into(),
            points,
            source: "for all of us".into(),
        }
    }

    pub(crate) async fn contribute(
        &self,
        member: &str,
        pool: &str,
        points: i64,
    ) -> Answer<ContributePointsResponse> {
        let asked = Self::contributing(member, pool, points);
        let answer = self.client.clone().contribute_points(asked).await?;
        Ok(answer.into_inner())
    }

    async fn redeem_for(&self, pool: &str, member: &str, points: i64) -> Answer<Entry> {
        let request = RedeemPointsRequest {
            member_account_id: member.into(),
            ..self.redeeming(pool, points)
        };
        Ok(self.redeem_with(request).await?.entry.unwrap())
    }

    async fn hold_for(&self, pool: &str, member: &str, points: i64) -> Answer<Hold> {
        let request = CreateHoldRequest {
            request_id: new_id(),
            account_id: pool.into(),
            points,
            source: "order/1".into(),
            hold_duration: None,
            member_account_id: member.into(),
            ..CreateHoldRequest::default()
        };
        let answer = self.client.clone().create_hold(request).await?;
        Ok(answer.into_inner().hold.unwrap())
    }

    async fn spent(&self, pool: &str) -> Vec<(String, i64)> {
        let members = self.account(pool).await.pool_members;
        let members = members.into_iter();
        members.map(|it| (it.account_id, it.spent_points)).collect()
    }
}

/// A pool of ada and bob, who have 100 points each that last 100 and 200 days.
async fn family(loyalty: &Suite) {
    loyalty.create("pool").await.unwrap();
    for (member, days) in [("ada", 100), ("bob", 200)] {
        loyalty.earn_for(member, 100, days).await;
        loyalty.add_member("pool", member).await.unwrap();
    }
}

async fn assert_sound(loyalty: &Suite) {
    assert_eq!(loyalty.books().await.transferred_points, 0);
    loyalty.assert_books_tie().await;
    loyalty.assert_verifies().await;
}

#[tokio::test]
async fn members_give_into_the_pool_and_spend_from_it() {
    each(async |loyalty| {
        family(&loyalty).await;
        let special = loyalty.earn_special("ada", 10, "promotion").await;

        let given = loyalty.contribute("ada", "pool", 40).await.unwrap();
        loyalty.contribute("bob", "pool", 50).await.unwrap();
        let spent = loyalty.redeem_for("pool", "bob", 60).await.unwrap();

        let out = given.entry.unwrap();
        assert_eq!((out.kind(), out.points_delta), (EntryKind::PoolOut, -40));
        assert_eq!(out.peer_account_id, "pool");
        // Points of a special kind leave first, and keep kind, expiry and id.
        assert_eq!(out.allocations[0].lot_id, special.entry_id);
        assert_eq!(out.allocations[0].points_delta, -10);
        let came = loyalty.entries("pool").await;
        let came = came
            .iter()
            .find(|it| it.kind() == EntryKind::PoolIn)
            .unwrap();
        assert_eq!(came.peer_account_id, "bob");
        assert_eq!((spent.kind(), spent.points_delta), (EntryKind::Redeem, -60));
        assert_eq!(spent.peer_account_id, "bob");
        assert_eq!(loyalty.balance("pool").await, (30, 0));
        assert_eq!(loyalty.balance("ada").await, (70, 0));
        let wanted = [("ada".to_owned(), 0), ("bob".to_owned(), 60)];
        assert_eq!(loyalty.spent("pool").await, wanted);
        assert_eq!(loyalty.account("ada").await.pool_account_id, "pool");
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_member_spends_at_a_partner_is_owed_to_the_partner() {
    each(async |loyalty| {
        family(&loyalty).await;
        loyalty.partner("cafe").await;
        loyalty.contribute("ada", "pool", 60).await.unwrap();

        let request = RedeemPointsRequest {
            member_account_id: "ada".into(),
            partner_id: "cafe".into(),
            ..loyalty.redeeming("pool", 40)
        };
        let entry = loyalty.redeem_with(request).await.unwrap().entry.unwrap();

        assert_eq!(entry.partner.unwrap().partner_id, "cafe");
        let owed = loyalty.settled_entries("cafe", 0).await;
        let points: Vec<i64> = owed.iter().map(|entry| entry.points).collect();
        assert_eq!(points, [40]);
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_of_a_pool_is_done_once_however_often_it_is_asked_for() {
    each(async |loyalty| {
        loyalty.create("pool").await.unwrap();
        loyalty.earn("ada", 100, "welcome").await;
        let (add, give) = (
            Suite::adding("pool", "ada"),
            Suite::contributing("ada", "pool", 10),
        );
        for replayed in [false, true, true] {
            let mut client = loyalty.client.clone();
            let added = client.add_pool_member(add.clone()).await.unwrap();
            assert_eq!(added.into_inner().replayed, replayed);
        }
        for replayed in [false, true, true] {
            let mut client = loyalty.client.clone();
            let given = client.contribute_points(give.clone()).await.unwrap();
            assert_eq!(given.into_inner().replayed, replayed);
        }
        let other = ContributePointsRequest { points: 11, ..give };
        let other = loyalty.client.clone().contribute_points(other).await;
        assert_reason(&other.unwrap_err(), "REQUEST_ID_REUSED");
        assert_eq!(loyalty.balance("pool").await, (10, 0));
        assert_eq!(loyalty.spent("pool").await.len(), 1);
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn who_leaves_takes_back_what_is_left_of_their_own_points() {
    each(async |loyalty| {
        family(&loyalty).await;
        loyalty.contribute("ada", "pool", 80).await.unwrap();
        loyalty.contribute("bob", "pool", 50).await.unwrap();
        // Ada's expire first and are spent first: 20 of them are left, of which 5 are held.
        loyalty.redeem_for("pool", "bob", 60).await.unwrap();
        let hold = loyalty.hold("pool", 5, 3_600).await.unwrap();

        let left = loyalty.remove_member("pool", "ada").await.unwrap();

        let entry = left.entry.unwrap();
        assert_eq!(
            (entry.kind(), entry.points_delta),
            (EntryKind::PoolRemove, -15)
        );
        assert_eq!(loyalty.balance("ada").await, (35, 0));
        assert_eq!(loyalty.lots("ada").await.len(), 1);
        assert_eq!(loyalty.balance("pool").await, (50, 5));
        assert_eq!(loyalty.account("ada").await.pool_account_id, "");
        let gone = loyalty.redeem_for("pool", "ada", 1).await.unwrap_err();
        assert_code(&gone, Code::NotFound, "POOL_MEMBER_NOT_FOUND");
        // What is given back later stays in the pool.
        loyalty.release(&hold).await.unwrap();
        assert_eq!(loyalty.balance("pool").await, (55, 0));
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn where_the_programme_says_so_what_was_contributed_stays() {
    let policies = Policies {
        pool: PoolLimits {
            on_leave: PoolLeaving::Stay,
            ..PoolLimits::default()
        },
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        family(&loyalty).await;
        loyalty.contribute("ada", "pool", 80).await.unwrap();

        loyalty.remove_member("pool", "ada").await.unwrap();

        assert_eq!(loyalty.balance("ada").await, (20, 0));
        assert_eq!(loyalty.balance("pool").await, (80, 0));
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn a_member_spends_and_contributes_up_to_the_limits_of_a_month() {
    let policies = Policies {
        pool: PoolLimits {
            contribute_month_max: 60,
            spend_month_max: 30,
            ..PoolLimits::default()
        },
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        family(&loyalty).await;
        loyalty.contribute("ada", "pool", 60).await.unwrap();
        let more = loyalty.contribute("ada", "pool", 1).await.unwrap_err();
        assert_reason(&more, "POOL_LIMIT");
        assert_eq!(error_info(&more).metadata["direction"], "CONTRIBUTE");
        loyalty.redeem_for("pool", "ada", 10).await.unwrap();
        let hold = loyalty.hold_for("pool", "ada", 15).await.unwrap();

        let over = loyalty.redeem_for("pool", "ada", 6).await.unwrap_err();

        assert_reason(&over, "POOL_LIMIT");
        let facts = error_info(&over).metadata;
        let wanted = ["SPEND", "30", "25", "6"];
        let fields = ["direction", "limit_points", "moved_points", "needed_points"];
        assert_eq!(fields.map(|field| facts[field].clone()), wanted);
        // Only what is confirmed counts in the end; the other member has limits of their own.
        let confirmed = loyalty.confirm(&hold, 5).await.unwrap();
        assert_eq!(confirmed.entry.unwrap().peer_account_id, "ada");
        loyalty.redeem_for("pool", "ada", 15).await.unwrap();
        assert_reason(
            &loyalty.redeem_for("pool", "ada", 1).await.unwrap_err(),
            "POOL_LIMIT",
        );
        loyalty.redeem_for("pool", "bob", 20).await.unwrap();
        let wanted = [("ada".to_owned(), 30), ("bob".to_owned(), 20)];
        assert_eq!(loyalty.spent("pool").await, wanted);
        loyalty.clock.set(day("2025-02-01"));
        loyalty.redeem_for("pool", "ada", 1).await.unwrap();
        loyalty.contribute("ada", "pool", 40).await.unwrap();
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn an_account_is_in_one_pool_at_most_and_a_pool_has_eight_members() {
    each(async |loyalty| {
        for account in ["pool", "other"] {
            loyalty.create(account).await.unwrap();
        }
        for n in 0..9 {
            loyalty.create(&format!("M{n}")).await.unwrap();
        }
        for n in 0..8 {
            let member = format!("M{n}");
            loyalty.add_member("pool", &member).await.unwrap();
        }
        let refused = async |pool: &str, member: &str| {
            let refused = loyalty.add_member(pool, member).await.unwrap_err();
            error_info(&refused).reason
        };
        assert_eq!(refused("pool", "M8").await, "POOL_MEMBER_LIMIT");
        assert_eq!(refused("pool", "M0").await, "POOL_MEMBER_EXISTS");
        assert_eq!(refused("other", "M0").await, "POOL_MEMBER_EXISTS");
        // A pool is no member, and a member no pool.
        assert_eq!(refused("other", "pool").await, "POOL_NOT_LEFT");
        assert_eq!(refused("M0", "other").await, "POOL_NOT_LEFT");
        assert_eq!(refused("pool", "nobody").await, "ACCOUNT_NOT_FOUND");
        let itself = loyalty.add_member("pool", "pool").await.unwrap_err();
        assert_reason(&itself, "INVALID_FIELDS");
        // Nor does a member or a pool vanish into another account.
        let merged = loyalty.merge("M0", "other").await.unwrap_err();
        assert_reason(&merged, "POOL_NOT_LEFT");
        let close = CloseAccountRequest {
            request_id: new_id(),
            account_id: "pool".into(),
            reason: "moved away".into(),
            author: "staff".into(),
        };
        let closed = loyalty.client.clone().close_account(close).await;
        assert_reason(&closed.unwrap_err(), "POOL_NOT_LEFT");
        loyalty.remove_member("pool", "M0").await.unwrap();
        loyalty.merge("M0", "other").await.unwrap();
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_no_member_neither_gives_nor_spends() {
    each(async |loyalty| {
        family(&loyalty).await;
        loyalty.contribute("ada", "pool", 40).await.unwrap();
        loyalty.earn("cyd", 100, "welcome").await;

        let given = loyalty.contribute("cyd", "pool", 1).await.unwrap_err();
        let spent = loyalty.redeem_for("pool", "cyd", 1).await.unwrap_err();
        let held = loyalty.hold_for("pool", "cyd", 1).await.unwrap_err();
        let removed = loyalty.remove_member("pool", "cyd").await.unwrap_err();

        for refused in [given, spent, held, removed] {
            assert_code(&refused, Code::NotFound, "POOL_MEMBER_NOT_FOUND");
            assert_eq!(error_info(&refused).metadata["pool_account_id"], "pool");
        }
        let short = loyalty.redeem_for("pool", "ada", 41).await.unwrap_err();
        assert_reason(&short, "INSUFFICIENT_POINTS");
        assert_eq!(loyalty.balance("pool").await, (40, 0));
        assert_sound(&loyalty).await;
    })
    .await;
}

#[tokio::test]
async fn members_who_spend_the_same_points_at_once_spend_them_once() {
    each(async |loyalty| {
        family(&loyalty).await;
        loyalty.contribute("ada", "pool", 100).await.unwrap();
        loyalty.contribute("bob", "pool", 100).await.unwrap();
        let (one, other) = (loyalty.clone(), loyalty.replica());
        let spending = (0..60).map(|n| {
            let suite = if n % 2 == 0 { &one } else { &other };
            suite.redeem_for("pool", if n % 3 == 0 { "ada" } else { "bob" }, 5)
        });

        let answers = futures_util::future::join_all(spending).await;

        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(done, 40);
        let reasons = answers.iter().filter_map(|answer| answer.as_ref().err());
        let reasons: BTreeSet<String> = reasons.map(|it| error_info(it).reason).collect();
        assert_eq!(reasons, BTreeSet::from(["INSUFFICIENT_POINTS".to_owned()]));
        let spent: i64 = loyalty.spent("pool").await.iter().map(|it| it.1).sum();
        assert_eq!((spent, loyalty.balance("pool").await), (200, (0, 0)));
        assert_sound(&loyalty).await;
    })
    .await;
}
