//! An audience as one column of JSON.

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;
use tenure_sql::SqlError;

use super::{count, number, signed, word};
use crate::domain::attribute::{Comparison, Condition, Value};
use crate::domain::audience::Audience;
use crate::domain::words::{RiskBand, Stage, ValueTier};

#[derive(Serialize, Deserialize)]
struct AudienceColumn {
    stages: Vec<i64>,
    risk_bands: Vec<i64>,
    value_tiers: Vec<i64>,
    min_churn_probability: Exact,
    conditions: Vec<ConditionColumn>,
    max_customers: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct ConditionColumn {
    name: String,
    comparison: i64,
    value: ValueColumn,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueColumn {
    Text(String),
    Integer(i64),
    Number(Exact),
    Flag(bool),
    /// Microseconds of UTC.
    Instant(i64),
}

/// A number as decimal text: readers of JSON may round a bare number in its last digit.
#[derive(Serialize, Deserialize)]
struct Exact(String);

impl Exact {
    fn of(number: f64) -> Self {
        Self(number.to_string())
    }

    fn get(&self) -> Result<f64, SqlError> {
        self.0
            .parse()
            .map_err(|_| SqlError::corrupt("column audience holds no number"))
    }
}

/// Returns the column's text.
pub(super) fn to_text(audience: &Audience) -> String {
    let numbers = |numbers: Vec<i32>| numbers.into_iter().map(i64::from).collect();
    super::json(&AudienceColumn {
        stages: numbers(audience.stages.iter().map(|word| word.number()).collect()),
        risk_bands: numbers(
            audience
                .risk_bands
                .iter()
                .map(|word| word.number())
                .collect(),
        ),
        value_tiers: numbers(
            audience
                .value_tiers
                .iter()
                .map(|word| word.number())
                .collect(),
        ),
        min_churn_probability: Exact::of(audience.min_churn_probability),
        conditions: audience
            .conditions
            .iter()
            .map(condition_to_column)
            .collect(),
        max_customers: audience.max_customers.map(signed),
    })
}

fn condition_to_column(condition: &Condition) -> ConditionColumn {
    let value = match &condition.value {
        Value::Text(text) => ValueColumn::Text(text.clone()),
        Value::Integer(integer) => ValueColumn::Integer(*integer),
        Value::Number(number) => ValueColumn::Number(Exact::of(*number)),
        Value::Flag(flag) => ValueColumn::Flag(*flag),
        Value::Instant(instant) => ValueColumn::Instant(instant.as_micros()),
    };
    let comparison = condition.comparison.number().into();
    ConditionColumn {
        name: condition.name.clone(),
        comparison,
        value,
    }
}

/// Reads the column's text.
pub(super) fn from_text(text: &str) -> Result<Audience, SqlError> {
    let column: AudienceColumn = serde_json::from_str(text)
        .map_err(|_| SqlError::corrupt("column audience holds no audience"))?;
    let words = |stored: &[i64]| stored.iter().copied().map(number).collect::<Vec<_>>();
    let stages = words(&column.stages).into_iter().map(Stage::from_number);
    let risk_bands = words(&column.risk_bands)
        .into_iter()
        .map(RiskBand::from_number);
    let value_tiers = words(&column.value_tiers)
        .into_iter()
        .map(ValueTier::from_number);
    Ok(Audience {
        stages: word(stages.collect(), "audience")?,
        risk_bands: word(risk_bands.collect(), "audience")?,
        value_tiers: word(value_tiers.collect(), "audience")?,
        min_churn_probability: column.min_churn_probability.get()?,
        conditions: column
            .conditions
            .into_iter()
            .map(condition_from_column)
            .collect::<Result<_, _>>()?,
        max_customers: column.max_customers.map(count).transpose()?,
    })
}

fn condition_from_column(column: ConditionColumn) -> Result<Condition, SqlError> {
    let value = match column.value {
        ValueColumn::Text(text) => Value::Text(text),
        ValueColumn::Integer(integer) => Value::Integer(integer),
        ValueColumn::Number(number) => Value::Number(number.get()?),
        ValueColumn::Flag(flag) => Value::Flag(flag),
        ValueColumn::Instant(micros) => Value::Instant(Timestamp::from_micros(micros)),
    };
    let comparison = Comparison::from_number(number(column.comparison));
    Ok(Condition {
        name: column.name,
        comparison: word(comparison, "audience")?,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_comes_back_as_it_was() {
        let values = [
            Value::Text("\"cash\", or é".into()),
            Value::Integer(i64::MIN),
            Value::Number(0.1 + 0.2),
            Value::Number(1e300),
            Value::Flag(true),
            Value::Instant(Timestamp::MAX),
        ];
        let condition = |value| Condition {
            name: "payment".into(),
            comparison: Comparison::GreaterOrEqual,
            value,
        };
        let audience = Audience {
            stages: vec![Stage::Growth, Stage::Churned],
            risk_bands: vec![RiskBand::Critical],
            value_tiers: vec![ValueTier::Negative, ValueTier::High],
            min_churn_probability: 0.123_456_789_012_345_67,
            conditions: values.into_iter().map(condition).collect(),
            max_customers: Some(1_000),
        };

        assert_eq!(from_text(&to_text(&audience)), Ok(audience));
        assert_eq!(
            from_text(&to_text(&Audience::default())),
            Ok(Audience::default())
        );
    }

    #[test]
    fn what_was_never_written_is_damage() {
        for text in ["", "{}", "null"] {
            assert!(from_text(text).is_err(), "{text}");
        }
        let unknown = to_text(&Audience::default()).replace("\"stages\":[]", "\"stages\":[9]");
        assert!(from_text(&unknown).is_err());
    }
}
