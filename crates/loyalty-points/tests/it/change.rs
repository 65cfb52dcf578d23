//! Rules that are tried on what happened before they are switched on.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;
use tenure_proto::r#type::v1::Money;
use tenure_rpc::fields::time;
use tokio_stream::StreamExt;

use crate::programme_suite::{earning, event, per_unit};
use crate::suite::{Suite, day, each};

async fn try_change(loyalty: &Suite, number: i64) -> SimulateProgrammeChangeResponse {
    let request = SimulateProgrammeChangeRequest {
        programme_id: String::new(),
        version_number: number,
        start_time: Some(time(day("2025-01-01"))),
        end_time: Some(time(day("2025-03-01"))),
        price_of_thousand_points: Some(Money {
            currency_code: "CNY".into(),
            amount_minor: 1_000,
        }),
    };
    let mut client = loyalty.programmes();
    let mut stream = client
        .simulate_programme_change(request)
        .await
        .unwrap()
        .into_inner();
    let mut last = None;
    while let Some(message) = stream.next().await {
        last = Some(message.unwrap());
    }
    let last = last.unwrap();
    assert!(last.done);
    last
}

#[tokio::test]
async fn a_change_is_tried_on_what_happened_before_it_is_switched_on() {
    each(async |loyalty| {
        loyalty.clock.set(day("2025-04-01"));
        for n in 0..30 {
            let month = if n % 3 == 0 {
                "2025-01-15"
            } else {
                "2025-02-15"
            };
            let account = format!("C{}", n % 10);
            loyalty
                .customers
                .settle(&format!("B{n}"), &account, 9_950, day(month));
        }
        loyalty
            .customers
            .settle("outside", "C1", 10_000, day("2025-03-01"));
        loyalty.catch_up().await;
        let before = loyalty.books().await;
        // Two points for each unit, but at most 150 for an event.
        let mut rules = per_unit(2);
        rules.rules[0].event_points_max = 150;
        let draft = loyalty.draft(rules).await.unwrap();

        let same = try_change(&loyalty, 1).await;
        let tried = try_change(&loyalty, draft.version_number).await;

        let total = same.total.unwrap();
        assert_eq!(
            (total.booked_points, total.simulated_points),
            (2_970, 2_970)
        );
        assert_eq!(
            (same.gaining_account_count, same.losing_account_count),
            (0, 0)
        );
        let total = tried.total.unwrap();
        // 30 events of 99 units each.
        assert_eq!((total.event_count, total.booked_points), (30, 30 * 99));
        assert_eq!(total.simulated_points, 30 * 150);
        assert_eq!(total.liability_delta.unwrap().amount_minor, 30 * (150 - 99));
        assert_eq!((tried.account_count, tried.gaining_account_count), (10, 10));
        let months: Vec<(i32, i32, i64)> = tried
            .months
            .iter()
            .map(|month| (month.year, month.month, month.event_count))
            .collect();
        assert_eq!(months, [(2025, 1, 10), (2025, 2, 20)]);
        assert_eq!(loyalty.books().await, before);
    })
    .await;
}

/// What was found by trying is what happens: the same events under the version, once it decides.
#[tokio::test]
async fn a_change_that_is_tried_gives_what_it_gives_when_it_is_switched_on() {
    each(async |loyalty| {
        loyalty.clock.set(day("2025-02-28"));
        let mut rules = per_unit(3);
        rules.rules[0].day_points_max = 500;
        let version = loyalty.draft(rules).await.unwrap();
        let tell = async |account: &str| {
            for n in 0..20_i64 {
                let at = day("2025-01-01") + Span::from_seconds(n * 40_000);
                let bill = EarningEvent {
                    event_time: Some(time(at)),
                    ..event(EventKind::Bill, &format!("B{n}"), 5_000 + n * 700)
                };
                loyalty
                    .earn_for_event(earning(account, bill))
                    .await
                    .unwrap();
            }
        };
        tell("ada").await;

        let tried = try_change(&loyalty, version.version_number).await;
        loyalty.switch_on(&version, None).await.unwrap();
        tell("bob").await;

        let simulated = tried.total.unwrap().simulated_points;
        assert_eq!(loyalty.balance("bob").await, (simulated, 0));
    })
    .await;
}
