//! The closed sets of words of complaints, with the numbers they have on the wire and in the database.

use crate::domain::words::numbered;

numbered! {
    /// What a ticket is.
    Kind {
        /// Something does not work.
        Incident = 1,
        /// The customer is dissatisfied.
        Complaint = 2,
        /// The customer wants something.
        Request = 3,
    }
}
numbered! {
    /// How bad it is.
    Severity {
        /// An annoyance.
        Minor = 1,
        /// A service is worse than it was sold.
        Major = 2,
        /// A service cannot be used, or money or safety is at stake.
        Critical = 3,
    }
}
numbered! {
    /// Where a ticket stands, by the words of TMF621.
    State {
        /// Taken in.
        Acknowledged = 1,
        /// It is none of ours.
        Rejected = 2,
        /// Waits for something from outside.
        Pending = 3,
        /// Is interrupted by the operator.
        Held = 4,
        /// Is worked on.
        InProgress = 5,
        /// Nobody wants it any more.
        Cancelled = 6,
        /// Solved, as the operator sees it.
        Resolved = 7,
        /// Solved, as the customer sees it too.
        Closed = 8,
    }
}
numbered! {
    /// Which clock of a ticket ran out.
    BreachKind {
        /// What an owner had promised for a step.
        Step = 1,
        /// The expected resolution of the whole.
        Resolution = 2,
    }
}
numbered! {
    /// What happened to a ticket.
    Event {
        /// It was taken in.
        Created = 1,
        /// Its state changed.
        StateChanged = 2,
        /// It was reopened after it was resolved.
        Reopened = 3,
        /// It was handed over.
        HandedOver = 4,
        /// The customer was told something.
        CustomerNotified = 5,
        /// A resolution was proposed.
        ResolutionProposed = 6,
        /// The customer answered to a proposed resolution.
        ResolutionAnswered = 7,
        /// A promised time passed unkept.
        Breached = 8,
    }
}
numbered! {
    /// Whether the customer agreed to a proposed resolution.
    ResolutionState {
        /// Not answered yet.
        Proposed = 1,
        /// The customer agreed.
        Accepted = 2,
        /// The customer did not agree.
        Refused = 3,
    }
}

impl State {
    /// Whether a ticket may go from this state to another.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        match self {
            Self::Acknowledged => matches!(to, Self::InProgress | Self::Rejected | Self::Cancelled),
            Self::InProgress => {
                matches!(
                    to,
                    Self::Pending | Self::Held | Self::Resolved | Self::Cancelled
                )
            }
            Self::Pending => matches!(to, Self::InProgress | Self::Cancelled),
            Self::Held => to == Self::InProgress,
            Self::Resolved => matches!(to, Self::Closed | Self::InProgress),
            Self::Rejected | Self::Cancelled | Self::Closed => false,
        }
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled | Self::Closed)
    }

    /// Returns the word as errors name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Rejected => "REJECTED",
            Self::Pending => "PENDING",
            Self::Held => "HELD",
            Self::InProgress => "IN_PROGRESS",
            Self::Cancelled => "CANCELLED",
            Self::Resolved => "RESOLVED",
            Self::Closed => "CLOSED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State::*;
    use super::*;

    /// The lifecycle diagram of TMF621, arrow by arrow.
    const ARROWS: [(State, State); 12] = [
        (Acknowledged, InProgress),
        (Acknowledged, Rejected),
        (Acknowledged, Cancelled),
        (InProgress, Pending),
        (Pending, InProgress),
        (InProgress, Held),
        (Held, InProgress),
        (Pending, Cancelled),
        (InProgress, Resolved),
        (InProgress, Cancelled),
        (Resolved, Closed),
        (Resolved, InProgress),
    ];

    #[test]
    fn exactly_the_arrows_of_the_diagram_may_be_gone() {
        for from in State::ALL.iter().copied() {
            for to in State::ALL.iter().copied() {
                let drawn = ARROWS.contains(&(from, to));
                assert_eq!(from.may_become(to), drawn, "{from:?} to {to:?}");
            }
            let leads_nowhere = ARROWS.iter().all(|(start, _)| *start != from);
            assert_eq!(from.is_end(), leads_nowhere, "{from:?}");
        }
    }
}
