//! `GetBooks`.

use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{day, each};

#[tokio::test]
async fn the_books_of_a_period_start_where_those_before_end() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 100, 40).await;
        loyalty.redeem("ada", 10).await.unwrap();
        loyalty.clock.set(day("2025-02-05"));
        let hold = loyalty.hold("ada", 30, 60).await.unwrap();
        let confirmed = loyalty.confirm(&hold, 20).await.unwrap().entry.unwrap();
        loyalty.reverse(&confirmed).await.unwrap();
        let taken_back = loyalty.earn("bob", 5, "gift").await.entry.unwrap();
        loyalty.reverse(&taken_back).await.unwrap();
        loyalty.clock.set(day("2025-03-01"));
        loyalty.catch_up().await;
        let books = async |from: Option<&str>, to: Option<&str>| {
            let start_time = from.map(|from| time(day(from)));
            let end_time = to.map(|to| time(day(to)));
            let request = GetBooksRequest {
                programme_id: String::new(),
                start_time,
                end_time,
            };
            loyalty
                .client
                .clone()
                .get_books(request)
                .await
                .map(|a| a.into_inner().books.unwrap())
        };

        let january = books(None, Some("2025-02-01")).await.unwrap();
        let february = books(Some("2025-02-01"), Some("2025-03-01")).await.unwrap();
        let all = books(None, None).await.unwrap();

        assert_eq!(
            (
                january.earned_points,
                january.redeemed_points,
                january.closing_points
            ),
            (100, 10, 90)
        );
        assert_eq!(february.opening_points, 90);
        assert_eq!(
            (february.redeemed_points, february.reversed_redeemed_points),
            (20, 20)
        );
        assert_eq!(
            (february.earned_points, february.reversed_earned_points),
            (5, 5)
        );
        assert_eq!((february.expired_points, february.closing_points), (90, 0));
        assert_eq!(
            (all.earned_points, all.expired_points, all.lot_points),
            (105, 90, 0)
        );
        assert_eq!(all.account_count, 2);
        let wrong = books(Some("2025-03-01"), Some("2025-02-01"))
            .await
            .unwrap_err();
        assert_reason(&wrong, "INVALID_FIELDS");
        let request = GetBooksRequest {
            programme_id: "gold".into(),
            ..Default::default()
        };
        let unknown = loyalty.client.clone().get_books(request).await.unwrap_err();
        assert_reason(&unknown, "INVALID_FIELDS");
    })
    .await;
}
