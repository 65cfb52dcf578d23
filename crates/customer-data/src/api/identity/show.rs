//! From words of identity to the wire.

use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use crate::domain::identity::policy::MatchKey;
use crate::domain::identity::{
    Cause, Criterion, Finding, LinkHistory, MatchingRun, Merge, Origin, Policy, Record,
};

pub(in crate::api) fn merge(merge: &Merge) -> wire::Merge {
    let kind = if merge.is_undone {
        wire::MergeKind::Unmerged
    } else {
        wire::MergeKind::Merged
    };
    let losers = merge.named.losers.iter().map(ToString::to_string);
    wire::Merge {
        merge_id: merge.id.map_or(String::new(), |id| id.to_string()),
        kind: kind.into(),
        record: Some(record(&merge.record)),
        named_survivor_customer_id: merge.named.survivor.to_string(),
        named_loser_customer_ids: losers.collect(),
        cause: Some(cause(&merge.cause)),
    }
}

pub(super) fn record(record: &Record) -> wire::IdentityRecord {
    wire::IdentityRecord {
        survivor_customer_id: record.survivor.to_string(),
        member_customer_ids: record.members.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn cause(cause: &Cause) -> wire::MergeCause {
    wire::MergeCause {
        policy_version: cause.policy_version,
        match_key: cause.match_key.clone(),
        fingerprint: cause.fingerprint.clone(),
        actor: cause.actor.clone(),
        reason: cause.reason.clone(),
    }
}

pub(super) fn link(history: &LinkHistory) -> wire::MergeLink {
    let (link, undone) = (&history.link, history.undone.as_ref());
    wire::MergeLink {
        merge_id: link.merge.to_string(),
        survivor_customer_id: link.survivor.to_string(),
        loser_customer_id: link.loser.to_string(),
        merge_time: Some(time(history.since)),
        unmerge_time: undone.map(|(at, _, _)| time(*at)),
        cause: Some(cause(&history.cause)),
        unmerge_actor: undone.map_or(String::new(), |(_, actor, _)| actor.clone()),
        unmerge_reason: undone.map_or(String::new(), |(_, _, reason)| reason.clone()),
    }
}

pub(super) fn origin(origin: &Origin) -> wire::FieldOrigin {
    wire::FieldOrigin {
        field: origin.field.to_string(),
        customer_id: origin.member.to_string(),
        reason: origin.why as i32,
    }
}

pub(super) fn run(run: &MatchingRun) -> wire::MatchingRun {
    wire::MatchingRun {
        run_id: run.id.to_string(),
        policy_version: run.policy_version,
        state: run.state as i32,
        dry: run.is_dry,
        create_time: Some(time(run.created_at)),
        end_time: run.ended_at.map(time),
        customer_count: run.customers,
        merge_count: run.merges,
        proposal_count: run.proposals,
        quarantine_count: run.quarantines,
        split_count: run.splits,
        shared_value_count: run.shared_values,
        failure: run.failure.clone(),
    }
}

pub(super) fn finding(finding: &Finding) -> wire::MatchFinding {
    wire::MatchFinding {
        run_id: finding.run.to_string(),
        number: finding.number,
        kind: finding.kind as i32,
        state: finding.state as i32,
        customer_ids: finding.customers.iter().map(ToString::to_string).collect(),
        customer_count: finding.count,
        weight: finding.weight,
        match_key: finding.match_key.clone(),
        fingerprint: finding.fingerprint.clone(),
        merge_id: finding
            .merge
            .map_or(String::new(), |merge| merge.to_string()),
        actor: finding.actor.clone(),
        reason: finding.reason.clone(),
    }
}

pub(super) fn policy(policy: &Policy) -> wire::IdentityPolicy {
    let rules = &policy.rules;
    let state = match (policy.is_active, policy.activated_at) {
        (true, _) => wire::IdentityPolicyState::Active,
        (false, Some(_)) => wire::IdentityPolicyState::Retired,
        (false, None) => wire::IdentityPolicyState::Draft,
    };
    let sources = rules.survivorship.trust.iter();
    let sources = sources.map(|(system, trust)| wire::SourceTrust {
        system: system.clone(),
        trust: *trust,
    });
    let fields = rules.survivorship.rules.iter();
    let fields = fields.map(|(field, criteria)| wire::SurvivorshipRule {
        field: field.clone(),
        criteria: criteria.iter().map(|it| criterion(*it).into()).collect(),
    });
    wire::IdentityPolicy {
        version: policy.version,
        state: state.into(),
        description: rules.description.clone(),
        keys: rules.keys.iter().map(key).collect(),
        propose_weight: rules.propose_weight,
        merge_weight: rules.merge_weight,
        record_members_max: rules.record_members_max,
        sources: sources.collect(),
        rules: fields.collect(),
        create_time: Some(time(policy.created_at)),
        activate_time: policy.activated_at.map(time),
    }
}

fn criterion(criterion: Criterion) -> wire::SurvivorshipCriterion {
    match criterion {
        Criterion::SourceTrust => wire::SurvivorshipCriterion::SourceTrust,
        Criterion::Recency => wire::SurvivorshipCriterion::Recency,
        Criterion::Completeness => wire::SurvivorshipCriterion::Completeness,
    }
}

fn key(key: &MatchKey) -> wire::MatchKey {
    let parts = key.parts.iter().map(|part| wire::MatchPart {
        fields: part.sources.iter().map(ToString::to_string).collect(),
        form: part.form as i32,
    });
    wire::MatchKey {
        name: key.name.clone(),
        parts: parts.collect(),
        weight: key.weight,
        customers_max: key.customers_max,
        verified_attribute: key.verified.clone().unwrap_or_default(),
        blocked_values: Vec::new(),
        blocked_fingerprints: key.blocked.iter().cloned().collect(),
    }
}
