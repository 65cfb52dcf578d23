//! Tickets and promises as a person at a touchpoint needs them: what was broken comes first.

use std::cmp::Reverse;

use tenure_core::{Span, Timestamp};

use crate::domain::promise::PromiseState;
use crate::domain::{Complaint, Promise};

/// For how long a promise that was broken is told.
pub const BROKEN_SPAN: Span = Span::from_days(180);

/// Puts tickets into the order in which a person needs them: those of which a promised time has passed
/// by now, the most severe of each, those that are promised for the earliest time. What has passed is
/// noted in them, as it is in the tables once somebody notes it there.
pub fn urgent(complaints: &mut [Complaint], now: Timestamp) {
    for complaint in complaints.iter_mut() {
        // There are two clocks, so this ends.
        while complaint.note_breach(now) {}
    }
    complaints.sort_by_key(|complaint| {
        (
            complaint.breach_count == 0,
            Reverse(complaint.severity),
            complaint.step.promised_until.unwrap_or(Timestamp::MAX),
            complaint.id.clone(),
        )
    });
}

/// What was promised and is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owed {
    /// Overdue, the longest first; broken lately, the latest first; still to be kept, the next first.
    pub promises: Vec<Promise>,
    /// How many are overdue.
    pub overdue: usize,
    /// How many were broken.
    pub broken: usize,
    /// How many are still to be kept.
    pub open: usize,
}

/// Returns what of these promises was not kept, in the order in which a person needs it. One whose time
/// has passed by now is overdue, also when nobody noted it.
#[must_use]
pub fn owed(mut promises: Vec<Promise>, now: Timestamp) -> Owed {
    let after = now - BROKEN_SPAN;
    for promise in &mut promises {
        promise.note_overdue(now);
    }
    promises.retain(|promise| {
        promise.state.is_unsettled()
            || promise.state == PromiseState::Broken && promise.settled_at >= Some(after)
    });
    promises.sort_by_key(|promise| {
        let due_at = promise.due_at.as_micros();
        let order = match promise.state {
            PromiseState::Overdue => (0, due_at),
            PromiseState::Broken => {
                let settled_at = promise.settled_at.unwrap_or(promise.updated_at);
                (1, -settled_at.as_micros())
            }
            _ => (2, due_at),
        };
        (order, promise.id.clone())
    });
    let count = |state: PromiseState| promises.iter().filter(|it| it.state == state).count();
    Owed {
        overdue: count(PromiseState::Overdue),
        broken: count(PromiseState::Broken),
        open: count(PromiseState::Open),
        promises,
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::{ComplaintId, CustomerId, DepartmentCode, PersonCode, PromiseId};

    use super::*;
    use crate::domain::StaffMember;
    use crate::domain::complaint::words::{Kind, Severity};
    use crate::domain::complaint::{Hand, NewComplaint, Terms};
    use crate::domain::words::Channel;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_micros(1_750_000_000_000_000) + Span::from_seconds(hour * 3_600)
    }

    fn desk() -> StaffMember {
        StaffMember {
            department: DepartmentCode::parse("desk").unwrap(),
            person: PersonCode::parse("p1").unwrap(),
        }
    }

    /// Taken in at hour 0; the owner promised to be done at an hour, the whole at hour 100.
    fn ticket(id: &str, severity: Severity, promised: i64) -> Complaint {
        let new = NewComplaint {
            id: ComplaintId::parse(id).unwrap(),
            customer: CustomerId::parse("ada").unwrap(),
            kind: Kind::Complaint,
            severity,
            subject: "BILLING".into(),
            description: String::new(),
            subscription: None,
            channel: Channel::Store,
            expected_at: Some(hour(100)),
        };
        let hand = Hand {
            owner: desk(),
            promised_until: Some(hour(promised)),
            reason: String::new(),
        };
        let terms = Terms {
            resolution: Span::from_days(5),
            step: Span::from_days(1),
        };
        Complaint::open(new, hand, terms, hour(0)).unwrap()
    }

    #[test]
    fn a_broken_time_comes_before_severity_and_that_before_the_next_time() {
        let mut tickets = [
            ticket("later", Severity::Major, 50),
            ticket("sooner", Severity::Major, 40),
            ticket("critical", Severity::Critical, 60),
            ticket("minor-late", Severity::Minor, 10),
            ticket("major-late", Severity::Major, 20),
        ];

        urgent(&mut tickets, hour(30));

        let ids: Vec<_> = tickets.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(
            ids,
            ["major-late", "minor-late", "critical", "sooner", "later"]
        );
        let counts: Vec<_> = tickets.iter().map(|it| it.breach_count).collect();
        assert_eq!(counts, [1, 1, 0, 0, 0]);
        urgent(&mut tickets, hour(101));
        assert!(
            tickets.iter().all(|it| it.breach_count == 2),
            "both clocks, each once"
        );
    }

    fn promise(id: &str, due: i64) -> Promise {
        Promise {
            id: PromiseId::parse(id).unwrap(),
            customer: CustomerId::parse("ada").unwrap(),
            complaint: None,
            promised_by: desk(),
            subject: "CALL_BACK".into(),
            text: String::new(),
            channel: Channel::Store,
            promised_at: hour(-10_000),
            due_at: hour(due),
            state: PromiseState::Open,
            settled_at: None,
            overdue_at: None,
            reason: String::new(),
            updated_at: hour(-10_000),
        }
    }

    #[test]
    fn what_is_overdue_comes_before_what_was_broken_and_what_is_kept_is_not_told() {
        let broken = |id: &str, at: i64| {
            let mut promise = promise(id, at + 5);
            promise.break_off("NO_STAFF".into(), hour(at)).unwrap();
            promise
        };
        let mut kept = promise("kept", -5);
        kept.keep(hour(-6), hour(-6)).unwrap();
        let promises = vec![
            promise("next", 1),
            promise("now", 0),
            broken("old", -200 * 24),
            broken("edge", -180 * 24),
            broken("recent", -3),
            promise("late", -1),
            promise("later", -9),
            kept,
        ];

        let owed = owed(promises, hour(0));

        let ids: Vec<_> = owed.promises.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["later", "late", "recent", "edge", "now", "next"]);
        assert_eq!((owed.overdue, owed.broken, owed.open), (2, 2, 2));
    }
}
