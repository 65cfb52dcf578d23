//! What lies in the database: nothing of a person that can be read without the person's key.

use prost_reflect::MethodDescriptor;
use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::account_service_client::AccountServiceClient;
use tenure_proto::customer::v1::group_service_client::GroupServiceClient;
use tenure_proto::customer::v1::lead_service_client::LeadServiceClient;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;
use tenure_sql::{Db, with_tx};
use tenure_testkit::{assert_code, each_backend};
use tonic::{Code, Status};

use crate::erasure::{CRM_ID, MAIL, NAME, NUMBER, everything};
use crate::masks::{PLANTED, ask, holds, plant, reads};
use crate::suite::*;

/// Columns that hold words about customers as they are, and why.
const OPEN: [(&str, &str); 2] = [
    (
        "match_finding.reason",
        "why staff decided about several records at once: none of them has the key",
    ),
    (
        "identity_policy.body",
        "numbers and addresses that are to match nobody, because many people give them",
    ),
];

/// What [`plant_more`] plants beside [`PLANTED`].
const WORDS: [&str; 11] = [
    "Schwiegermutter",
    "Haushaltskasse",
    "Familie Zwirn",
    "Abwanderungsgrund",
    "Interessentin Kunz",
    "Glasfaserwunsch",
    "Abgesagt wegen Umzug",
    "Beziehungsende",
    "8943000000000000001",
    "Verstorbene Mutter",
    "Zahlungsnot",
];

/// Words in every other place that takes words about a customer.
async fn plant_more(suite: &mut Suite) {
    let role = wire::CreateRelationshipRequest {
        request_id: fresh(),
        kind: wire::RelationshipKind::Payer.into(),
        from_customer_id: "ott".into(),
        to_customer_id: "new".into(),
        role: WORDS[0].into(),
        ..Default::default()
    };
    suite.upsert(vec![customer("new")]).await.unwrap();
    let mut parties = PartyServiceClient::new(suite.transport.clone());
    parties.create_relationship(role).await.unwrap();
    let status = wire::ChangeCustomerStatusRequest {
        request_id: fresh(),
        customer_id: "ott".into(),
        status: wire::CustomerStatus::Active.into(),
        reason: WORDS[7].into(),
        ..Default::default()
    };
    parties.change_customer_status(status).await.unwrap();
    crate::fill::terms_and_sim(suite, "ott").await;
    plant_account_and_group(suite).await;
    plant_terms(suite).await;
    plant_lead(suite).await;
    suite.upsert(vec![customer("web")]).await.unwrap();
    let merge = wire::MergeCustomersRequest {
        request_id: fresh(),
        survivor_customer_id: "ott".into(),
        loser_customer_ids: vec!["web".into()],
        actor: "agent-7".into(),
        reason: WORDS[9].into(),
    };
    let merged = suite.identity().merge_customers(merge).await.unwrap();
    suite.unmerge(&merged.into_inner().merge_id).await.unwrap();
}

async fn plant_account_and_group(suite: &Suite) {
    let mut accounts = AccountServiceClient::new(suite.transport.clone());
    let account = wire::UpsertBillingAccountRequest {
        request_id: fresh(),
        billing_account: Some(wire::BillingAccount {
            account_id: "A-2".into(),
            customer_id: "ott".into(),
            name: WORDS[1].into(),
            kind: wire::BillingAccountKind::Personal.into(),
            state: wire::BillingAccountState::Active.into(),
            currency_code: "EUR".into(),
            billing_cycle_day: 1,
            ..Default::default()
        }),
    };
    accounts.upsert_billing_account(account).await.unwrap();
    let mut groups = GroupServiceClient::new(suite.transport.clone());
    let group = wire::UpsertGroupRequest {
        request_id: fresh(),
        group: Some(wire::Group {
            group_id: "G-2".into(),
            kind: wire::GroupKind::Household.into(),
            customer_id: "ott".into(),
            name: WORDS[2].into(),
            ..Default::default()
        }),
    };
    groups.upsert_group(group).await.unwrap();
}

async fn plant_terms(suite: &mut Suite) {
    let mut terms = SubscriptionTermsServiceClient::new(suite.transport.clone());
    let notice = wire::GiveTerminationNoticeRequest {
        request_id: fresh(),
        customer_id: "ott".into(),
        subscription_id: "S-ott".into(),
        effective_time: day("2025-06-01"),
        reason: WORDS[3].into(),
        ..Default::default()
    };
    terms.give_termination_notice(notice).await.unwrap();
    let suspend = wire::SuspendSubscriptionRequest {
        request_id: fresh(),
        customer_id: "ott".into(),
        subscription_id: "S-ott".into(),
        suspension_kind: wire::SuspensionKind::Arrears.into(),
        suspension_reason: WORDS[10].into(),
        suspend_time: None,
    };
    suite.client.suspend_subscription(suspend).await.unwrap();
}

async fn plant_lead(suite: &Suite) {
    let mut leads = LeadServiceClient::new(suite.transport.clone());
    let prospect = wire::UpsertProspectRequest {
        request_id: fresh(),
        prospect: Some(wire::Prospect {
            prospect_id: "kunz".into(),
            kind: wire::CustomerKind::Individual.into(),
            display_name: WORDS[4].into(),
            ..Default::default()
        }),
    };
    leads.upsert_prospect(prospect).await.unwrap();
    let lead = wire::UpsertLeadRequest {
        request_id: fresh(),
        lead: Some(wire::Lead {
            lead_id: "L-kunz".into(),
            customer_id: "kunz".into(),
            interest: WORDS[5].into(),
            ..Default::default()
        }),
    };
    leads.upsert_lead(lead).await.unwrap();
    let lost = wire::ChangeLeadStateRequest {
        request_id: fresh(),
        customer_id: "kunz".into(),
        lead_id: "L-kunz".into(),
        state: wire::LeadState::Lost.into(),
        lost_reason: WORDS[6].into(),
    };
    leads.change_lead_state(lost).await.unwrap();
}

#[tokio::test]
async fn nothing_personal_lies_open_in_the_database() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        plant(&mut suite).await;
        plant_more(&mut suite).await;

        let all = everything(&db).await;

        assert!(holds(&all, "S-ott"), "the search finds what lies open");
        let personal = PLANTED.iter().chain(&WORDS).chain([&MAIL]);
        let hex = |text: &str| -> String { text.bytes().map(|it| format!("{it:02x}")).collect() };
        let open: Vec<_> = personal
            .filter(|text| holds(&all, text) || holds(&all, &hex(text)))
            .collect();
        assert!(open.is_empty(), "{open:?} lie open, beside {OPEN:?}");
    })
    .await;
}

/// What the database is once somebody's key is gone, and nothing else: an old copy of it, for example.
async fn shred(db: &Db, customer: &str) {
    let mut tx = db.begin().await.unwrap();
    let gone = with_tx!(tx, |conn| {
        let delete = sqlx::query("DELETE FROM customer_key WHERE customer_id = $1");
        let deleted = delete.bind(customer).execute(conn).await;
        deleted.unwrap().rows_affected()
    });
    assert_eq!(gone, 1);
    tx.commit().await.unwrap();
}

/// Returns what a method tells of `ott`; nothing where it refuses.
async fn told(suite: &Suite, method: &MethodDescriptor) -> Vec<u8> {
    let told: Result<_, Status> = ask(suite.transport.clone(), method).await;
    told.unwrap_or_default()
}

#[tokio::test]
async fn a_copy_of_a_database_tells_nothing_of_a_person_without_the_key() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        plant(&mut suite).await;
        let mut before = Vec::new();
        for method in reads() {
            before.extend(told(&suite, &method).await);
        }
        let missing = PLANTED.iter().find(|text| !holds(&before, text));
        assert_eq!(missing, None, "with the key everything is told");

        shred(&db, "ott").await;

        for method in reads() {
            let after = told(&suite, &method).await;
            let left: Vec<_> = PLANTED.iter().filter(|text| holds(&after, text)).collect();
            assert!(left.is_empty(), "{} tells {left:?}", method.name());
        }
        let empty = wire::Change {
            customer_id: "ott".into(),
            ..Default::default()
        };
        let changes = suite.changes().await;
        let hers: Vec<_> = changes
            .iter()
            .filter(|it| it.customer_id == "ott")
            .collect();
        assert!(hers.len() > 10 && hers.iter().all(|it| **it == empty));
        let erasure = crate::erasure::erased(&suite, "ott").await;
        assert_eq!(erasure.state(), wire::ErasureState::Completed);
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_repeated_until_somebody_it_names_has_no_key() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        let request = wire::CreateCustomerRequest {
            request_id: fresh(),
            customer: Some(wire::Customer {
                display_name: NAME.into(),
                external_ids: vec![external("crm", CRM_ID)],
                ..customer("ott")
            }),
        };
        let mut create = async || suite.client.create_customer(request.clone()).await;
        let first = create().await.unwrap().into_inner();
        let again = create().await.unwrap().into_inner();
        assert!(again.replayed);
        assert_eq!(again.customer, first.customer);

        shred(&db, "ott").await;

        let refused = create().await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
    })
    .await;
}

#[tokio::test]
async fn somebody_who_comes_back_has_a_new_key_and_nothing_of_before() {
    each_suite(async |mut suite| {
        crate::erasure::fill(&mut suite, "ott", NAME, NUMBER, CRM_ID).await;
        let erasure = crate::erasure::erased(&suite, "ott").await;
        let lift = wire::LiftSuppressionRequest {
            request_id: fresh(),
            erasure_id: erasure.erasure_id,
        };
        let mut privacy = crate::erasure::privacy(&suite);
        privacy.lift_suppression(lift).await.unwrap();

        let back = wire::Customer {
            display_name: "Ottilie again".into(),
            ..customer("ott")
        };
        suite.upsert(vec![back]).await.unwrap();

        assert_eq!(suite.get("ott").await.display_name, "Ottilie again");
        let changes = suite.changes().await;
        let told = changes.iter().filter(|it| it.customer_id == "ott");
        // The erasure, and the one who came.
        assert_eq!(told.filter(|it| it.fact.is_some()).count(), 2);
    })
    .await;
}
