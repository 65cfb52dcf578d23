//! When to stop asking somebody who does not answer, and when to try again. Pure: instants are spans
//! since any fixed one.

use std::time::Duration;

/// Counts failures in a row. Shut, it admits everybody; open, one caller after each pause, to try.
///
/// A small one of our own: the ones that exist read the clock of the system, so that tests would have
/// to wait.
#[derive(Debug)]
pub struct Breaker {
    failures_max: u32,
    pause: Duration,
    failures: u32,
    open_until: Option<Duration>,
}

impl Breaker {
    /// Creates a breaker that opens after so many failures in a row, for `pause`.
    #[must_use]
    pub fn new(failures_max: u32, pause: Duration) -> Self {
        Self {
            failures_max,
            pause,
            failures: 0,
            open_until: None,
        }
    }

    /// Returns whether a caller may ask now. When a pause is over, one may; the next only after a
    /// further pause, whatever became of the first.
    pub fn admits(&mut self, now: Duration) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.open_until = Some(now + self.pause);
                true
            }
        }
    }

    /// Notes that a call was answered.
    pub fn succeed(&mut self) {
        self.failures = 0;
        self.open_until = None;
    }

    /// Notes that a call failed; returns true when this opened the breaker.
    pub fn fail(&mut self, now: Duration) -> bool {
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= self.failures_max;
        let was_shut = self.open_until.is_none();
        if opens {
            self.open_until = Some(now + self.pause);
        }
        opens && was_shut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_open_it_and_answers_between_do_not() {
        let mut breaker = Breaker::new(2, at(10));

        assert!(!breaker.fail(at(0)));
        breaker.succeed();
        assert!(!breaker.fail(at(1)));
        assert!(breaker.admits(at(1)));
        assert!(breaker.fail(at(1)));

        assert!(!breaker.admits(at(10)));
    }

    #[test]
    fn after_a_pause_one_may_try_and_its_answer_shuts_it() {
        let mut breaker = Breaker::new(1, at(10));
        assert!(breaker.fail(at(0)));

        assert!(breaker.admits(at(10)));
        assert!(!breaker.admits(at(10)), "one is enough to try");
        assert!(!breaker.fail(at(11)), "it was open already");
        assert!(!breaker.admits(at(20)));
        assert!(breaker.admits(at(21)));
        breaker.succeed();

        assert!(breaker.admits(at(21)) && breaker.admits(at(21)));
    }

    #[test]
    fn a_try_of_which_nothing_is_heard_does_not_keep_it_open_for_ever() {
        let mut breaker = Breaker::new(1, at(10));
        breaker.fail(at(0));

        assert!(breaker.admits(at(10)));

        assert!(breaker.admits(at(20)));
    }
}
