//! Events that earn by rules: once, explained, limited.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tonic_types::StatusExt;

use crate::programme_suite::{earning, event, flat, months, per_unit, rule};
use crate::suite::{day, each, new_id};

fn reason(status: &tonic::Status) -> String {
    tenure_testkit::error_info(status).reason
}

/// Golden vector G10 (requirements.md section 4, Beijing Mobile), as rules on the wire.
fn beijing() -> ProgrammeRules {
    let percent = |share: i32| {
        Some(Reward {
            size: Some(reward::Size::BasisPoints(share)),
        })
    };
    let band = |from_month, to_month, share| TenureBand {
        from_month,
        to_month,
        reward: percent(share),
    };
    let tenure = TenureBasis {
        bands: vec![
            band(13, 24, 1_000),
            band(25, 36, 2_000),
            band(37, 48, 3_000),
            band(49, 60, 4_000),
            band(61, 0, 5_000),
        ],
    };
    let punctual = PunctualBasis {
        months: 6,
        reward: percent(1_000),
    };
    let data = SpendingBasis {
        part: "data".into(),
        least_amount_minor: 1_000,
        reward: Some(Reward {
            size: Some(reward::Size::Points(30)),
        }),
    };
    let mut rules = per_unit(1);
    rules.time_zone = "Asia/Shanghai".into();
    let bill = EventKind::Bill;
    rules.rules.extend([
        rule("tenure", bill, earning_rule::Basis::Tenure(tenure)),
        rule("punctual", bill, earning_rule::Basis::Punctual(punctual)),
        rule("data", bill, earning_rule::Basis::Spending(data)),
    ]);
    rules
}

fn loyal_customer() -> CustomerFacts {
    CustomerFacts {
        tenure_months: Some(61),
        punctual_months: 6,
        ..CustomerFacts::default()
    }
}

fn bill_with_data(event_id: &str) -> EarningEvent {
    let parts = vec![AmountPart {
        part: "data".into(),
        amount_minor: 1_000,
    }];
    EarningEvent {
        parts,
        ..event(EventKind::Bill, event_id, 10_000)
    }
}

#[tokio::test]
async fn g10_an_event_earns_by_all_rules_and_says_which() {
    each(async |loyalty| {
        loyalty.rule_by(beijing()).await;
        let request = EarnForEventRequest {
            facts: Some(loyal_customer()),
            ..earning("ada", bill_with_data("B1"))
        };

        let simulated = SimulateEarningRequest {
            event: Some(bill_with_data("B1")),
            facts: Some(loyal_customer()),
            ..SimulateEarningRequest::default()
        };
        let simulated = loyalty.programmes().simulate_earning(simulated).await;
        let earned = loyalty.earn_for_event(request.clone()).await.unwrap();
        let again = loyalty.earn_for_event(request).await.unwrap();

        let explained = earned.earning.as_ref().unwrap();
        let lines: Vec<(&str, i64)> = explained
            .lines
            .iter()
            .map(|line| (line.rule_id.as_str(), line.points))
            .collect();
        assert_eq!(
            lines,
            [
                ("base", 100),
                ("tenure", 50),
                ("punctual", 10),
                ("data", 30)
            ]
        );
        assert_eq!(
            simulated.unwrap().into_inner().earning.as_ref(),
            Some(explained)
        );
        // One type, one expiry: one lot.
        assert_eq!((earned.entries.len(), earned.available_points), (1, 190));
        assert_eq!(earned.entries[0].source, "bill/B1");
        assert!(again.replayed);
        assert_eq!(
            EarnForEventResponse {
                replayed: false,
                ..again
            },
            earned
        );
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_earns_once_whoever_tells_it() {
    each(async |loyalty| {
        let told = |id: &str| earning("C1", event(EventKind::Bill, id, 10_000));
        loyalty
            .customers
            .settle("B1", "C1", 10_000, day("2024-12-20"));
        loyalty.catch_up().await;
        loyalty.earn("C1", 7, "bill/B3").await;

        let by_feed = loyalty.earn_for_event(told("B1")).await.unwrap_err();
        loyalty.earn_for_event(told("B2")).await.unwrap();
        loyalty
            .customers
            .settle("B2", "C1", 10_000, day("2024-12-20"));
        loyalty.catch_up().await;
        let by_hand = loyalty.earn_for_event(told("B3")).await.unwrap_err();
        let nothing = earning("C1", event(EventKind::Survey, "S1", 0));
        let unexplained = loyalty.earn_for_event(nothing.clone()).await.unwrap();
        let again = EarnForEventRequest {
            request_id: new_id(),
            ..nothing
        };
        let again = loyalty.earn_for_event(again).await.unwrap_err();

        for refused in [by_feed, by_hand, again] {
            assert_eq!(reason(&refused), "EVENT_ALREADY_EARNED");
        }
        assert!(unexplained.entries.is_empty());
        assert_eq!(loyalty.balance("C1").await, (207, 0));
        let unknown = EarnForEventRequest {
            open_account: false,
            ..earning("nobody", event(EventKind::Bill, "B9", 10_000))
        };
        let unknown = loyalty.earn_for_event(unknown).await.unwrap_err();
        assert_eq!(reason(&unknown), "ACCOUNT_NOT_FOUND");
    })
    .await;
}

/// Requirement P10: a referral earns once for each customer who was referred.
#[tokio::test]
async fn a_customer_is_referred_once() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules
            .rules
            .push(rule("referral", EventKind::Referral, flat(500)));
        loyalty.rule_by(rules).await;
        let brings = |account: &str, id: &str, who: &str| {
            let event = EarningEvent {
                referred_customer_id: who.into(),
                ..event(EventKind::Referral, id, 0)
            };
            earning(account, event)
        };
        let other = loyalty.replica();

        let first = loyalty
            .earn_for_event(brings("ada", "R1", "eve"))
            .await
            .unwrap();
        let same = loyalty
            .earn_for_event(brings("ada", "R2", "eve"))
            .await
            .unwrap_err();
        let elsewhere = other
            .earn_for_event(brings("bob", "R1", "eve"))
            .await
            .unwrap_err();
        let at_once = futures_util::future::join_all((0..6).map(|n| {
            let side = if n % 2 == 0 { &loyalty } else { &other };
            side.earn_for_event(brings(&format!("A{n}"), "R1", "fay"))
        }));
        let at_once = at_once.await;

        assert_eq!(first.available_points, 500);
        assert_eq!(reason(&same), "CUSTOMER_ALREADY_REFERRED");
        assert_eq!(reason(&elsewhere), "CUSTOMER_ALREADY_REFERRED");
        assert_eq!(at_once.iter().filter(|answer| answer.is_ok()).count(), 1);
        let missing = loyalty
            .earn_for_event(brings("ada", "R3", ""))
            .await
            .unwrap_err();
        assert_eq!(reason(&missing), "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn a_referral_that_is_refused_leaves_the_customer_to_others() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules
            .rules
            .push(rule("referral", EventKind::Referral, flat(500)));
        loyalty.rule_by(rules).await;
        loyalty.create("ada").await.unwrap();
        loyalty.close("ada").await.unwrap();
        let brings = |account: &str| {
            let event = EarningEvent {
                referred_customer_id: "eve".into(),
                ..event(EventKind::Referral, "R1", 0)
            };
            earning(account, event)
        };

        let closed = loyalty.earn_for_event(brings("ada")).await.unwrap_err();
        let other = loyalty.earn_for_event(brings("bob")).await.unwrap();

        assert_eq!(reason(&closed), "ACCOUNT_CLOSED");
        assert_eq!(other.available_points, 500);
    })
    .await;
}

#[tokio::test]
async fn a_blocked_account_earns_nothing_and_is_told_why() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();
        loyalty.freeze("ada", BlockKind::Blacklisted).await.unwrap();
        let bill = |id: &str| earning("ada", event(EventKind::Bill, id, 10_000));

        let blocked = loyalty.earn_for_event(bill("B1")).await.unwrap();
        loyalty
            .unfreeze("ada", BlockKind::Blacklisted)
            .await
            .unwrap();
        let free = loyalty.earn_for_event(bill("B2")).await.unwrap();

        let explained = blocked.earning.unwrap();
        assert_eq!(explained.blocked_by(), BlockKind::Blacklisted);
        assert_eq!((explained.points, blocked.entries.len()), (0, 0));
        assert_eq!(free.available_points, 100);
    })
    .await;
}

#[tokio::test]
async fn a_day_is_limited_by_the_calendar_of_the_programme() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.time_zone = "Asia/Shanghai".into();
        rules.rules.push(EarningRule {
            day_points_max: 25,
            ..rule("visit", EventKind::Activity, flat(10))
        });
        loyalty.rule_by(rules).await;
        loyalty
            .clock
            .set(day("2025-03-01") + Span::from_seconds(15 * 3_600));
        let mut points = Vec::new();
        for n in 0..6 {
            // The day of Shanghai ends at 16:00 of Greenwich.
            loyalty.advance(Span::from_seconds(15 * 60));
            let visit = event(EventKind::Activity, &format!("V{n}"), 0);
            let earned = loyalty.earn_for_event(earning("ada", visit)).await.unwrap();
            points.push(earned.earning.unwrap().points);
        }

        assert_eq!(points, [10, 10, 5, 10, 10, 5]);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn points_may_wait_and_be_paid_by_a_partner() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.rules.push(EarningRule {
            pending_days: 14,
            funding: Some(PartnerFunding {
                partner_id: "shop".into(),
                share_basis_points: 5_000,
            }),
            ..rule("shop", EventKind::Bill, flat(40))
        });
        loyalty.partner("shop").await;
        loyalty.rule_by(rules).await;

        let bill = event(EventKind::Bill, "B1", 10_000);
        let earned = loyalty.earn_for_event(earning("ada", bill)).await.unwrap();

        assert_eq!(earned.available_points, 100);
        let told: Vec<(String, String, i64)> = loyalty
            .lots("ada")
            .await
            .into_iter()
            .map(|lot| (lot.points_type, lot.partner_id, lot.remaining_points))
            .collect();
        let lot = |partner: &str, points| ("base".to_owned(), partner.to_owned(), points);
        assert_eq!(told, [lot("", 100), lot("shop", 40)]);
        loyalty.advance_days(14);
        assert_eq!(loyalty.balance("ada").await, (140, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// The time on the network is known from the account, where it was told.
#[tokio::test]
async fn what_the_account_knows_need_not_be_told_with_the_event() {
    each(async |loyalty| {
        loyalty.rule_by(beijing()).await;
        let open = CreateAccountRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            customer_id: "ada".into(),
            programme_id: String::new(),
            join_time: Some(time(loyalty.clock.now().plus_months(-30))),
        };
        loyalty.client.clone().create_account(open).await.unwrap();

        let bill = |account: &str| earning(account, event(EventKind::Bill, "B1", 10_090));
        let ada = loyalty.earn_for_event(bill("ada")).await.unwrap();
        let bob = loyalty.earn_for_event(bill("bob")).await.unwrap();

        // Golden vector G9: 100 and 20 per cent of it.
        assert_eq!((ada.available_points, bob.available_points), (120, 100));
    })
    .await;
}

#[tokio::test]
async fn points_of_other_types_and_ends_are_lots_of_their_own() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.rules.push(EarningRule {
            points_type: "promotion".into(),
            expiry: Some(months(1)),
            ..rule("spring", EventKind::Bill, flat(40))
        });
        loyalty.rule_by(rules).await;
        loyalty.clock.set(day("2025-03-10"));

        let bill = event(EventKind::Bill, "B1", 10_000);
        let earned = loyalty.earn_for_event(earning("ada", bill)).await.unwrap();

        let sources: Vec<&str> = earned
            .entries
            .iter()
            .map(|entry| entry.source.as_str())
            .collect();
        assert_eq!(sources, ["bill/B1", "bill/B1#2"]);
        let lots = loyalty.lots("ada").await;
        let ends: Vec<_> = lots
            .iter()
            .map(|lot| (lot.remaining_points, lot.expire_time))
            .collect();
        let expected = [
            (40, Some(time(day("2025-04-01")))),
            (100, Some(time(day("2028-03-01")))),
        ];
        assert_eq!(ends, expected);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn events_that_cannot_be_are_refused_field_by_field() {
    each(async |loyalty| {
        let bad = EarningEvent {
            kind: 99,
            paid_amount_minor: -1,
            event_time: Some(time(loyalty.clock.now() + Span::from_days(1))),
            code: "two words".into(),
            ..event(EventKind::Bill, "", 0)
        };
        let refused = loyalty
            .earn_for_event(earning("ada", bad))
            .await
            .unwrap_err();
        let details = refused.get_details_bad_request().unwrap();
        let wrong: Vec<String> = details
            .field_violations
            .into_iter()
            .map(|violation| violation.field)
            .collect();
        let fields = [
            "kind",
            "event_id",
            "event_time",
            "paid_amount_minor",
            "code",
        ];
        assert_eq!(wrong, fields.map(|field| format!("event.{field}")));
    })
    .await;
}
