//! Prospects, who may be nameless, and leads.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::LeadState as State;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::lead_service_client::LeadServiceClient;
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

type Leads = LeadServiceClient<Transport>;

fn prospect(id: &str) -> wire::UpsertProspectRequest {
    let prospect = wire::Prospect {
        prospect_id: id.into(),
        kind: wire::CustomerKind::Individual.into(),
        source: "FAIR".into(),
        ..Default::default()
    };
    wire::UpsertProspectRequest {
        request_id: fresh(),
        prospect: Some(prospect),
    }
}

fn lead(customer: &str, id: &str, interest: &str) -> wire::UpsertLeadRequest {
    let lead = wire::Lead {
        lead_id: id.into(),
        customer_id: customer.into(),
        source: "FAIR".into(),
        interest: interest.into(),
        ..Default::default()
    };
    wire::UpsertLeadRequest {
        request_id: fresh(),
        lead: Some(lead),
    }
}

fn advance(customer: &str, id: &str, state: State) -> wire::ChangeLeadStateRequest {
    let lost_reason = if state == State::Lost { "PRICE" } else { "" };
    wire::ChangeLeadStateRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        lead_id: id.into(),
        state: state.into(),
        lost_reason: lost_reason.into(),
    }
}

fn activate(id: &str, name: &str, lead: &str) -> wire::ActivateProspectRequest {
    wire::ActivateProspectRequest {
        request_id: fresh(),
        prospect_id: id.into(),
        display_name: name.into(),
        lead_id: lead.into(),
        join_time: day("2024-06-01"),
    }
}

/// A suite with the nameless prospect P1 and its lead L1.
async fn with_lead(suite: Suite) -> (Suite, Leads) {
    let mut leads = LeadServiceClient::new(suite.transport.clone());
    leads.upsert_prospect(prospect("P1")).await.unwrap();
    leads.upsert_lead(lead("P1", "L1", "FIBRE")).await.unwrap();
    (suite, leads)
}

#[tokio::test]
async fn a_prospect_becomes_a_customer_with_the_same_id_and_a_name() {
    each_suite(async |suite| {
        let (mut suite, mut leads) = with_lead(suite).await;
        let nameless = leads
            .activate_prospect(activate("P1", "", ""))
            .await
            .unwrap_err();
        assert_code(&nameless, Code::FailedPrecondition, "PROSPECT_NAMELESS");
        let request = activate("P1", "Ada", "L1");
        let activated = leads
            .activate_prospect(request.clone())
            .await
            .unwrap()
            .into_inner();
        let customer = activated.customer.unwrap();
        assert_eq!(
            (
                customer.customer_id.as_str(),
                customer.display_name.as_str()
            ),
            ("P1", "Ada")
        );
        assert_eq!(customer.join_time, day("2024-06-01"));
        let repeated = leads.activate_prospect(request).await.unwrap().into_inner();
        assert!(repeated.replayed);

        assert_eq!(suite.get("P1").await, customer);
        let again = leads
            .activate_prospect(activate("P1", "Ada", ""))
            .await
            .unwrap_err();
        assert_code(&again, Code::AlreadyExists, "CUSTOMER_EXISTS");
        let changed = wire::UpsertProspectRequest {
            prospect: Some(wire::Prospect {
                display_name: "Eve".into(),
                ..prospect("P1").prospect.unwrap()
            }),
            request_id: fresh(),
        };
        let changed = leads.upsert_prospect(changed).await.unwrap_err();
        assert_code(&changed, Code::AlreadyExists, "CUSTOMER_EXISTS");
        let nobody = leads
            .activate_prospect(activate("P9", "Ada", ""))
            .await
            .unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let mut told = Vec::new();
        for change in suite.changes().await {
            match change.fact {
                Some(Fact::Lead(lead)) => told.push(lead.state().as_str_name()),
                Some(Fact::Customer(_)) => told.push("customer"),
                _ => {}
            }
        }
        assert_eq!(told, ["LEAD_STATE_NEW", "customer", "LEAD_STATE_WON"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_of_an_activation_leaves_everything_as_it_was() {
    each_suite(async |suite| {
        let (mut suite, mut leads) = with_lead(suite).await;
        let lost = leads
            .activate_prospect(activate("P1", "Ada", "L9"))
            .await
            .unwrap_err();
        assert_code(&lost, Code::NotFound, "LEAD_NOT_FOUND");

        let request = wire::GetCustomerRequest {
            customer_id: "P1".into(),
        };
        let unknown = suite.client.get_customer(request).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let page = wire::ListProspectsRequest::default();
        let prospects = leads
            .list_prospects(page)
            .await
            .unwrap()
            .into_inner()
            .prospects;
        assert_eq!(prospects[0].activate_time, None);
        suite.upsert(vec![customer("ada")]).await.unwrap();
        let customer = leads.upsert_prospect(prospect("ada")).await.unwrap_err();
        assert_code(&customer, Code::AlreadyExists, "CUSTOMER_EXISTS");
    })
    .await;
}

#[tokio::test]
async fn a_lead_is_moved_on_until_it_is_lost_for_a_reason() {
    each_suite(async |suite| {
        let (suite, mut leads) = with_lead(suite).await;
        let _suite = suite.with_customers(&["ada"]).await;
        let request = advance("P1", "L1", State::Qualified);
        leads.change_lead_state(request.clone()).await.unwrap();
        assert!(
            leads
                .change_lead_state(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let back = leads
            .change_lead_state(advance("P1", "L1", State::Contacted))
            .await;
        assert_eq!(fields(&back.unwrap_err()), ["state"]);
        let silent = wire::ChangeLeadStateRequest {
            lost_reason: String::new(),
            ..advance("P1", "L1", State::Lost)
        };
        let silent = leads.change_lead_state(silent).await.unwrap_err();
        assert_eq!(fields(&silent), ["lost_reason"]);
        let lost = leads
            .change_lead_state(advance("P1", "L1", State::Lost))
            .await
            .unwrap();
        assert_eq!(lost.into_inner().lead.unwrap().lost_reason, "PRICE");

        let late = leads.upsert_lead(lead("P1", "L1", "TV")).await.unwrap_err();
        assert_code(&late, Code::FailedPrecondition, "LEAD_CLOSED");
        let same = lead("P1", "L1", "FIBRE");
        leads.upsert_lead(same.clone()).await.unwrap();
        assert!(leads.upsert_lead(same).await.unwrap().into_inner().replayed);
        let taken = leads
            .upsert_lead(lead("ada", "L1", "TV"))
            .await
            .unwrap_err();
        assert_code(&taken, Code::AlreadyExists, "LEAD_EXISTS");
        let nobody = leads
            .upsert_lead(lead("eve", "L2", "TV"))
            .await
            .unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn prospects_and_leads_come_in_pages() {
    each_suite(async |suite| {
        let (_, mut leads) = with_lead(suite).await;
        let repeated = prospect("P2");
        leads.upsert_prospect(repeated.clone()).await.unwrap();
        assert!(
            leads
                .upsert_prospect(repeated)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        leads.upsert_lead(lead("P2", "L2", "TV")).await.unwrap();
        leads.upsert_lead(lead("P1", "L3", "TV")).await.unwrap();
        leads
            .change_lead_state(advance("P1", "L3", State::Won))
            .await
            .unwrap();
        let mut page = wire::ListProspectsRequest {
            page_size: 1,
            ..Default::default()
        };
        let first = leads
            .list_prospects(page.clone())
            .await
            .unwrap()
            .into_inner();
        page.page_token = first.next_page_token;
        let second = leads.list_prospects(page).await.unwrap().into_inner();
        let ids = [&first.prospects[0], &second.prospects[0]].map(|it| it.prospect_id.as_str());
        assert_eq!(ids, ["P1", "P2"]);

        let asked = [
            ("", State::Unspecified, vec!["L1", "L2", "L3"]),
            ("", State::New, vec!["L1", "L2"]),
            ("P1", State::Unspecified, vec!["L1", "L3"]),
            ("P1", State::Won, vec!["L3"]),
        ];
        for (customer, state, expected) in asked {
            let mut request = wire::ListLeadsRequest {
                customer_id: customer.into(),
                state: state.into(),
                page_size: 1,
                ..Default::default()
            };
            let mut seen = Vec::new();
            loop {
                let page = leads
                    .list_leads(request.clone())
                    .await
                    .unwrap()
                    .into_inner();
                seen.extend(page.leads.into_iter().map(|it| it.lead_id));
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            assert_eq!(seen, expected);
        }
    })
    .await;
}
