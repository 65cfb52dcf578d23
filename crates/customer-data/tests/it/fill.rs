//! A row about a customer in each table of parties, accounts, groups, terms, leads and SIMs.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::account_service_client::AccountServiceClient;
use tenure_proto::customer::v1::group_service_client::GroupServiceClient;
use tenure_proto::customer::v1::lead_service_client::LeadServiceClient;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_proto::customer::v1::resource_service_client::ResourceServiceClient;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;

use crate::identity_base::{key, part};
use crate::suite::*;

/// Says of somebody who is no customer yet that they may become one.
pub(crate) async fn prospect(suite: &Suite, id: &str) {
    let prospect = wire::Prospect {
        prospect_id: id.into(),
        kind: wire::CustomerKind::Individual.into(),
        ..Default::default()
    };
    let request = wire::UpsertProspectRequest {
        request_id: fresh(),
        prospect: Some(prospect),
    };
    let mut leads = LeadServiceClient::new(suite.transport.clone());
    leads.upsert_prospect(request).await.unwrap();
    let lead = wire::Lead {
        lead_id: format!("L-{id}"),
        customer_id: id.into(),
        ..Default::default()
    };
    let request = wire::UpsertLeadRequest {
        request_id: fresh(),
        lead: Some(lead),
    };
    leads.upsert_lead(request).await.unwrap();
}

/// Fills the tables of parties for a customer with the subscription `S-` and the id, and another one.
pub(crate) async fn party(suite: &Suite, id: &str, other: &str) {
    let mut parties = PartyServiceClient::new(suite.transport.clone());
    let name = wire::SetPartyNameRequest {
        request_id: fresh(),
        customer_id: id.into(),
        name: Some(wire::PartyName {
            given_name: "Given".into(),
            ..Default::default()
        }),
    };
    parties.set_party_name(name).await.unwrap();
    let status = wire::ChangeCustomerStatusRequest {
        request_id: fresh(),
        customer_id: id.into(),
        status: wire::CustomerStatus::Active.into(),
        ..Default::default()
    };
    parties.change_customer_status(status).await.unwrap();
    let address = wire::contact_medium::Value::EmailAddress("a@example.org".into());
    let medium = wire::PutContactMediumRequest {
        request_id: fresh(),
        customer_id: id.into(),
        contact_medium: Some(wire::ContactMedium {
            medium_id: "m1".into(),
            value: Some(address),
            ..Default::default()
        }),
    };
    parties.put_contact_medium(medium).await.unwrap();
    let relationship = wire::CreateRelationshipRequest {
        request_id: fresh(),
        kind: wire::RelationshipKind::Payer.into(),
        from_customer_id: id.into(),
        to_customer_id: other.into(),
        ..Default::default()
    };
    parties.create_relationship(relationship).await.unwrap();
}

/// The same of accounts and groups.
pub(crate) async fn account_and_group(suite: &Suite, id: &str) {
    let mut accounts = AccountServiceClient::new(suite.transport.clone());
    let account = wire::UpsertBillingAccountRequest {
        request_id: fresh(),
        billing_account: Some(wire::BillingAccount {
            account_id: format!("A-{id}"),
            customer_id: id.into(),
            kind: wire::BillingAccountKind::Personal.into(),
            state: wire::BillingAccountState::Active.into(),
            currency_code: "EUR".into(),
            billing_cycle_day: 1,
            ..Default::default()
        }),
    };
    accounts.upsert_billing_account(account).await.unwrap();
    let paid = wire::AddAccountSubscriptionRequest {
        request_id: fresh(),
        payer_customer_id: id.into(),
        account_id: format!("A-{id}"),
        customer_id: id.into(),
        subscription_id: format!("S-{id}"),
        ..Default::default()
    };
    accounts.add_account_subscription(paid).await.unwrap();
    let mut groups = GroupServiceClient::new(suite.transport.clone());
    let group = wire::UpsertGroupRequest {
        request_id: fresh(),
        group: Some(wire::Group {
            group_id: format!("G-{id}"),
            kind: wire::GroupKind::Household.into(),
            customer_id: id.into(),
            ..Default::default()
        }),
    };
    groups.upsert_group(group).await.unwrap();
    let member = wire::AddGroupMembersRequest {
        request_id: fresh(),
        group_id: format!("G-{id}"),
        members: vec![wire::NewGroupMember {
            customer_id: id.into(),
            ..Default::default()
        }],
    };
    groups.add_group_members(member).await.unwrap();
}

/// Makes a customer one with another record of it, and lets a policy find what is like it.
pub(crate) async fn identity(suite: &mut Suite, id: &str) {
    let web = format!("{id}-web");
    suite.upsert(vec![customer(&web)]).await.unwrap();
    suite.merge(id, &[&web]).await.unwrap();
    let born = part(&["attributes.birth_date"], wire::MatchForm::Date);
    let policy = wire::IdentityPolicy {
        keys: vec![key("birth", vec![born], 50)],
        propose_weight: 40,
        record_members_max: 3,
        ..Default::default()
    };
    let policy = suite.policy(policy).await.unwrap();
    suite.run(policy.version).await;
}

/// The same of terms and SIMs.
pub(crate) async fn terms_and_sim(suite: &mut Suite, id: &str) {
    let bound = wire::Subscription {
        contract_end_time: day("2026-01-01"),
        ..line(id, &format!("T-{id}"), "", "2024-01-01")
    };
    suite.subscribe(vec![bound]).await.unwrap();
    let mut terms = SubscriptionTermsServiceClient::new(suite.transport.clone());
    let penalty = wire::SetContractPenaltyRequest {
        request_id: fresh(),
        customer_id: id.into(),
        subscription_id: format!("T-{id}"),
        penalty: Some(wire::ContractPenalty {
            amount: euro(900),
            shape: wire::PenaltyShape::Fixed.into(),
            falls_from_time: None,
        }),
    };
    terms.set_contract_penalty(penalty).await.unwrap();
    let notice = wire::GiveTerminationNoticeRequest {
        request_id: fresh(),
        customer_id: id.into(),
        subscription_id: format!("T-{id}"),
        effective_time: day("2025-06-01"),
        ..Default::default()
    };
    terms.give_termination_notice(notice).await.unwrap();
    let signal = wire::RecordLeavingSignalRequest {
        request_id: fresh(),
        customer_id: id.into(),
        kind: wire::LeavingSignalKind::PortabilityEnquiry.into(),
        ..Default::default()
    };
    terms.record_leaving_signal(signal).await.unwrap();
    let mut resources = ResourceServiceClient::new(suite.transport.clone());
    let sim = wire::AssignSimRequest {
        request_id: fresh(),
        customer_id: id.into(),
        subscription_id: format!("T-{id}"),
        iccid: "8943000000000000001".into(),
        from_time: None,
    };
    resources.assign_sim(sim).await.unwrap();
}

/// Takes in a file that changes a customer, another that does, and takes the first one back: what the second
/// changed stays, and what was before it is kept.
pub(crate) async fn import(suite: &Suite, id: &str) {
    let file = |age: u8| crate::reversal::file(&format!("{id},Ada Lovelace,crm-1,{age},,,,,,\n"));
    let first = file(1).run(suite).await.unwrap().import;
    file(2).run(suite).await.unwrap();
    let reversal = crate::reversal::reverted(suite, &first.import_id).await;
    assert_eq!(reversal.conflict_count, 1);
}
