//! Damage to what is kept of partners: a line billed twice, or missing, is named.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;

use crate::damage::{change_entry, place, sql};
use crate::suite::{Suite, each};

/// Two settlements of one partner, and an entry that is in none.
struct World {
    loyalty: Suite,
    earned: Entry,
    spent: Entry,
    later: Entry,
}

async fn damaged(case: impl AsyncFn(&World)) {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        let earned = loyalty.earn_at("cafe", "ada", 100).await.unwrap();
        let spent = loyalty.redeem_at("cafe", "ada", 40).await.unwrap();
        loyalty.take_back(&spent, 10).await.unwrap();
        loyalty.advance(Span::from_seconds(60));
        loyalty.settle("cafe").await;
        let later = loyalty.earn_at("cafe", "ada", 7).await.unwrap();
        loyalty.advance(Span::from_seconds(60));
        loyalty.settle("cafe").await;
        loyalty.earn_at("cafe", "ada", 5).await.unwrap();
        loyalty.assert_verifies().await;
        let world = World {
            loyalty,
            earned,
            spent,
            later,
        };
        case(&world).await;
    })
    .await;
}

impl World {
    async fn sql(&self, statement: &str, rows: u64) {
        assert_eq!(sql(&self.loyalty.db, statement).await, rows, "{statement}");
    }

    /// Does something to the row of an entry.
    async fn row(&self, entry: &Entry, what: &str) {
        let (lane, seq) = place(&entry.entry_id);
        self.sql(&format!("{what} WHERE lane = {lane} AND seq = {seq}"), 1)
            .await;
    }

    async fn assert_named(&self, invariant: LedgerInvariant, record: i64, subject: &str) {
        let (findings, _) = self.loyalty.verify().await;
        let named = findings.iter().any(|it| {
            it.invariant() == invariant
                && it.record_number == record
                && it.subject.contains(subject)
        });
        assert!(
            named,
            "wanted {invariant:?} at {record}, {subject}: {findings:#?}"
        );
    }
}

const FIRST: &str = "settlement 1 of partner cafe";
const SECOND: &str = "settlement 2 of partner cafe";

#[tokio::test]
async fn an_entry_that_is_billed_again_is_named_with_both_bills() {
    damaged(async |world| {
        let (_, seq) = place(&world.earned.entry_id);
        world
            .row(&world.earned, "UPDATE partner_entry SET settled_in = 2")
            .await;
        world
            .assert_named(LedgerInvariant::Books, seq, SECOND)
            .await;
        world.assert_named(LedgerInvariant::Books, 0, FIRST).await;
        world.assert_named(LedgerInvariant::Books, 0, SECOND).await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_missing_in_its_bill_is_named() {
    damaged(async |world| {
        world
            .row(&world.later, "UPDATE partner_entry SET settled_in = 0")
            .await;
        world.assert_named(LedgerInvariant::Books, 0, SECOND).await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_without_its_row_is_named() {
    damaged(async |world| {
        let (_, seq) = place(&world.spent.entry_id);
        world.row(&world.spent, "DELETE FROM partner_entry").await;
        world
            .assert_named(LedgerInvariant::Stored, seq, "row of a partner")
            .await;
        world.assert_named(LedgerInvariant::Books, 0, FIRST).await;
    })
    .await;
}

#[tokio::test]
async fn a_row_that_no_entry_wrote_is_named() {
    damaged(async |world| {
        let ordinary = world.loyalty.earn("ada", 1, "B1").await.entry.unwrap();
        let (lane, seq) = place(&ordinary.entry_id);
        let (_, source) = place(&world.later.entry_id);
        let copy = |to: i64| {
            format!(
                "INSERT INTO partner_entry \
                 SELECT lane, {to}, partner_id, direction, points, points_type, terms, share, \
                     decided_at, 0 \
                 FROM partner_entry WHERE lane = {lane} AND seq = {source}"
            )
        };
        world.sql(&copy(seq), 1).await;
        world.sql(&copy(seq + 99), 1).await;
        world
            .assert_named(LedgerInvariant::Stored, seq, "row of a partner")
            .await;
        world
            .assert_named(LedgerInvariant::Stored, seq + 99, "last row of a partner")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_row_with_other_points_is_named() {
    damaged(async |world| {
        let (_, seq) = place(&world.earned.entry_id);
        world
            .row(&world.earned, "UPDATE partner_entry SET points = 101")
            .await;
        world
            .assert_named(LedgerInvariant::Stored, seq, "row of a partner")
            .await;
        world.assert_named(LedgerInvariant::Books, 0, FIRST).await;
    })
    .await;
}

#[tokio::test]
async fn a_line_that_is_billed_twice_or_priced_wrong_or_lost_is_named() {
    let line = "WHERE number = 2 AND direction = 1";
    let whole = "WHERE number = 2";
    for damage in [
        format!("UPDATE settlement_line SET points = points * 2 {line}"),
        format!("UPDATE settlement_line SET amount_minor = amount_minor * 2 {line}"),
        format!("UPDATE settlement_line SET price = price + 1 {line}"),
        format!("DELETE FROM settlement_line {line}"),
        format!("UPDATE settlement SET accrual_minor = accrual_minor + 1 {whole}"),
        format!("UPDATE settlement SET entries = entries - 1 {whole}"),
        "DELETE FROM partner_terms WHERE number = 1".to_owned(),
    ] {
        damaged(async |world| {
            world.sql(&damage, 1).await;
            world.assert_named(LedgerInvariant::Books, 0, SECOND).await;
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_that_names_another_partner_is_named() {
    damaged(async |world| {
        let (_, seq) = place(&world.earned.entry_id);
        change_entry(&world.loyalty.db, &world.earned.entry_id, |entry| {
            entry.partner.as_mut().unwrap().partner = "bank".into();
        })
        .await;
        world
            .assert_named(LedgerInvariant::Books, seq, "partner who funds")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_reversal_at_other_terms_than_what_it_takes_back_is_named() {
    damaged(async |world| {
        let entries = world.loyalty.entries("ada").await;
        let back = entries.iter().find(|it| !it.reversed_entry_id.is_empty());
        let back = back.unwrap().entry_id.clone();
        change_entry(&world.loyalty.db, &back, |entry| {
            entry.partner.as_mut().unwrap().terms = 2;
        })
        .await;
        let (_, seq) = place(&back);
        world
            .assert_named(LedgerInvariant::Reversal, seq, "the partner")
            .await;
    })
    .await;
}
