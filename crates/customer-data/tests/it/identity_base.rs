//! A base with duplicates of every sort, a policy for it, and helpers to run it.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::SurvivorshipCriterion as Criterion;
use tenure_proto::customer::v1::{MatchFindingKind as Kind, MatchForm as Form};
use tenure_proto::r#type::v1::attribute_value::Kind as Value;
use tonic::Status;

use crate::suite::*;

pub(crate) fn part(field: &[&str], form: Form) -> wire::MatchPart {
    wire::MatchPart {
        fields: field.iter().map(|it| (*it).to_owned()).collect(),
        form: form.into(),
    }
}

pub(crate) fn key(name: &str, parts: Vec<wire::MatchPart>, weight: i32) -> wire::MatchKey {
    wire::MatchKey {
        name: name.into(),
        parts,
        weight,
        ..Default::default()
    }
}

/// Document numbers and numbers with birth dates are a person; an address alone is looked at.
pub(crate) fn policy() -> wire::IdentityPolicy {
    let phone = part(&["msisdn", "attributes.contact_number"], Form::Phone);
    let born = part(&["attributes.birth_date"], Form::Date);
    wire::IdentityPolicy {
        description: "by document".into(),
        keys: vec![
            key(
                "document",
                vec![part(&["attributes.document"], Form::Code)],
                100,
            ),
            key("phone_and_birth", vec![phone, born], 80),
            wire::MatchKey {
                verified_attribute: "email_verified".into(),
                blocked_values: vec!["none@example.com".into()],
                customers_max: 3,
                ..key("email", vec![part(&["attributes.email"], Form::Email)], 40)
            },
        ],
        propose_weight: 40,
        merge_weight: 80,
        record_members_max: 3,
        sources: vec![wire::SourceTrust {
            system: "crm".into(),
            trust: 90,
        }],
        rules: vec![wire::SurvivorshipRule {
            field: "attributes.city".into(),
            criteria: vec![Criterion::Recency.into()],
        }],
        ..Default::default()
    }
}

pub(crate) fn person(id: &str, said: &[(&str, &str)]) -> wire::Customer {
    let mut attributes: Vec<_> = said.iter().map(|(name, value)| text(name, value)).collect();
    attributes.push(attribute("email_verified", Some(Value::Flag(true))));
    wire::Customer {
        display_name: id.to_uppercase(),
        attributes,
        ..customer(id)
    }
}

impl Suite {
    pub(crate) async fn policy(
        &self,
        policy: wire::IdentityPolicy,
    ) -> Result<wire::IdentityPolicy, Status> {
        let request = wire::CreateIdentityPolicyRequest {
            request_id: fresh(),
            policy: Some(policy),
        };
        let created = self.identity().create_identity_policy(request).await?;
        Ok(created.into_inner().policy.unwrap())
    }

    pub(crate) async fn activate(&self, version: i64) -> Result<wire::IdentityPolicy, Status> {
        let request_id = fresh();
        let request = wire::ActivateIdentityPolicyRequest {
            request_id,
            version,
        };
        let active = self.identity().activate_identity_policy(request).await?;
        Ok(active.into_inner().policy.unwrap())
    }

    /// Runs a policy over the base and waits until it is done.
    pub(crate) async fn run(&self, policy_version: i64) -> wire::MatchingRun {
        let request_id = fresh();
        let request = wire::RunMatchingRequest {
            request_id,
            policy_version,
        };
        let begun = self.identity().run_matching(request).await.unwrap();
        let mut run = begun.into_inner().run.unwrap();
        while run.state() == wire::MatchingRunState::Running {
            tokio::task::yield_now().await;
            let request = wire::GetMatchingRunRequest { run_id: run.run_id };
            let found = self.identity().get_matching_run(request).await.unwrap();
            run = found.into_inner().run.unwrap();
        }
        run
    }

    pub(crate) async fn findings(
        &self,
        run: &wire::MatchingRun,
        kind: Kind,
    ) -> Vec<wire::MatchFinding> {
        let (mut findings, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListMatchFindingsRequest {
                run_id: run.run_id.clone(),
                kind: kind.into(),
                page_size: 1,
                page_token,
            };
            let page = self
                .identity()
                .list_match_findings(request)
                .await
                .unwrap()
                .into_inner();
            findings.extend(page.findings);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return findings;
            }
        }
    }

    pub(crate) async fn apply(
        &self,
        run: &wire::MatchingRun,
    ) -> Result<wire::ApplyMatchingResponse, Status> {
        let (request_id, run_id) = (fresh(), run.run_id.clone());
        let request = wire::ApplyMatchingRequest { request_id, run_id };
        Ok(self.identity().apply_matching(request).await?.into_inner())
    }

    pub(crate) async fn in_quarantine(&self) -> Vec<wire::MatchFinding> {
        let request = wire::ListQuarantineRequest::default();
        let page = self.identity().list_quarantine(request).await.unwrap();
        page.into_inner().findings
    }
}

pub(crate) fn about(findings: &[wire::MatchFinding]) -> Vec<(String, &str)> {
    let about = |it: &wire::MatchFinding| it.customer_ids.join("+");
    findings
        .iter()
        .map(|it| (about(it), it.match_key.as_str()))
        .collect()
}

pub(crate) fn pair(customers: &str, key: &'static str) -> (String, &'static str) {
    (customers.to_owned(), key)
}

/// Two with one document, a number held by one and given as contact by another of the same birth date,
/// a shared address, a household, a blocked address, a father and a son.
pub(crate) async fn base(suite: &mut Suite) {
    let born = ("birth_date", "1990-02-03");
    let people = vec![
        person("ann1", &[("document", "C01-X 47"), ("city", "Bern")]),
        person("ann2", &[("document", "c01x47"), ("city", "Basel")]),
        person("bob1", &[born]),
        person(
            "bob2",
            &[
                ("birth_date", "03.02.1990"),
                ("contact_number", "0041 31 555 00 01"),
            ],
        ),
        person(
            "son",
            &[
                ("birth_date", "2012-01-01"),
                ("contact_number", "+41315550001"),
            ],
        ),
        person("eve1", &[("email", "Eve@example.com")]),
        person("eve2", &[("email", "eve@Example.com ")]),
        person("no1", &[("email", "none@example.com")]),
        person("no2", &[("email", "NONE@example.com")]),
        person("h1", &[("email", "home@example.com")]),
        person("h2", &[("email", "home@example.com")]),
        person("h3", &[("email", "home@example.com")]),
        person("h4", &[("email", "home@example.com")]),
    ];
    suite.upsert(people).await.unwrap();
    let line = line("bob1", "S1", "+41315550001", "2024-01-01");
    suite.subscribe(vec![line]).await.unwrap();
}
