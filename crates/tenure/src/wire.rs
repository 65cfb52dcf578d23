//! Values of the domain as the wire says them.

use tenure_core::{Money, Timestamp};
use tenure_proto::r#type::v1 as types;

/// Returns an instant of the wire.
pub(crate) fn timestamp(instant: Timestamp) -> prost_types::Timestamp {
    let micros = instant.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).expect("below a second"),
    }
}

/// Returns an instant of the domain.
pub(crate) fn instant(timestamp: &prost_types::Timestamp) -> Timestamp {
    let micros = timestamp.seconds.saturating_mul(1_000_000) + i64::from(timestamp.nanos) / 1_000;
    Timestamp::from_micros(micros)
}

/// Returns money of the wire.
pub(crate) fn money(money: Money) -> types::Money {
    types::Money {
        currency_code: money.currency.to_string(),
        amount_minor: money.minor,
    }
}

/// How long calls may take that wait for work of the server.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(55);

/// Returns a request that may take longer than the server's default, because it waits or works.
pub(crate) fn patient<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
