//! What becomes of a customer whom customer-data erased: the account is closed, the books stay, and what
//! is no book is gone.

use sqlx::AssertSqlSafe;
use tenure_proto::loyalty::v1::*;
use tenure_sql::{Db, with_pool};

use crate::damage::sql;
use crate::programme_suite::{earning, event, per_unit};
use crate::suite::{Suite, day, each};

/// The key of who is erased here: found nowhere else.
const KEY: &str = "ada-7f3a";
/// What names an account for ever: the entries, and what follows from them.
const BOOKS: [&str; 5] = [
    "account",
    "earned_entry",
    "earned_event",
    "entry",
    "reward_order",
];

async fn texts(db: &Db, statement: String) -> Vec<String> {
    with_pool!(db, |pool| {
        let query = sqlx::query_scalar(AssertSqlSafe(statement));
        query.fetch_all(pool).await.unwrap()
    })
}

/// Returns the tables in any of whose columns a text stands, in any form.
async fn tables_with(db: &Db, text: &str) -> Vec<String> {
    let tables = db.pick(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    );
    let mut found = Vec::new();
    for table in texts(db, tables.to_owned()).await {
        let condition = if db.is_postgres() {
            let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("POSITION('{text}' IN t::TEXT) > 0 OR POSITION('{bytes}' IN t::TEXT) > 0")
        } else {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns = texts(db, columns).await.into_iter();
            let holds = |it| format!("INSTR(CAST({it} AS BLOB), CAST('{text}' AS BLOB)) > 0");
            columns.map(holds).collect::<Vec<_>>().join(" OR ")
        };
        let any = format!("SELECT '{table}' FROM {table} AS t WHERE {condition} LIMIT 1");
        found.extend(texts(db, any).await);
    }
    found
}

/// Returns the rows of all tables that name a customer's account, as they are.
async fn rows_of(db: &Db, account: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "account",
        "earned_event",
        "tier",
        "tier_change",
        "leaver",
        "expiry_notice",
    ] {
        let columns = match db.is_postgres() {
            true => "t::TEXT".to_owned(),
            false => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns = texts(db, columns).await.into_iter();
                columns
                    .map(|it| format!("QUOTE({it})"))
                    .collect::<Vec<_>>()
                    .join(" || ")
            }
        };
        let all = format!("SELECT {columns} FROM {table} AS t WHERE account_id = '{account}'");
        rows.extend(texts(db, all).await);
    }
    rows
}

/// Writes a row about an account in each table beside the books that an account seldom has rows in.
async fn fill_beside(loyalty: &Suite, account: &str) {
    let lane = loyalty.db.lanes().of(account);
    for values in [
        format!("leaver VALUES ({lane}, '{account}', 9000000000000000, 'S1')"),
        format!("expiry_notice VALUES ({lane}, '{account}', 9000000000000000, 30)"),
        format!("tier VALUES ({lane}, '{account}', 'gold', 1, 2, 9000000000000000, 1)"),
        format!("tier_change VALUES ({lane}, '{account}', 1, '', 'gold', 1, 2, 3, 1)"),
        format!("customer_payment VALUES ({lane}, '{account}', 0, 1)"),
    ] {
        assert_eq!(sql(&loyalty.db, &format!("INSERT INTO {values}")).await, 1);
    }
}

/// A customer who has everything, and another one who has the same.
async fn filled(loyalty: &Suite) {
    loyalty.rule_by(per_unit(1)).await;
    loyalty.stocked("mug", 9).await;
    for account in [KEY, "bob"] {
        loyalty.with_points(account).await;
        let bill = event(EventKind::Bill, &format!("E-{account}"), 50_000);
        loyalty
            .earn_for_event(earning(account, bill))
            .await
            .unwrap();
        loyalty.hold(account, 40, 600).await.unwrap();
        loyalty.reserve(account, "mug").await.unwrap();
        fill_beside(loyalty, account).await;
    }
}

#[tokio::test]
async fn who_is_erased_has_no_account_any_more_and_the_books_stay() {
    each(async |loyalty| {
        filled(&loyalty).await;
        loyalty.seal().await;
        let (others, bob) = (
            rows_of(&loyalty.db, "bob").await,
            loyalty.account("bob").await,
        );
        let before = tables_with(&loyalty.db, KEY).await;
        for table in [
            "answer",
            "customer_payment",
            "customer_subscription",
            "leaver",
            "tier",
        ] {
            assert!(before.iter().any(|it| it == table), "{table}");
        }
        let had = loyalty.account(KEY).await;
        let points = had.available_points + had.held_points;
        assert!(had.held_points > 0 && had.available_points > 0);

        loyalty.customers.erase(KEY, "E1", day("2025-01-01"));
        loyalty.catch_up().await;

        let account = loyalty.account(KEY).await;
        assert_eq!(account.state(), AccountState::Closed);
        assert_eq!((account.available_points, account.held_points), (0, 0));
        let last = &loyalty.entries(KEY).await[0];
        assert_eq!(
            (last.kind(), last.points_delta, last.source.as_str()),
            (EntryKind::Close, -points, "erasure/E1")
        );
        assert_eq!(tables_with(&loyalty.db, KEY).await, BOOKS);
        let kept = format!("SELECT body FROM earned_event WHERE account_id = '{KEY}'");
        assert_eq!(texts(&loyalty.db, kept).await, ["", ""]);
        assert_eq!(rows_of(&loyalty.db, "bob").await, others);
        assert_eq!(loyalty.account("bob").await, bob);
        // The closing, a subscription, how bills are paid, four rows of the account, two events and the
        // answer to one of them.
        let receipts = loyalty.customers.receipts();
        let told = receipts
            .iter()
            .map(|it| (&*it.service, &*it.step, it.row_count));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("loyalty-points", "records", 10)]
        );
        loyalty.seal().await;
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn an_erasure_that_is_read_again_finds_nothing_more_and_is_receipted_again() {
    each(async |loyalty| {
        filled(&loyalty).await;
        loyalty.customers.erase(KEY, "E1", day("2025-01-01"));
        loyalty.catch_up().await;
        let before = (loyalty.told(KEY).await, rows_of(&loyalty.db, KEY).await);

        assert_eq!(sql(&loyalty.db, "DELETE FROM consumer").await, 1);
        loyalty.catch_up().await;

        let receipts = loyalty.customers.receipts();
        assert_eq!(receipts.len(), 2);
        assert_eq!(
            (receipts[1].erasure_id.as_str(), receipts[1].row_count),
            ("E1", 0)
        );
        let after = (loyalty.told(KEY).await, rows_of(&loyalty.db, KEY).await);
        assert_eq!(after, before);
        assert_eq!(tables_with(&loyalty.db, KEY).await, BOOKS);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn what_the_same_message_told_before_an_erasure_is_not_learnt_from_it() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty
            .customers
            .settle("B2", "ada", 10_000, day("2024-12-21"));
        loyalty
            .customers
            .settle("B3", "bob", 10_000, day("2024-12-21"));
        loyalty.customers.erase("ada", "E1", day("2025-01-01"));
        // Of somebody who never had an account.
        loyalty.customers.erase("cyd", "E2", day("2025-01-01"));
        loyalty
            .customers
            .settle("B4", "ada", 10_000, day("2025-01-01"));

        loyalty.catch_up().await;

        let kinds: Vec<_> = loyalty
            .told("ada")
            .await
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(kinds, [EntryKind::Earn, EntryKind::Close]);
        assert_eq!(loyalty.balance("bob").await, (100, 0));
        let receipts = loyalty.customers.receipts();
        let rows: Vec<i64> = receipts.iter().map(|it| it.row_count).collect();
        assert_eq!(rows, [3, 0]);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_erased_leaves_the_family_and_a_pool_of_the_erased_parts_from_its_members() {
    each(async |loyalty| {
        loyalty.create("pool").await.unwrap();
        for member in ["ada", "bob"] {
            loyalty.earn(member, 100, "welcome").await;
            loyalty.add_member("pool", member).await.unwrap();
            loyalty.contribute(member, "pool", 60).await.unwrap();
        }

        loyalty.customers.erase("ada", "E1", day("2025-01-01"));
        loyalty.catch_up().await;

        assert_eq!(loyalty.account("ada").await.state(), AccountState::Closed);
        assert_eq!(loyalty.balance("pool").await, (60, 0));
        let members = loyalty.account("pool").await.pool_members;
        let members: Vec<_> = members.iter().map(|it| it.account_id.as_str()).collect();
        assert_eq!(members, ["bob"]);

        loyalty
            .customers
            .erase("customer-of-pool", "E2", day("2025-01-01"));
        loyalty.catch_up().await;

        assert_eq!(loyalty.account("pool").await.state(), AccountState::Closed);
        assert_eq!(loyalty.balance("bob").await, (100, 0));
        assert_eq!(loyalty.account("bob").await.state(), AccountState::Active);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn the_receipt_is_given_when_customer_data_answers_again() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.customers.erase("ada", "E1", day("2025-01-01"));
        loyalty.customers.refuse_receipts(1);
        let refused = loyalty.client.clone().catch_up(CatchUpRequest {}).await;
        tenure_testkit::assert_reason(&refused.unwrap_err(), "DEPENDENCY_UNAVAILABLE");
        assert!(loyalty.customers.receipts().is_empty());

        loyalty.catch_up().await;

        assert_eq!(loyalty.customers.receipts().len(), 1);
        assert_eq!(loyalty.account("ada").await.state(), AccountState::Closed);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn replicas_that_hear_of_an_erasure_at_once_close_the_account_once() {
    each(async |loyalty| {
        for n in 0..6 {
            loyalty.with_points(&format!("C{n}")).await;
        }
        for n in 0..6 {
            let (customer, erasure) = (format!("C{n}"), format!("E{n}"));
            loyalty
                .customers
                .erase(&customer, &erasure, day("2025-01-01"));
        }
        let (one, other) = (loyalty.replica(), loyalty.replica());

        tokio::join!(loyalty.catch_up(), one.catch_up(), other.catch_up());

        for n in 0..6 {
            let kinds: Vec<_> = loyalty.told(&format!("C{n}")).await;
            let kinds: Vec<_> = kinds.iter().map(|it| it.0).collect();
            assert_eq!(kinds, [EntryKind::Earn, EntryKind::Close]);
        }
        loyalty.assert_sound().await;
    })
    .await;
}
