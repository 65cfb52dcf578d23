//! Briefings: whole with all services up, and without one that is down, slow, confused or unknown.

use tenure_core::Span;
use tenure_customer_data::{BriefingConfig, Config, MIGRATIONS, Peers};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::MissingReason as Why;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_proto::customer::v1::briefing_service_client::BriefingServiceClient;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{Channel, RiskBand};
use tenure_testkit::{assert_code, each_backend};
use tonic::{Code, Status};

use crate::stubs::{CAMPAIGN, LOYALTY, Manner, SCORING, Stubs};
use crate::suite::*;

const NUMBER: &str = "+999123456789";

/// Long enough that an answer in the same process never comes too late, however busy the machine.
pub(crate) const PATIENT: BriefingTimes = BriefingTimes(10_000);
/// Short, for services that never answer.
const IMPATIENT: BriefingTimes = BriefingTimes(1);

pub(crate) struct BriefingTimes(u64);

pub(crate) async fn each_briefed(times: BriefingTimes, case: impl AsyncFn(Suite, Stubs)) {
    each_backend(&MIGRATIONS, async |db| {
        let stubs = Stubs::new();
        let config = Config {
            briefing: BriefingConfig {
                budget_ms: times.0,
                ..BriefingConfig::default()
            },
            ..Config::default()
        };
        let suite = Suite::with(db, config, stubs.peers());
        case(suite.with_customers(&["ada", "bob"]).await, stubs).await;
    })
    .await;
}

pub(crate) async fn brief(suite: &Suite, key: Key) -> Result<wire::Briefing, Status> {
    let request = wire::BriefTouchpointRequest {
        key: Some(key),
        channel: Channel::CallCentre.into(),
    };
    let mut client = BriefingServiceClient::new(suite.transport.clone());
    let answer = client.brief_touchpoint(request).await?.into_inner();
    Ok(answer.briefing.unwrap())
}

pub(crate) async fn brief_ada(suite: &Suite) -> wire::Briefing {
    brief(suite, Key::CustomerId("ada".to_owned()))
        .await
        .unwrap()
}

/// Why score, points and actions are missing.
fn missing(briefing: &wire::Briefing) -> [Why; 3] {
    let parts = [
        &briefing.score.as_ref().unwrap().state,
        &briefing.points.as_ref().unwrap().state,
        &briefing.actions.as_ref().unwrap().state,
    ];
    parts.map(|state| {
        let state = state.as_ref().unwrap();
        let is_missing = state.missing_reason() != Why::Unspecified;
        assert_eq!(state.as_of_time.is_none(), is_missing, "either or");
        state.missing_reason()
    })
}

const THERE: [Why; 3] = [Why::Unspecified; 3];

#[tokio::test]
async fn with_all_services_up_every_part_is_there_with_its_time() {
    each_briefed(PATIENT, async |suite, _| {
        let briefing = brief_ada(&suite).await;

        assert_eq!(missing(&briefing), THERE);
        let score = briefing.score.unwrap();
        assert_eq!(score.risk_band(), RiskBand::High);
        assert_eq!(score.reasons[0].statement, "complained lately");
        assert_eq!(score.state.unwrap().as_of_time, day("2024-12-31"));
        let account = briefing.points.unwrap().accounts.remove(0);
        assert_eq!((account.available_points, account.expires_soon), (70, true));
        assert_eq!(
            (account.tier_id.as_str(), account.next_tier_points),
            ("GOLD", 30)
        );
        let action = briefing.actions.unwrap().actions.remove(0);
        assert_eq!(action.kind(), wire::BriefActionKind::MakeOffer);
        assert_eq!(action.channel(), Channel::CallCentre);
        assert_eq!(briefing.brief_time, day("2025-01-01"));
        let own = [
            briefing.caller.unwrap().state,
            briefing.status.unwrap().state,
            briefing.revenue.unwrap().state,
            briefing.subscriptions.unwrap().state,
            briefing.complaints.unwrap().state,
            briefing.promises.unwrap().state,
            briefing.contacts.unwrap().state,
        ];
        for state in own {
            assert_eq!(state.unwrap().as_of_time, day("2025-01-01"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_that_fails_costs_its_own_part_and_no_other() {
    each_briefed(PATIENT, async |suite, stubs| {
        let manners = [
            (Manner::IsDown, Why::Unavailable),
            (Manner::Refuses(Code::Unavailable), Why::Unavailable),
            (Manner::Refuses(Code::DeadlineExceeded), Why::TimedOut),
            (Manner::Refuses(Code::NotFound), Why::NotKnown),
            (Manner::Refuses(Code::ResourceExhausted), Why::Busy),
            (Manner::Refuses(Code::PermissionDenied), Why::Refused),
            (Manner::Babbles, Why::InvalidAnswer),
        ];
        for (index, name) in [SCORING, LOYALTY, CAMPAIGN].into_iter().enumerate() {
            for (manner, why) in manners {
                stubs.set(name, manner);

                let briefing = brief_ada(&suite).await;

                let mut expected = THERE;
                expected[index] = why;
                assert_eq!(missing(&briefing), expected, "{name} {manner:?}");
                assert_eq!(briefing.caller.unwrap().customer_id, "ada");
            }
            stubs.set(name, Manner::Answers);
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_that_never_answers_is_not_waited_for() {
    each_briefed(IMPATIENT, async |suite, stubs| {
        for name in [SCORING, LOYALTY, CAMPAIGN] {
            stubs.set(name, Manner::IsSilent);
        }

        let briefing = brief_ada(&suite).await;

        assert_eq!(missing(&briefing), [Why::TimedOut; 3]);
        assert_eq!(briefing.caller.unwrap().customer_id, "ada");
    })
    .await;
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_not_told() {
    each_briefed(PATIENT, async |suite, stubs| {
        stubs.set(SCORING, Manner::Confuses);
        stubs.set(LOYALTY, Manner::Confuses);

        let briefing = brief_ada(&suite).await;

        let confused = [Why::InvalidAnswer, Why::InvalidAnswer, Why::Unspecified];
        assert_eq!(missing(&briefing), confused);
        assert_eq!(briefing.points.unwrap().accounts, []);
    })
    .await;
}

#[tokio::test]
async fn who_has_no_account_is_not_known_to_loyalty() {
    each_briefed(PATIENT, async |suite, stubs| {
        stubs.set(LOYALTY, Manner::KnowsNobody);

        let briefing = brief_ada(&suite).await;

        let expected = [Why::Unspecified, Why::NotKnown, Why::Unspecified];
        assert_eq!(missing(&briefing), expected);
    })
    .await;
}

#[tokio::test]
async fn services_that_nobody_configured_are_missing_as_such() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = Suite::with(db, Config::default(), Peers::default());
        let suite = suite.with_customers(&["ada"]).await;

        let briefing = brief_ada(&suite).await;

        assert_eq!(missing(&briefing), [Why::NotConfigured; 3]);
    })
    .await;
}

#[tokio::test]
async fn the_new_holder_of_a_number_is_briefed_about_and_the_old_one_never_is() {
    each_briefed(PATIENT, async |mut suite, _| {
        let by_number = || Key::Msisdn(NUMBER.to_owned());
        let lines = vec![line("ada", "S1", NUMBER, "2024-01-01")];
        suite.subscribe(lines).await.unwrap();
        let first = brief(&suite, by_number()).await.unwrap().caller.unwrap();
        let ending = terminate("ada", "S1", day("2024-06-01"));
        suite.client.terminate_subscription(ending).await.unwrap();

        let nobody = brief(&suite, by_number()).await.unwrap_err();
        let lines = vec![line("bob", "S2", NUMBER, "2024-09-01")];
        suite.subscribe(lines).await.unwrap();
        let second = brief(&suite, by_number()).await.unwrap();

        assert_eq!(first.customer_id, "ada");
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let caller = second.caller.unwrap();
        assert_eq!(
            (caller.customer_id.as_str(), caller.subscription_id.as_str()),
            ("bob", "S2")
        );
        let shown = second.subscriptions.unwrap().subscriptions;
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].msisdn, NUMBER);
    })
    .await;
}

#[tokio::test]
async fn who_nobody_knows_is_refused_and_the_refusal_tells_no_number() {
    each_briefed(PATIENT, async |suite, _| {
        let keys = [
            Key::CustomerId("nobody".to_owned()),
            Key::Msisdn(NUMBER.to_owned()),
            Key::ExternalId(external("crm", "4711-secret")),
        ];
        for key in keys {
            let refused = brief(&suite, key).await.unwrap_err();

            assert_code(&refused, Code::NotFound, "CUSTOMER_NOT_FOUND");
            let told = format!("{refused:?}");
            assert!(!told.contains(&NUMBER[1..]) && !told.contains("4711-secret"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_without_key_or_channel_names_both() {
    each_briefed(PATIENT, async |suite, _| {
        let mut client = BriefingServiceClient::new(suite.transport.clone());
        let empty = wire::BriefTouchpointRequest::default();
        let refused = client.brief_touchpoint(empty).await.unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(fields(&refused), ["channel", "key"]);
        let wrong = Key::Msisdn("0123".to_owned());
        let refused = brief(&suite, wrong).await.unwrap_err();
        assert_eq!(fields(&refused), ["msisdn"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_special_and_what_is_owed_is_told() {
    each_briefed(PATIENT, async |mut suite, _| {
        let ada = wire::Customer {
            display_name: "Ada".to_owned(),
            external_ids: vec![external("crm", "77")],
            attributes: vec![
                attribute("vip", Some(Kind::Flag(false))),
                text("shoe_size", "38"),
                text("special_needs", "hard of hearing"),
                attribute("key_account", Some(Kind::Flag(true))),
            ],
            payment_status: wire::PaymentStatus::InArrears.into(),
            ..customer("ada")
        };
        suite.upsert(vec![ada]).await.unwrap();
        // Days are since 2024-01-01; the clock shows day 366.
        let bills = vec![
            sent("ada", "B1", 340),
            sent("ada", "B2", 360),
            settled("ada", "B3", 300),
            settled("ada", "B4", 200),
        ];
        suite.bill(bills).await.unwrap();

        let by_name = Key::ExternalId(external("crm", "77"));
        let briefing = brief(&suite, by_name).await.unwrap();

        let status = briefing.status.unwrap();
        let names = status.special_attributes.iter();
        let names: Vec<_> = names.map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["key_account", "special_needs"]);
        assert_eq!(status.payment_status(), wire::PaymentStatus::InArrears);
        assert_eq!(status.overdue_bill_count, 1);
        assert_eq!(status.overdue_since_time, later(360));
        let revenue = briefing.revenue.unwrap();
        assert_eq!(revenue.recent_amount, euro(6_000));
        assert_eq!(revenue.earlier_amount, euro(2_000));
        assert_eq!(revenue.trend(), wire::RevenueTrend::Rising);
        assert_eq!(briefing.caller.unwrap().display_name, "Ada");
    })
    .await;
}

#[tokio::test]
async fn contacts_come_newest_first() {
    each_briefed(PATIENT, async |mut suite, _| {
        let mut contacts: Vec<_> = (0..7_i64)
            .map(|number| complaint("ada", &format!("I{number}"), 300 + number))
            .collect();
        contacts.push(complaint("bob", "I9", 300));
        let request = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions: contacts,
        };
        suite
            .client
            .batch_upsert_interactions(request)
            .await
            .unwrap();

        let briefing = brief_ada(&suite).await;

        let contacts = briefing.contacts.unwrap().interactions;
        let ids: Vec<_> = contacts
            .iter()
            .map(|it| it.interaction_id.as_str())
            .collect();
        assert_eq!(ids, ["I6", "I5", "I4", "I3", "I2"]);
        // A contact about a complaint is no ticket.
        assert_eq!(briefing.complaints.unwrap().complaint_count, 0);
    })
    .await;
}

#[tokio::test]
async fn subscriptions_come_in_the_order_of_need_and_those_that_ended_do_not() {
    each_briefed(PATIENT, async |mut suite, _| {
        let mut lines: Vec<_> = (0..25)
            .map(|number| line("ada", &format!("S{number:02}"), "", "2024-01-01"))
            .collect();
        lines[20].msisdn = NUMBER.to_owned();
        lines[10].contract_end_time = day("2025-03-01");
        lines[11].contract_end_time = day("2025-02-01");
        suite.subscribe(lines).await.unwrap();
        let asked = wire::SuspendSubscriptionRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            subscription_id: "S15".into(),
            suspension_kind: wire::SuspensionKind::Arrears.into(),
            suspension_reason: String::new(),
            suspend_time: day("2024-03-01"),
        };
        suite.client.suspend_subscription(asked).await.unwrap();
        let ending = terminate("ada", "S00", day("2024-06-01"));
        suite.client.terminate_subscription(ending).await.unwrap();
        suite.clock.advance(Span::from_days(1));

        let by_number = Key::Msisdn(NUMBER.to_owned());
        let briefing = brief(&suite, by_number).await.unwrap();

        let part = briefing.subscriptions.unwrap();
        let ids: Vec<_> = part
            .subscriptions
            .iter()
            .map(|it| &it.subscription_id[..])
            .collect();
        assert_eq!(ids[..5], ["S20", "S15", "S11", "S10", "S01"]);
        assert_eq!((ids.len(), part.more), (20, true));
        assert!(!ids.contains(&"S00"));
        let suspended = &part.subscriptions[1];
        assert_eq!(suspended.suspension_kind(), wire::SuspensionKind::Arrears);
        assert_eq!(briefing.status.unwrap().suspended_count, 1);
    })
    .await;
}
