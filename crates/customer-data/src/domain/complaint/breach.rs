//! Promised times that pass: of the step, and of the expected resolution. Each passing is noted once.

use tenure_core::Timestamp;

use super::Complaint;
use super::words::{BreachKind, Event};
use crate::domain::staff::StaffMember;

/// That a promised time passed unkept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which clock it was.
    pub kind: BreachKind,
    /// During which step.
    pub step_number: i32,
    /// Who had the ticket then.
    pub owner: StaffMember,
    /// The time that passed.
    pub promised_until: Timestamp,
    /// When it was noted.
    pub noted_at: Timestamp,
}

impl Complaint {
    /// Returns the next promised time that could pass and was not noted yet.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.next_clock().map(|(at, _)| at)
    }

    /// Notes the first promised time that has passed by now, and says whether there was one. To be
    /// asked until there is none, and before every change: the owner who is named is the one who
    /// had the ticket until that change.
    pub fn note_breach(&mut self, now: Timestamp) -> bool {
        let Some((promised_until, kind)) = self.next_clock().filter(|(at, _)| *at < now) else {
            return false;
        };
        let noted_at = self.instant(now);
        match kind {
            BreachKind::Step => self.step.breach_at = Some(noted_at),
            BreachKind::Resolution => self.expected_breach_at = Some(noted_at),
        }
        self.breach_count = self.breach_count.saturating_add(1);
        self.last_breach = Some(Breach {
            kind,
            step_number: self.step.number,
            owner: self.step.owner.clone(),
            promised_until,
            noted_at,
        });
        self.last_event = Event::Breached;
        self.updated_at = noted_at;
        true
    }

    fn next_clock(&self) -> Option<(Timestamp, BreachKind)> {
        if self.ended_at.is_some() {
            return None;
        }
        let step = match self.step.breach_at {
            None => self.step.promised_until,
            Some(_) => None,
        };
        let is_awaited = self.resolved_at.is_none() && self.expected_breach_at.is_none();
        let whole = is_awaited.then_some((self.expected_at, BreachKind::Resolution));
        let step = step.map(|at| (at, BreachKind::Step));
        step.into_iter().chain(whole).min()
    }
}
