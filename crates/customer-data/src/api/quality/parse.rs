//! Policies from the wire and back.

use std::collections::BTreeSet;

use tenure_core::Violations;
use tenure_core::violation::Mismatch;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use wire::quality_rule::Check as Wire;

use super::value;
use crate::domain::quality::{
    Action, BINS_MAX, Bins, Check, NAME_LENGTH_MAX, Policy, RULES_MAX, Rule, ValueType,
    WORD_LENGTH_MAX, WORDS_MAX,
};
use crate::domain::text;

/// The most days that an instant may be old.
const AGE_DAYS_MAX: i32 = 36_500;
/// The most days of a reference period.
pub(super) const PERIOD_DAYS_MAX: i32 = 366;

/// Parses the name of a source or a rule.
pub(super) fn name(text: &str) -> Result<String, Mismatch> {
    let is_sign = |c: u8| c.is_ascii_alphanumeric() || b"_-.".contains(&c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.len() <= NAME_LENGTH_MAX && text.bytes().all(is_sign) {
        return Ok(text.to_owned());
    }
    let wanted = format!(
        "1 to {NAME_LENGTH_MAX} letters, digits, `_`, `-` and `.`, a letter or digit first"
    );
    let found = match text.len() {
        0 => "nothing".to_owned(),
        length => format!("{length} bytes that are none"),
    };
    Err(Mismatch::new(wanted, found))
}

/// Parses the rules of a policy.
pub(super) fn rules(violations: &mut Violations, rules: &[wire::QualityRule]) -> Vec<Rule> {
    if !fields::at_most(violations, "rules", rules, RULES_MAX) {
        return Vec::new();
    }
    let mut ids = BTreeSet::new();
    let mut parsed = Vec::with_capacity(rules.len());
    for (at, given) in rules.iter().enumerate() {
        let prefix = format!("rules[{at}].");
        if !ids.insert(&given.rule_id) {
            violations.add(
                &format!("{prefix}rule_id"),
                "a new id",
                "that of another rule",
            );
        }
        parsed.extend(violations.within(&prefix, |inner| rule(inner, given)));
    }
    parsed
}

fn rule(violations: &mut Violations, given: &wire::QualityRule) -> Option<Rule> {
    let id = violations.take("rule_id", name(&given.rule_id));
    let is_field = value::is_field(&given.field);
    if !is_field {
        let wanted = "a field of a row, as `customer.join_time` or `customer.attributes.region`";
        violations.add(
            "field",
            wanted,
            format!("{} bytes that are none", given.field.len()),
        );
    }
    let action = Action::from_number(given.action);
    if action.is_none() {
        violations.add("action", "REPORT or REJECT", given.action.to_string());
    }
    let check = fields::required(violations, "check", given.check.as_ref());
    let check = check.and_then(|given| parse(violations, given));
    if action == Some(Action::Reject) && matches!(check, Some(Check::Drift { .. })) {
        violations.add("action", "REPORT: drift is of no single row", "REJECT");
    }
    Some(Rule {
        id: id?,
        field: given.field.clone(),
        is_reject: action? == Action::Reject,
        check: check?,
    })
}

fn parse(violations: &mut Violations, given: &Wire) -> Option<Check> {
    match given {
        Wire::Required(_) => Some(Check::Required),
        Wire::Type(given) => {
            let known = ValueType::from_number(given.value_type);
            if known.is_none() {
                violations.add("type.value_type", "a type", given.value_type.to_string());
            }
            known.map(|it| Check::Type(it.number()))
        }
        Wire::Range(given) => range(violations, given),
        Wire::Reference(given) => {
            if given.values.is_empty() {
                violations.add("reference.values", "1 or more", "nothing");
            }
            let words = words(violations, "reference.values", &given.values, WORDS_MAX)?;
            Some(Check::Reference(words))
        }
        Wire::Freshness(given) => {
            let days = number(
                violations,
                "freshness.days_max",
                given.days_max,
                0..=AGE_DAYS_MAX,
            )?;
            Some(Check::Freshness(days))
        }
        Wire::Drift(given) => drift(violations, given),
    }
}

fn range(violations: &mut Violations, given: &wire::RangeCheck) -> Option<Check> {
    let (min, max) = (given.min, given.max);
    let limits = [min, max];
    let is_finite = limits.iter().flatten().all(|limit| limit.is_finite());
    let is_ordered = min.zip(max).is_none_or(|(min, max)| min <= max);
    if !is_finite || !is_ordered || limits == [None, None] {
        let wanted = "a finite min or max, min not above max";
        violations.add("range", wanted, "something else");
        return None;
    }
    Some(Check::Range { min, max })
}

fn drift(violations: &mut Violations, given: &wire::DriftCheck) -> Option<Check> {
    let days = 1..=PERIOD_DAYS_MAX;
    let days = number(
        violations,
        "drift.reference_days",
        given.reference_days,
        days,
    );
    if given.limits.is_empty() == given.categories.is_empty() {
        violations.add("drift", "either limits or categories", "both or none");
        return None;
    }
    if given.limits.is_empty() {
        let words = words(violations, "drift.categories", &given.categories, BINS_MAX)?;
        return Some(Check::Drift {
            bins: Bins::Categories(words),
            reference_days: days?,
        });
    }
    fields::at_most(violations, "drift.limits", &given.limits, BINS_MAX);
    let is_finite = given.limits.iter().all(|limit| limit.is_finite());
    if !is_finite || !given.limits.is_sorted_by(|a, b| a < b) {
        violations.add("drift.limits", "finite and ascending", "something else");
    }
    Some(Check::Drift {
        bins: Bins::Limits(given.limits.clone()),
        reference_days: days?,
    })
}

fn number(
    violations: &mut Violations,
    field: &str,
    number: i32,
    range: std::ops::RangeInclusive<i32>,
) -> Option<u32> {
    if range.contains(&number) {
        return u32::try_from(number).ok();
    }
    let wanted = format!("{} to {}", range.start(), range.end());
    violations.add(field, wanted, number.to_string());
    None
}

fn words(
    violations: &mut Violations,
    field: &str,
    words: &[String],
    max: usize,
) -> Option<Vec<String>> {
    if !fields::at_most(violations, field, words, max) {
        return None;
    }
    let parse = |(at, word): (usize, &String)| {
        let word = text::parse(word, WORD_LENGTH_MAX);
        violations.take(&format!("{field}[{at}]"), word)
    };
    words.iter().enumerate().map(parse).collect()
}

/// Returns a policy for the wire.
pub(super) fn show(policy: &Policy) -> wire::QualityPolicy {
    wire::QualityPolicy {
        source: policy.source.clone(),
        version: policy.version,
        rules: policy.rules.iter().map(show_rule).collect(),
        create_time: Some(fields::time(policy.created_at)),
    }
}

fn show_rule(rule: &Rule) -> wire::QualityRule {
    let action = match rule.is_reject {
        true => Action::Reject,
        false => Action::Report,
    };
    let days = |days: u32| i32::try_from(days).expect("it came as one");
    let check = match &rule.check {
        Check::Required => Wire::Required(wire::RequiredCheck {}),
        Check::Type(number) => Wire::Type(wire::TypeCheck {
            value_type: *number,
        }),
        Check::Range { min, max } => Wire::Range(wire::RangeCheck {
            min: *min,
            max: *max,
        }),
        Check::Reference(words) => Wire::Reference(wire::ReferenceCheck {
            values: words.clone(),
        }),
        Check::Freshness(age) => Wire::Freshness(wire::FreshnessCheck {
            days_max: days(*age),
        }),
        Check::Drift {
            bins,
            reference_days,
        } => {
            let (limits, categories) = match bins {
                Bins::Limits(limits) => (limits.clone(), Vec::new()),
                Bins::Categories(words) => (Vec::new(), words.clone()),
            };
            Wire::Drift(wire::DriftCheck {
                limits,
                categories,
                reference_days: days(*reference_days),
            })
        }
    };
    wire::QualityRule {
        rule_id: rule.id.clone(),
        field: rule.field.clone(),
        action: action.number(),
        check: Some(check),
    }
}
