//! Bad input of every kind: each mistake is told by the field it stands in, by what is wanted and by
//! what was found, never by the value, and nothing of its batch is kept.

mod calls;
mod facts;
mod files;
mod records;

use prost_types::Timestamp as Wire;
use tenure_proto::r#type::v1::Money;
use tonic::{Code, Status};

use crate::suite::*;

/// A mistake: how it is made, the field that the error names, and words of what is told of it.
type Mistake<T> = (fn(&mut T), &'static str, &'static str);

/// What no error may quote: it stands in names and numbers.
const SECRET: &str = "Lovelace";
/// A number that no phone has.
const NUMBER: &str = "+999123456789";

/// What is wanted of every key.
const KEY: &str = "1 to 64 printable ASCII characters without spaces";
/// One minor unit more than is allowed.
const MINOR_TOO_MUCH: i64 = 1_000_000_000_000_001;

/// An instant beyond all years.
fn far() -> Option<Wire> {
    Some(Wire {
        seconds: i64::MAX,
        nanos: 0,
    })
}

fn money(currency: &str, minor: i64) -> Option<Money> {
    Some(Money {
        currency_code: currency.into(),
        amount_minor: minor,
    })
}

/// Asserts that a call was refused for one field, with these words.
fn assert_told(refused: &Status, field: &str, told: &str) {
    use tonic_types::StatusExt as _;
    let about = format!("{field}: {refused:?}");
    assert_eq!(refused.code(), Code::InvalidArgument, "{about}");
    let bad = refused.get_details_bad_request().expect(&about);
    let [violation] = bad.field_violations.as_slice() else {
        panic!("one mistake, one violation: {about}");
    };
    assert_eq!(violation.field, field, "{about}");
    assert!(
        violation.description.contains(told),
        "wanted {told:?} in {about}"
    );
    assert!(violation.description.starts_with("wanted "), "{about}");
    assert!(violation.description.contains(", found "), "{about}");
    assert_quotes_nobody(refused);
}

fn assert_quotes_nobody(refused: &Status) {
    let whole = format!("{refused:?}");
    assert!(
        !whole.contains(SECRET) && !whole.contains(NUMBER),
        "{whole}"
    );
}

/// Makes each mistake in an item that is right otherwise, and asserts what is told of it.
async fn assert_each<T: Clone>(
    suite: &mut Suite,
    good: T,
    mistakes: &[Mistake<T>],
    call: impl AsyncFn(&mut Suite, T) -> Result<(), Status>,
) {
    let before = suite.changes().await;
    for (make, field, told) in mistakes {
        let mut bad = good.clone();
        make(&mut bad);
        match call(suite, bad).await {
            Ok(()) => panic!("taken in, though wrong in {field}: {told}"),
            Err(refused) => assert_told(&refused, field, told),
        }
    }
    assert_eq!(suite.changes().await, before, "nothing of them is kept");
    call(suite, good)
        .await
        .expect("without a mistake it is right");
}
