//! Texts of cells as the types that fields have.

use jiff::civil::{Date, DateTime};
use tenure_core::violation::Mismatch;
use tenure_core::{Currency, Span, Timestamp};
use tenure_proto::r#type::v1::Money;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_rpc::fields::time;

use super::cell::{Cell, Header, RowView, short};
use super::mapping::{Mapping, Type, Unit, ValueMap};
use super::money;

/// What holds for the whole file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) snapshot: Option<Timestamp>,
    pub(super) currency: Option<Currency>,
    pub(super) decimal_mark: char,
}

impl Context {
    pub(super) fn compile(mapping: &Mapping, header: &mut Header<'_>) -> Self {
        let snapshot = mapping.snapshot.as_ref().and_then(|text| {
            let parsed = Timestamp::parse(text);
            parsed
                .map_err(|error| header.problems.push(format!("`snapshot`: {error}")))
                .ok()
        });
        let currency = mapping.currency.as_ref().and_then(|text| {
            let parsed = Currency::parse(text);
            parsed
                .map_err(|error| header.problems.push(format!("`currency`: {error}")))
                .ok()
        });
        Self {
            snapshot,
            currency,
            decimal_mark: mapping.decimal_mark,
        }
    }
}

/// How an instant is written.
#[derive(Debug, Clone)]
enum Form {
    /// RFC 3339, or a day.
    Standard,
    /// As `strptime` has it, in UTC.
    Format(String),
    /// A number of units from the snapshot.
    Relative {
        unit: Unit,
        sign: i32,
        snapshot: Timestamp,
    },
}

/// A source of values with what is needed to read them.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) cell: Cell,
    form: Form,
    currency: Option<Currency>,
    decimal_mark: char,
}

impl Value {
    pub(super) fn compile(
        field: &str,
        map: &ValueMap,
        context: Context,
        header: &mut Header<'_>,
    ) -> Option<Self> {
        let cell = Cell::compile(field, map, header);
        let form = Form::compile(field, map, context, header);
        let currency = match &map.currency {
            None => context.currency,
            Some(code) => match Currency::parse(code) {
                Ok(currency) => Some(currency),
                Err(error) => {
                    header.problems.push(format!("`{field}.currency`: {error}"));
                    None
                }
            },
        };
        Some(Self {
            cell: cell?,
            form: form?,
            currency,
            decimal_mark: context.decimal_mark,
        })
    }

    pub(super) fn instant(&self, text: &str) -> Result<Timestamp, Mismatch> {
        match &self.form {
            Form::Standard => Timestamp::parse(text)
                .map_err(|mismatch| Mismatch::new(mismatch.wanted, short(text))),
            Form::Format(format) => formatted(format, text),
            Form::Relative {
                unit,
                sign,
                snapshot,
            } => relative(text, *unit, *sign, *snapshot),
        }
    }

    pub(super) fn integer(text: &str) -> Result<i64, Mismatch> {
        text.parse()
            .map_err(|_| Mismatch::new("a whole number", short(text)))
    }

    pub(super) fn number(&self, text: &str) -> Result<f64, Mismatch> {
        let parsed: Option<f64> = match self.decimal_mark {
            '.' => text.parse().ok(),
            mark => text.replace('.', "?").replace(mark, ".").parse().ok(),
        };
        let mismatch = || Mismatch::new("a number", short(text));
        parsed
            .filter(|number| number.is_finite())
            .ok_or_else(mismatch)
    }

    pub(super) fn flag(text: &str) -> Result<bool, Mismatch> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "t" | "1" => Ok(true),
            "false" | "no" | "n" | "f" | "0" => Ok(false),
            _ => Err(Mismatch::new(
                "yes or no, true or false, 1 or 0",
                short(text),
            )),
        }
    }

    pub(super) fn has_no_currency(&self) -> bool {
        self.currency.is_none()
    }

    pub(super) fn money(&self, text: &str) -> Result<Money, Mismatch> {
        let Some(currency) = self.currency else {
            return Err(Mismatch::new("a currency in the mapping", "none"));
        };
        let amount_minor = money::minor(text, self.decimal_mark, currency)?;
        Ok(Money {
            currency_code: currency.to_string(),
            amount_minor,
        })
    }

    /// Reads a value of an attribute.
    pub(super) fn typed(&self, text: &str, r#type: Type) -> Result<Kind, Mismatch> {
        Ok(match r#type {
            Type::Text => Kind::Text(text.to_owned()),
            Type::Integer => Kind::Integer(Self::integer(text)?),
            Type::Number => Kind::Number(self.number(text)?),
            Type::Flag => Kind::Flag(Self::flag(text)?),
            Type::Instant => Kind::Instant(time(self.instant(text)?)),
        })
    }

    /// Returns the text for a row, or what is wrong with it.
    pub(super) fn text(&self, row: RowView<'_>) -> Result<Option<String>, Mismatch> {
        self.cell.text(row)
    }
}

impl Form {
    fn compile(
        field: &str,
        map: &ValueMap,
        context: Context,
        header: &mut Header<'_>,
    ) -> Option<Self> {
        let relative = match (map.before_snapshot, map.after_snapshot) {
            (Some(unit), None) => Some((unit, -1)),
            (None, Some(unit)) => Some((unit, 1)),
            (None, None) => None,
            (Some(_), Some(_)) => {
                header
                    .problems
                    .push(format!("`{field}` is both before and after the snapshot"));
                return None;
            }
        };
        match (relative, context.snapshot, &map.format) {
            (None, _, None) => Some(Self::Standard),
            (None, _, Some(format)) if !tells_a_day(format) => {
                let problem = format!("the format of `{field}`, {format}, does not tell a day");
                header.problems.push(problem);
                None
            }
            (None, _, Some(format)) => Some(Self::Format(format.clone())),
            (Some(_), _, Some(_)) => {
                header
                    .problems
                    .push(format!("`{field}` has a format and a snapshot"));
                None
            }
            (Some((unit, sign)), Some(snapshot), None) => Some(Self::Relative {
                unit,
                sign,
                snapshot,
            }),
            (Some(_), None, None) => {
                header
                    .problems
                    .push(format!("`{field}` needs a `snapshot` in the mapping"));
                None
            }
        }
    }
}

/// Returns true when what a format writes of an instant tells at least its day.
fn tells_a_day(format: &str) -> bool {
    // Day, month and year cannot be taken for each other.
    let example = DateTime::constant(2024, 10, 31, 13, 14, 15, 0);
    let written = jiff::fmt::strtime::format(format, example);
    let read = written.ok().and_then(|text| formatted(format, &text).ok());
    let midnight = Timestamp::from_date(2024, 10, 31).expect("a day");
    read.is_some_and(|read| (midnight..midnight + Span::from_days(1)).contains(&read))
}

pub(super) fn formatted(format: &str, text: &str) -> Result<Timestamp, Mismatch> {
    let midnight = || Date::strptime(format, text).map(|day| day.at(0, 0, 0, 0));
    let civil = DateTime::strptime(format, text).or_else(|_| midnight());
    let instant = civil.and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil));
    match instant {
        Ok(instant) => Ok(Timestamp::from_micros(instant.as_microsecond())),
        Err(_) => Err(Mismatch::new(
            format!("a day that exists, as {format}"),
            short(text),
        )),
    }
}

/// More months than history has.
const UNITS_MAX: i32 = 36_525;

pub(super) fn relative(
    text: &str,
    unit: Unit,
    sign: i32,
    from: Timestamp,
) -> Result<Timestamp, Mismatch> {
    let count = text
        .parse::<i32>()
        .ok()
        .filter(|count| (0..=UNITS_MAX).contains(count));
    let Some(count) = count else {
        return Err(Mismatch::new(
            format!("a whole number from 0 to {UNITS_MAX}"),
            short(text),
        ));
    };
    Ok(match unit {
        Unit::Months => from.plus_months(sign * count),
        Unit::Days => from + Span::from_days(i64::from(sign * count)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn months_before_the_snapshot_end_on_days_that_exist() {
        let months = |text| relative(text, Unit::Months, -1, day("2024-03-31"));

        assert_eq!(months("0"), Ok(day("2024-03-31")));
        assert_eq!(months("1"), Ok(day("2024-02-29")));
        assert_eq!(months("13"), Ok(day("2023-02-28")));
        assert!(months("-1").is_err() && months("1.5").is_err() && months("x").is_err());
        assert_eq!(
            relative("1", Unit::Days, 1, day("2024-02-29")),
            Ok(day("2024-03-01"))
        );
    }

    #[test]
    fn days_are_read_by_their_format_and_have_to_exist() {
        assert_eq!(formatted("%d.%m.%Y", "29.02.2024"), Ok(day("2024-02-29")));
        assert!(formatted("%d.%m.%Y", "29.02.2023").is_err());
        assert!(formatted("%d.%m.%Y", "2023-02-01").is_err());
        let noon = day("2024-02-29T12:30:00Z");
        assert_eq!(formatted("%Y-%m-%d %H:%M", "2024-02-29 12:30"), Ok(noon));
    }
}
