//! Audiences: parse one, and count whom it holds now.

use tenure_core::{Span, Violations};
use tenure_proto::campaign::v1::{
    AttributeCondition, Audience as WireAudience, PreviewAudienceRequest, PreviewAudienceResponse,
};
use tenure_proto::r#type::v1::AttributeValue;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_rpc::fields;

use super::offer::refused;
use super::wire::signed;
use crate::Inner;
use crate::domain::attribute::{Comparison, Condition, Value};
use crate::domain::audience::Audience;
use crate::domain::words::{RiskBand, Stage, ValueTier};
use crate::error::Error;
use crate::job::select;

/// The most conditions of one audience: each is checked for each customer.
const CONDITIONS_MAX: usize = 20;
/// The most words in a list of stages, bands or tiers; there are not that many.
const WORDS_MAX: usize = 16;
/// The longest text of an attribute, in bytes, as in customer-data.
const TEXT_LENGTH_MAX: usize = 256;
/// The longest name of an attribute, as in customer-data.
const ATTRIBUTE_NAME_LENGTH_MAX: usize = 64;

/// Counts the customers whom a campaign would enrol now.
pub(super) async fn preview(
    inner: &Inner,
    request: PreviewAudienceRequest,
) -> Result<PreviewAudienceResponse, Error> {
    let mut v = Violations::new();
    let audience = fields::required(&mut v, "audience", request.audience.as_ref())
        .and_then(|audience| v.within("audience.", |v| parse(v, audience)));
    let Some(audience) = audience.filter(|_| v.is_empty()) else {
        return Err(refused(v));
    };
    let mut count = 0_u64;
    let mut cursor = String::new();
    loop {
        let page = select::page(inner, &audience, &cursor, audience.room_after(count)).await?;
        count += page.candidates.len() as u64;
        match page.next {
            Some(next) if audience.room_after(count) > 0 => cursor = next,
            _ => {
                return Ok(PreviewAudienceResponse {
                    customer_count: signed(count),
                });
            }
        }
    }
}

/// Parses an audience, noting every mistake.
pub(super) fn parse(v: &mut Violations, audience: &WireAudience) -> Option<Audience> {
    let stages = words(v, "stages", &audience.stages, Stage::from_number);
    let risk_bands = words(v, "risk_bands", &audience.risk_bands, RiskBand::from_number);
    let value_tiers = words(
        v,
        "value_tiers",
        &audience.value_tiers,
        ValueTier::from_number,
    );
    let min_churn_probability = audience.min_churn_probability;
    if !(0.0..=1.0).contains(&min_churn_probability) {
        v.add(
            "min_churn_probability",
            "0 to 1",
            min_churn_probability.to_string(),
        );
    }
    let max_customers = u64::try_from(audience.max_customers).ok();
    if max_customers.is_none() {
        v.add(
            "max_customers",
            "0 or more",
            audience.max_customers.to_string(),
        );
    }
    let mut conditions = Vec::new();
    if fields::at_most(v, "conditions", &audience.conditions, CONDITIONS_MAX) {
        for (at, condition) in audience.conditions.iter().enumerate() {
            let parsed = v.within(&format!("conditions[{at}]."), |v| {
                parse_condition(v, condition)
            });
            conditions.extend(parsed);
        }
    }
    Some(Audience {
        stages: stages?,
        risk_bands: risk_bands?,
        value_tiers: value_tiers?,
        min_churn_probability,
        conditions,
        max_customers: max_customers.filter(|max| *max > 0),
    })
}

fn words<T>(
    v: &mut Violations,
    field: &str,
    numbers: &[i32],
    parse: impl Fn(i32) -> Option<T>,
) -> Option<Vec<T>> {
    if !fields::at_most(v, field, numbers, WORDS_MAX) {
        return None;
    }
    let parsed: Option<Vec<T>> = numbers.iter().map(|number| parse(*number)).collect();
    if parsed.is_none() {
        v.add(field, "known values", "others");
    }
    parsed
}

fn parse_condition(v: &mut Violations, condition: &AttributeCondition) -> Option<Condition> {
    let name = is_attribute_name(&condition.name).then(|| condition.name.clone());
    if name.is_none() {
        let wanted = "1 to 64 characters of a-z, 0-9 and _, beginning with a letter";
        v.add("name", wanted, format!("{} bytes", condition.name.len()));
    }
    let comparison = Comparison::from_number(condition.comparison);
    if comparison.is_none() {
        v.add(
            "comparison",
            "a comparison",
            condition.comparison.to_string(),
        );
    }
    let value = parse_value(v, condition.value.as_ref());
    let (name, comparison, value) = (name?, comparison?, value?);
    if comparison.needs_order() && !value.is_ordered() {
        v.add(
            "value",
            "a number or an instant, for a comparison of size",
            "another type",
        );
    }
    Some(Condition {
        name,
        comparison,
        value,
    })
}

fn is_attribute_name(name: &str) -> bool {
    name.len() <= ATTRIBUTE_NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn parse_value(v: &mut Violations, value: Option<&AttributeValue>) -> Option<Value> {
    let kind = value.and_then(|value| value.kind.as_ref());
    match fields::required(v, "value", kind)? {
        Kind::Text(text) if text.len() > TEXT_LENGTH_MAX => {
            let found = format!("{} bytes", text.len());
            v.add(
                "value.text",
                format!("at most {TEXT_LENGTH_MAX} bytes"),
                found,
            );
            None
        }
        Kind::Number(number) if !number.is_finite() => {
            v.add("value.number", "a finite number", number.to_string());
            None
        }
        Kind::Instant(instant) => v
            .take("value.instant", fields::parse_time(instant))
            .map(Value::Instant),
        kind => value_of(kind),
    }
}

/// Returns a value from the wire as it is compared; nothing for one that is none.
pub(crate) fn value_of(kind: &Kind) -> Option<Value> {
    Some(match kind {
        Kind::Text(text) => Value::Text(text.clone()),
        Kind::Integer(integer) => Value::Integer(*integer),
        Kind::Number(number) => Value::Number(*number),
        Kind::Flag(flag) => Value::Flag(*flag),
        Kind::Instant(instant) => Value::Instant(fields::parse_time(instant).ok()?),
    })
}

/// Returns a span from the wire if it lies between two limits, or notes why there is none.
pub(super) fn span(
    v: &mut Violations,
    field: &str,
    wire: &prost_types::Duration,
    (min, max): (Span, Span),
) -> Option<Span> {
    let micros = wire
        .seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(wire.nanos / 1_000)));
    let span = micros
        .map(Span::from_micros)
        .filter(|span| (min..=max).contains(span));
    if span.is_none() {
        let seconds = |span: Span| span.as_micros() / 1_000_000;
        let wanted = format!("{} to {} seconds", seconds(min), seconds(max));
        v.add(field, wanted, format!("{} seconds", wire.seconds));
    }
    span
}
