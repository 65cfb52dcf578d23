//! Random requests of parties, accounts, groups, terms, leads, identity and profiles.

use super::*;
use crate::api::{account, group, identity, lead, party, profile, terms};
use crate::domain::identity::Salt;

#[test]
fn a_party_name_is_taken_or_each_wrong_field_named() {
    let name = wire::PartyName {
        title: "Dr".into(),
        given_name: "Ada".into(),
        family_name: "Lovelace".into(),
        ..Default::default()
    };
    run("party_name", &name, party::facts::name, None);
}

#[test]
fn a_contact_medium_is_taken_or_each_wrong_field_named() {
    use wire::contact_medium::Value;
    let address = wire::PostalAddress {
        street: "Gasse 1".into(),
        city: "Wien".into(),
        country_code: "AT".into(),
        ..Default::default()
    };
    let values = [
        Value::PhoneNumber("+999123456789".into()),
        Value::EmailAddress("ada@example.org".into()),
        Value::PostalAddress(address),
    ];
    for (number, value) in values.into_iter().enumerate() {
        let medium = wire::ContactMedium {
            medium_id: "m1".into(),
            value: Some(value),
            preferred: true,
            from_time: at(-3),
            until_time: at(3),
        };
        let read = |v: &mut Violations, it: &wire::ContactMedium| party::facts::medium(v, it, NOW);
        run(&format!("contact_medium_{number}"), &medium, read, None);
    }
}

#[test]
fn a_billing_account_is_taken_or_each_wrong_field_named() {
    use wire::corporate_terms::Reimbursement;
    let terms = wire::CorporateTerms {
        monthly_fee_waived: true,
        reimbursement: Some(Reimbursement::Amount(euro(900).expect("an amount"))),
    };
    let billing_account = wire::BillingAccount {
        account_id: "A1".into(),
        customer_id: "C1".into(),
        kind: wire::BillingAccountKind::Corporate.into(),
        name: "Works".into(),
        state: wire::BillingAccountState::Active.into(),
        currency_code: "EUR".into(),
        billing_cycle_day: 1,
        corporate_terms: Some(terms),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::BillingAccount| account::accounts::parse(v, it, NOW);
    run(
        "billing_account",
        &billing_account,
        read,
        Some(account::account),
    );
}

#[test]
fn who_pays_is_taken_or_each_wrong_field_named() {
    let request = wire::AddAccountSubscriptionRequest {
        payer_customer_id: "C1".into(),
        account_id: "A1".into(),
        customer_id: "C2".into(),
        subscription_id: "S1".into(),
        from_time: at(-3),
        until_time: at(3),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::AddAccountSubscriptionRequest| {
        account::payments::parse(v, it, NOW)
    };
    run("account_subscription", &request, read, None);
}

#[test]
fn a_group_is_taken_or_each_wrong_field_named() {
    let household = wire::Group {
        group_id: "G1".into(),
        kind: wire::GroupKind::Household.into(),
        name: "Lovelace".into(),
        customer_id: "C1".into(),
        place_code: "CELL-7".into(),
        member_count_max: 5,
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Group| group::parse(v, it, NOW);
    run("group", &household, read, Some(group::group));
}

#[test]
fn a_penalty_is_taken_or_each_wrong_field_named() {
    let penalty = wire::ContractPenalty {
        amount: euro(9_000),
        shape: wire::PenaltyShape::Falling.into(),
        falls_from_time: at(-30),
    };
    run("penalty", &penalty, terms::binding::penalty, None);
}

#[test]
fn a_prospect_and_a_lead_are_taken_or_each_wrong_field_named() {
    let prospect = wire::Prospect {
        prospect_id: "C9".into(),
        kind: 1,
        display_name: "Ada".into(),
        source: "fair".into(),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Prospect| lead::prospects::parse(v, it, NOW);
    run("prospect", &prospect, read, Some(lead::prospect));
    let interested = wire::Lead {
        lead_id: "L1".into(),
        customer_id: "C9".into(),
        source: "fair".into(),
        interest: "FIBRE".into(),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Lead| lead::leads::parse(v, it, NOW);
    run("lead", &interested, read, Some(lead::lead));
}

#[test]
fn a_claim_of_a_profile_is_taken_or_each_wrong_field_named() {
    let kinds = [
        Some(Kind::Text("chess".into())),
        Some(Kind::Number(0.1)),
        Some(Kind::Instant(time(NOW))),
        None,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let claim = wire::ProfileClaim {
            customer_id: "C1".into(),
            attribute: Some(Attribute {
                name: "hobby".into(),
                value: kind.map(|kind| AttributeValue { kind: Some(kind) }),
            }),
            source: "survey 2025".into(),
            observe_time: at(-3),
            trust: 80,
            expire_time: at(300),
            record_time: None,
        };
        let read = |v: &mut Violations, it: &wire::ProfileClaim| profile::claim(v, it, NOW);
        let name = format!("profile_claim_{number}");
        run(&name, &claim, read, Some(profile::wire_claim));
    }
}

#[test]
fn an_identity_policy_is_taken_or_each_wrong_field_named() {
    let part = |field: &str, form: wire::MatchForm| wire::MatchPart {
        fields: vec![field.into()],
        form: form.into(),
    };
    let policy = wire::IdentityPolicy {
        description: "documents".into(),
        keys: vec![wire::MatchKey {
            name: "birth".into(),
            parts: vec![
                part("attributes.birth_date", wire::MatchForm::Date),
                part("display_name", wire::MatchForm::Words),
            ],
            weight: 50,
            blocked_values: vec!["1900-01-01".into()],
            ..Default::default()
        }],
        propose_weight: 40,
        merge_weight: 90,
        record_members_max: 8,
        sources: vec![wire::SourceTrust {
            system: "crm".into(),
            trust: 90,
        }],
        rules: vec![wire::SurvivorshipRule {
            field: "profile.hobby".into(),
            criteria: vec![1, 2],
        }],
        ..Default::default()
    };
    let salt = Salt([7; 16]);
    let read = |v: &mut Violations, it: &wire::IdentityPolicy| {
        identity::parse::rules(v, it, &salt).map(|rules| format!("{rules:?}"))
    };
    run("identity_policy", &policy, read, None);
}

#[test]
fn a_merge_is_taken_or_each_wrong_field_named() {
    let merge = wire::MergeCustomersRequest {
        request_id: "0190d2b0-3f5e-7c1a-9a51-0123456789ab".into(),
        survivor_customer_id: "C1".into(),
        loser_customer_ids: vec!["C2".into(), "C3".into()],
        actor: "clerk-7".into(),
        reason: "SAME_DOCUMENT".into(),
    };
    let read =
        |v: &mut Violations, it: &wire::MergeCustomersRequest| match identity::parse::merge(it) {
            Ok(taken) => Some(format!("{taken:?}")),
            Err(error) => {
                for violation in tenure_core::Coded::violations(&error) {
                    let (wanted, found) = (violation.wanted.clone(), violation.found.clone());
                    v.add(&violation.field, wanted, found);
                }
                None
            }
        };
    run("merge", &merge, read, None);
}
