//! Identity from the wire.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{CustomerId, RequestId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use uuid::Uuid;

use crate::Error;
use crate::domain::identity::policy::{
    FIELDS_MAX, KEYS_MAX, MatchKey, PARTS_MAX, Part, RECORD_MEMBERS_DEFAULT, SHARED_MAX, Source,
    WEIGHT_MAX,
};
use crate::domain::identity::{
    Cause, Criterion, Form, MEMBERS_MAX, Named, Rules, Salt, Survivorship,
};
use crate::domain::interaction::CODE_LENGTH_MAX;
use crate::domain::{AttributeName, ExternalId, text};

/// The most losers of one merge.
const LOSERS_MAX: usize = 16;
/// The longest key of who decided, in bytes.
const ACTOR_LENGTH_MAX: usize = 64;
const DESCRIPTION_LENGTH_MAX: usize = 200;
const BLOCKED_MAX: usize = 100;
const BLOCKED_LENGTH_MAX: usize = 256;
const SOURCES_MAX: usize = 64;
const RULES_MAX: usize = 100;

pub(in crate::api) fn merge(
    request: &wire::MergeCustomersRequest,
) -> Result<(RequestId, Named, Cause), Error> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let survivor = CustomerId::parse(&request.survivor_customer_id);
    let survivor = violations.take("survivor_customer_id", survivor);
    let (field, given) = ("loser_customer_ids", &request.loser_customer_ids);
    let mut losers = Vec::with_capacity(given.len().min(LOSERS_MAX));
    if given.is_empty() {
        violations.add(field, "1 to 16 ids", "nothing");
    } else if fields::at_most(&mut violations, field, given, LOSERS_MAX) {
        for (at, loser) in given.iter().enumerate() {
            losers.extend(violations.take(&format!("{field}[{at}]"), CustomerId::parse(loser)));
        }
    }
    let cause = decided(&mut violations, &request.actor, &request.reason);
    violations.into_result()?;
    let (id, survivor) = id.zip(survivor).expect("what is missing is a violation");
    let cause = cause.expect("what is missing is a violation");
    Ok((id, Named { survivor, losers }, cause))
}

pub(super) fn unmerge(
    request: &wire::UnmergeCustomersRequest,
) -> Result<(RequestId, Uuid, Cause), Error> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let merge = Uuid::try_parse(&request.merge_id).ok();
    if merge.is_none() {
        let found = format!("{} bytes that are none", request.merge_id.len());
        violations.add("merge_id", "a UUID", found);
    }
    let cause = decided(&mut violations, &request.actor, &request.reason);
    violations.into_result()?;
    let (id, merge) = id.zip(merge).expect("what is missing is a violation");
    Ok((id, merge, cause.expect("what is missing is a violation")))
}

/// Who decided, and why.
pub(super) fn decided(violations: &mut Violations, actor: &str, reason: &str) -> Option<Cause> {
    let actor = fields::text(violations, "actor", actor, ACTOR_LENGTH_MAX);
    let reason = violations.take("reason", text::parse(reason, CODE_LENGTH_MAX));
    Some(Cause {
        actor: actor?.to_owned(),
        reason: reason?,
        ..Cause::default()
    })
}

/// Parses the rules of a policy; what is blocked becomes fingerprints.
pub(in crate::api) fn rules(
    violations: &mut Violations,
    policy: &wire::IdentityPolicy,
    salt: &Salt,
) -> Option<Rules> {
    let description = text::parse(&policy.description, DESCRIPTION_LENGTH_MAX);
    let description = violations.take("description", description);
    let keys = keys(violations, &policy.keys, salt);
    let least = i32::from(!policy.keys.is_empty());
    let (propose, merge) = (policy.propose_weight, policy.merge_weight);
    within(violations, "propose_weight", propose, least, WEIGHT_MAX);
    if merge != 0 {
        within(
            violations,
            "merge_weight",
            merge,
            propose.max(1),
            WEIGHT_MAX,
        );
    }
    let members = match policy.record_members_max {
        0 => RECORD_MEMBERS_DEFAULT,
        members => members,
    };
    let most = i32::try_from(MEMBERS_MAX).expect("a small number");
    within(violations, "record_members_max", members, 2, most);
    let survivorship = Survivorship {
        trust: trust(violations, &policy.sources),
        rules: survivorship(violations, &policy.rules),
    };
    Some(Rules {
        description: description?,
        keys,
        propose_weight: propose,
        merge_weight: merge,
        record_members_max: members,
        survivorship,
    })
}

fn within(violations: &mut Violations, field: &str, number: i32, least: i32, most: i32) {
    if !(least..=most).contains(&number) {
        violations.add(field, format!("{least} to {most}"), number.to_string());
    }
}

fn keys(violations: &mut Violations, keys: &[wire::MatchKey], salt: &Salt) -> Vec<MatchKey> {
    if !fields::at_most(violations, "keys", keys, KEYS_MAX) {
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut parsed = Vec::with_capacity(keys.len());
    for (at, key) in keys.iter().enumerate() {
        let prefix = format!("keys[{at}].");
        parsed.extend(violations.within(&prefix, |inner| match_key(inner, key, salt)));
        if !names.insert(&key.name) {
            let (field, found) = (format!("{prefix}name"), "a name that stands there already");
            violations.add(&field, "each name once", found);
        }
    }
    parsed
}

fn match_key(violations: &mut Violations, key: &wire::MatchKey, salt: &Salt) -> Option<MatchKey> {
    violations.take("name", AttributeName::parse(&key.name));
    within(violations, "weight", key.weight, 1, WEIGHT_MAX);
    let customers_max = match key.customers_max {
        0 => 2,
        most => most,
    };
    within(violations, "customers_max", customers_max, 2, SHARED_MAX);
    let verified = Some(key.verified_attribute.as_str()).filter(|name| !name.is_empty());
    if let Some(name) = verified {
        violations.take("verified_attribute", AttributeName::parse(name));
    }
    let mut parts = Vec::with_capacity(key.parts.len().min(PARTS_MAX));
    if key.parts.is_empty() {
        violations.add("parts", "1 to 4 parts", "nothing");
    } else if fields::at_most(violations, "parts", &key.parts, PARTS_MAX) {
        for (at, given) in key.parts.iter().enumerate() {
            let prefix = format!("parts[{at}].");
            parts.extend(violations.within(&prefix, |inner| part(inner, given)));
        }
    }
    let mut blocked = BTreeSet::new();
    if fields::at_most(
        violations,
        "blocked_values",
        &key.blocked_values,
        BLOCKED_MAX,
    ) {
        for (at, value) in key.blocked_values.iter().enumerate() {
            let field = format!("blocked_values[{at}]");
            violations.take(&field, text::parse_required(value, BLOCKED_LENGTH_MAX));
            let fingerprints = salt.blocked(&parts, value);
            if fingerprints.is_empty() && !parts.is_empty() {
                violations.add(&field, "a value of the form of a part", "one of none");
            }
            blocked.extend(fingerprints);
        }
    }
    Some(MatchKey {
        name: key.name.clone(),
        parts,
        weight: key.weight,
        customers_max,
        verified: verified.map(str::to_owned),
        blocked,
    })
}

fn part(violations: &mut Violations, part: &wire::MatchPart) -> Option<Part> {
    let mut sources = Vec::with_capacity(part.fields.len().min(FIELDS_MAX));
    if part.fields.is_empty() {
        violations.add("fields", "1 to 4 fields", "nothing");
    } else if fields::at_most(violations, "fields", &part.fields, FIELDS_MAX) {
        for (at, field) in part.fields.iter().enumerate() {
            sources.extend(violations.take(&format!("fields[{at}]"), Source::parse(field)));
        }
    }
    let form = Form::from_number(part.form);
    if form.is_none() {
        violations.add("form", "a form", part.form.to_string());
    }
    let form = form?;
    Some(Part { sources, form })
}

fn trust(violations: &mut Violations, sources: &[wire::SourceTrust]) -> BTreeMap<String, i32> {
    let mut trust = BTreeMap::new();
    if !fields::at_most(violations, "sources", sources, SOURCES_MAX) {
        return trust;
    }
    for (at, source) in sources.iter().enumerate() {
        let field = |name: &str| format!("sources[{at}].{name}");
        violations.take(&field("system"), ExternalId::parse_system(&source.system));
        within(violations, &field("trust"), source.trust, 1, 100);
        if trust.insert(source.system.clone(), source.trust).is_some() {
            let found = "a system that stands there already";
            violations.add(&field("system"), "each system once", found);
        }
    }
    trust
}

fn survivorship(
    violations: &mut Violations,
    given: &[wire::SurvivorshipRule],
) -> BTreeMap<String, Vec<Criterion>> {
    let mut rules = BTreeMap::new();
    if !fields::at_most(violations, "rules", given, RULES_MAX) {
        return rules;
    }
    for (at, rule) in given.iter().enumerate() {
        let field = |name: &str| format!("rules[{at}].{name}");
        let attribute = rule.field.strip_prefix("attributes.");
        let attribute = attribute.or_else(|| rule.field.strip_prefix("profile."));
        let is_attribute = attribute.is_some_and(|name| AttributeName::parse(name).is_ok());
        if !is_attribute && !["kind", "display_name", "*"].contains(&rule.field.as_str()) {
            let wanted = "kind, display_name, attributes.NAME, profile.NAME or *";
            violations.add(&field("field"), wanted, "another field");
        }
        let criteria = criteria(violations, &field("criteria"), &rule.criteria);
        if rules.insert(rule.field.clone(), criteria).is_some() {
            let found = "a field that stands there already";
            violations.add(&field("field"), "each field once", found);
        }
    }
    rules
}

fn criteria(violations: &mut Violations, field: &str, given: &[i32]) -> Vec<Criterion> {
    use wire::SurvivorshipCriterion as Word;
    let mut criteria = Vec::with_capacity(3);
    for number in given.iter().take(4) {
        let criterion = match Word::try_from(*number) {
            Ok(Word::SourceTrust) => Criterion::SourceTrust,
            Ok(Word::Recency) => Criterion::Recency,
            Ok(Word::Completeness) => Criterion::Completeness,
            Ok(Word::Unspecified) | Err(_) => {
                violations.add(field, "criteria", number.to_string());
                continue;
            }
        };
        if criteria.contains(&criterion) {
            violations.add(field, "each criterion once", "one twice");
        }
        criteria.push(criterion);
    }
    if given.is_empty() {
        violations.add(field, "1 to 3 criteria", "nothing");
    }
    criteria
}
