//! What was promised to a customer, and what became of it.

use tenure_core::{ComplaintId, CustomerId, PromiseId, Timestamp};

use super::refusal::{Reason, Refusal};
use super::staff::StaffMember;
use super::words::{Channel, numbered};

numbered! {
    /// What became of a promise.
    PromiseState {
        /// There is still time.
        Open = 1,
        /// Kept in time.
        Kept = 2,
        /// Kept, but late.
        KeptLate = 3,
        /// It will not be kept.
        Broken = 4,
        /// Its time passed, and nobody said that it was kept.
        Overdue = 5,
        /// The customer let the operator off in time.
        Withdrawn = 6,
    }
}

impl PromiseState {
    /// Whether it can still be kept.
    #[must_use]
    pub fn is_unsettled(self) -> bool {
        matches!(self, Self::Open | Self::Overdue)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Kept => "KEPT",
            Self::KeptLate => "KEPT_LATE",
            Self::Broken => "BROKEN",
            Self::Overdue => "OVERDUE",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

/// A promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The operator's own key.
    pub id: PromiseId,
    /// To whom.
    pub customer: CustomerId,
    /// The ticket it belongs to.
    pub complaint: Option<ComplaintId>,
    /// Who promised.
    pub promised_by: StaffMember,
    /// What, in the operator's code.
    pub subject: String,
    /// What, in words. Personal data.
    pub text: String,
    /// Where.
    pub channel: Channel,
    /// When.
    pub promised_at: Timestamp,
    /// Until when it is to be kept.
    pub due_at: Timestamp,
    /// What became of it.
    pub state: PromiseState,
    /// When it was kept, broken or withdrawn.
    pub settled_at: Option<Timestamp>,
    /// When it was noted that it is overdue.
    pub overdue_at: Option<Timestamp>,
    /// Why it was broken or withdrawn, in the operator's code.
    pub reason: String,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}

impl Promise {
    /// Returns since when it is as it is.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        match self.state {
            PromiseState::Open => self.promised_at,
            PromiseState::Overdue => self.due_at,
            _ => self.settled_at.unwrap_or(self.updated_at),
        }
    }

    /// Notes that its time has passed by now, and says whether that is news.
    pub fn note_overdue(&mut self, now: Timestamp) -> bool {
        let is_news = self.state == PromiseState::Open && self.due_at < now;
        if is_news {
            self.state = PromiseState::Overdue;
            self.overdue_at = Some(now);
            self.updated_at = now;
        }
        is_news
    }

    /// Notes that it was kept at an instant, in time or late.
    ///
    /// # Errors
    /// When it is settled otherwise, or was kept before it was made.
    pub fn keep(&mut self, at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        if at < self.promised_at {
            let wanted = "not before the promise was made";
            let found = "an earlier instant";
            return Err(Refusal::new(
                Reason::InvalidFields,
                "keep_time",
                wanted,
                found,
            ));
        }
        self.require(self.state.is_unsettled())?;
        let state = if at <= self.due_at {
            PromiseState::Kept
        } else {
            PromiseState::KeptLate
        };
        self.settle(state, at, now);
        Ok(())
    }

    /// Notes that it will not be kept.
    ///
    /// # Errors
    /// When it is settled.
    pub fn break_off(&mut self, reason: String, now: Timestamp) -> Result<(), Refusal> {
        self.require(self.state.is_unsettled())?;
        self.reason = reason;
        self.settle(PromiseState::Broken, now, now);
        Ok(())
    }

    /// Notes that the customer let the operator off. What is overdue was not kept, whatever is said
    /// later.
    ///
    /// # Errors
    /// When it is settled or overdue.
    pub fn withdraw(&mut self, reason: String, now: Timestamp) -> Result<(), Refusal> {
        self.require(self.state == PromiseState::Open)?;
        self.reason = reason;
        self.settle(PromiseState::Withdrawn, now, now);
        Ok(())
    }

    fn settle(&mut self, state: PromiseState, at: Timestamp, now: Timestamp) {
        self.state = state;
        self.settled_at = Some(at);
        self.updated_at = now.max(self.updated_at);
    }

    fn require(&self, may: bool) -> Result<(), Refusal> {
        if may {
            return Ok(());
        }
        let (state, wanted) = (self.state.as_str(), "a promise that this can happen to");
        let found = format!("one that is {state}");
        let refusal = Refusal::new(Reason::PromiseSettled, "promise_id", wanted, found);
        Err(refusal
            .with("promise_id", self.id.as_str())
            .with("state", state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{DepartmentCode, PersonCode, Span};

    fn day(day: i64) -> Timestamp {
        Timestamp::from_micros(0) + Span::from_days(day)
    }

    /// Made on day 1, due on day 5.
    fn made() -> Promise {
        Promise {
            id: PromiseId::parse("P1").unwrap(),
            customer: CustomerId::parse("C1").unwrap(),
            complaint: None,
            promised_by: StaffMember {
                department: DepartmentCode::parse("desk").unwrap(),
                person: PersonCode::parse("p1").unwrap(),
            },
            subject: "CALL_BACK".into(),
            text: String::new(),
            channel: Channel::Store,
            promised_at: day(1),
            due_at: day(5),
            state: PromiseState::Open,
            settled_at: None,
            overdue_at: None,
            reason: String::new(),
            updated_at: day(1),
        }
    }

    #[test]
    fn a_promise_is_late_after_the_instant_it_was_due() {
        let mut promise = made();
        assert!(!promise.note_overdue(day(5)));
        assert!(promise.note_overdue(day(5) + Span::from_micros(1)));
        assert!(!promise.note_overdue(day(6)), "once");
        assert_eq!(promise.state, PromiseState::Overdue);
    }

    #[test]
    fn what_was_kept_in_time_is_so_even_if_it_is_told_late() {
        for (kept, told, state) in [
            (5, 5, PromiseState::Kept),
            (5, 9, PromiseState::Kept),
            (6, 9, PromiseState::KeptLate),
        ] {
            let mut promise = made();
            promise.note_overdue(day(told));
            promise.keep(day(kept), day(told)).unwrap();
            assert_eq!(
                (promise.state, promise.settled_at),
                (state, Some(day(kept)))
            );
        }
        let early = made().keep(day(0), day(9)).unwrap_err();
        assert_eq!(early.field, "keep_time");
    }

    /// A way to settle a promise on day 2.
    type Settle = fn(&mut Promise) -> Result<(), Refusal>;

    #[test]
    fn each_state_lets_follow_what_it_says_and_nothing_else() {
        use PromiseState::*;
        let ways: [(Settle, &[PromiseState]); 3] = [
            (|promise| promise.keep(day(2), day(2)), &[Open, Overdue]),
            (
                |promise| promise.break_off(String::new(), day(2)),
                &[Open, Overdue],
            ),
            (|promise| promise.withdraw(String::new(), day(2)), &[Open]),
        ];
        for state in PromiseState::ALL.iter().copied() {
            for (way, (settle, from)) in ways.iter().enumerate() {
                let mut promise = Promise { state, ..made() };
                let settled = settle(&mut promise).map_err(|refusal| refusal.reason);
                let expected = match from.contains(&state) {
                    true => Ok(()),
                    false => Err(Reason::PromiseSettled),
                };
                assert_eq!(settled, expected, "{state:?}, way {way}");
            }
        }
    }
}
