//! Suspension, arrears, leaving and new owners, as customer-data tells them.

use tenure_loyalty_points::domain::{
    Block, Blocking, Effects, Leaving, Operation, OwnershipChange, Policies, SuspendedWhen,
};
use tenure_proto::customer::v1::PaymentStatus::{Due, InArrears, Paid};
use tenure_proto::customer::v1::SubscriptionState::{Active, Suspended, Terminated};
use tenure_proto::customer::v1::{SubscriptionState, SuspensionKind};
use tenure_proto::loyalty::v1::{AccountBlock, BlockKind, EntryKind};
use tenure_testkit::assert_reason;

use crate::suite::{Suite, day, each, each_with};

impl Suite {
    pub(crate) fn stand(&self, who: (&str, &str), state: SubscriptionState, at: &str) {
        self.customers.stand(who, state, day(at), |_| ());
    }

    /// A customer with a subscription since 2020 and 100 points of a bill.
    pub(crate) async fn with_points(&self, customer: &str) {
        self.stand((customer, &format!("S-{customer}")), Active, "2020-01-01");
        let bill = format!("B-{customer}");
        let settled = day("2024-12-20");
        self.customers.settle(&bill, customer, 10_000, settled);
        self.catch_up().await;
        assert_eq!(self.balance(customer).await, (100, 0));
    }

    pub(crate) async fn blocks(&self, account: &str) -> Vec<BlockKind> {
        let account = self.account(account).await;
        let kinds = account.blocks.iter().map(AccountBlock::kind);
        kinds.collect()
    }

    /// Kinds, sources and points of the entries, oldest first.
    pub(crate) async fn told(&self, account: &str) -> Vec<(EntryKind, String, i64)> {
        let mut entries = self.entries(account).await;
        entries.reverse();
        let entries = entries.into_iter();
        entries
            .map(|it| (it.kind(), it.source.clone(), it.points_delta))
            .collect()
    }

    pub(crate) async fn assert_sound(&self) {
        self.assert_books_tie().await;
        self.assert_verifies().await;
    }
}

pub(crate) fn with(effects: Effects) -> Policies {
    Policies {
        effects,
        ..Policies::default()
    }
}

/// China Telecom: arrears stop earning, but not spending.
fn telecom() -> Policies {
    let hinders = vec![
        (Block::Arrears, Operation::Earn),
        (Block::Left, Operation::Earn),
    ];
    Policies {
        hinders,
        ..Policies::default()
    }
}

/// China Mobile: any suspension (arrears, forced, requested, high spend) and a termination that is
/// pending freeze.
#[tokio::test]
async fn any_suspension_freezes_and_its_end_thaws() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        let kinds = [
            SuspensionKind::Arrears,
            SuspensionKind::Requested,
            SuspensionKind::Forced,
            SuspensionKind::HighSpend,
            SuspensionKind::PendingTermination,
        ];
        for (n, kind) in kinds.into_iter().enumerate() {
            let who = ("ada", "S-ada");
            let at = |hour: usize| day(&format!("2024-12-2{n}T0{hour}:00:00Z"));
            let suspend = |it: &mut tenure_proto::customer::v1::Subscription| {
                it.suspension_kind = kind.into();
            };
            loyalty.customers.stand(who, Suspended, at(1), suspend);
            loyalty.catch_up().await;

            let refused = loyalty.redeem("ada", 1).await.unwrap_err();

            assert_reason(&refused, "ACCOUNT_BLOCKED");
            assert_eq!(loyalty.blocks("ada").await, [BlockKind::Suspended]);
            loyalty.customers.stand(who, Active, at(2), |_| ());
            loyalty.catch_up().await;
            loyalty.redeem("ada", 1).await.unwrap();
        }
        assert_eq!(loyalty.balance("ada").await, (95, 0));
        let told = loyalty.told("ada").await;
        let frozen = "subscription/S-ada/suspended".to_owned();
        assert_eq!(told[1], (EntryKind::Block, frozen, 0));
        let thawed = "subscription/S-ada/active".to_owned();
        assert_eq!(told[2], (EntryKind::Unblock, thawed, 0));
        assert_eq!(loyalty.entries("ada").await[1].author, "customer-data");
        loyalty.assert_sound().await;
    })
    .await;
}

/// China Mobile: after the cancellation the balance is zeroed, and who joins again starts anew.
#[tokio::test]
async fn a_cancellation_zeroes_the_balance_and_who_comes_back_starts_anew() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        let hold = loyalty.hold("ada", 30, 3_600).await.unwrap();
        loyalty.stand(("ada", "S-ada"), Terminated, "2024-12-21");
        // The last bill comes after the end.
        let late = day("2024-12-28");
        loyalty.customers.settle("late", "ada", 5_000, late);
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (0, 0));
        assert_eq!(loyalty.blocks("ada").await, [BlockKind::Left]);
        assert_reason(
            &loyalty.confirm(&hold, 0).await.unwrap_err(),
            "HOLD_ALREADY_RELEASED",
        );
        let told = loyalty.told("ada").await;
        let void = (
            EntryKind::Void,
            "subscription/S-ada/terminated".to_owned(),
            -100,
        );
        assert!(told.contains(&void), "{told:?}");

        loyalty.stand(("ada", "S2"), Active, "2024-12-29");
        let again = day("2024-12-30");
        loyalty.customers.settle("again", "ada", 7_000, again);
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (70, 0));
        assert_eq!(loyalty.blocks("ada").await, []);
        assert_eq!(loyalty.books().await.voided_points, 100);
        loyalty.assert_sound().await;
    })
    .await;
}

/// China Mobile: points are lost when the number is ported out; here at once, whatever grace others
/// have.
#[tokio::test]
async fn a_number_that_is_ported_out_takes_no_points_along() {
    let effects = Effects {
        on_cancellation: Leaving::Keep,
        ..Effects::default()
    };
    each_with(with(effects), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.with_points("bob").await;
        for (who, ported) in [(("ada", "S-ada"), true), (("bob", "S-bob"), false)] {
            let end = |it: &mut tenure_proto::customer::v1::Subscription| it.ported_out = ported;
            let at = day("2024-12-21");
            loyalty.customers.stand(who, Terminated, at, end);
        }

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (0, 0));
        let source = loyalty.told("ada").await[1].1.clone();
        assert_eq!(source, "subscription/S-ada/ported_out");
        assert_eq!(loyalty.balance("bob").await, (100, 0));
        assert_eq!(loyalty.blocks("bob").await, [BlockKind::Left]);
        loyalty.assert_sound().await;
    })
    .await;
}

/// China Telecom: accrual stops with arrears and resumes on payment.
#[tokio::test]
async fn arrears_stop_earning_and_payment_resumes_it() {
    each_with(telecom(), async |loyalty| {
        loyalty.with_points("ada").await;
        let settle = |bill: &str, at: &str| {
            loyalty.customers.settle(bill, "ada", 1_000, day(at));
        };
        loyalty.customers.pay("ada", InArrears, day("2024-12-21"));
        settle("during", "2024-12-22");
        loyalty.customers.pay("ada", Paid, day("2024-12-23"));
        settle("after", "2024-12-24");
        loyalty.customers.pay("ada", Due, day("2024-12-25"));

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (110, 0));
        let told = loyalty.told("ada").await;
        let told: Vec<_> = told
            .iter()
            .map(|(kind, what, _)| (*kind, what.as_str()))
            .collect();
        let wanted = [
            (EntryKind::Earn, "bill/B-ada"),
            (EntryKind::Block, "payment/in_arrears"),
            (EntryKind::Unblock, "payment/paid"),
            (EntryKind::Earn, "bill/after"),
        ];
        assert_eq!(told, wanted);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_in_arrears_may_spend_where_only_earning_is_hindered() {
    each_with(telecom(), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.customers.pay("ada", InArrears, day("2024-12-21"));
        loyalty.catch_up().await;

        loyalty.redeem("ada", 40).await.unwrap();

        assert_eq!(loyalty.balance("ada").await, (60, 0));
    })
    .await;
    let effects = Effects {
        on_arrears: Blocking::Nothing,
        on_suspension: Blocking::Nothing,
        ..Effects::default()
    };
    each_with(with(effects), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.customers.pay("ada", InArrears, day("2024-12-21"));
        loyalty.stand(("ada", "S-ada"), Suspended, "2024-12-21");
        loyalty.catch_up().await;

        assert_eq!(loyalty.blocks("ada").await, []);
    })
    .await;
}

/// China Telecom: new points go to the new owner, old points stay with the old one, who is still a
/// customer.
#[tokio::test]
async fn after_an_ownership_change_new_points_go_to_the_new_owner_and_old_ones_stay() {
    each_with(telecom(), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.stand(("ada", "S2"), Active, "2020-01-01");
        let sold = day("2024-12-21");
        let to_bob = |it: &mut tenure_proto::customer::v1::Subscription| {
            it.transferred_to_customer_id = "bob".into();
        };
        let who = ("ada", "S-ada");
        loyalty.customers.stand(who, Terminated, sold, to_bob);
        loyalty.stand(("bob", "S-ada"), Active, "2024-12-21");
        let settled = day("2024-12-25");
        loyalty.customers.settle("next", "bob", 3_000, settled);

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (100, 0));
        assert_eq!(loyalty.balance("bob").await, (30, 0));
        assert_eq!(loyalty.blocks("ada").await, []);
    })
    .await;
}

#[tokio::test]
async fn points_go_to_the_new_owner_of_the_last_subscription_where_they_move() {
    let effects = Effects {
        on_ownership_change: OwnershipChange::PointsMove,
        ..Effects::default()
    };
    each_with(with(effects), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.hold("ada", 30, 3_600).await.unwrap();
        let lot = loyalty.lots("ada").await.remove(0);
        let to_bob = |it: &mut tenure_proto::customer::v1::Subscription| {
            it.transferred_to_customer_id = "bob".into();
        };
        let (who, at) = (("ada", "S-ada"), day("2024-12-21"));
        loyalty.customers.stand(who, Terminated, at, to_bob);

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (0, 0));
        assert_eq!(loyalty.blocks("ada").await, [BlockKind::Left]);
        assert_eq!(loyalty.account("bob").await.customer_id, "bob");
        assert_eq!(loyalty.balance("bob").await, (100, 0));
        let moved = loyalty.lots("bob").await.remove(0);
        assert_eq!(
            (moved.lot_id, moved.expire_time),
            (lot.lot_id, lot.expire_time)
        );
        let kinds: Vec<_> = loyalty.told("ada").await.iter().map(|it| it.0).collect();
        let wanted = [
            EntryKind::Earn,
            EntryKind::Hold,
            EntryKind::Release,
            EntryKind::TransferOut,
            EntryKind::Block,
        ];
        assert_eq!(kinds, wanted);
        assert_eq!(loyalty.books().await.voided_points, 0);
        loyalty.assert_sound().await;
    })
    .await;
}

/// China Telecom: when one device leaves, old points stay; China Mobile: with the number changed,
/// points move along.
#[tokio::test]
async fn neither_the_end_of_one_of_two_subscriptions_nor_another_number_changes_points() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.stand(("ada", "S2"), Active, "2021-01-01");
        loyalty.stand(("ada", "S2"), Terminated, "2024-12-21");
        let renumber = |it: &mut tenure_proto::customer::v1::Subscription| {
            it.msisdn = "+999000000001".into();
        };
        // The state is as it was, since when it was.
        let (who, since) = (("ada", "S-ada"), day("2020-01-01"));
        loyalty.customers.stand(who, Active, since, renumber);

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (100, 0));
        assert_eq!(loyalty.entries("ada").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_suspension_of_one_of_two_freezes_where_any_counts_and_not_where_all_must() {
    for (when, frozen) in [(SuspendedWhen::Any, true), (SuspendedWhen::All, false)] {
        let effects = Effects {
            suspended_when: when,
            ..Effects::default()
        };
        each_with(with(effects), async |loyalty| {
            loyalty.with_points("ada").await;
            loyalty.stand(("ada", "S2"), Active, "2021-01-01");
            loyalty.stand(("ada", "S2"), Suspended, "2024-12-21");
            loyalty.catch_up().await;
            let is_frozen = async || !loyalty.blocks("ada").await.is_empty();
            assert_eq!(is_frozen().await, frozen);

            loyalty.stand(("ada", "S-ada"), Suspended, "2024-12-22");
            loyalty.catch_up().await;
            assert!(is_frozen().await);
            loyalty.stand(("ada", "S2"), Active, "2024-12-23");
            loyalty.catch_up().await;
            assert_eq!(is_frozen().await, frozen);
        })
        .await;
    }
}
