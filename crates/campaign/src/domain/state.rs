//! The life of a campaign: which step may follow which.

use super::words::words;

words! {
    /// Where a campaign is in its life.
    State {
        /// Being written.
        Draft = 1,
        /// Approved by somebody other than the author.
        Approved = 2,
        /// Launched; its audience is being enrolled.
        Enrolling = 3,
        /// Launched; all of its audience is enrolled.
        Running = 4,
        /// No contacts are given out.
        Paused = 5,
        /// Over.
        Ended = 6,
    }
}

impl State {
    /// Returns the name that callers know.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Approved => "APPROVED",
            Self::Enrolling => "ENROLLING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Ended => "ENDED",
        }
    }
}

/// A step in the life of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody other than the author says yes.
    Approve,
    /// The audience is read.
    Launch,
    /// The last of the audience was enrolled.
    Complete,
    /// Contacts are held back.
    Pause,
    /// Contacts are given out again.
    Resume,
    /// It is over.
    End,
}

/// Returns the state after `step`, or nothing when `state` forbids it. `is_enrolled` says whether
/// all of the audience is enrolled: enrolment rests during a pause and goes on after it.
pub(crate) fn after(state: State, step: Step, is_enrolled: bool) -> Option<State> {
    match (state, step) {
        (State::Draft, Step::Approve) => Some(State::Approved),
        (State::Approved, Step::Launch) => Some(State::Enrolling),
        (State::Enrolling, Step::Complete) => Some(State::Running),
        (State::Enrolling | State::Running, Step::Pause) => Some(State::Paused),
        (State::Paused, Step::Resume) => Some(if is_enrolled {
            State::Running
        } else {
            State::Enrolling
        }),
        (State::Enrolling | State::Running | State::Paused, Step::End) => Some(State::Ended),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 6] = [
        State::Draft,
        State::Approved,
        State::Enrolling,
        State::Running,
        State::Paused,
        State::Ended,
    ];
    const STEPS: [Step; 6] = [
        Step::Approve,
        Step::Launch,
        Step::Complete,
        Step::Pause,
        Step::Resume,
        Step::End,
    ];

    #[test]
    fn a_campaign_goes_its_way_and_no_other() {
        let mut allowed = Vec::new();
        for state in STATES {
            for step in STEPS {
                if let Some(next) = after(state, step, true) {
                    allowed.push((state, step, next));
                }
            }
        }
        use State::{Approved, Draft, Ended, Enrolling, Paused, Running};
        let expected = [
            (Draft, Step::Approve, Approved),
            (Approved, Step::Launch, Enrolling),
            (Enrolling, Step::Complete, Running),
            (Enrolling, Step::Pause, Paused),
            (Enrolling, Step::End, Ended),
            (Running, Step::Pause, Paused),
            (Running, Step::End, Ended),
            (Paused, Step::Resume, Running),
            (Paused, Step::End, Ended),
        ];
        assert_eq!(allowed, expected);
    }

    #[test]
    fn enrolment_goes_on_after_a_pause() {
        assert_eq!(
            after(State::Paused, Step::Resume, false),
            Some(State::Enrolling)
        );
    }

    #[test]
    fn numbers_lead_back_to_their_states() {
        for state in STATES {
            assert_eq!(State::from_number(state.number()), Some(state));
        }
        assert_eq!(State::from_number(0), None);
    }
}
