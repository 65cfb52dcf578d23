//! Fields at the edge: from the wire into words of the domain, every mistake noted, and back.

use prost_types::Timestamp as Wire;
use tenure_core::violation::Mismatch;
use tenure_core::{
    Currency, Money, PageError, PageSize, PageToken, RequestId, Timestamp, Violations,
};

/// Returns the instant of a required field, or notes why there is none.
pub fn required_time(
    violations: &mut Violations,
    field: &str,
    time: Option<&Wire>,
) -> Option<Timestamp> {
    match time {
        Some(time) => violations.take(field, parse_time(time)),
        None => {
            violations.add(field, "an instant", "nothing");
            None
        }
    }
}

/// Returns the instant of a field that may be absent, or notes what is wrong with it.
pub fn optional_time(
    violations: &mut Violations,
    field: &str,
    time: Option<&Wire>,
) -> Option<Timestamp> {
    time.and_then(|time| violations.take(field, parse_time(time)))
}

/// Returns an instant from the wire. What is finer than a microsecond is cut off.
///
/// # Errors
/// When the instant lies outside the years 1 to 9998, or its nanoseconds outside a second.
pub fn parse_time(time: &Wire) -> Result<Timestamp, Mismatch> {
    let wanted = "an instant between the years 1 and 9998";
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Mismatch::new(
            "0 to 999999999 nanoseconds",
            time.nanos.to_string(),
        ));
    }
    let micros = time.seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(time.nanos / 1_000)));
    match micros {
        Some(micros)
            if (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()).contains(&micros) =>
        {
            Ok(Timestamp::from_micros(micros))
        }
        _ => Err(Mismatch::new(
            wanted,
            format!("{} seconds after 1970", time.seconds),
        )),
    }
}

/// Returns an instant for the wire.
#[must_use]
pub fn time(instant: Timestamp) -> Wire {
    let micros = instant.as_micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("below a second");
    Wire {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

/// Returns an amount of money from the two fields of `tenure.type.v1.Money`.
///
/// # Errors
/// When the currency code is not three capital letters.
pub fn parse_money(currency_code: &str, amount_minor: i64) -> Result<Money, Mismatch> {
    Ok(Money {
        currency: Currency::parse(currency_code)?,
        minor: amount_minor,
    })
}

/// Returns the request id of a write, or notes why there is none.
pub fn request_id(violations: &mut Violations, request_id: &str) -> Option<RequestId> {
    violations.take("request_id", RequestId::parse(request_id))
}

/// Returns the size of a page, or notes why there is none.
pub fn page_size(violations: &mut Violations, page_size: i32) -> Option<PageSize> {
    violations.take("page_size", PageSize::parse(page_size))
}

/// Returns where a page starts; nothing for the first page. `arguments` are all other arguments of
/// the list except the page size, in any fixed form.
///
/// # Errors
/// When the token is not one of ours, or was given for other arguments.
pub fn page_token(token: &str, arguments: &[u8]) -> Result<Option<PageToken>, PageError> {
    PageToken::open(token, arguments)
}

/// Returns `text` if it has 1 to `length_max` bytes and no control characters, or notes why not.
pub fn text<'a>(
    violations: &mut Violations,
    field: &str,
    text: &'a str,
    length_max: usize,
) -> Option<&'a str> {
    let wanted = || format!("1 to {length_max} bytes of text without control characters");
    if text.is_empty() {
        violations.add(field, wanted(), "nothing");
    } else if text.len() > length_max {
        violations.add(field, wanted(), format!("{} bytes", text.len()));
    } else if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
        violations.add(
            field,
            wanted(),
            format!("the character U+{:04X} at byte {at}", u32::from(c)),
        );
    } else {
        return Some(text);
    }
    None
}

/// Returns the value of a required message field, or notes that it is absent.
pub fn required<T>(violations: &mut Violations, field: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        violations.add(field, "a value", "nothing");
    }
    value
}

/// Notes it when a repeated field holds more than `max` items; returns true when it does not.
pub fn at_most<T>(violations: &mut Violations, field: &str, items: &[T], max: usize) -> bool {
    if items.len() > max {
        violations.add(
            field,
            format!("at most {max} items"),
            format!("{} items", items.len()),
        );
    }
    items.len() <= max
}
