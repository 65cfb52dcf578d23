//! `ListExpiringPoints`.

use std::collections::BTreeMap;

use tenure_core::{Clock, Span, Timestamp};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{Answer, Suite, day, each};

impl Suite {
    async fn expiring(
        &self,
        until: Timestamp,
        page_size: i32,
        page_token: &str,
    ) -> Answer<ListExpiringPointsResponse> {
        let request = ListExpiringPointsRequest {
            until_time: Some(time(until)),
            page_size,
            page_token: page_token.into(),
            ..Default::default()
        };
        let answer = self.books_client().list_expiring_points(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// All pages together, by account.
    async fn all_expiring(&self, until: Timestamp, size: i32) -> BTreeMap<String, ExpiringPoints> {
        let mut found = BTreeMap::new();
        let mut token = String::new();
        loop {
            let page = self.expiring(until, size, &token).await.unwrap();
            assert!(page.accounts.len() <= usize::try_from(size).unwrap());
            for account in page.accounts {
                let id = account.account_id.clone();
                assert!(found.insert(id, account).is_none(), "an account comes once");
            }
            token = page.next_page_token;
            if token.is_empty() {
                return found;
            }
        }
    }
}

#[tokio::test]
async fn accounts_are_listed_with_what_expires_until_a_date() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 10, 20).await;
        loyalty.earn_for("ada", 5, 20).await;
        loyalty.earn_for("ada", 7, 25).await;
        loyalty.earn_for("ada", 100, 90).await;
        loyalty.earn_for("bob", 100, 90).await;
        // A hold that runs out is no expiry; what it keeps can still be spent.
        loyalty.hold("bob", 10, 60).await.unwrap();
        loyalty.earn_for("eve", 50, 20).await;
        loyalty.hold("eve", 40, 86_400 * 29).await.unwrap();
        let now = loyalty.clock.now();

        let found = loyalty.all_expiring(now + Span::from_days(30), 50).await;

        let ids: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(ids, ["ada", "eve"]);
        let ada = &found["ada"];
        assert_eq!((ada.expiring_points, ada.customer_id.as_str()), (22, "ada"));
        let expirations = [(20, 15), (25, 7)].map(|(days, points)| Expiration {
            expire_time: Some(time(now + Span::from_days(days))),
            points,
        });
        assert_eq!(ada.expirations, expirations);
        assert_eq!(ada.first_expire_time, expirations[0].expire_time);
        assert_eq!(found["eve"].expiring_points, 10);
        // The very instant is not before it; what has expired is not listed, booked or not.
        let none = loyalty.all_expiring(now + Span::from_days(20), 50).await;
        assert_eq!(none.len(), 0);
        loyalty.advance_days(21);
        let left = loyalty.all_expiring(now + Span::from_days(30), 50).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left["ada"].expiring_points, 7);
    })
    .await;
}

#[tokio::test]
async fn pages_of_expiring_points_hold_every_account_once() {
    each(async |loyalty| {
        for number in 0..60 {
            let days = if number % 3 == 0 { 10 } else { 100 };
            loyalty.earn_for(&format!("A{number}"), 1, days).await;
        }
        let until = loyalty.clock.now() + Span::from_days(30);

        let one_by_one = loyalty.all_expiring(until, 1).await;
        let by_seven = loyalty.all_expiring(until, 7).await;

        assert_eq!(one_by_one.len(), 20);
        assert_eq!(one_by_one, by_seven);
        let first = loyalty.expiring(until, 7, "").await.unwrap();
        let other = loyalty.expiring(until + Span::from_days(1), 7, &first.next_page_token);
        assert_reason(&other.await.unwrap_err(), "PAGE_TOKEN_MISMATCH");
        let past = loyalty
            .expiring(day("2000-01-01"), 7, "")
            .await
            .unwrap_err();
        assert_reason(&past, "INVALID_FIELDS");
    })
    .await;
}
