//! Another service that is asked for a part of an answer: within a time, by so many at once, and not
//! at all for a moment when it fails.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tenure_rpc::{Transport, status};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

use crate::config::BriefingConfig;
use crate::domain::breaker::Breaker;

/// A call must end this much before the one that it is made for, so that its answer still counts.
const MARGIN: Duration = Duration::from_millis(5);

/// Why a part of an answer is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nobody said where the service is.
    NotConfigured,
    /// It is down, or not asked for the moment.
    Unavailable,
    /// It took too long.
    TimedOut,
    /// It does not know whom it was asked about.
    NotKnown,
    /// Too many ask it already.
    Busy,
    /// It refused.
    Refused,
    /// What it said cannot be used.
    InvalidAnswer,
}

impl Missing {
    /// Returns the name for metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::NotKnown => "not_known",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::InvalidAnswer => "invalid_answer",
        }
    }

    /// Whether it speaks against the service, rather than about what was asked.
    fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::TimedOut | Self::InvalidAnswer
        )
    }
}

impl From<Status> for Missing {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unavailable | Code::Cancelled => Self::Unavailable,
            Code::DeadlineExceeded => Self::TimedOut,
            Code::NotFound => Self::NotKnown,
            Code::ResourceExhausted => Self::Busy,
            // A service that fails says so with a reason; without one it was the client that lost the
            // connection, or could not read the answer.
            Code::Unknown if status::reason(&status).is_none() => Self::Unavailable,
            Code::Internal | Code::DataLoss if status::reason(&status).is_none() => {
                Self::InvalidAnswer
            }
            _ => Self::Refused,
        }
    }
}

/// A service that is asked.
#[derive(Debug)]
pub(crate) struct Peer {
    transport: Option<Transport>,
    name: &'static str,
    calls: Semaphore,
    breaker: Mutex<Breaker>,
    /// Instants of the breaker count from here.
    began: Instant,
    budget: Duration,
}

impl Peer {
    /// Creates a peer; without a transport it is one that nobody configured.
    pub(crate) fn new(
        name: &'static str,
        transport: Option<Transport>,
        config: &BriefingConfig,
    ) -> Self {
        let pause = Duration::from_millis(config.pause_ms);
        Self {
            transport,
            name,
            calls: Semaphore::new(config.in_flight_max),
            breaker: Mutex::new(Breaker::new(config.failures_max, pause)),
            began: Instant::now(),
            budget: Duration::from_millis(config.budget_ms),
        }
    }

    /// Returns until when an answer that is asked for now counts.
    pub(crate) fn deadline(&self) -> Instant {
        let budget = match tenure_rpc::call::remaining() {
            Some(left) => self.budget.min(left.saturating_sub(MARGIN)),
            None => self.budget,
        };
        Instant::now() + budget
    }

    /// Has `call` ask the service, and returns what it made of the answer by then, or why there is
    /// nothing.
    pub(crate) async fn ask<T>(
        &self,
        deadline: Instant,
        call: impl AsyncFnOnce(Transport) -> Result<T, Missing>,
    ) -> Result<T, Missing> {
        let transport = self.transport.clone().ok_or(Missing::NotConfigured)?;
        let _permit = self.calls.try_acquire().map_err(|_| Missing::Busy)?;
        if !self.breaker(|breaker| breaker.admits(self.began.elapsed())) {
            return Err(Missing::Unavailable);
        }
        let answer = match timeout_at(deadline, call(transport)).await {
            Ok(answer) => answer,
            Err(_) => Err(Missing::TimedOut),
        };
        self.note(answer.as_ref().err().copied());
        answer
    }

    fn note(&self, missing: Option<Missing>) {
        let Some(why) = missing.filter(|why| why.is_failure()) else {
            self.breaker(Breaker::succeed);
            return;
        };
        if self.breaker(|breaker| breaker.fail(self.began.elapsed())) {
            let (name, why) = (self.name, why.as_str());
            tracing::warn!(
                service = name,
                reason = why,
                "briefings do without {name} for a moment: {why}"
            );
        }
    }

    fn breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        // A breaker is right after every step, so one that a panic left behind is as good.
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut breaker)
    }
}

#[cfg(test)]
mod tests {
    use tenure_rpc::Later;

    use super::*;

    fn config() -> BriefingConfig {
        BriefingConfig {
            budget_ms: 10,
            in_flight_max: 2,
            failures_max: 2,
            pause_ms: 1_000,
            ..BriefingConfig::default()
        }
    }

    fn peer() -> Peer {
        Peer::new("peer", Some(Later::default().transport()), &config())
    }

    async fn never(_: Transport) -> Result<(), Missing> {
        std::future::pending().await
    }

    async fn at_once(_: Transport) -> Result<(), Missing> {
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_comes_is_waited_for_as_long_as_the_budget_says() {
        let (peer, begin) = (peer(), Instant::now());

        let missing = peer.ask(peer.deadline(), never).await;

        assert_eq!(missing, Err(Missing::TimedOut));
        // The timer counts whole milliseconds.
        assert!(begin.elapsed() <= Duration::from_millis(11));
    }

    #[tokio::test(start_paused = true)]
    async fn after_failures_in_a_row_nobody_waits_until_one_tries_again() {
        let peer = peer();
        for _ in 0..2 {
            assert_eq!(
                peer.ask(peer.deadline(), never).await,
                Err(Missing::TimedOut)
            );
        }

        let begin = Instant::now();
        let spared = peer.ask(peer.deadline(), at_once).await;
        assert_eq!(spared, Err(Missing::Unavailable));
        assert_eq!(begin.elapsed(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(1)).await;

        assert_eq!(peer.ask(peer.deadline(), at_once).await, Ok(()));
        assert_eq!(peer.ask(peer.deadline(), at_once).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_at_once_than_are_allowed() {
        let peer = peer();

        let (a, b, c) = tokio::join!(
            peer.ask(peer.deadline(), never),
            peer.ask(peer.deadline(), never),
            peer.ask(peer.deadline(), at_once),
        );

        assert_eq!((a, b), (Err(Missing::TimedOut), Err(Missing::TimedOut)));
        assert_eq!(c, Err(Missing::Busy));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_known_there_is_an_answer() {
        let peer = peer();
        for _ in 0..5 {
            let unknown = peer.ask(peer.deadline(), async |_| Err::<(), _>(Missing::NotKnown));
            assert_eq!(unknown.await, Err(Missing::NotKnown));
        }

        assert_eq!(peer.ask(peer.deadline(), at_once).await, Ok(()));
    }

    #[tokio::test]
    async fn a_service_that_nobody_configured_is_not_asked() {
        let peer = Peer::new("peer", None, &config());

        let missing = peer.ask(peer.deadline(), at_once).await;

        assert_eq!(missing, Err(Missing::NotConfigured));
    }
}
