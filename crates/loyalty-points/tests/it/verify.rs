//! `VerifyLedger`: a whole ledger verifies, in use too; and what its damage is shown by.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;
use tenure_sql::Db;
use tenure_testkit::assert_reason;
use tonic::Code;

use crate::damage::{change_entry, place};
use crate::domain::{Policies, RevokePolicy, TransferLimits};
use crate::suite::{Suite, each, each_with};

pub(crate) fn policies() -> Policies {
    Policies {
        revoke: RevokePolicy::BelowZero,
        transfer: TransferLimits {
            tenure_months: 0,
            ..TransferLimits::default()
        },
        ..Policies::default()
    }
}

/// What there is before the damage: an account with lots, spendings, holds, reversals and gifts.
pub(crate) struct World {
    pub(crate) loyalty: Suite,
    pub(crate) earned: Entry,
    pub(crate) redeemed: Entry,
    pub(crate) reversed: Entry,
    pub(crate) confirmed: Entry,
    pub(crate) given: Entry,
}

impl World {
    pub(crate) async fn new(loyalty: Suite) -> Self {
        loyalty.create("ada").await.unwrap();
        loyalty.create("bob").await.unwrap();
        let earned = loyalty.earn_for("ada", 100, 30).await;
        loyalty.earn_for("ada", 50, 60).await;
        loyalty.advance(Span::from_seconds(60));
        let redeemed = loyalty.redeem("ada", 20).await.unwrap().entry.unwrap();
        let reversed = loyalty.reverse(&redeemed).await.unwrap().entry.unwrap();
        let hold = loyalty.hold("ada", 40, 600).await.unwrap();
        let confirmed = loyalty.confirm(&hold, 15).await.unwrap().entry.unwrap();
        loyalty.register("ada", "bob", "").await.unwrap();
        let given = loyalty.give("ada", "bob", 10).await.unwrap().entry.unwrap();
        loyalty.redeem("ada", 5).await.unwrap();
        loyalty.assert_verifies().await;
        Self {
            loyalty,
            earned,
            redeemed,
            reversed,
            confirmed,
            given,
        }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.loyalty.db
    }

    /// Asserts that the first finding names this invariant and this record.
    pub(crate) async fn assert_named(&self, invariant: LedgerInvariant, lane: i32, number: i64) {
        let (findings, _) = self.loyalty.verify().await;
        let named = findings
            .iter()
            .any(|it| it.invariant() == invariant && (it.lane, it.record_number) == (lane, number));
        assert!(
            named,
            "wanted {invariant:?} at {lane}/{number}: {findings:#?}"
        );
    }

    pub(crate) async fn assert_entry_named(&self, invariant: LedgerInvariant, entry: &Entry) {
        let (lane, number) = place(&entry.entry_id);
        self.assert_named(invariant, lane, number).await;
    }
}

/// Runs a case of damage on both databases.
pub(crate) async fn damaged(case: impl AsyncFn(&World)) {
    each_with(policies(), async |loyalty| {
        case(&World::new(loyalty).await).await;
    })
    .await;
}

#[tokio::test]
async fn an_empty_ledger_verifies() {
    each(async |loyalty| {
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_verification_says_how_far_it_is_and_goes_on_from_its_token() {
    each_with(policies(), async |loyalty| {
        let world = World::new(loyalty).await;
        world.loyalty.seal().await;

        let (findings, over) = world.loyalty.verify().await;

        let accounts = 2;
        // Two openings; what ada and bob did: 2 earnings, 1 redemption, 1 reversal, 1 hold,
        // 1 confirmation, 1 recipient, 2 sides of a gift, 1 redemption.
        let records = 2 + 10;
        assert_eq!(findings, []);
        assert_eq!(
            (over.account_count, over.record_count, over.record_total),
            (accounts, records, records)
        );
        assert!((1..=2).contains(&over.block_count), "{}", over.block_count);
        assert_eq!((over.lane_count, over.finding_count), (16, 0));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_nobody_and_a_negative_limit_are_refused() {
    each(async |loyalty| {
        let ask = |resume_token: &str, record_limit| {
            let mut client = loyalty.client.clone();
            let resume_token = resume_token.to_owned();
            async move {
                let request = VerifyLedgerRequest {
                    resume_token,
                    record_limit,
                };
                client.verify_ledger(request).await
            }
        };

        let token = ask("bm9ib2R5", 0).await.unwrap_err();
        let limit = ask("", -1).await.unwrap_err();

        assert_reason(&token, "INVALID_RESUME_TOKEN");
        assert_eq!(limit.code(), Code::InvalidArgument);
    })
    .await;
}

#[tokio::test]
async fn a_ledger_verifies_while_it_is_in_use() {
    each(async |loyalty| {
        for number in 0..20 {
            let id = format!("A{number}");
            loyalty.earn(&id, 1_000, "start").await;
        }
        let writing = async {
            for round in 0..12 {
                let writes = (0..20).map(|number| {
                    let (loyalty, id) = (loyalty.clone(), format!("A{number}"));
                    async move {
                        let redeemed = loyalty.redeem(&id, 3).await.unwrap().entry.unwrap();
                        if round % 3 == 0 {
                            loyalty.reverse(&redeemed).await.unwrap();
                        }
                        let hold = loyalty.hold(&id, 2, 60).await.unwrap();
                        loyalty.confirm(&hold, 1).await.unwrap();
                    }
                });
                futures_util::future::join_all(writes).await;
                loyalty.seal().await;
            }
        };
        let verifying = async {
            for _ in 0..4 {
                loyalty.assert_verifies().await;
            }
        };
        futures_util::join!(writing, verifying);
        loyalty.assert_verifies().await;
    })
    .await;
}

/// A chain longer than what is held at once is followed in pieces.
#[tokio::test]
async fn an_account_with_very_many_entries_verifies_and_its_damage_is_named() {
    each(async |loyalty| {
        loyalty.earn("ada", 100_000, "start").await;
        for _ in 0..9 {
            let operations = (0..1_000)
                .map(|_| loyalty.redeeming("ada", 1))
                .map(|redeem| Operation {
                    operation: Some(operation::Operation::RedeemPoints(redeem)),
                });
            let request = BatchExecuteOperationsRequest {
                operations: operations.collect(),
                mode: BatchMode::Independent.into(),
            };
            let mut client = loyalty.client.clone();
            client.batch_execute_operations(request).await.unwrap();
        }
        loyalty.assert_verifies().await;

        let early = loyalty.entries("ada").await.remove(999);
        change_entry(&loyalty.db, &early.entry_id, |it| it.balance += 1).await;

        let (findings, _) = loyalty.verify().await;
        let named: Vec<_> = findings.iter().map(|it| it.entry_id.as_str()).collect();
        assert_eq!(named, [early.entry_id.as_str()]);
    })
    .await;
}
