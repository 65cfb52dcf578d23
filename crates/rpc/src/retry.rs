//! Retries of what was `UNAVAILABLE`: few, with jitter, and never past the deadline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_core::hash::mix64;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::call;

/// The most tries that make sense; what still fails then is not a hiccup.
pub const ATTEMPTS_MAX: u32 = 4;

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Calls `attempt` until it answers anything but `UNAVAILABLE`, at most `attempts` (and never more
/// than [`ATTEMPTS_MAX`]) times. Writes must carry the same request id in every try.
///
/// # Errors
/// The last error.
pub async fn retry_unavailable<T, F>(
    attempts: u32,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let attempts = attempts.clamp(1, ATTEMPTS_MAX);
    let mut tried = 1;
    loop {
        let status = match attempt().await {
            Err(status) if status.code() == Code::Unavailable && tried < attempts => status,
            answer => return answer,
        };
        let asked = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        let pause = backoff(tried, BACKOFF_FIRST, BACKOFF_MAX).max(asked.unwrap_or_default());
        if call::remaining().is_some_and(|remaining| remaining <= pause) {
            return Err(status);
        }
        tokio::time::sleep(pause).await;
        tried += 1;
    }
}

/// Returns how long to wait after try number `tried` (from 1): doubling from `first` up to `max`,
/// of which between half and all, at random, so that callers do not come back together.
pub(crate) fn backoff(tried: u32, first: Duration, max: Duration) -> Duration {
    let full = first
        .saturating_mul(1 << tried.saturating_sub(1).min(16))
        .min(max);
    full.mul_f64(0.5 + 0.5 * jitter())
}

/// Returns a number in `0..1` that differs between calls and processes.
#[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
fn jitter() -> f64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = call::process_seed() ^ COUNT.fetch_add(1, Ordering::Relaxed);
    (mix64(number) >> 11) as f64 / (1_u64 << 53) as f64
}
