//! Programmes and their versions: made once, listed, activated on every replica at once.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;

use crate::programme_suite::{earning, event, months, per_unit};
use crate::suite::{Suite, day, each, new_id};

fn reason(status: &tonic::Status) -> String {
    tenure_testkit::error_info(status).reason
}

#[tokio::test]
async fn the_configuration_is_the_first_version_of_the_default_programme() {
    each(async |loyalty| {
        let first = loyalty.version(0).await.unwrap();
        let again = loyalty.replica().version(1).await.unwrap();

        assert_eq!(first.version_number, 1);
        assert_eq!(first.state(), ProgrammeVersionState::Current);
        assert_eq!(first.created_by, "configuration");
        assert_eq!(first, again);
        let mut client = loyalty.programmes();
        let programmes = client.list_programmes(ListProgrammesRequest::default());
        let programmes = programmes.await.unwrap().into_inner().programmes;
        assert_eq!(programmes.len(), 1);
        assert_eq!(programmes[0].programme_id, "default");
        assert_eq!(programmes[0].current_version_number, 1);
    })
    .await;
}

#[tokio::test]
async fn a_version_comes_back_as_it_was_given_and_decides_when_it_is_activated() {
    each(async |loyalty| {
        let draft = loyalty.draft(per_unit(3)).await.unwrap();
        loyalty
            .customers
            .settle("B1", "C1", 10_000, day("2024-12-20"));
        loyalty.catch_up().await;

        let activated = loyalty.switch_on(&draft, None).await.unwrap();
        loyalty
            .customers
            .settle("B2", "C1", 10_000, day("2024-12-21"));
        loyalty.catch_up().await;

        assert_eq!(draft.state(), ProgrammeVersionState::Draft);
        assert_eq!(activated.state(), ProgrammeVersionState::Current);
        assert_eq!(
            loyalty.version(1).await.unwrap().state(),
            ProgrammeVersionState::Retired
        );
        let stored = loyalty.version(2).await.unwrap();
        let mut expected = per_unit(3).rules;
        expected[0].points_type = "base".into();
        assert_eq!(stored.rules.unwrap().rules, expected);
        let entries = loyalty.entries("C1").await;
        let told: Vec<(i64, &str)> = entries
            .iter()
            .map(|entry| (entry.points_delta, entry.programme_version.as_str()))
            .collect();
        assert_eq!(told, [(300, "2"), (100, "1")]);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_version_of_a_later_day_waits_for_it() {
    each(async |loyalty| {
        let draft = loyalty.draft(per_unit(2)).await.unwrap();
        let from = loyalty.clock.now() + Span::from_days(10);

        let scheduled = loyalty.switch_on(&draft, Some(from)).await.unwrap();
        let bill = |id: &str| earning("ada", event(EventKind::Bill, id, 10_000));
        let before = loyalty.earn_for_event(bill("B1")).await.unwrap();
        loyalty.advance_days(10);
        let after = loyalty.earn_for_event(bill("B2")).await.unwrap();

        assert_eq!(scheduled.state(), ProgrammeVersionState::Scheduled);
        let points = |answer: &EarnForEventResponse| answer.earning.as_ref().unwrap().points;
        assert_eq!((points(&before), points(&after)), (100, 200));
        assert_eq!(loyalty.version(0).await.unwrap().version_number, 2);
    })
    .await;
}

/// Every committer of a replica remembers the rules; none may use them after an activation.
#[tokio::test]
async fn an_activation_on_one_replica_decides_at_once_on_another() {
    each(async |loyalty| {
        let other = loyalty.replica();
        for n in 0..40 {
            let account = format!("A{n}");
            other.earn(&account, 1, "warm").await;
        }

        for round in 2..6 {
            loyalty.rule_by(per_unit(round)).await;
            // All lanes of the other replica, by its committers and by its rules.
            for n in 0..40 {
                let account = format!("A{n}");
                let direct = other.earn(&account, 1, &format!("{round}")).await;
                assert_eq!(direct.entry.unwrap().programme_version, round.to_string());
            }
            let bill = event(EventKind::Bill, &format!("B{round}"), 100);
            let earned = other.earn_for_event(earning("A1", bill)).await.unwrap();
            assert_eq!(earned.earning.unwrap().points, i64::from(round));
        }
    })
    .await;
}

/// Activations while two replicas write: no entry names an older version than one that was active
/// when its call came.
#[tokio::test]
async fn no_decision_is_made_under_rules_that_were_replaced_before_it() {
    each(async |loyalty| {
        let other = loyalty.replica();
        let writers = (0..8).map(|n| {
            let side = if n % 2 == 0 {
                loyalty.clone()
            } else {
                other.clone()
            };
            let newest = loyalty.clone();
            async move {
                for step in 0..15 {
                    let at_least = newest.version(0).await.unwrap().version_number;
                    let account = format!("W{n}");
                    let source = format!("step/{step}");
                    let earned = side.earn(&account, 1, &source).await.entry.unwrap();
                    let used: i64 = earned.programme_version.parse().unwrap();
                    assert!(used >= at_least, "{used} was replaced by {at_least}");
                }
            }
        });
        let activations = async {
            for points in 2..8 {
                loyalty.rule_by(per_unit(points)).await;
            }
        };

        tokio::join!(futures_util::future::join_all(writers), activations);

        assert_eq!(loyalty.version(0).await.unwrap().version_number, 7);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn writes_repeat_and_refuse() {
    each(async |loyalty| {
        let request = CreateProgrammeRequest {
            request_id: new_id(),
            programme_id: "youth".into(),
            created_by: "ada".into(),
        };
        let create = |request: CreateProgrammeRequest| async {
            let mut client = loyalty.programmes();
            client
                .create_programme(request)
                .await
                .map(tonic::Response::into_inner)
        };
        let first = create(request.clone()).await.unwrap();
        let again = create(request.clone()).await.unwrap();
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(first.programme, again.programme);

        let other = CreateProgrammeRequest {
            request_id: new_id(),
            ..request.clone()
        };
        assert_eq!(
            reason(&create(other).await.unwrap_err()),
            "PROGRAMME_EXISTS"
        );
        let reused = CreateProgrammeRequest {
            created_by: "bob".into(),
            ..request
        };
        assert_eq!(
            reason(&create(reused).await.unwrap_err()),
            "REQUEST_ID_REUSED"
        );

        let version = loyalty.rule_by(per_unit(2)).await;
        let twice = loyalty.switch_on(&version, None).await.unwrap_err();
        assert_eq!(reason(&twice), "PROGRAMME_VERSION_ACTIVATED");
        let none = ProgrammeVersion {
            version_number: 99,
            ..version.clone()
        };
        let none = loyalty.switch_on(&none, None).await.unwrap_err();
        assert_eq!(reason(&none), "PROGRAMME_VERSION_NOT_FOUND");
        let nowhere = ProgrammeVersion {
            programme_id: "nowhere".into(),
            ..version
        };
        let nowhere = loyalty.switch_on(&nowhere, None).await.unwrap_err();
        assert_eq!(reason(&nowhere), "PROGRAMME_VERSION_NOT_FOUND");
        let draft = loyalty.draft(per_unit(2)).await.unwrap();
        let past = loyalty
            .switch_on(&draft, Some(day("2000-01-01")))
            .await
            .unwrap_err();
        assert_eq!(reason(&past), "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn rules_that_cannot_be_used_are_refused_field_by_field() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.time_zone = "Atlantis".into();
        rules.rules[0].rule_id = String::new();
        let refused = loyalty.draft(rules).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELDS");
        assert!(
            refused.message().contains("rules.time_zone"),
            "{}",
            refused.message()
        );

        let mut rules = per_unit(1);
        rules.rules.push(rules.rules[0].clone());
        rules.rules[0].qualifying_basis_points = 10_001;
        let refused = loyalty.draft(rules).await.unwrap_err();
        assert!(
            refused.message().contains("rules.rules[1].rule_id"),
            "{}",
            refused.message()
        );

        let mut rules = per_unit(1);
        rules.policies = Some(ProgrammePolicies {
            debt_points_max: 1_000_000_000_001,
            transfer: Some(TransferPolicy {
                recipients_max: 65,
                out_month_points_max: -1,
                ..TransferPolicy::default()
            }),
            ..ProgrammePolicies::default()
        });
        let refused = loyalty.draft(rules).await.unwrap_err();
        for field in [
            "debt_points_max",
            "transfer.recipients_max",
            "transfer.out_month_points_max",
        ] {
            let field = format!("rules.policies.{field}");
            assert!(refused.message().contains(&field), "{}", refused.message());
        }
    })
    .await;
}

/// Creates the programme `youth` and drafts rules for it.
async fn youth(loyalty: &Suite, rules: ProgrammeRules) -> ProgrammeVersion {
    let request = CreateProgrammeRequest {
        request_id: new_id(),
        programme_id: "youth".into(),
        created_by: "ada".into(),
    };
    let mut client = loyalty.programmes();
    client.create_programme(request).await.unwrap();
    let request = CreateProgrammeVersionRequest {
        request_id: new_id(),
        programme_id: "youth".into(),
        rules: Some(rules),
        created_by: "ada".into(),
    };
    let draft = client.create_programme_version(request).await.unwrap();
    draft.into_inner().version.unwrap()
}

fn opening(account: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        request_id: new_id(),
        account_id: account.into(),
        customer_id: account.into(),
        programme_id: "youth".into(),
        join_time: None,
    }
}

/// Points of `youth` last two months, those of the default programme three years.
#[tokio::test]
async fn each_operation_of_a_batch_is_decided_by_the_rules_of_its_account() {
    each(async |loyalty| {
        let mut rules = per_unit(5);
        rules.expiry = Some(months(2));
        let draft = youth(&loyalty, rules).await;
        // This replica does not know the programme when the batch comes.
        loyalty.rule_by(per_unit(1)).await;
        loyalty.replica().switch_on(&draft, None).await.unwrap();
        for mode in [BatchMode::AllOrNothing, BatchMode::Independent] {
            let name = |who: &str| format!("{who}-{}", mode as i32);
            let (ada, bob) = (name("ada"), name("bob"));
            let earn = |account: &str| EarnPointsRequest {
                open_account: true,
                ..loyalty.earning(account, 10, "gift")
            };
            let operations = [
                operation::Operation::CreateAccount(opening(&ada)),
                operation::Operation::EarnPoints(earn(&ada)),
                operation::Operation::EarnPoints(earn(&bob)),
            ];
            let request = BatchExecuteOperationsRequest {
                operations: operations
                    .into_iter()
                    .map(|operation| Operation {
                        operation: Some(operation),
                    })
                    .collect(),
                mode: mode.into(),
            };
            let mut client = loyalty.client.clone();
            client.batch_execute_operations(request).await.unwrap();

            let (ada, bob) = (loyalty.lots(&ada).await, loyalty.lots(&bob).await);
            let last = |lots: &[Lot]| lots[0].expire_time.unwrap().seconds;
            let in_months = |months| time(loyalty.clock.now().plus_months(months)).seconds;
            assert!((in_months(2)..in_months(4)).contains(&last(&ada)));
            assert!((in_months(36)..in_months(38)).contains(&last(&bob)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_gift_to_another_programme_leaves_the_account_there_alone() {
    each(async |loyalty| {
        let draft = youth(&loyalty, per_unit(5)).await;
        loyalty.switch_on(&draft, None).await.unwrap();
        let mut client = loyalty.client.clone();
        client.create_account(opening("bob")).await.unwrap();
        loyalty.earn_for("ada", 100, 100).await;
        loyalty.earn_for("bob", 100, 10).await;
        loyalty.advance_days(10);

        let refused = loyalty.give("ada", "bob", 1).await.unwrap_err();

        assert_eq!(reason(&refused), "PROGRAMME_MISMATCH");
        // What expired is booked by the rules of its own programme, later.
        assert_eq!(loyalty.entries("bob").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_account_of_another_programme_earns_by_its_rules() {
    each(async |loyalty| {
        let draft = youth(&loyalty, per_unit(5)).await;
        let open = opening("ada");
        let early = loyalty.client.clone().create_account(open.clone()).await;
        assert_eq!(reason(&early.unwrap_err()), "INVALID_FIELDS");
        // Activated on another replica: this one reads again when it does not know the programme.
        loyalty.replica().switch_on(&draft, None).await.unwrap();
        loyalty.client.clone().create_account(open).await.unwrap();

        let bill = |account: &str| earning(account, event(EventKind::Bill, "B1", 10_000));
        let ada = loyalty.earn_for_event(bill("ada")).await.unwrap();
        let bob = loyalty.earn_for_event(bill("bob")).await.unwrap();

        assert_eq!((ada.available_points, bob.available_points), (500, 100));
        assert_eq!(ada.earning.unwrap().programme_id, "youth");
    })
    .await;
}

#[tokio::test]
async fn versions_and_programmes_are_paged() {
    each(async |loyalty| {
        for points in 1..6 {
            loyalty.draft(per_unit(points)).await.unwrap();
        }
        let mut token = String::new();
        let mut numbers = Vec::new();
        loop {
            let request = ListProgrammeVersionsRequest {
                programme_id: String::new(),
                page_size: 2,
                page_token: token.clone(),
            };
            let page = loyalty.programmes().list_programme_versions(request).await;
            let page = page.unwrap().into_inner();
            numbers.extend(page.versions.iter().map(|version| version.version_number));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
    })
    .await;
}
