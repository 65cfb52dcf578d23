//! Load: so many calls in flight, each followed by the next; or so many calls a second.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::task::JoinSet;

use super::cpu::Used;

/// What one measurement found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    /// Calls a second.
    pub(super) rate: f64,
    /// Median latency in milliseconds.
    pub(super) p50_ms: f64,
    /// 99th percentile of the latency in milliseconds.
    pub(super) p99_ms: f64,
    /// The latency in milliseconds that one call of a thousand exceeds.
    pub(super) p999_ms: f64,
    /// Processor time of each process for each call, in microseconds.
    pub(super) cpu: Cpu,
}

impl Measured {
    /// Returns the same for each of the `size` things that every call did.
    #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
    pub(super) fn of_each(mut self, size: usize) -> Self {
        let size = size as f64;
        self.rate *= size;
        self.cpu.client /= size;
        self.cpu.server /= size;
        self.cpu.postgres /= size;
        self
    }
}

/// Processor microseconds for each call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    pub(super) client: f64,
    pub(super) server: f64,
    pub(super) postgres: f64,
}

/// Runs `call(lane, round)` with `in_flight` calls at once for `length`; `server` is the process
/// whose time is counted.
pub(super) async fn run<F, C>(
    in_flight: usize,
    length: Duration,
    server: u32,
    call: C,
) -> Result<Measured>
where
    C: Fn(usize, u64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let call = Arc::new(call);
    let (begin, used) = (Instant::now(), Used::now(server));
    let mut lanes = JoinSet::new();
    for lane in 0..in_flight {
        let call = Arc::clone(&call);
        lanes.spawn(async move {
            let mut latencies = Vec::new();
            let mut round = 0;
            while begin.elapsed() < length {
                let sent = Instant::now();
                call(lane, round).await?;
                latencies.push(sent.elapsed());
                round += 1;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        latencies.extend(lane.map_err(|error| anyhow!("a lane of the load failed: {error}"))??);
    }
    Ok(measured(
        latencies,
        begin.elapsed(),
        Used::now(server).since(used),
    ))
}

#[expect(clippy::cast_precision_loss, reason = "rates of at most some millions")]
fn measured(mut latencies: Vec<Duration>, elapsed: Duration, used: Used) -> Measured {
    latencies.sort_unstable();
    let calls = latencies.len().max(1) as f64;
    Measured {
        rate: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: quantile(&latencies, 500),
        p99_ms: quantile(&latencies, 990),
        p999_ms: quantile(&latencies, 999),
        cpu: Cpu {
            client: used.client as f64 / calls,
            server: used.server as f64 / calls,
            postgres: used.postgres as f64 / calls,
        },
    }
}

/// Makes `rate` calls a second for `length`, whether or not earlier ones are answered, as callers do
/// who know nothing of each other; latencies count from the instant at which a call was due.
#[expect(clippy::cast_precision_loss, reason = "rates of at most some millions")]
pub(super) async fn open<F, C>(
    rate: u32,
    length: Duration,
    server: u32,
    call: C,
) -> Result<Measured>
where
    C: Fn(usize, u64) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (begin, used) = (tokio::time::Instant::now(), Used::now(server));
    let total = u64::from(rate) * length.as_secs();
    let mut calls = JoinSet::new();
    for number in 0..total {
        let due = begin + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due).await;
        let call = call(usize::try_from(number).unwrap_or(0), number);
        calls.spawn(async move {
            call.await?;
            anyhow::Ok(due.elapsed())
        });
    }
    let mut latencies = Vec::new();
    while let Some(call) = calls.join_next().await {
        latencies.push(call.map_err(|error| anyhow!("a call of the load failed: {error}"))??);
    }
    Ok(measured(
        latencies,
        begin.elapsed(),
        Used::now(server).since(used),
    ))
}

/// Returns the latency in milliseconds, of sorted ones, below which so many of a thousand lie.
fn quantile(sorted: &[Duration], of_thousand: usize) -> f64 {
    let place = (sorted.len() * of_thousand / 1_000).min(sorted.len().saturating_sub(1));
    sorted
        .get(place)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_places_in_the_sorted_list() {
        let sorted: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert!((quantile(&sorted, 500) - 51.0).abs() < 1e-9);
        assert!((quantile(&sorted, 990) - 100.0).abs() < 1e-9);
        assert!(quantile(&[], 990).abs() < 1e-9);
    }
}
