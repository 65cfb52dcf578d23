//! For how long each kind of fact is kept.

use tenure_core::{Span, Timestamp};

use super::words::numbered;

numbered! {
    /// What is kept for a time of its own.
    RetentionKind {
        /// Interactions, since they happened.
        Interaction = 1,
        /// Usage summaries, since their period began.
        Usage = 2,
        /// Settled bills, since they were settled.
        Bill = 3,
        /// Surveys, since they were answered.
        Survey = 4,
        /// Closed complaints with their steps, since they ended.
        Complaint = 5,
        /// Promises that are kept, broken or withdrawn, since they were due.
        Promise = 6,
        /// Consents that count no longer, since they expired or others took their place.
        Consent = 7,
        /// Records of who was shown what, since they were made.
        Access = 8,
        /// Customers who have left, since their last subscription ended: the whole record.
        Churned = 9,
        /// Claims of profiles, since they were observed.
        Profile = 10,
    }
}

impl RetentionKind {
    /// Returns the name, as in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            Self::Usage => "usage",
            Self::Bill => "bill",
            Self::Survey => "survey",
            Self::Complaint => "complaint",
            Self::Promise => "promise",
            Self::Consent => "consent",
            Self::Access => "access",
            Self::Churned => "churned",
            Self::Profile => "profile",
        }
    }

    /// Whether the feed told it, and the answers to writes did.
    #[must_use]
    pub fn is_told(self) -> bool {
        self != Self::Access
    }
}

/// Returns from when on facts are kept that are kept for some days; nothing where they are kept for
/// ever.
#[must_use]
pub fn kept_since(days: u32, now: Timestamp) -> Option<Timestamp> {
    (days > 0).then(|| now - Span::from_days(days.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_too_old_where_no_days_are_said() {
        let now = Timestamp::from_micros(86_400_000_000 * 40);

        assert_eq!(kept_since(0, now), None);
        assert_eq!(kept_since(40, now), Some(Timestamp::from_micros(0)));
    }
}
