//! From the wire into words of the domain, every mistake noted by its field.

mod bill;
mod care;
mod consent;
mod customer;
mod interaction;
mod subscription;
mod survey;
mod usage;

use std::collections::BTreeMap;

use tenure_core::{Money, Violations};
use tenure_proto::r#type::v1::Money as WireMoney;
use tenure_rpc::fields;

use crate::domain::limits;

pub(super) use bill::bill;
pub(super) use care::{code, new_complaint, optional_id, promise, staff};
pub(super) use consent::{consent, purpose, scope};
pub(super) use customer::{customer, external_id, value};
pub(super) use interaction::interaction;
pub(super) use subscription::{check_port_out, churn_kind, churn_reason, subscription, suspension};
pub(super) use survey::survey;
pub(super) use usage::usage;

/// The most items of one batch.
pub(super) const BATCH_MAX: usize = 1_000;

/// Parses 1 to 1,000 items, each below `field[n].`, and notes keys that stand there twice.
pub(super) fn batch<W, T, K: Ord>(
    violations: &mut Violations,
    field: &str,
    items: &[W],
    parse: impl Fn(&mut Violations, &W) -> Option<T>,
    key_field: &str,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    if items.is_empty() {
        violations.add(field, "1 to 1,000 items", "nothing");
    }
    if !fields::at_most(violations, field, items, BATCH_MAX) {
        return Vec::new();
    }
    let mut parsed = Vec::with_capacity(items.len());
    let mut seen = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let prefix = format!("{field}[{at}].");
        let Some(item) = violations.within(&prefix, |inner| parse(inner, item)) else {
            continue;
        };
        if let Some(first) = seen.insert(key(&item), at) {
            let wanted = "each once in a batch";
            let found = format!("that of {field}[{first}]");
            violations.add(&format!("{prefix}{key_field}"), wanted, found);
        }
        parsed.push(item);
    }
    parsed
}

/// Returns the word of a required enum, or notes why there is none.
pub(super) fn required_word<T>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    word: impl Fn(i32) -> Option<T>,
) -> Option<T> {
    if number == 0 {
        violations.add(field, "one of the known values", "nothing");
        return None;
    }
    optional_word(violations, field, number, word)
}

/// Returns the word of an enum that may be unset, or notes that the number is no word.
pub(super) fn optional_word<T>(
    violations: &mut Violations,
    field: &str,
    number: i32,
    word: impl Fn(i32) -> Option<T>,
) -> Option<T> {
    if number == 0 {
        return None;
    }
    let parsed = word(number);
    if parsed.is_none() {
        violations.add(
            field,
            "one of the known values",
            format!("the number {number}"),
        );
    }
    parsed
}

/// Returns an amount that may be absent, or notes what is wrong with it.
pub(super) fn money(
    violations: &mut Violations,
    field: &str,
    money: Option<&WireMoney>,
) -> Option<Money> {
    let money = money?;
    let parsed = fields::parse_money(&money.currency_code, money.amount_minor);
    let parsed = violations.take(&format!("{field}.currency_code"), parsed)?;
    limits::check_money(violations, field, parsed);
    Some(parsed)
}

/// Returns a required amount, or notes why there is none.
pub(super) fn required_money(
    violations: &mut Violations,
    field: &str,
    wire: Option<&WireMoney>,
) -> Option<Money> {
    fields::required(violations, field, wire)?;
    money(violations, field, wire)
}
