//! `GetStatement`.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::random::{accounts, play, policies};
use crate::suite::{Answer, Suite, day, each, each_with};

impl Suite {
    async fn statement(
        &self,
        account_id: &str,
        start: Option<tenure_core::Timestamp>,
        end: Option<tenure_core::Timestamp>,
    ) -> Answer<GetStatementResponse> {
        let request = GetStatementRequest {
            account_id: account_id.into(),
            start_time: start.map(time),
            end_time: end.map(time),
        };
        let answer = self.books_client().get_statement(request).await;
        answer.map(tonic::Response::into_inner)
    }
}

fn balance(points: i64, held_points: i64) -> Option<StatementBalance> {
    Some(StatementBalance {
        points,
        available_points: points - held_points,
        held_points,
        ..Default::default()
    })
}

#[tokio::test]
async fn a_statement_goes_from_one_balance_to_the_next() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 100, 400).await;
        loyalty.clock.set(day("2025-02-10"));
        loyalty.redeem("ada", 10).await.unwrap();
        loyalty.redeem("ada", 5).await.unwrap();
        loyalty.hold("ada", 20, 86_400 * 30).await.unwrap();
        loyalty.clock.set(day("2025-03-05"));
        loyalty.redeem("ada", 1).await.unwrap();

        let (start, end) = (day("2025-02-01"), day("2025-03-01"));
        let february = loyalty.statement("ada", Some(start), Some(end)).await;
        let all = loyalty.statement("ada", None, None).await.unwrap();
        let later = loyalty
            .statement("ada", Some(day("2025-04-01")), None)
            .await;

        let february = february.unwrap();
        assert_eq!(february.opening, balance(100, 0));
        assert_eq!(february.closing, balance(85, 20));
        let moved: Vec<_> = february
            .movements
            .iter()
            .map(|it| {
                (
                    it.kind(),
                    it.entry_count,
                    it.points_delta,
                    it.held_points_delta,
                )
            })
            .collect();
        assert_eq!(
            moved,
            [(EntryKind::Redeem, 2, -15, 0), (EntryKind::Hold, 1, 0, 20)]
        );
        assert_eq!((all.opening, all.closing), (balance(0, 0), balance(84, 20)));
        let later = later.unwrap();
        assert_eq!(
            (later.opening, later.closing),
            (balance(84, 20), balance(84, 20))
        );
        assert_eq!(later.movements, []);
    })
    .await;
}

#[tokio::test]
async fn a_statement_refuses_unknown_accounts_and_periods_that_end_before_they_start() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();

        let unknown = loyalty.statement("bob", None, None).await.unwrap_err();
        let (start, end) = (day("2025-03-01"), day("2025-02-01"));
        let wrong = loyalty.statement("ada", Some(start), Some(end)).await;
        let empty = loyalty.statement("ada", None, None).await.unwrap();

        assert_reason(&unknown, "ACCOUNT_NOT_FOUND");
        assert_reason(&wrong.unwrap_err(), "INVALID_FIELDS");
        assert_eq!(
            (empty.opening, empty.closing),
            (balance(0, 0), balance(0, 0))
        );
    })
    .await;
}

/// Each part of a balance is the sum of what its entries changed.
#[tokio::test]
async fn statements_are_the_sums_of_entries_after_random_commands() {
    each_with(policies(), async |loyalty| {
        play(loyalty.clone(), 11, 300, async |_| ()).await;
        let now = loyalty.clock.now();
        let span = now.since(day("2025-01-01")).as_micros();
        for (at, id) in (1_i64..).zip(accounts()) {
            let start = day("2025-01-01") + Span::from_micros(span / 12 * at);
            let end = start + Span::from_micros(span / 4);
            let statement = loyalty.statement(&id, Some(start), Some(end)).await;
            // Some accounts are never opened.
            let Ok(statement) = statement else { continue };
            let entries = loyalty.entries(&id).await;

            let before = |until| {
                let mut sum = StatementBalance::default();
                let until = time(until);
                let earlier = |entry: &&Entry| {
                    let at = entry.entry_time.unwrap();
                    (at.seconds, at.nanos) < (until.seconds, until.nanos)
                };
                for entry in entries.iter().filter(earlier) {
                    sum.points += entry.points_delta;
                    sum.held_points += entry.held_points_delta;
                    sum.pending_points += entry.pending_points_delta;
                    sum.debt_points += entry.debt_points_delta;
                }
                sum.available_points = sum.points - sum.held_points - sum.pending_points;
                Some(sum)
            };
            assert_eq!(statement.opening, before(start), "{id}");
            assert_eq!(statement.closing, before(end), "{id}");
            let moved: i64 = statement.movements.iter().map(|it| it.points_delta).sum();
            let (opening, closing) = (statement.opening.unwrap(), statement.closing.unwrap());
            assert_eq!(closing.points - opening.points, moved);
        }
    })
    .await;
}
